"""Volumes, named and not: who sees what, what the image gives them, who holds them, for everybody."""
import json
import os

import archives
from harness import EVERYBODY, ROOT, SINGLE, E2E, main, mounts


def with_data(tree):
    tree.dir("srv").dir("srv/data", mode=0o1750, uid=0, gid=0).file("srv/data/first", "of the image\n", mode=0o640)
    tree.dir("srv/data/sub", mode=0o711).symlink("srv/data/link", "first").hardlink("srv/data/again", "srv/data/first")
    tree.symlink("data", "/srv/data")


def owned(tree):
    with_data(tree)
    tree.file("srv/data/alices", "x", uid=1000, gid=1000, mode=0o600)


def volume_dir(box, name):
    return os.path.join(box.store, "volumes", name, "data")


class Volumes(E2E):
    def each(self, extra=with_data):
        return self.each_with_image(archives.rootfs(extra))

    def test_a_named_volume_outlives_its_containers(self):
        for box in self.each():
            box.ok("run", "-v", "keep:/new", "demo", "sh", "-c", "echo one > /new/file")
            self.assertEqual(box.ok("run", "-v", "keep:/elsewhere", "demo", "cat", "/elsewhere/file"), "one\n")
            self.assertEqual(box.ok("volume", "ls", "-q"), "keep\n")
            result = box.run("run", "-v", "keep:/new:ro", "demo", "sh", "-c", "echo two > /new/file || cat /new/file")
            self.assertEqual(result.text, "one\n")
            self.assertEqual(box.ok("run", "--mount", "type=volume,source=keep,target=/m,readonly", "demo", "cat", "/m/file"),
                             "one\n")

    def test_an_empty_one_gets_what_the_image_has(self):
        show = "cat /v/first; stat -c %a:%u:%g /v /v/first /v/sub; readlink /v/link; stat -c %h /v/again"
        want = "of the image\n1750:0:0\n640:0:0\n711:0:0\nfirst\n2\n"
        for box in self.each():
            box.ok("run", "-v", "a:/srv/data", "demo", "true")
            self.assertEqual(box.ok("run", "-v", "a:/v", "demo", "sh", "-c", show), want)
            box.ok("run", "-v", "b:/data", "demo", "true")  # through a symlink of the image
            self.assertEqual(box.ok("run", "-v", "b:/v", "demo", "sh", "-c", show), want)
            for flags in (("-v", "c:/srv/data:nocopy"), ("--mount", "type=volume,src=d,dst=/srv/data,volume-nocopy=true")):
                self.assertEqual(box.ok("run", *flags, "demo", "ls", "-A", "/srv/data"), "")
            # One that has something keeps it, and gets nothing.
            box.ok("run", "-v", "e:/x", "demo", "touch", "/x/mine")
            self.assertEqual(box.ok("run", "-v", "e:/srv/data", "demo", "ls", "-A", "/srv/data"), "mine\n")

    def test_ids_on_disk_are_the_containers_own(self):
        for box in self.each(owned):
            if box.user is SINGLE:
                continue  # one id: everything is his
            result = box.ok("run", "-v", "ids:/srv/data", "demo", "sh", "-c",
                            "stat -c %u:%g /srv/data/alices; touch /srv/data/new; chown 1000:1000 /srv/data/new")
            self.assertEqual(result, "1000:1000\n")
            offset = 0 if box.user is ROOT else 900000 - 1
            for name in ("alices", "new"):
                self.assertEqual(os.stat(os.path.join(volume_dir(box, "ids"), name)).st_uid, 1000 + offset)
            self.assertEqual(os.stat(volume_dir(box, "ids")).st_uid, box.user.uid)
            # Another user inside writes where he may, and all of it can be removed again.
            box.ok("run", "-u", "alice", "-v", "own:/home/alice", "demo", "sh", "-c",
                   "mkdir -p /home/alice/deep/er && chmod 700 /home/alice/deep && cat /home/alice/mine")
            box.ok("volume", "rm", "own", "ids")
            self.assertEqual(os.listdir(os.path.join(box.store, "trash")), [])

    def test_one_without_a_name_goes_with_its_container(self):
        for box in self.each():
            for flags in (("-v", "/srv/data"), ("--mount", "type=volume,target=/srv/data")):
                self.assertEqual(box.ok("run", *flags, "--read-only", "demo", "sh", "-c",
                                        "touch /srv/data/new && ls /srv/data"), "again\nfirst\nlink\nnew\nsub\n")
            self.assertEqual(os.listdir(os.path.join(box.store, "containers")), [])
            self.assertEqual(box.json("volume", "ls"), [])

    def test_volumes_of_the_image_are_without_a_name(self):
        layer = archives.rootfs(owned)
        for user in EVERYBODY:
            box = self.box(user)
            with self.subTest(user.name):
                config = archives.config([layer], Volumes={"/srv/data/": {}, "/made": {}}, Cmd=["true"])
                box.ok("pull-tar", "-", input=archives.docker_archive([(config, [layer], ["vol:1"])]))
                script = "touch /srv/data/x /made/y && cat /srv/data/first && grep -cE ' /(srv/data|made) ' /proc/self/mounts"
                self.assertEqual(box.ok("run", "--read-only", "vol:1", "sh", "-c", script), "of the image\n2\n")
                self.assertEqual(os.listdir(os.path.join(box.store, "containers")), [])
                # The user's own mount takes its place.
                self.assertEqual(box.ok("run", "-v", "mine:/made", "--tmpfs", "/srv/data", "vol:1", "sh", "-c",
                                        "touch /made/kept; ls -A /srv/data"), "")
                self.assertEqual(box.ok("volume", "ls", "-q"), "mine\n")
                box.ok("run", "--name", "kept", "-u", "root" if user is SINGLE else "alice", "vol:1", "true")
                box.ok("rm", "kept")
                self.assertEqual(os.listdir(os.path.join(box.store, "containers")), [])
                self.assertEqual(os.listdir(os.path.join(box.store, "trash")), [])

    def test_who_holds_a_volume_is_named(self):
        for box in self.each():
            box.ok("run", "--name", "keeper", "-v", "held:/x", "demo", "true")
            self.assertIn("container keeper (", box.fails(1, "volume", "rm", "held"))
            box.ok("volume", "create", "free")
            self.assertEqual(box.ok("volume", "prune"), "free\n")
            self.assertEqual([v["containers"] for v in box.json("volume", "ls")], [["keeper"]])
            box.ok("rm", "keeper")
            running = box.start("run", "-i", "-v", "held:/x", "demo", "sh", "-c", "echo up; read -r line")
            self.assertEqual(running.stdout.readline(), b"up\n")
            self.assertIn("uses it", box.fails(1, "volume", "rm", "held"))
            running.communicate(b"\n")
            self.assertEqual(box.ok("volume", "rm", "held"), "held\n")
            self.assertEqual(box.json("volume", "ls"), [])
            self.assertEqual(os.listdir(os.path.join(box.store, "volumes")), [])
            self.assertEqual(os.listdir(os.path.join(box.store, "trash")), [])

    def test_many_at_once_fill_one_volume_once(self):
        for box in self.each():
            started = [box.start("run", "-v", "shared:/srv/data", "demo", "sh", "-c", "cat /srv/data/first; ls /srv/data | wc -l")
                       for _ in range(6)]
            for process in started:
                out, err = process.communicate()
                self.assertEqual((process.returncode, out), (0, b"of the image\n4\n"), err)

    def test_the_commands(self):
        box = self.box(ROOT)
        self.assertEqual(box.ok("volume", "create", "one", "--label", "a=b", "--label", "c"), "one\n")
        self.assertEqual(box.ok("volume", "create", "one"), "one\n")
        self.assertIn("other labels", box.fails(1, "volume", "create", "one", "--label", "a=z"))
        name = box.ok("volume", "create").strip()
        self.assertRegex(name, r"\A[0-9a-f]{64}\Z")
        shown = json.loads(box.ok("volume", "inspect", "one"))
        self.assertEqual((shown[0]["name"], shown[0]["labels"], shown[0]["path"], shown[0]["containers"]),
                         ("one", {"a": "b", "c": ""}, volume_dir(box, "one"), []))
        self.assertIn("one", box.ok("volume", "ls"))
        self.assertEqual(box.json("volume", "prune"), [{"name": name}, {"name": "one"}])
        self.assertEqual(box.ok("volume", "rm", "-f", "one"), "")
        self.assertIn("there is no volume 'one'", box.fails(1, "volume", "rm", "one"))
        self.assertIn("there is no volume 'one'", box.fails(1, "volume", "inspect", "one"))
        for words in (("volume",), ("volume", "turn"), ("volume", "rm"), ("volume", "create", "a", "b")):
            box.fails(2, *words)
        for bad in ("a/b", "..", "-x/", "a\nb"):
            self.assertNotEqual(box.run("volume", "create", "--", bad).status, 0)
        self.assertIn("Usage: layerbox volume create", box.ok("volume", "create", "--help"))
        self.assertIn("Usage: layerbox volume ls", box.ok("help", "volume", "ls"))

    def test_inspect_shows_a_volume_as_one(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        box.ok("run", "--name", "c", "-v", "v:/x:ro", "demo", "true")
        mount = json.loads(box.ok("inspect", "c"))[0]["config"]["mounts"][0]
        self.assertEqual((mount["type"], mount["name"], mount["read_only"]), ("volume", "v", True))

    def test_a_link_of_the_image_leads_a_volume_nowhere_else(self):
        def evil(tree):
            tree.symlink("out", "../../../../../../etc").symlink("proc-root", "/proc/1/root/etc").symlink("self", "/proc/self/cwd")
        for box in self.each(evil):
            box.ok("volume", "create", "v")
            seen = sorted(os.listdir("/etc"))
            for target in ("/out/passwd.d", "/out", "/proc-root/x", "/self/x"):
                result = box.run("run", "-v", f"v:{target}", "demo", "sh", "-c", "ls -A /etc; touch /out/made 2>/dev/null; true")
                self.assertIn(result.status, (0, 125), result.errors)
            self.assertEqual(sorted(os.listdir("/etc")), seen)
            self.assertEqual([name for name in os.listdir(volume_dir(box, "v")) if name not in ("made", "passwd", "group", "hosts",
                              "hostname", "resolv.conf", "os-release")], [])


if __name__ == "__main__":
    main()
