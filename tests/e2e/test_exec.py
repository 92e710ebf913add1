"""exec: one more command in a container that runs, behind the same walls, for everybody."""
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import archives
import harness
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main
from test_limits import Delegated

KINDS = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time")
LINKS = "for n in %s; do readlink /proc/self/ns/$n; done" % " ".join(KINDS)
STATUS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups")


def evil(tar):
    tar.symlink("bin/self", "/proc/self/exe")
    tar.symlink("fdlink", "/proc/self/fd/3")


class Exec(E2E):
    def demo(self, user, image=None):
        box = self.box(user)
        box.image(image or archives.rootfs(), "demo")
        return box

    def each(self, image=None):
        for user in EVERYBODY:
            with self.subTest(user.name):
                yield self.demo(user, image)

    def running(self, box, *flags, name="web", script="exec sleep 1000"):
        """A container that stays until the test ends."""
        process = box.start("run", "--rm", "--name", name, *flags, "demo", "sh", "-c", "echo ready; " + script)
        self.addCleanup(self.end, process)
        self.addCleanup(box.run, "rm", "-f", name)  # with its cgroups, which a killed layerbox leaves to the next command
        return self.await_ready(process)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()  # what is the first process of a namespace need not mind a SIGTERM
        process.communicate()

    def pid_of(self, box, name="web"):
        return box.json("inspect", name)[0]["pid"]


