"""Mounts beyond plain volumes, for everybody: what propagates, overlays, devices, targets that lie."""
import ctypes
import os
import random
import stat
import tarfile
import threading
import time

import archives
import harness
from archives import Tree, config, docker_archive
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, mounts

STARTS = int(os.environ.get("LAYERBOX_RACE_STARTS", "25"))
RENAME_EXCHANGE = 2
AT_FDCWD = -100


def directory(box, name, **files):
    path = os.path.join(box.home, name)
    os.makedirs(path, exist_ok=True)
    for file, text in files.items():
        with open(os.path.join(path, file), "w", encoding="ascii") as out:
            out.write(text)
        os.chown(os.path.join(path, file), box.user.uid, box.user.uid)
    os.chown(path, box.user.uid, box.user.uid)
    return path


class Mounts(E2E):
    def each(self, extra=None):
        return self.each_with_image(archives.rootfs(extra))

    def test_missing_sources_are_named_and_not_made(self):
        for box in self.each():
            missing = os.path.join(box.home, "no", "such")
            for flags in (("-v", f"{missing}:/x"), ("--mount", f"type=bind,src={missing},dst=/x"), ("-v", f"{missing}:/x:O")):
                errors = box.fails(125, "run", *flags, "demo", "true")
                self.assertIn(f"'{missing}'", errors)
                self.assertIn("layerbox makes no source that is missing", errors)
            self.assertFalse(os.path.exists(missing))

    def test_nested_mounts_in_any_order_and_files_on_files(self):
        for box in self.each():
            outer = directory(box, "outer", a="outer a\n", b="outer b\n")
            inner = directory(box, "inner", c="inner c\n")
            script = "cat /m/a /m/b /m/deep/c"
            flags = [f"{inner}:/m/deep", f"{inner}/c:/m/b", f"{outer}:/m"]
            for order in (flags, flags[::-1]):
                words = [word for flag in order for word in ("-v", flag)]
                self.assertEqual(box.ok("run", *words, "demo", "sh", "-c", script), "outer a\ninner c\ninner c\n")

    def test_an_overlay_takes_the_writes_and_the_source_stays(self):
        for box in self.each():
            source = directory(box, "source", a="old\n", b="here\n")
            os.chmod(source, 0o750)
            before = harness.fingerprint(source)
            script = ("echo new > /m/a; rm /m/b; mkdir /m/d; touch /m/d/e; cat /m/a; ls /m; stat -c %a:%u /m; "
                      "grep -c ' /m overlay ' /proc/self/mounts")
            for more in ((), ("--name", "kept"), ("--read-only",), ("--backend", "copy")):
                shown = box.ok("run", *more, "-v", f"{source}:/m:O", "demo", "sh", "-c", script)
                self.assertEqual(shown, "new\na\nd\n750:0\n1\n")
                self.assertEqual(harness.fingerprint(source), before)
            # A kept container has kept nothing of it.
            self.assertEqual(box.ok("rm", "kept"), "kept\n")
            self.assertEqual(os.listdir(os.path.join(box.store, "containers")), [])
            # Two at once, and one of another user inside.
            if box.user is not SINGLE:
                box.ok("run", "-v", f"{source}:/m:O", "-v", f"{source}:/n:O", "demo", "sh", "-c",
                       "echo 1 > /m/x; test ! -e /n/x && chown alice /n/a && rm -r /m/*")
            self.assertEqual(harness.fingerprint(source), before)

    def test_overlays_that_make_no_sense(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        source = directory(box, "source", a="x")
        for flag in (f"{source}:/m:O,ro", "name:/m:O", f"{source}:/m:O,noidmap"):
            box.fails(2, "run", "-v", flag, "demo", "true")
        self.assertIn("Not a directory", box.fails(125, "run", "-v", f"{source}/a:/m:O", "demo", "true"))

    def test_a_killed_run_leaves_no_overlay(self):
        for box in self.each():
            source = directory(box, "source", a="x")
            process = box.start("run", "-v", f"{source}:/m:O", "demo", "sh", "-c", "touch /m/new; echo up; sleep 1000")
            self.assertEqual(process.stdout.readline(), b"up\n")
            process.kill()
            process.communicate()
            box.ok("ps")
            self.eventually(lambda: box.ok("ps", "-a") and not os.listdir(os.path.join(box.store, "containers"))
                            and not os.listdir(os.path.join(box.store, "trash")), "the container's directory goes")
            self.assertEqual(os.listdir(source), ["a"])


class Devices(E2E):
    def boxes(self, *users):
        for user in users:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            with self.subTest(user.name):
                yield box

    def node(self, box, name, mode, major=1, minor=5, owner=0):
        path = os.path.join(box.home, name)
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(major, minor))
        os.chmod(path, mode)
        os.chown(path, owner, owner)
        return path

    def test_root_gets_a_node_of_his_own(self):
        for box in self.boxes(ROOT):
            node = self.node(box, "private", 0o640)
            shown = box.ok("run", "--device", f"{node}:/dev/made/zero", "demo", "sh", "-c",
                           "stat -c '%a %u:%g %t:%T' /dev/made/zero; head -c 3 /dev/made/zero | wc -c; echo x > /dev/made/zero && echo wrote")
            self.assertEqual(shown, "640 0:0 1:5\n3\nwrote\n")
            self.assertEqual(stat.S_IMODE(os.stat(node).st_mode), 0o640)
            # The same name, several at once, through a symlink, outside of /dev, with and without ids of its own.
            os.symlink(node, node + "-link")
            for userns in ("auto", "host"):
                self.assertEqual(box.ok("run", "--userns", userns, "--device", "/dev/full", "--device", f"{node}-link:/srv/z", "demo", "sh",
                                        "-c", "head -c 2 /srv/z | wc -c; stat -c %t:%T /dev/full"), "2\n1:7\n")
            # What a container makes or finds itself still opens nothing.
            self.assertEqual(box.run("run", "--device", f"{node}:/dev/z", "-v", f"{box.home}:/h", "demo", "sh", "-c",
                                     "head -c 1 /h/private || echo refused").text, "refused\n")

    def test_an_access_is_a_list_of_devices(self):
        for box in self.boxes(ROOT):
            node = self.node(box, "log", 0o666, 1, 11)
            script = "echo layerbox tests > /dev/z && echo wrote || echo refused; echo x > /dev/null && echo null"
            self.assertEqual(box.ok("run", "--device", f"{node}:/dev/z", "demo", "sh", "-c", script), "wrote\nnull\n")
            result = box.run("run", "--device", f"{node}:/dev/z:r", "demo", "sh", "-c", script)
            if result.status == 125:
                harness.skip(self, "cgroups", result.errors)
            self.assertEqual(result.text, "refused\nnull\n")

    def test_others_get_what_they_may_open_themselves(self):
        for box in self.boxes(RANGED, SINGLE):
            open_node = self.node(box, "open", 0o666)
            own_node = self.node(box, "own", 0o600, owner=box.user.uid)
            for node in (open_node, own_node):
                self.assertEqual(box.ok("run", "--device", f"{node}:/dev/z", "demo", "sh", "-c", "head -c 3 /dev/z | wc -c"), "3\n")
            closed = self.node(box, "closed", 0o660)
            errors = box.fails(125, "run", "--device", closed, "demo", "true")
            self.assertIn(f"device '{closed}'", errors)
            self.assertIn("its mode is 0660", errors)

    def test_what_is_no_device(self):
        for box in self.boxes(*EVERYBODY):
            self.assertIn("'/no/such'", box.fails(125, "run", "--device", "/no/such", "demo", "true"))
            self.assertIn("is no device node", box.fails(125, "run", "--device", "/etc/passwd", "demo", "true"))
            for flag in ("zero", "/dev/zero:/x:rwx", "/dev/zero:/x:r:w", "/dev/zero:/../x", "/dev/zero:/x:"):
                box.fails(2, "run", "--device", flag, "demo", "true")
            box.fails(125, "run", "--device", "/dev/zero:/proc/zero", "demo", "true")


