"""What backends make of a chain, and containers that go from one backend to another: btrfs, long chains, convert."""
import os
import pathlib
import re
import subprocess

import archives
import file_systems
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, mounts, store_content

BACKENDS = ("overlay", "btrfs", "copy")
FILES = """
mkdir -p /a/b; echo one > /a/b/f; ln /a/b/f /a/g; ln -s nowhere /l; mkfifo /pipe; mkdir -m 700 /empty
echo more >> /etc/passwd; rm /etc/group; rm -rf /usr; mkdir /usr; chmod 711 /; touch -d 2001-02-03 /a/b/f
"""


def subvolumes(top):
    """Paths of all below `top`, which is where its file system is mounted."""
    listed = subprocess.run(["btrfs", "subvolume", "list", top], check=True, capture_output=True, text=True).stdout
    return sorted(line.split(" path ")[1] for line in listed.splitlines())


class OnBtrfs(E2E):
    kind = "btrfs"
    top = None

    def disk(self):
        if type(self).top is None:
            type(self).top = file_systems.mounted(self, self.kind)
        return self.top

    def each(self, users=EVERYBODY):
        for user in users:
            with self.subTest(user.name):
                box = self.box(user, self.disk())
                box.image(archives.rootfs(), "demo")
                before = mounts()
                yield box
                for entry in box.json("ps", "-a"):
                    box.ok("rm", "-f", entry["id"])
                self.assertEqual(mounts(), before)
                self.assertEqual([n for n in store_content(box) if n.startswith(("cont", "stag", "trash"))], [])
                self.assertEqual(self.of(box, r"/(containers|staging|trash)/"), [])

    def of(self, box, pattern=r".*"):
        """The subvolumes of a store."""
        return [path for path in subvolumes(self.disk()) if os.path.basename(box.home) in path and re.search(pattern, path)]

    def skip_without_fault_points(self):
        """To be asked before a box is: a release program has none."""
        box = self.box(ROOT, self.disk())
        box.image(archives.rootfs(), "demo")
        fault = {"LAYERBOX_FAULT": "layers.derived_chain.before_rename=kill"}
        if box.run("run", "--backend", "btrfs", "demo", "true", env=fault).status == 0:
            self.skipTest("a program without fault points")

    def home_of(self, box, name):
        return f"{box.store}/containers/{box.json('inspect', name)[0]['id']}"


