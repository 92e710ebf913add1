"""What happened in the store: events, as they are written down and as they are followed."""
import json
import os
import re
import shutil
import signal
import time

import archives
from harness import EVERYBODY, ROOT, E2E, main

TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")


class Events(E2E):
    def each(self, users=EVERYBODY):
        for user in users:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                yield box

    def known(self, box, *flags):
        return box.json("events", "--no-stream", *flags)

    def told(self, box, *flags):
        return [(event["type"], event["action"], event["name"]) for event in self.known(box, *flags)]

    def actions(self, box, container):
        return [event["action"] for event in self.known(box, "-f", f"container={container}")]

    def follow(self, box, *flags):
        """A follower, when it has shown that it follows."""
        process = box.start("events", "--format", "json", *flags)
        self.addCleanup(process.kill)
        os.set_blocking(process.stdout.fileno(), False)
        shown = b""
        for i in range(1000):
            box.ok("volume", "create", f"probe{i}")
            time.sleep(0.05)
            shown += process.stdout.read() or b""
            if b"probe" in shown:
                break
        os.set_blocking(process.stdout.fileno(), True)
        return process

    def end(self, process, how=signal.SIGINT):
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (0, b""))
        return [json.loads(line) for line in out.splitlines()]

    def monitor_of(self, box, name):
        entry, = [entry for entry in box.json("ps", "-a") if entry["name"] == name]
        with open(f"/proc/{entry['pid']}/status") as file:
            return int(re.search(r"PPid:\s*(\d+)", file.read())[1])

    def test_a_throw_away_run(self):
        for box in self.each():
            result = box.run("run", "-l", "a=b", "demo", "sh", "-c", "exit 3")
            self.assertEqual(result.status, 3)
            pull, *rest = self.known(box)
            self.assertEqual((pull["type"], pull["action"], pull["name"]), ("image", "pull", "demo:latest"))
            self.assertTrue(pull["id"].startswith("sha256:"))
            self.assertEqual([event["action"] for event in rest], ["create", "start", "die", "remove"])
            for event in rest:
                self.assertRegex(event["time"], TIME)
                self.assertRegex(event["id"], "^[0-9a-f]{64}$")
                self.assertEqual((event["type"], event["image"], event["labels"]), ("container", "demo", {"a": "b"}))
            self.assertEqual(len({event["id"] for event in rest}), 1)
            self.assertEqual((rest[2]["exit_status"], rest[2]["oom_killed"]), (3, False))
            self.assertEqual([event["time"] for event in rest], sorted(event["time"] for event in rest))

    def test_a_life(self):
        for box in self.each():
            box.ok("create", "--name", "one", "demo", "sh", "-c", "trap : HUP; while :; do sleep 0.1; done")
            box.ok("start", "one")
            box.ok("exec", "one", "true")
            self.assertEqual(box.run("exec", "one", "sh", "-c", "exit 7").status, 7)
            box.ok("kill", "-s", "HUP", "one")
            box.ok("restart", "-t", "0", "one")
            box.ok("stop", "-t", "0", "one")
            box.ok("rename", "one", "two")
            box.ok("commit", "two", "made:1")
            box.ok("rm", "two")
            events = self.known(box, "-f", "type=container")
            self.assertEqual([event["action"] for event in events],
                             ["create", "start", "exec", "exec_die", "exec", "exec_die", "kill", "die", "stop", "start",
                              "restart", "die", "stop", "rename", "commit", "remove"])
            self.assertEqual(len({event["id"] for event in events}), 1)
            _, _, begun, done, again, failed, kill, *_ = events
            self.assertEqual((begun["exec_id"], again["exec_id"]), (done["exec_id"], failed["exec_id"]))
            self.assertNotEqual(begun["exec_id"], again["exec_id"])
            self.assertEqual((done["exit_status"], failed["exit_status"], kill["signal"]), (0, 7, "SIGHUP"))
            rename, = [event for event in events if event["action"] == "rename"]
            self.assertEqual((rename["old_name"], rename["name"]), ("one", "two"))

    def test_what_never_ran_did_not_start(self):
        for box in self.each():
            self.assertEqual(box.run("run", "--name", "one", "demo", "nosuch").status, 127)
            self.assertEqual(self.actions(box, "one"), ["create", "die"])
            self.assertEqual(box.run("run", "--name", "two", "-v", "/nosuch:/x", "demo", "true").status, 125)
            self.assertEqual(self.actions(box, "two"), [])

    def test_images_volumes_and_networks(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        box.ok("tag", "demo", "demo:2")
        box.ok("save", "demo:2", "-o", "out.tar")
        box.ok("squash", "demo", "small:1")
        box.ok("rmi", "demo:2")
        box.ok("rmi", "small:1")
        box.ok("run", "-v", "made:/v", "demo", "true")
        box.ok("volume", "create", "-l", "a=b", "mine")
        box.ok("volume", "prune")
        box.ok("network", "create", "blue")
        box.ok("network", "rm", "blue")
        self.assertEqual([event for event in self.told(box) if event[0] != "container"],
                         [("image", "pull", "demo:latest"), ("image", "tag", "demo:2"), ("image", "save", "demo:2"),
                          ("image", "commit", "small:1"), ("image", "untag", "demo:2"), ("image", "untag", "small:1"),
                          ("image", "remove", "small:1"), ("volume", "create", "made"), ("volume", "create", "mine"),
                          ("volume", "remove", "made"), ("volume", "remove", "mine"), ("network", "create", "blue"),
                          ("network", "remove", "blue")])

    def test_filters(self):
        for box in self.each():
            box.ok("run", "--name", "web", "-l", "tier=front", "demo", "true")
            self.assertEqual(box.run("run", "--name", "db", "demo", "false").status, 1)
            box.ok("volume", "create", "cache")
            container = box.json("ps", "-a")[0]["id"]
            self.assertEqual(self.told(box, "-f", "event=die"), [("container", "die", "web"), ("container", "die", "db")])
            self.assertEqual(self.told(box, "-f", "event=die", "-f", "container=db"), [("container", "die", "db")])
            self.assertEqual({name for _, _, name in self.told(box, "-f", f"container={container[:12]}")}, {"web"})
            self.assertEqual({name for _, _, name in self.told(box, "-f", "label=tier=front")}, {"web"})
            self.assertEqual(self.told(box, "-f", "volume=cache"), [("volume", "create", "cache")])
            self.assertEqual(self.told(box, "-f", "network=cache"), [])
            self.assertEqual(self.told(box, "-f", "type=volume", "-f", "type=image"),
                             [("image", "pull", "demo:latest"), ("volume", "create", "cache")])
            of_image = self.known(box, "-f", "image=demo")
            self.assertEqual([event["action"] for event in of_image],
                             ["pull", "create", "start", "die", "create", "start", "die"])
            self.assertEqual(self.known(box, "-f", "image=dem"), [])
            box.fails(2, "events", "--no-stream", "-f", "event=dies")
            box.fails(2, "events", "--no-stream", "-f", "colour=red")
            box.fails(2, "events", "--since", "yesterday")

    def test_from_when_until_when(self):
        for box in self.each():
            box.ok("volume", "create", "early")
            time.sleep(1.1)
            between = int(time.time())
            time.sleep(1.1)
            box.ok("volume", "create", "late")
            volumes = ("-f", "type=volume")
            self.assertEqual(self.told(box, *volumes, "--since", str(between)), [("volume", "create", "late")])
            self.assertEqual(self.told(box, *volumes, "--until", str(between)), [("volume", "create", "early")])
            self.assertEqual(len(self.told(box, *volumes, "--since", "1h")), 2)
            lines = box.ok("events", *volumes, "--until", "now").splitlines()
            self.assertEqual([line.split(" ", 1)[1] for line in lines], ["volume create early", "volume create late"])
            begun = time.monotonic()
            box.ok("events", "--until", str(int(time.time()) + 2))
            self.assertTrue(0.9 < time.monotonic() - begun < 30)

    def test_following(self):
        for box in self.each():
            box.ok("run", "--name", "before", "demo", "true")
            process = self.follow(box)
            box.ok("run", "--name", "during", "demo", "true")
            time.sleep(0.2)
            events = [event for event in self.end(process) if event["type"] == "container"]
            self.assertEqual([(event["action"], event["name"]) for event in events],
                             [("create", "during"), ("start", "during"), ("die", "during")])
            self.end(self.follow(box, "-f", "type=volume"), signal.SIGTERM)

    def test_following_into_a_pipe_that_ends(self):
        box = self.box(ROOT)
        process = self.follow(box)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(process.stderr.read(), b"")
        for stream in (process.stdin, process.stderr):
            stream.close()

    def test_following_while_the_file_changes(self):
        for box in self.each():
            process = box.start("events", "--since", "1h", "--format", "json", "-f", "type=volume")
            read = []
            label = "x=" + "y" * 60_000
            for i in range(45):
                box.ok("volume", "create", "-l", label, f"v{i}")
                read.append(json.loads(process.stdout.readline()))
            self.assertEqual(self.end(process), [])
            self.assertEqual([event["name"] for event in read], [f"v{i}" for i in range(45)])
            self.assertEqual(read[0]["labels"], {"x": "y" * 60_000})
            for name in ("events", "events.1"):
                info = os.stat(os.path.join(box.store, name))
                self.assertLessEqual(info.st_size, 1 << 20)
                self.assertEqual(info.st_mode & 0o777, 0o600)
            names = [event["name"] for event in self.known(box, "-f", "type=volume")]
            self.assertEqual(names, [f"v{i}" for i in range(45)][-len(names):])
            self.assertGreater(len(names), 17)

    def test_an_event_too_long_goes_without_labels(self):
        box = self.box(ROOT)
        box.ok("volume", "create", "-l", "x=" + "y" * 100_000, "big")
        event, = self.known(box)
        self.assertEqual(event["name"], "big")
        self.assertNotIn("labels", event)

    def test_a_killed_watcher_gives_one_death(self):
        for box in self.each():
            for name, find in (("a", ["ps"]), ("b", ["start", "b"]), ("c", ["rm", "c"]), ("d", ["events", "--until", "now"])):
                box.ok("run", "-d", "--name", name, "demo", "sleep", "1000")
                os.kill(self.monitor_of(box, name), signal.SIGKILL)
                self.eventually(lambda: box.run(*find).status == 0, "nobody holds it")
                def deaths():
                    return self.known(box, "-f", "event=die", "-f", f"container={name}")

                # Who is killed holds it until the kernel has ended him.
                self.eventually(lambda: box.ok("ps", "-a") and deaths(), "somebody has found it")
                box.ok("ps", "-a")
                self.assertEqual(len(deaths()), 1, name)
                self.assertNotIn("exit_status", deaths()[0])
            box.ok("rm", "-f", "a", "b", "d")
            self.assertEqual([self.actions(box, name).count("die") for name in "abd"], [1, 2, 1])

    def test_a_killed_throw_away_run_gives_one_death(self):
        for box in self.each():
            process = self.await_ready(box.start("run", "-l", "mine=1", "demo", "sh", "-c", "echo ready; exec sleep 1000"))
            self.eventually(lambda: self.known(box, "-f", "event=start"), "it has started")
            process.kill()
            process.communicate()
            actions = lambda: [event["action"] for event in self.known(box, "-f", "label=mine=1")]
            self.eventually(lambda: "remove" in actions(), "it is found")
            self.assertEqual(actions(), ["create", "start", "die", "remove"])

    def test_no_line_is_lost_or_torn(self):
        for box in self.each():
            begun = [box.start("run", "-l", f"n={i}", "demo", "true") for i in range(50)]
            for process in begun:
                process.communicate()
                self.assertEqual(process.returncode, 0)
            events = self.known(box, "-f", "type=container")
            self.assertEqual(len(events), 200)
            for i in range(50):
                self.assertEqual([event["action"] for event in events if event["labels"] == {"n": str(i)}],
                                 ["create", "start", "die", "remove"])

    def test_a_damaged_line_is_left_out(self):
        for box in self.each():
            box.ok("volume", "create", "one")
            with open(os.path.join(box.store, "events"), "ab") as file:
                file.write(b'{"time": 5}\n\xff\x00\x1b[31m\n[]\n{"time":"2026-01-')
            box.ok("volume", "create", "two")
            result = box.run("events", "--no-stream", "-f", "type=volume")
            self.assertEqual(result.status, 0)
            self.assertEqual([line.split()[-1] for line in result.text.splitlines()], ["one", "two"])
            self.assertEqual(result.errors.count("damaged"), 1, result.errors)
            self.assertNotIn("\x1b", result.errors + result.text)

    def test_nothing_breaks_a_line_or_a_terminal(self):
        for box in self.each():
            directory = os.path.join(box.home, "root\x1b[2J\nfs")
            self.plain_rootfs(box, directory)
            label = 'x\n{"time":"y"}\x1b]0;title\x07\x9b31m\u202e\x7f'
            box.ok("run", "-l", f"k\x1b[31m={label}", "--rootfs", directory, "/bin/true")
            with open(os.path.join(box.store, "events"), "rb") as file:
                lines = file.read().split(b"\n")
            self.assertEqual(lines.pop(), b"")
            for line in lines:
                json.loads(line)
                self.assertNotRegex(line, rb"[\x00-\x1f\x7f-\xff]")
            shown = box.run("events", "--no-stream").out
            self.assertEqual(len(shown.splitlines()), len(lines))
            self.assertNotRegex(shown.decode(), "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
            events = self.known(box, "-f", "event=die")
            self.assertEqual(events[0]["image"], directory)

    def plain_rootfs(self, box, top):
        os.makedirs(os.path.join(top, "bin"))
        shutil.copy(shutil.which("busybox"), os.path.join(top, "bin", "true"))
        for path in (top, os.path.join(top, "bin"), os.path.join(top, "bin", "true")):
            os.chown(path, box.user.uid, box.user.uid)
            os.chmod(path, 0o755)

    def test_a_log_that_cannot_be_written_disturbs_nobody(self):
        for box in self.each():
            path = os.path.join(box.store, "events")
            for make in (os.mkdir, os.mkfifo, lambda name: os.symlink("/dev/full", name)):
                os.rename(path, path + ".away")
                make(path)
                result = box.run("run", "demo", "echo", "fine")
                self.assertEqual((result.status, result.text, result.errors), (0, "fine\n", ""))
                box.ok("volume", "create", "one")
                box.ok("volume", "rm", "one")
                os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
                os.rename(path + ".away", path)


if __name__ == "__main__":
    main()