class Racer(E2E):
    """Somebody renames what is on the way to a target while containers start. Wherever the mount ends up, it is inside,
    and nothing is made on the host."""

    def race(self, box, start, swap):
        stop = threading.Event()

        def spin():
            while not stop.is_set():
                swap()

        racer = threading.Thread(target=spin)
        racer.start()
        try:
            return [start() for _ in range(STARTS)]
        finally:
            stop.set()
            racer.join()

    def test_a_target_that_becomes_a_symlink(self):
        for user in EVERYBODY:
            box = self.box(user)
            with self.subTest(user.name):
                root = os.path.join(box.home, "rootfs")
                box.image(archives.rootfs(), "demo")
                victim = os.path.join(box.home, "victim")
                # The way out has a namesake inside, so that a start can succeed either way.
                os.makedirs(root + victim + "/real")
                for name in ("bin", "etc", "proc", "sys", "dev", "work/real"):
                    os.makedirs(os.path.join(root, name))
                with open(os.path.join(root, "bin/busybox"), "wb") as file:
                    file.write(archives.busybox())
                os.chmod(os.path.join(root, "bin/busybox"), 0o755)
                os.makedirs(os.path.join(victim, "real"))
                # `work` is a directory and, half of the time, a way out.
                os.symlink("../" * 20 + victim.lstrip("/"), os.path.join(root, "away"))
                source = os.path.join(box.home, "source")
                os.makedirs(source)
                for path in (source, os.path.join(box.home, "store")):
                    os.makedirs(path, exist_ok=True)
                for directory, names, files in os.walk(box.home):
                    for name in names + files:
                        os.lchown(os.path.join(directory, name), user.uid, user.uid)
                libc = harness.libc
                one, two = (os.path.join(root, n).encode() for n in ("work", "away"))

                def swap():
                    time.sleep(random.random() / 500)
                    libc.renameat2(AT_FDCWD, ctypes.c_char_p(one), AT_FDCWD, ctypes.c_char_p(two), RENAME_EXCHANGE)

                host = mounts()
                before = harness.fingerprint(victim)

                def start():
                    return box.run("run", "--rootfs", root, "-v", f"{source}:/work/real/new", "-v", f"{source}:/work/file/made:O",
                                   "--tmpfs", "/work/real/tmp", "--device", "/dev/zero:/work/dev/zero",
                                   "/bin/busybox", "grep", "-c", "/work/", "/proc/self/mounts")

                results = self.race(box, start, swap)
                self.assertEqual(mounts(), host)
                self.assertEqual(harness.fingerprint(victim), before)
                self.assertEqual(os.listdir(source), [])
                for result in results:
                    self.assertIn(result.status, (0, 1, 125), result.errors)
                self.assertTrue(any(result.status == 0 for result in results), results[0].errors)

    def test_targets_through_proc_etc_and_dots(self):
        def evil(tree):
            tree.symlink("p", "/proc/self/root").symlink("d", "../../../../../../../..").symlink("c", "/proc/1/cwd")
            tree.symlink("fd", "/proc/self/fd/3").symlink("e", "/etc").symlink("dangling", "/../../no/such")
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(evil), "evil")
            with self.subTest(user.name):
                source = os.path.join(box.home, "source")
                os.makedirs(source)
                os.chown(source, user.uid, user.uid)
                host, etc, top = mounts(), sorted(os.listdir("/etc")), sorted(os.listdir("/"))
                for target in ("/p/x", "/d/x", "/c/x", "/fd", "/fd/x", "/e/x", "/dangling", "/dangling/x", "/proc/x", "/e/../x/../e/y"):
                    for option in ("", ":O"):
                        result = box.run("run", "-v", f"{source}:{target}{option}", "evil", "touch", "/etc/x/inside")
                        self.assertIn(result.status, (0, 1, 2, 125), result.errors)
                self.assertEqual((mounts(), sorted(os.listdir("/etc")), sorted(os.listdir("/"))), (host, etc, top))
                self.assertIn(os.listdir(source), ([], ["inside"]))