class Subvolumes(OnBtrfs):
    def test_a_container_is_a_snapshot_of_its_image(self):
        for box in self.each():
            run = ("run", "--backend", "btrfs")
            self.assertEqual(box.ok(*run, "demo", "sh", "-c", "echo x > /new; rm /etc/os-release; ls /new"), "/new\n")
            self.assertEqual(len(self.of(box)), 1)
            self.assertIn("small", box.ok(*run, "demo", "cat", "/etc/os-release"))
            box.ok(*run, "--name", "kept", "demo", "sh", "-c", "echo here >> /new; cat /new")
            self.assertEqual(len(self.of(box, "/containers/[^/]*/rootfs$")), 1)
            self.assertEqual(os.stat(self.home_of(box, "kept") + "/rootfs").st_ino, 256)
            self.assertEqual(box.ok("start", "-a", "kept"), "here\nhere\n")
            self.assertEqual(box.ok("diff", "kept"), "A /new\n")
            self.assertEqual(box.json("ps", "-a")[0]["backend"], "btrfs")
            self.assertEqual(len(self.of(box)), 2)

    def test_a_snapshot_is_one_and_so_is_a_fork(self):
        for box in self.each():
            box.ok("run", "--backend", "btrfs", "--name", "one", "demo", "sh", "-c", FILES)
            diff = box.ok("diff", "one")
            self.assertEqual(box.ok("snapshot", "one"), "1\n")
            self.assertEqual(os.stat(self.home_of(box, "one") + "/snapshots/1/rootfs").st_ino, 256)
            box.ok("fork", "one", "two")
            self.assertEqual(os.stat(self.home_of(box, "two") + "/rootfs").st_ino, 256)
            box.ok("start", "-a", "one")
            self.assertEqual(box.ok("diff", "two"), diff)
            box.ok("rollback", "one")
            self.assertEqual(box.ok("diff", "one"), diff)
            box.ok("snapshot", "--remove", "one", "1")
            self.assertEqual(self.of(box, "/snapshots/"), [])

    def test_the_chain_goes_with_its_image(self):
        for box in self.each():
            box.ok("run", "--backend", "btrfs", "demo", "true")
            box.ok("tag", "demo", "other")
            box.ok("rmi", "demo")
            self.assertEqual(len(self.of(box)), 1)
            box.ok("rmi", "other")
            self.assertEqual(self.of(box), [])

    def test_it_can_be_deleted_and_is_made_again(self):
        for box in self.each():
            for _ in range(2):
                box.ok("run", "--backend", "btrfs", "demo", "true")
                chain, = self.of(box, "/derived/btrfs/")
                subprocess.run(["btrfs", "-q", "subvolume", "delete", os.path.join(self.disk(), chain)], check=True)

    def test_many_at_once_make_one_chain(self):
        for box in self.each():
            processes = [box.start("run", "--backend", "btrfs", "demo", "cat", "/etc/os-release") for _ in range(12)]
            for process in processes:
                out, err = process.communicate(timeout=120)
                self.assertEqual((process.returncode, out), (0, b'NAME="small"\n'), err)
            self.assertEqual(len(self.of(box)), 1)

    def test_what_is_killed_leaves_nothing(self):
        self.skip_without_fault_points()
        for box in self.each((ROOT, RANGED)):
            for point in ("before_sync", "before_rename"):
                fault = {"LAYERBOX_FAULT": f"layers.derived_chain.{point}=kill"}
                self.assertNotEqual(box.run("run", "--backend", "btrfs", "demo", "true", env=fault).status, 0)
                self.assertEqual(self.of(box, "/derived/"), [])
                box.ok("ps")
                box.ok("run", "demo", "true")  # sweeps
                self.assertEqual(self.of(box), [])

    def test_subvolumes_that_a_container_makes_go_with_it(self):
        """With an ioctl that any user may use; read-only ones, and others inside them, in every place."""
        for box in self.each((ROOT, RANGED)):
            for backend in BACKENDS:
                box.ok("run", "--backend", backend, "--name", "one", "demo", "true")
                top = self.home_of(box, "one") + ("/upper" if backend == "overlay" else "/rootfs")
                as_user = {} if box.user == ROOT else {"user": box.user.uid, "group": box.user.uid, "extra_groups": []}
                for command in (["create", "s"], ["create", "s/t"], ["create", "empty"], ["snapshot", "-r", "s", "s/t/ro"]):
                    subprocess.run(["btrfs", "-q", "subvolume", *command], cwd=top, check=True, **as_user)
                pathlib.Path(top, "s/t/file").write_text("x")
                for name in ("empty", "s/t", "s"):
                    subprocess.run(["btrfs", "property", "set", "-ts", name, "ro", "true"], cwd=top, check=True, **as_user)
                # Nothing of it is lost in a copy: a snapshot of btrfs would have empty directories there.
                box.ok("fork", "one", "two")
                self.assertEqual(box.ok("export", "two").count("s/t/file"), 1)
                box.ok("rm", "one", "two")
                self.assertEqual(len(self.of(box)), 1 if backend != "overlay" else 0)

    def test_quota_groups_are_told_of(self):
        box = self.box(ROOT, self.disk())
        subprocess.run(["btrfs", "quota", "enable", self.disk()], check=True)
        self.addCleanup(subprocess.run, ["btrfs", "quota", "disable", self.disk()], check=True)
        box.image(archives.rootfs(), "demo")
        box.ok("run", "--backend", "btrfs", "--name", "one", "demo", "true")
        reason, = [entry["reason"] for entry in box.json("info")["backends"] if entry["name"] == "btrfs"]
        self.assertIn("quota groups are kept", reason)
        # Its administrator limits a container's.
        box.ok("run", "--backend", "btrfs", "--name", "two", "demo", "sh", "-c", "dd if=/dev/zero of=/big bs=1M count=24")
        subprocess.run(["btrfs", "qgroup", "limit", "8M", self.home_of(box, "two") + "/rootfs"], check=True)
        result = box.run("start", "-a", "two")
        self.assertEqual(result.status, 1)
        self.assertIn("uota exceeded", result.errors)
        box.ok("rm", "one", "two")
        self.assertEqual(self.of(box, "/containers/"), [])

    def test_elsewhere_it_says_why_not(self):
        box = self.box(RANGED)
        box.image(archives.rootfs(), "demo")
        self.assertIn("the store is not on btrfs", box.fails(125, "run", "--backend", "btrfs", "demo", "true"))
        works = {entry["name"]: entry["works"] for entry in box.json("info")["backends"]}
        self.assertEqual(works["btrfs"], False)


