"""Crowds: many processes import, run, commit, name, remove and prune the same and different images, and one of them is killed
every second. No command fails for the others, none hangs, and what was said to be done is there at the end.

$LAYERBOX_CROWD_SECONDS says for how long, $LAYERBOX_CROWD how many at a time.
"""
import json
import os
import random
import signal
import subprocess
import threading
import time

import archives
import harness
from archives import Tree, config, docker_archive
from harness import EVERYBODY, E2E, main, processes_of, store_content

SECONDS = float(os.environ.get("LAYERBOX_CROWD_SECONDS", "8"))
CROWD = int(os.environ.get("LAYERBOX_CROWD", "8"))
HANGS = 120


class Member(threading.Thread):
    """Uses names of his own, and images that all have."""

    def __init__(self, test, box, number, sources, chance):
        super().__init__()
        self.test, self.box, self.number, self.sources, self.chance = test, box, number, sources, chance
        self.images, self.containers = {}, set()  # as they were told to be
        self.in_doubt = set()                     # what killed commands were about
        self.failures, self.done, self.process = [], 0, None

    def run(self):
        while time.monotonic() < self.test.end and not self.failures:
            name = f"m{self.number}-{self.chance.randrange(4)}"
            try:
                self.step(name)
            except subprocess.TimeoutExpired:
                self.failures.append(f"{self.process.args} hangs")
                self.process.kill()

    def step(self, name):
        image, what = name + ":1", self.chance.random()
        if what < 0.25:
            source = self.chance.choice(self.sources)
            self.command(image, ["pull-tar", "--quiet", source, "--name", image], lambda out: self.images.update({image: out.split("\t")[0]}))
        elif what < 0.55:
            self.command(None, ["run", "base:1", "sh", "-c", "echo $((6*7))"], lambda out: self.expect(out, "42\n"))
        elif what < 0.65 and name not in self.containers:
            self.command(name, ["run", "--name", name, "base:1", "sh", "-c", f"echo {name} >/made"], lambda _: self.containers.add(name))
        elif what < 0.75 and name in self.containers - self.in_doubt:
            self.command(image, ["commit", "--quiet", name, image], lambda out: self.images.update({image: out.split("\t")[0].strip()}))
        elif what < 0.82 and name in self.containers - self.in_doubt:
            self.command(name, ["rm", name], lambda _: self.containers.discard(name))
        elif what < 0.9 and image in self.images and image not in self.in_doubt:
            self.command(image, ["rmi", image], lambda _: self.images.pop(image))
        elif what < 0.94:
            self.command(None, ["prune"], lambda _: None)
        else:
            self.command(None, self.chance.choice([["images"], ["ps", "-a"], ["layers"], ["fsck", "--quick"], ["du"]]), lambda _: None)

    def expect(self, out, wanted):
        if out != wanted:
            self.failures.append(f"{out!r} in place of {wanted!r}")

    def command(self, about, words, done):
        self.process = self.box.start(*words, stdin=subprocess.DEVNULL)
        out, err = self.process.communicate(timeout=HANGS)
        status, self.done = self.process.returncode, self.done + 1
        if status == 0:
            done(out.decode())
            self.in_doubt.discard(about)
        elif status == -signal.SIGKILL:
            self.in_doubt.add(about)
        elif words[0] == "rmi" and b"uses it" in err:
            pass  # another's container, and this is the last name
        elif about in self.in_doubt and words[0] == "run" and b"the name is taken" in err:
            self.containers.add(about)  # the killed one had made it
            self.in_doubt.discard(about)
        else:
            self.failures.append(f"{words} returned {status}: {err.decode()}{out.decode() if words[0] == 'fsck' else ''}")


class Crowds(E2E):
    def test_nobody_is_in_the_way_of_another(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                self.crowd(self.box(user))

    def sources(self, box):
        chance = random.Random(1)
        base = Tree().dir("opt").file("opt/base", chance.randbytes(300_000)).bytes()
        paths = []
        for number in range(5):
            layers = [base, Tree().dir("opt").file(f"opt/{number}", chance.randbytes(50_000 * number)).bytes()]
            paths.append(box.write(f"{number}.tar", docker_archive([(config(layers, Labels={"n": str(number)}), layers, [])])))
        return paths

    def crowd(self, box):
        box.image(archives.rootfs(), "base:1")
        sources = self.sources(box)
        self.end = time.monotonic() + SECONDS
        members = [Member(self, box, number, sources, random.Random(number)) for number in range(CROWD)]
        for member in members:
            member.start()
        chance, killed = random.Random(0), 0
        while time.monotonic() < self.end:
            time.sleep(chance.uniform(0.2, 1))
            process = chance.choice(members).process
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
        for member in members:
            member.join(2 * HANGS)
            self.assertFalse(member.is_alive(), "a member does not end")
        self.assertEqual([failure for member in members for failure in member.failures], [])
        self.look(box, members)
        print(f"a crowd of {CROWD} for {SECONDS:g} s, {box.user.name}: {sum(m.done for m in members)} commands, {killed} killed", flush=True)

    def look(self, box, members):
        self.eventually(lambda: not processes_of(box.store) or box.ok("ps", "-a") is None, "all processes end")
        there = {name: image["id"] for image in box.json("images") for name in image["names"]}
        kept = {container["name"] for container in box.json("ps", "-a")}
        for member in members:
            for name, id in member.images.items():
                if name not in member.in_doubt:
                    self.assertEqual(there.get(name), id, name)
            self.assertEqual({name for name in member.containers - member.in_doubt} - kept, set())
        checked = box.run("fsck", "--format", "json")
        self.assertEqual(checked.status, 0, checked.text + checked.errors)
        self.assertEqual(json.loads(checked.out)["leftovers"], [])
        self.assertEqual([name for name in store_content(box) if name.startswith(("staging", "trash"))], [])
        ids = {container["id"] for container in box.json("ps", "-a")}
        self.assertEqual(set(os.listdir(box.store + "/containers")), ids)


if __name__ == "__main__":
    main()
