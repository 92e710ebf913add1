"""Sources that are not what they claim to be: they import nothing, leave nothing and touch nothing."""
import io
import json
import os
import tarfile

import archives
from archives import COMPRESSIONS, MEDIA, OciLayout, Tree, config, docker_archive, dump, plain_tar
from harness import EVERYBODY, RANGED, ROOT, E2E, fingerprint, main, store_content


class LeavesNothing(E2E):
    """Each source is tried on a store that holds an image already, beside a canary."""

    def setUp(self):
        self.b = self.box()
        self.b.image(archives.rootfs(), "there-before")
        self.canary = self.b.home + "/canary"
        os.makedirs(self.canary + "/in")
        with open(self.canary + "/in/file", "w", encoding="ascii") as file:
            file.write("untouched")
        os.symlink("in/file", self.canary + "/link")
        self.before = (store_content(self.b), self.b.json("images"), self.b.json("layers"),
                       fingerprint(self.canary))

    def check_nothing_came(self):
        self.b.ok("images")  # sweeps, as any command does
        self.assertEqual((store_content(self.b), self.b.json("images"), self.b.json("layers"),
                          fingerprint(self.canary)), self.before)

    def refuse(self, data, *flags, words=()):
        text = self.b.fails(1, "pull-tar", "-", *flags, input=data)
        for word in words:
            self.assertIn(word, text)
        self.check_nothing_came()
        return text