class WithoutTheRightToRemove(OnBtrfs):
    kind = "btrfs-strict"

    def test_an_ordinary_users_subvolumes_are_emptied_file_by_file(self):
        for box in self.each():
            box.ok("run", "--backend", "btrfs", "demo", "sh", "-c", FILES)
            box.ok("run", "--backend", "btrfs", "--name", "one", "demo", "sh", "-c", FILES + "chmod 0 /a /a/b")
            box.ok("snapshot", "one")
            box.ok("rm", "one")
            self.assertEqual(len(self.of(box)), 1)
            reason, = [entry["reason"] for entry in box.json("info")["backends"] if entry["name"] == "btrfs"]
            self.assertEqual("user_subvol_rm_allowed" in reason, box.user != ROOT, reason)
            box.ok("rmi", "demo")
            self.assertEqual(self.of(box), [])


class Conversions(OnBtrfs):
    def test_the_files_stay_as_they_are(self):
        for box, first in zip(self.each(), BACKENDS):
            box.ok("run", "--backend", first, "--name", "one", "demo", "sh", "-c", FILES)
            diff, tar = box.ok("diff", "one"), box.run("export", "one").out
            box.ok("snapshot", "one", "before")
            box.ok("commit", "one", "made")
            for backend in (*BACKENDS, *reversed(BACKENDS)):
                with self.subTest(f"{first} … {backend}"):
                    box.ok("convert", "--backend", backend, "one")
                    self.assertEqual(box.json("inspect", "one")[0]["backend"], backend)
                    self.assertEqual(box.ok("diff", "one"), diff)
                    # Who has one id has the image's owners in its records alone, which a copy has left.
                    self.assertTrue(box.user == SINGLE or box.run("export", "one").out == tar)
                    self.assertEqual(box.ok("diff", "made", "one"), "")
                    names = set(os.listdir(self.home_of(box, "one"))) & {"upper", "rootfs", "work", "rootfs.new"}
                    self.assertLessEqual(names, {"upper", "work"} if backend == "overlay" else {"rootfs"})
            # A snapshot of the first one's form, gone back to and forked by each.
            for backend in BACKENDS:
                box.ok("convert", "--backend", backend, "one")
                box.ok("start", "-a", "one")
                box.ok("rollback", "one", "before")
                self.assertEqual(box.ok("diff", "one"), diff)
                box.ok("fork", "--snapshot", "before", "one", "two")
                self.assertEqual(box.ok("diff", "two"), diff)
                box.ok("rm", "two")

    def test_it_goes_on_running_what_it_ran(self):
        for box in self.each():
            box.ok("run", "--name", "one", "-v", "/own", "demo", "sh", "-c", "echo x >> /n; echo y >> /own/n; cat /n /own/n")
            for count, backend in enumerate(("btrfs", "copy", "overlay"), 2):
                box.ok("convert", "--backend", backend, "one")
                self.assertEqual(box.ok("start", "-a", "one"), "x\n" * count + "y\n" * count)

    def test_one_that_was_never_started(self):
        for box in self.each((ROOT, RANGED)):
            for backend in BACKENDS:
                box.ok("create", "--backend", backend, "--name", "one", "demo", "cat", "/etc/os-release")
                for other in BACKENDS:
                    box.ok("convert", "--backend", other, "one")
                self.assertEqual(box.ok("start", "-a", "one"), 'NAME="small"\n')
                box.ok("rm", "one")

    def test_what_cannot_be(self):
        for box in self.each((ROOT,)):
            process = box.start("run", "--rm", "--name", "busy", "demo", "sh", "-c", "echo ready; exec sleep 1000")
            self.addCleanup(self.end, process)
            self.await_ready(process)
            self.assertIn("it is running", box.fails(1, "convert", "--backend", "copy", "busy"))
            box.ok("rm", "-f", "busy")
            box.ok("run", "--backend", "copy", "--name", "one", "demo", "true")
            self.assertIn("there is no backend 'zfs'", box.fails(1, "convert", "--backend", "zfs", "one"))
            self.assertIn("there is no container", box.fails(1, "convert", "--backend", "copy", "none"))
            result = box.run("convert", "--backend", "copy", "one")
            self.assertEqual((result.status, result.out), (0, b""))
            self.assertIn("copy has it already", result.errors)
            box.ok("create", "--ephemeral", "--backend", "overlay", "--name", "memory", "demo", "true")
            self.assertIn("--ephemeral", box.fails(1, "convert", "--backend", "copy", "memory"))
            box.ok("mount", "one", self.directory())
            self.addCleanup(box.run, "umount", self.directory())
            box.fails(1, "convert", "--backend", "overlay", "one")
            box.ok("umount", self.directory())

    def directory(self):
        path = os.path.join(self.disk(), "mount")
        os.makedirs(path, exist_ok=True)
        return path

    def test_killed_on_the_way_it_has_all_its_files(self):
        self.skip_without_fault_points()
        for box in self.each((ROOT, RANGED)):
            for first, other in (("overlay", "copy"), ("btrfs", "overlay"), ("copy", "btrfs")):
                for point in ("before_rename", "before_state", "before_discard"):
                    with self.subTest(f"{first} to {other}, {point}"):
                        box.ok("run", "--backend", first, "--name", "one", "demo", "sh", "-c", FILES)
                        diff = box.ok("diff", "one")
                        fault = {"LAYERBOX_FAULT": f"layers.convert.{point}=kill"}
                        self.assertNotEqual(box.run("convert", "--backend", other, "one", env=fault).status, 0)
                        self.assertEqual(box.ok("diff", "one"), diff)
                        for backend in (first, other, first):
                            box.ok("convert", "--backend", backend, "one")
                            self.assertEqual(box.ok("diff", "one"), diff)
                        box.ok("rm", "one")


