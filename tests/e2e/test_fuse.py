"""The backend fuse-overlayfs: what a container sees and leaves, and what becomes of the program that serves its files."""
import os
import pathlib
import signal

import archives
from harness import EVERYBODY, RANGED, ROOT, E2E, libc, main, mounts, processes_of, skip, store_content

FUSE = ("run", "--backend", "fuse-overlayfs")
# A whiteout, a directory in place of one of the image's, links, a directory that is moved, all kinds of files.
WORK = """
echo one > /new; ln /new /linked; rm /etc/group; rm -r /usr; mkdir /usr; echo x > /usr/x; chmod 700 /home
echo more >> /etc/passwd; mkdir -p /a/b; echo f > /a/b/f; mv /a /z; ln -s new /link; mkfifo /pipe; chmod 4755 /z/b/f
touch -h -d @981226507 /new /linked /link /pipe /z/b/f /z/b /z /usr/x /usr /etc/passwd /etc /home /
"""


def servers(box):
    """Pids of what serves in this store: its locked work directory is one of theirs."""
    found = []
    for pid in processes_of("fuse-overlayfs\0-f"):
        try:
            if os.readlink(f"/proc/{pid}/fd/4").endswith("/work") and int(
                    pathlib.Path(f"/proc/{pid}/fdinfo/4").read_text().split("ino:")[1].split()[0]) in work_inodes(box):
                found.append(pid)
        except (OSError, IndexError):
            continue
    return found


def work_inodes(box):
    return {os.stat(path).st_ino for path in pathlib.Path(box.store, "containers").glob("*/work")}


