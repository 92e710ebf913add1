"""`bench`: what it says, in all three forms, what it leaves behind (nothing), and what `--backend auto` makes of it."""
import glob
import html.parser
import json
import os
import shutil
import subprocess
import time

import archives
from archives import Tree, config, docker_archive
from harness import E2E, EVERYBODY, MS_BIND, RANGED, ROOT, SINGLE, libc, main, mounts, store_content

FEW = ("--runs", "2", "--parallel", "2")
METRICS = ("prepare_ns", "first_instruction_ns", "start_to_end_ns", "write_small_ns", "write_large_ns", "walk_ns",
           "teardown_ns", "parallel_start_ns", "disk_bytes")
# Of an image that has names enough to count for `auto`.
MANY = 1100


def many_files():
    tree = Tree()
    tree.dir("many")
    for i in range(MANY):
        tree.file(f"many/{i}", "x")
    tree.file("middle", b"m" * 5000).file("big", os.urandom(1 << 20))
    return tree.bytes()


def podmans_cgroups():
    return set(glob.glob("/sys/fs/cgroup/**/libpod*", recursive=True))


class Page(html.parser.HTMLParser):
    """What a page is made of; every element is closed, and nothing is loaded."""
    VOID = ("br", "meta", "path", "rect")

    def __init__(self, test, text):
        super().__init__()
        self.test, self.open, self.seen, self.text = test, [], [], ""
        self.feed(text)
        self.close()
        test.assertEqual(self.open, [])

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.test.assertNotIn(tag, ("script", "img", "link", "iframe", "object", "embed", "base", "b", "i"))
        for name, value in attrs:
            self.test.assertNotIn(name, ("src", "href", "xlink:href", "srcset", "style", "data", "action"))
            self.test.assertFalse(name.startswith("on"), name)
            self.test.assertNotIn("url(", value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        self.test.assertEqual(self.open.pop(), tag)

    def handle_data(self, data):
        self.text += data


class Bench(E2E):
    def working(self, box):
        return [one["name"] for one in box.json("info")["backends"] if one["works"]]

    def assert_sane(self, report, names, but=()):
        self.assertEqual([one["name"] for one in report["results"] if one["measured"]], names)
        for one in report["results"]:
            for metric in METRICS:
                spread = one[metric]
                if not one["measured"] or metric in but:
                    self.assertIsNone(spread, metric)
                    continue
                self.assertEqual(spread["runs"], 2, metric)
                self.assertLessEqual(spread["lowest"], spread["median"])
                self.assertLessEqual(spread["median"], spread["highest"])
                self.assertGreater(spread["highest"], -1 if metric == "disk_bytes" else 0, metric)
            if one["measured"]:
                self.assertLess(one["first_instruction_ns"]["lowest"], one["start_to_end_ns"]["highest"])
        self.assertIn(report["recommended"], names)
        self.assertIn(report["recommended"], report["reason"])

    def test_everything_it_says(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                image = box.image(many_files(), "demo", "--type", "rootfs")
                before = store_content(box)
                page = os.path.join(box.home, "page.html")
                report = box.json("bench", *FEW, "--html", page)
                self.assertEqual(store_content(box), before)

                self.assert_sane(report, self.working(box))
                self.assertEqual((report["image"], report["image_id"], report["layers"], report["runs"], report["parallel"]),
                                 ("demo:latest", image, 1, 2, 2))
                self.assertEqual(report["small_file"], {"path": "/middle", "size_bytes": 5000})
                self.assertEqual(report["large_file"], {"path": "/big", "size_bytes": 1 << 20})
                self.assertGreater(report["entries"], MANY)
                self.assertGreater(report["image_bytes"], 1 << 20)
                for word in ("kernel", "file_system"):
                    self.assertTrue(report[word])
                with open(page, encoding="utf-8") as file:
                    shown = Page(self, file.read())
                self.assertEqual(shown.seen.count("svg"), len(METRICS))
                self.assertIn("demo:latest", shown.text)

                self.assertTrue(report["kept_for_auto"], report["kept_reason"])
                told = box.json("info")
                self.assertEqual(told["backend"], report["recommended"])
                self.assertTrue(told["measurements"]["used"])
                self.assertEqual(told["measurements"]["image"], image)
                for one in told["measurements"]["backends"]:
                    measured, = [r for r in report["results"] if r["name"] == one["name"]]
                    self.assertEqual(one["start_to_end_us"], measured["start_to_end_ns"]["median"] // 1000)
                self.assertIn("the fastest that was measured here", box.ok("info"))

    def test_the_table_ends_with_the_advice(self):
        box = self.box()
        box.image(many_files(), "demo", "--type", "rootfs")
        text = box.ok("bench", "demo", *FEW)
        lines = text.splitlines()
        self.assertTrue(lines[-2].startswith("recommended: "), text)
        self.assertTrue(lines[-1].startswith("kept: "), text)
        for title in ("prepare", "first instruction", "start to end", "first write, small file: /middle", "teardown",
                      "first write, large file: /big, 1.05 MB", "walk: ", "a start of several: 2 at once", "disk"):
            self.assertTrue(any(line.startswith(title) for line in lines), title)
        self.assertIn("█", text)
        self.assertNotIn("\x1b", text)
        plain = box.ok("bench", "demo", *FEW, env={"LANG": "C"})
        self.assertNotIn("█", plain)
        self.assertIn("##", plain)

    def test_an_image_without_a_shell_or_files(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(Tree().dir("only").bytes(), "demo", "--type", "rootfs", "--entrypoint", "/nothing", "--workdir",
                          "/nowhere", "--user", "nobody-here")
                before = store_content(box)
                report = box.json("bench", *FEW)
                self.assert_sane(report, self.working(box), ("write_small_ns", "write_large_ns"))
                self.assertEqual((report["small_file"], report["large_file"]), (None, None))
                self.assertEqual(store_content(box), before)
                self.assertFalse(report["kept_for_auto"])
                self.assertFalse(box.json("info")["measurements"]["used"])
                self.assertIn("no such file", box.ok("bench", *FEW))

    def test_what_an_image_names_is_shown_and_does_nothing(self):
        name = "<img src=x onerror=alert(1)>\x1b[2J\n\"'&"
        layers = [Tree().file(name, b"x" * 5000).dir("v").file("v/covered", os.urandom(1 << 20)).bytes()]
        for user in (ROOT, SINGLE):
            with self.subTest(user.name):
                box = self.box(user)
                box.ok("pull-tar", "-", input=docker_archive(
                    [(config(layers, Volumes={"/v": {}}, Entrypoint=["/x"], User="1:1", WorkingDir="/a/b",
                             Env=["LD_PRELOAD=/x"]), layers, ["demo:1"])]))
                page = os.path.join(box.home, "page.html")
                report = box.json("bench", *FEW, "--html", page)
                self.assertEqual(report["small_file"]["path"], "/" + name)
                self.assertIsNone(report["large_file"], "it lies in a volume")
                with open(page, encoding="utf-8") as file:
                    text = file.read()
                Page(self, text)
                self.assertNotIn("\x1b", text)
                self.assertNotIn("\x1b", box.ok("bench", *FEW))

    def test_what_is_wrong_is_said(self):
        box = self.box()
        self.assertIn("pull-tar", box.fails(1, "bench"))
        box.image(archives.rootfs(), "demo")
        self.assertIn("overlay, btrfs, fuse-overlayfs, copy", box.fails(2, "bench", "--backends", "copy,zfs"))
        box.fails(2, "bench", "--backends", "")
        box.fails(1, "bench", "nothing-like-it")
        for wrong in (("--runs", "0"), ("--runs", "1001"), ("--parallel", "0"), ("--parallel", "257"), ("--html", "-")):
            box.fails(2, "bench", *wrong)
        box.fails(1, "bench", *FEW, "--html", "/nonexistent/page.html")
        report = box.json("bench", *FEW, "--backends", "copy")
        self.assertEqual(report["recommended"], "copy")
        self.assertFalse(report["kept_for_auto"])

    def test_a_file_that_is_not_owned_by_anybody_inside(self):
        box = self.box()
        box.image(Tree().file("theirs", b"x" * 5000, uid=100_000, mode=0o600).bytes(), "demo", "--type", "rootfs")
        for one in box.json("bench", *FEW)["results"]:
            if one["measured"]:
                self.assertIsNone(one["write_small_ns"])
                self.assertRegex(" ".join(one["notes"]), "small file cannot be written")

    def test_killed_it_leaves_what_is_swept(self):
        for user in (ROOT, RANGED):
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                before = store_content(box)
                process = box.start("bench", "--runs", "1000")
                self.eventually(lambda: store_content(box) != before, "it begins")
                time.sleep(0.2)  # somewhere in the middle
                self.end(process)

                def clean():
                    box.ok("images")
                    return store_content(box) == before
                self.eventually(clean, "what it left is removed")


class Auto(E2E):
    def measured(self, box, lines, kernel=None, file_system=None):
        if not os.path.exists(box.store):
            box.ok("info")
        magic = int(subprocess.check_output(["stat", "-f", "-c", "%t", box.store]), 16)
        path = os.path.join(box.store, "derived/measured")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"layerbox measured 1\nkernel {kernel or os.uname().release}\nfilesystem {file_system or magic:x}\n"
                       f"date 1700000000\nimage {'0' * 64}\n{lines}")
        os.chown(path, box.user.uid, box.user.uid)

    def used(self, box):
        """The backend that a run takes, as a container that runs says it."""
        box.ok("run", "--name", "look", "demo", "true")
        backend, = [one["backend"] for one in box.json("ps", "-a") if one["name"] == "look"]
        box.ok("rm", "look")
        return backend

    def test_takes_what_was_measured_as_the_fastest(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                usual = self.used(box)
                self.measured(box, "overlay 2000\ncopy 1000\n")
                self.assertEqual(self.used(box), "copy")
                self.assertEqual(box.ok("run", "--ephemeral", "demo", "echo", "in memory"), "in memory\n")
                told = box.json("info")
                self.assertEqual(told["backend"], "copy")
                copy, = [one for one in told["backends"] if one["chosen"]]
                self.assertIn("the fastest that was measured here: 1.00 ms", copy["why"])
                self.assertIn("2023-11-14", told["measurements"]["reason"])
                overlay, = [one for one in told["backends"] if one["name"] == "overlay"]
                if overlay["works"]:
                    self.assertIn("slower: 2.00 ms", overlay["why"])
                for lines, machine in (("garbage", {}), ("copy 1\n", {"kernel": "1.2.3"}), ("copy 1\n", {"file_system": 1}),
                                       ("copy 1\ncopy 2\n", {}), ("x" * 100_000, {})):
                    self.measured(box, lines, **machine)
                    self.assertEqual(self.used(box), usual)
                    told = box.json("info")
                    self.assertFalse(told["measurements"]["used"])
                    self.assertIn("derived/measured is ignored", told["measurements"]["reason"])
                    self.assertIn("derived/measured is ignored", box.ok("info"))

    def test_a_backend_that_was_asked_for_is_taken_all_the_same(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        self.measured(box, "overlay 1\ncopy 2\n")
        box.ok("run", "--backend", "copy", "--name", "look", "demo", "true")
        self.assertEqual(box.json("ps", "-a")[0]["backend"], "copy")


class Peers(E2E):
    def test_those_that_are_installed_are_measured_and_leave_nothing(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                before, mounted, cgroups = store_content(box), mounts(), podmans_cgroups()
                report = box.json("bench", *FEW, "--backends", "copy", "--peers")
                self.assertEqual(store_content(box), before)
                self.assertEqual(mounts(), mounted)
                self.assertLessEqual(podmans_cgroups(), cgroups)
                self.assertEqual(sorted(os.listdir(box.home)), sorted(set(os.listdir(box.home)) & {"store"}))
                peers = {one["name"]: one for one in report["results"] if one["type"] == "peer"}
                self.assertEqual(set(peers), {"bwrap", "runc", "podman"})
                for name, one in peers.items():
                    if not shutil.which(name):
                        self.assertIn("not installed", one["reason"])
                    if not one["measured"]:
                        self.assertTrue(one["reason"])
                        continue
                    for metric in ("first_instruction_ns", "start_to_end_ns", "parallel_start_ns"):
                        self.assertGreater(one[metric]["lowest"], 0)
                    self.assertIsNone(one["prepare_ns"])
                self.assertEqual(report["recommended"], "copy")

    def test_those_that_are_not_installed_are_named(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        nothing = box.write("nothing", b"")
        for name in ("bwrap", "runc", "podman"):
            program = shutil.which(name)
            if program:  # hidden in the mount namespace of the tests
                self.assertEqual(libc.mount(nothing.encode(), program.encode(), None, MS_BIND, None), 0)
                self.addCleanup(libc.umount, program.encode())
        peers = [one for one in box.json("bench", *FEW, "--backends", "copy", "--peers")["results"] if one["type"] == "peer"]
        self.assertEqual([(one["name"], one["measured"], one["reason"]) for one in peers],
                         [(name, False, "it is not installed") for name in ("bwrap", "runc", "podman")])

    def test_one_that_fails_is_left_out_and_named(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        tools = os.path.join(box.home, "tools")
        os.mkdir(tools)
        for name, script in (("bwrap", "echo 'no \\033[2J luck' >&2; exit 3"), ("runc", "echo first x"), ("podman", "kill -9 $$")):
            path = os.path.join(tools, name)
            with open(path, "w", encoding="ascii") as file:
                file.write(f"#!/bin/sh\n{script}\n")
            os.chmod(path, 0o755)
        before = store_content(box)
        result = box.run("bench", *FEW, "--backends", "copy", "--peers", "--format", "json",
                         env={"PATH": f"{tools}:/usr/bin:/bin"})
        self.assertEqual(result.status, 0, result.errors)
        peers = {one["name"]: one for one in json.loads(result.text)["results"] if one["type"] == "peer"}
        self.assertEqual([one["measured"] for one in peers.values()], [False] * 3)
        self.assertIn("luck", peers["bwrap"]["reason"])
        self.assertIn("first x", peers["runc"]["reason"])
        self.assertIn("signal 9", peers["podman"]["reason"])
        self.assertEqual(store_content(box), before)


if __name__ == "__main__":
    main()
