"""fsck: every kind of damage is found, nothing else is called damage, and what is repaired is whole again."""
import contextlib
import glob
import json
import os
import pathlib
import random
import shutil
import sqlite3
import stat
import subprocess
import threading

import archives
import harness
from archives import Tree, config, digest, docker_archive, dump
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, skip

MTIME = archives.MTIME


def lower_layer():
    return Tree().dir("etc").file("etc/conf", "a setting\n", mode=0o640, uid=3, gid=4).dir("opt", mode=0o750, uid=5, gid=6) \
        .file("opt/gone", "hidden above").dir("opt/old").file("opt/old/x", "hidden above").file("empty", "") \
        .dir("closed", mode=0).file("closed/secret", "s3cret", mode=0).bytes()


def overwrite(path, data):
    with open(path, "r+b") as file:
        file.write(data)


def upper_layer():
    tree = Tree().dir("usr").file("usr/tool", b"\x7fELF" + bytes(range(256)) * 50, mode=0o4755, pax={
        "SCHILY.xattr.user.note": "mine"})
    tree.hardlink("usr/tool-too", "usr/tool").symlink("usr/link", "tool").file("usr/plain", "plain")
    tree.add("usr/pipe", b"6", mode=0o622)
    tree.file("opt/.wh.gone", "").dir("opt/old", mtime=MTIME + 5).file("opt/old/.wh..wh..opq", "").file("opt/new", "new")
    return tree.bytes()


def without_times(rows):
    return sorted(str({key: value for key, value in row.items() if key not in ("created", "last_used")}) for row in rows)


