"""The ground under the end-to-end tests: users, stores, and the built program.

A test asks for a `Box`: one user with one store of his own in a temporary directory.

    box = self.box(ROOT)
    image = box.ok("pull-tar", archive, "--name", "demo")
    self.assertEqual(box.ok("run", "demo", "echo", "hello"), "hello\\n")

Nothing here knows how layerbox works inside; ../shared/cli.md of the project (docs/commands.md) is all
that is relied on. The program is taken from $LAYERBOX_PROGRAM, else from --program.

The whole test process lives in a mount namespace of its own, with private /etc/passwd, /etc/subuid and
/etc/subgid, in which uid 54321 has a range of subordinate ids and uid 54322 has none.
"""
import ctypes
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
DEFAULT_TIMEOUT = 120  # seconds until a command counts as hung

libc = ctypes.CDLL(None, use_errno=True)


@dataclasses.dataclass(frozen=True)
class User:
    name: str
    uid: int
    capability: str  # what LAYERBOX_TESTS_MUST_RUN calls it


ROOT = User("root", 0, "root")
RANGED = User("ordinary user with a subuid range", 54321, "rootless")
SINGLE = User("ordinary user with one id", 54322, "rootless")
EVERYBODY = (ROOT, RANGED, SINGLE)

PASSWD = "root:x:0:0:root:/root:/bin/sh\nranged:x:54321:54321::/nonexistent:/bin/sh\nsingle:x:54322:54322::/nonexistent:/bin/sh\n"
RANGES = "ranged:900000:65536\n"


def must_run(capability):
    return capability in os.environ.get("LAYERBOX_TESTS_MUST_RUN", "").split(",")


def skip(test, capability, reason):
    """Ends a test with a reason that came from an attempt; a failure when the capability is asked for."""
    if must_run(capability):
        test.fail(f"{capability}: {reason}")
    test.skipTest(f"{capability}: {reason}")


class Place:
    """The temporary directory of a test process and what is shared by its tests."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="layerbox-e2e-")
        os.chmod(self.path, 0o755)
        self.users_error = self._private_users()
        if not self.users_error:
            self._share_fuse()
        self.program = self._program()

    def _program(self):
        given = os.environ.get("LAYERBOX_PROGRAM") or Place.program_argument
        if not given:
            sys.exit("e2e: say which program with --program or $LAYERBOX_PROGRAM")
        # A copy that every user can reach, wherever the build lies.
        copied = os.path.join(self.path, "layerbox")
        shutil.copy(given, copied)
        os.chmod(copied, 0o755)
        return copied

    program_argument = None

    def _private_users(self):
        """Other users are only there for root; says why not for anybody else."""
        if os.geteuid() != 0:
            return "the tests do not run as root"
        if libc.unshare(CLONE_NEWNS) != 0:
            return "unshare: " + os.strerror(ctypes.get_errno())
        if libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
            return "making mounts private: " + os.strerror(ctypes.get_errno())
        for name, text in (("passwd", PASSWD), ("subuid", RANGES), ("subgid", RANGES)):
            mine = os.path.join(self.path, name)
            target = "/etc/" + name
            pathlib.Path(mine).write_text(text)
            if not os.path.exists(target):
                return f"{target} is not there"
            if libc.mount(mine.encode(), target.encode(), None, MS_BIND, None) != 0:
                return f"binding {target}: " + os.strerror(ctypes.get_errno())
        return ""

    def _share_fuse(self):
        """/dev/fuse for every user, as udev makes it; there may be no udev. On failure the tests that need it say why."""
        device = "/dev/fuse"
        if not os.path.exists(device) or os.stat(device).st_mode & 0o006 == 0o006:
            return
        mine = os.path.join(self.path, "dev")
        os.mkdir(mine)
        libc.mount(b"tmpfs", mine.encode(), b"tmpfs", 0, b"mode=0755")
        os.mknod(mine + "/fuse", stat.S_IFCHR | 0o666, os.stat(device).st_rdev)
        os.chmod(mine + "/fuse", 0o666)
        libc.mount((mine + "/fuse").encode(), device.encode(), None, MS_BIND, None)
        libc.umount2(mine.encode(), 2)  # MNT_DETACH; the bind stays

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


place = None


@dataclasses.dataclass
class Result:
    status: int
    out: bytes
    err: bytes

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def errors(self):
        return self.err.decode("utf-8", "replace")


class Box:
    """One user, his home and his store."""

    def __init__(self, test, user, home):
        self.test, self.user, self.home = test, user, home
        self.store = os.path.join(home, "store")

    def environment(self, **more):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": self.home,
               "LAYERBOX_ROOT": self.store, "TERM": "dumb", "LANG": "C.UTF-8"}
        env.update({name: value for name, value in os.environ.items()
                    if name in ("ASAN_OPTIONS", "TSAN_OPTIONS") or name.startswith("LAYERBOX_FAULT_")})
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def start(self, *args, env=None, under=(), **popen):
        """Popen of the program as this user, started by the command `under`; standard streams are pipes unless said otherwise."""
        if os.geteuid() == 0 and self.user.uid != 0:
            popen.update(user=self.user.uid, group=self.user.uid, extra_groups=[])
        for stream in ("stdin", "stdout", "stderr"):
            popen.setdefault(stream, subprocess.PIPE)
        return subprocess.Popen([*under, place.program, *map(os.fspath, args)], cwd=popen.pop("cwd", self.home),
                                env=self.environment(**(env or {})), **popen)

    def run(self, *args, input=b"", env=None, timeout=DEFAULT_TIMEOUT, **popen):
        process = self.start(*args, env=env, **popen)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.test.fail(f"layerbox {args} did not end in {timeout} s\nstdout: {out!r}\nstderr: {err!r}")
        return Result(process.returncode, out or b"", err or b"")

    def ok(self, *args, **more):
        """Runs what must succeed; returns its standard output as text."""
        result = self.run(*args, **more)
        self.test.assertEqual(result.status, 0, f"layerbox {args}\nstdout: {result.text}\nstderr: {result.errors}")
        return result.text

    def fails(self, status, *args, **more):
        """Runs what must fail with `status` and one proper error; returns the error's text."""
        result = self.run(*args, **more)
        self.test.assertEqual(result.status, status,
                              f"layerbox {args}\nstdout: {result.text}\nstderr: {result.errors}")
        self.test.assert_proper_error(result)
        return result.errors

    def write(self, name, data):
        """A file in the user's home that he can read."""
        path = os.path.join(self.home, name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o644)
        return path

    def image(self, data, name="demo", *flags):
        """Imports `data` from standard input; returns the image's id."""
        line = self.ok("pull-tar", "-", "--name", name, *flags, input=data)
        self.test.assertRegex(line, r"\Asha256:[0-9a-f]{64}\t[^\t\n]+\n\Z")
        return line.split("\t")[0]

    def json(self, *args, **more):
        return json.loads(self.ok(*args, "--format", "json", **more))

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)
        if os.path.exists(self.home):  # directories without permissions, for who is not root
            subprocess.run(["chmod", "-R", "u+rwx", self.home], check=False)
            shutil.rmtree(self.home, ignore_errors=True)


