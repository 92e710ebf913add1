"""An import that is killed at any moment leaves a whole store, and the next import works."""
import os
import random
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