class Fuse(E2E):
    def each(self, users=EVERYBODY):
        for user in users:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            fact = next(f for f in box.json("info")["backends"] if f["name"] == "fuse-overlayfs")
            if not fact["works"]:
                skip(self, "fuse", fact["reason"])
            with self.subTest(user.name):
                before = mounts()
                yield box
                for entry in box.json("ps", "-a"):
                    box.ok("rm", "-f", entry["id"])
                self.assertEqual(mounts(), before)
                self.assertEqual(servers(box), [])
                self.assertEqual([n for n in store_content(box) if n.startswith(("cont", "stag", "trash"))], [])

    def served(self, box, script):
        """A layerbox whose container runs `script`, and the pid of its one server."""
        process = box.start(*FUSE, "demo", "sh", "-c", "echo ready; " + script)
        self.addCleanup(self.end, process)
        self.await_ready(process)
        server, = servers(box)
        return process, server

    def kill_layerbox(self, box, process):
        process.kill()
        process.communicate()
        self.eventually(lambda: not servers(box), "the end of its server")
        box.ok("ps", "-a")

    def test_what_it_leaves_is_what_overlay_leaves(self):
        for box in self.each():
            said = []
            for backend in ("overlay", "fuse-overlayfs"):
                box.ok("run", "--backend", backend, "--name", backend, "demo", "sh", "-c", WORK)
                box.ok("commit", backend, "made:" + backend)
                layer = box.json("inspect", "made:" + backend)[0]["config"]["rootfs"]["diff_ids"][-1]
                said.append((box.ok("diff", backend), layer, box.run("export", backend).out))
            self.assertEqual(said[0][0], said[1][0])
            self.assertIn("D /etc/group\n", said[0][0])
            self.assertEqual(said[0][1:], said[1][1:])

    def test_auto_takes_it_where_there_is_no_overlay(self):
        no_overlay = {"LAYERBOX_FAULT": "layers.overlay.probe=error"}
        first = self.box(ROOT)
        first.image(archives.rootfs(), "demo")
        if next(f for f in first.json("info", env=no_overlay)["backends"] if f["name"] == "overlay")["works"]:
            self.skipTest("a program without fault points")
        for box in self.each():
            self.assertIn("fuse-overlayfs  chosen by auto", box.ok("info", env=no_overlay))
            box.ok("run", "--name", "one", "demo", "sh", "-c", "echo x > /new", env=no_overlay)
            self.assertEqual(box.json("inspect", "one")[0]["backend"], "fuse-overlayfs")
            self.assertIn("A /new\n", box.ok("diff", "one"))

    def test_a_kept_one_goes_on_where_it_was(self):
        for box in self.each():
            box.ok(*FUSE, "--name", "one", "demo", "sh", "-c", "cat /new; ls /usr; echo x >> /new; rm -rf /usr; mkdir /usr; exit 0")
            self.assertEqual(box.ok("start", "-a", "one"), "x\n")
            self.assertEqual(box.ok("start", "-a", "one"), "x\nx\n")
            box.ok("snapshot", "one")
            box.ok("fork", "one", "two")
            self.assertEqual(box.ok("diff", "two"), box.ok("diff", "one"))
            box.fails(1, "convert", "--backend", "overlay", "one")
            box.ok("snapshot", "--remove", "one", "1")
            diff = box.ok("diff", "one")
            for backend in ("overlay", "fuse-overlayfs", "copy", "fuse-overlayfs"):
                box.ok("convert", "--backend", backend, "one")
                self.assertEqual(box.ok("diff", "one"), diff)

    def test_files_are_copied_into_one_that_does_not_run(self):
        for box in self.each():
            box.ok(*FUSE, "--name", "one", "demo", "sh", "-c", "rm -r /usr; mkdir /usr")
            here = box.write("here", b"copied\n")
            box.ok("cp", here, "one:/usr/there")
            self.assertIn(b"copied\n", box.run("cp", "one:/usr/there", "-").out)
            self.assertIn("C /usr\n", box.ok("diff", "one"))
            self.assertIn("A /usr/there\n", box.ok("diff", "one"))

    def test_ids_are_those_of_the_image(self):
        for box in self.each((ROOT, RANGED)):
            box.image(archives.rootfs(lambda tree: tree.file("theirs", "x", uid=1000, gid=1001)), "owned")
            for userns in ("auto", "host") if box.user is ROOT else ("auto",):
                out = box.ok(*FUSE, "--userns", userns, "owned", "sh", "-c",
                             "stat -c %u:%g /theirs; echo y >> /theirs; stat -c %u:%g /theirs; chown 7:8 /theirs; stat -c %u:%g /theirs")
                self.assertEqual(out, "1000:1001\n1000:1001\n7:8\n")

    def test_marks_cannot_be_made_inside(self):
        """What hides names outside must have been removed inside."""
        for box in self.each():
            box.ok(*FUSE, "--name", "one", "demo", "sh", "-c", "mkdir /etc/.wh..wh..opq /.wh.etc; mknod /.wh.bin c 0 0; exit 0")
            self.assertNotRegex(box.ok("diff", "one"), r"(?m)^D|\.wh\.")

    def test_a_hundred_layers(self):
        layers = [archives.rootfs()] + [archives.Tree().file(f"n/{n}", str(n)).bytes() for n in range(1, 100)]
        data = archives.docker_archive([(archives.config(layers), layers, ["long:1"])])
        for box in self.each():
            box.ok("pull-tar", "-", input=data)
            self.assertEqual(len(box.ok(*FUSE, "long:1", "ls", "/n").split()), 99)

    def test_killed_with_layerbox_nothing_stays(self):
        for box in self.each():
            process, _ = self.served(box, "sleep 1000")
            self.kill_layerbox(box, process)

    def test_a_server_that_is_killed_is_told_of(self):
        for box in self.each():
            process, server = self.served(box, "while read x < /etc/passwd; do sleep 0.1; done; exit 3")
            os.kill(server, signal.SIGKILL)
            out, err = process.communicate(timeout=60)
            self.assertNotEqual(process.returncode, 0)
            self.assertIn(b"lost its root file system: fuse-overlayfs was killed by signal 9", err)

    def test_the_server_is_locked_up(self):
        for box in self.each():
            process, server = self.served(box, "ls /proc | grep -c '^[0-9]'; sleep 1000")
            status = pathlib.Path(f"/proc/{server}/status").read_text()
            self.assertIn("NoNewPrivs:\t1\n", status)
            capabilities = int(status.split("CapEff:\t")[1].split()[0], 16)
            self.assertEqual(capabilities & (1 << 21 | 1 << 5 | 1 << 19), 0)  # SYS_ADMIN, KILL, SYS_PTRACE
            self.assertEqual(sorted(os.listdir(f"/proc/{server}/root/store")), ["containers", "layers"])
            self.assertEqual(len(os.listdir(f"/proc/{server}/root/store/containers")), 1)
            self.assertFalse(os.path.exists(f"/proc/{server}/root/etc"))
            for name in ("mnt", "pid", "net", "ipc"):
                self.assertNotEqual(os.readlink(f"/proc/{server}/ns/{name}"), os.readlink(f"/proc/self/ns/{name}"))
            self.assertEqual(pathlib.Path(f"/proc/{server}/environ").read_bytes(), b"")
            self.assertEqual(set(os.listdir(f"/proc/{server}/fd")) & {"0", "1", "2", "3", "4"}, {"0", "1", "2", "3", "4"})
            self.kill_layerbox(box, process)

    def test_writing_in_memory_is_overlays(self):
        for box in self.each((ROOT,)):
            self.assertIn("needs the backend overlay", box.fails(125, *FUSE, "--ephemeral", "demo", "true"))

    def test_without_the_program_it_says_what_to_install(self):
        if os.geteuid() != 0 or not os.path.exists("/usr/bin/fuse-overlayfs"):
            skip(self, "fuse", "/usr/bin/fuse-overlayfs is not there to be hidden by root")
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        hidden = os.path.join(box.home, "not-executable")
        pathlib.Path(hidden).write_text("")
        self.assertEqual(libc.mount(hidden.encode(), b"/usr/bin/fuse-overlayfs", None, 4096, None), 0)
        self.addCleanup(libc.umount2, b"/usr/bin/fuse-overlayfs", 2)
        self.assertIn("install the Debian package fuse-overlayfs", box.fails(125, *FUSE, "demo", "true"))
        self.assertEqual(box.ok("run", "demo", "echo", "x"), "x\n")


if __name__ == "__main__":
    main()