class Basics(Exec):
    def test_output_status_and_input(self):
        for box in self.each():
            self.running(box)
            result = box.run("exec", "web", "sh", "-c", "echo out; echo err >&2; exit 7")
            self.assertEqual((result.status, result.text, result.errors), (7, "out\n", "err\n"))
            self.assertEqual(box.run("exec", "web", "sh", "-c", "kill -9 $$").status, 137)
            self.assertEqual(box.ok("exec", "-i", "web", "cat", input=b"given"), "given")
            self.assertEqual(box.ok("exec", "web", "cat", input=b"given"), "")
            self.assertEqual(box.ok("exec", "web", "--", "echo", "-e", "--", "-t"), "-- -t\n")
            self.assertEqual(box.ok("exec", self.container(box), "echo", "by id"), "by id\n")

    def container(self, box):
        return box.json("ps")[0]["id"][:12]

    def test_a_container_without_a_name(self):
        for box in self.each():
            process = box.start("run", "demo", "sh", "-c", "echo ready; exec sleep 1000")
            self.addCleanup(self.end, process)
            process.stdout.readline()
            self.assertEqual(box.ok("exec", self.container(box), "echo", "fine"), "fine\n")

    def test_right_after_the_start(self):
        """Before its command begins nobody goes in: its first process still sees the host's files."""
        box = self.demo(ROOT)
        for number in range(20):
            name = f"c{number}"
            process = box.start("run", "--rm", "--name", name, "demo", "sleep", "1000")
            self.addCleanup(self.end, process)

            def tried():
                result = box.run("exec", name, "cat", "/etc/os-release")
                return result if result.status == 0 else None
            self.assertEqual(self.eventually(tried, "an exec").text, 'NAME="small"\n')
            self.end(process)

    def test_commands_that_do_not_run(self):
        for box in self.each(archives.rootfs(evil)):
            self.running(box)
            self.assertIn("not found", box.fails(127, "exec", "web", "no-such-command"))
            box.fails(126, "exec", "web", "/bin/not-executable")
            box.fails(126, "exec", "web", "/etc")
            self.assertIn("layerbox itself", box.fails(126, "exec", "web", "/bin/self"))
            self.assertIn("layerbox itself", box.fails(126, "exec", "web", "/proc/self/exe"))

    def test_containers_that_are_not_running(self):
        for box in self.each():
            box.ok("run", "--name", "done", "demo", "true")
            self.assertIn("container 'done' is exited", box.fails(125, "exec", "done", "true"))
            self.assertIn("no container 'nobody'", box.fails(125, "exec", "nobody", "true"))
            box.fails(2, "exec")
            box.fails(2, "exec", "done")
            box.fails(2, "exec", "-w", "relative", "done", "true")
        self.assertIn("no container", self.box(ROOT).fails(125, "exec", "nobody", "true"))

    def test_variables(self):
        for box in self.each():
            self.running(box, "-e", "A=container", "-e", "B=container", "-e", "ODD=\udcff")
            file = box.write("env", b"C=file\nB=file\n")
            out = box.run("exec", "-e", "B=flag", "--env-file", file, "web", "env").out.decode("utf-8", "surrogateescape").split("\n")
            for line in ("A=container", "B=flag", "C=file", "HOME=/root", "ODD=\udcff"):
                self.assertIn(line, out)
            self.assertNotIn("TERM", "".join(out))
            theirs = box.ok("exec", "web", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ")
            mine = box.ok("exec", "web", "env").split()
            self.assertEqual(sorted(mine), sorted(word for word in theirs.split() if not word.startswith(("PWD=", "SHLVL="))))

    def test_user_and_directory(self):
        for box in self.each():
            single = box.user == SINGLE
            self.running(box, "-w", "/tmp/work", *([] if single else ["-u", "alice"]))
            self.assertEqual(box.ok("exec", "web", "pwd"), "/tmp/work\n")
            self.assertEqual(box.ok("exec", "-w", "/etc", "web", "pwd"), "/etc\n")
            self.assertIn("hint: ", box.fails(125, "exec", "-w", "/not/there", "web", "pwd"))
            self.assertEqual(box.ok("exec", "web", "ls", "/"), box.ok("exec", "-u", "0", "web", "ls", "/"))
            self.assertEqual(box.ok("exec", "-u", "root", "web", "sh", "-c", "id -u; echo $HOME"), "0\n/root\n")
            if single:
                self.assertIn("not mapped", box.fails(125, "exec", "-u", "alice", "web", "id"))
                continue
            self.assertEqual(box.ok("exec", "web", "sh", "-c", "id -u; id -G; echo $HOME"), "1000\n1000 10\n/home/alice\n")
            self.assertEqual(box.ok("exec", "-u", "1:10", "web", "sh", "-c", "id -u; id -G"), "1\n10\n")
            self.assertIn("no user 'nobody'", box.fails(125, "exec", "-u", "nobody", "web", "id"))



class Detached(Exec):
    def test_it_goes_on_when_exec_has_returned(self):
        for box in self.each():
            self.running(box)
            begun = time.monotonic()
            result = box.run("exec", "-d", "web", "sh", "-c",
                             "cat; echo out; echo err >&2; readlink /proc/self/fd/1; sleep 2; echo $? > /done")
            self.assertEqual((result.status, result.out, result.err), (0, b"", b""))
            self.assertLess(time.monotonic() - begun, 1.9)
            self.assertEqual(box.run("exec", "web", "cat", "/done").status, 1)
            self.eventually(lambda: box.run("exec", "web", "cat", "/done").text == "0\n", "it ends")
            self.eventually(lambda: [event["exit_status"] for event in box.json(
                "events", "--no-stream", "-f", "event=exec_die")].count(0) >= 2, "that is written down")

    def test_what_cannot_begin_says_so_here(self):
        for box in self.each():
            self.running(box)
            self.assertIn("command not found", box.fails(127, "exec", "-d", "web", "nosuch"))
            self.assertIn("/nosuch", box.fails(125, "exec", "-d", "-w", "/nosuch", "web", "true"))
            self.assertIn("nobody", box.fails(125, "exec", "-d", "-u", "nobodyhere", "web", "true"))
            self.assertIn("none", box.fails(125, "exec", "-d", "none", "true"))
            box.fails(2, "exec", "-d", "web")

    def test_it_dies_with_the_container(self):
        for box in self.each():
            process = self.running(box, "-e", f"MARK={box.home}")
            box.ok("exec", "-d", "web", "sleep", "4321")
            self.eventually(lambda: harness.processes_of("sleep\x004321"), "it runs")
            box.ok("kill", "web")
            process.wait(timeout=60)
            self.eventually(lambda: not harness.processes_of("4321"), "it and its watcher are gone")

    def test_with_a_terminal_that_nobody_sits_at(self):
        for box in self.each():
            self.running(box)
            box.ok("exec", "-dit", "web", "sh", "-c", "tty > /tty; read line; echo got > /tty")
            self.eventually(lambda: box.run("exec", "web", "cat", "/tty").text.startswith("/dev/pts/"), "it has one")
            time.sleep(0.5)
            self.assertTrue(box.ok("exec", "web", "cat", "/tty").startswith("/dev/pts/"))

    def test_nothing_is_held_of_who_began_it(self):
        box = self.demo(ROOT)
        self.running(box)
        process = box.start("exec", "-d", "web", "sleep", "4322")
        out, err = process.communicate(timeout=60)  # ends only when nobody has the pipes any more
        self.assertEqual((process.returncode, out, err), (0, b"", b""))
        watcher, = [pid for pid in harness.processes_of("4322") if "exec" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
        self.assertEqual(os.readlink(f"/proc/{watcher}/cwd"), "/")
        self.assertEqual({os.readlink(f"/proc/{watcher}/fd/{fd}") for fd in (0, 1, 2)}, {"/dev/null"})
        self.assertEqual(os.getsid(watcher), watcher)


class Walls(Exec):
    VARIANTS = ((), ("--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges"),
                ("--security-opt", "seccomp=unconfined"), ("--privileged",), ("--init",), ("--ipc", "host", "--network", "host"),
                ("--time-offset", "monotonic=1000"))

    def fields(self, text):
        return {name: re.search(rf"(?m)^{name}:[ \t]*(.*)$", text).group(1).split() for name in STATUS}

    def test_all_is_as_the_first_process_has_it(self):
        for box in self.each():
            for number, flags in enumerate(self.VARIANTS):
                script = "cat /proc/self/status > /tmp/status; (%s) > /tmp/links; exec sleep 1000" % LINKS
                self.running(box, *flags, name=f"c{number}", script="sleep 0;" + script)
                both = self.eventually(lambda: box.run("exec", f"c{number}", "sh", "-c", "cat /tmp/status /tmp/links").text
                                       if len(box.run("exec", f"c{number}", "cat", "/tmp/links").text.split()) == 8 else "", "links")
                out = box.ok("exec", f"c{number}", "sh", "-c", f"cat /proc/self/status; {LINKS}")
                self.assertEqual(re.findall(r"\w+:\[\d+\]", out), re.findall(r"\w+:\[\d+\]", both), flags)
                self.assertEqual(self.fields(out), self.fields(both), flags)

    def test_privileged(self):
        for box in self.each():
            self.running(box)
            text = box.ok("exec", "--privileged", "web", "sh", "-c", "cat /proc/self/status; mount -t tmpfs none /mnt && echo mounted")
            self.assertIn("mounted", text)
            self.assertRegex(text, r"(?m)^Seccomp:\s+0$")
            self.assertRegex(text, r"(?m)^CapEff:\s+0*1ffffffffff$")
            self.assertNotEqual(box.run("exec", "web", "mount", "-t", "tmpfs", "none", "/mnt").status, 0)

    def test_a_filter_from_a_file(self):
        for box in self.each():
            profile = box.write("profile.json", b'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],'
                                                b' "action": "SCMP_ACT_ERRNO", "errnoRet": 33}]}')
            self.running(box, "--security-opt", f"seccomp={profile}")
            result = box.run("exec", "web", "mkdir", "/tmp/x")
            self.assertEqual(result.status, 1)
            self.assertIn("argument out of domain", result.errors)

    def test_limits_of_the_process(self):
        for box in self.each():
            self.running(box, "--ulimit", "nofile=100:200", "--oom-score-adj", "200")
            self.assertEqual(box.ok("exec", "web", "sh", "-c", "ulimit -Sn; ulimit -Hn; umask; cat /proc/self/oom_score_adj"),
                             "100\n200\n0022\n200\n")

    def test_landlock(self):
        version = self.box(ROOT).json("info")["landlock"]
        if version["version"] < 3:
            harness.skip(self, "landlock", version["reason"])
        for box in self.each():
            self.running(box, "--security-opt", "landlock=ro:/", "--security-opt", "landlock=rw:/tmp", name="ok",
                         script="exec sleep 1000")
            self.assertEqual(box.ok("exec", "ok", "sh", "-c", "echo a > /tmp/a; cat /tmp/a"), "a\n")
            self.assertNotEqual(box.run("exec", "ok", "sh", "-c", "echo a > /etc/a").status, 0)
            self.assertNotEqual(box.run("exec", "--privileged", "ok", "sh", "-c", "echo a > /etc/a").status, 0)
            # What a rule names lies where the container may have put something else meanwhile.
            self.running(box, "--security-opt", "landlock=rw:/", "--security-opt", "landlock=ro:/tmp", name="shifting")
            self.assertIn("Landlock rule for '/tmp'", box.fails(125, "exec", "shifting", "true"))

    def test_cgroups(self):
        box = self.demo(ROOT)
        limits = ["-m", "64m", "--pids-limit", "20", "--cpus", "1"]
        if box.run("run", *limits, "demo", "true").status != 0:
            harness.skip(self, "cgroups", box.run("run", *limits, "demo", "true").errors)
        self.running(box, *limits)
        first = pathlib.Path(f"/proc/{self.pid_of(box)}/cgroup").read_text()
        self.assertIn("layerbox-", first)
        process = box.start("exec", "web", "sh", "-c", "echo in; exec sleep 777")
        self.addCleanup(self.end, process)
        process.stdout.readline()
        pid, = self.eventually(lambda: harness.processes_of("sleep\000777\0"), "the command")
        self.assertEqual(pathlib.Path(f"/proc/{pid}/cgroup").read_text(), first)
        self.assertEqual(box.run("exec", "web", "sh", "-c", "head -c 200m /dev/zero | tail > /dev/null; exit $?").status, 137)
        process.terminate()

    def test_a_cgroup_of_an_ordinary_users_own(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.demo(user)
                with Delegated(self, user):
                    web = self.running(box, "--hugetlb", "2m:4m")
                    first = pathlib.Path(f"/proc/{self.pid_of(box)}/cgroup").read_text()
                    process = box.start("exec", "web", "sh", "-c", "echo in; exec sleep 778")
                    self.addCleanup(self.end, process)
                    process.stdout.readline()
                    pid, = self.eventually(lambda: harness.processes_of("sleep\000778\0"), "the command")
                    self.assertEqual(pathlib.Path(f"/proc/{pid}/cgroup").read_text(), first)
                # From where he may not go there it is not run outside of the limits instead.
                errors = box.fails(125, "exec", "web", "true")
                self.assertIn("in the container's cgroup", errors)
                self.assertIn("systemd-run --user --scope", errors)
                box.ok("rm", "-f", "web")
                web.wait(30)
                process.wait(30)

    def test_no_descriptor_of_the_hosts(self):
        for box in self.each():
            self.running(box)
            read, write = os.pipe()
            directory = os.open("/", os.O_RDONLY)
            os.set_inheritable(directory, True)
            out = box.ok("exec", "web", "sh", "-c", "ls /proc/$$/fd; true",
                         pass_fds=(read, write, directory), stdin=subprocess.DEVNULL, input=None)
            for fd in (read, write, directory):
                os.close(fd)
            self.assertEqual(out.split(), ["0", "1", "2"])

    def test_the_working_directory_is_the_containers(self):
        """Attack, in the manner of CVE-2024-21626: a name that leads to a descriptor of layerbox's."""
        for box in self.each(archives.rootfs(evil)):
            self.running(box)
            for number in range(3, 12):
                box.fails(125, "exec", "-w", f"/proc/self/fd/{number}", "web", "ls")
                box.fails(125, "exec", "-w", f"/proc/1/fd/{number}", "web", "ls")
            for name in ("/fdlink", "/proc/self/cwd", "/proc/1/root", "/proc/1/cwd"):
                box.fails(125, "exec", "-w", name, "web", "ls")
            box.ok("exec", "web", "ln", "-s", "../../../../../etc", "/tmp/up")
            self.assertEqual(box.ok("exec", "-w", "/tmp/up", "web", "cat", "os-release"), 'NAME="small"\n')

    def test_files_of_the_container_that_lie_in_wait(self):
        """Attack: fifos where exec looks, which nobody writes to."""
        for box in self.each():
            self.running(box)
            box.ok("exec", "web", "sh", "-c", "rm /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group")
            self.assertEqual(box.ok("exec", "-u", "0", "web", "echo", "fine", timeout=30), "fine\n")
            self.assertIn("/etc/passwd", box.fails(125, "exec", "-u", "alice", "web", "id", timeout=30))
            box.ok("exec", "--privileged", "web", "sh", "-c", "umount /dev/null; rm /dev/null; mkfifo /dev/null; "
                                                             "umount /dev/pts; mkfifo /dev/pts/ptmx")
            box.run("exec", "web", "echo", "fine", timeout=30)
            self.assertIn("/dev/pts", box.fails(125, "exec", "-t", "web", "true", timeout=30))

    def test_nobody_inside_looks_into_layerbox(self):
        """Attack, in the manner of CVE-2019-5736: all that the container sees of exec's process is tried, all the time."""
        spy = ("while true; do for p in /proc/[0-9]*; do n=${p#/proc/}; [ $n = $$ ] && continue; [ $n = 1 ] && continue; "
               "for f in $p/exe $p/cwd $p/root $p/fd/*; do l=$(readlink $f 2>/dev/null) && "
               "case $l in *layerbox*|*/store*|/proc/*ns*) echo \"$f $l\" >> /tmp/seen;; esac; done; done; done")
        for box in self.each():
            self.running(box, "--cap-add", "SYS_PTRACE", "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined",
                         script="touch /tmp/seen; (%s) & exec sleep 1000" % spy)
            for _ in range(30):
                box.ok("exec", "web", "true")
            self.assertEqual(box.ok("exec", "web", "cat", "/tmp/seen"), "")


class Ends(Exec):
    def began(self, box, *args, **popen):
        process = box.start("exec", *args, **popen)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def test_with_the_container(self):
        for box in self.each():
            web = self.running(box)
            process = self.began(box, "web", "sh", "-c", "echo ready; exec sleep 888")
            web.kill()
            self.assertEqual(process.wait(30), 137)

    def test_with_the_container_that_shares_its_pids(self):
        box = self.demo(ROOT)
        self.running(box, name="other")
        self.running(box, "--pid", "container:other")
        process = self.began(box, "web", "sh", "-c", "echo ready; exec sleep 888")
        box.ok("rm", "-f", "web")
        self.assertEqual(process.wait(30), 137)
        self.assertEqual(box.ok("exec", "other", "echo", "still"), "still\n")

    def test_with_layerbox(self):
        for box in self.each():
            self.running(box)
            process = self.began(box, "web", "sh", "-c", "echo ready; exec sleep 889")
            process.kill()
            self.eventually(lambda: not harness.processes_of("sleep\000889\0"), "the end of the command")
            self.assertEqual(box.ok("exec", "web", "echo", "still"), "still\n")

    def test_signals(self):
        for box in self.each():
            self.running(box)
            process = self.began(box, "web", "sh", "-c", "trap 'echo term; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
            process.terminate()
            self.assertEqual(process.wait(30), 3)
            for sent in (signal.SIGINT, signal.SIGTERM):
                process = self.began(box, "web", "sh", "-c", "echo ready; exec sleep 1000")
                process.send_signal(sent)
                self.assertEqual(process.wait(30), 128 + sent)


class Terminal(Exec):
    def test_a_terminal(self):
        for box in self.each():
            self.running(box, *([] if box.user == SINGLE else ["-u", "alice"]))
            master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
            before = termios.tcgetattr(slave)
            process = box.start("exec", "-it", "web", "sh", "-c", "tty; stty size; echo $TERM; read x; echo got-$x; stty size; exit 5",
                                stdin=slave, stdout=slave, stderr=slave)
            self.addCleanup(self.end, process)
            seen = self.read_until(master, b"xterm")
            self.assertRegex(seen, rb"(?s)/dev/pts/\d+\r\n33 77\r\nxterm")
            self.assertEqual(termios.tcgetattr(slave)[3] & termios.ICANON, 0)
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 50, 0, 0))
            process.send_signal(signal.SIGWINCH)
            time.sleep(0.2)
            os.write(master, b"word\r")
            self.read_until(master, b"got-word\r\n40 50")
            self.assertEqual(process.wait(30), 5)
            self.assertEqual(termios.tcgetattr(slave), before)
            os.close(master)
            os.close(slave)

    def read_until(self, master, text):
        seen = b""
        while text not in seen:
            if not select.select([master], [], [], 30)[0]:
                self.fail(f"{text!r} did not come; seen: {seen!r}")
            seen += os.read(master, 65536)
        return seen


if __name__ == "__main__":
    main()
