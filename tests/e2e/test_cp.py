"""cp: files into containers, out of them, from one to another; running, stopped; and by whom."""
import io
import os
import pathlib
import re
import socket
import stat
import subprocess
import tarfile
import time

import archives
import harness
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, mounts

MTIME = archives.MTIME
BACKENDS = ("overlay", "copy")


def child_of(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(text[0]) if text else None


class Copies(E2E):
    def each(self, image=None):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(image or archives.rootfs(), "demo")
                before = mounts()
                yield box
                self.assertEqual(mounts(), before)

    def running(self, box, *flags, name="web", script="exec sleep 1000"):
        process = box.start("run", "--rm", "--name", name, *flags, "demo", "sh", "-c", "echo ready; " + script)
        self.addCleanup(self.end, process)
        self.addCleanup(box.run, "rm", "-f", name)
        return self.await_ready(process)

    def stopped(self, box, *flags, name="old", script=":"):
        box.ok("run", "--name", name, *flags, "demo", "sh", "-c", script)

    def each_state(self, script, image=None):
        """A running and a stopped container, of each backend, in which the script has run."""
        for box in self.each(image):
            for backend in BACKENDS if box.user == ROOT else BACKENDS[:1]:
                with self.subTest(backend=backend, running=False):
                    self.stopped(box, "--backend", backend, name="old-" + backend, script=script)
                    yield box, "old-" + backend
                if backend == "copy":
                    continue  # what runs is its mounts, whatever made them
                with self.subTest(backend=backend, running=True):
                    self.running(box, "--backend", backend, name="new-" + backend, script=script + "; echo > /done; exec sleep 1000")
                    self.eventually(lambda: box.run("exec", "new-" + backend, "test", "-e", "/done").status == 0, "the script")
                    yield box, "new-" + backend

    def tree(self, box, name="tree"):
        """A directory of the user's, with all that can be copied."""
        top = os.path.join(box.home, name)
        os.makedirs(top + "/sub/deep")
        for path, text, mode in (("a", "A", 0o640), ("sub/b", "BB", 0o755), ("sub/deep/.wh.c", "C", 0o400)):
            pathlib.Path(top, path).write_text(text)
            os.chmod(os.path.join(top, path), mode)
        os.link(top + "/a", top + "/sub/same")
        os.symlink("../a", top + "/sub/link")
        os.symlink("/etc/passwd", top + "/sub/away")
        os.mkfifo(top + "/pipe", 0o600)
        os.chmod(top + "/sub/deep", 0o550)
        for directory, _, files in os.walk(top, topdown=False):
            for one in files:
                os.utime(os.path.join(directory, one), (MTIME, MTIME), follow_symlinks=False)
            os.utime(directory, (MTIME, MTIME))
        subprocess.run(["chown", "-hR", f"{box.user.uid}:{box.user.uid}", top], check=True)
        return top

    def facts(self, top):
        found = {}
        for directory, directories, files in os.walk(top):
            for name in directories + files:
                path = os.path.join(directory, name)
                s = os.lstat(path)
                content = os.readlink(path) if stat.S_ISLNK(s.st_mode) else \
                    pathlib.Path(path).read_bytes() if stat.S_ISREG(s.st_mode) else b""
                found[os.path.relpath(path, top)] = (stat.filemode(s.st_mode), s.st_uid, s.st_gid, int(s.st_mtime), content)
        return found


class InAndOut(Copies):
    def test_a_tree_goes_in_and_comes_back_the_same(self):
        for box, container in self.each_state("mkdir /made"):
            top = self.tree(box, "tree-" + container)
            box.ok("cp", top, container + ":/made/tree")
            box.ok("cp", container + ":/made/tree", "back-" + container)
            back = os.path.join(box.home, "back-" + container)
            self.assertEqual(self.facts(back), self.facts(top))
            self.assertEqual(int(os.stat(back).st_mtime), MTIME)
            self.assertEqual(os.stat(back + "/a").st_ino, os.stat(back + "/sub/same").st_ino)
            os.rename(back, back + "-first")
            box.ok("cp", container + ":/made/tree/.", "back-" + container)
            self.assertEqual(self.facts(back), self.facts(top))

    def test_names_as_docker_has_them(self):
        for box, container in self.each_state("mkdir -p /made/dir/tree; echo old > /made/dir/tree/kept; echo old > /made/file; "
                                              "chmod 700 /made/dir/tree; ln -s dir /made/todir"):
            top = self.tree(box, "tree")
            c = container + ":"

            def there(path):
                tar = tarfile.open(fileobj=io.BytesIO(box.run("cp", c + path, "-").out))
                return sorted(tar.getnames())
            box.ok("cp", "tree/a", c + "/made/one")                      # a new name
            self.assertEqual(there("/made/one"), ["one"])
            box.ok("cp", "tree/a", c + "/made/dir")                      # into a directory
            box.ok("cp", "tree/sub/b", c + "made/dir/")                  # names begin at "/"
            self.assertEqual(there("/made/dir"), ["dir", "dir/a", "dir/b", "dir/tree", "dir/tree/kept"])
            box.ok("cp", "tree/.", c + "/made/dir/tree")                 # the content, merged
            self.assertIn("tree/kept", there("/made/dir/tree"))
            self.assertIn("tree/sub/deep/.wh.c", there("/made/dir/tree"))
            box.ok("cp", "tree", c + "/made/dir")                        # merged again
            self.assertIn("dir/tree/sub/b", there("/made/dir"))
            box.ok("cp", "tree/sub/", c + "/made/todir")                 # through a symlink to a directory
            self.assertIn("dir/sub/b", there("/made/dir"))
            box.ok("cp", "tree/sub/b", c + "/made/file")                 # replaced
            box.ok("cp", c + "/made/file", "out")
            self.assertEqual(pathlib.Path(box.home, "out").read_text(), "BB")
            self.assertEqual(there("/made/dir/."), there("/made/dir/") and
                             sorted("." if n == "dir" else n[4:] for n in there("/made/dir")))
            for words, why in ((("tree", c + "/made/file"), "no directory"),
                               (("tree/a", c + "/not/there"), "No such file"),
                               (("tree/a", c + "/made/new/"), "not a directory"),
                               (("tree/a", c + "/made/file/x"), "directory"),
                               (("tree/sub", c + "/made/two/sub"), "No such file"),
                               (("missing", c + "/made"), "No such file"),
                               ((c + "/missing", "."), "No such file"),
                               ((c + "/made/file/", "."), "directory"),
                               ((c + "/made/dir", "out"), "no directory")):
                self.assertIn(why, box.fails(1, "cp", *words), words)
            self.assertEqual(self.facts(os.path.join(box.home, "tree")), self.facts(top))
            os.rename(os.path.join(box.home, "tree"), os.path.join(box.home, "was-" + container))
            os.unlink(os.path.join(box.home, "out"))

    def test_a_directory_that_is_there_keeps_its_look(self):
        for box, container in self.each_state("mkdir /made; chmod 1777 /made; mkdir /made/x"):
            top = self.tree(box, "tree-" + container)
            box.ok("cp", top + "/.", container + ":/made")
            out = tarfile.open(fileobj=io.BytesIO(box.run("cp", container + ":/made", "-").out))
            self.assertEqual(out.getmember("made").mode, 0o1777)
            self.assertEqual(out.getmember("made/sub/deep").mode, 0o550)

    def test_a_file_never_becomes_a_directory(self):
        for box, container in self.each_state("mkdir -p /made/tree/a; mkdir -p /made/t; echo > /made/t/sub"):
            self.tree(box, "tree")
            self.assertIn("'tree/a' is a directory there", box.fails(1, "cp", "tree", container + ":/made"))
            self.assertIn("'sub' is a directory here", box.fails(1, "cp", "tree/sub", container + ":/made/t"))
            os.rename(os.path.join(box.home, "tree"), os.path.join(box.home, "was-" + container))

    def test_follow_link(self):
        for box, container in self.each_state("mkdir -p /made/d; echo F > /made/f; ln -s f /made/lf; ln -s d /made/ld; "
                                              "echo x > /made/d/x; ln -s nowhere /made/dangling"):
            where = os.path.join(box.home, "o-" + container)
            os.mkdir(where)
            os.chown(where, box.user.uid, box.user.uid)
            for name in ("lf", "ld", "dangling"):
                box.ok("cp", f"{container}:/made/{name}", where)
                self.assertTrue(os.path.islink(f"{where}/{name}"))
                os.unlink(f"{where}/{name}")
            box.ok("cp", "-L", container + ":/made/lf", where)
            box.ok("cp", "-L", container + ":/made/ld", where)
            self.assertEqual(pathlib.Path(where, "lf").read_text(), "F\n")
            self.assertEqual(os.listdir(where + "/ld"), ["x"])
            self.assertIn("No such file", box.fails(1, "cp", "-L", container + ":/made/dangling", where))
            box.ok("cp", container + ":/made/ld/.", where)
            self.assertTrue(os.path.exists(where + "/x"))

    def test_large_and_sparse_files(self):
        for box, container in self.each_state("mkdir /made; dd if=/dev/urandom of=/made/big bs=1M count=9 2>/dev/null; "
                                              "dd if=/dev/zero of=/made/holes bs=1 count=1 seek=100M 2>/dev/null; "
                                              "cd /made; sha256sum big holes > sums"):
            box.ok("cp", container + ":/made", "out-" + container)
            where = os.path.join(box.home, "out-" + container)
            subprocess.run(["sha256sum", "-c", "--quiet", "sums"], cwd=where, check=True)
            self.assertLess(os.stat(where + "/holes").st_blocks * 512, 1 << 20)
            box.ok("cp", where, container + ":/made/again")
            again = tarfile.open(fileobj=io.BytesIO(box.run("cp", container + ":/made/again/big", "-").out))
            self.assertEqual(again.extractfile("big").read(), pathlib.Path(where, "big").read_bytes())

    def test_owners(self):
        for user in (ROOT, RANGED):
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            self.running(box)
            top = self.tree(box)
            box.ok("exec", "web", "sh", "-c", "mkdir /o; echo x > /o/x; chown 1000:10 /o/x; chmod 4755 /o/x")
            box.ok("cp", "web:/o/x", "mine")
            s = os.stat(os.path.join(box.home, "mine"))
            self.assertEqual((s.st_uid, s.st_gid, stat.S_IMODE(s.st_mode)), (user.uid, user.uid, 0o755))
            result = box.run("cp", "-a", "web:/o/x", "theirs")
            self.assertEqual(result.status, 0, result.errors)
            s = os.stat(os.path.join(box.home, "theirs"))
            if user == ROOT:
                self.assertEqual((s.st_uid, s.st_gid, stat.S_IMODE(s.st_mode)), (1000, 10, 0o4755))
                os.chown(top + "/a", 1000, 10)
            else:
                self.assertEqual((s.st_uid, stat.S_IMODE(s.st_mode)), (user.uid, 0o755))
                self.assertIn("owners", result.errors)
                os.chown(top + "/a", 900000 + 999, 900000 + 9)
                os.chmod(top + "/a", 0o644)
            os.chmod(top + "/sub/b", 0o6755)
            box.ok("cp", "tree", "web:/plain")
            box.ok("cp", "-a", "tree", "web:/kept")
            self.assertEqual(box.ok("exec", "web", "stat", "-c", "%u:%g %a", "/plain/a", "/plain/sub/b", "/kept/a", "/kept/sub/b"),
                             {ROOT: "0:0 640\n0:0 755\n1000:10 640\n0:0 6755\n",
                              RANGED: "0:0 644\n0:0 755\n1000:10 644\n0:0 6755\n"}[user])

    def test_attributes(self):
        for box, container in self.each_state("mkdir /made"):
            file = box.write("noted", b"x")
            os.setxattr(file, "user.note", b"n\0te")
            if box.user == ROOT:
                os.setxattr(file, "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
                os.setxattr(file, "trusted.secret", b"x")
            box.ok("cp", "noted", container + ":/made/n")
            box.ok("cp", container + ":/made/n", "noted-" + container)
            back = os.path.join(box.home, "noted-" + container)
            self.assertEqual(os.getxattr(back, "user.note"), b"n\0te")
            self.assertEqual([name for name in os.listxattr(back) if name != "user.note"], [])


class Streams(Copies):
    def test_a_tar_goes_in_and_out(self):
        data = archives.Tree().dir("d", mode=0o700).file("d/f", "hello", mode=0o4644, uid=7).symlink("d/l", "f") \
            .hardlink("d/h", "d/f").file("implied/deep/f", "x").add("d/.wh.x", data=b"w").bytes()
        for box, container in self.each_state("mkdir /made"):
            box.ok("cp", "-", container + ":/made", input=data)
            out = tarfile.open(fileobj=io.BytesIO(box.run("cp", container + ":/made", "-").out))
            self.assertEqual(sorted(out.getnames()), ["made", "made/d", "made/d/.wh.x", "made/d/f", "made/d/h", "made/d/l",
                                                      "made/implied", "made/implied/deep", "made/implied/deep/f"])
            f = out.getmember("made/d/f")
            self.assertEqual((f.uid, f.mode, f.mtime), (0, 0o644, MTIME))
            self.assertEqual(out.getmember("made/d").mode, 0o700)
            self.assertIn("not a directory", box.fails(1, "cp", "-", container + ":/made/nowhere", input=data))
            self.assertIn("not a tar", box.fails(1, "cp", "-", container + ":/made", input=b"x" * 10240))
            box.fails(1, "cp", "-", container + ":/made", input=data[:700])
            box.fails(1, "cp", "-", container + ":/made", input=b"")

    def test_hostile_tars_stay_below_the_destination(self):
        def tar(*steps):
            tree = archives.Tree()
            for kind, *words in steps:
                getattr(tree, kind)(*words)
            return tree.bytes()
        hostile = {"dotdot": tar(("file", "../evil", "x")),
                   "inner dotdot": tar(("file", "a/../../evil", "x")),
                   "through its own symlink": tar(("symlink", "s", "/evil-dir"), ("file", "s/evil", "x")),
                   "through its own relative symlink": tar(("symlink", "s", ".."), ("file", "s/evil", "x")),
                   "through a symlink there": tar(("file", "there/evil", "x")),
                   "hard link to the outside": tar(("hardlink", "evil", "../../etc/passwd")),
                   "hard link through a symlink": tar(("symlink", "s", "/etc"), ("hardlink", "evil", "s/passwd")),
                   "a long name": tar(("file", "n" * 256, "x")),
                   "a long path": tar(("file", "/".join(["d" * 200] * 25), "x"))}
        for box, container in self.each_state("mkdir -p /made/in /evil-dir; ln -s /evil-dir /made/in/there"):
            for name, data in hostile.items():
                with self.subTest(name):
                    box.fails(1, "cp", "-", container + ":/made/in", input=data)
            self.assertFalse(os.path.exists("/evil-dir"))
            out = tarfile.open(fileobj=io.BytesIO(box.run("cp", container + ":/", "-").out))
            self.assertIn("evil-dir", out.getnames())
            self.assertEqual([n for n in out.getnames() if n.startswith(("proc/", "sys/"))], [])
            self.assertEqual([n for n in out.getnames() if os.path.basename(n) == "evil"], [])
            box.ok("cp", "-", container + ":/made/in", input=tar(("file", "/made/absolute", "x")))
            out = tarfile.open(fileobj=io.BytesIO(box.run("cp", container + ":/made", "-").out))
            self.assertIn("made/in/made/absolute", out.getnames())

    def test_a_reader_that_goes_away(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.running(box)
        process = box.start("cp", "web:/", "-")
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(60), 1)
        self.assertIn("Broken pipe", process.stderr.read().decode())
        process.stderr.close()
        process.stdin.close()

    def test_usage(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.stopped(box)
        for words in ((), ("a",), ("a", "b"), ("a", "b", "c"), ("-", "-"), (":x", "."), ("old:", "."), ("./old:x", "y"), ("", "old:/")):
            box.fails(2, "cp", *words)
        self.assertIn("no container 'nobody'", box.fails(1, "cp", "nobody:/etc", "."))
        self.running(box)
        for name in ("web", "old"):
            self.assertIn("same container", box.fails(2, "cp", name + ":/etc", name + ":/x"))


class BetweenContainers(Copies):
    def test_all_ways(self):
        for box in self.each():
            for name in ("old1", "old2"):
                self.stopped(box, name=name, script=f"mkdir /d; echo {name} > /d/f; chmod 600 /d/f")
            for name in ("new1", "new2"):
                self.running(box, name=name, script=f"mkdir /d; echo {name} > /d/f; echo x > /d/x; exec sleep 1000")
                self.eventually(lambda: box.run("exec", name, "test", "-e", "/d/x").status == 0, "the files")
            for giver in ("old1", "new1"):
                for taker in ("old2", "new2"):
                    box.ok("cp", giver + ":/d", f"{taker}:/from-{giver}")
                    box.ok("cp", f"{taker}:/from-{giver}/f", "f")
                    self.assertEqual(pathlib.Path(box.home, "f").read_text(), giver + "\n")
                    self.assertIn("/nothing", box.fails(1, "cp", giver + ":/nothing", taker + ":/"))
                    self.assertIn("/no/where", box.fails(1, "cp", giver + ":/bin", taker + ":/no/where/d"))


class Mounted(Copies):
    def test_volumes_of_a_container_that_runs(self):
        for box in self.each():
            host = os.path.join(box.home, "host")
            os.mkdir(host)
            os.chown(host, box.user.uid, box.user.uid)
            box.write("conf", b"old")
            self.running(box, "-v", "data:/srv/data", "-v", host + ":/host", "--tmpfs", "/t", "-v", box.home + "/conf:/etc/conf")
            box.write("f", b"new")
            for place in ("/srv/data", "/host", "/t", "/dev/shm"):
                box.ok("cp", "f", f"web:{place}/f")
                self.assertEqual(box.ok("exec", "web", "cat", place + "/f"), "new")
                box.ok("cp", f"web:{place}/f", "back")
            self.assertEqual(pathlib.Path(host, "f").read_text(), "new")
            self.assertEqual(os.stat(host + "/f").st_uid, box.user.uid)
            self.assertIn("is a mount", box.fails(1, "cp", "f", "web:/etc/conf"))
            self.assertEqual(pathlib.Path(box.home, "conf").read_text(), "old")
            self.assertEqual(box.ok("exec", "web", "cat", "/etc/conf"), "old")
            box.fails(1, "cp", "f", "web:/proc/f")
            self.assertIn("made by the kernel", box.fails(1, "cp", "web:/proc/1/status", "x"))
            self.assertIn("made by the kernel", box.fails(1, "cp", "web:/proc", "x"))

    def test_volumes_of_a_container_that_does_not_run(self):
        for box in self.each():
            self.stopped(box, "-v", "data:/srv/data", "-v", "/own", script="ln -s /srv/data /to; mkdir /x; echo v > /srv/data/v")
            box.write("f", b"new")
            os.makedirs(box.home + "/tree/srv/data")
            pathlib.Path(box.home, "tree/srv/data/f").write_text("x")
            subprocess.run(["chown", "-R", str(box.user.uid), box.home + "/tree"], check=True)
            for words in (("f", "old:/srv/data"), ("f", "old:/srv/data/x"), ("f", "old:/own/"), ("f", "old:/to"),
                          ("f", "old:/to/y"), ("tree/.", "old:/"), ("f", "old:/dev/x"), ("f", "old:/proc/x"),
                          ("f", "old:/etc/hosts"), ("old:/srv/data", "out"), ("old:/to/v", "out"), ("old:/own", "out")):
                self.assertIn("does not run", box.fails(1, "cp", *words), words)
            data = archives.Tree().file("srv/data/f", "x").bytes()
            self.assertIn("does not run", box.fails(1, "cp", "-", "old:/", input=data))
            box.ok("cp", "f", "old:/x")
            self.assertNotIn("data/f", box.ok("diff", "old"))
            box.ok("cp", "old:/srv", "srv")
            self.assertEqual(os.listdir(box.home + "/srv/data"), [])

    def test_what_went_in_is_there_at_the_next_start(self):
        for box in self.each():
            for backend in BACKENDS:
                box.ok("create", "--name", "c" + backend, "--backend", backend, "demo", "cat", "/f")
                box.write("f", b"early\n")
                box.ok("cp", "f", f"c{backend}:/f")
                self.assertEqual(box.ok("start", "-a", "c" + backend), "early\n")
                box.write("f", b"late\n")
                box.ok("cp", "f", f"c{backend}:/f")
                self.assertEqual(box.ok("start", "-a", "c" + backend), "late\n")

    def test_nobody_starts_or_removes_it_meanwhile(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.stopped(box)
        process = box.start("cp", "-", "old:/")
        self.eventually(lambda: child_of(process.pid), "the other process")
        box.fails(1, "rm", "old")
        box.fails(1, "start", "old")
        self.assertIn("try it again", box.fails(1, "cp", "old:/etc", "."))
        process.communicate(archives.Tree().file("f", "x").bytes(), timeout=60)
        self.assertEqual(process.returncode, 0)
        box.ok("rm", "old")


class Hostile(Copies):
    def test_symlinks_lead_nowhere_outside(self):
        for box, container in self.each_state("mkdir /made; ln -s ../../../../../../../../etc /made/up; ln -s /etc /made/abs; "
                                              "ln -s /proc/1/root/etc /made/magic; ln -s /proc/self/fd/3 /made/fd; ln -s /proc/self/root /made/root"):
            box.write("marker", b"inside")
            for link in ("up", "abs"):
                box.ok("cp", "marker", f"{container}:/made/{link}/marker-{container}")
                self.assertFalse(os.path.exists("/etc/marker-" + container))
                box.ok("cp", f"{container}:/etc/marker-{container}", "back")
                box.ok("cp", "-L", f"{container}:/made/{link}", f"etc-{link}-{container}")
                self.assertEqual(pathlib.Path(box.home, f"etc-{link}-{container}/os-release").read_text(), 'NAME="small"\n')
            for link in ("magic", "fd", "root"):
                box.fails(1, "cp", f"{container}:/made/{link}/x", "out")
                box.fails(1, "cp", "-L", f"{container}:/made/{link}", "out")
                box.fails(1, "cp", "marker", f"{container}:/made/{link}/x")
                self.assertFalse(os.path.exists(os.path.join(box.home, "out")))
            box.ok("cp", f"{container}:/../../../etc/os-release", "os-release")
            self.assertEqual(pathlib.Path(box.home, "os-release").read_text(), 'NAME="small"\n')

    def test_a_fifo_keeps_nobody(self):
        for box, container in self.each_state("mkdir /made; mkfifo /made/p; ln -s p /made/lp"):
            box.write("f", b"new")
            self.assertIn("neither a file", box.fails(1, "cp", "-L", container + ":/made/lp", "x", timeout=30))
            self.assertIn("Not a directory", box.fails(1, "cp", "f", container + ":/made/p/x/y", timeout=30))
            box.ok("cp", "f", container + ":/made/p", timeout=30)
            box.ok("cp", container + ":/made/p", "p-" + container)
            self.assertEqual(pathlib.Path(box.home, "p-" + container).read_text(), "new")
            os.mkfifo(box.home + "/here-" + container)
            box.ok("cp", container + ":/etc/os-release", "here-" + container, timeout=30)
            self.assertTrue(os.path.isfile(box.home + "/here-" + container))

    def test_symlinks_of_the_container_are_not_followed_here(self):
        """What comes out replaces a symlink and never goes through one."""
        for box, container in self.each_state("mkdir -p /made/d; echo evil > /made/d/f"):
            victim = os.path.join(box.home, "victim")
            os.makedirs(victim)
            pathlib.Path(victim, "f").write_text("good")
            where = os.path.join(box.home, "where-" + container)
            os.makedirs(where)
            os.symlink(victim, where + "/d")
            subprocess.run(["chown", "-hR", str(box.user.uid), where, victim], check=True)
            self.assertIn("is a directory here", box.fails(1, "cp", container + ":/made/d", where))
            self.assertEqual(pathlib.Path(victim, "f").read_text(), "good")
            os.unlink(where + "/d")
            os.mkdir(where + "/d")
            os.symlink(victim + "/f", where + "/d/f")
            subprocess.run(["chown", "-hR", str(box.user.uid), where], check=True)
            box.ok("cp", container + ":/made/d", where)
            self.assertEqual(pathlib.Path(victim, "f").read_text(), "good")
            self.assertEqual(pathlib.Path(where, "d/f").read_text(), "evil\n")
            subprocess.run(["rm", "-r", victim], check=True)

    def test_a_directory_that_is_swapped_for_a_symlink_meanwhile(self):
        """CVE-2018-15664: the container swaps what is on the way between a look and a use."""
        swap = ("mkdir -p /s/a/etc /s/b; echo inside > /s/a/etc/os-release; ln -s / /s/l; echo x > /made; cd /s; "
                "while :; do mv a b/a; mv l a; mv a l; mv b/a a; done 2>/dev/null")
        for box in self.each():
            self.running(box, script=swap)
            self.eventually(lambda: box.run("exec", "web", "test", "-e", "/made").status == 0, "the script")
            box.write("mine", b"mine")
            begun = time.monotonic()
            seen = set()
            while (passed := time.monotonic() - begun) < 4 or (not seen and passed < 60):
                result = box.run("cp", "web:/s/a/etc/os-release", "-")
                if result.status == 0:
                    tar = tarfile.open(fileobj=io.BytesIO(result.out))
                    seen.add(tar.extractfile("os-release").read())
                box.run("cp", "mine", "web:/s/a/etc/layerbox-was-here")
                self.assertFalse(os.path.exists("/etc/layerbox-was-here"))
            self.assertLessEqual(seen, {b"inside\n", b'NAME="small"\n'})
            self.assertTrue(seen)

    def test_nothing_of_the_container_is_loaded(self):
        """CVE-2019-14271: libraries and their configuration lie in wait where a program would look for them."""
        def trap(tree):
            for name in ("usr/lib/x86_64-linux-gnu/gconv/gconv-modules", "usr/lib/gconv/gconv-modules", "etc/nsswitch.conf",
                         "etc/ld.so.cache", "etc/ld.so.preload", "usr/lib/locale/locale-archive", "etc/localtime"):
                for depth in range(1, name.count("/") + 1):
                    tree.dir("/".join(name.split("/")[:depth]))
                tree.file(name, "trap")
        for user in (ROOT, RANGED):
            box = self.box(user)
            box.image(archives.rootfs(trap), "demo")
            self.running(box)
            name = "käse-\udcff"
            box.write(name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"), b"x")
            trace = os.path.join(box.home, "trace")
            if user == ROOT:
                subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=openat,open,setns,chroot", harness.place.program, "cp",
                                os.fsencode(box.home) + b"/" + os.fsencode(name), "web:/"], env=box.environment(), check=True)
                text = pathlib.Path(trace).read_text(errors="replace")
                inside = text[text.rindex("CLONE_NEWNS"):]
                inside = re.search(r"^(\d+) +chroot\b.*", inside, re.MULTILINE | re.DOTALL)
                inside = "\n".join(line for line in inside[0].splitlines() if line.startswith(inside[1]))
                self.assertIn('"/usr/', inside)  # a library does look
                self.assertNotRegex(inside, r'open(at)?\([^)]*"/[^)]*\) = [0-9]')
            else:
                box.ok("cp", os.path.join(box.home, name), "web:/")

    def test_it_cannot_be_looked_into(self):
        """With --pid host the container sees the process that is in it."""
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.running(box, "--pid", "host", "--cap-add", "SYS_PTRACE")
        process = box.start("cp", "-", "web:/")
        child = self.eventually(lambda: child_of(process.pid), "the other process")
        self.eventually(lambda: os.listdir(f"/proc/{child}/root") == [], "a root that is empty")
        self.eventually(lambda: "CapEff:\t000000008000001f" in pathlib.Path(f"/proc/{child}/status").read_text(), "few capabilities")
        for command in ("ls", "/root/"), ("ls", "/fd"), ("head", "/mem"), ("head", "/environ"), ("readlink", "/exe"):
            result = box.run("exec", "web", command[0], f"/proc/{child}{command[1]}")
            self.assertNotEqual(result.status, 0, command)
        held = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
        self.assertEqual(len([one for one in held if not one.startswith("pipe:")]), 1, held)
        process.communicate(archives.Tree().file("f", "x").bytes(), timeout=60)
        self.assertEqual(process.returncode, 0)

    def test_devices_and_sockets(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(lambda tree: tree.dir("d").file("d/f", "x").add("d/dev", tarfile.BLKTYPE, major=8, minor=0, mode=0o666)), "demo")
        self.stopped(box)
        result = box.run("cp", "old:/d", ".")
        self.assertEqual(result.status, 0, result.errors)
        self.assertIn("device", result.errors)
        self.assertEqual(os.listdir(box.home + "/d"), ["f"])
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            self.stopped(box)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(box.home + "/sock")
                self.assertIn("is a socket", box.fails(1, "cp", "sock", "old:/"))
            if user != ROOT:
                self.assertIn("ermission denied", box.fails(1, "cp", "old:/etc/passwd", "/root/x"))
                self.assertFalse(os.path.exists("/root/x"))
                secret = os.path.join(box.home, "secret")
                pathlib.Path(secret).write_text("root's")
                os.chmod(secret, 0o600)
                self.assertIn("ermission denied", box.fails(1, "cp", "secret", "old:/"))


if __name__ == "__main__":
    main()
