"""An import that is killed at any moment leaves a whole store, and the next import works."""
import os
import random
import select
import signal
import subprocess
import time

import archives
from archives import Tree, config, docker_archive
from harness import EVERYBODY, ROOT, E2E, main, store_content

MOMENTS = 50


def image():
    layers = [archives.rootfs()]
    for number in range(4):
        tree = Tree().dir(f"d{number}")
        for i in range(300):
            tree.file(f"d{number}/f{i}", os.urandom(2000))
        layers.append(tree.bytes())
    return layers, docker_archive([(config(layers, Cmd=["cat", "/etc/os-release"]), layers, ["big:1"])])


class KilledImport(E2E):
    def assert_whole(self, box, known):
        """No row without its files, nothing that is half there, nothing that nobody owns."""
        images = box.json("images")
        layers = {layer["diff_id"] for layer in box.json("layers")}
        for entry in images:
            shown, = box.json("inspect", entry["id"])
            for diff_id in known.get(entry["id"], []):
                self.assertIn(diff_id, layers)
        for name in os.listdir(box.store + "/layers/sha256"):
            self.assertEqual(sorted(os.listdir(f"{box.store}/layers/sha256/{name}")), ["descriptor", "record", "tree"])
        self.assertEqual([n for n in store_content(box) if n.startswith(("staging", "trash"))], [])

    def kill_at_moments(self, user, moments):
        box = self.box(user)
        layers, data = image()
        path = box.write("big.tar", data)
        begin = time.monotonic()
        box.ok("pull-tar", path)
        whole = time.monotonic() - begin
        known = {box.json("images")[0]["id"]: [archives.digest(layer) for layer in layers]}
        box.ok("rmi", "big:1")
        random_moment = random.Random(20_240_101)
        outcomes = {"killed": 0, "done": 0}
        for _ in range(moments):
            moment = random_moment.random() * whole * 1.1
            begin = time.monotonic()
            process = box.start("pull-tar", path)
            try:
                process.wait(moment)
                outcomes["done"] += 1
                whole = min(whole, time.monotonic() - begin)  # it may have been slow the first time
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                outcomes["killed"] += 1
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
            self.assert_whole(box, known)
            if box.json("images"):
                box.ok("rmi", "big:1")
        self.assertGreater(outcomes["killed"], moments // 4, outcomes)
        box.ok("pull-tar", path)
        self.assertEqual(box.ok("run", "big:1"), 'NAME="small"\n')
        self.assertEqual({layer["diff_id"] for layer in box.json("layers")}, {archives.digest(l) for l in layers})

    def test_of_root(self):
        self.kill_at_moments(ROOT, MOMENTS)

    def test_of_ordinary_users(self):
        for user in EVERYBODY[1:]:
            with self.subTest(user.name):
                self.kill_at_moments(user, MOMENTS // 5)

    def test_an_interrupted_import_says_so_and_leaves_nothing(self):
        box = self.box()
        process = box.start("pull-tar", "-", "--name", "x")
        process.stdin.write(archives.rootfs()[:300_000])
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0, err)
        box.ok("images")
        self.assertEqual(store_content(box), [])

    def unpacking(self, box):
        """An import that waits for the rest of its archive, and the process that unpacks it."""
        process = box.start("pull-tar", "-", "--name", "x")
        process.stdin.write(archives.rootfs()[:300_000])
        process.stdin.flush()
        begin = time.monotonic()
        while time.monotonic() - begin < 60:
            for root, dirs, _ in os.walk(box.store + "/staging"):
                if "tree" in dirs:
                    return process, self.last_child(process.pid)
            time.sleep(0.01)
        self.fail("nothing was unpacked")

    def last_child(self, pid):
        """The innermost: an ordinary user's import is a process in his user namespace already."""
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        return self.last_child(int(children[-1])) if children else pid

    def test_what_unpacks_is_confined(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                process, unpacker = self.unpacking(box)
                self.assertNotEqual(unpacker, process.pid)
                with open(f"/proc/{unpacker}/status", encoding="ascii") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
                self.assertEqual(int(status["CapEff"], 16) & ~0x8820001B, 0)
                # Its root is the layer's directory; of the store it has nothing else.
                self.assertRegex(os.readlink(f"/proc/{unpacker}/root"), f"^{box.store}/staging/[0-9a-f]+/layer-0$")
                for fd in os.listdir(f"/proc/{unpacker}/fd"):
                    target = os.readlink(f"/proc/{unpacker}/fd/{fd}")
                    self.assertRegex(target, f"^(pipe:.*|/dev/null|{box.store}/staging/[0-9a-f]+/layer-0(/.*)?)$")
                process.communicate(timeout=60)

    def test_an_import_whose_unpacker_is_killed_says_so_and_leaves_nothing(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                process, unpacker = self.unpacking(box)
                os.kill(unpacker, signal.SIGKILL)
                _, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 1, err)
                self.assertEqual(err.decode(), "layerbox: error: import standard input: the unpacker ended before it was done: "
                                 "killed by signal 9 (Killed)\nhint: the kernel does that when memory runs out: see dmesg\n")
                box.ok("images")
                self.assertEqual(store_content(box), [])

    def test_the_unpacker_ends_with_the_import(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                process, unpacker = self.unpacking(box)
                handle = os.pidfd_open(unpacker)
                process.kill()
                process.communicate(timeout=60)
                self.assertEqual(select.select([handle], [], [], 60)[0], [handle])
                os.close(handle)
                box.ok("images")
                self.assertEqual(store_content(box), [])

    def test_two_imports_of_the_same_layers_at_once(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                layers, data = image()
                path = box.write("big.tar", data)
                processes = [box.start("pull-tar", path) for _ in range(6)]
                outputs = set()
                for process in processes:
                    out, err = process.communicate(timeout=120)
                    self.assertEqual(process.returncode, 0, err)
                    outputs.add(out)
                self.assertEqual(len(outputs), 1)
                self.assertEqual(len(box.json("layers")), len(layers))
                self.assertEqual([n for n in store_content(box) if n.startswith(("staging", "trash"))], [])
                self.assertEqual(box.ok("run", "big:1"), 'NAME="small"\n')


if __name__ == "__main__":
    main()
