"""mount and umount: root file systems at a directory, and what that keeps others from."""
import os
import pathlib
import subprocess

import archives
import harness
from harness import RANGED, ROOT, SINGLE, E2E, main, mounts, store_content

BACKENDS = ("overlay", "copy")


class Mounts(E2E):
    def demo(self, user=ROOT):
        box = self.box(user)
        box.image(archives.rootfs(), "demo")
        self.at = os.path.join(box.home, "at")
        os.mkdir(self.at)
        os.chown(self.at, user.uid, user.uid)
        self.addCleanup(self.undo, self.at)
        return box

    @staticmethod
    def undo(at):
        while os.path.ismount(at):
            subprocess.run(["umount", "-l", at], check=True)

    def read(self, name):
        return pathlib.Path(self.at, name).read_text()

    def write(self, name, text):
        pathlib.Path(self.at, name).write_text(text)

    def running(self, box, *flags, name="web"):
        process = box.start("run", "--name", name, *flags, "demo", "sh", "-c", "echo ready; exec sleep 1000")
        self.addCleanup(self.end, process)
        self.addCleanup(box.run, "rm", "-f", name)
        return self.await_ready(process)

    def line(self):
        return next(one for one in mounts().splitlines() if one.split()[4] == self.at)


class Images(Mounts):
    def test_an_image_is_read_only_and_held(self):
        for backend in BACKENDS:
            box = self.demo()
            before = mounts()
            self.assertEqual(box.ok("mount", "--backend", backend, "demo", self.at), self.at + "\n")
            self.assertEqual(self.read("etc/os-release"), 'NAME="small"\n')
            with self.assertRaisesRegex(OSError, "Read-only"):
                self.write("x", "x")
            options = self.line().split()[5].split(",")
            self.assertLessEqual({"ro", "nosuid", "nodev"}, set(options))
            holder = box.json("ps", "-a")[0]["id"]
            self.assertIn(holder[:12], box.fails(1, "rmi", "demo"))
            for words in (("rmi", "--force", "demo"), ("rm", holder), ("rm", "-f", holder)):
                text = box.fails(1, *words)
                self.assertIn(f"is mounted at '{self.at}'", text)
                self.assertIn(f"layerbox umount {self.at}", text)
            box.ok("images")  # and their sweep
            self.assertEqual(self.read("etc/os-release"), 'NAME="small"\n')
            self.assertEqual(box.ok("umount", self.at), self.at + "\n")
            self.assertEqual((box.json("ps", "-a"), mounts()), ([], before))
            self.assertEqual([name for name in store_content(box) if name.startswith("containers")], [])
            box.ok("rmi", "demo")

    def test_two_at_once(self):
        box = self.demo()
        other = os.path.join(box.home, "other")
        os.mkdir(other)
        self.addCleanup(self.undo, other)
        box.ok("mount", "demo", self.at)
        box.ok("mount", "demo", other)
        box.ok("umount", self.at)
        self.assertIn("bin", os.listdir(other))
        self.assertEqual(len(box.json("ps", "-a")), 1)
        box.ok("umount", other)

    def test_what_somebody_else_unmounted_is_swept(self):
        box = self.demo()
        box.ok("mount", "demo", self.at)
        subprocess.run(["umount", self.at], check=True)
        box.ok("rmi", "demo")
        self.assertEqual([name for name in store_content(box) if name.startswith(("containers", "layers"))], [])

    def test_a_mount_in_another_mount_namespace_counts(self):
        box = self.demo()
        shell = subprocess.Popen(["unshare", "--mount", "sh", "-c", f"{harness.place.program} mount demo {self.at} && cat"],
                                 env=box.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(shell.stdout.readline().decode(), self.at + "\n")
        self.assertFalse(os.path.ismount(self.at))
        self.assertIn(f"is mounted at '{self.at}'", box.fails(1, "rmi", "--force", "demo"))
        shell.communicate()
        box.ok("rmi", "demo")

    def test_an_older_kernel(self):
        box = self.demo()
        box.ok("mount", "demo", self.at, env={"LAYERBOX_FAULT_NO_FSCONFIG": "1"})
        self.assertEqual(self.read("etc/os-release"), 'NAME="small"\n')
        self.assertEqual(mounts().count(" overlay layerbox:"), 1)
        box.ok("umount", self.at)

    def test_refuses(self):
        box = self.demo()
        before = mounts()
        self.assertIn("nobody", box.fails(1, "mount", "nobody", self.at))
        self.assertIn("No such file", box.fails(1, "mount", "demo", self.at + "/missing"))
        self.assertIn("ot a directory", box.fails(1, "mount", "demo", box.write("file", b"")))
        self.assertIn("no backend", box.fails(1, "mount", "--backend", "none", "demo", self.at))
        box.fails(2, "mount", "demo")
        box.fails(2, "umount")
        self.assertEqual((box.json("ps", "-a"), mounts()), ([], before))
        for place in ("/", "/proc", self.at, box.home + "/file"):
            self.assertIn("nothing that 'layerbox mount' made", box.fails(1, "umount", place))
        self.assertEqual(mounts(), before)
        self.assertIn("No such file", box.fails(1, "umount", self.at + "/missing"))

    def test_umount_of_what_is_used_and_of_what_is_below(self):
        box = self.demo()
        box.ok("mount", "demo", self.at)
        self.assertIn("nothing that", box.fails(1, "umount", self.at + "/etc"))
        with open(self.at + "/etc/passwd"):
            self.assertIn("busy", box.fails(1, "umount", self.at))
        box.ok("umount", self.at)

    def test_a_symlink_is_resolved_once(self):
        box = self.demo()
        link = os.path.join(box.home, "link")
        os.symlink(self.at, link)
        box.ok("mount", "demo", link)
        self.assertTrue(os.path.ismount(self.at))
        box.ok("umount", link)
        self.assertFalse(os.path.ismount(self.at))


class Containers(Mounts):
    def test_one_that_does_not_run(self):
        for backend in BACKENDS:
            box = self.demo()
            box.ok("run", "--backend", backend, "--name", "old", "demo", "sh", "-c", "cat /f; echo kept > /kept")
            box.ok("mount", "old", self.at)
            self.assertEqual(self.read("kept"), "kept\n")
            self.write("f", "from outside\n")
            for words in (("start", "old"), ("rm", "old"), ("rm", "-f", "old"), ("mount", "old", self.at),
                          ("mount", "--read-only", "old", self.at), ("cp", "old:/f", "."), ("rmi", "--force", "demo")):
                self.assertIn(f"is mounted at '{self.at}'", box.fails(1, *words), words)
            self.assertIn("A /f\n", box.ok("diff", "old"))
            box.ok("umount", self.at)
            self.assertEqual(box.ok("start", "-a", "old"), "from outside\n")
            box.ok("mount", "--read-only", "old", self.at)
            self.assertEqual(self.read("f"), "from outside\n")
            with self.assertRaisesRegex(OSError, "Read-only"):
                self.write("f", "x")
            subprocess.run(["umount", self.at], check=True)
            box.ok("rm", "old")

    def test_one_that_runs_is_the_same_file_system(self):
        for backend in BACKENDS:
            box = self.demo()
            self.running(box, "--backend", backend, "-v", "data:/srv/data")
            box.ok("exec", "web", "sh", "-c", "echo v > /srv/data/v; echo early > /f; chmod 666 /f")
            box.ok("mount", "web", self.at)
            self.assertEqual(self.read("f"), "early\n")
            self.assertEqual(os.listdir(self.at + "/srv/data"), [])
            box.ok("exec", "web", "sh", "-c", "echo late > /f")
            self.assertEqual(self.read("f"), "late\n")
            self.write("f", "outside\n")
            self.assertEqual(box.ok("exec", "web", "cat", "/f"), "outside\n")
            self.assertIn("is mounted at", box.fails(1, "rm", "-f", "web"))
            self.assertEqual(box.json("ps")[0]["state"], "running")
            box.ok("stop", "-t", "0", "web")
            self.assertIn("is mounted at", box.fails(1, "start", "web"))
            self.assertEqual(self.read("f"), "outside\n")
            box.ok("umount", self.at)
            box.ok("start", "web")
            box.ok("mount", "--read-only", "web", self.at)
            with self.assertRaisesRegex(OSError, "Read-only"):
                self.write("f", "x")
            box.ok("umount", self.at)
            box.ok("rm", "-f", "web")

    def test_nothing_is_setuid_there(self):
        box = self.demo()
        box.ok("run", "--name", "old", "demo", "chmod", "4755", "/bin/busybox")
        box.ok("mount", "old", self.at)
        self.assertLessEqual({"nosuid", "nodev"}, set(self.line().split()[5].split(",")))
        out = subprocess.run([self.at + "/bin/busybox", "id", "-u"], user=54322, group=54322, extra_groups=[], cwd="/",
                             capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout, "54322\n")
        box.ok("umount", self.at)

    def test_refuses(self):
        box = self.demo()
        box.ok("run", "--name", "old", "demo", "true")
        box.fails(2, "mount", "--backend", "copy", "old", self.at)
        top = os.path.join(box.home, "dir")
        os.makedirs(top + "/bin")
        pathlib.Path(top, "bin/true").write_bytes(archives.busybox())
        os.chmod(top + "/bin/true", 0o755)
        box.ok("run", "--keep", "--name", "bare", "--rootfs", top, "/bin/true")
        self.assertIn("--rootfs", box.fails(1, "mount", "bare", self.at))


class OrdinaryUsers(Mounts):
    def shell(self, box, script):
        """What the hint says, and a script in that shell."""
        text = box.fails(1, "mount", "demo", self.at)
        command = text.split("in a shell of '")[1].split("'")[0].split()
        self.assertEqual(command[0], "unshare")
        self.assertEqual("--map-auto" in command, box.user == RANGED)
        return subprocess.run([*command, "sh", "-ec", f"lb() {{ {harness.place.program} \"$@\"; }}\n" + script],
                              user=box.user.uid, group=box.user.uid, extra_groups=[], env=box.environment(), cwd=box.home,
                              capture_output=True, text=True, timeout=120)

    def test_in_the_shell_of_the_hint(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.demo(user)
                box.ok("run", "--name", "old", "demo", "sh", "-c", "cat /f; echo kept > /kept")
                result = self.shell(box, f"""
                    lb mount demo {self.at}; cat at/etc/os-release; ! touch at/x
                    ! lb rmi demo; lb umount at; test ! -e at/etc
                    lb mount old at; cat at/kept; echo new > at/f; ! lb start old; lb umount at
                    lb mount old at
                    sleep 1000 > /dev/null 2>&1 & echo $! > sleeper""")
                self.addCleanup(self.end_sleeper, box)
                self.assertEqual(result.stdout, f'{self.at}\nNAME="small"\nat\nat\nkept\nat\nat\n', result.stderr)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"is mounted at '{self.at}'", box.fails(1, "rm", "old"))
                self.end_sleeper(box)
                self.eventually(lambda: box.run("start", "-a", "old").text == "new\n", "a start")
                box.ok("rm", "old")
                self.assertFalse(os.path.ismount(self.at))

    @staticmethod
    def end_sleeper(box):
        try:
            os.kill(int(pathlib.Path(box.home, "sleeper").read_text()), 9)
        except (OSError, ValueError):
            pass
        pathlib.Path(box.home, "sleeper").write_text("")

    def test_in_a_shell_without_a_mount_namespace(self):
        box = self.demo(SINGLE)
        out = subprocess.run(["unshare", "--user", "--map-root-user", harness.place.program, "mount", "demo", self.at],
                             user=box.user.uid, group=box.user.uid, extra_groups=[], env=box.environment(), cwd=box.home,
                             capture_output=True, text=True)
        self.assertEqual(out.returncode, 1)
        self.assertIn("hint: in a shell of 'unshare", out.stderr)
        self.assertEqual(box.json("ps", "-a"), [])

    def test_one_that_runs_and_was_started_in_the_shell(self):
        box = self.demo(RANGED)
        result = self.shell(box, """
            lb run -d --name web demo sh -c 'echo inside > /f; sleep 1000' > /dev/null
            until lb exec web test -s /f; do sleep 0.1; done
            lb mount web at; cat at/f; ! lb rm -f web; lb umount at; lb rm -f web""")
        self.assertEqual(result.stdout, "at\ninside\nat\nweb\n", result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    main()
