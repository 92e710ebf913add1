"""What containers changed: diff."""
import os
import shutil

import archives
from harness import E2E, main, store_content

BACKENDS = ("overlay", "copy")
WORK = """
echo new > /etc/new; echo more >> /etc/passwd; rm /etc/group; mkdir -p /a/b; echo x > /a/b/f; ln /a/b/f /a/g
chmod 700 /home; rm -rf /usr; mkdir /usr; ln -sf nowhere /bin/script; mkfifo /pipe; touch -r /bin/ls /bin/ls
printf 'a\\033[31m' > "$(printf '/etc/\\033[31m')"
"""
CHANGES = """\
A /a
A /a/b
A /a/b/f
A /a/g
C /bin
C /bin/script
C /etc
A /etc/\\x1b[31m
D /etc/group
A /etc/new
C /etc/passwd
C /home
A /pipe
C /usr
D /usr/bin
"""


class Diff(E2E):
    def each_backend(self):
        for box in self.each_with_image(archives.rootfs()):
            for backend in BACKENDS:
                with self.subTest(backend):
                    yield box, backend

    def test_tells_what_was_added_changed_and_deleted(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", backend, "-v", "data:/srv/data", "-v", "/own", "--tmpfs", "/tm",
                   "demo", "sh", "-c", WORK)
            self.assertEqual(box.ok("diff", backend), CHANGES)
            document = box.json("diff", backend)
            self.assertEqual([(one["kind"][0].upper(), one["path"]) for one in document],
                             [(line[0], line[2:].replace("\\x1b", "\x1b")) for line in CHANGES.splitlines()])
            self.assertEqual(box.ok("diff", backend), CHANGES)
            box.ok("rm", backend)

    def test_tells_nothing_where_nothing_was_done(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", backend, "demo", "cat", "/etc/passwd")
            self.assertEqual(box.ok("diff", backend), "")
            self.assertEqual(box.json("diff", backend), [])
            box.ok("run", "--read-only", "--backend", backend, "--name", "ro-" + backend, "demo", "true")
            self.assertEqual(box.ok("diff", "ro-" + backend), "")

    def test_mount_points_that_an_image_lacks_are_nobodys_change(self):
        bare = archives.Tree().dir("bin").file("bin/sh", archives.busybox(), mode=0o755).bytes()
        for box in self.each_with_image(bare):
            for backend in BACKENDS:
                box.ok("run", "--backend", backend, "--name", backend, "-v", "data:/srv/data", "demo", "/bin/sh", "-c", ":")
                self.assertEqual(box.ok("diff", backend), "")
                box.ok("run", "--backend", backend, "--name", "x" + backend, "demo", "/bin/sh", "-c", "echo > /etc/x")
                self.assertEqual(box.ok("diff", "x" + backend), "A /etc\nA /etc/x\n")

    def test_of_two(self):
        for box, backend in self.each_backend():
            for name in ("one", "two"):
                box.ok("run", "--backend", backend, "--name", f"{name}-{backend}", "demo", "sh", "-c",
                       f"echo > /only-{name}; echo > /both; touch -d @1600000001 /both")
            self.assertEqual(box.ok("diff", f"one-{backend}", f"two-{backend}"), "D /only-one\nA /only-two\n")
            self.assertEqual(box.ok("diff", "demo", f"two-{backend}"), box.ok("diff", f"two-{backend}"))
            self.assertEqual(box.ok("diff", "demo", "demo"), "")

    def test_of_a_container_that_runs(self):
        for box, backend in self.each_backend():
            process = box.start("run", "-i", "--backend", backend, "--name", "live" + backend, "demo", "sh", "-c",
                                "echo 1 > /one; echo up; read x; echo 2 > /two; echo done; read x")
            self.assertEqual(process.stdout.readline(), b"up\n")
            self.assertEqual(box.ok("diff", "live" + backend), "A /one\n")
            process.stdin.write(b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"done\n")
            self.assertEqual(box.ok("diff", "live" + backend), "A /one\nA /two\n")
            process.communicate(timeout=60)

    def test_refuses(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        box.fails(2, "diff")
        self.assertIn("an image", box.fails(2, "diff", "demo"))
        box.fails(2, "diff", "demo", "demo", "demo")
        self.assertIn("dem", box.fails(1, "diff", "dem"))
        box.ok("run", "--keep", "--name", "bare", "--rootfs", self.directory(box), "/bin/true")
        self.assertIn("--rootfs", box.fails(1, "diff", "bare"))
        self.assertEqual([name for name in store_content(box) if name.startswith("staging")], [])

    def directory(self, box):
        top = os.path.join(box.home, "dir")
        os.makedirs(top + "/bin")
        shutil.copy(shutil.which("busybox", path="/bin:/usr/bin"), top + "/bin/true")
        return top


if __name__ == "__main__":
    main()
