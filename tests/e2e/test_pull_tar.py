"""pull-tar of every kind of source, in every compression; what it prints; that it repeats for nothing."""
import glob
import json
import os
import shutil
import subprocess

import archives
from archives import COMPRESSIONS, OciLayout, Tree, config, docker_archive
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, skip, store_content
from hostile_archives import END, file, folder


def two_layers():
    return [archives.rootfs(), Tree().dir("opt").file("opt/second", "2").file("etc/.wh.os-release").bytes()]


class Rootfs(E2E):
    def test_every_compression_gives_the_same_image(self):
        box = self.box()
        plain = archives.rootfs()
        ids = set()
        for name, compress in COMPRESSIONS.items():
            with self.subTest(name):
                path = box.write("misleading-name.zip", compress(plain))
                line = box.ok("pull-tar", path, "--name", "small")
                self.assertTrue(line.endswith("\tsmall:latest\n"), line)
                layer = box.json("inspect", "small")[0]
                self.assertIn(archives.digest(plain), json.dumps(layer))
                ids.add(archives.digest(plain))
        self.assertEqual([layer["diff_id"] for layer in box.json("layers")], list(ids))

    def test_standard_input_compressed_and_plain(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "plain")
                box.image(COMPRESSIONS["gzip"](archives.rootfs()), "packed")
                self.assertEqual(len(box.json("layers")), 1)

    def test_without_a_name_the_image_has_none(self):
        box = self.box()
        line = box.ok("pull-tar", "-", input=archives.rootfs())
        self.assertRegex(line, r"\Asha256:[0-9a-f]{64}\t<none>(:<none>)?\n\Z")
        self.assertEqual(box.json("images")[0]["names"], [])

    def test_several_names(self):
        box = self.box()
        box.ok("pull-tar", "-", "--name", "a:1", "--name", "b/c:2", input=archives.rootfs())
        self.assertEqual(box.json("images")[0]["names"], ["a:1", "b/c:2"])

    def test_metadata_flags_make_the_config(self):
        box = self.box()
        box.image(archives.rootfs(), "demo", "--entrypoint", '["/bin/echo", "one"]', "--cmd", '["two"]',
                  "--env", "K=V", "--env", "L=", "--workdir", "/tmp", "--user", "alice", "--label", "a=b")
        text = json.dumps(box.json("inspect", "demo"))
        for word in ("/bin/echo", "K=V", "/tmp", "alice"):
            self.assertIn(word, text)
        self.assertEqual(box.ok("run", "demo"), "one two\n")
        self.assertEqual(box.ok("run", "demo", "three"), "one three\n")
        self.assertEqual(box.ok("run", "--entrypoint", "/bin/sh", "demo", "-c", "pwd; id -un; echo $K$L"),
                         "/tmp\nalice\nV\n")

    def test_metadata_flags_are_refused_for_images_that_bring_a_config(self):
        box = self.box()
        layers = two_layers()
        path = box.write("docker.tar", docker_archive([(config(layers), layers, ["x:1"])]))
        box.fails(1, "pull-tar", path, "--cmd", "true")
        self.assertEqual(box.json("images"), [])

    def test_a_rootfs_of_very_many_members_that_begins_like_an_image(self):
        """As `docker export` writes it: .dockerenv comes first."""
        box = self.box()
        data = file(b".dockerenv", b"") + folder(b"d") * 100_000 + file(b"last") + END
        for given in (data, COMPRESSIONS["gzip"](data)):
            box.image(given, "many")
            self.assertEqual([layer["entries"] for layer in box.json("layers")], [100_002])
            box.ok("rmi", "many")

    def test_files_below_a_directory_that_nobody_may_enter(self):
        """Its mode is that of the layer below, which its owner cannot look into without being root."""
        layers = [archives.rootfs(lambda tree: tree.dir("shut", mode=0, mtime=7).dir("shut/in", mode=0)),
                  Tree().file("shut/in/file", "here").file("shut/own/in/file", "here").bytes(),
                  Tree().dir("shut/in", mode=0o1).file("shut/in/new/file", "here").bytes()]
        for user in EVERYBODY:
            box = self.box(user)
            box.image(docker_archive([(config(layers), layers, [])]), "demo")
            shown = box.ok("run", "demo", "sh", "-c", "stat -c '%a %Y' /shut; stat -c %a /shut/in /shut/own /shut/in/new; cat /shut/in/file /shut/own/in/file /shut/in/new/file")
            self.assertEqual(shown.split(), ["0", "7", "1", "755", "755", "hereherehere"], user.name)
            box.ok("fsck")

    def test_an_acl_that_names_a_user_who_is_not_there_is_left_out_with_a_warning(self):
        acl = {"SCHILY.acl.access": "user::rw-,user:7:r--,group::r--,mask::r--,other::---"}
        tar = archives.Tree().file("a", b"text", pax=acl).bytes()
        for user, held in ((ROOT, True), (RANGED, True), (SINGLE, False)):
            with self.subTest(user.name):
                result = self.box(user).run("pull-tar", "-", "--name", "x", input=tar)
                self.assertEqual(result.status, 0, result.errors)
                self.assertEqual("1 extended attribute left out" in result.errors, not held, result.errors)

    def test_leading_dots_and_slashes_are_stripped(self):
        box = self.box()
        tree = Tree().dir("./").dir("./a").file("./a/x", "x").file("/b/y", "y").file("bin", "")
        box.ok("pull-tar", "-", "--name", "odd", "--type", "rootfs", input=tree.bytes())

    def test_an_archive_again_is_a_no_op_that_says_so(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                path = box.write("rootfs.tar", archives.rootfs())
                first = box.ok("pull-tar", path, "--name", "demo")
                before = store_content(box)
                result = box.run("pull-tar", path, "--name", "demo")
                self.assertEqual((result.status, result.text), (0, first))
                self.assertIn("already", result.errors)
                self.assertEqual(store_content(box), before)
                self.assertEqual(len(box.json("images")), 1)

    def test_an_image_with_a_lost_layer_is_healed(self):
        layers = two_layers()
        for data in (archives.rootfs(), docker_archive([(config(layers), layers, ["demo:latest"])])):
            box = self.box()
            path = box.write("source.tar", data)
            box.image(data)
            lost = glob.glob(box.home + "/store/layers/sha256/*") or self.fail("no layer")
            shutil.rmtree(lost[0])
            self.assertIn("pull-tar", box.fails(125, "run", "demo", "true"))
            self.assertNotIn("already", box.run("pull-tar", path, "--name", "demo").errors)
            self.assertEqual(box.ok("run", "demo", "echo", "whole"), "whole\n")
            self.assertIn("already", box.run("pull-tar", path, "--name", "demo").errors)
            self.assertEqual(len(box.json("images")), 1)

    def test_a_rootfs_with_a_file_at_the_top_is_a_rootfs(self):
        for name, compress in COMPRESSIONS.items():
            with self.subTest(name):
                box = self.box()
                tree = Tree().file("config.json", "{}").file("x.tar", "").dir("etc").file("etc/a", "a")
                box.ok("pull-tar", "-", "--name", "odd", input=compress(tree.bytes()))
                self.assertEqual(box.json("layers")[0]["entries"], 4)

    def test_an_image_without_a_name_says_how_to_give_it_one(self):
        box = self.box()
        result = box.run("pull-tar", "-", input=archives.rootfs())
        self.assertEqual(result.status, 0)
        self.assertIn("layerbox tag", result.errors)

    def test_quiet_prints_only_the_result(self):
        box = self.box()
        result = box.run("--quiet", "pull-tar", "-", "--name", "demo", input=archives.rootfs())
        self.assertEqual((result.status, result.errors), (0, ""))

    def test_no_bars_when_standard_error_is_no_terminal(self):
        box = self.box()
        result = box.run("pull-tar", "-", "--name", "demo", input=archives.rootfs())
        self.assertNotIn("\r", result.errors)
        self.assertNotIn("\x1b", result.errors)


class Docker(E2E):
    def check(self, box, data, names=("x:1",)):
        path = box.write("docker.tar", data)
        lines = box.ok("pull-tar", path).splitlines()
        self.assertEqual([line.split("\t")[1] for line in lines], list(names))
        return lines

    def test_every_style_and_order(self):
        for style in ("digest", "id", "symlink"):
            for first in (True, False):
                with self.subTest(style=style, manifest_first=first):
                    box = self.box()
                    layers = two_layers()
                    document = config(layers, Cmd=["cat", "/opt/second"])
                    self.check(box, docker_archive([(document, layers, ["x:1"])], first, style))
                    self.assertEqual(box.json("images")[0]["id"], archives.digest(archives.dump(document)))
                    self.assertEqual(box.ok("run", "x:1"), "2")
                    self.assertEqual(box.run("run", "x:1", "test", "-e", "/etc/os-release").status, 1)

    def test_compressed_inside_and_outside(self):
        for inside in ("none", "gzip"):
            for outside in ("none", "gzip", "zstd", "xz"):
                with self.subTest(inside=inside, outside=outside):
                    box = self.box()
                    layers = two_layers()
                    data = docker_archive([(config(layers), layers, ["x:1"])], compress=COMPRESSIONS[inside])
                    self.check(box, COMPRESSIONS[outside](data))
                    self.assertEqual([l["diff_id"] for l in sorted(box.json("layers"), key=lambda l: l["diff_id"])],
                                     sorted(archives.digest(l) for l in layers))

    def test_from_standard_input(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                layers = two_layers()
                data = docker_archive([(config(layers), layers, ["x:1"])])
                self.assertIn("\tx:1\n", box.ok("pull-tar", "-", input=data))
                self.assertEqual(box.ok("run", "x:1", "cat", "/opt/second"), "2")

    def several(self):
        base, one, two = archives.rootfs(), Tree().file("which", "1").bytes(), Tree().file("which", "2").bytes()
        return docker_archive([(config([base, one]), [base, one], ["one:1", "uno:1"]),
                               (config([base, two]), [base, two], ["two:2"])], style="symlink")

    def test_several_images_share_their_layers(self):
        box = self.box()
        path = box.write("docker.tar", self.several())
        box.ok("pull-tar", path)
        self.assertEqual(len(box.json("images")), 2)
        self.assertEqual(len(box.json("layers")), 3)
        for name, which in (("one:1", "1"), ("uno:1", "1"), ("two:2", "2")):
            self.assertEqual(box.ok("run", name, "cat", "/which"), which)

    def test_select_takes_one_of_several(self):
        box = self.box()
        path = box.write("docker.tar", self.several())
        box.ok("pull-tar", path, "--select", "two:2")
        self.assertEqual([image["names"] for image in box.json("images")], [["two:2"]])
        box.fails(1, "pull-tar", path, "--select", "three:3")

    def test_one_name_for_several_images_is_refused(self):
        box = self.box()
        path = box.write("docker.tar", self.several())
        box.fails(1, "pull-tar", path, "--name", "mine")
        self.assertEqual(box.json("images"), [])

    def test_null_repo_tags(self):
        box = self.box()
        layers = two_layers()
        path = box.write("docker.tar", docker_archive([(config(layers), layers, None)]))
        self.assertIn("<none>", box.ok("pull-tar", path))
        self.assertIn("\tmine:latest", box.ok("pull-tar", path, "--name", "mine"))

    def test_a_wrong_type_is_refused(self):
        box = self.box()
        layers = two_layers()
        path = box.write("docker.tar", docker_archive([(config(layers), layers, ["x:1"])]))
        box.fails(1, "pull-tar", path, "--type", "oci")
        self.assertEqual(box.json("images"), [])


class Oci(E2E):
    def test_as_directory_and_as_tar_with_every_layer_compression(self):
        for name, suffix in (("none", ""), ("gzip", "+gzip"), ("zstd", "+zstd")):
            for form in ("directory", "tar"):
                with self.subTest(name=name, form=form):
                    box = self.box()
                    layers = two_layers()
                    layout = OciLayout()
                    layout.add(layout.manifest(config(layers), layers, COMPRESSIONS[name], suffix), "v1")
                    source = layout.write(box.home + "/layout") if form == "directory" else box.write("l", layout.tar())
                    box.ok("pull-tar", source, "--name", "mine")
                    self.assertEqual(box.ok("run", "mine", "cat", "/opt/second"), "2")
                    self.assertEqual(box.json("images")[0]["id"], archives.digest(archives.dump(config(layers))))

    def test_of_ordinary_users(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                layers = two_layers()
                layout = OciLayout()
                layout.add(layout.manifest(config(layers), layers, COMPRESSIONS["gzip"], "+gzip"), "v1")
                box.ok("pull-tar", layout.write(box.home + "/layout"), "--name", "mine")
                self.assertEqual(box.ok("run", "mine", "cat", "/opt/second"), "2")

    def multi(self, nested):
        layout = OciLayout()
        entries = []
        for architecture in ("amd64", "arm64"):
            layers = [archives.rootfs(lambda t, a=architecture: t.file("arch", a))]
            document = {**config(layers), "architecture": architecture}
            entries.append({**layout.manifest(document, layers),
                            "platform": {"os": "linux", "architecture": architecture}})
        if nested:
            layout.add(layout.index(entries), "multi")
        else:
            for entry in entries:
                layout.add(entry)
        return layout

    def test_platform_chooses(self):
        for nested in (False, True):
            for platform, seen in ((None, "amd64"), ("linux/amd64", "amd64"), ("linux/arm64", "arm64")):
                with self.subTest(nested=nested, platform=platform):
                    box = self.box()
                    flags = ["--platform", platform] if platform else []
                    path = box.write("oci.tar", self.multi(nested).tar())
                    box.ok("pull-tar", path, "--name", "m", *flags)
                    self.assertEqual(box.ok("run", "m", "cat", "/arch"), seen)
                    self.assertEqual(len(box.json("layers")), 1)

    def test_a_platform_that_is_not_there_is_refused(self):
        box = self.box()
        path = box.write("oci.tar", self.multi(True).tar())
        self.assertIn("s390x", box.fails(1, "pull-tar", path, "--platform", "linux/s390x"))


class MadeByOthers(E2E):
    def tool(self, *command, cwd=None):
        if shutil.which(command[0]) is None:
            skip(self, command[0], "not installed")
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def layout(self, box):
        layers = two_layers()
        layout = OciLayout()
        layout.add(layout.manifest(config(layers), layers, COMPRESSIONS["gzip"], "+gzip"), "v1")
        return layout.write(box.home + "/layout"), layers

    def test_skopeo_docker_archive(self):
        box = self.box()
        source, layers = self.layout(box)
        self.tool("skopeo", "copy", "--insecure-policy", f"oci:{source}:v1",
                  f"docker-archive:{box.home}/skopeo.tar:made/by-skopeo:1")
        self.assertIn("\tmade/by-skopeo:1\n", box.ok("pull-tar", box.home + "/skopeo.tar"))
        self.assertEqual(box.ok("run", "made/by-skopeo:1", "cat", "/opt/second"), "2")
        self.assertEqual({l["diff_id"] for l in box.json("layers")}, {archives.digest(l) for l in layers})

    def test_skopeo_oci_archive(self):
        box = self.box()
        source, _ = self.layout(box)
        self.tool("skopeo", "copy", "--insecure-policy", f"oci:{source}:v1", f"oci-archive:{box.home}/oci.tar:v2")
        box.ok("pull-tar", box.home + "/oci.tar", "--name", "s")
        self.assertEqual(box.ok("run", "s", "cat", "/opt/second"), "2")

    def test_umoci_repacked_layer(self):
        box = self.box()
        source, _ = self.layout(box)
        bundle = box.home + "/bundle"
        self.tool("umoci", "unpack", "--image", source + ":v1", bundle)
        with open(bundle + "/rootfs/added", "w", encoding="ascii") as file:
            file.write("by umoci")
        os.remove(bundle + "/rootfs/opt/second")
        self.tool("umoci", "repack", "--image", source + ":v2", bundle)
        box.ok("pull-tar", source, "--select", "v2", "--name", "u")
        self.assertEqual(box.ok("run", "u", "cat", "/added"), "by umoci")
        self.assertEqual(box.run("run", "u", "test", "-e", "/opt/second").status, 1)


if __name__ == "__main__":
    main()
