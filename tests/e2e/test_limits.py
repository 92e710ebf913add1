"""Limits on the command line: in force, refused with a reason, told when met; and nothing left, ever."""
import contextlib
import itertools
import os
import pathlib
import random
import signal
import stat
import subprocess
import time

import archives
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, skip, store_content

MOMENTS = 40
LEAF = "leaf"  # of a cgroup of the test's own, which is no container
counter = itertools.count()


def hierarchies():
    """Mount points of all cgroup hierarchies that can be written."""
    points = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, tail = line.split(" - ")
        if tail.startswith(("cgroup ", "cgroup2 ")) and "ro" not in fields.split()[5].split(","):
            points.append(fields.split()[4])
    return points


def read(*parts):
    return pathlib.Path(*parts).read_text()


def version_2_controllers(path):
    """Of a cgroup; none for one of version 1."""
    return read(path, "cgroup.controllers").split() if os.path.exists(f"{path}/cgroup.controllers") else []


class Parent:
    """A cgroup of the test's own in every hierarchy, below which everything must be gone at the end."""

    def __init__(self, test, owner=0):
        self.test = test
        self.name = f"/lb-e2e-{os.getpid()}-{next(counter)}"
        self.paths = []
        for point in hierarchies():
            path = point + self.name
            try:
                os.mkdir(path)
            except OSError as error:
                self.remove()
                skip(test, "cgroups", f"{path}: {error}")
            self.paths.append(path)
            for file in ("cpuset.cpus", "cpuset.mems"):
                if os.path.exists(f"{point}/{file}"):  # version 1, where a new cgroup has none
                    pathlib.Path(path, file).write_text(read(point, file))
            if owner:
                os.chown(path, owner, owner)
                for file in ("cgroup.procs", "cgroup.subtree_control", "tasks"):
                    if os.path.exists(f"{path}/{file}"):
                        os.chown(f"{path}/{file}", owner, owner)
        test.addCleanup(self.remove)

    def containers(self):
        return [os.path.join(path, entry) for path in self.paths for entry in os.listdir(path)
                if os.path.isdir(os.path.join(path, entry)) and entry != LEAF]

    def processes(self):
        found = set()
        for path in self.containers():
            found.update(read(path, "cgroup.procs").split())
        return found

    def file(self, name):
        """The content of a file of the one container below."""
        return next((read(path, name) for path in self.containers() if os.path.exists(f"{path}/{name}")), None)

    @contextlib.contextmanager
    def entered(self):
        """The test below it, where an ordinary user may go from nowhere else: in version 2, when that has the controllers."""
        path = next((path for path in self.paths if "memory" in version_2_controllers(path)), None)
        if path is None:
            yield
            return
        own = next(line[3:] for line in read("/proc/self/cgroup").splitlines() if line.startswith("0::"))
        home = pathlib.Path(path.removesuffix(self.name) + own, "cgroup.procs")
        leaf = pathlib.Path(path, LEAF)
        leaf.mkdir()
        (leaf / "cgroup.procs").write_text("0")
        try:
            yield
        finally:
            home.write_text("0")
            leaf.rmdir()

    def remove(self):
        for path in self.containers():
            for pid in read(path, "cgroup.procs").split():
                os.kill(int(pid), signal.SIGKILL)
            self.test.eventually(lambda: not read(path, "cgroup.procs"), path)
            os.rmdir(path)
        for path in self.paths:
            os.rmdir(path)
        self.paths = []


