"""Kept containers, ps, rm; and what is left of layerbox when it is killed."""
import os
import signal
import subprocess

import archives
from harness import EVERYBODY, ROOT, E2E, main, mounts, processes_of, store_content


def containers(box):
    return [name for name in store_content(box) if name.startswith(("containers", "staging", "trash"))]


class Kept(E2E):
    def each(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                yield box

    def test_keep_and_name(self):
        for box in self.each():
            self.assertEqual(box.run("run", "--name", "one", "demo", "sh", "-c", "echo x > /x; exit 3").status, 3)
            self.assertEqual(box.run("run", "--keep", "demo", "true").status, 0)
            listed = box.json("ps", "-a")
            self.assertEqual(len(listed), 2)
            for entry in listed:
                self.assertLessEqual({"id", "name", "image", "state", "exit_status", "pid", "backend", "created"}, set(entry))
            one, = [entry for entry in listed if entry["name"] == "one"]
            self.assertEqual((one["exit_status"], one["state"]), (3, "exited"))
            self.assertEqual(box.json("ps"), [])
            self.assertIn("one", box.ok("ps", "-a"))
            self.assertEqual(sorted(box.ok("ps", "-a", "-q").split()), sorted(e["id"][:12] for e in listed)
                             if len(box.ok("ps", "-a", "-q").split()[0]) == 12 else sorted(e["id"] for e in listed))
            self.assertEqual(box.json("inspect", "one")[0]["id"], one["id"])
            box.ok("rm", "one")
            other, = box.json("ps", "-a")
            box.ok("rm", other["id"][:8])
            self.assertEqual(box.json("ps", "-a"), [])
            self.assertEqual(containers(box), [])

    def test_a_taken_name_is_refused(self):
        for box in self.each():
            box.ok("run", "--name", "one", "demo", "true")
            self.assertIn("one", box.fails(125, "run", "--name", "one", "demo", "true"))
            box.ok("rm", "one")
            box.ok("run", "--name", "one", "demo", "true")

    def test_rm_with_a_name_forces_removal(self):
        for box in self.each():
            box.ok("run", "--name", "one", "--rm", "demo", "true")
            self.assertEqual(box.json("ps", "-a"), [])

    def test_rm_refuses_a_running_container_without_force(self):
        for box in self.each():
            process = box.start("run", "--name", "busy", "demo", "sh", "-c", "echo up; sleep 1000")
            self.assertEqual(process.stdout.readline(), b"up\n")
            entry, = box.json("ps")
            self.assertEqual((entry["name"], entry["state"], entry["image"]), ("busy", "running", "demo:latest")
                             if entry["image"] == "demo:latest" else ("busy", "running", entry["image"]))
            self.assertTrue(os.path.exists(f"/proc/{entry['pid']}"))
            self.assertIn("busy", box.fails(1, "rm", "busy"))
            box.ok("rm", "-f", "busy")
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + 9)
            self.assertEqual(box.json("ps", "-a"), [])
            self.assertEqual(containers(box), [])

    def test_a_running_throw_away_container_is_listed(self):
        for box in self.each():
            process = box.start("run", "-i", "demo", "sh", "-c", "echo up; cat")
            self.assertEqual(process.stdout.readline(), b"up\n")
            self.assertEqual([entry["state"] for entry in box.json("ps")], ["running"])
            process.communicate(timeout=60)
            self.assertEqual(box.json("ps", "-a"), [])

    def test_files_with_closed_modes_are_removed(self):
        for box in self.each():
            box.ok("run", "--name", "closed", "demo", "sh", "-c",
                   "mkdir -p /a/b; echo x > /a/b/c; chmod 0 /a/b/c /a/b /a; touch /etc/passwd")
            box.ok("rm", "closed")
            self.assertEqual(containers(box), [])


class Killed(E2E):
    def test_kill_9_of_run_leaves_nothing_after_the_next_command(self):
        for user in EVERYBODY:
            for backend in ("overlay", "copy"):
                for flags in ((), ("--init",), ("-i",)):
                    with self.subTest(user=user.name, backend=backend, flags=flags):
                        box = self.box(user)
                        box.image(archives.rootfs(), "demo")
                        before, seen = store_content(box), mounts()
                        mark = f"sleep 9{os.path.basename(box.home).__hash__() % 10**8}"
                        process = box.start("run", *flags, "--backend", backend, "demo", "sh", "-c",
                                            f"echo up; mkdir -p /a; echo x > /a/b; {mark}; true")
                        self.assertEqual(process.stdout.readline(), b"up\n")
                        process.kill()
                        process.wait()
                        process.stdin.close()
                        self.assertEqual(mounts(), seen)
                        box.ok("ps", "-a")
                        self.eventually(lambda: not processes_of(mark), "the container's processes are gone")
                        box.ok("ps", "-a")
                        self.assertEqual(store_content(box), before)
                        self.assertEqual(box.json("ps", "-a"), [])
                        box.ok("rmi", "demo")

    def test_kill_9_at_any_moment_of_a_start(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        before, seen = store_content(box), mounts()
        for step in range(60):
            process = box.start("run", "demo", "true")
            try:
                process.wait(step * 0.0005)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
        box.ok("ps", "-a")
        self.eventually(lambda: box.json("ps", "-a") == [] and store_content(box) == before,
                        "what the killed left is swept")
        self.assertEqual(mounts(), seen)
        self.assertEqual(box.ok("run", "demo", "echo", "well"), "well\n")

    def test_a_kept_container_whose_layerbox_was_killed_can_be_removed(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        process = box.start("run", "--name", "orphan", "demo", "sh", "-c", "echo up; sleep 1000")
        self.assertEqual(process.stdout.readline(), b"up\n")
        process.kill()
        process.wait()
        entry, = box.json("ps", "-a")
        self.assertEqual(entry["name"], "orphan")
        box.ok("rm", "-f", "orphan")
        self.assertEqual(containers(box), [])
        box.ok("rmi", "demo")


if __name__ == "__main__":
    main()
