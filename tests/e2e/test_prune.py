"""prune: what goes, what stays, what that frees; beside others, and where there is no room left."""
import errno
import json
import os
import shutil
import signal
import subprocess
import threading

import archives
import file_systems
import harness
from archives import Tree, config, docker_archive
from harness import EVERYBODY, RANGED, ROOT, E2E, main, store_content

MIB = 1 << 20
# What a command may write for itself meanwhile.
NOT_PRUNED = ("layerbox.db", "events", "swept")
DAY = 86_400


def noise(size):
    return os.urandom(size)


def blob_of(box, image):
    return os.path.join(box.store, "blobs/sha256", image.removeprefix("sha256:"))


def set_last_use(box, image, days_ago):
    then = os.stat(box.store).st_mtime - days_ago * DAY
    os.utime(blob_of(box, image), (then, then))


def disk_bytes(top, leave=()):
    """What du(1) would say, without the names in `leave`."""
    total, seen = os.lstat(top).st_blocks * 512, set()
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            status = os.lstat(os.path.join(directory, name))
            if not name.startswith(tuple(leave) or ("\0",)) and status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_blocks * 512
    return total


def fill(box):
    """Takes all room that there is on a file system for its user: what ext4 keeps for root is no room for others."""
    os.seteuid(box.user.uid)
    try:
        with open(os.path.join(box.home, "filler"), "ab") as file:
            for size in (64 * MIB, MIB, 64 << 10, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
    finally:
        os.seteuid(0)


class PruneTest(E2E):
    def one_layer(self, box, name, size=MIB, base=None):
        """An image of `base` and one layer that nothing else has."""
        layers = ([base] if base else []) + [Tree().file("own", noise(size)).bytes()]
        line = box.ok("pull-tar", "-", input=docker_archive([(config(layers, Env=[f"N={name}"]), layers, [name])]))
        return line.split("\t")[0]

    def runnable(self, box, name):
        layers = [archives.rootfs(), Tree().file("own", noise(4096)).bytes()]
        return box.ok("pull-tar", "-", input=docker_archive([(config(layers), layers, [name])])).split("\t")[0]

    def names(self, box):
        return sorted(name for image in box.json("images") for name in image["names"])

    def ids(self, box):
        return {image["id"] for image in box.json("images")}


class Prune(PruneTest):
    def test_without_options_what_nothing_uses_goes_and_du_foretold_it(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                base = Tree().file("base", noise(2 * MIB)).dir("closed", mode=0).file("closed/x", noise(MIB), mode=0).bytes()
                first = self.one_layer(box, "app:1", base=base)
                second = self.one_layer(box, "app:1", base=base)
                other = self.one_layer(box, "other:1")
                foretold = box.json("du")["prune_frees_bytes"]
                self.assertGreaterEqual(foretold, MIB)
                self.assertLess(foretold, 2 * MIB, "the base is shared with an image that stays")
                before = store_content(box)
                dry = box.json("prune", "--dry-run")
                self.assertEqual(store_content(box), before)
                self.assertEqual((dry["dry_run"], dry["freed_bytes"]), (True, foretold))
                self.assertIn("would free: ", box.ok("prune", "-n"))
                self.assertEqual(store_content(box), before)

                taken = disk_bytes(box.store, leave=NOT_PRUNED)
                done = box.json("prune")
                self.assertEqual(done, {**dry, "dry_run": False})
                self.assertEqual([image["id"] for image in done["images"]], [first])
                self.assertEqual(sorted(thing["type"] for thing in done["things"]), ["config", "layer"])
                self.assertEqual(taken - disk_bytes(box.store, leave=NOT_PRUNED), foretold)
                self.assertEqual(self.ids(box), {second, other})
                shown = box.json("du")
                self.assertEqual((shown["prune_frees_bytes"], shown["leftover_bytes"]), (0, 0))
                self.assertEqual(box.ok("prune"), "freed: 0 B\n")

    def test_without_a_store_there_is_nothing_and_none_is_made(self):
        box = self.box()
        self.assertEqual(box.json("prune", "--all")["freed_bytes"], 0)
        self.assertFalse(os.path.exists(box.store))

    def test_lines_and_events_are_those_of_rmi(self):
        box = self.box()
        image = self.one_layer(box, "app:1")
        box.ok("tag", "app:1", "app:2")
        lines = box.ok("prune", "--all").splitlines()
        self.assertEqual(lines[:3], ["untagged: app:1", "untagged: app:2", f"deleted: {image}"])
        self.assertRegex("\n".join(lines[3:]), r"\Adeleted: layers/sha256/[0-9a-f]{64}\nfreed: 1\.\d+ MB\Z")
        told = [(event["action"], event["name"]) for event in box.json("events", "--no-stream") if event["action"] != "pull"]
        self.assertEqual(told, [("tag", "app:2"), ("untag", "app:1"), ("untag", "app:2"), ("remove", "app:1")])

    def test_wrong_words(self):
        box = self.box()
        for words in (("--older-than", "long"), ("--keep-size", "much"), ("--older-than", ""), ("image",)):
            box.fails(2, "prune", *words)

    def test_a_kept_container_holds_its_image(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                image = self.runnable(box, "demo:1")
                box.ok("create", "--name", "keeper", "demo:1", "cat", "/etc/os-release")
                self.runnable(box, "demo:1")
                self.assertEqual(box.json("du")["prune_frees_bytes"], 0)
                for words in ((), ("--all",), ("--all", "--older-than", "0s")):
                    box.ok("prune", *words)
                    self.assertIn(image, self.ids(box))
                self.assertIn("small", box.ok("start", "--attach", "keeper"))
                box.ok("rm", "keeper")
                self.assertEqual([gone["id"] for gone in box.json("prune")["images"]], [image])

    def test_a_running_container_goes_on(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                image = self.runnable(box, "demo:1")
                process = self.await_ready(box.start("run", "-i", "demo:1", "sh", "-c",
                                                     "echo ready; read x; sha256sum /own; cat /etc/group"))
                self.addCleanup(self.end, process)
                self.one_layer(box, "idle:1")
                done = box.json("prune", "--all", "--keep-size", "1000g")
                self.assertEqual(done["images"], [])
                done = box.json("prune", "--all")
                self.assertEqual([gone["names"] for gone in done["images"]], [["idle:1"]])
                out, err = process.communicate(b"\n", timeout=60)
                self.assertEqual((process.returncode, err), (0, b""))
                self.assertIn(b"/own", out)
                self.assertEqual([gone["id"] for gone in box.json("prune", "--all")["images"]], [image])

    def test_what_killed_ones_left_goes(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                self.runnable(box, "demo:1")
                process = self.await_ready(box.start("run", "-i", "demo:1", "sh", "-c",
                                                     f"dd if=/dev/zero of=/big bs=1M count=2; echo ready; cat"))
                process.send_signal(signal.SIGKILL)
                process.communicate()
                os.mkdir(os.path.join(box.store, "trash/x"))
                container, = os.listdir(os.path.join(box.store, "containers"))
                # The kernel ends the container with its layerbox, and the lease with both.
                shown = self.eventually(lambda: [one for one in [box.json("du")] if one["prune_frees_bytes"] > 2 * MIB],
                                        "the container is given up")[0]
                text = box.ok("prune", "--dry-run")
                self.assertIn(f"deleted: containers/{container}\n", text)
                self.assertIn("deleted: trash/x\n", text)
                self.assertTrue(os.path.exists(os.path.join(box.store, "containers", container)))
                done = box.json("prune")
                self.assertEqual(done["freed_bytes"], shown["prune_frees_bytes"])
                self.assertEqual({thing["type"] for thing in done["things"]}, {"container", "leftover"})
                self.assertEqual(os.listdir(os.path.join(box.store, "containers")), [])

    def test_a_container_whose_state_is_damaged_holds_what_it_may_hold(self):
        box = self.box()
        self.runnable(box, "demo:1")
        box.ok("create", "--name", "keeper", "demo:1", "true")
        container, = os.listdir(os.path.join(box.store, "containers"))
        with open(os.path.join(box.store, "containers", container, "lease"), "r+b") as file:
            file.write(b"garbage")
        os.mkdir(os.path.join(box.store, "trash/x"))
        result = box.run("prune", "--all")
        self.assertEqual(result.status, 1)
        self.assert_proper_error(result)
        self.assertIn(container[:12], result.errors)
        self.assertIn("deleted: trash/x\nfreed: ", result.text, "what went is told all the same")
        self.assertEqual(self.names(box), ["demo:1"])

    def test_no_name_reaches_the_terminal_raw(self):
        box = self.box()
        self.one_layer(box, "app:1")
        for place in ("staging", "trash", "derived/\x1b[31mred", "layers/sha256", "blobs/sha256"):
            os.makedirs(os.path.join(box.store, place, "\x1b[2J\n" if "derived" not in place else "0" * 64))
        for words in (("--dry-run",), ()):
            result = box.run("prune", *words)
            self.assertEqual(result.status, 0, result.errors)
            self.assertNotIn(b"\x1b", result.out + result.err)
            self.assertEqual(result.text.count("deleted: "), 5, result.text)
        self.assertEqual(self.names(box), ["app:1"])


class LastUse(PruneTest):
    def last_used(self, box, name):
        return next(image["last_used"] for image in box.json("images") if name in image["names"])

    def test_what_counts_as_a_use(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                data = archives.rootfs()
                image = box.image(data, "demo:1")
                set_last_use(box, image, 3)
                old = self.last_used(box, "demo:1")
                for looking in (("run", "--dry-run", "demo:1", "true"), ("inspect", "demo:1"), ("history", "demo:1"), ("du",)):
                    box.ok(*looking)
                    self.assertEqual(self.last_used(box, "demo:1"), old, looking)
                for use in (("run", "demo:1", "true"), ("create", "--name", "kept", "demo:1", "touch", "/x"),
                            ("start", "--attach", "kept"), ("commit", "kept", "made:1"), ("squash", "demo:1", "small:1"),
                            ("save", "-o", "demo.tar", "demo:1"), ("pull-tar", "-", "--name", "demo:1")):
                    set_last_use(box, image, 3)
                    box.ok(*use, input=data if use[0] == "pull-tar" else b"")
                    self.assertGreater(self.last_used(box, "demo:1"), old, use)

    def test_older_than_leaves_what_was_used_since(self):
        box = self.box()
        ids = {name: self.runnable(box, name) for name in ("old:1", "older:1", "new:1")}
        for name, days in (("old:1", 8), ("older:1", 9), ("new:1", 6)):
            set_last_use(box, ids[name], days)
        nameless = self.one_layer(box, "moved:1")
        self.one_layer(box, "moved:1")
        box.ok("run", "older:1", "true")
        self.assertEqual(box.json("prune", "--older-than", "7d")["images"], [])
        gone = box.json("prune", "--all", "--older-than", "7d")["images"]
        self.assertEqual([image["names"] for image in gone], [["old:1"]])
        set_last_use(box, nameless, 8)
        self.assertEqual([image["id"] for image in box.json("prune", "--older-than", "7d")["images"]], [nameless])
        self.assertEqual(self.names(box), ["moved:1", "new:1", "older:1"])

    def test_keep_size_takes_the_least_recently_used_first(self):
        for user in (ROOT, RANGED):
            with self.subTest(user.name):
                box = self.box(user)
                ids = {name: self.runnable(box, name) for name in ("a:1", "b:1")}
                for name in ("c:1", "d:1"):
                    ids[name] = self.one_layer(box, name, 2 * MIB)
                for days, name in enumerate(("d:1", "c:1", "b:1", "a:1"), 1):
                    set_last_use(box, ids[name], days)
                layers = sum(layer["disk_bytes"] for layer in box.json("du")["layers"])
                self.assertEqual(box.json("prune", "--keep-size", str(layers))["images"], [])
                box.ok("run", "a:1", "true")  # the oldest until then
                done = box.json("prune", "--keep-size", str(layers - 1))
                self.assertEqual([image["names"] for image in done["images"]], [["b:1"]])
                layers = done["layers_left_bytes"]
                self.assertEqual(sum(layer["disk_bytes"] for layer in box.json("du")["layers"]), layers)
                done = box.json("prune", "--keep-size", str(layers - 3 * MIB))
                self.assertEqual([image["names"] for image in done["images"]], [["c:1"], ["d:1"]])
                self.assertEqual(self.names(box), ["a:1"])

    def test_a_size_that_cannot_be_reached_is_said(self):
        box = self.box()
        self.runnable(box, "used:1")
        box.ok("create", "--name", "keeper", "used:1", "true")
        self.one_layer(box, "idle:1")
        for words in (("--dry-run",), ()):
            result = box.run("prune", "--keep-size", "1k", *words)
            self.assertEqual(result.status, 1)
            self.assert_proper_error(result)
            self.assertIn("in use", result.errors)
            self.assertIn("untagged: idle:1\n", result.text)
        self.assertEqual(self.names(box), ["used:1"])
        left = json.loads(box.run("prune", "--keep-size", "0", "--format", "json").text)["layers_left_bytes"]
        self.assertEqual(left, box.json("du", "used:1")["total_bytes"])
        result = box.run("prune", "--keep-size", "0", "--older-than", "1d")
        self.assertIn("or were not long ago", result.errors)


class Derived(PruneTest):
    def derived(self, box):
        top = os.path.join(box.store, "derived/btrfs")
        return [name for name in os.listdir(top) if len(name) == 64] if os.path.isdir(top) else []

    def test_what_can_be_made_again_goes_with_all_unless_it_is_in_use(self):
        box = self.box(below=file_systems.mounted(self, "btrfs"))
        self.runnable(box, "demo:1")
        self.assertEqual(box.ok("run", "--backend", "btrfs", "demo:1", "echo", "x"), "x\n")
        self.assertEqual(len(self.derived(box)), 1)
        box.ok("prune")
        self.assertEqual(len(self.derived(box)), 1, "its image stays")
        box.ok("create", "--name", "keeper", "--backend", "btrfs", "demo:1", "cat", "/etc/os-release")
        box.ok("prune", "--all")
        self.assertEqual(len(self.derived(box)), 1, "a container may have it")
        box.ok("rm", "keeper")
        box.ok("create", "--name", "keeper", "--backend", "copy", "demo:1", "cat", "/etc/os-release")
        box.ok("prune", "--all", "--older-than", "1d")
        self.assertEqual(len(self.derived(box)), 1, "its image was used since")
        done = box.json("prune", "--all")
        self.assertEqual(([thing["type"] for thing in done["things"]], done["images"]), (["derived"], []))
        self.assertGreater(done["freed_bytes"], 0)
        self.assertEqual(self.derived(box), [])
        self.assertIn("small", box.ok("start", "--attach", "keeper"))
        self.assertEqual(box.ok("run", "--backend", "btrfs", "demo:1", "echo", "x"), "x\n")

    def test_it_goes_with_its_image_and_du_foretells_it(self):
        box = self.box(below=file_systems.mounted(self, "btrfs-strict"))
        self.runnable(box, "demo:1")
        box.ok("run", "--backend", "btrfs", "demo:1", "true")
        self.runnable(box, "demo:1")
        foretold = box.json("du")["prune_frees_bytes"]
        done = box.json("prune")
        self.assertEqual(({thing["type"] for thing in done["things"]}, done["freed_bytes"]),
                         ({"layer", "config", "derived"}, foretold))
        self.assertEqual(self.derived(box), [])


class BesideOthers(PruneTest):
    def test_an_import_that_is_half_done(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                self.one_layer(box, "idle:1", 2 * MIB)
                archive = docker_archive([(config([archives.rootfs()]), [archives.rootfs()], ["slow:1"])])
                process = box.start("pull-tar", "-", "--type", "docker-archive")
                self.addCleanup(self.end, process)
                process.stdin.write(archive[:len(archive) // 2])
                process.stdin.flush()
                self.eventually(lambda: os.listdir(os.path.join(box.store, "staging")), "the import begins")
                done = box.json("prune", "--all")
                self.assertEqual([image["names"] for image in done["images"]], [["idle:1"]])
                self.assertEqual(done["freed_bytes"], 0, "somebody may count on files that he saw")
                out, err = process.communicate(archive[len(archive) // 2:], timeout=60)
                self.assertEqual((process.returncode, out.endswith(b"\tslow:1\n")), (0, True), err)
                self.assertGreaterEqual(box.json("prune")["freed_bytes"], 2 * MIB)
                self.assertEqual(box.ok("run", "slow:1", "echo", "x"), "x\n")

    def test_starts_and_imports_while_everything_is_pruned_again_and_again(self):
        box = self.box()
        data = archives.rootfs()
        over = threading.Event()
        wrong = []

        def prune():
            while not over.is_set():
                result = box.run("prune", "--all")
                if result.status != 0:
                    wrong.append(f"prune: {result.status} {result.text} {result.errors}")

        def start():
            for _ in range(25):
                result = box.run("pull-tar", "-", "--name", "demo", input=data)
                if result.status != 0:
                    wrong.append(f"pull-tar: {result.status} {result.errors}")
                result = box.run("run", "demo", "sh", "-c", "cat /etc/os-release; sleep 0.05; cat /etc/group")
                whole = result.status == 0 and b"small" in result.out and b"wheel" in result.out
                if not whole and "'demo' is not in the store" not in result.errors and "no image" not in result.errors:
                    wrong.append(f"run: {result.status} {result.text} {result.errors}")

        pruner = threading.Thread(target=prune)
        starters = [threading.Thread(target=start) for _ in range(2)]
        for thread in [pruner, *starters]:
            thread.start()
        for thread in starters:
            thread.join()
        over.set()
        pruner.join()
        self.assertEqual(wrong, [])
        box.ok("prune", "--all")
        self.assertEqual(store_content(box), [])


class Usage(PruneTest):
    def test_du_says_what_the_file_system_says(self):
        top = file_systems.mounted(self, "ext4")
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user, below=top)

                def used():
                    os.sync()
                    status = os.statvfs(top)
                    return (status.f_blocks - status.f_bfree) * status.f_frsize

                before = used()
                self.runnable(box, "demo:1")
                for i in range(20):
                    self.one_layer(box, f"app:{i}", 10_000 * i)
                for _ in range(2):
                    self.one_layer(box, "app:1", MIB)
                box.ok("run", "--name", "writer", "-v", "cache:/c", "demo:1", "sh", "-c",
                       "dd if=/dev/zero of=/x bs=1k count=700; dd if=/dev/zero of=/c/hole bs=1M count=0 seek=64;"
                       "mkdir -p /c/a/b/c; ln /c/hole /c/link")
                for step in ((), ("--all",)):
                    done = box.json("prune", *step)
                    self.assertGreater(done["freed_bytes"], MIB)
                    box.json("du")  # the database's log is there from now on
                    total = box.json("du")["total_bytes"]
                    said = subprocess.run(["du", "--summarize", "--block-size=1", box.store], check=True,
                                          capture_output=True, text=True).stdout
                    self.assertEqual(total, int(said.split()[0]), "what du(1) says")
                    # What was just freed the kernel may count a moment later.
                    self.eventually(lambda: used() - before == total, f"statfs(2) says {total}", timeout=10)


class FullDisk(PruneTest):
    def small(self, kind):
        if kind != "tmpfs":
            return file_systems.mounted(self, kind)
        if harness.place.users_error:
            harness.skip(self, "root", harness.place.users_error)
        top = os.path.join(harness.place.path, "small")
        os.mkdir(top)
        self.addCleanup(os.rmdir, top)
        file_systems.run("mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs", top)
        self.addCleanup(file_systems.run, "umount", top)
        return top

    def look(self, box):
        """Who only looks does so without room; who makes something does it or says why not, and is never killed."""
        for words in (("images",), ("inspect", "other:1"), ("ps", "-a"), ("du",), ("du", "other:1"), ("prune", "--dry-run"), ("layers",), ("info",)):
            box.ok(*words)
        for words, undo in ((("fsck",), ()), (("history", "other:1"), ()), (("run", "demo:1", "true"), ()), (("pull-tar", "../small.tar", "--name", "more:1"), ("rmi", "more:1")),
                            (("tag", "other:1", "more:1"), ("rmi", "more:1")), (("create", "--name", "more", "demo:1", "true"), ("rm", "more"))):
            result = box.run(*words)
            if result.status == 0:
                box.ok(*undo or ("ps",))
            else:
                self.assertEqual(result.status, 125 if words[0] in ("run", "create") else 1, (words, result.errors))
                self.assert_proper_error(result)

    def test_no_command_maps_what_lies_in_a_store(self):
        """A write to a map of a file that has no room is SIGBUS."""
        if shutil.which("strace") is None:
            harness.skip(self, "strace", "strace is not installed")
        box = self.box()
        box.write("app.tar", archives.rootfs())
        said = os.path.join(box.home, "calls")
        for words in (("pull-tar", "app.tar", "--name", "app:1"), ("images",), ("run", "app:1", "true"), ("create", "--name", "kept", "app:1", "true"),
                      ("start", "kept"), ("ps", "-a"), ("du",), ("fsck",), ("rm", "kept"), ("rmi", "app:1"), ("prune", "--all")):
            command = ["strace", "-f", "-qq", "-y", "-e", "trace=mmap,ftruncate,pread64", "-o", said, harness.place.program, *words]
            done = subprocess.run(command, cwd=box.home, env=box.environment(), capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(said, encoding="utf-8", errors="replace") as file:
                calls = file.read()
            maps = [line for line in calls.splitlines() if "mmap(" in line and box.store in line and "MAP_SHARED" in line]
            self.assertEqual(maps, [], words)
        self.assertIn(box.store + "/layerbox.db>", calls, "strace says whose file it is")

    def without_room(self, kind):
        top = self.small(kind)
        with open(os.path.join(top, "small.tar"), "wb") as file:
            file.write(archives.rootfs())
        for user in EVERYBODY:
            box = self.box(user, below=top)
            with self.subTest(f"{kind}, {user.name}"):
                self.runnable(box, "demo:1")
                box.ok("create", "--name", "keeper", "demo:1", "true")
                for i in range(3):
                    self.one_layer(box, "app:1", 4 * MIB)
                other = self.one_layer(box, "other:1", 4 * MIB)
                fill(box)
                self.look(box)
                fill(box)
                done = box.json("prune")
                self.assertEqual((len(done["images"]), len(done["things"])), (2, 4))
                self.assertGreaterEqual(done["freed_bytes"], 8 * MIB)
                fill(box)
                self.assertIn(f"deleted: {other}\n", box.ok("rmi", "other:1"))
                fill(box)
                self.assertEqual(box.ok("rm", "keeper"), "keeper\n")
                fill(box)
                self.assertEqual(sorted(image["names"] for image in box.json("prune", "--all")["images"]), [["app:1"], ["demo:1"]])
                os.unlink(os.path.join(box.home, "filler"))
                self.runnable(box, "demo:1")
                self.assertEqual(box.ok("run", "demo:1", "echo", "x"), "x\n")
                self.assertEqual(os.stat(os.path.join(box.store, "reserve")).st_blocks * 512, MIB)
            box.remove()

    def test_a_full_ext4(self):
        self.without_room("ext4")

    def test_a_full_xfs(self):
        self.without_room("xfs")

    def test_a_full_btrfs(self):
        self.without_room("btrfs")

    def test_a_full_tmpfs(self):
        self.without_room("tmpfs")

    def test_many_images_on_a_full_disk(self):
        """Each row that goes takes room in the database's log: files must go between."""
        top = self.small("tmpfs")
        box = self.box(below=top)
        for i in range(60):
            self.one_layer(box, f"app:{i}", 20_000)
        fill(box)
        self.assertEqual(len(box.json("prune", "--all")["images"]), 60)
        self.assertEqual(self.ids(box), set())

    def test_without_a_reserve_the_trash_makes_the_room(self):
        top = self.small("tmpfs")
        box = self.box(below=top)
        self.one_layer(box, "app:1")
        os.unlink(os.path.join(box.store, "reserve"))
        with open(os.path.join(box.store, "trash/x"), "wb") as file:
            file.write(noise(2 * MIB))
        fill(box)
        self.assertEqual([image["names"] for image in box.json("prune", "--all")["images"]], [["app:1"]])

    def test_without_anything_to_let_go_of_it_says_so(self):
        top = self.small("tmpfs")
        box = self.box(below=top)
        self.one_layer(box, "app:1")
        os.unlink(os.path.join(box.store, "reserve"))
        os.unlink(os.path.join(box.store, "layerbox.db-journal"))  # of what is committed; its room would be enough
        fill(box)
        self.assertIn("No space left on device", box.fails(1, "prune", "--all"))
        os.unlink(os.path.join(box.home, "filler"))
        self.assertEqual(self.names(box), ["app:1"])
        self.assertEqual(os.stat(os.path.join(box.store, "reserve")).st_blocks * 512, MIB)


if __name__ == "__main__":
    main()
