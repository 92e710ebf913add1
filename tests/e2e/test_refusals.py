"""What a user reads on a machine that does not let containers be made: the thing, the cause, and the way out."""
import errno
import os
import pathlib
import resource
import shutil

import archives
import harness
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main
from machines import (CLONE_NEWUSER, MS_NOEXEC, MS_NOSUID, MS_RDONLY, bind, cgroup_mounts, chroot_into, elsewhere, mount, need_root,
                      no_new_privileges, refusing, without_user_namespaces)

RUN = ("run", "demo", "true")


class Refusals(E2E):
    def setUp(self):
        need_root(self)

    def each(self, users=EVERYBODY):
        for user in users:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            with self.subTest(user.name):
                yield box

    def assert_says(self, result, status, *words, hint=()):
        self.assertEqual(result.status, status, result.errors)
        self.assert_proper_error(result)
        error, hint_line = (result.errors.splitlines() + [""])[:2]
        for word in words:
            self.assertIn(word, error)
        for word in (hint,) if isinstance(hint, str) else hint:
            self.assertIn(word, hint_line)


class UserNamespaces(Refusals):
    def test_none_are_allowed(self):
        for box in self.each():
            result = elsewhere(without_user_namespaces, lambda: box.run(*RUN))
            self.assert_says(result, 125, "no user namespace is allowed here (user.max_user_namespaces is 0)",
                             hint="sysctl -w user.max_user_namespaces=")
            self.assertNotIn("No space left", result.errors)
        box = self.box(RANGED)  # whose files are written in one
        result = elsewhere(without_user_namespaces, lambda: box.run("pull-tar", "-", input=archives.rootfs()))
        self.assert_says(result, 1, "user.max_user_namespaces is 0", hint="sysctl -w")

    def test_a_filter_forbids_them(self):
        for box in self.each():
            result = box.run(*RUN, preexec_fn=lambda: (refusing({"clone3": errno.ENOSYS})(), refusing(
                {"clone": errno.EPERM, "unshare": errno.EPERM}, mask=CLONE_NEWUSER)()))
            self.assert_says(result, 125, "namespace", "Operation not permitted: a filter of system calls (seccomp) around layerbox",
                             hint="seccomp=unconfined")

    def test_a_filter_forbids_to_mount(self):
        everything = dict.fromkeys(("mount", "fsopen", "open_tree", "move_mount", "mount_setattr"), errno.EPERM)
        for box in self.each((ROOT, SINGLE)):  # newuidmap has no rights below a filter
            result = box.run(*RUN, preexec_fn=refusing(everything))
            self.assert_says(result, 125, "a filter of system calls (seccomp) around layerbox", hint="--privileged")

    def test_a_filter_that_knows_no_clone3_is_no_hindrance(self):
        for box in self.each((ROOT, SINGLE)):  # newuidmap is started by the C library's clone3
            self.assertEqual(box.run("run", "demo", "echo", "hi", preexec_fn=refusing({"clone3": errno.EPERM})).text, "hi\n")

    def test_a_chroot_is_named(self):
        for box in self.each():
            top = f"{box.home}/top"
            os.mkdir(top)
            result = elsewhere(lambda: chroot_into(top), lambda: box.run(*RUN))
            self.assert_says(result, 125, "Operation not permitted: layerbox is inside a chroot", hint=("systemd-nspawn", "pivot_root"))
            if box.user == ROOT:
                result = elsewhere(lambda: (mount("tmpfs", top, "tmpfs"), chroot_into(top)), lambda: box.run(*RUN))
                self.assert_says(result, 125, "layerbox is inside a chroot")

    def test_a_machine_without_proc(self):
        if "ASAN_OPTIONS" in os.environ:
            self.skipTest("AddressSanitizer finds its stack in /proc; the program as it ships is tested")
        for box in self.each():
            result = elsewhere(lambda: mount("tmpfs", "/proc", "tmpfs"), lambda: box.run(*RUN))
            self.assert_says(result, 125, "'/proc/self/ns/user': No such file or directory", hint="mount -t proc proc /proc")

    def test_an_older_kernel(self):
        words = {"mount_setattr": (*RUN[:1], "--read-only", *RUN[1:]), "openat2": RUN, "close_range": RUN}
        for call, run in words.items():
            for box in self.each((ROOT, SINGLE)):
                result = box.run(*run, preexec_fn=refusing({call: errno.ENOSYS}))
                self.assert_says(result, 125, "Function not implemented", hint=("Linux 5.12", "'layerbox doctor'"))

    def test_a_kernel_without_filters(self):
        for box in self.each((ROOT, SINGLE)):
            result = box.run(*RUN, preexec_fn=refusing({"seccomp": errno.ENOSYS}))
            self.assert_says(result, 125, "installing the seccomp filter", hint="seccomp=unconfined")