class Fsck(E2E):
    def store(self, user=ROOT, name="two:1"):
        box = self.box(user)
        layers = [lower_layer(), upper_layer()]
        box.archive = docker_archive([(config(layers), layers, [name])])
        box.id = box.ok("pull-tar", "-", input=box.archive).split("\t")[0][7:]
        return box

    def layer_dir(self, box, number):
        """1 is the upper layer, whose tree depends on the lower one."""
        found = glob.glob(f"{box.store}/layers/sha256/{digest([lower_layer(), upper_layer()][number])[7:]}*")
        self.assertEqual(len(found), 1)
        return found[0]

    def check(self, box, *flags, whole):
        result = box.run("fsck", "--format", "json", *flags)
        self.assertEqual(result.status, 0 if whole else 1, result.text + result.errors)
        self.assertEqual(result.errors, "")
        return json.loads(result.out)

    def found(self, box, kind, *words, flags=()):
        shown = self.check(box, *flags, whole=False)
        self.assertIn(kind, [one["kind"] for one in shown["damage"]], shown)
        said = " ".join(line for one in shown["damage"] if one["kind"] == kind for line in [one["object"], *one["what"]])
        for word in words:
            self.assertIn(word, said)
        return shown

    def test_a_sound_store_is_whole_for_everybody(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.store(user)
                for flags in ((), ("--quick",)):
                    shown = self.check(box, *flags, whole=True)
                    self.assertEqual((shown["layers"], shown["images"], shown["damage"], shown["leftovers"]), (2, 1, [], []))
                self.assertIn("nothing is damaged", box.ok("fsck"))

    def test_no_store_is_a_sound_one_and_none_is_made(self):
        box = self.box()
        self.assertIn("nothing is damaged", box.ok("fsck"))
        self.assertFalse(os.path.exists(box.store))

    # Each a kind of damage: what is done to a store, what fsck calls it, and a word that it says.
    def tree_damage(self):
        def in_place(path, change):
            """Content is changed behind the file's times."""
            s = os.stat(path)
            change(path)
            os.utime(path, ns=(s.st_atime_ns, s.st_mtime_ns))

        def append(path, text):
            with open(path, "a") as file:
                file.write(text)

        def flip(path):
            with open(path, "r+b") as file:
                file.seek(1000)
                byte = file.read(1)
                file.seek(1000)
                file.write(bytes([byte[0] ^ 4]))

        def beside(path, change):
            """A name comes or goes behind the directory's times."""
            parent = os.path.dirname(path)
            s = os.stat(parent)
            change(path)
            os.utime(parent, ns=(s.st_atime_ns, s.st_mtime_ns))

        def break_link(path):
            shutil.copy2(path, path + ".2")
            os.rename(path + ".2", path)

        def put_file(path):
            os.unlink(path)
            with open(path, "w"):
                pass
            os.utime(path, (0, 0))

        tree1 = lambda box: self.layer_dir(box, 1) + "/tree/"
        tree0 = lambda box: self.layer_dir(box, 0) + "/tree/"
        return {
            "a flipped bit": (lambda b: in_place(tree1(b) + "usr/tool", flip), "usr/tool", "another content"),
            "a file cut short": (lambda b: in_place(tree1(b) + "usr/tool", lambda p: os.truncate(p, 5000)), "usr/tool", "5000 bytes"),
            "a file grown": (lambda b: in_place(tree1(b) + "usr/plain", lambda p: append(p, "x")), "usr/plain", "6 bytes"),
            "a file emptied": (lambda b: in_place(tree0(b) + "etc/conf", lambda p: os.truncate(p, 0)), "etc/conf", "0 bytes"),
            "another mode": (lambda b: os.chmod(tree0(b) + "etc/conf", 0o644), "etc/conf", "0644"),
            "a lost setuid bit": (lambda b: os.chmod(tree1(b) + "usr/tool", 0o755), "usr/tool", "4755"),
            "a directory's mode": (lambda b: os.chmod(tree0(b) + "closed", 0o700), "closed", "0700"),
            "another time": (lambda b: os.utime(tree0(b) + "empty", (1, 1)), "empty", "was changed at 1."),
            "a directory's time": (lambda b: os.utime(tree0(b) + "etc", (1, 1)), "etc", "was changed at 1."),
            "a symlink's time": (lambda b: os.utime(tree1(b) + "usr/link", (1, 1), follow_symlinks=False), "usr/link", "was changed"),
            "another attribute": (lambda b: os.setxattr(tree1(b) + "usr/tool", "user.note", b"other"), "usr/tool", "user.note"),
            "a lost attribute": (lambda b: os.removexattr(tree1(b) + "usr/tool", "user.note"), "usr/tool", "lacks"),
            "a surplus attribute": (lambda b: os.setxattr(tree1(b) + "usr/plain", "user.x", b""), "usr/plain", "user.x"),
            "a missing file": (lambda b: beside(tree1(b) + "usr/plain", os.unlink), "usr/plain", "missing"),
            "a missing directory": (lambda b: beside(tree1(b) + "usr", shutil.rmtree), "usr", "missing"),
            "a surplus file": (lambda b: beside(tree1(b) + "usr/extra", lambda p: open(p, "w").close()), "usr/extra", "does not belong"),
            "a surplus directory": (lambda b: beside(tree0(b) + "etc/extra", os.mkdir), "etc/extra", "does not belong"),
            "a symlink elsewhere": (lambda b: beside(tree1(b) + "usr/link", lambda p: (os.unlink(p), os.symlink("tail", p))), "usr/link", "leads"),
            "another type": (lambda b: beside(tree1(b) + "usr/pipe", put_file), "usr/pipe", "a file, not a fifo"),
            "a hard link broken": (lambda b: beside(tree1(b) + "usr/tool-too", break_link), "usr/tool-too", "hard link"),
            "a lost whiteout": (lambda b: beside(tree1(b) + "opt/gone", os.unlink), "opt/gone", "missing"),
            "a whiteout that became a file": (lambda b: beside(tree1(b) + "opt/gone", put_file), "opt/gone", "not a whiteout"),
            "a lost opaque mark": (lambda b: os.removexattr(tree1(b) + "opt/old", "user.overlay.opaque"), "opt/old", "user.overlay.opaque"),
            "a surplus opaque mark": (lambda b: os.setxattr(tree1(b) + "usr", "user.overlay.opaque", b"y"), "usr", "user.overlay.opaque"),
            "an adopted directory's mode": (lambda b: os.chmod(tree1(b) + "opt", 0o755), "opt", "not 0750"),
        }

    def owner_damage(self):
        tree1 = lambda box: self.layer_dir(box, 1) + "/tree/"
        return {
            "another owner": (lambda b: os.chown(tree1(b) + "usr/plain", 7, -1), "usr/plain", "belongs to"),
            "another group": (lambda b: os.chown(tree1(b) + "usr/link", -1, 8, follow_symlinks=False), "usr/link", "belongs to"),
            "a surplus whiteout": (lambda b: os.mknod(tree1(b) + "usr/w", stat.S_IFCHR, 0), "usr/w", "whiteout"),
        }

    def layer_damage(self):
        def flip_record(box):
            path = self.layer_dir(box, 1) + "/record"
            data = bytearray(pathlib.Path(path).read_bytes())
            data[len(data) // 2] ^= 1
            pathlib.Path(path).write_bytes(data)

        def edit(box, path, old, new):
            text = pathlib.Path(path).read_text()
            self.assertIn(old, text)
            pathlib.Path(path).write_text(text.replace(old, new))

        one = lambda box, name="": os.path.join(self.layer_dir(box, 1), name)
        return {
            "a flipped bit in the record": (flip_record, "record"),
            "a record cut short": (lambda b: os.truncate(one(b, "record"), 40), "record"),
            "a lost record": (lambda b: os.unlink(one(b, "record")), "its record is missing"),
            "a lost tree": (lambda b: shutil.rmtree(one(b, "tree")), "its tree is missing"),
            "a lost descriptor": (lambda b: os.unlink(one(b, "descriptor")), "descriptor"),
            "another descriptor": (lambda b: edit(b, one(b, "descriptor"), '"entries"', '"entires"'), "descriptor"),
            "a descriptor that says else": (lambda b: edit(b, one(b, "descriptor"), '"implied":["","opt"]', '"implied":[""]'), "descriptor"),
            "something beside the tree": (lambda b: open(one(b, "other"), "w").close(), "'other'"),
            "a row without a directory": (lambda b: shutil.rmtree(one(b)), "its directory is missing"),
        }

    def swept(self, box):
        """The store is as it was when a sweep found nothing: what comes without a command was not left by one."""
        with contextlib.suppress(FileNotFoundError):  # it may be older than what has been done since
            os.unlink(box.store + "/derived/swept")
        self.eventually(lambda: box.ok("images") and os.path.exists(box.store + "/derived/swept"), "a sweep is remembered")

    def sql(self, box, text):
        db = sqlite3.connect(box.store + "/layerbox.db")
        db.execute(text)
        db.commit()
        db.close()

    def blob_damage(self):
        def change(box, how):
            path = f"{box.store}/blobs/sha256/{box.id}"
            os.chmod(path, 0o644)
            how(path)

        return {
            "a blob cut short": (lambda b: change(b, lambda p: os.truncate(p, 10)), "image", "digest"),
            "a flipped bit in a blob": (lambda b: change(b, lambda p: overwrite(p, b"[")), "image", "digest"),
            "a lost blob": (lambda b: change(b, os.unlink), "image", "No such file"),
            "a blob without a row": (lambda b: self.swept(b) or open(f"{b.store}/blobs/sha256/{'0' * 64}", "w").close(), "image", "0000"),
            "a directory without a row": (lambda b: self.swept(b) or os.mkdir(f"{b.store}/layers/sha256/{'1' * 64}"), "layer", "no row"),
            "an image's row of other layers": (lambda b: self.sql(b, "UPDATE image_layer SET position = 1 - position + 10"), "image", "other layers"),
            "an image's row of another size": (lambda b: self.sql(b, "UPDATE image SET size_bytes = 1"), "image", "its row"),
            "a layer's row of another size": (lambda b: self.sql(b, "UPDATE layer SET entries = entries + 1"), "layer", "row"),
            "a lost row of a layer": (lambda b: self.sql(b, "DELETE FROM layer WHERE serial = 1"), "database", "refers"),
            "a lost row of an image": (lambda b: self.sql(b, "DELETE FROM image"), "database", "refers"),
            "a cut database": (lambda b: os.truncate(b.store + "/layerbox.db", 9000), "database", ""),
            "a database of zeros": (lambda b: overwrite(b.store + "/layerbox.db", bytes(4096)), "database", ""),
            "a lost database": (lambda b: os.unlink(b.store + "/layerbox.db"), "database", "missing"),
            "a name that is not logged": (lambda b: open(b.store + "/names", "w").close(), "names", "two:1"),
        }

    def test_all_kinds_of_damage_are_found(self):
        kinds = 0
        for title, (do, *words) in {**self.tree_damage(), **self.owner_damage()}.items():
            with self.subTest(title):
                box = self.store()
                do(box)
                shown = self.found(box, "layer", *words)
                self.assertEqual([one["images"] for one in shown["damage"]], [["two:1"]] * len(shown["damage"]))
                if words[1] != "another content":  # that alone takes reading
                    self.found(box, "layer", words[0], flags=["--quick"])
                kinds += 1
        for title, (do, *words) in self.layer_damage().items():
            with self.subTest(title):
                box = self.store()
                do(box)
                self.found(box, "layer", *words)
                kinds += 1
        for title, (do, kind, *words) in self.blob_damage().items():
            with self.subTest(title):
                box = self.store()
                do(box)
                self.found(box, kind, *words)
                kinds += 1
        self.assertGreaterEqual(kinds, 50)

    def test_ordinary_users_find_the_same(self):
        for user in (RANGED, SINGLE):
            for title, (do, *words) in self.tree_damage().items():
                with self.subTest(f"{user.name}: {title}"):
                    if user is SINGLE and "whiteout" in title:
                        continue  # made as root below, they are the same
                    box = self.store(user)
                    do(box)
                    self.found(box, "layer", words[0])

    def test_repair_and_a_new_import_make_all_whole(self):
        everything = {**{t: d for t, (d, *_) in self.tree_damage().items()}, **{t: d for t, (d, *_) in self.layer_damage().items()},
                      **{t: d for t, (d, *_) in self.blob_damage().items()}}
        for title, do in everything.items():
            with self.subTest(title):
                box = self.store()
                box.ok("tag", "two:1", "mine:2")
                do(box)
                repaired = box.run("fsck", "--repair", "--format", "json")
                self.assertIn(repaired.status, (0, 1), repaired.errors)
                self.assertEqual(repaired.errors, "")
                self.assertIn(b'"repaired"', repaired.out)
                if repaired.status == 1:  # what is damaged is missing until it comes again
                    self.check(box, whole=False)
                    box.ok("pull-tar", "-", input=box.archive)
                self.assertEqual(self.check(box, whole=True)["damage"], [])
                self.assertEqual(sorted(box.json("images")[0]["names"]), ["mine:2", "two:1"])
                self.assertEqual(box.ok("export", "mine:2", "-o", box.home + "/out.tar"), "")

    def test_a_database_is_made_anew_with_names_and_kept_containers(self):
        box = self.box()
        box.image(archives.rootfs(), "base:1")
        box.ok("create", "--name", "web", "base:1", "echo", "served")
        box.ok("run", "--name", "kept", "base:1", "sh", "-c", "echo mine >/made")
        box.ok("commit", "kept", "derived:1")
        box.ok("tag", "derived:1", "again:3")
        box.ok("tag", "derived:1", "gone:1")
        box.ok("rmi", "gone:1")
        before = {name: box.json(*name) for name in (("images",), ("ps", "-a"), ("layers",))}
        for damage in (lambda path: os.truncate(path, 5000), os.unlink):
            damage(box.store + "/layerbox.db")
            box.fails(1, "images")
            shown = self.check(box, "--repair", whole=True)
            self.assertEqual([one["kind"] for one in shown["damage"]], ["database"])
            for name, said in before.items():
                self.assertEqual(without_times(box.json(*name)), without_times(said))
            self.assertEqual(box.ok("start", "-a", "web"), "served\n")
            self.assertEqual(box.ok("run", "again:3", "cat", "/made"), "mine\n")
            before[("ps", "-a")] = box.json("ps", "-a")
            self.assertTrue(glob.glob(box.store + "/damaged/layerbox.db.*") or damage is os.unlink)

    def test_a_kill_while_the_database_is_made_anew_loses_nothing(self):
        for point in ("before_rename", "without_one"):
            with self.subTest(point):
                box = self.store()
                before = box.json("images")
                os.truncate(box.store + "/layerbox.db", 9000)
                killed = box.run("fsck", "--repair", env={"LAYERBOX_FAULT": f"store.replace_database.{point}=kill"})
                if killed.status == 0:
                    skip(self, "faults", "the program was built without fault points")
                self.assertEqual(killed.status, -9)
                box.fails(1, "images")
                self.check(box, "--repair", whole=True)
                self.assertEqual(box.json("images"), before)
                self.check(box, whole=True)

    def test_what_the_kernel_refuses_is_no_damage(self):
        if shutil.which("strace") is None:
            skip(self, "strace", "strace is not installed")
        box = self.store()
        for error in ("ENOSPC", "EMFILE", "EIO", "EACCES"):
            command = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", box.store + "/layerbox.db", "-P", box.store + "/layerbox.db-journal",
                       "-e", f"inject=openat,pread64:error={error}", harness.place.program, "fsck", "--repair"]
            result = subprocess.run(command, env=box.environment(), capture_output=True, timeout=120)
            self.assertEqual(result.returncode, 1, error)
            self.assertIn(b"layerbox: error: ", result.stderr, error)
            self.assertFalse(os.path.exists(box.store + "/damaged"), error)
        self.check(box, whole=True)

    def test_what_the_machine_lacks_for_a_moment_is_no_damage(self):
        """Each file that fsck --repair opens, from a lost database to the new one, cannot be opened once."""
        if shutil.which("strace") is None:
            skip(self, "strace", "strace is not installed")
        template = self.store()
        template.ok("create", "--name", "idle", "two:1", "true")
        before = without_times(template.json("images"))
        for path in glob.glob(template.store + "/layerbox.db*"):
            os.unlink(path)
        failed = 0
        for number in range(1, 1000):
            box = self.box()
            shutil.rmtree(box.store, ignore_errors=True)
            subprocess.run(["cp", "-a", template.store, box.store], check=True)
            log = box.home + "/log"
            command = ["strace", "-f", "-qq", "-o", log, "-e", "trace=openat2", "-e", f"inject=openat2:error=ENOMEM:when={number}",
                       harness.place.program, "fsck", "--repair"]
            result = subprocess.run(command, env=box.environment(), capture_output=True, timeout=120)
            if "INJECTED" not in pathlib.Path(log).read_text():
                break
            self.assertNotIn(b"set apart", result.stdout, number)
            failed += result.returncode
            self.check(box, "--repair", whole=True)
            self.assertEqual(without_times(box.json("images")), before, number)
            self.assertEqual([one["name"] for one in box.json("ps", "-a")], ["idle"], number)
            self.check(box, whole=True)
            box.remove()
        self.assertGreater(failed, 20)

    def test_containers_on_damaged_layers_are_named_and_go_on(self):
        box = self.box()
        data = archives.rootfs()
        box.image(data, "base:1")
        box.ok("create", "--name", "later", "base:1", "cat", "/etc/os-release")
        running = self.await_ready(box.start("run", "-i", "--name", "now", "base:1", "sh", "-c", "echo ready; read x; cat /etc/os-release"))
        self.addCleanup(self.end, running)
        tree = glob.glob(box.store + "/layers/sha256/*/tree")[0]
        os.chmod(tree + "/bin/script", 0o700)
        damage = self.check(box, "--repair", whole=False)["damage"]
        self.assertEqual([(one["kind"], one["images"], sorted(one["containers"])) for one in damage],
                         [("layer", ["base:1"], ["later", "now"])])
        self.assertIn("set apart as damaged/", damage[0]["repaired"])
        text = box.run("fsck").text
        self.assertRegex(text, r"containers: (later, now|now, later)")
        self.assertEqual(running.communicate(b"\n")[0], b'NAME="small"\n')
        self.assertIn("pull-tar", box.fails(125, "run", "base:1", "true"))
        box.ok("pull-tar", "-", "--name", "base:1", input=data)
        self.check(box, whole=True)
        apart = os.listdir(box.store + "/damaged")
        self.assertEqual(box.json("prune")["things"], [])
        removed = [thing["path"] for thing in box.json("prune", "--all")["things"] if thing["type"] == "damaged"]
        self.assertEqual((removed, os.listdir(box.store + "/damaged")), ([f"damaged/{name}" for name in apart], []))
        self.assertEqual(box.ok("start", "-a", "later"), 'NAME="small"\n')

    def test_what_the_killed_have_left_is_no_damage(self):
        box = self.store()
        os.mkdir(box.store + "/staging/" + "a" * 32, 0o700)
        os.mkdir(f"{box.store}/layers/sha256/{'1' * 64}", 0o700)
        shown = self.check(box, whole=True)
        self.assertEqual((shown["damage"], len(shown["leftovers"])), ([], 2))
        box.ok("images")
        self.assertEqual(self.check(box, whole=True)["leftovers"], [])

    def test_repair_waits_for_nobody_who_imports(self):
        box = self.store()
        os.utime(self.layer_dir(box, 0) + "/tree/empty", (1, 1))
        importing = box.start("pull-tar", "-", "--name", "slow:1")
        self.addCleanup(self.end, importing)
        importing.stdin.write(archives.rootfs()[:100_000])
        importing.stdin.flush()
        self.eventually(lambda: os.listdir(box.store + "/staging"), "an import begins")
        self.assertIn("imports", box.fails(1, "fsck", "--repair"))
        self.assertFalse(os.path.exists(box.store + "/damaged"))

    def test_who_imports_meanwhile_damages_nothing(self):
        if shutil.which("strace") is None:
            skip(self, "strace", "strace is not installed")
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        ended = threading.Event()

        def imports():
            number = 0
            while not ended.is_set():
                number += 1
                layers = [Tree().file(f"x{number}", "x").bytes()]
                box.run("pull-tar", "-", input=docker_archive([(config(layers), layers, [f"new:{number}"])]))

        importer = threading.Thread(target=imports)
        importer.start()
        try:  # It is held up at each lock of the database, so that others get between two of its looks.
            checked = box.run("fsck", "--quick", under=("strace", "-qq", "-o", "/dev/null", "-P", box.store + "/layerbox.db",
                                                        "-e", "inject=fcntl:delay_exit=150000"), timeout=120)
        finally:
            ended.set()
            importer.join()
        self.assertEqual(checked.status, 0, checked.text + checked.errors)

    def test_damaged_layers_are_told_in_the_order_in_which_they_came(self):
        box = self.box()
        layers = [Tree().file(f"f{i}", b"%d" % i).bytes() for i in range(8)]
        box.ok("pull-tar", "-", "--name", "many", input=docker_archive([(config(layers), layers, [])]))
        damaged = [digest(layers[i])[7:] for i in (1, 2, 5, 6)]
        for key, i in zip(damaged, (1, 2, 5, 6)):
            os.unlink(f"{box.store}/layers/sha256/{key}/tree/f{i}")
        shown = self.check(box, whole=False)
        self.assertEqual([one["object"] for one in shown["damage"]], damaged)
        self.assertEqual((shown["layers"], [one["images"] for one in shown["damage"]]), (8, [["many:latest"]] * 4))

    def test_names_are_printed_without_their_control_bytes(self):
        box = self.box()
        box.image(Tree().file("a\x1b[31mb", "red").bytes(), "red:1")
        tree = glob.glob(box.store + "/layers/sha256/*/tree")[0]
        os.utime(os.path.join(tree, "a\x1b[31mb"), (1, 1))
        for flags in ((), ("--format", "json")):
            result = box.run("fsck", *flags)
            self.assertEqual(result.status, 1)
            self.assertNotIn(b"\x1b", result.out + result.err)
            self.assertIn(b"[31mb", result.out)

    def test_many_sound_stores_have_no_false_alarm(self):
        """Layers of all kinds, by chance; the seed is in the name of a failure."""
        for seed in range(int(os.environ.get("LAYERBOX_FSCK_STORES", "12"))):
            with self.subTest(seed=seed):
                chance = random.Random(seed)
                box = self.box(chance.choice(EVERYBODY))
                layers = [self.random_layer(chance) for _ in range(chance.randint(1, 4))]
                pulled = box.run("pull-tar", "-", "--quiet", input=docker_archive([(config(layers), layers, [f"r:{seed}"])]))
                if pulled.status != 0:
                    self.assertIn("symlink", pulled.errors)  # a path through one that leads nowhere
                elif chance.random() < 0.3:
                    box.ok("squash", f"r:{seed}", f"s:{seed}")
                self.assertEqual(self.check(box, whole=True)["damage"], [])
                box.remove()

    @staticmethod
    def random_layer(chance):
        tree = Tree()
        places = [""]
        names = []
        for _ in range(chance.randint(1, 40)):
            name = chance.choice(places) + chance.choice("abcdefgh")
            owner = {"uid": chance.choice([0, 0, 1, 1000]), "gid": chance.choice([0, 5]), "mtime": chance.randint(-9, 2 ** 33)}
            kind = chance.randrange(9)
            if kind < 2:
                tree.dir(name, mode=chance.choice([0o755, 0o700, 0o1777, 0]), **owner)
                places.append(name + "/")
            elif kind == 2:
                places.append(name + "/")  # never mentioned
            elif kind == 3:
                tree.symlink(name, chance.choice(["a", "../b", "/etc/x", "c/d"]), **owner)
            elif kind == 4 and names:
                pass
            elif kind == 5:
                tree.add(name, b"6", **owner)
            elif kind == 6:
                tree.add(name, b"3", major=1, minor=3, **owner)
            elif kind == 7:
                head, _, tail = name.rpartition("/")
                tree.file(f"{head}/.wh.{tail}" if head else f".wh.{tail}")
            else:
                pax = chance.choice([{}, {}, {"SCHILY.xattr.user.a": "b"}, {"SCHILY.acl.access": "user::rw-,user:7:r--,group::r--,mask::r--,other::---"},
                                     {"SCHILY.acl.access": "user::rwx,group::r-x,group:5:rw-,mask::rwx,other::r--"}])
                tree.file(name, chance.randbytes(chance.choice([0, 1, 511, 512, 70_000])),
                          mode=chance.choice([0o644, 0o4755, 0, 0o600]), pax=pax, **owner)
                names.append(name)
        return tree.bytes()


if __name__ == "__main__":
    main()
