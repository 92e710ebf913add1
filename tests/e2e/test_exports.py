"""Archives that come out of the store: export."""
import io
import os
import pty
import resource
import signal
import subprocess
import tarfile

import archives
import harness
from harness import EVERYBODY, ROOT, SINGLE, E2E, libc, main, store_content

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
            if box.user == SINGLE:
                continue
            out = box.run("export", "demo").out
            # The tar says nothing of its own top.
            got, expected = entries(out), entries(tar)
            self.assertEqual(got.pop(".")[:5], (tarfile.DIRTYPE, 0o755, 0, 0, 0))
            self.assertEqual(sorted(got), sorted(expected))
            for name in expected:
                self.assertEqual(got[name], expected[name], name)

    def test_names_content_and_modes_for_everybody(self):
        tar = archives.rootfs(odd)
        for box in self.each_with_image(tar):
            got, expected = entries(box.run("export", "demo").out), entries(tar)
            for name in expected:
                self.assertEqual((got[name][:2], got[name][4:]), (expected[name][:2], expected[name][4:]), name)

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