class Ids(Refusals):
    def test_the_helpers_are_missing(self):
        def hide():
            for name in ("newuidmap", "newgidmap"):
                bind("/dev/null", f"/usr/bin/{name}")

        box = self.box(RANGED)
        box.image(archives.rootfs(), "demo")
        self.assert_says(elsewhere(hide, lambda: box.run(*RUN)), 125, "newuidmap is not installed", hint="uidmap on Debian")

    def test_the_helpers_have_no_rights(self):
        def plain_copies():
            for name in ("newuidmap", "newgidmap"):
                shutil.copy(f"/usr/bin/{name}", f"{harness.place.path}/{name}")
                os.chmod(f"{harness.place.path}/{name}", 0o755)
                bind(f"{harness.place.path}/{name}", f"/usr/bin/{name}")

        for box in self.each((RANGED,)):
            self.assert_says(elsewhere(plain_copies, lambda: box.run(*RUN)), 125, "newuidmap",
                             "'/usr/bin/newuidmap' has no rights", hint="chmod u+s /usr/bin/newuidmap")
            self.assert_says(elsewhere(lambda: bind("/usr/bin", "/usr/bin", MS_NOSUID), lambda: box.run(*RUN)), 125,
                             "mounted nosuid", hint="without nosuid")
            self.assert_says(box.run(*RUN, preexec_fn=no_new_privileges), 125, "started with no_new_privs",
                             hint="NoNewPrivileges=no")

    def test_there_is_no_range_or_a_small_one(self):
        box = self.box(SINGLE)
        box.image(archives.rootfs(), "demo")
        self.assert_says(box.run("run", "--user", "33", "demo", "true"), 125, "user id 33 is not mapped",
                         hint="usermod --add-subuids 965536-1031071 --add-subgids 965536-1031071 single")

        def ten_ids():
            for name in ("subuid", "subgid"):
                pathlib.Path(harness.place.path, f"{name}.small").write_text("ranged:900000:10\n", encoding="ascii")
                bind(f"{harness.place.path}/{name}.small", f"/etc/{name}")

        box = self.box(RANGED)
        elsewhere(ten_ids, lambda: box.image(archives.rootfs(), "demo"))
        result = elsewhere(ten_ids, lambda: box.run("run", "--user", "33", "demo", "true"))
        self.assert_says(result, 125, "user id 33 is not mapped", hint="within the container's id range")


