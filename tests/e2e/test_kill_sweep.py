"""Kills and failures at every system call: whatever a command was doing, the store is whole afterwards, and nothing is left.

strace counts the calls of a command, by name; then, from a copy of the same store each time, it is killed at the Nth call of
a name, or that call fails. $LAYERBOX_SWEEP says how many of them are tried for each command, chosen by chance; "all" tries all.
$LAYERBOX_SWEEP_OF names the commands, between commas, if it is not to be all of them.
"""
import collections
import glob
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import tempfile

import archives
import harness
from archives import Tree, config, docker_archive
from harness import ROOT, E2E, main, processes_of, skip, store_content

HOW_MANY = os.environ.get("LAYERBOX_SWEEP", "10")
WHICH = os.environ.get("LAYERBOX_SWEEP_OF", "")
# Calls that cannot be made to fail sensibly, or that end the process anyway.
NEVER = {"exit", "exit_group", "execve", "rt_sigreturn", "restart_syscall", "arch_prctl", "set_tid_address", "set_robust_list",
         "rseq", "brk", "mprotect", "munmap"}
ERRORS = {
    "ENOSPC": "write pwrite64 writev openat openat2 mkdirat mknodat symlinkat linkat renameat renameat2 fsetxattr lsetxattr ftruncate fallocate fsync fdatasync syncfs",
    "EDQUOT": "write pwrite64 openat openat2 mkdirat fchownat fchown",
    "EIO": "read pread64 write pwrite64 fsync fdatasync syncfs getdents64 openat openat2 renameat renameat2 unlinkat fstat newfstatat",
    "EMFILE": "openat openat2 pipe2 dup3 fcntl socketpair pidfd_open eventfd2 signalfd4",
    "ENOMEM": "clone clone3 mmap openat openat2 mkdirat mount fsopen fsmount open_tree read",
    "EINTR": "read write openat openat2 wait4 waitid fcntl flock poll ppoll futex connect fsync",
}
# What a kernel never does is no failure to be ready for.
IMPOSSIBLE = {("fcntl", "EMFILE"), ("futex", "EINTR")}
# What a disk cannot read is damaged, and fsck --repair sets it apart.
READING = {"read", "pread64", "getdents64", "openat", "openat2", "fstat", "newfstatat"}


def small_image():
    tree = Tree().dir("bin").file("bin/busybox", archives.busybox(), mode=0o755).symlink("bin/sh", "busybox")
    tree.dir("etc").file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n").dir("tmp", mode=0o1777).dir("proc").dir("dev").dir("sys")
    return tree.bytes()


def other_image():
    layers = [Tree().dir("etc").file("etc/a", "a").symlink("l", "etc").bytes(), Tree().file("etc/.wh.a", "").file("etc/b", "b").bytes()]
    return docker_archive([(config(layers), layers, ["other:1"])])