class Broken(LeavesNothing):
    def test_what_is_no_archive(self):
        for name, data in (("nothing", b""), ("one byte", b"x"), ("text", b"hello\n" * 1000),
                           ("noise", bytes(range(256)) * 100),
                           ("gzip of nothing", COMPRESSIONS["gzip"](b"")),
                           ("gzip of text", COMPRESSIONS["gzip"](b"hello"))):
            with self.subTest(name):
                self.refuse(data)

    def test_truncated_at_many_places(self):
        plain = archives.rootfs()
        for name, compress in COMPRESSIONS.items():
            whole = compress(plain)
            for part in (0.001, 0.1, 0.5, 0.9, 0.999):
                if name == "none" and part == 0.999:
                    continue  # the zeros after the end mark are padding
                with self.subTest(compression=name, part=part):
                    self.refuse(whole[:int(len(whole) * part)], "--type", "rootfs")

    def test_a_rootfs_cut_between_two_entries(self):
        whole = Tree().dir("etc").file("etc/a", "a" * 512).file("etc/b", "b" * 512).bytes()
        self.refuse(whole[:3 * 512], words=["end-of-archive"])
        whole = whole[:5 * 512] + bytes(1024)  # put right as the hint says
        self.assertIn("<none>", self.b.ok("pull-tar", "-", input=whole))

    def test_image_archives_without_their_manifest_are_no_rootfs(self):
        layers = [archives.rootfs()]
        for style in ("digest", "id"):
            data = docker_archive([(config(layers), layers, ["x:1"])], style=style)
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                end = tar.getmember("manifest.json").offset
            for name, compress in COMPRESSIONS.items():
                with self.subTest(style=style, compression=name):
                    self.refuse(compress(data[:end]), words=["manifest.json"])
                    self.refuse(compress(data[:end] + bytes(1024)), words=["manifest.json"])

    def test_a_broken_manifest_after_other_members(self):
        layer = archives.rootfs()
        raw = dump(config([layer]))
        for manifest in (b"this is not json", dump([{"Config": "c.json", "Layers": ["l0.tar"]}])):
            for name, compress in COMPRESSIONS.items():
                with self.subTest(manifest=manifest, compression=name):
                    self.refuse(compress(plain_tar([("l0.tar", layer), ("manifest.json", manifest)])))
        self.b.ok("pull-tar", "-", "--name", "ok", input=plain_tar([("l0.tar", layer), ("manifest.json", manifest),
                                                                    ("c.json", raw)]))

    def test_truncated_by_its_last_byte(self):
        plain = archives.rootfs()
        for name, compress in COMPRESSIONS.items():
            if name == "none":
                continue  # the zeros after the end mark are padding
            with self.subTest(name):
                self.refuse(compress(plain)[:-1])

    def test_garbage_after_the_end(self):
        plain = archives.rootfs()
        for name, compress in COMPRESSIONS.items():
            with self.subTest(name):
                self.refuse(compress(plain) + b"garbage after the end" * 50)

    def test_a_flipped_bit_in_a_compressed_stream(self):
        plain = archives.rootfs()
        for name, compress in COMPRESSIONS.items():
            if name in ("none", "lz4"):
                continue  # no checksum over every bit of these
            with self.subTest(name):
                data = bytearray(compress(plain))
                data[len(data) // 2] ^= 0x10
                self.refuse(bytes(data))

    def test_compressed_twice_is_refused(self):
        gzip = COMPRESSIONS["gzip"]
        self.refuse(gzip(gzip(gzip(archives.rootfs()))))


class Lying(LeavesNothing):
    def layers(self):
        return [Tree().file("a", "a").bytes(), Tree().file("b", "b").bytes()]

    def test_docker_layer_with_another_diff_id(self):
        layers = self.layers()
        document = config(layers)
        changed = [layers[0], Tree().file("b", "B").bytes()]
        self.refuse(docker_archive([(document, changed, ["x:1"])]), words=[archives.digest(layers[1])[7:19]])

    def test_docker_layer_missing(self):
        layers = self.layers()
        whole = docker_archive([(config(layers), layers, ["x:1"])])
        members = [(m.name, data) for m, data in self.members(whole) if not m.name.startswith(
            archives.digest(layers[0])[7:])]
        self.refuse(plain_tar(members))

    def members(self, data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [(m, tar.extractfile(m).read()) for m in tar if m.isfile()]

    def test_more_or_fewer_layers_than_diff_ids(self):
        layers = self.layers()
        for given in (layers[:1], layers + [Tree().file("c", "c").bytes()]):
            with self.subTest(len(given)):
                self.refuse(docker_archive([(config(layers), given, ["x:1"])]))

    def test_manifests_that_are_not_json(self):
        for text in (b"", b"[", b"{}", b"[{}]", b'[{"Config":1}]', b"[" * 100_000, b"null", b"\xff\xfe",
                     b'[{"Config":"../x","Layers":[]}]', b'[{"Config":"/etc/passwd","RepoTags":null,"Layers":[]}]'):
            with self.subTest(text[:40]):
                self.refuse(plain_tar([("manifest.json", text), ("x.json", b"{}")]), "--type", "docker-archive")

    def oci(self, change):
        """A sound layout with one thing changed."""
        layers = self.layers()
        layout = OciLayout()
        entry = layout.manifest(config(layers), layers, COMPRESSIONS["gzip"], "+gzip")
        layout.add(entry, "v1")
        change(layout, json.loads(layout.blobs[entry["digest"]]))
        return layout

    def both_forms(self, layout):
        self.refuse(layout.tar())
        import shutil
        directory = self.b.home + "/layout"
        shutil.rmtree(directory, ignore_errors=True)
        self.b.fails(1, "pull-tar", layout.write(directory))
        self.check_nothing_came()

    def test_oci_blobs_that_are_not_their_digest(self):
        for which in ("layer", "config", "manifest"):
            with self.subTest(which):
                def change(layout, manifest, which=which):
                    name = {"layer": manifest["layers"][1]["digest"], "config": manifest["config"]["digest"],
                            "manifest": layout.entries[0]["digest"]}[which]
                    data = layout.blobs[name]
                    layout.blobs[name] = data[:-1] + bytes([data[-1] ^ 1])
                self.both_forms(self.oci(change))

    def test_oci_blobs_that_are_missing(self):
        for which in ("layer", "config", "manifest"):
            with self.subTest(which):
                def change(layout, manifest, which=which):
                    del layout.blobs[{"layer": manifest["layers"][0]["digest"],
                                      "config": manifest["config"]["digest"],
                                      "manifest": layout.entries[0]["digest"]}[which]]
                self.both_forms(self.oci(change))

    def test_oci_sizes_that_lie(self):
        for delta in (-1, 1):
            with self.subTest(delta):
                def change(layout, _, delta=delta):
                    layout.entries[0]["size"] += delta
                self.both_forms(self.oci(change))

    def test_oci_digests_that_are_paths(self):
        def change(layout, _):
            layout.entries[0]["digest"] = "sha256:../../../../../../etc/passwd"
        self.both_forms(self.oci(change))

    def test_oci_blobs_that_are_symlinks_out_of_the_layout(self):
        layers = self.layers()
        layout = OciLayout()
        entry = layout.manifest(config(layers), layers)
        layout.add(entry, "v1")
        directory = layout.write(self.b.home + "/linked")
        name = archives.digest(layers[0])[7:]
        outside = self.b.write("outside", layers[0])
        os.remove(f"{directory}/blobs/sha256/{name}")
        os.symlink(outside, f"{directory}/blobs/sha256/{name}")
        self.b.fails(1, "pull-tar", directory)
        self.check_nothing_came()


class Hostile(LeavesNothing):
    def test_entries_that_are_refused_by_name(self):
        up = "../" * 12 + self.canary.lstrip("/")
        bad = {
            "dotdot": Tree().file("../escaped", "x"),
            "dotdot inside": Tree().dir("a").file("a/../../escaped", "x"),
            "dotdot to the canary": Tree().file(up + "/in/file", "x"),
            "dotdot alone": Tree().dir(".."),
            "dotdot directory": Tree().dir("a/.."),
            "hard link out": Tree().hardlink("x", up + "/in/file"),
            "hard link to an absolute name that is not in the tree": Tree().hardlink("x", self.canary + "/in/file"),
            "hard link to nothing": Tree().hardlink("x", "missing"),
            "hard link to itself": Tree().hardlink("x", "x"),
            "hard link through a symlink": Tree().symlink("s", self.canary).hardlink("x", "s/in/file"),
            "file through a symlink to the canary": Tree().symlink("s", self.canary).file("s/in/file", "x"),
            "file through a symlink up": Tree().symlink("s", "../../../../../..").file("s/escaped-e2e", "x"),
            "whiteout of nothing named": Tree().dir("d").file("d/.wh."),
            "whiteout of dot": Tree().file(".wh.."),
            "whiteout of dotdot": Tree().file(".wh..."),
            "character device 0:0": Tree().add("w", tarfile.CHRTYPE, major=0, minor=0),
            "uid that does not fit": Tree().file("x", "x", pax={"uid": "4294967295"}),
            "gid that does not fit": Tree().file("x", "x", pax={"gid": "4294967296"}),
            "negative uid": Tree().file("x", "x", pax={"uid": "-1"}),
            "component of 256 bytes": Tree().file("n" * 256, "x"),
            "path of 5000 bytes": Tree().file("d/" * 2500 + "x", "x"),
        }
        for name, tree in bad.items():
            with self.subTest(name):
                self.refuse(tree.bytes(), "--type", "rootfs")
        for gone in ("/escaped", "/escaped-e2e", self.b.home + "/escaped", self.b.store + "/escaped"):
            self.assertFalse(os.path.lexists(gone), gone)

    def test_a_later_layer_cannot_follow_a_symlink_of_an_earlier_one(self):
        layers = [Tree().symlink("s", self.canary).bytes(), Tree().file("s/in/file", "overwritten").bytes()]
        result = self.b.run("pull-tar", "-", input=docker_archive([(config(layers), layers, ["x:1"])]))
        self.assertIn(result.status, (0, 1), result.errors)
        self.assertEqual(fingerprint(self.canary), self.before[3])

    def test_sockets_and_unknown_types(self):
        data = bytearray(Tree().file("x", "").bytes())
        data[156] = ord("s")
        header = bytes(data[:148]) + b" " * 8 + bytes(data[156:512])
        data[148:156] = b"%06o\0 " % sum(header)
        result = self.b.run("pull-tar", "-", "--type", "rootfs", input=bytes(data))
        self.assertIn(result.status, (0, 1), result.errors)  # POSIX: an unknown type is a regular file
        self.assertEqual(fingerprint(self.canary), self.before[3])

    def test_a_sparse_file_beyond_the_limit(self):
        pax = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "huge",
               "GNU.sparse.realsize": str(2 ** 62)}
        self.refuse(Tree().file("GNUSparseFile.0/huge", b"0\n" + bytes(510), pax=pax).bytes(), "--type", "rootfs")

    def test_a_bomb_is_stopped_by_its_ratio(self):
        bomb = Tree().file("zeros", bytes(200 << 20)).bytes()
        text = self.refuse(COMPRESSIONS["bzip2"](bomb), "--type", "rootfs", "--max-ratio", "100")
        self.assertIn("--max-ratio", text)

    def test_each_limit_has_a_flag_that_is_named(self):
        many = Tree()
        for i in range(50):
            many.file(f"f{i}", "x")
        cases = {
            "--max-entries": (many, "10"),
            "--max-bytes": (Tree().file("big", bytes(100_000)), "50000"),
            "--max-depth": (Tree().file("/".join("d" * 20), "x"), "5"),
            "--max-xattr-bytes": (Tree().file("x", "x", pax={"SCHILY.xattr.user.k": "v" * 500}), "100"),
            "--max-xattrs": (Tree().file("x", "x", pax={f"SCHILY.xattr.user.k{i}": "v" for i in range(9)}), "5"),
        }
        for flag, (tree, value) in cases.items():
            with self.subTest(flag):
                text = self.refuse(tree.bytes(), "--type", "rootfs", flag, value)
                self.assertIn(flag, text)
                box = self.box()
                box.ok("pull-tar", "-", "--type", "rootfs", input=tree.bytes())

    def test_overlays_own_attributes_are_dropped_with_one_warning(self):
        evil = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.overlay.opaque": "y"}
        tree = Tree().dir("d", pax=evil).file("d/x", "x", pax=evil)
        box = self.box()
        result = box.run("pull-tar", "-", "--type", "rootfs", input=tree.bytes())
        self.assertEqual(result.status, 0, result.errors)
        self.assertEqual(result.errors.count("warning"), 1, result.errors)
        for directory, directories, files in os.walk(box.store + "/layers"):
            for name in directories + files:
                attributes = os.listxattr(os.path.join(directory, name), follow_symlinks=False)
                self.assertNotIn("trusted.overlay.redirect", attributes)
                self.assertNotIn("user.overlay.opaque", attributes)


class OfOrdinaryUsers(E2E):
    def test_broken_archives_leave_nothing_for_them_either(self):
        for user in EVERYBODY[1:]:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "there-before")
                before = store_content(box)
                whole = COMPRESSIONS["gzip"](archives.rootfs(lambda t: t.file("more", "more")))
                box.fails(1, "pull-tar", "-", input=whole[:-100])
                box.ok("images")
                self.assertEqual(store_content(box), before)


if __name__ == "__main__":
    main()
