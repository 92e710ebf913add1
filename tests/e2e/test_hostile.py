"""Hostile archives, by the hundred, for every kind of user and on every backend: none gets out, none brings layerbox down, none
leaves anything, none takes more than 10 s or 256 MiB.

$LAYERBOX_HOSTILE says how many (see hostile_archives.py), or names one. $LAYERBOX_HOSTILE_CORPORA is a directory of archives that
others have collected, which are tried as well.
"""
import collections
import functools
import io
import os
import re
import shutil
import stat
import subprocess
import tarfile
import threading
import traceback

import archives
import file_systems
import harness
import hostile_archives
from archives import Tree, config, docker_archive
from harness import EVERYBODY, ROOT, E2E, main, mounts, must_run, processes_of, store_content
from hostile_archives import SENTINEL

ASKED = os.environ.get("LAYERBOX_HOSTILE", "150")
CORPORA = os.environ.get("LAYERBOX_HOSTILE_CORPORA")
IS_LONG = "LAYERBOX_HOSTILE" in os.environ
SECRET = "what-the-host-keeps-to-itself"
BATCH = 25
MOST_KIB = 256 << 10
MOST_MS = 10_000  # of the processor: others are at work on this machine, too
MOST_UNPACKED = "1g"  # there are collected ones with 8 GiB of zeros, and three users share a file system
HANGS = harness.DEFAULT_TIMEOUT
BACKENDS = {"overlay": "overlay", "copy": "root", "btrfs": "btrfs", "fuse-overlayfs": "fuse"}  # and what must run
PRINT = (("history", "--no-trunc"), ("tree", "--no-browse", "--depth", "0", "--top", "100"), ("diff", "there-before"), ("du",), ("inspect",))
EXPORTED = 32 << 20  # bytes; larger images are not exported
# Newlines and tabs are layerbox's own; C1 is what a terminal takes for escape sequences of one character.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def control_in(*outputs):
    """The first control character of what was printed, or nothing."""
    for output in outputs:
        found = CONTROLS.search(output.decode("utf-8", "surrogateescape"))
        if found:
            return f"{found.group()!r} was printed: {output[:2000]!r}"
    return None


@functools.cache
def program():
    """hostile.c, in a directory that a container may have as a volume."""
    directory = os.path.join(harness.place.path, "look")
    os.mkdir(directory)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile.c")
    path = os.path.join(directory, "hostile")
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-static", "-O1", "-s", "-Wall", "-Wextra", "-Werror", "-o", path, source], check=True)
    return path


