"""Containers held still, and their files kept, gone back to, and forked: pause, snapshot, rollback, fork."""
import os
import pathlib
import signal
import time

import archives
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, mounts, store_content
from test_limits import Delegated

BACKENDS = ("overlay", "copy")
# Something of every kind: new, changed, removed, replaced, linked, of another owner, with an attribute.
FILES = """
mkdir -p /a/b; echo one > /a/b/f; ln /a/b/f /a/g; ln -s nowhere /l; mkfifo /pipe
echo more >> /etc/passwd; rm /etc/group; rm -rf /usr; mkdir /usr; chmod 711 /; touch -d 2001-02-03 /a/b/f
"""
SHOW = "cat /a/b/f; ls -A / /a /a/b /etc /usr; tail -n 1 /etc/passwd; stat -c '%n %a %u %g %h %Y' /a/g /a/b/f; stat -c %a /; readlink /l"


class Kept(E2E):
    def each(self, users=EVERYBODY):
        for user in users:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            for backend in BACKENDS:
                with self.subTest(user.name + ", " + backend):
                    before = mounts()
                    yield box, backend
                    for entry in box.json("ps", "-a"):
                        box.ok("rm", "-f", entry["id"])
                    self.assertEqual(mounts(), before)
                    self.assertEqual([n for n in store_content(box) if n.startswith(("cont", "stag", "trash"))], [])

    def keep(self, box, backend, name, command, *more):
        return box.ok("create", "--backend", backend, "--name", name, *more, "demo", "sh", "-c", command).strip()

    def states(self, box):
        return {entry["name"]: entry["state"] for entry in box.json("ps", "-a")}


