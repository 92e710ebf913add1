"""Power cuts: what a command said was done is there afterwards, whole, and the store opens.

A file system on a loop device is cut off from one moment to the next, while several processes import, name and remove images.
ext4 and XFS have a call for that (ioctl _IOR('X', 125, uint32_t)): with 2 nothing comes after that was not synced, with 1
names come and their content does not. btrfs has none: its image is copied, by reference, at that moment.

That this finds something is shown by leaving a barrier out, which only a development build can do.
$LAYERBOX_POWER_CUTS says how many cuts there are on ext4 and on XFS; on btrfs there are two for five of these.
"""
import array
import contextlib
import ctypes
import fcntl
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

from archives import Tree, config, docker_archive
from file_systems import memory, mounted, run
import harness
from harness import ROOT, E2E, main, skip

CUTS = int(os.environ.get("LAYERBOX_POWER_CUTS", "10"))
CONTROL_CUTS = int(os.environ.get("LAYERBOX_POWER_CUT_CONTROLS", "6"))
SHUTDOWN = 0x8004587D
LOG_FLUSHED, NOTHING_FLUSHED = 1, 2
IMAGE_BYTES = 320 << 20
MKFS = {"ext4": ["mkfs.ext4", "-q", "-O", "has_journal", "-E", "lazy_itable_init=1,lazy_journal_init=1"],
        "xfs": ["mkfs.xfs", "-q"], "btrfs": ["mkfs.btrfs", "-q", "-m", "single"]}
CUTS_OF_A_FILE_SYSTEM = 8  # then it is made anew


def layer(chance, directory):
    tree = Tree().dir(directory)
    for number in range(chance.randint(5, 40)):
        tree.file(f"{directory}/{number}", chance.randbytes(chance.choice([0, 100, 3000, 20_000])), uid=number, gid=5)
    return tree.bytes()


def archives_to_pull(chance, count=24):
    """Images of one to three layers, the lowest of which several have."""
    bases = [layer(chance, f"base{i}") for i in range(4)]
    made = []
    for i in range(count):
        layers = [chance.choice(bases)] + [layer(chance, f"own{i}-{j}") for j in range(chance.randint(0, 2))]
        made.append(docker_archive([(config(layers, Labels={"n": str(i)}), layers, [f"image{i}:1"])]))
    return made


class Worker(threading.Thread):
    """Does things to a store until the cut, and remembers what was said to be done."""

    def __init__(self, place, number, chance):
        super().__init__()
        self.place, self.number, self.chance = place, number, chance
        self.names = {}  # as it was told: name → id
        self.failures = []  # of commands, before the cut: there must be none
        self.begun = []  # the names that commands were about, in order; the last one may not have ended

    def doubt_since(self, count):
        """Names of which it is not known on which side of a moment they changed: that after so many commands had begun."""
        return set(self.begun[max(count - 1, 0):])

    def run(self):
        while not self.place.cut:
            name = f"w{self.number}-{self.chance.randrange(12)}:1"
            if name in self.names and self.chance.random() < 0.6:
                self.told(name, ["rmi", name], lambda _, name=name: self.names.pop(name))
            elif self.names and self.chance.random() < 0.3:
                other = self.chance.choice(sorted(self.names))
                self.told(name, ["tag", other, name],
                          lambda _, name=name, other=other: self.names.update({name: self.names[other]}))
            else:
                archive = self.chance.choice(self.place.archives)
                self.told(name, ["pull-tar", "--quiet", archive, "--name", name],
                          lambda out, name=name: self.names.update({name: out.split("\t")[0]}))

    def told(self, name, command, done):
        self.begun.append(name)
        result = self.place.command(*command)
        if result.returncode == 0:
            done(result.stdout.decode())
            self.begun.append("")  # it has ended
        elif not self.place.cut:
            self.failures.append(f"{command}: {result.stderr.decode()}")


