"""run: how the command ends that would go on: by time, by ^C, by signals that it waits for."""
import signal
import time

import archives
from harness import EVERYBODY, E2E, main, store_content
from service_image import service_image

READY = "echo ready; while :; do sleep 0.05; done"


def ended(seconds, word="ended", more=""):
    return rf"\Alayerbox: container [0-9a-f]{{12}} {word}: it ran longer than {seconds} s{more}\n\Z"


class Timeout(E2E):
    def test_a_command_is_ended_when_its_time_is_over(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs())
            killed = ended(1, "killed", ", and 1 s more after SIGTERM")
            cases = [  # all at once: each takes a second or two
                (143, ended(1), b"", ("sleep", "1000")),
                (143, ended(1), b"", ("--init", "sleep", "1000")),
                (3, ended(1), b"bye\n", ("sh", "-c", "trap 'echo bye; exit 3' TERM; " + READY[12:])),
                (0, ended(1), b"int\n", ("--stop-signal", "INT", "sh", "-c", "trap 'echo int; exit 0' INT; " + READY[12:])),
                (128 + 37, ended(1), b"", ("--stop-signal", "RTMIN+3", "--init", "sleep", "1000")),
                (137, killed, b"", ("--stop-timeout", "1", "sh", "-c", "trap '' TERM; " + READY[12:])),
                (137, killed, b"", ("--stop-timeout", "1", "--init", "sh", "-c", "trap '' TERM; " + READY[12:])),
                (137, ended(1, "killed", ", and 0 s more after SIGTERM"), b"",
                 ("--stop-timeout", "0", "sh", "-c", "trap '' TERM; " + READY[12:])),
                (7, r"\A\Z", b"", ("sh", "-c", "exit 7")),
            ]
            processes = []
            for status, note, out, words in cases:
                at = next(i for i, word in enumerate(words) if word in ("sh", "sleep"))
                processes.append(box.start("run", "--timeout", "1", *words[:at], "demo", *words[at:]))
            for (status, note, expected, words), process in zip(cases, processes):
                with self.subTest(user=user.name, words=words):
                    out, err = process.communicate(timeout=120)
                    self.assertEqual((process.returncode, out), (status, expected), err)
                    self.assertRegex(err.decode(), note)
            self.assertEqual([n for n in store_content(box) if n.startswith("containers")], [])

    def test_no_timeout_and_a_long_one_change_nothing(self):
        box = self.box()
        box.image(archives.rootfs())
        for seconds in ("0", "2147483647"):
            result = box.run("run", "--timeout", seconds, "demo", "echo", "done")
            self.assertEqual((result.status, result.text, result.errors), (0, "done\n", ""))

    def test_what_is_no_time_is_refused(self):
        box = self.box()
        for flag, text in (("--timeout", "-1"), ("--timeout", "1m"), ("--timeout", "2147483648"),
                           ("--stop-timeout", "-2"), ("--stop-timeout", ""), ("--stop-signal", "BOGUS"),
                           ("--stop-signal", "65"), ("--sdnotify", "healthy"), ("--preserve-fds", "x")):
            self.assertIn(flag, box.fails(2, "run", flag, text, "demo", "true"))

    def test_the_stop_signal_is_the_flags_else_the_images_and_stays_known(self):
        box = self.box()
        layers = [archives.rootfs()]
        images = [(archives.config(layers, StopSignal=given) if given else archives.config(layers), layers, [name])
                  for name, given in (("plain:latest", None), ("quit:latest", "SIGQUIT"), ("bad:latest", "SIGFOO"))]
        box.ok("pull-tar", "-", input=archives.docker_archive(images))
        for name, flags, expected in (("plain", (), ("SIGTERM", 10)), ("quit", (), ("SIGQUIT", 10)),
                                      ("quit", ("--stop-signal", "rtmin+3", "--stop-timeout", "90"), ("SIGRTMIN+3", 90)),
                                      ("bad", ("--stop-signal", "9", "--stop-timeout", "-1"), ("SIGKILL", None))):
            box.ok("run", "--name", "one", *flags, name, "true")
            found = box.json("inspect", "one")[0]
            self.assertEqual((found["stop_signal"], found["stop_timeout_s"]), expected)
            box.ok("rm", "one")
        error = box.fails(125, "run", "bad", "true")
        self.assertIn("StopSignal: 'SIGFOO'", error)
        self.assertIn("--stop-signal", error)


class Interrupts(E2E):
    def start(self, box, trap, *flags, **more):
        process = box.start("run", *flags, "demo", "sh", "-c", f"trap '{trap}' INT; {READY}", **more)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def test_the_second_one_kills(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs())
            for flags in ((), ("--init",)):
                with self.subTest(user=user.name, flags=flags):
                    process = self.start(box, "echo caught", *flags)
                    process.send_signal(signal.SIGINT)
                    self.assertEqual(process.stdout.readline(), b"caught\n")
                    process.send_signal(signal.SIGINT)
                    out, err = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, out), (137, b""), err)
                    self.assertRegex(err.decode(), r"\Alayerbox: container [0-9a-f]{12} killed: interrupted twice\n\Z")

    def test_two_that_are_apart_are_both_the_commands(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.start(box, "echo caught")
        for wait in (2.1, 0):
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stdout.readline(), b"caught\n")
            time.sleep(wait)
        process.kill()
        process.communicate(timeout=60)

    def test_one_is_the_commands_alone(self):
        box = self.box()
        box.image(archives.rootfs())
        process = self.start(box, "exit 4")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (4, b""))


class Await(E2E):
    def test_a_first_process_that_waits_for_signals_gets_them(self):
        for user in EVERYBODY:
            box = service_image(self.box(user))
            for flags in ((), ("--init",)):
                with self.subTest(user=user.name, flags=flags):
                    process = box.start("run", *flags, "demo", "service", "await")
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    time.sleep(0.2)  # until it waits; else it would be blocked, which is easier
                    process.send_signal(signal.SIGTERM)
                    out, err = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, out), (5, b"got 15\n"), err)

    def test_init_passes_signals_on_to_a_command_that_handles_them(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = service_image(self.box(user))
                process = box.start("run", "--init", "demo", "sh", "-c", "trap 'echo caught; exit 9' TERM; " + READY)
                self.assertEqual(process.stdout.readline(), b"ready\n")
                process.send_signal(signal.SIGTERM)
                out, err = process.communicate(timeout=60)
                self.assertEqual((process.returncode, out), (9, b"caught\n"), err)


if __name__ == "__main__":
    main()
