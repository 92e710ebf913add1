"""doctor: it finds out what is missing by trying, leaves nothing, and its last word is that of `run`."""
import errno
import json
import os
import resource

import archives
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, fingerprint, main, mounts
from machines import (CLONE_NEWUSER, MS_NOEXEC, MS_RDONLY, bind, cgroup_mounts, chroot_into, elsewhere, mount, need_root,
                      no_new_privileges, refusing, without_user_namespaces)
from test_limits import hierarchies

CHECKS = ["kernel", "openat2", "clone3", "mount_api", "pidfd", "close_range", "seccomp", "landlock", "security_module",
          "user_namespaces", "namespaces", "proc", "sys", "newuidmap", "subordinate_ids", "store", "file_system", "overlay",
          "idmapped_mounts", "cgroups", "cgroup_memory", "cgroup_cpu", "cgroup_cpuset", "cgroup_pids", "cgroup_io",
          "cgroup_hugetlb", "cgroup_devices", "network", "open_files", "processes", "container"]
DOCTOR = ("doctor", "--format", "json")


def handed_down():
    """What each cgroup of version 2 hands down to those below: doctor must leave that alone."""
    found = {}
    for point in hierarchies():
        try:
            with open(f"{point}/cgroup.subtree_control", encoding="ascii") as file:
                found[point] = file.read()
        except FileNotFoundError:
            pass
    return found


def content(box):
    return [line for line in fingerprint(box.store) if b"layerbox.db-" not in line[0]]