class Place:
    """A file system that can be cut off, and a store on it."""

    def __init__(self, kind, home, program, archives, environment):
        self.kind, self.home, self.program, self.archives = kind, home, program, archives
        self.image, self.top = home + "/image", home + "/top"
        self.environment = environment
        self.names, self.cut = {}, False
        os.mkdir(self.top)
        self.make()

    def make(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.image)
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        run(*MKFS[self.kind], self.image)
        self.names = {}

    def command(self, *words):
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.home, "LAYERBOX_ROOT": self.top + "/store", **self.environment}
        return subprocess.run([self.program, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

    def mount(self):
        if self.kind == "btrfs":
            run("btrfs", "device", "scan", "--forget", check=False)
        run("mount", "-o", "loop", self.image, self.top)

    def umount(self):
        run("umount", self.top)

    def cut_off(self, chance):
        if self.kind == "btrfs":
            run("cp", "--reflink=always", self.image, self.image + ".cut")
            self.cut = True
        else:
            flags = array.array("I", [chance.choice([LOG_FLUSHED, NOTHING_FLUSHED])])
            top = os.open(self.top, os.O_RDONLY)
            self.cut = True
            fcntl.ioctl(top, SHUTDOWN, flags)
            os.close(top)

    def one_cut(self, chance):
        """Returns what is wrong afterwards: a list of lines."""
        self.mount()
        try:
            self.cut = False
            workers = [Worker(self, number, random.Random(chance.random())) for number in range(2)]
            for worker in workers:
                worker.names = {name: id for name, id in self.names.items() if name.startswith(f"w{worker.number}-")}
                worker.start()
            time.sleep(chance.uniform(0.02, 0.5))
            before = [(len(worker.begun), dict(worker.names)) for worker in workers]
            self.cut_off(chance)
            for worker in workers:
                worker.join()
        finally:
            self.umount()
        # What ended since was said to nobody: after a real cut nobody is there.
        if self.kind == "btrfs":
            os.rename(self.image + ".cut", self.image)
        self.names = {name: id for _, names in before for name, id in names.items()}
        doubt = set().union(*(worker.doubt_since(count) for worker, (count, _) in zip(workers, before)))
        self.mount()
        try:
            return self.look(doubt) + [failure for worker in workers for failure in worker.failures]
        finally:
            self.umount()

    def look(self, doubt):
        if not os.path.exists(self.top + "/store/version"):
            return ["the store is not there"] if self.names else []
        listed = self.command("images", "--format", "json")
        if listed.returncode != 0:
            return [listed.stderr.decode()]
        checked = self.command("fsck", "--format", "json")
        if checked.returncode != 0 or json.loads(checked.stdout)["leftovers"]:
            return [(checked.stderr + checked.stdout).decode()]
        there = {name: image["id"] for image in json.loads(listed.stdout) for name in image["names"]}
        wrong = [f"{name} is {there.get(name)}, and was said to be {self.names.get(name)}"
                 for name in sorted(set(there) | set(self.names)) if name not in doubt and there.get(name) != self.names.get(name)]
        self.names = there
        return wrong


class PowerCut(E2E):
    in_memory = on_xfs = None

    def place(self, kind, environment=None):
        top = self.reflinking() if kind == "btrfs" else self.memory()
        if shutil.which(MKFS[kind][0], path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
            skip(self, kind, f"{MKFS[kind][0]} is not installed")
        home = tempfile.mkdtemp(dir=top)
        chance = random.Random(kind)
        paths = []
        for number, data in enumerate(archives_to_pull(chance)):
            paths.append(f"{home}/{number}.tar")
            with open(paths[-1], "wb") as file:
                file.write(data)
        place = Place(kind, home, harness.place.program, paths, environment or {})
        self.addCleanup(shutil.rmtree, home)
        return place

    @classmethod
    def memory(cls):
        cls.in_memory = cls.in_memory or memory(cls)
        return cls.in_memory

    @classmethod
    def reflinking(cls):
        cls.on_xfs = cls.on_xfs or mounted(cls, "xfs-large")
        return cls.on_xfs

    def cuts(self, kind, count, environment=None):
        """How many cuts damaged something, and what."""
        place = self.place(kind, environment)
        damaged, lines = 0, []
        for number in range(count):
            if number % CUTS_OF_A_FILE_SYSTEM == 0 or lines and damaged and lines[-1]:
                place.make()
            wrong = place.one_cut(random.Random(f"{kind} {number}"))
            damaged += bool(wrong)
            lines.append(f"cut {number}: {' '.join(wrong)}" if wrong else "")
        return damaged, [line for line in lines if line]

    def test_nothing_that_was_said_to_be_done_is_lost(self):
        for kind in ("ext4", "xfs", "btrfs"):
            with self.subTest(kind):
                count = CUTS * 2 // 5 if kind == "btrfs" else CUTS
                damaged, lines = self.cuts(kind, count)
                print(f"power cuts on {kind}: {count}, {damaged} damaged", flush=True)
                self.assertEqual(damaged, 0, "\n".join(lines[:5]))

    def test_without_a_barrier_something_is_lost(self):
        """The tests above would see it."""
        for kind, fault in (("ext4", "LAYERBOX_FAULT_NO_SYNCFS"), ("xfs", "LAYERBOX_FAULT_NO_SYNCFS"), ("btrfs", "LAYERBOX_FAULT_NO_FSYNC")):
            with self.subTest(f"{kind} {fault}"):
                damaged, _ = self.cuts(kind, CONTROL_CUTS, {fault: "1"})
                if damaged == 0 and not self.has_faults():
                    skip(self, "faults", "the program was built without fault points")
                print(f"power cuts on {kind} with {fault}: {CONTROL_CUTS}, {damaged} damaged", flush=True)
                self.assertGreater(damaged, 0)

    def has_faults(self):
        box = self.box(ROOT)
        return box.run("pull-tar", "-", input=Tree().file("a", "").bytes(),
                       env={"LAYERBOX_FAULT": "import.after_unpack=error"}).status != 0


if __name__ == "__main__":
    main()