class Mounts(Refusals):
    def test_proc_is_partly_covered(self):
        for box in self.each():
            result = elsewhere(lambda: mount("tmpfs", "/proc/sys", "tmpfs"), lambda: box.run(*RUN))
            self.assert_says(result, 125, "mounting '/proc': Operation not permitted", "'/proc/sys' is covered",
                             hint=("systempaths=unconfined", "unmask=ALL"))

    def test_there_is_no_overlayfs(self):
        no_overlay = refusing({"mount": errno.ENODEV}, argument=3, value=0)  # all other mounts have flags
        for box in self.each((ROOT, SINGLE)):
            self.assert_says(box.run("run", "--backend", "overlay", "demo", "true", preexec_fn=no_overlay), 125,
                             "backend overlay does not work here: the kernel has no overlayfs")
            self.assertEqual(box.run("run", "demo", "echo", "hi", preexec_fn=no_overlay).text, "hi\n")  # copied

    def test_the_stores_file_system_cannot_map_ids(self):
        for box in self.each((ROOT,)):
            no_idmap = refusing({"mount_setattr": errno.EINVAL})
            self.assert_says(box.run(*RUN, preexec_fn=no_idmap), 125, f"rootfs '{box.store}'", "has no id-mapped mounts",
                             hint=("--userns host", "--root", "'layerbox doctor'"))

    def test_the_stores_file_system_cannot_be_written_on_by_overlayfs(self):
        for box in self.each():
            parts = [f"{box.home}/{name}" for name in ("lower", "upper", "work", "merged")]
            for part in parts:
                os.mkdir(part)
                os.chown(part, box.user.uid, box.user.uid)
            box.store = f"{parts[3]}/store"
            result = elsewhere(lambda: mount("overlay", parts[3], "overlay", 0,
                                             "lowerdir={},upperdir={},workdir={}".format(*parts[:3])),
                               lambda: box.run("pull-tar", "-", input=archives.rootfs()))
            self.assert_says(result, 1, "it is an overlay itself", hint="with --root")

    def test_the_store_is_mounted_noexec(self):
        for box in self.each():
            result = elsewhere(lambda: bind(box.store, box.store, MS_NOEXEC), lambda: box.run("run", "--backend", "copy", "demo", "true"))
            self.assert_says(result, 126, "/bin/true lies on a file system that is mounted noexec",
                             hint=("mount its file system with exec", "--root"))

    def test_a_machine_without_device_nodes(self):
        for box in self.each():
            result = elsewhere(lambda: mount("tmpfs", "/dev", "tmpfs"), lambda: box.run(*RUN))
            self.assert_says(result, 125, "making '/dev/null'", "this machine has no '/dev/null'", hint="devtmpfs")

    def test_cgroups_are_read_only_or_covered(self):
        def read_only():
            for point in cgroup_mounts():
                bind(point, point, MS_RDONLY)

        if not cgroup_mounts():
            harness.skip(self, "cgroups", "no cgroup file system is mounted")
        for box in self.each():
            limited = lambda: box.run("run", "-m", "64m", "demo", "true")  # noqa: E731
            self.assert_says(elsewhere(read_only, limited), 125, "memory limit", "is mounted read-only",
                             hint="layerbox may be inside a container")
            covered = elsewhere(lambda: mount("tmpfs", "/sys/fs/cgroup", "tmpfs"), limited)
            self.assert_says(covered, 125, "memory limit: there is no cgroup controller 'memory' here", hint="not be mounted")


class Limits(Refusals):
    def test_the_disk_is_full(self):
        for box in self.each():
            small = f"{box.home}/small"
            os.mkdir(small)

            def prepare(size):
                mount("tmpfs", small, "tmpfs", 0, f"size={size},mode=0777")
                box.store = f"{small}/store"

            result = elsewhere(lambda: prepare("600k"), lambda: box.run("pull-tar", "-", input=archives.rootfs()))
            self.assert_says(result, 1, "No space left on device", hint="make room")

            def fill():
                box.image(archives.rootfs(), "demo")
                with open(f"{small}/fill", "wb", buffering=0) as file:
                    try:
                        while file.write(b"x" * 65536):
                            pass
                    except OSError as error:
                        assert error.errno == errno.ENOSPC
                return box.run(*RUN)

            self.assert_says(elsewhere(lambda: prepare("8m"), fill), 125, "No space left on device", hint="make room")

    def test_no_more_processes(self):
        for box in self.each((RANGED, SINGLE)):
            # LeakSanitizer looks for leaks in a process of its own.
            result = box.run(*RUN, env={"ASAN_OPTIONS": "detect_leaks=0"},
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1)))
            self.assert_says(result, 125, "the user may have no more processes ('ulimit -u' is 1)", hint="ulimit -u")

    def test_no_more_descriptors(self):
        for box in self.each():
            for count in (6, 8, 10, 12):
                result = box.run(*RUN, preexec_fn=lambda n=count: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
                self.assert_says(result, 125, "Too many open files", hint="ulimit -n")


if __name__ == "__main__":
    main()