class E2E(unittest.TestCase):
    maxDiff = 4000

    def box(self, user=ROOT, below=None):
        """`below`: a directory to make his home in, in place of the test process's own."""
        if user.uid != os.geteuid() and place.users_error:
            skip(self, user.capability, place.users_error)
        home = tempfile.mkdtemp(prefix="home-", dir=below or place.path)
        os.chmod(home, 0o755)
        if os.geteuid() == 0:
            os.chown(home, user.uid, user.uid)
        box = Box(self, user, home)
        self.addCleanup(box.remove)
        return box

    def each_with_image(self, data):
        """A box of every user with the image `demo`; no mount may be left when the caller is done with it."""
        for user in EVERYBODY:
            box = self.box(user)
            box.image(data, "demo")
            with self.subTest(user.name):
                before = mounts()
                yield box
                self.assertEqual(mounts(), before)

    def assert_proper_error(self, result):
        """cli.md: one line `layerbox: error: …`, then at most a `hint: …`; never half a result."""
        lines = result.errors.splitlines()
        errors = [line for line in lines if line.startswith("layerbox: error: ")]
        self.assertEqual(len(errors), 1, result.errors)
        after = lines[lines.index(errors[0]) + 1:]
        self.assertLessEqual(len(after), 1, result.errors)
        for line in after:
            self.assertTrue(line.startswith("hint: "), result.errors)
        self.assertNotIn("terminate called", result.errors)
        self.assertNotRegex(result.errors, r"[\x00-\x08\x0b-\x1f]")

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def await_ready(self, process):
        """The same process, when its command has written "ready"; a failure when it wrote something else."""
        line = process.stdout.readline()
        if line != b"ready\n":
            process.kill()
            self.fail(f"{line!r} {process.stderr.read()!r}")
        return process

    def eventually(self, condition, what, timeout=60):
        """Waits for a condition that must come true; the limit only ends a hopeless wait."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.01)
        self.fail(f"{what}: not within {timeout} s")


def fingerprint(top):
    """Everything that can be said about a tree, for comparing it before and after."""
    lines = []
    for directory, directories, files in os.walk(os.fsencode(top)):
        directories.sort()
        for name in sorted(directories + files):
            path = os.path.join(directory, name)
            s = os.lstat(path)
            content = b""
            if stat.S_ISLNK(s.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(s.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            lines.append((path, s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns if not stat.S_ISDIR(s.st_mode) else 0,
                          hash(content)))
    return lines


def store_content(box):
    """What a store holds beyond the files that every command may touch."""
    names = []
    for part in ("blobs/sha256", "layers/sha256", "containers", "staging", "trash"):
        path = os.path.join(box.store, part)
        if os.path.isdir(path):
            names += [f"{part}/{name}" for name in sorted(os.listdir(path))]
    return names


def mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text()


def processes_of(text):
    """Pids whose command line holds `text`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            line = pathlib.Path("/proc", entry, "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in line:
            found.append(int(entry))
    return found


def main():
    global place
    arguments = sys.argv[1:]
    if "--program" in arguments:
        at = arguments.index("--program")
        Place.program_argument = arguments[at + 1]
        del arguments[at:at + 2]
    sys.modules["harness"].place = place = Place()
    try:
        runner = unittest.main(module="__main__", argv=[sys.argv[0], *arguments], exit=False, verbosity=2)
    finally:
        place.remove()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    result = runner.result
    print(f"e2e: {result.testsRun} tests, {len(result.failures) + len(result.errors)} failed, "
          f"{len(result.skipped)} skipped", flush=True)
    sys.exit(0 if result.wasSuccessful() else 1)
