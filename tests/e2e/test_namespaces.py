"""Namespaces: a container's own, the host's, another container's, and one that a path names."""
import os
import pathlib
import signal
import subprocess

import archives
import harness
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main

KINDS = {"--pid": "pid", "--ipc": "ipc", "--uts": "uts", "--network": "net", "--cgroupns": "cgroup"}
LINKS = "for n in pid ipc uts net cgroup user mnt; do readlink /proc/self/ns/$n; done"


def links(text):
    return dict(line.rstrip("]").split(":[") for line in text.split() if ":[" in line)


def host_links(pid="self"):
    return links("\n".join(os.readlink(f"/proc/{pid}/ns/{name}") for name in ("pid", "ipc", "uts", "net", "cgroup", "user", "mnt")))


def link_of(pid, name):
    """None when it has ended: a run's short-lived children come and go beside the one that is looked for."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{name}")
    except (FileNotFoundError, ProcessLookupError):
        return None


class Namespaces(E2E):
    def demo(self, user):
        box = self.box(user)
        box.image(archives.rootfs(), "demo")
        return box

    def each(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                yield self.demo(user)

    def running(self, box, name, *flags, script="echo ready; exec sleep 1000"):
        """A container that stays until the test ends."""
        process = box.start("run", "--rm", "--name", name, *flags, "demo", "sh", "-c", script)
        self.addCleanup(self.end, process)
        return self.await_ready(process)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
        process.communicate()

    def pid_of(self, box, name):
        return box.json("inspect", name)[0]["pid"]


class Modes(Namespaces):
    def test_all_are_its_own_by_default(self):
        for box in self.each():
            inside, host = links(box.ok("run", "demo", "sh", "-c", LINKS)), host_links()
            self.assertEqual(len(inside), 7)
            self.assertFalse([kind for kind in inside if inside[kind] == host[kind]])
            again = box.ok("run", *sum(([flag, "private"] for flag in KINDS), []), "demo", "sh", "-c", LINKS)
            self.assertFalse([kind for kind in host if links(again)[kind] == host[kind]])

    def test_the_hosts(self):
        for box in self.each():
            for flag, kind in KINDS.items():
                if flag == "--pid":
                    continue
                inside, host = links(box.ok("run", flag, "host", "demo", "sh", "-c", LINKS)), host_links()
                self.assertEqual([k for k in inside if inside[k] == host[k]], [kind], flag)

    def test_the_hosts_name(self):
        for box in self.each():
            out = box.ok("run", "--uts", "host", "demo", "sh", "-c", "hostname; echo $HOSTNAME; cat /etc/hostname")
            self.assertEqual(out.split(), [os.uname().nodename] * 3)
            box.fails(2, "run", "--uts", "host", "--hostname", "other", "demo", "true")

    def test_the_hosts_shared_memory(self):
        mine = pathlib.Path("/dev/shm", f"layerbox-test-{os.getpid()}")
        mine.write_text("shared\n")
        self.addCleanup(mine.unlink)
        for box in self.each():
            self.assertEqual(box.ok("run", "--ipc", "host", "demo", "cat", mine), "shared\n")
            self.assertEqual(box.run("run", "demo", "cat", mine).status, 1)

    def test_the_hosts_cgroups_read_only(self):
        for box in self.each():
            out = box.ok("run", "--cgroupns", "host", "demo", "sh", "-c",
                         "cat /proc/self/cgroup | grep ^0; ls /sys/fs/cgroup | head -1; mkdir /sys/fs/cgroup/x 2>&1; true")
            mine = [line for line in pathlib.Path("/proc/self/cgroup").read_text().split() if line.startswith("0:")]
            self.assertEqual(out.splitlines()[:1], mine)
            self.assertIn("Read-only file system", out)

    def test_words_that_are_none(self):
        box = self.demo(ROOT)
        for flag in KINDS:
            for word in ("ho~sts", "container:", "ns:", "ns:relative"):
                self.assertIn(flag, box.fails(2, "run", flag, word, "demo", "true"))
        # What could be a network's name is one that is not there.
        self.assertIn("no network 'hosts'", box.fails(125, "run", "--network", "hosts", "demo", "true"))


class Joined(Namespaces):
    def test_another_containers(self):
        for box in self.each():
            self.running(box, "first", "--hostname", "first")
            theirs = host_links(self.pid_of(box, "first"))
            for flag, kind in KINDS.items():
                if flag == "--pid":
                    continue
                inside = links(box.ok("run", flag, "container:first", "demo", "sh", "-c", LINKS))
                self.assertEqual(sorted(k for k in inside if inside[k] == theirs[k]), sorted([kind, "user"]), flag)
            out = box.ok("run", "--uts", "container:first", "--ipc", "container:first", "--network", "container:first", "demo",
                         "sh", "-c", "hostname; " + LINKS)
            self.assertTrue(out.startswith("first\n"))
            self.assertEqual(sorted(k for k, v in links(out).items() if theirs[k] == v), ["ipc", "net", "user", "uts"])

    def test_a_network_carries_what_is_said_in_it(self):
        for box in self.each():
            self.running(box, "server", script="(while true; do echo hello | nc -l -p 4000; done) & echo ready; exec sleep 1000")
            said = self.eventually(lambda: box.run("run", "--network", "container:server", "demo", "nc", "127.0.0.1", "4000",
                                                   stdin=subprocess.DEVNULL, input=None).text, "a word")
            self.assertEqual(said, "hello\n")
            self.assertNotEqual(box.run("run", "demo", "nc", "127.0.0.1", "4000").status, 0)

    def test_shared_memory_goes_with_the_ipc_namespace(self):
        for box in self.each():
            self.running(box, "first", script="echo shared > /dev/shm/object; echo ready; exec sleep 1000")
            run = ("run", "--ipc", "container:first")
            self.assertEqual(box.ok(*run, "demo", "sh", "-c", "cat /dev/shm/object; echo more >> /dev/shm/object"), "shared\n")
            self.assertEqual(box.ok(*run, "--network", "container:first", "demo", "cat", "/dev/shm/object"), "shared\nmore\n")
            self.assertIn("nosuid,nodev,noexec", box.ok(*run, "demo", "grep", " /dev/shm ", "/proc/mounts"))
            self.assertEqual(box.ok(*run, "--tmpfs", "/dev/shm", "demo", "ls", "/dev/shm"), "")
            self.assertEqual(box.ok("run", "demo", "ls", "/dev/shm"), "")

    def test_a_shm_that_leads_elsewhere_is_not_followed(self):
        """Attack: a container with its own power over mounts has put a link where its /dev/shm was."""
        for box in self.each():
            self.running(box, "first", "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined",
                         script="umount /dev/shm && rmdir /dev/shm && ln -s /etc /dev/shm && echo ready; exec sleep 1000")
            self.assertIn("sharing the /dev/shm", box.fails(125, "run", "--ipc", "container:first", "demo", "true"))

    def test_a_name_that_is_none(self):
        for box in self.each():
            self.assertIn("there is no container 'nobody'", box.fails(125, "run", "--ipc", "container:nobody", "demo", "true"))
            box.ok("run", "--name", "over", "demo", "true")
            self.assertIn("does not run", box.fails(125, "run", "--ipc", "container:over", "demo", "true"))

    def test_of_two_containers_only_with_one_user_namespace(self):
        for box in self.each():
            self.running(box, "one")
            self.running(box, "two")
            flags = ("--ipc", "container:one", "--uts", "container:two")
            self.assertIn("different user namespaces", box.fails(125, "run", *flags, "demo", "true"))
            self.running(box, "three", "--userns", "container:one")
            box.ok("run", "--ipc", "container:one", "--uts", "container:three", "demo", "true")

    def test_the_hosts_ids_do_not_come_along_unsaid(self):
        box = self.demo(ROOT)
        self.running(box, "bare", "--userns", "host")
        self.assertIn("root inside would be root outside", box.fails(125, "run", "--ipc", "container:bare", "demo", "true"))
        box.ok("run", "--userns", "host", "--ipc", "container:bare", "demo", "true")
        self.running(box, "usual")
        self.assertIn("has not the host's ids", box.fails(125, "run", "--userns", "host", "--ipc", "container:usual", "demo", "true"))

    def test_files_have_the_ids_of_the_user_namespace(self):
        for box in self.each():
            self.running(box, "first")
            out = box.ok("run", "--ipc", "container:first", "-v", f"{box.home}:/mnt", "demo", "sh", "-c",
                         "echo x > /mnt/made; echo x > /made; stat -c %u /made /mnt/made /bin/busybox; cat /proc/self/uid_map")
            self.assertEqual(out.split()[:3], ["0", "0", "0"])
            self.assertEqual(os.stat(box.home + "/made").st_uid, box.user.uid)


class Paths(Namespaces):
    def setUp(self):
        self.holder = subprocess.Popen(["unshare", "--net", "--ipc", "--uts", "sh", "-c", "echo ready; exec sleep 1000"],
                                       stdout=subprocess.PIPE)
        self.addCleanup(self.stop)
        self.assertEqual(self.holder.stdout.readline(), b"ready\n")
        self.path = lambda kind: f"/proc/{self.holder.pid}/ns/{kind}"

    def stop(self):
        self.holder.kill()
        self.holder.communicate()

    def test_the_hosts_network_namespaces_for_root(self):
        box = self.demo(ROOT)
        out = box.ok("run", "--network", f"ns:{self.path('net')}", "demo", "sh", "-c", LINKS + "; ls /sys/class/net; "
                     "ip link set lo up 2>&1; true")
        theirs = host_links(self.holder.pid)
        self.assertEqual([k for k, v in links(out).items() if theirs[k] == v], ["net"])
        self.assertEqual(out.splitlines()[7:8], ["lo"])  # its own interfaces, not the host's
        self.assertIn("Operation not permitted", out)    # and no power over them

    def test_what_is_not_ones_own_is_refused(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.demo(user)
                for flag in ("--network", "--ipc", "--uts"):
                    errors = box.fails(125, "run", flag, f"ns:{self.path(KINDS[flag])}", "demo", "true")
                    self.assertIn("Permission denied", errors)

    def test_what_is_no_namespace_of_that_kind(self):
        box = self.demo(ROOT)
        self.assertIn("is no network namespace", box.fails(125, "run", "--network", f"ns:{self.path('ipc')}", "demo", "true"))
        self.assertIn("is no namespace", box.fails(125, "run", "--network", "ns:/dev/null", "demo", "true"))
        self.assertIn("No such file", box.fails(125, "run", "--network", "ns:/no/such", "demo", "true"))


class WithInit(Namespaces):
    def test_can_be_entered_like_others(self):
        """An init was never executed, and only root may look into it."""
        for box in self.each():
            self.running(box, "first", "--init")
            self.assertEqual(box.json("inspect", "first")[0]["state"], "running")
            inside = links(box.ok("run", "--ipc", "container:first", "demo", "sh", "-c", LINKS))
            again = links(box.ok("run", "--ipc", "container:first", "demo", "sh", "-c", LINKS))
            self.assertEqual((inside["ipc"], inside["user"]), (again["ipc"], again["user"]))
            self.assertNotEqual(inside["ipc"], host_links()["ipc"])


class OthersContainers(Namespaces):
    def test_cannot_be_entered(self):
        """Attack: what is another user's is opened by path, or by his store."""
        owners = {user: self.demo(user) for user in EVERYBODY}
        for owner, box in owners.items():
            self.running(box, "victim")
        for user in (RANGED, SINGLE):
            thief = owners[user]
            for owner, box in owners.items():
                if owner is user:
                    continue
                with self.subTest(f"{user.name} at {owner.name}"):
                    pid = self.pid_of(box, "victim")
                    for flag, kind in list(KINDS.items()) + [("--userns", "user")]:
                        errors = thief.fails(125, "run", flag, f"ns:/proc/{pid}/ns/{kind}", "demo", "true")
                        self.assertIn("Permission denied", errors)
                    env = {"LAYERBOX_ROOT": box.store}
                    thief.fails(125, "run", "--ipc", "container:victim", "demo", "true", env=env)

    def test_nor_when_their_namespaces_lie_open(self):
        """Attack: root has bound another user's namespaces where everybody may open them."""
        owner, thief = self.demo(RANGED), self.demo(SINGLE)
        self.running(owner, "victim")
        pid = self.pid_of(owner, "victim")
        for flag, kind in list(KINDS.items()) + [("--userns", "user")]:
            place = os.path.join(harness.place.path, f"bound-{kind}")
            pathlib.Path(place).touch()
            subprocess.run(["mount", "--bind", f"/proc/{pid}/ns/{kind}", place], check=True)
            self.addCleanup(subprocess.run, ["umount", place], check=True)
            errors = thief.fails(125, "run", flag, f"ns:{place}", "demo", "true")
            self.assertRegex(errors, "Operation not permitted|Permission denied|belongs to")