class Delegated:
    """As systemd gives it to a user: a cgroup of version 2 that is his, and him in a leaf below it."""

    def __init__(self, test, user):
        points = [line.split()[4] for line in read("/proc/self/mountinfo").splitlines() if " - cgroup2 " in line]
        point = next((p for p in points if "hugetlb" in read(p, "cgroup.controllers").split()), None)
        if point is None:
            skip(test, "hugetlb", "version 2 does not have the controller of huge pages")
        self.home = point + "".join(line[3:] for line in read("/proc/self/cgroup").splitlines() if line.startswith("0::"))
        root, self.path = pathlib.Path(point), pathlib.Path(point, f"lb-e2e-{os.getpid()}-{next(counter)}")
        if "hugetlb" not in read(root, "cgroup.subtree_control").split():
            (root / "cgroup.subtree_control").write_text("+hugetlb")
            test.addCleanup((root / "cgroup.subtree_control").write_text, "-hugetlb")
        for path in (self.path, self.path / "leaf"):
            path.mkdir()
            test.addCleanup(path.rmdir)
            for file in (path, path / "cgroup.procs", path / "cgroup.subtree_control"):
                os.chown(file, user.uid, user.uid)

    def containers(self):
        return [path for path in self.path.glob("layerbox-*")]

    def __enter__(self):
        (self.path / "leaf/cgroup.procs").write_text("0")
        return self

    def __exit__(self, *_):
        pathlib.Path(self.home, "cgroup.procs").write_text("0")