@functools.cache
def is_sanitized():
    with open(harness.place.program, "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def walked(top):
    """All that can be said about a tree, the times of directories included."""
    found = []
    for directory, directories, files in os.walk(top):
        for name in [".", *sorted(directories), *sorted(files)]:
            path = os.path.join(directory, name)
            s = os.lstat(path)
            content = os.readlink(path) if stat.S_ISLNK(s.st_mode) else ""
            if stat.S_ISREG(s.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            found.append((path, s.st_ino, s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_nlink, s.st_mtime_ns, s.st_ctime_ns, content, *os.listxattr(path, follow_symlinks=False)))
    return found


def lines_but(paths, listing):
    """Of what hostile.c tells, the lines of all but these and what is below them."""
    def is_one(line):
        path = line.split(b" ")[6 if line[:1].isdigit() else -1]
        return any(path == one or path.startswith(one + b"/") for one in paths)
    return {line for line in listing.splitlines() if not is_one(line)}


class Trial:
    """One user's store on a file system of all backends, and what it was like before."""

    def __init__(self, test, user, top):
        self.test, self.user, self.top = test, user, top
        self.box = None
        self.problems, self.counts, self.worst = [], collections.Counter(), collections.Counter()
        self.slowest, self.largest = "", ""
        self.new_box()
        facts = {fact["name"]: fact for fact in self.box.json("info")["backends"]}
        self.backends = [name for name in BACKENDS if facts[name]["works"]]
        for name in set(BACKENDS) - set(self.backends):
            if must_run(BACKENDS[name]):
                test.fail(f"{name}: {facts[name]['reason']}")
            print(f"without {name} for {user.name}: {facts[name]['reason']}", flush=True)

    def new_box(self):
        if self.box:
            self.box.remove()
        self.box = self.test.box(self.user, self.top)
        # It belongs to who could be made to write to it.
        self.canary = os.path.join(self.box.home, "canary")
        os.makedirs(self.canary + "/in")
        for name in ("file", "in/file"):
            with open(os.path.join(self.canary, name), "w", encoding="ascii") as file:
                file.write(SECRET)
        os.symlink("in/file", self.canary + "/link")
        for directory, directories, files in os.walk(self.canary):
            for name in [".", *directories, *files]:
                os.chown(os.path.join(directory, name), self.user.uid, self.user.uid, follow_symlinks=False)
        self.box.image(archives.rootfs(), "there-before")
        self.before = self.surroundings()
        self.store_before = self.store()

    def surroundings(self):
        """What is outside of the store and might be written to."""
        places = ("/", "/tmp", "/etc", harness.place.path, self.top, self.box.home, self.box.store, self.box.store + "/staging", self.box.store + "/layers/sha256")
        return [*walked(self.canary), *sorted(set(os.listdir(self.box.home)) - {"incoming"}), *[p for p in places if os.path.lexists(os.path.join(p, SENTINEL))]]

    def store(self):
        """What the store holds, and what backends have derived of it."""
        derived = self.box.store + "/derived/btrfs"
        chains = [name for name in os.listdir(derived) if len(name) == 64] if os.path.isdir(derived) else []
        return store_content(self.box) + chains

    def problem(self, what, *vectors):
        """Told at once, as there may be many more archives."""
        text = f"{self.user.name}: {', '.join(vector.name for vector in vectors)}: {what}"
        print(text, flush=True)
        self.problems.append(text)

    def incoming(self, made):
        """The source as a path: a file, or a directory where it says what lies in it."""
        path = os.path.join(self.box.home, "incoming")
        shutil.rmtree(path, ignore_errors=True)
        if os.path.lexists(path):
            os.remove(path)
        if not isinstance(made, dict):
            return self.box.write("incoming", made)
        for name, data in made.items():
            at = os.path.join(path, name)
            os.makedirs(os.path.dirname(at), exist_ok=True)
            if isinstance(data, str):
                os.symlink(data, at)
            else:
                with open(at, "wb") as file:
                    file.write(data)
        return path

    def pull(self, vector, number):
        """The ids of what was imported."""
        made = vector.source()
        by_name = isinstance(made, dict) or number % 2 == 0
        source, given = (self.incoming(made), b"") if by_name else ("-", made)
        listens, tells = os.pipe()
        before = self.store()
        process = self.box.start("pull-tar", "--max-bytes", MOST_UNPACKED, source, under=(program(), "measure", str(tells), str(HANGS)), pass_fds=[tells])
        os.close(tells)
        out, err = process.communicate(given)
        with os.fdopen(listens) as report:
            said = report.read().split()
        self.judge(vector, harness.Result(int(said[1]), out, err), said)
        if said[:2] != ["exit", "0"]:
            self.counts["refused"] += 1
            if self.store() != before:
                self.problem(f"it was refused, and what the store has is otherwise in {set(self.store()) ^ set(before)}", vector)
            return []
        self.counts["taken"] += 1
        return [line.split("\t")[0] for line in out.decode().splitlines()]

    def judge(self, vector, result, said):
        how, kib, cpu, wall = said[0], *map(int, said[2:])
        if how != "exit" or result.status not in (0, 1):
            self.problem(f"pull-tar ended by {said}: {result.errors}", vector)
        elif result.status == 1:
            try:
                self.test.assert_proper_error(result)
            except AssertionError as error:
                self.problem(f"no proper error: {error}", vector)
        if re.search("Sanitizer|runtime error|terminate called|Assertion|basic_string|std::|killed by", result.errors):
            self.problem(result.errors, vector)
        if control := control_in(result.out, result.err):
            self.problem(control, vector)
        if not is_sanitized() and (kib > MOST_KIB or cpu > MOST_MS):
            self.problem(f"{kib} KiB, {cpu} ms of the processor, {wall} ms", vector)
        if wall > self.worst["ms"]:
            self.worst["ms"], self.slowest = wall, vector.name
        if kib > self.worst["KiB"]:
            self.worst["KiB"], self.largest = kib, vector.name
        if self.surroundings() != self.before:
            self.problem(f"what is outside of the store is otherwise in {set(self.surroundings()) ^ set(self.before)}", vector)
            self.before = self.surroundings()

    def look(self, vector, image, number):
        """From inside, on the backends, which show the same; by one of the commands that print; and as it is exported."""
        seen = {}
        for name in self.backends if IS_LONG else [self.backends[number % len(self.backends)]]:
            result = self.box.run("run", "--backend", name, "--entrypoint", "", "-u", "0", "-w", "/", "-v", os.path.dirname(program()) + ":/look:ro", image,
                                  "/look/hostile", "look", SECRET, timeout=HANGS)
            if result.status in (125, 126) and not result.out:  # /proc is a symlink; an environment that execve(2) does not take
                self.counts[f"not started on {name}"] += 1
                seen[name] = b"refused: " + result.err
                try:
                    self.test.assert_proper_error(result)
                except AssertionError as error:
                    self.problem(f"on {name}: {error}", vector)
            elif result.status != 0 or not result.out.endswith(b"looked\n") or b"ESCAPE" in result.out:
                self.problem(f"on {name}: {result.status} {result.out[-2000:]!r} {result.errors}", vector)
            else:
                self.counts[f"seen on {name}"] += 1
                seen[name] = result.out
            if control := control_in(result.out, result.err):
                self.problem(f"on {name}: {control}", vector)
        first = next(iter(seen), None)
        # overlayfs looks into a directory as who mounted it, which for one of nobody's of mode 0 is nobody.
        shut = [line[5:] for line in seen.get("overlay", b"").splitlines() if line.startswith(b"shut ")]
        for name, listing in seen.items():
            if seen[first].startswith(b"refused: ") and listing.startswith(b"refused: "):
                continue
            lines, wanted = lines_but(shut, listing), lines_but(shut, seen[first])
            # fuse-overlayfs 1.10 lists no names of a directory in which one stands over a lower tree's symlink to itself.
            if name == "fuse-overlayfs" and lines < wanted:
                self.counts[f"less seen on {name}"] += 1
            elif lines != wanted:
                self.problem(f"{name} and {first} differ in {sorted(lines ^ wanted)[:9]}", vector)
        self.listed(PRINT[number % len(PRINT)] + (image,), vector)
        self.export(vector, image)

    def listed(self, words, *vectors):
        """What lists names can, and prints none as it is."""
        result = self.box.run(*words, timeout=HANGS)
        if control := result.status != 0 or control_in(result.out, result.err):
            self.problem(f"{words}: {result.status} {control} {result.errors}", *vectors)

    def export(self, vector, image):
        if self.sizes[image] > EXPORTED:
            return
        result = self.box.run("export", image, timeout=HANGS)
        if result.status != 0:
            return self.problem(f"export: {result.status} {result.errors}", vector)
        with tarfile.open(fileobj=io.BytesIO(result.out)) as tar:
            bad = [member.name for member in tar if member.name.startswith("/") or ".." in member.name.split("/")]
        if bad or SECRET.encode() in result.out or control_in(result.err):
            self.problem(f"export: {bad} {result.errors}", vector)
        return None

    def batch(self, vectors, first):
        """Imports all, looks at all, removes all: then everything is as it was before."""
        known, already = {}, len(self.problems)
        for number, vector in enumerate(vectors, first):
            for image in self.pull(vector, number):
                known.setdefault(image, (vector, number))
        self.sizes = {entry["id"]: entry["size_bytes"] for entry in self.box.json("images")}
        checked = self.box.run("fsck", "--format", "json", timeout=HANGS)
        if checked.status != 0 or control_in(checked.out, checked.err):
            self.problem(f"fsck: {checked.text} {checked.errors}", *vectors)
        for words in (("images",), ("layers",), ("events", "--no-stream")):
            self.listed(words, *vectors)
        for image, (vector, number) in known.items():
            self.look(vector, image, number)
        if known:
            self.box.ok("rmi", "--force", *known)
        if self.store() != self.store_before or self.surroundings() != self.before:
            self.problem(f"not as before, but otherwise in {set(self.store()) ^ set(self.store_before)} {set(self.surroundings()) ^ set(self.before)}", *vectors)
        if len(self.problems) > already:
            self.new_box()

    def run(self, vectors):
        for first in range(0, len(vectors), BATCH):
            part, already = vectors[first:first + BATCH], len(self.problems)
            try:
                self.batch(part, first)
            except AssertionError as error:
                self.problem(error, *part)
                self.new_box()
            if len(self.problems) > already and len(part) > 1:  # who was it?
                for number, vector in enumerate(part, first):
                    try:
                        self.batch([vector], number)
                    except AssertionError as error:
                        self.problem(str(error), vector)
                        self.new_box()
        if processes_of(self.box.home):
            self.problem("processes are left")
        seen = sum(count for what, count in self.counts.items() if what.startswith("seen"))
        if len(vectors) > 100 and seen < self.counts["taken"] / 2:
            self.problem(f"no more than {seen} containers were seen of {self.counts['taken']} images")
        print(f"{len(vectors)} hostile archives, {self.user.name}: {dict(self.counts)}; at most {self.worst['ms']} ms ({self.slowest}), "
              f"{self.worst['KiB'] / 1024:.0f} MiB ({self.largest})", flush=True)


class Hostile(E2E):
    def vectors(self, canary):
        if not ASKED.isdecimal():
            return [hostile_archives.one(ASKED, canary)]
        return hostile_archives.vectors(int(ASKED), canary)

    def test_nothing_gets_out_nor_stays(self):
        top = file_systems.mounted(self, "btrfs-large")
        program()
        before = mounts()
        trials = [Trial(self, user, top) for user in EVERYBODY]

        def work(trial):
            try:
                vectors = self.vectors(trial.canary.encode())
                trial.run(vectors + (hostile_archives.corpora(CORPORA) if CORPORA else []))
            except Exception as error:  # pylint: disable=broad-exception-caught
                trial.problem("".join(traceback.format_exception(error)))
        threads = [threading.Thread(target=work, args=[trial]) for trial in trials]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([problem for trial in trials for problem in trial.problems], [])
        self.assertEqual(mounts(), before)

    def test_what_is_in_an_image_is_never_printed_raw(self):
        """By no command that names files, settings, or what a container made."""
        evil = "\x1b[2J\x1b]0;title\x07\x9b31m\n\r\x7f"
        raw = evil.encode().replace(b"\n", b"") + b"\xff"
        tree = archives.rootfs()[:-1024].rstrip(b"\0")
        rest = [hostile_archives.folder(b"d" + raw), hostile_archives.file(b"d" + raw + b"/f" + raw), hostile_archives.symlink(b"l" + raw, raw),
                hostile_archives.file(b"bin/" + raw, b"#!/" + raw + b"\n", mode=0o755)]
        layers = [hostile_archives.padded(tree) + hostile_archives.layer(*rest), Tree().file("other", "x").bytes(), hostile_archives.layer(hostile_archives.file(b"d" + raw + b"/f" + raw, b"again"))]
        settings = {"Env": [f"E={evil}"], "Cmd": [f"/bin/{evil}"], "Labels": {f"k{evil}": evil}}
        document = {**config(layers, **settings), "author": evil, "comment": evil,
                    "history": [{"created_by": evil, "comment": evil, "author": evil, "created": "2024-01-02T03:04:05Z"}] * 3}
        for user in EVERYBODY:
            box = self.box(user)
            box.image(docker_archive([(document, layers, [])]), "evil")
            box.image(archives.rootfs(), "plain")
            box.ok("create", "--name", "kept", "evil")
            box.ok("run", "--name", "made", "-l", f"l{evil}={evil}", "evil", "sh", "-c", 'rm -r d*; mkdir "$1"; echo x > "$1/$1"', "sh", evil)
            for words in (["images"], ["inspect", "evil", "kept"], ["history", "--no-trunc", "evil"], ["history", "evil"], ["layers"], ["ps", "-a"], ["ps", "-a", "--no-trunc"],
                          ["diff", "plain", "evil"], ["diff", "evil", "plain"], ["diff", "made"], ["tree", "--no-browse", "--depth", "9", "evil"], ["tree", "made"], ["du"], ["du", "evil"],
                          ["du", "made"], ["fsck"], ["events", "--no-stream"], ["run", "evil"], ["start", "-a", "kept"], ["run", "evil", f"/bin/{evil}"], ["run", "evil", evil],
                          ["run", "-w", evil, "evil", "true"], ["run", "-u", evil, "evil", "true"], ["run", "--dry-run", "evil"], ["cp", f"made:/{evil}/nothing{evil}", "/tmp"],
                          ["cp", f"made:/{evil}", os.path.join(box.home, "nowhere", evil)], ["save", "-o", os.path.join(box.home, evil), "evil"], ["export", "-o", os.path.join(box.home, evil), "evil"],
                          ["commit", "made", evil], ["tag", "evil", evil], ["inspect", evil], ["pull-tar", os.path.join(box.home, evil)], ["squash", "evil", "one"], ["commit", "made", "two"], ["prune"],
                          ["rmi", "-f", "evil"]):
                result = box.run(*words)
                with self.subTest(user=user.name, words=words):
                    self.assertIsNone(control_in(result.out, result.err), result.status)
                for formed in (["--format", "json"],) if words[0] in ("images", "inspect", "history", "layers", "ps", "diff", "tree", "du", "fsck", "events") else ():
                    result = box.run(words[0], *formed, *words[1:])
                    with self.subTest(user=user.name, words=words + formed):
                        self.assertIsNone(control_in(result.out, result.err), result.status)


if __name__ == "__main__":
    main()
