"""Archives that come out of the store: export, save."""
import io
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import tarfile

import archives
import harness
from harness import EVERYBODY, ROOT, SINGLE, E2E, libc, main, skip, store_content

BACKENDS = ("overlay", "copy")


def entries(data):
    """Everything that a tar says of its entries, by name."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for one in tar:
            name = os.path.normpath(one.name)
            content = tar.extractfile(one).read() if one.isreg() else one.linkname
            xattrs = {key: value for key, value in one.pax_headers.items() if key.startswith("SCHILY.xattr.")}
            found[name] = (one.type, one.mode, one.uid, one.gid, one.mtime, content, one.devmajor, one.devminor, xattrs)
    return found


def odd(tree):
    """What a tar must be able to say."""
    tree.dir("odd", mode=0o3755, mtime=5).file("odd/setuid", "x", mode=0o4755)
    tree.hardlink("odd/twin", "odd/setuid", mode=0o4755)
    tree.file("odd/time", "x", mtime=1_600_000_000.5).add("odd/fifo", tarfile.FIFOTYPE, mode=0o600)
    tree.dir("real").symlink("way", "real").file("way/of-somebody", "x", uid=70000, gid=5)
    tree.add("odd/null", tarfile.CHRTYPE, major=1, minor=3, mode=0o666, uid=5)
    tree.file("odd/" + "n" * 250, "long").file("odd/noted", "x", pax={"SCHILY.xattr.user.note": "noted"})


def private_tmpfs(test, path, size):
    """A small file system in the test's own mount namespace."""
    if libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, f"size={size}".encode()) != 0:
        test.fail(f"mounting a tmpfs on {path}")
    test.addCleanup(libc.umount2, path.encode(), 2)


class Export(E2E):
    def test_an_image_comes_out_as_it_came_in(self):
        tar = archives.rootfs(odd)
        for box in self.each_with_image(tar):
            out = box.run("export", "demo").out
            # The tar says nothing of its own top.
            got, expected = entries(out), entries(tar)
            expected["real/of-somebody"] = expected.pop("way/of-somebody")
            self.assertEqual(got.pop(".")[:5], (tarfile.DIRTYPE, 0o755, 0, 0, 0))
            self.assertEqual(sorted(got), sorted(expected))
            for name in expected:
                self.assertEqual(got[name], expected[name], name)

    def test_the_same_files_give_the_same_bytes(self):
        for box in self.each_with_image(archives.rootfs(odd)):
            first = box.run("export", "demo").out
            self.assertEqual(box.run("export", "demo").out, first)
            path = os.path.join(box.home, "out.tar")
            self.assertEqual(box.ok("export", "-o", path, "demo"), "")
            with open(path, "rb") as file:
                self.assertEqual(file.read(), first)
            # What came out goes in, and comes out again.
            box.ok("pull-tar", path, "--name", "again")
            self.assertEqual(box.run("export", "again").out, first)

    def test_layers_are_merged(self):
        base = archives.rootfs()
        top = archives.Tree().file("etc/.wh.group").file("etc/new", "x").dir("home").file("home/.wh..wh..opq").bytes()
        data = archives.docker_archive([(archives.config([base, top]), [base, top], ["two:1"])])
        box = self.box()
        box.ok("pull-tar", "-", input=data)
        got = entries(box.run("export", "two:1").out)
        self.assertEqual(set(entries(base)) - set(got), {"etc/group", "home/alice", "home/alice/mine"})
        self.assertEqual(set(got) - set(entries(base)), {"etc/new", "."})

    def test_a_container_comes_out_as_it_sees_itself(self):
        for box in self.each_with_image(archives.rootfs()):
            for backend in BACKENDS:
                box.ok("run", "--backend", backend, "--name", backend, "-v", "vol:/v", "demo", "sh", "-c",
                       "echo new > /new; rm /etc/group; echo more >> /etc/passwd; echo in > /v/in")
                got = entries(box.run("export", backend).out)
                self.assertEqual(set(got) ^ set(entries(archives.rootfs())), {".", "new", "etc/group"})
                self.assertEqual(got["new"][5], b"new\n")
                self.assertTrue(got["etc/passwd"][5].endswith(b"more\n"))