class Limits(E2E):
    def limited(self, user=ROOT, owner=0):
        """A box, and what runs a command of its image below a cgroup of the test's own."""
        if os.geteuid() != 0:
            skip(self, "root", "the tests do not run as root")
        parent = Parent(self, owner)
        box = self.box(user)
        box.image(archives.rootfs(), "demo")
        return box, parent, ("run", "--cgroup-parent", parent.name)

    def started(self, box, *args):
        """As box.start(); a test that fails leaves nothing running."""
        process = box.start(*args)

        def end():
            if process.poll() is None:
                process.kill()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
            process.wait()
            box.run("ps")

        self.addCleanup(end)
        return process

    def test_limits_are_in_force_and_nothing_is_left(self):
        box, parent, run = self.limited()
        process = self.started(box, *run, "-m", "64m", "--memory-swap", "64m", "--memory-reservation", "32m", "--cpus", "0.5",
                            "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "20", "demo", "sh", "-c",
                            "echo ready; exec sleep 1000")
        self.assertEqual(process.stdout.readline(), b"ready\n", process.stderr)
        self.assertIn(parent.file("memory.limit_in_bytes") or parent.file("memory.max"), ("67108864\n",))
        self.assertEqual(parent.file("pids.max"), "20\n")
        self.assertEqual(parent.file("cpuset.cpus"), "0\n")
        self.assertIn("50000", parent.file("cpu.cfs_quota_us") or parent.file("cpu.max"))
        self.assertEqual(len(parent.processes()), 1)
        process.terminate()
        process.communicate()
        self.assertEqual(process.returncode, 143)
        self.assertEqual(parent.containers(), [])

    def test_below_the_callers_own_cgroup_by_default(self):
        box, _, _ = self.limited()
        cidfile = box.home + "/id"
        process = self.started(box, "run", "--cidfile", cidfile, "--pids-limit", "20", "demo", "sh", "-c",
                            "grep -c layerbox /proc/self/cgroup; echo ready; exec sleep 1000")
        self.assertEqual(process.stdout.readline(), b"0\n")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        name = "/layerbox-" + read(cidfile)
        first = box.json("ps")[0]["pid"]
        mine = {line.split(":")[1]: line.split(":")[2] for line in read("/proc/self/cgroup").splitlines()}
        for line in read("/proc", str(first), "cgroup").splitlines():
            _, controllers, path = line.split(":")
            if path.endswith(name) and controllers:
                self.assertEqual(path, mine[controllers].rstrip("/") + name)
            elif path.endswith(name):  # version 2: at the nearest that can hand the controller down
                self.assertTrue((mine[""] + "/").startswith(path.removesuffix(name) + "/"), path)
        os.kill(first, signal.SIGKILL)
        process.communicate()
        for point in hierarchies():
            self.assertEqual([d for d, _, _ in os.walk(point) if d.endswith(name)], [])

    def test_out_of_memory_is_told_and_shown(self):
        box, parent, run = self.limited()
        result = box.run(*run, "-m", "32m", "--name", "greedy", "demo", "tail", "-c", "1900000000", "/dev/zero")
        self.assertEqual(result.status, 137, result.errors)
        self.assertRegex(result.errors, r"\Alayerbox: container [0-9a-f]{12} killed: out of memory, limit 32 MiB\n\Z")
        shown, = box.json("inspect", "greedy")
        self.assertIs(shown["oom_killed"], True)
        self.assertEqual(shown["config"]["resources"]["memory"]["limit"], 32 << 20)
        result = box.run(*run, "-m", "32m", "demo", "sh", "-c", "tail -c 1900000000 /dev/zero; exit 4")
        self.assertEqual(result.status, 4)
        self.assertRegex(result.errors, r"a process of container [0-9a-f]{12} killed: out of memory, limit 32 MiB\n")
        box.ok(*run, "-m", "32m", "--name", "modest", "demo", "true")
        self.assertIs(box.json("inspect", "modest")[0]["oom_killed"], False)
        self.assertEqual(parent.containers(), [])

    def test_a_limit_that_is_too_low_for_a_start_says_so(self):
        box, parent, run = self.limited()
        result = box.run(*run, "-m", "4k", "demo", "true")
        self.assertIn(result.status, (125, 137))
        self.assertRegex(result.errors, "out of memory|want of memory")
        self.assertEqual(parent.containers(), [])

    def test_a_limit_that_cannot_be_set_ends_the_run(self):
        box, parent, run = self.limited()
        errors = box.fails(125, *run, "--cpuset-cpus", "4000", "demo", "sh", "-c", "echo ran")
        self.assertIn("setting the set of CPUs to 4000", errors)
        self.assertIn("hint: ", errors)
        errors = box.fails(125, "run", "--cgroup-parent", "/no-such", "-m", "64m", "demo", "true")
        self.assertIn("no-such", errors)
        self.assertIn("mkdir", errors)
        errors = box.fails(125, "run", "--cgroup-parent", "/no-such", "demo", "true")
        self.assertIn("no-such", errors)
        for wrong in (("-m", "x"), ("--cpus", "0"), ("--memory-swap", "1m"), ("--pids-limit", "many")):
            box.fails(2, *run, *wrong, "demo", "true")
        self.assertEqual(parent.containers(), [])
        self.assertEqual([n for n in store_content(box) if n.startswith("containers")], [])

    def test_an_ordinary_user_without_a_cgroup_is_told_the_way_out(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box, parent, run = self.limited(user)
                for command in (run, ("run",)):
                    errors = box.fails(125, *command, "-m", "64m", "demo", "sh", "-c", "echo ran")
                    self.assertIn("setting the memory limit", errors)
                    self.assertRegex(errors, "hint: .*(--cgroup-parent|systemd-run --user)")
                self.assertEqual(box.ok("run", "demo", "echo", "unlimited"), "unlimited\n")
                self.assertEqual(parent.containers(), [])

    def test_an_ordinary_user_with_a_cgroup_of_his_own(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box, parent, run = self.limited(user, owner=user.uid)
                with parent.entered():
                    result = box.run(*run, "-m", "32m", "--pids-limit", "20", "demo", "tail", "-c", "1900000000", "/dev/zero")
                    self.assertEqual(result.status, 137, result.errors)
                    self.assertIn("out of memory, limit 32 MiB", result.errors)
                    result = box.run(*run, "--pids-limit", "5", "demo", "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 9 & done; echo all")
                    self.assertNotIn("all", result.text)
                    self.assertEqual(parent.containers(), [])

    def test_an_ordinary_user_is_told_that_he_must_be_below_his_cgroup(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box, parent, run = self.limited(user, owner=user.uid)
                if not any("memory" in version_2_controllers(path) for path in parent.paths):
                    skip(self, "memory2", "version 2 does not have the controller of memory")
                self.assertIn("start layerbox below it", box.fails(125, *run, "-m", "64m", "demo", "true"))
                self.assertEqual(parent.containers(), [])

    def test_a_kill_at_any_moment_leaves_nothing_after_the_next_command(self):
        box, parent, run = self.limited()
        moments = random.Random(20_241_124)
        box.run(*run, "-m", "64m", "demo", "true")
        for number in range(MOMENTS):
            kept = ("--keep",) if number % 4 == 0 else ()
            process = self.started(box, *run, "-m", "64m", "--pids-limit", "50", "--cpuset-cpus", "0", *kept, "demo", "sh", "-c",
                                "sleep 1000 & sleep 1000")
            time.sleep(moments.random() * 0.03)
            process.kill()
            process.communicate()
            box.ok("ps")
            self.assertEqual(parent.containers(), [])

    def test_a_kill_at_each_named_moment(self):
        box, parent, run = self.limited()
        probe = box.run(*run, "-m", "64m", "demo", "true", env={"LAYERBOX_FAULT": "runner.cgroups.made=error"})
        if probe.status == 0:
            self.skipTest("this build has no fault points")
        for point in ("before_directory", "before_limits", "before_limits=kill:2", "made", "before_end"):
            for kept in ((), ("--keep",)):
                if point.endswith(":2") and len(parent.paths) == 1:
                    continue  # all is in one directory
                with self.subTest(point=point, kept=kept):
                    name, _, action = point.partition("=")
                    result = box.run(*run, "-m", "64m", "--pids-limit", "50", *kept, "demo", "true",
                                     env={"LAYERBOX_FAULT": f"runner.cgroups.{name}={action or 'kill'}"})
                    self.assertEqual(result.status, -signal.SIGKILL, result.errors)
                    self.assertEqual(bool(parent.containers()), point != "before_directory")
                    box.ok("ps")
                    self.assertEqual(parent.containers(), [])
        box.fails(125, *run, "-m", "64m", "demo", "true", env={"LAYERBOX_FAULT": "runner.cgroups.made=error"})
        self.assertEqual(parent.containers(), [])

    def test_the_list_of_devices(self):
        box, parent, run = self.limited()
        rule = (*run, "--device-cgroup-rule", "c 10:200 rw")
        self.assertEqual(box.ok(*rule, "demo", "sh", "-c", "head -c 3 /dev/zero | wc -c; echo x >/dev/null"), "3\n")
        # A node that the host made and the user hands in.
        node = box.home + "/node"
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 11))
        os.chmod(node, 0o666)
        volume = ("-v", f"{node}:/node", "demo", "sh", "-c", "echo x > /node && echo wrote || echo refused")
        self.assertEqual(box.run(*rule, *volume).text, "refused\n")
        self.assertEqual(box.run(*rule, "--device-cgroup-rule", "c 1:11 w", *volume).text, "wrote\n")
        box.fails(2, *run, "--device-cgroup-rule", "c 10", "demo", "true")
        self.assertEqual(parent.containers(), [])

    def test_huge_pages_by_whichever_version_has_them(self):
        box, parent, run = self.limited()
        if not any(os.path.exists(f"{path}/hugetlb.2MB.{name}") for path in parent.paths for name in ("max", "limit_in_bytes")):
            shown = box.fails(125, *run, "--hugetlb", "2m:4m", "demo", "true")
            self.assertIn("setting the limit of huge pages", shown)
        else:
            process = self.started(box, *run, "--hugetlb", "2m:4m", "demo", "sh", "-c", "echo ready; exec sleep 1000")
            self.assertEqual(process.stdout.readline(), b"ready\n")
            self.assertEqual(parent.file("hugetlb.2MB.max") or parent.file("hugetlb.2MB.limit_in_bytes"), "4194304\n")
            os.kill(int(parent.processes().pop()), signal.SIGKILL)
            process.wait()
        self.assertEqual(parent.containers(), [])

    def test_an_ordinary_user_in_a_delegated_cgroup_of_version_2(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box, _, _ = self.limited(user)
                with Delegated(self, user) as delegated:
                    process = self.started(box, "run", "--hugetlb", "2m:4m", "demo", "sh", "-c",
                                           "cat /proc/self/cgroup | grep ^0; echo ready; exec sleep 1000")
                    self.assertEqual(process.stdout.readline(), b"0::/\n", process.stderr)
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                container, = delegated.containers()
                self.assertEqual(read(container, "hugetlb.2MB.max"), "4194304\n")
                pid, = read(container, "cgroup.procs").split()
                os.kill(int(pid), signal.SIGKILL)
                self.assertEqual(process.wait(), 137)
                self.assertEqual(delegated.containers(), [])
                with delegated:
                    process = self.started(box, "run", "--hugetlb", "2m:4m", "demo", "sh", "-c", "echo ready; sleep 1000")
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    process.kill()
                    process.wait()
                    box.ok("ps")
                self.assertEqual(delegated.containers(), [])

    def test_what_could_not_be_removed_is_left_to_the_next_command(self):
        box, parent, run = self.limited()
        fault = {"LAYERBOX_FAULT": "runner.cgroups.before_end=error"}
        if box.run(*run, "-m", "64m", "demo", "true", env={"LAYERBOX_FAULT": "runner.cgroups.made=error"}).status == 0:
            self.skipTest("this build has no fault points")
        for command, status in (("true", 0), ("no-such-command", 127)):
            result = box.run(*run, "-m", "64m", "demo", command, env=fault)
            self.assertEqual(result.status, status, result.errors)
            self.assertIn("after the command ended: ", result.errors)
            self.assertNotEqual(parent.containers(), [])
            self.assertEqual(box.json("ps", "-a"), [])
            self.assertEqual(parent.containers(), [])
        result = box.run(*run, "-m", "64m", "--name", "kept", "demo", "sh", "-c", "exit 3", env=fault)
        self.assertEqual(result.status, 3)
        self.assertNotEqual(parent.containers(), [])
        self.assertEqual([entry["exit_status"] for entry in box.json("ps", "-a")], [3])
        self.assertEqual(parent.containers(), [])
        # The start fails after the cgroups are there: the container ends them with itself.
        box.fails(125, *run, "-m", "64m", "-w", "/etc/passwd/x", "demo", "true", env=fault)
        self.assertEqual(parent.containers(), [])
        self.assertEqual([n for n in store_content(box) if n.startswith(("staging", "trash"))], [])

    def test_rm_ends_a_limited_container_that_runs(self):
        box, parent, run = self.limited()
        process = self.started(box, *run, "-m", "64m", "--name", "busy", "demo", "sh", "-c", "echo ready; sleep 1000")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        box.ok("rm", "-f", "busy")
        process.communicate()
        self.assertEqual(parent.containers(), [])

    def test_two_at_once(self):
        box, parent, run = self.limited()
        commands = [self.started(box, *run, "-m", f"{size}m", "demo", "sh", "-c", "echo ready; exec sleep 1000") for size in (48, 64)]
        for process in commands:
            self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertEqual(len(parent.processes()), 2)
        names = {os.path.basename(path) for path in parent.containers()}
        self.assertEqual(len(names), 2)
        for pid in parent.processes():
            os.kill(int(pid), signal.SIGKILL)
        for process in commands:
            process.communicate()
            self.assertEqual(process.returncode, 137)
        self.assertEqual(parent.containers(), [])

    def test_a_parent_alone_puts_the_container_there(self):
        box, parent, run = self.limited()
        process = self.started(box, *run, "demo", "sh", "-c", "echo ready; exec sleep 1000")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.assertEqual(len(parent.containers()), len(parent.paths))
        self.assertEqual(len(parent.processes()), 1)
        os.kill(int(parent.processes().pop()), signal.SIGKILL)
        process.communicate()
        self.assertEqual(parent.containers(), [])

    def test_without_limits_no_cgroup_is_made(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                process = self.started(box, "run", "--cidfile", box.home + "/id", "demo", "sh", "-c", "echo ready; exec sleep 1000")
                self.assertEqual(process.stdout.readline(), b"ready\n")
                container, = box.json("ps")
                self.assertNotIn("layerbox-", read("/proc", str(container["pid"]), "cgroup"))
                os.kill(container["pid"], signal.SIGKILL)
                process.communicate()


if __name__ == "__main__":
    main()
