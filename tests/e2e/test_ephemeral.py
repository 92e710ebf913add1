"""Containers whose files are in memory: run and create with --ephemeral."""
import errno
import json
import os
import pathlib
import re
import signal

import archives
from harness import EVERYBODY, ROOT, SINGLE, E2E, main, mounts, skip, store_content
from machines import refusing

# What overlayfs has to do in its upper directory, told in a way that does not depend on where that is.
WORK = """
echo more >> /etc/passwd; rm /etc/group; echo x > /new; ln /new /also; ln -s new /link; mkfifo /pipe
cp /bin/busybox /suid; chmod 4755 /suid; chown 7:8 /new 2>/dev/null
rm -r /home; mkdir /home; echo fresh > /home/f
mv /etc/os-release /etc/moved; mkdir /d; echo y > /d/y; mv /d /e; chmod 1751 /usr
rm /bin/script; echo back > /bin/script
cd /; find . -xdev ! -path './proc*' ! -path './sys*' ! -path './dev*' | sort | while read -r name; do
  stat -c '%n %F %a %u:%g %h' "$name"; [ -f "$name" ] && [ "$name" != ./suid ] && sha256sum "$name"; done; true
"""
LOOKS = "stat -c '%a %u:%g %Y' /"


class Ephemeral(E2E):
    def home(self, box, name):
        entry, = [entry for entry in box.json("ps", "-a") if entry["name"] == name]
        return os.path.join(box.store, "containers", entry["id"])

    def start(self, box, name, script, *flags):
        """The first process of a container that runs `script` and says "up"."""
        box.ok("run", "-d", "--name", name, "--ephemeral", *flags, "demo", "sh", "-c", script)
        self.eventually(lambda: "up\n" in box.ok("logs", name), "it is up")
        return box.json("inspect", name)[0]["pid"]

    def test_a_program_sees_what_it_sees_on_disk(self):
        for box in self.each_with_image(archives.rootfs()):
            on_disk = box.ok("run", "--hostname", "h", "--backend", "overlay", "demo", "sh", "-c", WORK)
            self.assertEqual(box.ok("run", "--hostname", "h", "--ephemeral", "demo", "sh", "-c", WORK), on_disk)
            self.assertIn("./home/f", on_disk)
            self.assertEqual(store_content(box), [name for name in store_content(box) if "containers" not in name])

    def test_a_kernel_that_takes_options_by_mount_alone(self):
        for box in self.each_with_image(archives.rootfs()):
            out = box.ok("run", "--ephemeral=1m", "demo", "sh", "-c", "rm -r /home && mkdir /home && ls -A /home; df -k /",
                         env={"LAYERBOX_FAULT_NO_FSCONFIG": "1"})
            self.assertRegex(out, r"(?m)^ *1024 ")

    def test_the_top_looks_like_the_images(self):
        def odd(tree):
            tree.dir("./", mode=0o1755, uid=7, gid=8, mtime=1_234_567_890)

        for box in self.each_with_image(archives.rootfs(odd)):
            on_disk = box.ok("run", "--backend", "overlay", "demo", "sh", "-c", LOOKS)
            self.assertTrue(on_disk.startswith("1755 "), on_disk)
            self.assertEqual(box.ok("run", "--ephemeral", "demo", "sh", "-c", LOOKS), on_disk)

    def test_an_image_without_layers_has_a_top_too(self):
        for user in EVERYBODY:
            box = self.box(user)
            empty = archives.Tree().dir("bin").file("bin/sh", archives.busybox(), mode=0o755).bytes()
            box.image(empty, "demo")
            self.assertEqual(box.ok("run", "--ephemeral", "demo", "/bin/sh", "-c", "echo x > /x; read y < /x; echo $y"), "x\n")

    def test_attributes_are_kept(self):
        if os.geteuid() != 0:
            skip(self, "root", "not root, who may look into everybody's containers")
        for box in self.each_with_image(archives.rootfs()):
            pid = self.start(box, "one", "echo x > /new; echo >> /etc/passwd; echo up; sleep 1000")
            for name in ("new", "etc/passwd", "usr"):
                os.setxattr(f"/proc/{pid}/root/{name}", "user.mine", b"1")
                self.assertEqual(os.getxattr(f"/proc/{pid}/root/{name}", "user.mine"), b"1")
            box.ok("rm", "-f", "one")

    def test_nothing_is_written_to_disk(self):
        for box in self.each_with_image(archives.rootfs()):
            before = mounts()
            pid = self.start(box, "one", "dd if=/dev/zero of=/big bs=64k count=64 2>/dev/null; echo up; sleep 1000")
            home = self.home(box, "one")
            self.assertEqual(mounts(), before)
            self.assertFalse({"upper", "work", "upper.new"} & set(os.listdir(home)))
            self.assertEqual(os.listdir(os.path.join(home, "attach")), [])
            self.assertLess(sum(os.lstat(os.path.join(top, file)).st_blocks * 512
                                for top, _, files in os.walk(home) for file in files), 1 << 20)
            table = pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
            self.assertEqual(table.count(" / rw"), 1, table)
            self.assertIn("layerbox:", table)
            self.assertNotIn("/attach", re.sub("upperdir=[^,]*,workdir=[^ ,]*", "", table))
            box.ok("stop", "-t", "0", "one")
            self.assertFalse({"upper", "work"} & set(os.listdir(home)))
            box.ok("rm", "one")
            self.assertFalse(os.path.exists(home))

    def test_a_killed_layerbox_leaves_nothing(self):
        for box in self.each_with_image(archives.rootfs()):
            process = box.start("run", "--ephemeral", "demo", "sh", "-c", "echo x > /x; echo ready; sleep 1000")
            self.await_ready(process)
            first, = [entry["pid"] for entry in box.json("ps")]
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.eventually(lambda: not os.path.exists(f"/proc/{first}"), "the command ends")
            box.ok("images")  # whoever comes next tidies up
            self.assertEqual([name for name in store_content(box) if "containers" in name], [])

    def test_each_start_begins_with_the_images_files(self):
        script = "cat /count 2>/dev/null; echo x > /count; rm /etc/group && echo end"
        for box in self.each_with_image(archives.rootfs()):
            box.ok("create", "--name", "one", "--ephemeral=64m", "demo", "sh", "-c", script)
            for _ in range(3):
                self.assertEqual(box.ok("start", "-a", "one"), "end\n")
            box.ok("run", "-d", "--ephemeral", "--restart", "on-failure:2", "--name", "two", "demo", "sh", "-c",
                   script + "; exit 1")
            self.assertEqual(box.ok("wait", "two"), "1\n")
            self.assertEqual(box.ok("logs", "two"), "end\n" * 3)
            box.ok("rm", "one", "two")

    def test_the_size_holds(self):
        fill = "df -k / | tail -n 1; dd if=/dev/zero of=/big bs=64k count=64 2>&1 || echo full; rm /big; echo x > /x && cat /x"
        for box in self.each_with_image(archives.rootfs()):
            out = box.ok("run", "--ephemeral=1m", "demo", "sh", "-c", fill)
            self.assertRegex(out, r"(?m)^ *1024 ")
            self.assertIn("No space left on device", out)
            self.assertTrue(out.endswith("full\nx\n"), out)
            self.assertEqual([name for name in store_content(box) if "containers" in name], [])
            total = int(re.search(r"MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
            for flag, part in (("--ephemeral", 0.5), ("--ephemeral=50%", 0.5), ("--ephemeral=10%", 0.1)):
                size = int(box.ok("run", flag, "demo", "df", "-k", "/").split()[-5])
                self.assertAlmostEqual(size / total, part, delta=0.01)

    def test_its_files_count_for_the_memory_limit(self):
        box = self.box(ROOT)
        box.image(archives.rootfs())
        probe = box.run("run", "-m", "32m", "--memory-swap", "32m", "demo", "true")
        if probe.status != 0:
            skip(self, "cgroups", probe.errors)
        result = box.run("run", "--ephemeral=256m", "-m", "32m", "--memory-swap", "32m", "demo", "dd", "if=/dev/zero",
                         "of=/big", "bs=64k", "count=1024")
        self.assertEqual(result.status, 137, result.errors)
        self.assertIn("out of memory", result.errors)

    def test_it_is_shown(self):
        for box in self.each_with_image(archives.rootfs()):
            box.ok("create", "--ephemeral=64m", "--name", "one", "demo", "true")
            self.assertEqual(box.json("inspect", "one")[0]["ephemeral"], str(64 << 20))
            box.ok("create", "--ephemeral", "--name", "two", "demo", "true")
            self.assertEqual(box.json("inspect", "two")[0]["ephemeral"], "50%")
            box.ok("create", "--name", "three", "demo", "true")
            self.assertIsNone(box.json("inspect", "three")[0]["ephemeral"])
            foretold = json.loads(box.ok("run", "--dry-run", "--ephemeral=1g", "demo", "true"))
            self.assertEqual(foretold["container"]["ephemeral"], str(1 << 30))
            rootfs = foretold["spec"]["rootfs"]
            self.assertEqual(rootfs["memory"], str(1 << 30))
            self.assertEqual(rootfs["upper"], rootfs["attach"] + "/upper")
            acts = [step["act"] for step in foretold["plan"]["steps"]]
            at = acts.index("overlay")
            self.assertEqual(acts[at - 2:at], ["mount_below", "writable_part"])

    def test_whoever_would_read_its_files_is_refused(self):
        for box in self.each_with_image(archives.rootfs()):
            box.ok("create", "--ephemeral", "--name", "one", "demo", "true")
            self.start(box, "two", "echo inside > /new; echo up; sleep 1000")
            for name in ("one", "two"):
                for command in (["diff", name], ["commit", name, "made"], ["snapshot", name], ["fork", name], ["export", name]):
                    with self.subTest(command):
                        self.assertIn("made with --ephemeral", box.fails(1, *command))
            self.assertIn("--ephemeral", box.fails(1, "cp", "one:/etc/passwd", box.home + "/passwd"))
            self.assertIn("--ephemeral", box.fails(1, "cp", box.write("in", b"in"), "one:/in"))
            if box.user == ROOT:
                place = os.path.join(box.home, "place")
                os.mkdir(place)
                self.assertIn("--ephemeral", box.fails(1, "mount", "one", place))
            # What goes by the processes works.
            self.assertEqual(box.ok("exec", "two", "cat", "/new"), "inside\n")
            box.ok("cp", "two:/new", box.home + "/out")
            self.assertEqual(pathlib.Path(box.home, "out").read_bytes(), b"inside\n")
            box.ok("cp", box.write("in", b"in"), "two:/in")
            self.assertEqual(box.ok("exec", "two", "cat", "/in"), "in")
            box.ok("rm", "-f", "one", "two")
            self.assertEqual([entry for entry in box.json("images") if "made" in str(entry["names"])], [])

    def test_what_cannot_be_is_refused(self):
        for box in self.each_with_image(archives.rootfs()):
            self.assertIn("needs the backend overlay",
                          box.fails(125, "run", "--backend", "copy", "--ephemeral", "demo", "true"))
            self.assertIn("needs the backend overlay",
                          box.fails(125, "run", "--dry-run", "--backend", "copy", "--ephemeral", "demo", "true"))
            self.assertIn("needs the backend overlay",
                          box.fails(125, "create", "--name", "n", "--backend", "copy", "--ephemeral", "demo", "true"))
            for size in ("0", "0%", "101%", "x", "-1", "1m,mode=0777"):
                self.assertIn("--ephemeral", box.fails(2, "run", "--ephemeral=" + size, "demo", "true"))
            self.assertIn("--rootfs", box.fails(2, "run", "--ephemeral", "--rootfs", box.home, "true"))
            # The word after it is no size.
            self.assertIn("64m", box.fails(125, "run", "--ephemeral", "64m", "demo", "true"))
            self.assertEqual([name for name in store_content(box) if "containers" in name], [])

    def test_a_tmpfs_without_attributes_is_found_out(self):
        for user in (ROOT, SINGLE):  # under such a filter there is no newuidmap
            box = self.box(user)
            box.image(archives.rootfs())
            errors = box.fails(125, "run", "--ephemeral", "demo", "true",
                               preexec_fn=refusing({"fsetxattr": errno.EOPNOTSUPP}))
            self.assertIn("Linux 6.6", errors)
            self.assertIn("without --ephemeral", errors)
            self.assertEqual([name for name in store_content(box) if "containers" in name], [])

    def test_it_can_be_read_only_and_have_volumes(self):
        for box in self.each_with_image(archives.rootfs()):
            box.ok("run", "--ephemeral", "-v", "data:/data", "demo", "sh", "-c", "echo kept > /data/f; echo lost > /f")
            self.assertEqual(box.ok("run", "--ephemeral", "--read-only", "-v", "data:/data", "demo", "sh", "-c",
                                    "cat /data/f; echo x > /x 2>/dev/null || echo refused; ls /f 2>/dev/null"
                                    " || echo gone"), "kept\nrefused\ngone\n")


if __name__ == "__main__":
    main()
