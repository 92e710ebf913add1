"""du and tree: what takes the space, which layer it comes from, what of it nobody needs."""
import os

import archives
from archives import Tree, config, docker_archive
from harness import EVERYBODY, ROOT, E2E, main

MIB = 1 << 20


def noise(size):
    return os.urandom(size)


class Trees(E2E):
    def two_layers(self, box, name="two:1"):
        lower = Tree().dir("data").file("data/old", noise(200_000)).file("data/big", noise(300_000)) \
            .hardlink("data/link", "data/big").dir("data/closed", mode=0).file("data/closed/x", noise(1000), mode=0) \
            .dir("srv").dir("srv/deep").dir("srv/deep/er").file("srv/deep/er/y", noise(70)).bytes()
        upper = Tree().dir("data").file("data/old", noise(50_000)).file("data/.wh.big", "").file("data/.wh.link", "") \
            .file("only", noise(9)).bytes()
        layers = [lower, upper]
        box.ok("pull-tar", "-", input=docker_archive([(config(layers), layers, [name])]))
        return [archives.digest(layer) for layer in layers]

    def test_which_layer_bytes_come_from_and_what_is_wasted(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                lower, upper = self.two_layers(box)
                shown = box.json("tree", "two:1")
                self.assertEqual((shown["type"], shown["size_bytes"], shown["wasted_bytes"]),
                                 ("image", 551_079, 500_000))
                self.assertEqual([(layer["layer"], layer["diff_id"], layer["size_bytes"], layer["wasted_bytes"])
                                  for layer in shown["layers"]],
                                 [("2", upper, 50_009, 0), ("1", lower, 501_070, 500_000)])
                self.assertEqual({layer["diff_id"]: layer["size_bytes"] for layer in box.json("layers")},
                                 {layer["diff_id"]: layer["size_bytes"] for layer in shown["layers"]})
                self.assertEqual([entry["path"] for entry in shown["directories"]],
                                 ["/", "/data", "/data/closed", "/srv", "/srv/deep"])
                data = shown["directories"][1]
                self.assertEqual((data["size_bytes"], data["wasted_bytes"]), (551_000, 500_000))
                self.assertEqual(data["layers"], [{"layer": "2", "size_bytes": 50_000, "wasted_bytes": 0},
                                                  {"layer": "1", "size_bytes": 501_000, "wasted_bytes": 500_000}])
                self.assertEqual(shown["wasted_files"],
                                 [{"path": "/data/big", "size_bytes": 300_000, "layer": "1", "by": "2", "why": "removed"},
                                  {"path": "/data/old", "size_bytes": 200_000, "layer": "1", "by": "2", "why": "replaced"}])
                table = box.ok("tree", "two:1")
                for word in ("/data/big", "removed by 2", "/srv/deep", "500 kB", lower[7:19]):
                    self.assertIn(word, table)

    def test_depth_and_top(self):
        box = self.box()
        self.two_layers(box)
        self.assertEqual([entry["path"] for entry in box.json("tree", "two:1", "--depth", "0")["directories"]], ["/"])
        self.assertIn("/srv/deep/er", box.ok("tree", "two:1", "--depth", "3"))
        self.assertEqual([file["path"] for file in box.json("tree", "two:1", "--top", "1")["wasted_files"]], ["/data/big"])
        self.assertEqual(box.json("tree", "two:1", "--top", "0")["wasted_files"], [])
        box.fails(1, "tree", "no-such")
        box.fails(2, "tree")
        box.fails(2, "tree", "two:1", "--depth", "deep")

    def test_of_a_container(self):
        change = "rm /etc/group; echo 12345 >/etc/passwd; echo new >/root/new"
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            for backend in ("overlay", "copy"):
                with self.subTest(f"{user.name}, {backend}"):
                    ran = box.run("run", "--backend", backend, "--name", backend, "demo", "sh", "-c", change)
                    if ran.status == 125 and "overlay" in ran.errors:
                        self.skipTest(ran.errors)
                    shown = box.json("tree", backend)
                    names = [layer["layer"] for layer in shown["layers"]]
                    self.assertEqual((shown["type"], names), ("container", ["own", "1"] if backend == "overlay" else ["own"]))
                    if backend == "overlay":
                        self.assertEqual({(file["path"], file["by"], file["why"]) for file in shown["wasted_files"]},
                                         {("/etc/group", "own", "removed"), ("/etc/passwd", "own", "replaced")})
                        self.assertEqual(shown["layers"][0]["size_bytes"], 6 + 4)
                    else:
                        self.assertEqual(shown["wasted_bytes"], 0)

    def test_of_one_that_runs(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        process = box.start("run", "-i", "--name", "busy", "demo", "sh", "-c", "echo up >/up; echo up; cat")
        self.assertEqual(process.stdout.readline(), b"up\n")
        own = box.json("tree", "busy")["layers"][0]
        self.assertEqual((own["layer"], own["size_bytes"]), ("own", 3))
        process.communicate(b"", timeout=60)


class Usage(E2E):
    def test_without_a_store_there_is_nothing_and_none_is_made(self):
        for user in EVERYBODY:
            box = self.box(user)
            self.assertEqual(box.json("du")["total_bytes"], 0)
            box.fails(1, "du", "demo")
            self.assertFalse(os.path.exists(box.store))

    def test_images_share_layers(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                base = Tree().file("base", noise(MIB)).dir("closed", mode=0).file("closed/x", "x").bytes()
                for name in ("one", "two"):
                    layers = [base, Tree().file(name, noise(2 * MIB)).bytes()]
                    box.ok("pull-tar", "-", input=docker_archive([(config(layers, Env=[f"N={name}"]), layers, [f"{name}:1"])]))
                shown = box.json("du")
                self.assertEqual(shown["prune_frees_bytes"], 0)
                self.assertEqual(len(shown["layers"]), 3)
                for image in shown["images"]:
                    self.assertGreaterEqual(image["unique_bytes"], 2 * MIB)
                    self.assertLess(image["unique_bytes"], 3 * MIB)
                    self.assertGreaterEqual(image["shared_bytes"], MIB)
                    self.assertEqual(image["disk_bytes"], image["unique_bytes"] + image["shared_bytes"])
                self.assertEqual(sorted(layer["images"] for layer in shown["layers"]), [1, 1, 2])
                one = box.json("du", "one:1")
                self.assertEqual((one["type"], [layer["images"] for layer in one["layers"]]), ("image", [2, 1]))
                self.assertEqual(one["total_bytes"],
                                 next(image for image in shown["images"] if image["names"] == ["one:1"])["disk_bytes"])
                self.assertGreaterEqual(shown["total_bytes"], 5 * MIB)
                self.assertIn("one:1", box.ok("du"))
                box.ok("du", "one:1")

    def test_containers_and_volumes(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                box.ok("run", "--name", "writer", "-v", "cache:/c", "demo", "sh", "-c",
                       "dd if=/dev/urandom of=/mine bs=1M count=2; dd if=/dev/urandom of=/c/file bs=1M count=3;"
                       "dd if=/dev/zero of=/c/hole bs=1M count=0 seek=1024; chmod 0 /c/file /mine; mkdir -m 0 /c/d")
                shown = box.json("du")
                container, = shown["containers"]
                self.assertEqual((container["name"], container["state"], container["unused"]), ("writer", "exited", False))
                self.assertGreaterEqual(container["disk_bytes"], 2 * MIB)
                volume, = shown["volumes"]
                self.assertEqual((volume["name"], volume["containers"]), ("cache", ["writer"]))
                self.assertGreaterEqual(volume["disk_bytes"], 3 * MIB)
                self.assertLess(volume["disk_bytes"], 4 * MIB, "a hole takes nothing")
                one = box.json("du", "writer")
                self.assertEqual((one["type"], one["own_bytes"]), ("container", container["disk_bytes"]))
                for word in ("writer", "cache", "demo:latest"):
                    self.assertIn(word, box.ok("du"))

    def test_what_prune_would_free(self):
        box = self.box()
        box.image(Tree().file("x", noise(MIB)).bytes(), "demo", "--type", "rootfs")
        self.assertEqual(box.json("du")["prune_frees_bytes"], 0)
        box.image(archives.rootfs(), "demo")
        shown = box.json("du")
        unused, = [image for image in shown["images"] if image["unused"]]
        self.assertEqual(unused["names"], [])
        config = os.path.join(box.store, "blobs/sha256", unused["id"][7:])
        self.assertEqual(shown["prune_frees_bytes"], unused["disk_bytes"] + os.stat(config).st_blocks * 512)
        self.assertGreaterEqual(unused["disk_bytes"], MIB)

        box.ok("run", "--name", "keeper", "demo", "true")
        box.image(Tree().file("y", "y").bytes(), "demo", "--type", "rootfs")
        kept, = [image for image in box.json("du")["images"] if image["containers"]]
        self.assertEqual((kept["names"], kept["containers"], kept["unused"]), ([], ["keeper"], False))

    def test_leftovers(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        for place in ("staging", "trash"):
            directory = os.path.join(box.store, place, "0123456789abcdef" * 2)
            os.mkdir(directory)
            with open(os.path.join(directory, "file"), "wb") as file:
                file.write(noise(MIB))
        shown = box.json("du")
        self.assertGreaterEqual(shown["leftover_bytes"], 2 * MIB)
        self.assertEqual(shown["prune_frees_bytes"], shown["leftover_bytes"])
        box.ok("images")  # sweeps
        self.assertLess(box.json("du")["leftover_bytes"], MIB)
        box.fails(2, "du", "demo", "demo")


if __name__ == "__main__":
    main()