class Snapshots(Kept):
    def make(self, box, backend, name, script, *more):
        """A container that has run `script` once, and now runs what is in /next at each start."""
        self.keep(box, backend, name, f"if test -e /next; then sh /next; else printf %s '{SHOW_NEXT}' > /next; {script}\nfi", *more)
        result = box.run("start", "-a", name)
        self.assertEqual(result.status, 0, result.errors)

    def test_a_fork_shows_the_same_files(self):
        for box, backend in self.each():
            self.make(box, backend, "one", FILES)
            diff = box.ok("diff", "one")
            shown = box.ok("start", "-a", "one")
            self.assertEqual(box.ok("snapshot", "one"), "1\n")
            self.assertEqual(box.ok("snapshot", "one", "named"), "named\n")
            self.assertEqual(box.ok("snapshot", "one"), "2\n")
            self.assertEqual([entry["name"] for entry in box.json("snapshot", "-l", "one")], ["1", "named", "2"])
            box.ok("rename", "one", "other")
            for flags in ((), ("--snapshot", "named")):
                forked = box.ok("fork", *flags, "other").strip()
                self.assertEqual(box.ok("diff", forked), diff)
                self.assertEqual(box.ok("start", "-a", forked), shown)

    def test_what_was_done_since_is_gone(self):
        for box, backend in self.each():
            script = "if test -e /done; then rm -rf /a /done2; echo late > /late; else " + FILES + " touch /done; fi; " + SHOW
            self.keep(box, backend, "one", script)
            first = box.ok("start", "-a", "one")
            diff = box.ok("diff", "one")
            box.ok("snapshot", "one", "good")
            box.run("start", "-a", "one")
            self.assertNotEqual(box.ok("diff", "one"), diff)
            box.ok("rollback", "one")
            self.assertEqual(box.ok("diff", "one"), diff)
            box.run("start", "-a", "one")
            box.ok("rollback", "one", "good")
            self.assertEqual(box.ok("diff", "one"), diff)
            self.assertIn("one\n", first)
            # The image made of it has the same files.
            box.ok("commit", "one", "made")
            self.assertEqual(box.ok("diff", "made", "one"), "")
            box.ok("rmi", "made")
            self.assertEqual(box.ok("snapshot", "--remove", "one", "good"), "good\n")
            self.assertEqual(box.json("snapshot", "--list", "one"), [])
            self.assertIn("has no snapshot", box.fails(1, "rollback", "one"))

    def test_of_a_container_that_runs(self):
        """Two files that always say the same, but for a moment: a snapshot never sees that moment."""
        count = "i=0; while :; do i=$((i+1)); echo $i > /x; echo $i > /y; done"
        show = f"if test -e /x; then cat /x /y; else {count}; fi"
        for box, backend in self.each((ROOT,)):
            self.keep(box, backend, "one", show)
            box.ok("start", "one")
            for number in range(5):
                result = box.run("snapshot", "one")
                self.assertEqual((result.status, result.text, result.errors), (0, f"{number + 1}\n", ""))
                self.assertEqual(self.states(box)["one"], "running")
            forked = box.ok("fork", "one", "two").strip()
            self.assertEqual(box.json("inspect", "two")[0]["id"], forked)
            self.assertIn("it is running", box.fails(1, "rollback", "one"))
            box.ok("kill", "one")
            for number in range(5):
                x, y = self.numbers(box, "two")
                self.assertIn(x - y, (0, 1))
                box.ok("rm", "two")
                box.ok("fork", "--snapshot", str(number + 1), "one", "two")

    def numbers(self, box, name):
        # Between the truncation and the number a file is empty.
        lines = box.ok("start", "-a", name).split()
        return (int(lines[0]), int(lines[-1])) if len(lines) == 2 else (0, 0)

    def test_of_a_container_that_runs_and_cannot_be_held_still(self):
        for box, backend in self.each((RANGED, SINGLE)):
            self.keep(box, backend, "one", "echo a > /file; exec sleep 1000")
            box.ok("start", "one")
            self.eventually(lambda: "A /file" in box.ok("diff", "one"), "it has written")
            result = box.run("snapshot", "one")
            self.assertEqual((result.status, result.text), (0, "1\n"), result.errors)
            self.assertIn("is read while it works", result.errors)
            result = box.run("fork", "--no-pause", "one", "two")
            self.assertEqual((result.status, result.errors), (0, ""))
            self.assertEqual(box.ok("diff", "two"), "A /file\n")

    def test_a_living_tree_is_copied_without_a_failure(self):
        churn = "while :; do mkdir -p /d/e; for i in 1 2 3 4 5 6 7 8; do echo $i > /d/e/$i; ln /d/e/$i /d/$i; done; rm -rf /d; done"
        for box, backend in self.each((ROOT, RANGED)):
            self.keep(box, backend, "one", churn)
            box.ok("start", "one")
            for _ in range(10):
                result = box.run("snapshot", "--no-pause", "one")
                self.assertEqual((result.status, result.errors), (0, ""))

    def test_a_fork_is_on_its_own(self):
        for box, backend in self.each():
            self.keep(box, backend, "one", "cat /own/f /named/f 2>/dev/null; hostname; echo $WHO | tee /own/f > /named/f; echo x >> /x",
                      "-v", "/own", "-v", f"data-{backend}:/named", "-e", "WHO=me", "--label", "a=b")
            box.ok("start", "-a", "one")
            two = box.ok("fork", "one", "two").strip()
            entry, = [entry for entry in box.json("ps", "-a") if entry["name"] == "two"]
            self.assertEqual((entry["state"], entry["labels"], entry["backend"], entry["exit_status"]),
                             ("created", {"a": "b"}, backend, None))
            self.assertEqual(box.ok("start", "-a", "two"), f"me\nme\n{two[:12]}\n")
            box.ok("rm", "one")
            self.assertEqual(box.ok("diff", "two"), "A /x\n")
            config = box.json("inspect", "two")[0]["config"]
            self.assertEqual(config["hostname"], two[:12])
            self.assertTrue(all(two in m["source"] or "volumes/data" in m["source"] for m in config["mounts"]
                                if m["destination"] in ("/own", "/named")), config["mounts"])
            self.assertEqual(box.ok("start", "-a", "two"), f"me\nme\n{two[:12]}\n")

    def test_refusals(self):
        for box, backend in self.each():
            self.keep(box, backend, "one", "true")
            self.assertIn("no container 'nobody'", box.fails(1, "snapshot", "nobody"))
            self.assertIn("no container 'nobody'", box.fails(1, "fork", "nobody"))
            self.assertIn("has no snapshot", box.fails(1, "rollback", "one"))
            box.ok("snapshot", "one", "good")
            self.assertIn("already", box.fails(1, "snapshot", "one", "good"))
            self.assertIn("it has: good", box.fails(1, "rollback", "one", "bad"))
            self.assertIn("it has: good", box.fails(1, "fork", "--snapshot", "../good", "one"))
            self.assertIn("is no name for a snapshot", box.fails(1, "snapshot", "one", "../x"))
            self.assertIn("is taken", box.fails(1, "fork", "one", "one"))
            box.fails(2, "fork", "one", "-x")
            box.fails(2, "snapshot", "--list", "--remove", "one", "good")
            if box.user == ROOT:
                place = os.path.join(box.home, "place")
                os.makedirs(place, exist_ok=True)
                box.ok("mount", "one", place)
                self.assertIn("mounted", box.fails(1, "rollback", "one"))
                box.ok("umount", place)
                box.ok("rollback", "one")
            process = box.start("run", "--backend", backend, "demo", "sh", "-c", "echo ready; exec sleep 1000")
            self.await_ready(process)
            throw_away, = [entry["id"] for entry in box.json("ps")]
            self.assertIn("commit", box.fails(1, "fork", "--no-pause", throw_away))
            process.terminate()
            process.communicate()
            self.assertEqual(list(self.states(box)), ["one"])

    def test_killed_at_every_step_of_a_rollback(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        self.keep(box, "overlay", "one", "true")
        if box.run("snapshot", "one", env={"LAYERBOX_FAULT": "layers.snapshot.before_rename=kill"}).status == 0:
            self.skipTest("this build has no fault points")
        for box, backend in self.each((ROOT, RANGED)):
            self.keep(box, backend, "one", "cat /own/f /f; echo x >> /own/f; echo y >> /f", "-v", "/own")
            box.run("start", "-a", "one")
            box.ok("snapshot", "one", "good")
            for point in ("layers.snapshot.before_rename=kill", "layers.roll_back.before_exchange=kill",
                          "layers.roll_back.before_exchange=kill:2", "layers.roll_back.before_end=kill"):
                box.run("start", "-a", "one")
                verb = "snapshot" if "snapshot" in point else "rollback"
                self.assertNotEqual(box.run(verb, "one", env={"LAYERBOX_FAULT": point}).status, 0)
                both = box.ok("start", "-a", "one").split()
                # Before or after, never one half of each: as many lines in the volume as in the file.
                self.assertEqual(both.count("x"), both.count("y"), (point, both))
                box.ok("rollback", "one")
            self.assertEqual([entry["name"] for entry in box.json("snapshot", "-l", "one")], ["good"])


class Pause(Kept):
    TICK = "while :; do echo tick; sleep 0.02; done"

    def box(self, user=ROOT):
        box = super().box(user)
        box.image(archives.rootfs(), "demo")
        self.addCleanup(lambda: [box.ok("rm", "-f", entry["id"]) for entry in box.json("ps", "-a")])
        return box

    def ticks(self, box, name):
        return len(box.ok("logs", name).splitlines())

    def assert_still(self, box, name):
        before = self.ticks(box, name)
        time.sleep(0.3)
        self.assertEqual(self.ticks(box, name), before)

    def assert_alive(self, box, name):
        before = self.ticks(box, name)
        self.eventually(lambda: self.ticks(box, name) > before, "it goes on")

    def test_stops_and_goes_on(self):
        box = self.box()
        for flags in ((), ("-m", "64m"), ("--init",)):
            with self.subTest(flags):
                box.ok("run", "-d", "--name", "one", *flags, "demo", "sh", "-c", f"({self.TICK}) & {self.TICK}")
                self.assert_alive(box, "one")
                for _ in range(2):
                    self.assertEqual(box.ok("pause", "one"), "one\n")
                    self.assertEqual(self.states(box)["one"], "paused")
                    self.assert_still(box, "one")
                    self.assertIn("it is paused", box.fails(1, "pause", "one"))
                    self.assertIn("unpause", box.fails(125, "exec", "one", "true"))
                    self.assertIn("it is paused", box.fails(1, "start", "one"))
                    self.assertIn("it is paused", box.fails(1, "rm", "one"))
                    self.assertEqual(box.ok("unpause", "one"), "one\n")
                    self.assertEqual(self.states(box)["one"], "running")
                    self.assert_alive(box, "one")
                self.assertIn("it is running", box.fails(1, "unpause", "one"))
                # What enters is in the same freezer.
                late = box.start("exec", "one", "sh", "-c", "echo ready; exec sleep 1000")
                self.await_ready(late)
                box.ok("pause", "one")
                box.ok("rm", "-f", "one")
                self.assertEqual(late.wait(), 137)
                late.communicate()
                self.assertEqual(self.cgroups(box), [])
                self.assertEqual(store_content(box)[-1][:6], "layers")

    def cgroups(self, box):
        """Those of the box's containers, whatever became of them."""
        ids = {event["id"] for event in box.json("events", "--no-stream", "--filter", "type=container")}
        self.assertNotEqual(ids, set())
        return [path for path, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(path)[len("layerbox-"):] in ids]

    def test_files_of_what_is_paused(self):
        box = self.box()
        box.ok("run", "-d", "--name", "one", "demo", "sh", "-c", f"echo here > /file; {self.TICK}")
        self.assert_alive(box, "one")
        box.ok("pause", "one")
        box.ok("cp", "one:/file", "out")
        self.assertEqual(pathlib.Path(box.home, "out").read_text(), "here\n")
        box.ok("cp", "out", "one:/in")
        self.assertEqual(box.ok("diff", "one"), "A /file\nA /in\n")
        self.assert_still(box, "one")

    def test_ends_though_paused(self):
        box = self.box()
        for end, status in ((("stop", "-t", "1"), 137), (("kill",), 137)):
            box.ok("run", "-d", "--name", "one", "demo", "sh", "-c", self.TICK)
            box.ok("pause", "one")
            box.ok(*end, "one")
            self.assertEqual(box.ok("wait", "one"), f"{status}\n")
            self.assertEqual(self.cgroups(box), [])
            self.assertIn("it is exited", box.fails(1, "pause", "one"))
            box.ok("start", "one")
            self.assert_alive(box, "one")
            box.ok("pause", "one")
            self.assert_still(box, "one")
            box.ok("rm", "-f", "one")
        box.ok("run", "-d", "--name", "polite", "demo", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done")
        box.ok("pause", "polite")
        box.ok("stop", "polite")
        self.assertEqual(box.ok("wait", "polite"), "3\n")
        box.ok("rm", "polite")
        self.assertEqual(self.cgroups(box), [])

    def test_its_layerbox_is_killed_while_it_is_paused(self):
        box = self.box()
        for flags in (("--name", "one"), ()):
            process = box.start("run", *flags, "demo", "sh", "-c", "echo ready; exec sleep 1000")
            self.await_ready(process)
            entry, = box.json("ps")
            box.ok("pause", entry["id"])
            process.kill()
            process.communicate()
            self.eventually(lambda: not os.path.exists(f"/proc/{entry['pid']}"), "its command is gone")
            self.assertEqual([e["state"] for e in box.json("ps", "-a")], ["dead"] if flags else [])
            if flags:
                box.ok("rm", "one")
            self.assertEqual(self.cgroups(box), [])

    def test_an_ordinary_user(self):
        for user in (RANGED, SINGLE):
            with self.subTest(user.name):
                box = self.box(user)
                box.ok("run", "-d", "--name", "one", "demo", "sh", "-c", self.TICK)
                self.assertIn("Delegate=yes", box.fails(1, "pause", "one"))
                self.assertEqual(self.states(box)["one"], "running")
                box.ok("rm", "-f", "one")
                with Delegated(self, user):
                    box.ok("run", "-d", "--name", "two", "demo", "sh", "-c", self.TICK)
                    box.ok("pause", "two")
                    self.assert_still(box, "two")
                    result = box.run("snapshot", "two")
                    self.assertEqual((result.status, result.errors), (0, ""))
                    self.assertEqual(self.states(box)["two"], "paused")
                    box.ok("unpause", "two")
                    self.assert_alive(box, "two")
                    box.ok("rm", "-f", "two")

    def test_a_commit_leaves_it_as_it_was(self):
        box = self.box()
        box.ok("run", "-d", "--name", "one", "demo", "sh", "-c", self.TICK)
        box.ok("commit", "one", "made")
        self.assertEqual(self.states(box)["one"], "running")
        box.ok("pause", "one")
        box.ok("commit", "one", "again")
        box.ok("snapshot", "one")
        self.assertEqual(self.states(box)["one"], "paused")
        box.ok("rename", "one", "other")
        box.ok("unpause", "other")
        box.ok("fork", "other", "forked")
        events = [(event["action"], event["name"]) for event in box.json("events", "--no-stream", "--filter", "type=container")]
        self.assertEqual(events, [("create", "one"), ("start", "one"), ("commit", "one"), ("pause", "one"), ("commit", "one"),
                                  ("rename", "other"), ("unpause", "other"), ("create", "forked")])
        box.ok("stop", "-t", "0", "other")
        last = box.json("events", "--no-stream", "--filter", "event=die")[-1]
        self.assertEqual(last["name"], "other")

    def test_one_that_shares_its_processes_view_goes_on(self):
        box = self.box()
        box.ok("run", "-d", "--name", "one", "demo", "sh", "-c", self.TICK)
        box.ok("run", "-d", "--name", "guest", "--pid", "container:one", "demo", "sh", "-c", f"({self.TICK}) & {self.TICK}")
        self.assert_alive(box, "guest")
        box.ok("pause", "one")
        self.assert_still(box, "one")
        self.assert_alive(box, "guest")
        box.ok("pause", "guest")
        self.assert_still(box, "guest")
        box.ok("unpause", "one")
        self.assert_alive(box, "one")
        self.assert_still(box, "guest")
        box.ok("rm", "-f", "guest")
        self.assertLessEqual(len(box.json("top", "one")), 2)  # the shell and its sleep
        self.assert_alive(box, "one")

    def test_a_fork_bomb_stands_still(self):
        box = self.box()
        box.ok("run", "-d", "--name", "one", "--ulimit", "nproc=200", "demo", "sh", "-c",
               "f() { while :; do (:) & (:) & wait; done; }; f & f & f & f")
        for _ in range(5):
            box.ok("pause", "one")
            pid = box.json("ps")[0]["pid"]
            before = pathlib.Path(f"/proc/{pid}/stat").read_text().split()[13:17]
            time.sleep(0.2)
            self.assertEqual(pathlib.Path(f"/proc/{pid}/stat").read_text().split()[13:17], before)
            box.ok("unpause", "one")
        box.ok("rm", "-f", "one")


SHOW_NEXT = SHOW.replace("'%n %a %u %g %h %Y'", '"%n %a %u %g %h %Y"')

if __name__ == "__main__":
    main()
