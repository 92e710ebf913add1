"""--filter of ps, images, volume ls and network ls; which containers ps shows, and how much of each."""
import archives
from archives import Tree, config, docker_archive
from harness import EVERYBODY, ROOT, E2E, main


class Containers(E2E):
    def names(self, box, *words):
        return [container["name"] for container in box.json("ps", *words)]

    def filled(self, user=ROOT):
        """Three kept containers, `first` to `third` in this order, and a volume."""
        box = self.box(user)
        box.image(archives.rootfs(), "demo:1")
        box.ok("run", "--name", "first", "--label", "job", "--label", "env=prod", "demo:1", "true")
        result = box.run("run", "--name", "second", "--label", "job", "-v", "cache:/c", "demo:1", "sh", "-c", "echo x >/x; exit 3")
        self.assertEqual(result.status, 3, result.errors)
        box.ok("commit", "second", "child:1")
        box.ok("run", "--name", "third", "child:1", "true", "a-word-that-makes-the-command-longer-than-its-column")
        return box

    def test_every_key(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.filled(user)
                third = box.json("ps", "-a")[2]
                for filters, expected in (
                        ((), ["first", "second", "third"]),
                        (("name=ir",), ["first", "third"]),
                        (("name=^first$",), ["first"]),
                        (("name=first", "name=second"), ["first", "second"]),
                        (("name=first", "exited=3"), []),
                        (("id=" + third["id"][:8],), ["third"]),
                        (("status=running",), []),
                        (("status=exited",), ["first", "second", "third"]),
                        (("exited=3",), ["second"]),
                        (("label=job",), ["first", "second"]),
                        (("label=job", "label=env=prod"), ["first"]),
                        (("label=env=test",), []),
                        (("volume=cache",), ["second"]),
                        (("network=none-such",), []),
                        (("ancestor=child:1",), ["third"]),
                        (("image=demo:1",), ["first", "second", "third"]),
                        (("ancestor=no-such", ), []),
                        (("ancestor=no-such", "image=child:1"), ["third"]),
                        (("before=second",), ["first"]),
                        (("since=first", "before=third"), ["second"])):
                    words = [word for text in filters for word in ("--filter", text)]
                    self.assertEqual(self.names(box, "-a", *words), expected, filters)

    def test_who_asks_for_a_state_means_stopped_ones_too(self):
        box = self.filled()
        self.assertEqual(self.names(box), [])
        self.assertEqual(self.names(box, "--filter", "exited=3"), ["second"])
        self.assertEqual(self.names(box, "--filter", "status=exited", "--filter", "label=env"), ["first"])
        self.assertEqual(self.names(box, "--filter", "label=job"), [])

    def test_the_last_ones(self):
        box = self.filled()
        self.assertEqual(self.names(box, "-n", "2"), ["second", "third"])
        self.assertEqual(self.names(box, "-l"), ["third"])
        self.assertEqual(self.names(box, "--latest", "--filter", "label=job"), ["second"])
        self.assertEqual(len(self.names(box, "--last", "9")), 3)
        box.fails(2, "ps", "-l", "-n", "2")

    def test_no_trunc(self):
        box = self.filled()
        third = box.json("ps", "-l")[0]
        self.assertNotIn(third["command"][-1], box.ok("ps", "-l"))
        whole = box.ok("ps", "-l", "--no-trunc")
        self.assertIn(third["command"][-1], whole)
        self.assertIn(third["id"], whole)

    def test_labels_of_a_container_that_is_not_kept(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                process = box.start("run", "-i", "--label", "a=b", "demo", "sh", "-c", "echo up; cat")
                self.assertEqual(process.stdout.readline(), b"up\n")
                shown, = box.json("ps", "--filter", "label=a=b", "--filter", "status=running")
                self.assertEqual(shown["labels"], {"a": "b"})
                self.assertEqual(box.json("inspect", shown["id"])[0]["labels"], {"a": "b"})
                self.assertEqual(box.json("ps", "--filter", "label=a=c"), [])
                process.communicate(b"", timeout=60)
                self.assertEqual(box.json("ps", "-a"), [])

    def test_what_is_wrong_is_said(self):
        box = self.filled()
        text = box.fails(2, "ps", "--filter", "lable=a")
        self.assertIn("ancestor", text)
        self.assertIn("did you mean 'label'", text)
        for words in (("status=strange",), ("exited=yes",), ("label",), ("name=(",), ("=a",), ("",)):
            box.fails(2, "ps", "--filter", *words)
        box.fails(1, "ps", "--filter", "before=nobody")
        box.fails(2, "ps", "-n", "-1")


class Images(E2E):
    def names(self, box, *filters):
        words = [word for text in filters for word in ("--filter", text)]
        return sorted(name for image in box.json("images", *words) for name in image["names"])

    def test_every_key(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                for day, label in (("01", "old"), ("02", "new")):
                    layers = [Tree().file("day", day).bytes()]
                    document = dict(config(layers, Labels={"age": label}), created=f"2024-01-{day}T00:00:00Z")
                    box.ok("pull-tar", "-", input=docker_archive([(document, layers, [f"base:{label}"])]))
                box.ok("tag", "base:new", "team/app:1")
                everything = ["base:new", "base:old", "team/app:1"]
                self.assertEqual(self.names(box), everything)
                self.assertEqual(self.names(box, "reference=base"), ["base:new", "base:old"])
                self.assertEqual(self.names(box, "reference=base:n*"), ["base:new"])
                self.assertEqual(self.names(box, "reference=*"), ["base:new", "base:old"])
                self.assertEqual(self.names(box, "reference=*/app", "reference=*:old"), ["base:old", "team/app:1"])
                self.assertEqual(self.names(box, "label=age"), everything)
                self.assertEqual(self.names(box, "label=age=old"), ["base:old"])
                self.assertEqual(self.names(box, "before=base:new"), ["base:old"])
                self.assertEqual(self.names(box, "since=base:old", "reference=base"), ["base:new"])
                self.assertEqual(self.names(box, "dangling=true"), [])
                self.assertEqual(self.names(box, "dangling=false"), everything)
                self.assertIn("team/app", box.ok("images", "--filter", "label=age=new"))
                box.fails(2, "images", "--filter", "dangling=perhaps")
                box.fails(2, "images", "--filter", "status=exited")
                box.fails(1, "images", "--filter", "before=no-such")

    def test_dangling(self):
        box = self.box()
        box.image(Tree().file("x", "1").bytes(), "demo", "--type", "rootfs")
        lost = box.json("images")[0]["id"]
        box.image(Tree().file("x", "2").bytes(), "demo", "--type", "rootfs")
        self.assertEqual([image["id"] for image in box.json("images", "--filter", "dangling=true")], [lost])
        self.assertEqual(box.ok("images", "--ids", "--filter", "dangling=true"), lost + "\n")


class Named(E2E):
    def test_volumes(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.ok("volume", "create", "cache-1", "--label", "a=b")
                box.ok("volume", "create", "data")
                for filters, expected in (("name=^c", ["cache-1"]), ("label=a", ["cache-1"]), ("label=a=c", []),
                                          ("name=a", ["cache-1", "data"]), ("dangling=true", ["cache-1", "data"]),
                                          ("dangling=false", [])):
                    self.assertEqual(box.json("volume", "ls", "--names", "--filter", filters), expected)
                self.assertIn("name, label", box.fails(2, "volume", "ls", "--filter", "driver=local"))
                self.assertIn("true, false", box.fails(2, "volume", "ls", "--filter", "dangling=maybe"))

    def test_networks(self):
        box = self.box()
        box.ok("network", "create", "blue", "--label", "a=b")
        for filters, expected in (("name=lu", ["blue"]), ("label=a=b", ["blue"]), ("label=a=c", []), ("name=^l", [])):
            self.assertEqual(box.json("network", "ls", "--names", "--filter", filters), expected)
        self.assertEqual(box.json("network", "ls", "--filter", "label=none-such"), [])
        box.fails(2, "network", "ls", "--filter", "scope=local")


if __name__ == "__main__":
    main()