class Sweep(E2E):
    def setUp(self):
        if shutil.which("strace") is None:
            skip(self, "strace", "strace is not installed")
        self.template = self.box()
        self.template.image(small_image(), "demo")
        self.template.ok("run", "--name", "kept", "demo", "sh", "-c", "echo x >/made")
        self.template.ok("create", "--name", "idle", "demo", "sh", "-c", ":")
        self.template.ok("pull-tar", "-", input=other_image())
        self.template.ok("tag", "other:1", "second:1")
        fresh = [Tree().dir("new").file("new/x", "x").bytes()]
        self.archive = self.template.write("new.tar", docker_archive([(config(fresh), fresh, ["new:1"])]))

    COMMANDS = {
        "pull-tar": ["pull-tar", "ARCHIVE"],
        "run": ["run", "demo", "sh", "-c", "echo out"],
        "run kept": ["run", "--name", "mine", "demo", "sh", "-c", ":"],
        "create": ["create", "--name", "mine", "demo", "sh"],
        "commit": ["commit", "kept", "made:1"],
        "fork": ["fork", "kept", "mine"],
        "rm": ["rm", "kept"],
        "rmi": ["rmi", "other:1", "second:1"],
        "tag": ["tag", "demo", "third:1"],
        "export": ["export", "kept", "-o", "OUT"],
        "fsck": ["fsck"],
        "prune": ["prune"],
        "prune --all": ["prune", "--all"],
        "fsck --repair: no database": ["fsck", "--repair"],
        "fsck --repair: a layer": ["fsck", "--repair"],
    }

    def commands(self):
        for title, words in self.COMMANDS.items():
            if not WHICH or title in WHICH.split(","):
                self.before = self.prepared(title)
                yield title, words

    def prepared(self, title):
        """The box whose store is what the command finds."""
        if not title.startswith(("prune", "fsck --repair")):
            return self.template
        box = self.copy(self.template)
        if title == "fsck --repair: no database":
            for path in glob.glob(box.store + "/layerbox.db*"):
                os.unlink(path)
        elif title == "fsck --repair: a layer":
            [changed] = glob.glob(box.store + "/layers/sha256/*/tree/etc/b")
            with open(changed, "w") as file:
                file.write("c")
        else:
            nameless = [Tree().dir("old").file("old/x", "x").bytes()]
            box.ok("pull-tar", "-", input=docker_archive([(config(nameless), nameless, ["old:1"])]))
            box.ok("tag", "demo", "old:1")
        return box

    def copy(self, template):
        """A box whose store is the template's."""
        box = self.box()
        subprocess.run(["cp", "-a", template.store, box.store], check=True)
        return box

    def mend(self, box, title):
        """What was damaged before the command is damaged or repaired after it; then it is not any more."""
        if title.startswith("fsck --repair"):
            mended = box.run("fsck", "--repair")
            self.assertIn(mended.status, (0, 1) if title.endswith("layer") else (0,), title + mended.text + mended.errors)
            box.ok("pull-tar", "-", input=other_image())

    def traced(self, box, words, *inject, log="/dev/null"):
        words = [{"ARCHIVE": self.archive, "OUT": box.home + "/out"}.get(word, word) for word in words]
        command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", log, *inject, harness.place.program, *words]
        process = subprocess.Popen(command, env=box.environment(), cwd=box.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"{words} with {inject} did not end")
        return harness.Result(process.returncode, out, err)

    def calls(self, title, words):
        """(name, how often the process that makes it most often does)"""
        box = self.copy(self.before)
        log = os.path.join(box.home, "log")
        result = self.traced(box, words, log=log)
        self.assertEqual(result.status, 1 if title == "fsck --repair: a layer" else 0, result.errors)
        counts = collections.Counter()
        with open(log, errors="replace") as file:
            for line in file:
                found = re.match(r"(\d+)\s+(\w+)\(", line)
                if found and found[2] not in NEVER:
                    counts[found[1], found[2]] += 1
        self.mend(box, title)
        after = self.state(box)
        box.remove()
        most = collections.Counter()
        for (_, name), count in counts.items():
            most[name] = max(most[name], count)
        return most, after

    @staticmethod
    def state(box):
        """What the user sees of a store. An image's or a container's own id may differ from run to run."""
        images = sorted(name for image in box.json("images") for name in image["names"] or ["<none>"])
        containers = sorted(container["name"] for container in box.json("ps", "-a"))
        return images, containers

    @staticmethod
    def is_loaded():
        """Whether a loader maps libraries before the program runs: what it says is its own."""
        with open(harness.place.program, "rb") as file:
            return b"/ld-linux" in file.read(4096)

    @staticmethod
    def is_mute(log):
        """Whether the call that failed, the Nth of each process, was in one of them to say why."""
        with open(log, errors="replace") as file:
            return re.search(r"write\(2, .*\(INJECTED\)", file.read()) is not None

    def check(self, box, command, title, allowed):
        self.mend(box, command)
        self.assertIn(self.state(box), allowed, title)
        checked = box.run("fsck", "--format", "json")
        self.assertEqual(checked.status, 0, f"{title}\n{checked.text}\n{checked.errors}")
        self.assertEqual(json.loads(checked.out)["leftovers"], [], title)
        left = [name for name in store_content(box) if name.startswith(("staging", "trash"))]
        self.assertEqual(left, [], title)
        kept = {container["id"] for container in box.json("ps", "-a")}
        self.assertEqual(set(os.listdir(box.store + "/containers")) - kept, set(), title)
        self.assertEqual(processes_of(box.store), [], title)

    def allowed(self, title, after):
        """What may be seen after a kill: all or nothing, but that names are taken away one by one."""
        if title.startswith("fsck --repair"):
            return [self.state(self.template)]
        states = [self.state(self.before), after]
        if title == "rmi":
            states.append((["demo:latest", "second:1"], states[0][1]))
        if title.startswith("prune"):
            gone = collections.Counter(states[0][0]) - collections.Counter(after[0])
            states += [(sorted([*after[0], *some]), after[1]) for count in range(len(gone))
                       for some in itertools.combinations(gone.elements(), count)]
        return states

    def chosen(self, cases, seed):
        if HOW_MANY == "all":
            return cases
        return random.Random(seed).sample(cases, min(int(HOW_MANY), len(cases)))

    def test_a_kill_at_any_call_leaves_a_whole_store(self):
        for title, words in self.commands():
            most, after = self.calls(title, words)
            allowed = self.allowed(title, after)
            cases = [(name, number) for name, count in sorted(most.items()) for number in range(1, count + 1)]
            killed = 0
            for name, number in self.chosen(cases, title):
                with self.subTest(f"{title}: killed at {name} {number}"):
                    box = self.copy(self.before)
                    result = self.traced(box, words, "-e", f"inject={name}:signal=KILL:when={number}")
                    killed += result.status != 0
                    self.check(box, title, f"{title}: killed at {name} {number}", allowed)
                    box.remove()
            print(f"{title}: {len(cases)} calls, {killed} kills", flush=True)
            self.assertGreater(killed, 0, title)

    def test_a_failure_of_any_call_is_told_and_leaves_a_whole_store(self):
        for title, words in self.commands():
            most, after = self.calls(title, words)
            allowed = self.allowed(title, after)
            cases = [(name, number, error) for error, names in ERRORS.items() for name in names.split()
                     if (name, error) not in IMPOSSIBLE for number in range(1, most[name] + 1)]
            if title.startswith("fsck --repair"):
                cases = [case for case in cases if case[2] != "EIO" or case[0] not in READING]
            if self.is_loaded():
                cases = [case for case in cases if case[0] != "mmap"]
            failed = 0
            for name, number, error in self.chosen(cases, title):
                case = f"{title}: {error} at {name} {number}"
                with self.subTest(case):
                    box = self.copy(self.before)
                    log = os.path.join(box.home, "log")
                    result = self.traced(box, words, "-e", f"inject={name}:error={error}:when={number}", log=log)
                    failed += result.status != 0
                    self.assertNotIn("terminate called", result.errors, case)
                    self.assertGreaterEqual(result.status, 0, case + result.errors)
                    told = result.errors if not title.startswith("fsck") else result.errors + "layerbox: error: " * ("damaged" in result.text)
                    # Not ours is what the loader says, and what a container's own shell says of its output.
                    others = ["error while loading shared libraries"] + ["sh: write error"] * (title == "run")
                    if result.status != 0 and not any(text in result.errors for text in others) and not self.is_mute(log):
                        self.assertIn("layerbox: error: ", told, case)
                    self.check(box, title, f"{case}: {result.errors}", allowed if result.status != 0 else (after,))
                    box.remove()
            print(f"{title}: {len(cases)} calls, {failed} of those tried failed", flush=True)


if __name__ == "__main__":
    main()