class Places(E2E):
    """Of /etc/hosts and its like, whatever an image has there; by the launcher, or by the container's process."""

    LOOK = "head -n 1 /etc/hosts; ls /etc | tr '\\n' ' '; stat -L -c '%a %u:%g' /etc"
    PROVIDED = "hostname hosts resolv.conf"
    IMAGES = {
        "missing": (lambda top: top.dir("etc", mode=0o750, uid=7, gid=8), f"group {PROVIDED} os-release passwd 750 7:8"),
        "hidden by an opaque mark": (lambda top: top.dir("etc").file("etc/.wh..wh..opq").file("etc/a"), f"a {PROVIDED} 755 0:0"),
        "whiteouts": (lambda top: top.file("etc/.wh.hosts").file("etc/.wh.group"), f"{PROVIDED} os-release passwd 755 0:0"),
        "no etc": (lambda top: top.file(".wh.etc"), f"{PROVIDED} 755 0:0"),
        "a symlink": (lambda top: top.dir("elsewhere").symlink("etc", "elsewhere"), f"{PROVIDED} 755 0:0"),
        "files": (lambda top: top.file("etc/hosts", "mine").symlink("etc/hostname", "hosts"),
                  "group hostname hosts os-release passwd resolv.conf 755 0:0"),
    }

    def image(self, change):
        top = Tree()
        change(top)
        layers = [archives.rootfs(), top.bytes()]
        return docker_archive([(config(layers), layers, ["demo"])])

    def test_are_made_in_any_image(self):
        for name, (change, wanted) in self.IMAGES.items():
            for box in self.each_with_image(self.image(change)):
                for backend in ("overlay", "copy"):
                    with self.subTest(f"{box.user.name}: {name}, {backend}"):
                        hosts, seen = box.ok("run", "--backend", backend, "demo", "sh", "-c", self.LOOK).split("\n", 1)
                        if box.user is SINGLE:  # to whom all files belong
                            wanted = wanted.replace("7:8", "0:0")
                        self.assertIn("localhost" if name != "files" else "", hosts)
                        self.assertEqual(sorted(seen.split()), sorted(wanted.split()))

    def test_are_no_change(self):
        for box in self.each_with_image(self.image(self.IMAGES["missing"][0])):
            box.ok("run", "--name", "kept", "--backend", "overlay", "demo", "true")
            self.assertEqual(box.ok("diff", "kept"), "")
            self.assertEqual(box.ok("run", "--backend", "overlay", "demo", "stat", "-c", "%Y", "/etc"), f"{archives.MTIME}\n")

    def test_nothing_is_made_outside(self):
        for box in self.each_with_image(archives.rootfs()):
            canary = directory(box, "canary")
            for change in (lambda top: top.symlink("etc", canary), lambda top: top.symlink("etc", "../" * 20 + canary[1:]),
                           lambda top: top.symlink("etc/hosts", canary + "/x"), lambda top: top.file("etc", "no directory"),
                           lambda top: top.symlink("etc", "/proc/self/cwd"), lambda top: top.add("etc", tarfile.FIFOTYPE)):
                box.image(self.image(change), "evil")
                box.run("run", "--backend", "overlay", "evil", "true", timeout=30)
                self.assertEqual(os.listdir(canary), [])
                self.assertEqual(os.listdir(box.store + "/containers"), [])


if __name__ == "__main__":
    main()