class SharedPids(Namespaces):
    """Without a pid namespace of its own a container must still end as a whole."""

    def mark(self, box):
        """These tests may run twice at a time, on this kernel and as if it were an older one."""
        return f"MARK{box.user.uid}-{os.getpid()}"

    def marked(self, box):
        return harness.processes_of(self.mark(box))

    def daemon(self, box):
        return f"(setsid sh -c 'while :; do sleep 1; done; : {self.mark(box)}' </dev/null >/dev/null 2>&1 &); "

    def roots(self):
        yield self.demo(ROOT), ("--pid", "host")
        box = self.demo(ROOT)
        self.running(box, "first")
        yield box, ("--pid", "container:first")

    def test_all_of_it_ends_with_its_first_process(self):
        for box, flags in self.roots():
            with self.subTest(flags[1]):
                out = box.ok("run", *flags, "demo", "sh", "-c", self.daemon(box) + f"sleep 0.2; ps | grep -c {self.mark(box)}")
                self.assertGreaterEqual(int(out), 1)
                self.assertEqual(self.marked(box), [])
                self.assertEqual(harness.store_content(box).count("containers"), 0)

    def test_and_with_a_killed_layerbox(self):
        for box, flags in self.roots():
            with self.subTest(flags[1]):
                process = self.running(box, "second", *flags, script=self.daemon(box) + "echo ready; exec sleep 1000")
                self.eventually(lambda: self.marked(box), "the daemon")
                process.kill()
                process.wait()
                box.ok("ps")  # any command sweeps
                self.eventually(lambda: not self.marked(box), "the daemon's end")

    def test_a_signal_ends_it(self):
        for box, flags in self.roots():
            with self.subTest(flags[1]):
                process = self.running(box, "second", "--init", *flags, script=self.daemon(box) + "echo ready; exec sleep 1000")
                process.send_signal(signal.SIGTERM)
                process.communicate()
                self.assertEqual(process.returncode, 128 + signal.SIGTERM)
                self.assertEqual(self.marked(box), [])

    def test_sees_the_processes_it_shares_and_no_others(self):
        box = self.demo(ROOT)
        self.running(box, "first", script="echo ready; exec sleep 4711")
        self.assertIn("sleep 4711", box.ok("run", "--pid", "container:first", "demo", "ps"))
        self.assertNotIn("sleep 4711", box.ok("run", "demo", "ps"))
        self.assertIn(f" {os.getpid()} ", " " + box.ok("run", "--pid", "host", "demo", "sh", "-c",
                                                       "for p in /proc/[0-9]*; do echo ${p#/proc/} ; done").replace("\n", " "))

    def test_ends_with_the_container_whose_pids_it_has(self):
        box = self.demo(ROOT)
        first = self.running(box, "first")
        second = self.running(box, "second", "--pid", "container:first")
        first.kill()
        second.communicate()
        self.assertEqual(second.returncode, 128 + signal.SIGKILL)

    def test_what_cannot_be_ended_for_sure_is_refused(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.demo(user)
                errors = box.fails(125, "run", "--pid", "host", "demo", "true")
                self.assertIn("must be ended by a cgroup", errors)
                self.assertIn("Delegate=yes", errors)
                self.running(box, "first")
                self.assertIn("must be ended by a cgroup", box.fails(125, "run", "--pid", "container:first", "demo", "true"))

    def test_an_ordinary_user_with_a_cgroup_of_his_own(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.demo(user)
                self.delegate(user)
                self.running(box, "first", script="echo ready; exec sleep 4711")
                for target in ("host", "container:first"):
                    out = box.ok("run", "--pid", target, "demo", "sh", "-c", self.daemon(box) + "sleep 0.2; ps")
                    self.assertIn("sleep 4711", out)
                    self.assertEqual(self.marked(box), [])

    def delegate(self, user):
        """As systemd gives it to a user: a cgroup that is his, and this process in a leaf below it."""
        point = next((line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                      if " - cgroup2 " in line), None)
        if point is None:
            harness.skip(self, "cgroup2", "version 2 is not mounted")
        home = point + "".join(line[3:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                               if line.startswith("0::"))
        path = pathlib.Path(point, f"layerbox-ns-{os.getpid()}-{user.uid}")
        try:
            (path / "leaf").mkdir(parents=True)
            for directory in (path, path / "leaf"):
                for file in (directory, directory / "cgroup.procs"):
                    os.chown(file, user.uid, user.uid)
            (path / "leaf/cgroup.procs").write_text("0")
        except OSError as error:
            harness.skip(self, "cgroup2", str(error))
        self.addCleanup(self.undelegate, home, path)

    def undelegate(self, home, path):
        pathlib.Path(home, "cgroup.procs").write_text("0")
        self.doCleanups()  # what runs below ends first
        for directory in (path / "leaf", path):
            self.eventually(lambda: not (directory / "cgroup.procs").read_text(), "the cgroup to be empty")
            directory.rmdir()


class Outward(Namespaces):
    """Attacks: what a container may do to who is not in it."""

    def test_sees_no_process_and_no_ipc_object_of_the_hosts(self):
        made = subprocess.run(["ipcmk", "--queue", "--mode", "0666"], capture_output=True, text=True)
        if made.returncode != 0:
            harness.skip(self, "ipcmk", made.stderr)
        number = made.stdout.split()[-1]
        self.addCleanup(subprocess.run, ["ipcrm", "-q", number], check=True)
        for box in self.each():
            seen = box.ok("run", "--ipc", "host", "demo", "cat", "/proc/sysvipc/msg")
            self.assertIn(f" {number} ", seen)
            out = box.ok("run", "demo", "sh", "-c", "tail -n +2 /proc/sysvipc/msg; ls -d /proc/[0-9]*; ls /dev/mqueue /dev/shm")
            self.assertNotIn(number + " ", out.splitlines()[0])
            self.assertLessEqual(out.count("/proc/"), 3)

    def test_signals_nobody_outside(self):
        victim = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(lambda: (victim.kill(), victim.wait()))
        for box in self.each():
            self.assertEqual(box.run("run", "demo", "sh", "-c", f"kill -9 {victim.pid}").status, 1)
            box.run("run", "demo", "sh", "-c", "kill -9 -1; kill -9 1; true")
            self.assertIsNone(victim.poll())

    def test_with_the_hosts_pids_no_signal_and_no_look_into_them(self):
        victim = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(lambda: (victim.kill(), victim.wait()))
        box = self.demo(ROOT)
        out = box.run("run", "--pid", "host", "--cap-add", "SYS_PTRACE", "--cap-add", "KILL", "demo", "sh", "-c",
                      f"kill -9 {victim.pid}; kill -9 1; kill -9 $PPID; "
                      f"for f in environ mem maps root/etc/passwd cwd/. fd/0 ns/net exe; do head -c1 /proc/{victim.pid}/$f && echo OPEN $f; "
                      f"head -c1 /proc/1/$f && echo OPEN $f; done; echo 1 > /proc/{victim.pid}/oom_score_adj && echo OPEN; true").text
        self.assertNotIn("OPEN", out)
        self.assertIsNone(victim.poll())

    def test_masked_paths_hold_where_pids_are_shared(self):
        box = self.demo(ROOT)
        self.running(box, "first")
        script = ("head -c9 /proc/keys | wc -c; head -c9 /proc/interrupts | wc -c; "
                  "echo h > /proc/sysrq-trigger && echo OPEN; echo x > /proc/sys/kernel/core_pattern && echo OPEN; "
                  "umount /proc/keys && echo OPEN; mount -o remount,rw /proc/sys && echo OPEN; true")
        for flags in (("--pid", "host"), ("--pid", "container:first"), ("--userns", "host", "--pid", "host")):
            self.assertEqual(box.ok("run", *flags, "demo", "sh", "-c", script).split(), ["0", "0"], flags)

    def test_the_first_container_cannot_look_into_one_that_comes(self):
        """Attack: whoever waits in the shared pid namespace for processes that are being set up."""
        box = self.demo(ROOT)
        # What its environment and program are until the command is executed: layerbox's own.
        spy = ("echo ready; while :; do for p in /proc/[0-9]*; do case $p in /proc/1|/proc/$$) ;; *) "
               "case $(cat $p/comm 2>/dev/null) in layerbox*) echo SEEN; "
               "grep -q LAYERBOX_ROOT $p/environ 2>/dev/null && echo OPEN; "
               "case $(readlink $p/exe) in *layerbox*) echo OPEN;; esac;; esac;; esac; done; done")
        process = self.running(box, "spy", script=spy)
        for _ in range(10):
            box.ok("run", "--pid", "container:spy", "demo", "true")
        box.ok("run", "--init", "--pid", "container:spy", "demo", "sleep", "1")  # its init stays as it was
        process.kill()
        seen = process.communicate()[0]
        self.assertIn(b"SEEN", seen)
        self.assertNotIn(b"OPEN", seen)


class RootAsAGuest(Namespaces):
    def test_in_an_ordinary_users_namespaces_keeps_what_it_has_opened(self):
        """Attack: who owns the user namespace looks into root's process while it is set up in there."""
        host, guest = self.demo(RANGED), self.demo(ROOT)
        self.running(host, "victim")
        pid = self.pid_of(host, "victim")
        flags = ("--userns", f"ns:/proc/{pid}/ns/user", "--time-offset", "5")
        self.assertEqual(guest.ok("run", *flags, "demo", "sh", "-c", "id -u; touch /made && stat -c %u /made").split(), ["0", "0"])
        # The container's process waits until its number is written, which is until somebody reads it.
        gate = guest.home + "/gate"
        os.mkfifo(gate)
        process = guest.start("run", *flags, "--pidfile", gate, "demo", "true")
        self.addCleanup(process.kill)
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        theirs = os.readlink(f"/proc/{pid}/ns/user")

        def waiting():
            """The one in their user namespace that has a mount namespace of its own already."""
            return [child for child in children.read_text().split() if link_of(child, "user") == theirs
                    and link_of(child, "mnt") not in (None, os.readlink("/proc/self/ns/mnt"))]

        child, = self.eventually(waiting, "the container's process")
        look = ["sh", "-c", f"head -c1 /proc/{child}/environ && echo OPEN; ls /proc/{child}/fd && echo OPEN; readlink /proc/{child}/exe && echo OPEN"]
        seen = subprocess.run(look, user=RANGED.uid, group=RANGED.uid, extra_groups=[], capture_output=True, text=True)
        self.assertEqual(seen.stdout, "")
        self.assertEqual(pathlib.Path(gate).read_text().strip(), child)
        process.communicate()
        self.assertEqual(process.returncode, 0)


class Guests(Namespaces):
    def test_cannot_be_looked_into_by_their_host_while_they_are_set_up(self):
        """Attack: root of the first container, with all capabilities there are in it, sees the guest's process come."""
        box = self.demo(ROOT)
        self.running(box, "first")
        pid = self.pid_of(box, "first")
        gate = box.home + "/gate"
        os.mkfifo(gate)
        guest = box.start("run", "--pid", "container:first", "--pidfile", gate, "demo", "true")
        self.addCleanup(guest.kill)
        children = pathlib.Path(f"/proc/{guest.pid}/task/{guest.pid}/children")

        def waiting():
            return [child for child in children.read_text().split() if link_of(child, "pid") == os.readlink(f"/proc/{pid}/ns/pid")]

        child, = self.eventually(waiting, "the guest's process")
        number = next(line for line in pathlib.Path(f"/proc/{child}/status").read_text().splitlines() if line.startswith("NSpid")).split()[-1]
        enter = ["nsenter", "--target", str(pid), "--user", "--mount", "--pid", "sh", "-c"]
        seen = subprocess.run([*enter, f"cat /proc/{number}/comm; head -c1 /proc/{number}/environ && echo OPEN; "
                               f"ls /proc/{number}/fd/ && echo OPEN; readlink /proc/{number}/exe && echo OPEN"],
                              capture_output=True, text=True)
        self.assertEqual(seen.stdout, "layerbox\n", seen.stderr)
        self.assertEqual(pathlib.Path(gate).read_text().strip(), child)
        guest.communicate()
        self.assertEqual(guest.returncode, 0)


class Ids(Namespaces):
    def maps(self, box, name):
        found = box.json("inspect", name)[0]["id_map"]
        return [(r["inside"], r["outside"], r["count"]) for r in found["uids"]], found["gids"] == found["uids"]

    def map_inside(self, box, *flags):
        text = box.ok("run", *flags, "demo", "cat", "/proc/self/uid_map")
        return [tuple(map(int, line.split())) for line in text.splitlines()]

    def test_of_roots_containers_are_never_shared_by_two(self):
        box = self.demo(ROOT)
        for name in ("one", "two", "three"):
            self.running(box, name)
        firsts = set()
        for name in ("one", "two", "three"):
            ranges, same = self.maps(box, name)
            self.assertTrue(same)
            ((inside, outside, count),) = ranges
            self.assertEqual((inside, count, outside % 65536), (0, 65536, 0))
            self.assertIn(f" {outside} ", " ".join(pathlib.Path(f"/proc/{self.pid_of(box, name)}/uid_map").read_text().split()) + " ")
            firsts.add(outside)
        self.assertEqual(len(firsts), 3)

    def test_are_given_back_at_the_end(self):
        for box in self.each():
            box.ok("run", "--name", "over", "demo", "true")
            self.assertEqual(self.maps(box, "over"), ([], True))

    def test_stay_taken_while_a_guest_is_in_the_user_namespace(self):
        box = self.demo(ROOT)
        first = self.running(box, "first")
        (_, outside, _), = self.maps(box, "first")[0]
        self.running(box, "guest", "--ipc", "container:first")
        self.assertEqual(self.maps(box, "guest"), self.maps(box, "first"))
        self.end(first)
        self.assertIn("those of a running container", box.fails(125, "run", "--uidmap", f"0:{outside}:65536", "demo", "true"))

    def test_that_are_written_out(self):
        box = self.demo(ROOT)
        self.assertEqual(self.map_inside(box, "--uidmap", "0:200000:1000", "--uidmap", "5000:5:1"), [(0, 200000, 1000), (5000, 5, 1)])
        os.mkdir(box.home + "/open")
        os.chmod(box.home + "/open", 0o777)
        out = box.ok("run", "--uidmap", "0:200000:2000", "-v", f"{box.home}/open:/mnt:noidmap", "demo", "sh", "-c",
                     "touch /mnt/a /made; stat -c %u:%g /mnt/a /made /home/alice")
        self.assertEqual(out.split(), ["0:0", "0:0", "1000:1000"])
        self.assertEqual(os.stat(box.home + "/open/a").st_uid, 200000)
        self.assertIn("has no id 0", box.fails(125, "run", "--uidmap", "7:200000:1", "demo", "true"))
        self.assertEqual(box.ok("run", "--uidmap", "0:200000:2", "-u", "1:1", "demo", "id", "-u"), "1\n")
        self.assertIn("user id 2 is not mapped", box.fails(125, "run", "--uidmap", "0:200000:2", "-u", "2:2", "demo", "id", "-u"))

    def test_that_are_written_out_by_an_ordinary_user(self):
        box = self.demo(RANGED)
        self.assertEqual(self.map_inside(box, "--uidmap", "0:0:1", "--uidmap", "100:11:5"), [(0, 54321, 1), (100, 900010, 5)])
        self.assertEqual(self.map_inside(box, "--uidmap", "0:@900000:5", "--uidmap", "1000:0"), [(0, 900000, 5), (1000, 54321, 1)])
        self.assertIn("not this user's", box.fails(125, "run", "--uidmap", "0:0:70000", "demo", "true"))
        self.assertIn("not this user's", box.fails(125, "run", "--uidmap", "0:@0:1", "demo", "true"))
        self.assertIn("has no id in the container", box.fails(125, "run", "--uidmap", "0:1:1000", "demo", "true"))
        self.assertIn("not this user's", self.demo(SINGLE).fails(125, "run", "--uidmap", "0:0:2", "demo", "true"))

    def test_what_is_no_map(self):
        for box in self.each():
            for flags in (("--uidmap", "x"), ("--gidmap", "0:0:0"), ("--uidmap", "0:0:1", "--uidmap", "0:0:1"),
                          ("--uidmap", "0:0:1", "--userns", "host"), ("--userns", "keepid")):
                self.assertIn(flags[0], box.fails(2, "run", *flags, "demo", "true"))

    def test_keep_id(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.demo(user)
                run = ("run", "--userns", "keep-id", "-v", f"{box.home}:/mnt")
                out = box.ok(*run, "demo", "sh", "-c", "id -u; id -g; stat -c %u /mnt; touch /mnt/mine; echo $HOME").split()
                self.assertEqual(out[:3], [str(user.uid)] * 3)
                self.assertEqual(os.stat(box.home + "/mine").st_uid, user.uid)
        box = self.demo(RANGED)
        out = box.ok("run", "--userns", "keep-id", "-u", "root", "demo", "sh", "-c", "id -u; stat -c %u /home/alice; touch /x; stat -c %u /x")
        self.assertEqual(out.split(), ["0", "1000", "0"])
        self.assertEqual(box.ok("run", "--userns", "keep-id", "-u", "alice", "demo", "id", "-u"), "1000\n")
        box = self.demo(ROOT)
        self.assertEqual(box.ok("run", "--userns", "keep-id", "demo", "id", "-u"), "0\n")

    def test_the_hosts_are_roots_to_give(self):
        for user in (RANGED, SINGLE):
            self.assertIn("keep-id", self.demo(user).fails(125, "run", "--userns", "host", "demo", "true"))
        self.assertEqual(self.map_inside(self.demo(ROOT), "--userns", "host")[0][:2], (0, 0))

    def test_of_another_container(self):
        for box in self.each():
            self.running(box, "first")
            self.running(box, "second", "--userns", "container:first")
            self.assertEqual(self.maps(box, "first"), self.maps(box, "second"))
            self.assertEqual(host_links(self.pid_of(box, "first"))["user"], host_links(self.pid_of(box, "second"))["user"])
            self.assertIn("brings a user namespace along", box.fails(125, "run", "--userns", "keep-id", "--ipc", "container:first", "demo", "true"))


class Clocks(Namespaces):
    CLOCKS = "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time"

    def test_are_the_hosts_unless_asked_otherwise(self):
        for box in self.each():
            self.assertIn(os.readlink("/proc/self/ns/time"), box.ok("run", "demo", "sh", "-c", self.CLOCKS))

    def test_are_ahead_or_behind(self):
        for box in self.each():
            for flags in ((), ("--init",), ("--ipc", "container:first")):
                if flags[:1] == ("--ipc",):
                    self.running(box, "first")
                before = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]))
                out = box.ok("run", *flags, "--time-offset", "1000000", "--time-offset", "monotonic=500000", "demo",
                             "sh", "-c", self.CLOCKS).split()
                after = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]))
                self.assertTrue(before + 1000000 <= int(out[0]) <= after + 1000000, out)
                self.assertEqual(out[1:7], ["monotonic", "500000", "0", "boottime", "1000000", "0"])
                self.assertNotEqual(out[7], os.readlink("/proc/self/ns/time"))

    def test_cannot_be_before_the_boot(self):
        for box in self.each():
            self.assertIn("neither before 0", box.fails(125, "run", "--time-offset", "-100000000000", "demo", "true"))
            box.fails(2, "run", "--time-offset", "realtime=5", "demo", "true")

    def test_cannot_be_changed_from_inside(self):
        box = self.demo(ROOT)
        out = box.ok("run", "--time-offset", "5", "demo", "sh", "-c", "echo monotonic 9 0 > /proc/self/timens_offsets && echo OPEN; true")
        self.assertNotIn("OPEN", out)


if __name__ == "__main__":
    main()
