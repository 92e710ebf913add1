"""stats: what running containers use, with and without limits."""
import archives
from harness import EVERYBODY, ROOT, E2E, main, skip

FIELDS = {"id", "name", "cpu_percent", "cpu_us", "memory_bytes", "memory_limit_bytes", "pids", "pids_limit",
          "read_bytes", "written_bytes"}


class Stats(E2E):
    def started(self, box, *args):
        """A container that is at work; a test that fails leaves it not running.

        It holds 300,000 bytes, because before Linux 6.2 the kernel counts a small process's pages only now and then.
        """
        process = box.start("run", *args, "demo", "sh", "-c",
                            "x=$(printf %0300000d 0); sleep 1000 & echo ready; while :; do :; done")

        def end():
            process.kill()
            process.communicate()
            box.run("ps")

        self.addCleanup(end)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def test_without_limits_by_its_processes(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                self.started(box, "--name", "busy")
                shown, = box.json("stats", "busy")
                self.assertEqual(set(shown), FIELDS)
                self.assertEqual(shown["name"], "busy")
                self.assertEqual(shown["pids"], 2)
                self.assertGreater(shown["memory_bytes"], 100_000)
                self.assertGreater(shown["cpu_us"], 0)
                self.assertGreater(shown["cpu_percent"], 0)
                self.assertIsNone(shown["memory_limit_bytes"])

    def test_with_limits_by_its_cgroups(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        probe = box.run("run", "-m", "64m", "--pids-limit", "20", "demo", "true")
        if probe.status == 125:
            skip(self, "cgroups", probe.errors)
        self.started(box, "--name", "small", "-m", "64m", "--pids-limit", "20")
        shown, = box.json("stats")
        self.assertEqual((shown["memory_limit_bytes"], shown["pids_limit"], shown["pids"]), (64 << 20, 20, 2))
        self.assertGreater(shown["memory_bytes"], 10_000)
        self.assertLess(shown["memory_bytes"], 64 << 20)
        self.assertGreater(shown["cpu_us"], 0)
        text = box.ok("stats", "--no-stream")
        self.assertRegex(text, r"\AID +NAME +CPU % +MEMORY +LIMIT")
        self.assertRegex(text, r"\n[0-9a-f]{12} +small +[0-9.]+ +[0-9.]+ [KM]iB +64 MiB +2 +20 ")

    def test_a_stream_ends_with_the_containers_that_were_named(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        container = self.started(box, "--name", "busy")
        stream = box.start("stats", "busy")
        self.assertRegex(stream.stdout.readline(), b"ID")
        self.assertIn(b"busy", stream.stdout.readline())
        container.kill()
        stream.communicate(timeout=60)
        self.assertEqual(stream.returncode, 0)

    def test_what_does_not_run_is_refused(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.assertEqual(box.json("stats"), [])
        self.assertRegex(box.ok("stats", "--no-stream"), r"\AID[^\n]+\n\Z")
        box.ok("run", "--name", "done", "demo", "true")
        self.assertIn("does not run", box.fails(1, "stats", "done"))
        self.assertIn("no container", box.fails(1, "stats", "nobody"))


if __name__ == "__main__":
    main()
