"""run -t: a real terminal with resize and job control; and signals, with a terminal and without."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import archives
from harness import EVERYBODY, ROOT, E2E, main, processes_of, store_content


class OwnTerminal(E2E):
    """layerbox at the slave end of a pty of ours, as in a terminal window."""

    def open(self, box, *args, rows=24, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        before = termios.tcgetattr(slave)

        def controlling():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        process = box.start(*args, stdin=slave, stdout=slave, stderr=slave, preexec_fn=controlling)
        self.slave, self.seen, self.before = slave, b"", before
        self.addCleanup(self.close, process, self.master, slave)
        return process

    @staticmethod
    def close(process, *descriptors):
        if process.poll() is None:
            process.kill()
            process.wait()
        for descriptor in descriptors:
            try:
                os.close(descriptor)
            except OSError:
                pass  # a test may have closed it

    def expect(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                self.fail(f"{text!r} did not come; seen: {self.seen!r}")
            self.seen += os.read(self.master, 65536)
        at = self.seen.index(text) + len(text)
        self.seen, passed = self.seen[at:], self.seen[:at]
        return passed

    def type(self, text):
        os.write(self.master, text)

    def ended(self, process, timeout=60):
        end = time.monotonic() + timeout
        # What is written last must be read, or the writer may wait for us.
        while process.poll() is None:
            if time.monotonic() > end:
                self.fail(f"layerbox did not end; seen: {self.seen!r}")
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if ready:
                self.seen += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        return process.returncode


class Browse(OwnTerminal):
    """`tree` on a terminal: a view to go through."""

    ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"

    def browse(self, box, *more, **size):
        process = self.open(box, "tree", *more, "demo", **size)
        self.assertNotIn(self.LEAVE, self.expect(b"q quit"))
        return process

    def box(self, user=ROOT):
        box = super().box(user)
        box.image(archives.rootfs(lambda tree: tree.dir("srv").file("srv/\x1b[31mred", b"x" * 5000).dir("srv/deep")
                                  .dir("srv/deep/er").file("srv/deep/er/file", b"y" * 100)))
        return box

    def environment(self, box):
        box.environment = lambda **more: {**type(box).environment(box, **more), "TERM": "xterm"}
        return box

    def test_goes_through_an_image(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.environment(self.box(user))
                process = self.browse(box)
                self.type(b"/deep\r")
                self.expect(b"demo: /srv:")
                self.type(b"\r")
                self.expect(b"demo: /srv/deep:")
                self.type(b"\x1b[C")
                self.expect(b"demo: /srv/deep/er:")
                self.expect(b"file")
                self.type(b"hh")
                shown = self.expect(b"demo: /srv:") + self.expect(b"q quit")
                self.assertIn(b"\\x1b[31mred", shown)
                self.assertNotIn(b"\x1b[31m", shown)
                self.type(b"w")
                self.expect(b"wasted, the largest files")
                self.type(b"l")
                self.expect(b"1 layers")
                self.type(b"q")
                self.assertEqual(self.ended(process), 0)
                self.assertIn(self.LEAVE, self.seen)
                self.assertEqual(termios.tcgetattr(self.slave), self.before)
                self.assertEqual([n for n in store_content(box) if n.startswith("staging")], [])

    def test_gives_the_terminal_back_whatever_ends_it(self):
        box = self.environment(self.box())
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            process = self.browse(box)
            process.send_signal(number)
            self.assertEqual(self.ended(process), 128 + number)
            self.assertIn(self.LEAVE, self.seen)
            self.assertEqual(termios.tcgetattr(self.slave), self.before)
        process = self.browse(box)
        self.type(b"\x03")
        self.assertEqual(self.ended(process), 130)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)

    def test_stops_and_goes_on(self):
        box = self.environment(self.box())
        process = self.browse(box)
        self.type(b"\x1a")
        self.expect(self.LEAVE)
        self.eventually(lambda: os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG) != (0, 0), "it has stopped")
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        process.send_signal(signal.SIGCONT)
        self.expect(self.ENTER)
        self.expect(b"q quit")
        self.type(b"q")
        self.assertEqual(self.ended(process), 0)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)

    def test_follows_the_size_of_the_window(self):
        box = self.environment(self.box())
        process = self.browse(box)
        for rows, columns in ((5, 40), (1, 1), (50, 200)):
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            while self.expect(b"\x1b[J").split(b"\x1b[H")[-1].count(b"\n") != rows - 1:
                pass  # one that was drawn before; the last one comes, or expect() gives up
        self.type(b"q")
        self.assertEqual(self.ended(process), 0)

    def test_is_not_where_it_cannot_be(self):
        box = self.box()
        table = box.ok("tree", "demo")
        self.assertEqual(self.ended(self.open(box, "tree", "demo")), 0)  # TERM is dumb
        self.assertEqual(self.seen.replace(b"\r\n", b"\n").decode(), table)
        self.environment(box)
        self.assertEqual(self.ended(self.open(box, "tree", "--no-browse", "demo")), 0)
        self.assertEqual(self.seen.replace(b"\r\n", b"\n").decode(), table)
        self.assertEqual(box.ok("tree", "demo"), table)
        self.assertEqual(self.ended(self.open(box, "tree", "--format", "json", "demo")), 0)
        self.assertNotIn(self.ENTER, self.seen)
        self.assertEqual(self.ended(self.open(box, "tree", "nothing")), 1)
        self.assertNotIn(self.ENTER, self.seen)


class Terminal(OwnTerminal):
    def test_a_shell_on_a_terminal(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs())
                process = self.open(box, "run", "-it", "demo", "sh", "-c",
                                    "tty; test -t 0 && test -t 1 && test -t 2 && echo terminal; read x; echo got-$x; exit 5")
                self.assertIn(b"/dev/pts/0", self.expect(b"terminal"))
                self.type(b"word\r")
                self.expect(b"got-word")
                self.assertEqual(self.ended(process), 5)

    def test_our_terminal_is_given_back_as_it_was(self):
        box = self.box()
        box.image(archives.rootfs())
        for command in ("true", "kill -9 $$; sleep 1", "stty raw -echo"):
            process = self.open(box, "run", "-it", "demo", "sh", "-c", command)
            self.ended(process)
            self.assertEqual(termios.tcgetattr(self.slave), self.before)

    def test_it_is_given_back_after_a_termination_and_a_failure(self):
        box = self.box()
        box.image(archives.rootfs())
        for number, command, status in ((signal.SIGTERM, "echo re''ady; sleep 1000", 143),
                                        (signal.SIGINT, "echo re''ady; sleep 1000", 130),
                                        (signal.SIGHUP, "echo re''ady; sleep 1000", 129),
                                        (signal.SIGTERM, "trap 'exit 3' TERM; echo re''ady; while :; do sleep 0.05; done", 3)):
            with self.subTest(signal=number.name, command=command):
                process = self.open(box, "run", "-it", "demo", "sh", "-c", command)
                self.expect(b"ready")
                self.eventually(lambda: not termios.tcgetattr(self.slave)[3] & termios.ECHO, "the terminal is raw")
                process.send_signal(number)
                self.assertEqual(self.ended(process), status)
                self.assertEqual(termios.tcgetattr(self.slave), self.before)
        for flags in (("-u", "nobody-here"), ("-w", "/etc/passwd"), ("-v", "/no/such/source:/x"), ("--timeout", "x")):
            with self.subTest(flags=flags):
                process = self.open(box, "run", "-it", *flags, "demo", "true")
                self.assertIn(self.ended(process), (125, 2))
                self.assertEqual(termios.tcgetattr(self.slave), self.before)
        process = self.open(box, "run", "-it", "--timeout", "1", "demo", "sleep", "1000")
        self.assertEqual(self.ended(process), 143)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)

    def test_one_that_nobody_reads_does_not_keep_the_command_alive(self):
        box = self.box()
        box.image(archives.rootfs())
        mark = "unread-terminal"
        process = self.open(box, "run", "-it", "demo", "sh", "-c", f"stty raw; echo {mark}; while :; do cat /dev/zero; done")
        self.expect(mark.encode())
        seen = []

        def is_full():  # nothing moves any more
            with open(f"/proc/{process.pid}/io", encoding="ascii") as file:
                seen.append(file.read())
            time.sleep(0.05)
            return len(seen) > 20 and len(set(seen[-20:])) == 1
        self.eventually(is_full, "the terminal is full")
        process.send_signal(signal.SIGTERM)
        # layerbox itself stays until what was written last has come out.
        self.eventually(lambda: processes_of(mark) in ([process.pid], []), "the command has ended")
        self.assertEqual(self.ended(process), 143)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)

    def test_size_and_resize(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.open(box, "run", "-it", "demo", "sh", "-c",
                            "stty size; trap 'echo resized; stty size' WINCH; echo ready; while :; do sleep 0.1; done",
                            rows=31, columns=97)
        self.expect(b"31 97")
        self.expect(b"ready")
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 123, 0, 0))
        self.expect(b"resized")
        self.expect(b"44 123")
        process.kill()  # the shell is pid 1 and has no handler for anything gentler
        self.ended(process)

    def test_an_interrupt_key_reaches_the_command(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.open(box, "run", "-it", "demo", "sh")
        self.type(b"echo be''gin; sleep 1000; echo interrup''ted\r")
        self.expect(b"begin")
        time.sleep(0.5)  # until sleep is the foreground job
        self.type(b"\x03")  # interrupts sleep, not layerbox
        self.type(b"echo ali''ve\r")
        self.expect(b"alive")
        process.kill()
        self.ended(process)

    def test_the_stop_key_and_job_control(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs())
                process = self.open(box, "run", "-it", "demo", "sh")
                self.type(b"sh -c 'trap \"echo continu\"ed CONT; echo run\"ning\"; while :; do sleep 0.1; done'\r")
                self.expect(b"running")
                self.type(b"\x1a")  # stops the job, not layerbox
                self.expect(b"Stopped")
                self.type(b"echo be''side\r")
                self.expect(b"beside")
                self.type(b"fg\r")
                self.expect(b"continued")  # and in the foreground by then
                self.type(b"\x03")
                self.type(b"exit 9\r")
                self.assertEqual(self.ended(process), 9)

    def test_raw_bytes_pass(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.open(box, "run", "-it", "demo", "sh", "-c", "stty raw -echo; echo ready; dd bs=1 count=4 2>/dev/null | od -An -tx1")
        self.expect(b"ready")
        self.type(b"\x01\x03\xff\x0d")
        self.expect(b"01 03 ff 0d")
        self.assertEqual(self.ended(process), 0)

    def test_a_shell_whose_terminal_hangs_up_is_ended(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.open(box, "run", "-it", "demo", "sh")
        self.type(b"echo up''here\r")
        self.expect(b"uphere")
        os.close(self.master)  # the window is closed: SIGHUP, and end of file at the slave
        self.eventually(lambda: process.poll() is not None, "layerbox ended")
        box.ok("ps")
        self.assertEqual([n for n in store_content(box) if n.startswith(("containers", "trash", "staging"))], [])

    def test_t_without_a_terminal_of_ours(self):
        box = self.box()
        box.image(archives.rootfs())
        result = box.run("run", "-t", "demo", "sh", "-c", "test -t 1 && echo terminal")
        self.assertEqual((result.status, result.out.replace(b"\r", b"")), (0, b"terminal\n"), result.errors)

    def test_bars_on_a_terminal(self):
        box = self.box()
        path = box.write("rootfs.tar", archives.rootfs(lambda t: t.file("big", os.urandom(64 << 20))))
        process = self.open(box, "pull-tar", path, "--name", "demo")
        self.assertEqual(self.ended(process), 0)
        self.expect(b"sha256:")


class Attached(OwnTerminal):
    """Detached containers in a terminal of ours."""

    def test_a_shell_that_is_left_and_visited_again(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs())
                box.ok("run", "-dit", "--name", "shell", "demo", "sh")
                process = self.open(box, "attach", "shell", rows=33, columns=99)
                self.type(b"stty size; x=kept\n")
                self.expect(b"33 99")
                self.type(b"\x10\x11")
                self.assertEqual(self.ended(process), 0)
                self.assertEqual(termios.tcgetattr(self.slave)[3], self.before[3], "the terminal is as it was")
                self.assertEqual(box.json("ps")[0]["state"], "running")
                process = self.open(box, "attach", "--detach-keys", "", "shell")
                self.type(b"echo $x\n")
                self.expect(b"kept\r\n")
                self.type(b"exit 7\n")
                self.assertEqual(self.ended(process), 7)
                self.assertEqual(box.json("ps", "-a")[0]["exit_status"], 7)

    def test_the_window_grows(self):
        box = self.box()
        box.image(archives.rootfs())
        box.ok("run", "-dit", "--name", "shell", "demo", "sh", "-c", "trap 'stty size' WINCH; echo up; while :; do sleep 0.1; done")
        process = self.open(box, "attach", "shell")
        time.sleep(0.3)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        self.expect(b"50 120")
        box.ok("kill", "shell")
        self.assertEqual(self.ended(process), 137)


class Signals(E2E):
    def start(self, box, script, *flags):
        process = box.start("run", *flags, "demo", "sh", "-c", script)
        self.assertEqual(process.stdout.readline(), b"ready\n", "the command did not start")
        return process

    def test_signals_reach_the_command(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs())
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
                with self.subTest(user=user.name, signal=number.name):
                    name = number.name[3:]
                    process = self.start(box, f"trap 'echo caught; exit 9' {name}; echo ready; while :; do sleep 0.05; done")
                    process.send_signal(number)
                    out, err = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, out), (9, b"caught\n"), err)

    def test_with_init_an_untrapped_signal_kills(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.start(box, "echo ready; exec sleep 1000", "--init")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + 15)

    def test_a_stopped_and_continued_layerbox_goes_on(self):
        box = self.box()
        box.image(archives.rootfs())
        process = box.start("run", "-i", "demo", "cat")
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(b"x", timeout=60)
        self.assertEqual((process.returncode, out), (0, b"x"), err)

    def test_init_reaps_orphans(self):
        box = self.box()
        box.image(archives.rootfs())
        # Orphans whose parent ended: without a reaper they stay as zombies of pid 1.
        script = ("for i in 1 2 3 4 5; do sh -c 'sleep 0.1 & exit 0'; done; "
                  "for n in $(seq 100); do z=$(grep -l '^State:.*Z' /proc/[0-9]*/status 2>/dev/null | wc -l); "
                  "s=$(grep -l '^Name:.*sleep' /proc/[0-9]*/status 2>/dev/null | wc -l); "
                  "[ $s = 0 ] && break; sleep 0.1; done; echo $z zombies")
        result = box.run("run", "--init", "demo", "sh", "-c", script)
        self.assertEqual((result.status, result.text), (0, "0 zombies\n"), result.errors)

    def test_with_init_the_command_is_not_pid_1_and_its_status_counts(self):
        box = self.box()
        box.image(archives.rootfs())
        result = box.run("run", "--init", "demo", "sh", "-c", "echo $$; exit 11")
        self.assertEqual(result.status, 11)
        self.assertNotEqual(result.text, "1\n")
        self.assertEqual(box.run("run", "--init", "demo", "no-such-command").status, 127)

    def test_background_processes_end_with_the_command(self):
        box = self.box()
        box.image(archives.rootfs())
        result = box.run("run", "demo", "sh", "-c", "sleep 987654 >/dev/null 2>&1 & exit 4")
        self.assertEqual(result.status, 4)
        self.assertEqual(processes_of("987654"), [])


if __name__ == "__main__":
    main()