def two_images():
    """A docker-archive of two images that share their first layer, with everything odd in the second."""
    base, top = archives.rootfs(), archives.Tree().file("etc/.wh.group").file("etc/new", "x").dir("srv", uid=1000, gid=50)
    odd(top)
    top = top.add("srv/null", tarfile.CHRTYPE, major=1, minor=3, mode=0o666).file("srv/a", "x" * 100_000, uid=33).bytes()
    one = (archives.config([base], Cmd=["sh"]), [base], ["one:1", "registry.example:5000/a/one:2"])
    two = (archives.config([base, top, base], Env=["A=B"]), [base, top, base], None)
    return archives.docker_archive([one, two])


class Save(E2E):
    VARIANTS = [("docker-archive", "none"), ("docker-archive", "gzip"), ("docker-archive", "zstd"),
                ("oci", "gzip"), ("oci", "zstd"), ("oci", "none")]

    def facts(self, box):
        """What must be the same on the other side."""
        images = sorted(box.json("images"), key=lambda image: image["id"])
        return [(image["id"], image["names"], [layer["diff_id"] for layer in box.json("inspect", image["id"])[0]["layers"]])
                for image in images]

    def test_images_keep_ids_names_and_layers(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.ok("pull-tar", "-", input=two_images())
            before = self.facts(box)
            nameless, = [identity for identity, names, _ in before if not names]
            sizes = set()
            for kind, compression in self.VARIANTS:
                with self.subTest(user=user.name, kind=kind, compression=compression):
                    words = ("save", "--type", kind, "--compress", compression, "one:1", nameless,
                             "registry.example:5000/a/one:2")
                    path = os.path.join(box.home, "x.tar")
                    self.assertEqual(box.ok(*words, "-o", path), "")
                    with open(path, "rb") as file:
                        data = file.read()
                    self.assertEqual(box.run(*words).out, data, "the same images give the same archive")
                    sizes.add(len(data))
                    # Everybody gives root the image as it was, whatever his own file system could hold.
                    other = self.box()
                    other.ok("pull-tar", path)
                    self.assertEqual(self.facts(other), before)
            self.assertEqual(len(sizes), len(self.VARIANTS))

    def test_what_root_gets_of_an_ordinary_users_image_is_exact(self):
        box, root = self.box(SINGLE), self.box()
        box.ok("pull-tar", "-", input=two_images())
        root.ok("pull-tar", "-", input=box.run("save", "one:1").out)
        self.assertEqual(root.run("export", "one:1").out, self.exported(archives.rootfs()))

    def exported(self, tar):
        box = self.box()
        box.image(tar)
        return box.run("export", "demo").out

    def test_a_name_goes_along_when_it_was_said(self):
        box = self.box()
        identity = box.image(archives.rootfs(), "demo")
        for reference, tags in ((identity, None), (identity[7:20], None), ("demo", ["demo:latest"])):
            with tarfile.open(fileobj=io.BytesIO(box.run("save", reference).out)) as tar:
                manifest = json.load(tar.extractfile("manifest.json"))
            self.assertEqual([one["RepoTags"] for one in manifest], [tags])
        with tarfile.open(fileobj=io.BytesIO(box.run("save", "--type", "oci", identity).out)) as tar:
            self.assertNotIn("annotations", json.load(tar.extractfile("index.json"))["manifests"][0])

    def test_skopeo_and_umoci_read_them(self):
        for tool in ("skopeo", "umoci"):
            if shutil.which(tool) is None:
                skip(self, tool, "it is not installed")
        box = self.box()
        box.ok("pull-tar", "-", input=two_images())
        identity, = [image["id"] for image in box.json("images") if "one:1" in image["names"]]
        for kind, transport in (("docker-archive", "docker-archive"), ("oci", "oci-archive")):
            path = os.path.join(box.home, kind)
            box.ok("save", "--type", kind, "-o", path, "one:1")
            layout = os.path.join(box.home, "layout-" + kind)
            subprocess.run(["skopeo", "copy", "--quiet", "--insecure-policy", f"{transport}:{path}:one:1", f"oci:{layout}:one"],
                           check=True, capture_output=True)
            with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
                manifest = json.load(file)["manifests"][0]["digest"]
            with open(os.path.join(layout, "blobs/sha256", manifest[7:]), encoding="utf-8") as file:
                config = json.load(file)["config"]["digest"]
            if kind == "oci":
                self.assertEqual(config, identity)
            bundle = os.path.join(box.home, "bundle-" + kind)
            subprocess.run(["umoci", "unpack", "--image", layout + ":one", bundle], check=True, capture_output=True)
            self.assertTrue(os.path.exists(bundle + "/rootfs/bin/busybox"))

    def test_a_damaged_layer_is_an_error_and_no_archive(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        tree = box.json("inspect", "demo")[0]["layers"][0]["tree"]
        with open(tree + "/etc/group", "r+b") as file:
            file.write(b"X")
        path = os.path.join(box.home, "x.tar")
        for words in ((), ("--type", "oci")):
            self.assertIn("etc/group", box.fails(1, "save", *words, "-o", path, "demo"))
            self.assertFalse(os.path.exists(path))
        self.assertEqual([name for name in store_content(box) if name.startswith(("staging", "trash"))], [])

    def test_refuses(self):
        box = self.box()
        box.fails(2, "save")
        box.fails(2, "save", "--type", "squashfs", "demo")
        box.fails(2, "save", "--compress", "xz", "demo")
        self.assertIn("demo", box.fails(1, "save", "demo"))


class Output(E2E):
    def box_with_image(self, user=ROOT):
        box = self.box(user)
        box.image(archives.rootfs(), "demo")
        return box

    def test_a_terminal_gets_no_archive(self):
        box = self.box_with_image()
        ours, theirs = pty.openpty()
        result = box.run("export", "demo", stdout=theirs)
        os.close(theirs)
        os.close(ours)
        self.assertEqual(result.status, 2)
        self.assertIn("hint: give -o FILE", result.errors)

    def test_a_file_is_there_when_it_is_whole(self):
        for user in EVERYBODY:
            box = self.box_with_image(user)
            out = os.path.join(box.home, "out")
            os.mkdir(out)
            os.chown(out, user.uid, user.uid)
            path = os.path.join(out, "x.tar")
            box.ok("export", "-o", path, "demo")
            os.symlink("x.tar", os.path.join(out, "link"))
            before = os.stat(path).st_ino
            box.ok("export", "-o", "out/link", "demo")
            self.assertNotEqual(os.stat(path).st_ino, before)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
            self.assertEqual(os.stat(path).st_uid, user.uid)
            self.assertEqual(sorted(os.listdir(out)), ["link", "x.tar"])

    def test_what_fails_or_is_killed_leaves_what_was_there(self):
        for user in EVERYBODY:
            box = self.box_with_image(user)
            path = box.write("x.tar", b"mine")
            names = sorted(os.listdir(box.home))
            box.fails(1, "export", "-o", path, "no-such-image")
            box.fails(1, "export", "-o", "/nowhere/x.tar", "demo")
            box.fails(1, "export", "-o", box.home, "demo")
            killed = box.run("export", "-o", path, "demo", preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
            self.assertIn(killed.status, (-signal.SIGXFSZ, 128 + signal.SIGXFSZ))
            self.assertEqual(sorted(os.listdir(box.home)), names)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"mine")
            box.ok("images")
            self.assertEqual([name for name in store_content(box) if name.startswith(("staging", "trash"))], [])

    def test_a_full_disk_is_an_error(self):
        box = self.box_with_image()
        small = os.path.join(box.home, "small")
        os.mkdir(small)
        private_tmpfs(self, small, "256k")
        self.assertIn("No space left on device", box.fails(1, "export", "-o", small + "/x.tar", "demo"))
        self.assertEqual(os.listdir(small), [])
        self.assertIn("No space left on device", box.fails(1, "export", "-o", "/dev/full", "demo"))

    def test_a_reader_that_goes_away_leaves_nothing(self):
        box = self.box_with_image()
        before = store_content(box)
        process = box.start("export", "demo")
        process.stdout.read(10)
        process.kill()
        process.communicate()
        box.ok("images")
        self.assertEqual(store_content(box), before)
        piped = subprocess.run(["sh", "-c", f"exec 3>&1; ('{harness.place.program}' export demo; echo $? >&3) | head -c 1 >/dev/null"],
                               env=box.environment(), capture_output=True, check=False)
        self.assertEqual(piped.stdout.strip(), str(128 + signal.SIGPIPE).encode())


if __name__ == "__main__":
    main()
