"""Containers that are made, started, stopped, watched: create, start, run -d, stop, kill, restart, wait, logs, rename."""
import os
import re
import signal
import time

import archives
from harness import EVERYBODY, ROOT, E2E, main, mounts, processes_of, store_content


class Life(E2E):
    def each(self, users=EVERYBODY):
        for user in users:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                yield box

    def state(self, box, name):
        entry, = [entry for entry in box.json("ps", "-a") if entry["name"] == name]
        return entry

    def close(self, process):
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()

    def monitor_of(self, pid):
        """The layerbox that watches the container whose first process is `pid`."""
        with open(f"/proc/{pid}/status") as file:
            return int(re.search(r"PPid:\s*(\d+)", file.read())[1])

    def test_detached_until_its_end(self):
        for box in self.each():
            container = box.ok("run", "-d", "--name", "one", "demo", "sh", "-c",
                               "echo out; echo err >&2; sleep 1; echo end; exit 3").strip()
            self.assertRegex(container, "^[0-9a-f]{64}$")
            self.assertEqual(self.state(box, "one")["state"], "running")
            self.assertEqual(box.ok("wait", "one"), "3\n")
            entry = self.state(box, "one")
            self.assertEqual((entry["state"], entry["exit_status"], entry["id"]), ("exited", 3, container))
            logs = box.run("logs", "one")
            self.assertEqual((logs.text, logs.errors), ("out\nend\n", "err\n"))
            box.ok("rm", "one")

    def test_created_then_started_here_and_again(self):
        for box in self.each():
            container = box.ok("create", "--name", "one", "-e", "A=5", "-w", "/tmp", "demo", "sh", "-c",
                               "echo $A $PWD; cat /count 2>/dev/null; echo x >> /count; exit 4").strip()
            self.assertEqual(self.state(box, "one")["state"], "created")
            self.assertIn("never started", box.fails(1, "wait", "one"))
            first = box.run("start", "--attach", "one")
            self.assertEqual((first.status, first.text), (4, "5 /tmp\n"), first.errors)
            second = box.run("start", "-a", container[:10])
            self.assertEqual((second.status, second.text), (4, "5 /tmp\nx\n"), second.errors)
            self.assertEqual(box.ok("start", "one"), "one\n")
            self.assertEqual(box.ok("wait", "one"), "4\n")
            self.assertEqual(box.ok("logs", "one"), "5 /tmp\nx\nx\n")

    def test_stop_asks_first_and_kills_then(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "polite", "demo", "sh", "-c",
                   "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.1; done")
            box.ok("run", "-d", "--name", "deaf", "demo", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
            for name in ("polite", "deaf"):
                self.eventually(lambda: box.ok("logs", name) == "up\n", "it is up")
            self.assertEqual(box.ok("stop", "polite"), "polite\n")
            self.assertEqual(self.state(box, "polite")["exit_status"], 0)
            self.assertEqual(box.ok("logs", "polite"), "up\nasked\n")
            self.assertEqual(box.ok("stop", "-t", "1", "deaf", "polite"), "deaf\npolite\n")
            self.assertEqual(self.state(box, "deaf")["exit_status"], 137)
            self.assertEqual(box.ok("start", "polite"), "polite\n")
            self.assertEqual(box.ok("restart", "polite"), "polite\n")
            self.assertEqual(self.state(box, "polite")["state"], "running")
            self.assertIn("it is running", box.fails(1, "start", "polite"))
            box.ok("rm", "-f", "polite", "deaf")
            self.assertEqual(box.json("ps", "-a"), [])

    def test_kill_sends_what_is_asked_for(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "one", "demo", "sh", "-c",
                   "trap 'echo hup' HUP; echo up; while :; do sleep 0.1; done")
            self.eventually(lambda: box.ok("logs", "one") == "up\n", "it is up")
            self.assertEqual(box.ok("kill", "-s", "HUP", "one"), "one\n")
            self.eventually(lambda: box.ok("logs", "one") == "up\nhup\n", "it hears")
            self.assertEqual(box.ok("kill", "one"), "one\n")
            self.assertEqual(self.state(box, "one")["exit_status"], 137)
            self.assertIn("it is exited", box.fails(1, "kill", "one"))
            self.assertIn("nosuch", box.fails(1, "kill", "nosuch"))

    def test_top_shows_the_processes_and_no_others(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "one", "demo", "sh", "-c", "sleep 1001 & sleep 1002; true")
            # A process that has just been forked has its maker's words.
            self.eventually(lambda: sorted(entry["command"] for entry in box.json("top", "one")[1:]) ==
                            [["sleep", "1001"], ["sleep", "1002"]], "they are there, and no others")
            first, *others = box.json("top", "one")
            self.assertEqual(first["pid"], self.state(box, "one")["pid"])
            self.assertEqual({entry["user"] for entry in others}, {0})
            self.assertEqual({entry["ppid"] for entry in others}, {first["pid"]})
            self.assertIn("sleep 1002", box.ok("top", "one"))
            box.ok("kill", "one")
            self.assertIn("it is exited", box.fails(1, "top", "one"))

    def test_what_cannot_start_says_so_here(self):
        for box in self.each():
            result = box.run("run", "-d", "--name", "one", "demo", "nosuch")
            self.assertEqual((result.status, result.text), (127, ""))
            self.assertIn("executing 'nosuch': command not found", result.errors)
            self.assertEqual(self.state(box, "one")["exit_status"], 127)
            self.assertIn("the name is taken", box.fails(125, "run", "-d", "--name", "one", "demo", "true"))
            self.assertIn("nosuch", box.fails(125, "run", "-d", "nosuch:1", "true"))
            self.assertIn("--restart", box.fails(2, "run", "--restart", "always", "demo", "true"))
            self.assertIn("no policy", box.fails(2, "run", "-d", "--restart", "often", "demo", "true"))
            self.assertEqual(len(box.json("ps", "-a")), 1)

    def test_restart_policies(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "fails", "--restart", "on-failure:2", "demo", "sh", "-c", "echo go; exit 5")
            self.assertEqual(box.ok("wait", "fails"), "5\n")
            self.assertEqual(box.ok("logs", "fails"), "go\ngo\ngo\n")
            box.ok("run", "-d", "--name", "works", "--restart", "on-failure", "demo", "sh", "-c", "echo go")
            self.assertEqual(box.ok("wait", "works"), "0\n")
            self.assertEqual(box.ok("logs", "works"), "go\n")
            box.ok("run", "-d", "--name", "ever", "--restart", "always", "demo", "sh", "-c", "echo go")
            self.eventually(lambda: box.ok("logs", "ever").count("go") >= 3, "it is run again")
            self.assertIn(self.state(box, "ever")["state"], ("running", "restarting"))
            box.ok("stop", "ever")
            times = box.ok("logs", "ever").count("go")
            self.assertEqual(self.state(box, "ever")["state"], "exited")
            time.sleep(0.5)
            self.assertEqual(box.ok("logs", "ever").count("go"), times)
            box.ok("run", "-d", "--name", "told", "--restart", "always", "demo", "sleep", "1000")
            os.kill(self.monitor_of(self.state(box, "told")["pid"]), signal.SIGTERM)
            self.assertEqual(box.ok("wait", "told"), "143\n")

    def test_rm_at_the_end(self):
        for box in self.each():
            container = box.ok("run", "-d", "--rm", "demo", "sh", "-c", "sleep 1; exit 6").strip()
            self.assertEqual(box.ok("wait", container), "6\n")
            box.ok("create", "--rm", "--name", "once", "demo", "true")
            self.assertEqual(box.run("start", "-a", "once").status, 0)
            self.eventually(lambda: box.json("ps", "-a") == [], "all are gone")
            self.assertEqual([name for name in store_content(box) if name.startswith("containers")], [])

    def test_names_change(self):
        for box in self.each():
            box.ok("create", "--name", "one", "demo", "true")
            box.ok("create", "--name", "two", "demo", "true")
            box.ok("rename", "one", "three")
            self.assertEqual({entry["name"] for entry in box.json("ps", "-a")}, {"two", "three"})
            self.assertIn("the name is taken", box.fails(1, "rename", "three", "two"))
            box.fails(2, "rename", "three", "a/b")
            box.ok("create", "--name", "one", "demo", "true")
            box.ok("run", "-d", "--name", "busy", "demo", "sleep", "1000")
            box.ok("rename", "busy", "four")
            self.assertEqual(self.state(box, "four")["state"], "running")
            box.ok("stop", "-t", "0", "four")
            self.assertEqual(self.state(box, "four")["state"], "exited")
            box.ok("start", "four")
            self.assertEqual(self.state(box, "four")["state"], "running")
            self.assertIn("the name is taken", box.fails(125, "create", "--name", "four", "demo", "true"))
            box.ok("create", "--name", "busy", "demo", "true")
            box.ok("rm", "-f", "busy", "four")

    def test_a_terminal_that_nobody_sits_at(self):
        for box in self.each():
            box.ok("run", "-d", "-t", "--name", "one", "demo", "sh", "-c", "tty >/dev/null && echo terminal; stty size")
            self.assertEqual(box.ok("wait", "one"), "0\n")
            self.assertEqual(box.ok("logs", "one"), "terminal\r\n24 80\r\n")

    def test_input_that_does_not_end(self):
        for box in self.each():
            box.ok("run", "-d", "-i", "--name", "open", "demo", "cat")
            box.ok("run", "-d", "--name", "shut", "demo", "cat")
            self.assertEqual(box.ok("wait", "shut"), "0\n")
            self.assertEqual(self.state(box, "open")["state"], "running")
            box.ok("rm", "-f", "open")

    def test_attached_without_a_terminal(self):
        for box in self.each():
            box.ok("run", "-di", "--name", "one", "demo", "sh", "-c", "echo before; cat; echo err >&2; exit 9")
            self.eventually(lambda: box.ok("logs", "one") == "before\n", "it is up")
            result = box.run("attach", "one", input=b"a line\n" * 10000)
            self.assertEqual((result.status, result.text, result.errors), (9, "a line\n" * 10000, "err\n"))
            self.assertIn("it is exited", box.fails(125, "attach", "one"))
            box.fails(2, "attach", "--detach-keys", "ctrl-1", "one")
            here = box.start("run", "--name", "here", "demo", "sh", "-c", "echo up; sleep 1000")
            self.assertEqual(here.stdout.readline(), b"up\n")
            self.assertIn("in the terminal of who started it", box.fails(125, "attach", "here"))
            box.ok("kill", "here")
            self.assertEqual(here.wait(), 137)
            self.close(here)

    def test_who_is_attached_and_does_not_read_holds_nobody_up(self):
        for box in self.each([ROOT]):
            box.ok("run", "-di", "--name", "one", "--log-opt", "max-size=64k", "demo", "sh", "-c", "read x; seq 1 2000000; echo end")
            idle = [box.start("attach", "--no-stdin", "one") for _ in range(3)]
            time.sleep(0.5)
            box.run("attach", "one", input=b"go\n")
            self.assertEqual(box.ok("wait", "one"), "0\n")
            self.assertEqual(box.ok("logs", "--tail", "1", "one"), "end\n")
            for process in idle:
                process.kill()
                process.wait()
                self.close(process)

    def test_a_signal_to_who_is_attached_is_the_commands(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "one", "demo", "sh", "-c",
                   "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.1; done")
            self.eventually(lambda: box.ok("logs", "one") == "up\n", "it is up")
            process = box.start("attach", "one")
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.stdout.read(), b"asked\n")
            self.assertEqual(process.wait(), 3)
            self.close(process)

    def test_logs_follow_and_are_bounded(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "one", "demo", "sh", "-c",
                   "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done; printf half")
            follow = box.run("logs", "-f", "one")
            self.assertEqual(follow.text, "".join(f"line {i}\n" for i in range(1, 6)) + "half")
            self.assertEqual(box.ok("logs", "--tail", "2", "one"), "line 5\nhalf")
            self.assertEqual(box.ok("logs", "--tail", "0", "one"), "")
            self.assertRegex(box.ok("logs", "-t", "-n", "1", "one"), r"^\d{4}-\d\d-\d\dT[\d:.]{18}Z half$")
            self.assertEqual(box.ok("logs", "--until", "1h", "one"), "")
            self.assertEqual(len(box.ok("logs", "--since", "1h", "one").splitlines()), 6)
            self.assertIn("no moment", box.fails(2, "logs", "--since", "yesterday", "one"))
            box.ok("run", "-d", "--name", "much", "--log-opt", "max-size=64k", "--log-opt", "max-file=3",
                   "demo", "sh", "-c", "seq 1 40000")
            box.ok("wait", "much")
            files = os.listdir(f"{box.store}/containers/{self.state(box, 'much')['id']}")
            self.assertEqual(sorted(name for name in files if name.startswith("log")), ["log", "log.1", "log.2"])
            lines = box.ok("logs", "much").splitlines()
            self.assertEqual(lines[-1], "40000")
            self.assertLess(len(lines), 40000)
            self.assertEqual([int(line) for line in lines[1:]], list(range(int(lines[1]), 40001)))
            size = sum(os.path.getsize(f"{box.store}/containers/{self.state(box, 'much')['id']}/{name}")
                       for name in ("log", "log.1", "log.2"))
            self.assertLessEqual(size, 3 * 65536)

    def test_whoever_is_killed_the_state_is_true(self):
        for box in self.each():
            box.ok("run", "-d", "--name", "one", "-e", f"MARK={box.home}", "demo", "sleep", "1000")
            pid = self.state(box, "one")["pid"]
            os.kill(self.monitor_of(pid), signal.SIGKILL)
            self.eventually(lambda: self.state(box, "one")["state"] == "dead", "nobody says that it runs")
            self.assertEqual(processes_of(box.home), [])
            self.assertIn("is not known", box.fails(1, "wait", "one"))
            box.ok("start", "one")
            pid = self.state(box, "one")["pid"]
            os.kill(pid, signal.SIGKILL)
            self.assertEqual(box.ok("wait", "one"), "137\n")
            box.ok("rm", "one")
            self.assertEqual(box.json("ps", "-a"), [])
            self.assertEqual(processes_of(box.home), [])

    def test_a_kill_at_any_moment_of_a_start(self):
        for box in self.each([ROOT]):
            for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04):
                process = box.start("run", "-d", "--name", "one", "-e", f"MARK={box.home}", "demo", "sleep", "1000")
                time.sleep(delay)
                # A program that is just being executed has no command line for a moment.
                while (victims := processes_of(box.home)) or process.poll() is None:
                    for victim in victims:
                        try:
                            os.kill(victim, signal.SIGKILL)
                        except ProcessLookupError:
                            pass
                self.close(process)
                self.eventually(lambda: all(entry["state"] not in ("running", "restarting") for entry in box.json("ps", "-a")),
                                "nothing runs")
                for entry in box.json("ps", "-a"):
                    box.ok("rm", entry["id"])
                self.assertEqual([name for name in store_content(box) if name.startswith("containers")], [])
                self.assertEqual(processes_of(box.home), [])

    def test_volumes_network_and_overlays_come_back(self):
        for box in self.each([ROOT]):
            os.mkdir(f"{box.home}/data")
            box.write("data/file", b"host\n")
            box.ok("create", "--name", "one", "-v", f"{box.home}/data:/data:O", "-v", "cache:/cache", "-v", "/own",
                   "--network", "bridge", "demo", "sh", "-c",
                   "echo x >> /own/n; echo x >> /cache/n; cat /own/n /cache/n; cat /data/file; echo y > /data/file; "
                   "grep -c layerbox /proc/net/route; ip addr show eth0 | grep -c inet")
            first = box.run("start", "-a", "one")
            second = box.run("start", "-a", "one")
            self.assertEqual(first.text.count("x"), 2, first.errors)
            self.assertEqual(second.text.count("x"), 4, second.errors)
            self.assertIn("host\n", second.text)
            box.ok("rm", "one")
            box.ok("volume", "rm", "cache")

    def test_fifty_at_once(self):
        for box in self.each([ROOT]):
            begun = [box.start("run", "-d", "--name", f"n{i}", "-e", f"MARK={box.home}", "demo", "sleep", "1000") for i in range(50)]
            for process in begun:
                self.assertEqual(process.wait(), 0, process.stderr.read())
                self.close(process)
            self.assertEqual(len([e for e in box.json("ps") if e["state"] == "running"]), 50)
            box.ok("rm", "-f", *[f"n{i}" for i in range(50)])
            self.assertEqual(box.json("ps", "-a"), [])
            self.assertEqual(processes_of(box.home), [])
            self.assertNotIn(box.home, mounts())


if __name__ == "__main__":
    main()
