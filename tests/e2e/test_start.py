"""What a start costs, counted: its system calls, whatever the store holds. Times are for bench/."""
import errno
import os
import pathlib
import re
import shutil
import signal
import sys

import archives
import harness
from harness import ROOT, SINGLE, E2E, main, skip
from machines import refusing

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench"))
import start_order  # noqa: E402

CLONE_NEWNET = 0x40000000

# A start of an overlay container with all of its walls takes about 560, half of them in the container: mounts, masked
# paths, signals, capabilities. To be lowered with them.
MOST_CALLS = 575
CALLS_OF_A_LAYER = 1  # to stack it; that a chain is remembered costs a few more
# In user space, of layerbox and of the container's process before its command.
MOST_INSTRUCTIONS = 830_000
# Of a `run` that waits: what it has written, and the pages of its program that it has executed.
MOST_RESIDENT_KIB = 3072


class Start(E2E):
    def calls_of(self, box, *args):
        """The system calls of `layerbox run ARGS…`, one a line."""
        trace = os.path.join(box.home, "trace")
        box.ok("run", "--backend", "overlay", *args, under=("strace", "-f", "-qq", "-e", "signal=none", "-o", trace))
        lines = pathlib.Path(trace).read_text(errors="replace").splitlines()
        command = next(line.split()[0] for line in lines if re.search(r'execve\("/bin/true"', line))
        executed = next(i for i, line in enumerate(lines)
                        if line.startswith(command) and "execve" in line and line.rstrip().endswith("= 0"))
        # Neither what comes before main(), which is another thing where libraries are shared, nor what the command does.
        begun = next(i for i, line in enumerate(lines) if "/etc/layerbox/config.toml" in line)
        # How often the container's process looks for its program, and for the process beside it, before they come is a matter of time.
        return [line for i, line in enumerate(lines)
                if i >= begun and not re.search(r"\bsched_yield\(|\bclock_gettime\(|\bwaitid\(|= -1 EAGAIN", line) and "resumed>" not in line and not (i > executed and line.startswith(command))]

    def need_release(self):
        if b".text.start" not in pathlib.Path(harness.place.program).read_bytes():
            skip(self, "ordered", "not a release program, whose start lies in one place")

    def warm(self, box, *args):
        """Starts until the image is remembered and nothing is left to sweep."""
        def is_warm():
            return not any("layerbox.db" in line for line in self.calls_of(box, *args) if "openat" in line)
        self.eventually(is_warm, "a start that does not open the database")

    def test_a_warm_start_does_what_it_must(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.warm(box, "demo", "/bin/true")
        calls = self.calls_of(box, "demo", "/bin/true")
        text = "\n".join(calls)
        self.assertLess(len(calls), MOST_CALLS)
        made = re.findall(r"\bclone3?\(.*|\bv?fork\(", text)
        self.assertEqual(["CLONE_VM" in line for line in made], [False, True], "one process, and one beside it for a while")
        self.assertEqual(len(re.findall(r'\butimensat\(\d+, "blobs/', text)), 1, "the image's use is noted")
        self.assertNotRegex(text, r"\b(fsync|fdatasync|syncfs|sync)\(", "a throw-away container is not durable")
        self.assertEqual([line for line in calls if re.search(r'open.*(layerbox\.db"|blobs/|/etc/localtime)', line)], [])

    def test_an_ordinary_users_head_start_is_not_thrown_away(self):
        box = self.box(SINGLE)  # newuidmap of the others has no privilege when it is traced
        box.image(archives.rootfs(), "demo")
        trace = os.path.join(box.home, "trace")
        box.ok("run", "--backend", "overlay", "demo", "/bin/true", under=("strace", "-qq", "-e", "clone,clone3", "-o", trace))
        self.assertEqual(pathlib.Path(trace).read_text().count("CLONE_NEWPID"), 1)

    def test_with_limits_its_process_waits_for_no_cgroup_that_it_is_not_born_in(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        trace = os.path.join(box.home, "trace")
        box.ok("run", "-m", "64m", "--pids-limit", "100", "--cpus", "1", "demo", "/bin/true",
               under=("strace", "-qq", "-e", "mkdirat,clone3", "-o", trace))
        before, after = pathlib.Path(trace).read_text().split("clone3(", 1)
        made = before.count("layerbox-"), after.count("layerbox-")
        self.assertEqual(made, (0, 3) if os.path.isdir("/sys/fs/cgroup/memory") else (1, 0), (before, after))

    def test_what_else_the_store_holds_changes_nothing(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.warm(box, "demo", "/bin/true")
        alone = len(self.calls_of(box, "demo", "/bin/true"))
        for i in range(20):
            box.ok("create", "--name", f"kept-{i}", "demo", "true")
            box.image(archives.plain_tar([("file", str(i).encode())]), f"other-{i}")
        self.warm(box, "demo", "/bin/true")
        self.assertLessEqual(abs(len(self.calls_of(box, "demo", "/bin/true")) - alone), 3)

    def test_it_grows_with_the_layers_alone(self):
        box = self.box(ROOT)
        layers = [archives.rootfs()] + [archives.plain_tar([(f"layer-{i}", b"x")]) for i in range(40)]
        box.ok("pull-tar", box.write("many.tar", archives.docker_archive([(archives.config(layers), layers, ["many:1"])])))
        box.ok("pull-tar", box.write("one.tar", archives.docker_archive([(archives.config(layers[:1]), layers[:1], ["one:1"])])))
        counts = {}
        for name in ("one:1", "many:1"):
            self.warm(box, name, "/bin/true")
            counts[name] = len(self.calls_of(box, name, "/bin/true"))
        self.assertLessEqual(counts["many:1"] - counts["one:1"], 40 * CALLS_OF_A_LAYER + 10)

    def test_it_executes_no_more_than_it_must(self):
        self.need_release()
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.warm(box, "demo", "/bin/true")
        _, count = start_order.executed(harness.place.program, ["--root", box.store, "run", "demo", "/bin/true"])
        self.assertLess(count, MOST_INSTRUCTIONS)

    def test_a_layer_that_somebody_has_taken_away_is_told(self):
        box = self.box(ROOT)
        layers = [archives.rootfs()] + [archives.plain_tar([(f"layer-{i}", b"x")]) for i in range(6)]
        box.ok("pull-tar", box.write("many.tar", archives.docker_archive([(archives.config(layers), layers, ["many:1"])])))
        self.warm(box, "many:1", "/bin/true")  # from now on it is remembered that they are there
        shutil.rmtree(next(pathlib.Path(box.store, "layers/sha256").iterdir()))
        result = box.run("run", "many:1", "/bin/true")
        self.assertEqual(result.status, 125, result.errors)
        self.assertIn("a layer is missing from the store: 'layerbox fsck' names it", result.errors)

    def test_waiting_it_takes_little_memory(self):
        self.need_release()
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        self.warm(box, "demo", "/bin/true")
        process = box.start("run", "demo", "sh", "-c", "echo ready; sleep 1000")
        self.await_ready(process)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        self.assertLess(int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]), MOST_RESIDENT_KIB)
        process.kill()
        process.communicate()

    def test_the_process_beside_may_be_late_or_missing_or_fail(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        words = ("demo", "sh", "-c", "echo $$; (sh -c 'echo $$'); ls /proc/1/task; mount | wc -l")
        traced = ("strace", "-f", "-qq", "-e", "signal=none", "-o", "/dev/null", "-e")
        for backend in ("overlay", "copy"):
            with self.subTest(backend):
                told = box.run("run", "--backend", backend, *words).text
                self.assertEqual(told.split()[:3], ["1", "2", "1"])
                # The first of its calls waits, and with it the place that it takes before the rootfs takes one.
                for under in ((*traced, "inject=fsopen:delay_exit=200000:when=1"), ("taskset", "-c", "0")):
                    self.assertEqual(box.run("run", "--backend", backend, *words, under=under).text, told, under)
                result = box.run("run", "--backend", backend, *words, under=(*traced, "inject=symlinkat:error=EXDEV:when=1"))
                self.assertEqual((result.status, result.text), (125, ""))
                if backend == "overlay":
                    self.assertIn("making '/dev/fd': Invalid cross-device link", result.errors)
                # Killed, it is made up for.
                run = box.start("run", "--backend", backend, *words, under=(*traced, "inject=fsopen:delay_exit=3000000:when=1"))
                os.kill(self.eventually(lambda: self.beside(run.pid), "the process beside"), signal.SIGKILL)
                out, err = run.communicate()
                self.assertEqual((out.decode(), run.returncode), (told, 0), err)

    @classmethod
    def beside(cls, process):
        """The process below `process` that has the number, in its pid namespace, of one that is there for a while."""
        try:
            if re.search(r"^NSpid:.*\t32000$", pathlib.Path(f"/proc/{process}/status").read_text(), re.M):
                return process
            children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except OSError:  # it has ended
            return None
        return next(filter(None, map(cls.beside, map(int, children))), None)

    def test_without_a_head_start_it_starts_all_the_same(self):
        no_network = refusing({"unshare": errno.EPERM}, mask=CLONE_NEWNET)
        for user in (ROOT, SINGLE):  # under such a filter there is no newuidmap
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            self.assertEqual(box.ok("run", "demo", "sh", "-c", "echo $$; cat /sys/class/net/lo/flags; ls /sys/class/net",
                                    preexec_fn=no_network), "1\n0x9\nlo\n")


if __name__ == "__main__":
    main()