class LongChains(E2E):
    def test_the_lowest_layers_of_one_that_is_too_long_are_made_one_tree(self):
        count = 505
        layers = [archives.rootfs()]
        for number in range(1, count):
            tree = archives.Tree().file(f"n/{number}", str(number))
            if number % 100 == 0:
                tree.file(f"n/.wh.{number - 1}")
            layers.append(tree.bytes())
        wanted = sorted(str(n) for n in range(1, count) if n % 100 != 99)
        for user in EVERYBODY:
            box = self.box(user)
            with self.subTest(user.name):
                data = archives.docker_archive([(archives.config(layers), layers, ["long:1"])])
                self.assertIn("max-layers", box.fails(1, "pull-tar", "-", input=data))
                box.ok("pull-tar", "-", "--max-layers", "600", input=data)
                result = box.run("run", "--backend", "overlay", "long:1", "ls", "/n")
                self.assertEqual((result.status, sorted(result.text.split())), (0, wanted), result.errors)
                self.assertIn("lowest 6 were made one tree", result.errors)
                again = box.run("run", "--backend", "overlay", "--name", "one", "long:1", "sh", "-c", "rm /n/1 /n/504; echo x > /n/2; ls /n")
                self.assertNotIn("one tree", again.errors)
                self.assertEqual(sorted(again.text.split()), sorted({*wanted} - {"1", "504"}))
                self.assertEqual(box.ok("diff", "one"), "C /n\nD /n/1\nC /n/2\nD /n/504\n")
                self.assertEqual(box.run("run", "--backend", "copy", "long:1", "ls", "/n").text.split(), result.text.split())
                derived = pathlib.Path(box.store, "derived/overlay")
                self.assertEqual(len([name for name in os.listdir(derived) if len(name) == 64]), 1)
                box.ok("rm", "one")
                box.ok("rmi", "long:1")
                box.ok("ps")
                self.assertEqual([name for name in os.listdir(derived) if len(name) == 64], [])


if __name__ == "__main__":
    main()