class Doctor(E2E):
    def setUp(self):
        need_root(self)

    def diagnosis(self, box, status=0, **more):
        """Finding by check, after all that holds of any diagnosis has been looked at."""
        return self.read(box.run(*DOCTOR, **more), status)

    def read(self, result, status=0):
        self.assertEqual((result.status, result.errors), (status, ""), result.text)
        findings = json.loads(result.text)
        self.assertEqual([finding["check"] for finding in findings], CHECKS)
        for finding in findings:
            self.assertEqual(list(finding), ["check", "state", "what", "how"])
            self.assertIn(finding["state"], ("ok", "limited", "missing"))
            self.assertNotEqual(finding["what"], "")
            if finding["state"] == "ok":
                self.assertEqual(finding["how"], "", finding)
        by_check = {finding["check"]: finding for finding in findings}
        self.assertEqual(by_check["container"]["state"], "missing" if status else "ok")
        return by_check

    def assert_found(self, finding, state, what="", how=""):
        self.assertEqual(finding["state"], state, finding)
        self.assertIn(what, finding["what"])
        self.assertIn(how, finding["how"])

    def each(self, users=EVERYBODY, image=False):
        for user in users:
            box = self.box(user)
            if image:
                box.image(archives.rootfs(), "demo")
            with self.subTest(user.name):
                yield box

    # On this machine.

    def test_a_container_runs_and_nothing_is_left(self):
        for box in self.each(image=True):
            box.ok("run", "demo", "true")
            before = content(box), mounts(), handed_down()
            found = self.diagnosis(box)
            self.assertEqual((content(box), mounts(), handed_down()), before)
            for check in ("kernel", "openat2", "mount_api", "pidfd", "close_range", "seccomp", "user_namespaces", "namespaces",
                          "proc", "store", "overlay", "idmapped_mounts"):
                self.assertEqual(found[check]["state"], "ok", found[check])
            self.assert_found(found["store"], "ok", box.store)
            self.assertEqual(found["subordinate_ids"]["state"], "limited" if box.user == SINGLE else "ok")

    def test_no_store_is_made(self):
        for box in self.each():
            found = self.diagnosis(box)
            self.assert_found(found["store"], "ok", f"'{box.store}' is not there yet and will be made in '{box.home}'")
            self.assertEqual(os.listdir(box.home), [])

    def test_people_get_a_line_a_check_and_the_verdict(self):
        box = self.box(SINGLE)
        lines = box.ok("doctor").splitlines()
        self.assertEqual(lines[-1], "containers can run here")
        self.assertEqual([line.split()[1] for line in lines[:-1] if line[0] != " "], CHECKS)
        at = next(i for i, line in enumerate(lines) if line.startswith("limited  subordinate_ids"))
        self.assertIn("→ as root: usermod --add-subuids", lines[at + 1])

    def test_a_limit_that_it_says_can_be_set_can_be_set(self):
        flags = {"cgroup_memory": ("-m", "64m"), "cgroup_pids": ("--pids-limit", "50"), "cgroup_cpu": ("--cpus", "1"),
                 "cgroup_devices": ("--device-cgroup-rule", "c 10:200 rw")}
        for box in self.each(image=True):
            found = self.diagnosis(box)
            for check, words in flags.items():
                result = box.run("run", *words, "demo", "true")
                self.assertEqual(found[check]["state"], "limited" if result.status else "ok", (found[check], result.errors))

    # On poorer ones.

    def test_no_user_namespaces(self):
        for box in self.each():
            found = self.read(elsewhere(without_user_namespaces, lambda: box.run(*DOCTOR)), 1)
            self.assert_found(found["user_namespaces"], "missing", "user.max_user_namespaces is 0", "sysctl -w")
            self.assert_found(found["overlay"], "missing", "not tried")

    def test_a_filter(self):
        for box in self.each((ROOT, SINGLE)):
            forbids = refusing({"clone": errno.EPERM, "unshare": errno.EPERM}, mask=CLONE_NEWUSER)
            found = self.diagnosis(box, 1, preexec_fn=lambda: (refusing({"clone3": errno.ENOSYS})(), forbids()))
            self.assert_found(found["user_namespaces"], "missing", "filter of system calls", "seccomp=unconfined")
            # An ordinary user's plain container does without; what is read-only or a slave does not.
            found = self.diagnosis(box, 1 if box.user == ROOT else 0, preexec_fn=refusing({"mount_setattr": errno.ENOSYS}))
            self.assert_found(found["mount_api"], "missing", "mount_setattr")
            found = self.diagnosis(box, 1, preexec_fn=refusing({"close_range": errno.EPERM}))
            self.assert_found(found["close_range"], "missing", "close_range", "seccomp=unconfined")
            found = self.diagnosis(box, preexec_fn=refusing({"clone3": errno.ENOSYS}))
            self.assert_found(found["clone3"], "limited", "clone(2)")
            found = self.diagnosis(box, preexec_fn=refusing({"landlock_create_ruleset": errno.ENOSYS}))
            self.assert_found(found["landlock"], "limited", how="CONFIG_SECURITY_LANDLOCK")

    def test_a_chroot(self):
        for box in self.each():
            top = f"{box.home}/top"
            os.mkdir(top)
            found = self.read(elsewhere(lambda: chroot_into(top), lambda: box.run(*DOCTOR)), 1)
            self.assert_found(found["user_namespaces"], "missing", "inside a chroot", "pivot_root")

    def test_newuidmap_has_no_rights(self):
        def hide():
            for name in ("newuidmap", "newgidmap"):
                bind("/dev/null", f"/usr/bin/{name}")

        box = self.box(RANGED)
        found = self.read(elsewhere(hide, lambda: box.run(*DOCTOR)))
        self.assert_found(found["newuidmap"], "limited", "newuidmap is not installed", "uidmap")
        found = self.diagnosis(box, 1, preexec_fn=no_new_privileges)
        self.assert_found(found["newuidmap"], "limited", "no_new_privs", "NoNewPrivileges=no")
        self.assert_found(found["user_namespaces"], "missing", "ids cannot be mapped")

    def test_proc_is_covered(self):
        for box in self.each():
            found = self.read(elsewhere(lambda: mount("tmpfs", "/proc/sys", "tmpfs"), lambda: box.run(*DOCTOR)), 1)
            self.assert_found(found["proc"], "missing", "'/proc/sys' is covered", "systempaths=unconfined")
            self.assert_found(found["container"], "missing", "'/proc/sys' is covered")

    def test_cgroups_are_read_only(self):
        def read_only():
            for point in cgroup_mounts():
                bind(point, point, MS_RDONLY)

        for box in self.each():
            found = self.read(elsewhere(read_only, lambda: box.run(*DOCTOR)))
            self.assert_found(found["cgroups"], "limited", "read-only", "inside a container")
            self.assert_found(found["cgroup_memory"], "limited", "-m")

    def test_no_overlay_and_no_ids_by_mount(self):
        for box in self.each((ROOT, SINGLE)):
            found = self.diagnosis(box, preexec_fn=refusing({"mount": errno.ENODEV}, argument=3, value=0))
            self.assert_found(found["overlay"], "limited", "no overlayfs", "modprobe overlay")
            self.assert_found(found["container"], "ok", "on a copy")
        found = self.diagnosis(self.box(ROOT), 1, preexec_fn=refusing({"mount_setattr": errno.EINVAL}))
        self.assert_found(found["idmapped_mounts"], "missing", "cannot map ids", "--userns host")

    def test_file_systems(self):
        for box in self.each():
            place = f"{box.home}/place"
            os.mkdir(place)
            box.store = f"{place}/store"
            for kind, flags, options, status, state, what, how in (
                    ("ramfs", 0, "mode=0777", 1, "missing", "extended attributes", "--root"),
                    ("tmpfs", 0, "mode=0777,size=4m", 0, "missing", "tmpfs, 4.", "make room"),
                    ("tmpfs", 0, "mode=0777,size=2g", 0, "limited", "memory", "--root"),
                    ("tmpfs", MS_NOEXEC, "mode=0777,size=2g", 0, "limited", "noexec", "with exec"),
                    ("tmpfs", MS_RDONLY, "mode=0777", 1, "missing", "read-only", "--root")):
                with self.subTest(user=box.user.name, kind=kind, flags=flags, options=options):
                    result = elsewhere(lambda k=kind, f=flags, o=options: mount(k, place, k, f, o), lambda: box.run(*DOCTOR))
                    self.assert_found(self.read(result, status)["file_system"], state, what, how)

    def test_low_limits(self):
        for box in self.each((RANGED, SINGLE)):
            found = self.diagnosis(box, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 256)))
            self.assert_found(found["open_files"], "limited", "60 now, 256 at most", "ulimit -n")


if __name__ == "__main__":
    main()
