"""images, inspect, layers, tag, rmi: what they list, how they name, when they refuse."""
import os

import archives
from archives import Tree, config, docker_archive
from harness import EVERYBODY, ROOT, E2E, main, store_content


class Lists(E2E):
    def test_an_empty_store(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                self.assertEqual((box.json("images"), box.json("layers"), box.json("ps")), ([], [], []))
                box.ok("images")
                box.ok("ps", "-a")

    def test_images_fields(self):
        box = self.box()
        identity = box.image(archives.rootfs(), "demo:1")
        image, = box.json("images")
        self.assertLessEqual({"id", "names", "layers", "size_bytes", "created"}, set(image))
        self.assertEqual((image["id"], image["names"]), (identity, ["demo:1"]))
        self.assertGreater(image["size_bytes"], 500_000)
        self.assertEqual(box.json("images", "--ids"), [identity])
        self.assertEqual(box.ok("images", "--ids"), identity + "\n")
        table = box.ok("images")
        for word in ("demo", "1", identity[7:19]):
            self.assertIn(word, table)

    def test_layers_fields(self):
        box = self.box()
        data = archives.rootfs()
        box.image(data)
        layer, = box.json("layers")
        self.assertLessEqual({"diff_id", "size_bytes"}, set(layer))
        self.assertEqual(layer["diff_id"], archives.digest(data))
        self.assertIn(layer["diff_id"][7:19], box.ok("layers"))

    def test_inspect_shows_the_config(self):
        box = self.box()
        layers = [archives.rootfs()]
        document = config(layers, Env=["A=B"], Labels={"key": "value"}, Cmd=["true"])
        box.ok("pull-tar", "-", input=docker_archive([(document, layers, ["x:1"])]))
        shown, = box.json("inspect", "x:1")
        self.assertEqual(shown["id"], archives.digest(archives.dump(document)))
        self.assertIn(document["config"], shown.values() if "config" in shown and "config" not in shown["config"]
                      else [shown["config"]["config"]])

    def test_inspect_of_several(self):
        box = self.box()
        box.image(archives.rootfs(), "a")
        box.image(Tree().file("x", "x").bytes(), "b", "--type", "rootfs")
        self.assertEqual(len(box.json("inspect", "a", "b")), 2)
        box.fails(1, "inspect", "a", "nothing-like-it")


class History(E2E):
    def image(self, box, history):
        layers = [archives.rootfs(), Tree().file("x", b"12345").bytes()]
        document = dict(config(layers), history=history)
        box.ok("pull-tar", "-", input=docker_archive([(document, layers, ["h:1"])]))
        return [archives.digest(layer) for layer in layers]

    def test_newest_first_with_the_layer_of_each_step(self):
        for user in EVERYBODY:
            box = self.box(user)
            long = "/bin/sh -c apt-get update && " + "echo \u00e4 " * 20
            ids = self.image(box, [
                {"created": "2024-01-01T00:00:00Z", "created_by": "ADD rootfs"},
                {"created": "2024-01-02T00:00:00Z", "created_by": "/bin/sh -c #(nop)  CMD [\"sh\"]", "empty_layer": True},
                {"created": "2024-01-03T00:00:00Z", "created_by": long, "comment": "words", "author": "A"}])
            steps = box.json("history", "h:1")
            self.assertEqual([step["diff_id"] for step in steps], [ids[1], None, ids[0]])
            self.assertEqual([step["empty_layer"] for step in steps], [False, True, False])
            self.assertEqual(steps[0], {"created": "2024-01-03T00:00:00Z", "created_by": long, "author": "A", "comment": "words",
                                        "empty_layer": False, "diff_id": ids[1], "size_bytes": 5})
            lines = box.ok("history", "h:1").splitlines()
            self.assertEqual(len(lines), 4)
            self.assertIn("apt-get update", lines[1])
            self.assertNotIn("/bin/sh", lines[1])
            self.assertIn("5 B", lines[1])
            self.assertIn("words", lines[1])
            self.assertLess(len(lines[1]), 120)
            self.assertIn('CMD ["sh"]', lines[2])
            whole = box.ok("history", "--no-trunc", "h:1")
            self.assertIn(long, whole)
            self.assertIn(ids[0], whole)

    def test_layers_without_a_story(self):
        box = self.box()
        for history in ([], [{"created_by": "one"}], [{"created_by": str(number)} for number in range(5)]):
            ids = self.image(box, history)
            steps = box.json("history", "h:1")
            self.assertEqual([step["diff_id"] for step in steps if step["diff_id"]], ids[::-1])
            self.assertEqual(len(steps), max(2, len(history)))
            box.ok("history", "h:1")
        box.fails(1, "history", "nothing-like-it")
        box.fails(2, "history")


class References(E2E):
    def test_all_forms_of_a_reference(self):
        box = self.box()
        identity = box.image(archives.rootfs(), "demo")
        for reference in ("demo", "demo:latest", identity, identity[7:], identity[7:11], identity[7:20]):
            with self.subTest(reference):
                self.assertEqual(box.json("inspect", reference)[0]["id"], identity)
                self.assertEqual(box.run("run", reference, "true").status, 0)

    def test_a_short_prefix_is_no_reference(self):
        box = self.box()
        identity = box.image(archives.rootfs(), "demo")
        box.fails(1, "inspect", identity[7:10])

    def test_a_name_moves_to_the_newer_image(self):
        box = self.box()
        first = box.image(archives.rootfs(), "demo")
        result = box.run("pull-tar", "-", "--name", "demo", input=archives.rootfs(lambda t: t.file("new", "")))
        self.assertEqual(result.status, 0, result.errors)
        second = result.text.split("\t")[0]
        self.assertNotEqual(first, second)
        self.assertEqual(box.json("inspect", "demo")[0]["id"], second)
        self.assertEqual({i["id"]: i["names"] for i in box.json("images")}, {first: [], second: ["demo:latest"]})


class Names(E2E):
    def test_tag_and_untag(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                identity = box.image(archives.rootfs(), "demo")
                box.ok("tag", "demo", "other/name:2")
                self.assertEqual(box.json("images")[0]["names"], ["demo:latest", "other/name:2"])
                box.ok("rmi", "demo")
                self.assertEqual(box.json("images")[0]["names"], ["other/name:2"])
                self.assertEqual(box.json("inspect", "other/name:2")[0]["id"], identity)
                box.ok("rmi", "other/name:2")
                self.assertEqual(box.json("images"), [])
                self.assertEqual(box.json("layers"), [])

    def test_bad_names_are_refused(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        for name in ("", "UPPER", "a:b:c", "a b", "-x:", "/x", "x/", "a:" + "t" * 129, "n" * 256, "a\x1b[1m"):
            with self.subTest(name):
                self.assertIn(box.run("tag", "demo", "--", name).status, (1, 2))
        self.assertEqual(box.json("images")[0]["names"], ["demo:latest"])


class Removal(E2E):
    def test_shared_layers_stay_until_their_last_image_goes(self):
        box = self.box()
        base = archives.rootfs()
        one, two = [base, Tree().file("w", "1").bytes()], [base, Tree().file("w", "2").bytes()]
        box.ok("pull-tar", "-", input=docker_archive([(config(one), one, ["one:1"]), (config(two), two, ["two:2"])]))
        box.ok("rmi", "one:1")
        self.assertEqual({l["diff_id"] for l in box.json("layers")}, {archives.digest(l) for l in two})
        self.assertEqual(box.ok("run", "two:2", "cat", "/w"), "2")
        box.ok("rmi", "two:2")
        self.assertEqual(box.json("layers"), [])
        box.ok("images")
        self.assertEqual(store_content(box), [])

    def test_an_image_with_two_names_is_not_removed_by_id_without_force(self):
        box = self.box()
        identity = box.image(archives.rootfs(), "demo")
        box.ok("tag", "demo", "second")
        box.fails(1, "rmi", identity)
        box.ok("rmi", "--force", identity)
        self.assertEqual(box.json("images"), [])

    def test_an_image_in_use_by_a_kept_container_is_refused_and_says_by_which(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                box.ok("run", "--name", "keeper", "demo", "true")
                self.assertIn("keeper", box.fails(1, "rmi", "demo"))
                self.assertEqual(len(box.json("images")), 1)
                box.ok("rm", "keeper")
                box.ok("rmi", "demo")
                self.assertEqual(box.json("images"), [])

    def test_an_image_in_use_by_a_running_container_is_refused(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        process = box.start("run", "-i", "demo", "sh", "-c", "echo up; cat")
        self.assertEqual(process.stdout.readline(), b"up\n")
        box.fails(1, "rmi", "demo")
        out, err = process.communicate(b"still here\n", timeout=60)
        self.assertEqual((process.returncode, out), (0, b"still here\n"), err)
        box.ok("rmi", "demo")

    def test_files_of_a_removed_image_are_gone(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(lambda t: t.dir("closed", mode=0).file("closed/x", "x", mode=0)), "demo")
                box.ok("rmi", "demo")
                box.ok("images")
                self.assertEqual(store_content(box), [])


if __name__ == "__main__":
    main()
