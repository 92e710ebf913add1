"""Every backend on every file system: the same semantics inside, the same diff, export and commit outside.

What is held to is found out: the file systems that this machine mounts, and on each the backends that `layerbox info` says
work there. The program that runs inside is semantics/; what it may say against a backend is in deviations.py.
"""
import hashlib
import io
import re
import tarfile

import conformance_image
import file_systems
from deviations import deviations_of, exports_what_lies_on_disk, may_deviate, moves_times
from harness import EVERYBODY, ROOT, SINGLE, E2E, main, skip

# Whatever a backend may do its own way: over what is of the image, merged, linked, sparse, and over what is new.
ACTIONS = """
set -e; cd /fixtures
echo more >> rename/file; rm unlink/dir/a; rm -r chmod/dir; rm -r map/many; mkdir map/many; echo n > map/many/new
ln link/file link/second; echo x >> link/second; rm open/pair2
chmod 600 chown/file; chmod 4711 chown/other; mv rename/file rename/dir/moved; mv lock/link lock/link2
mkdir -p /new/a/b; echo b > /new/a/b/c; ln /new/a/b/c /new/c; mkfifo /new/fifo; ln -s ../c /new/a/s
mv /new/a /new/z; dd if=/dev/zero of=/new/zeroes bs=4096 count=3 2>/dev/null; truncate -s 1M /new/sparse
printf end >> holes/sparse; truncate -s 600k copying/sparse; cat /bin/semantics > /new/program; chmod 755 /new/program
rm identity/fifo; mkdir identity/fifo; rm -r identity/empty; echo f > identity/empty; echo > open/noted
touch -d @1500000000 limits/file; cp symlink/file symlink/copy; rm inotify/suid; cp -p /fixtures/link/suid inotify/suid
cat truncate/file >> truncate/file2; : > truncate/other; rmdir truncate/empty; mkdir truncate/empty
find /fixtures /new -newer /etc/passwd -exec touch -h -d @1700000000 {} +
touch -d @1700000000 /
"""


class Conformance(E2E):
    # What the first container gave; exports of what lies on disk are one for each user.
    first, first_on_disk = None, {}

    def hold_all_to_it(self, below=None):
        for user in EVERYBODY:
            box = self.box(user, below)
            box.ok("pull-tar", "-", input=conformance_image.archive())
            info = box.json("info")
            for backend in info["backends"]:
                name, file_system = backend["name"], info["store"]["file_system"]
                if name == "fuse-overlayfs" and not (below and file_system == "ext4"):
                    continue  # the program answers, not the file system below: one is enough
                with self.subTest(user=user.name, backend=name, file_system=file_system):
                    if not backend["works"]:
                        self.refuses(box, backend, file_system)
                    self.hold_to_semantics(box, name, file_system)
                    self.hold_to_outcome(box, name)

    def refuses(self, box, backend, file_system):
        """Ends the test. A backend that bears a file system's name is for that one alone."""
        error = box.fails(125, "run", "--backend", backend["name"], "conformance:1", "true")
        self.assertIn(backend["reason"] or "no reason", error)
        if backend["name"] in file_systems.KINDS and backend["name"] != file_system:
            self.skipTest(f"{backend['name']} on {file_system}: {backend['reason']}")
        skip(self, "fuse" if backend["name"] == "fuse-overlayfs" else backend["name"], backend["reason"])

    def hold_to_semantics(self, box, backend, file_system):
        result = box.run("run", "--backend", backend, "conformance:1", "/bin/semantics")
        self.assertEqual((result.status, result.text[-6:], result.errors), (0, "\ndone\n", ""), result.text[-2000:])
        said = {"ok": [], "FAIL": {}, "without": []}
        for line in result.text.splitlines()[:-1]:
            verdict, name, got = re.fullmatch(r"(ok|FAIL|without) ([^:]*)(.*)", line).groups()
            if verdict == "FAIL":
                said[verdict][name] = got
            else:
                said[verdict].append(name)
        passed, failed, without = set(said["ok"]), said["FAIL"], said["without"]
        self.assertEqual(len(passed) + len(failed), result.text.count("\n") - 1 - len(without), "a name for two checks")
        expected = [f"{origin}/{group}" for origin in ("image", "own") for group, needs in conformance_image.groups()
                    if "needs_ids" in needs and box.user is SINGLE]
        self.assertEqual(sorted(without), sorted(expected))
        self.assert_both_origins(passed | set(failed))
        known = {name for name in deviations_of(backend, file_system) if name.rsplit("/", 1)[0] not in without}
        possible = known | may_deviate(backend)
        self.assertEqual({name: got for name, got in failed.items() if name not in possible}, {}, "not a known deviation")
        self.assertEqual(known - set(failed), set(), "a known deviation that did not occur")

    def assert_both_origins(self, names):
        """Each check was made of what comes from the image and of what is made here."""
        of_image, of_own = ({name.split("/", 1)[1] for name in names if name.startswith(origin)} for origin in ("image/", "own/"))
        self.assertEqual(of_image, of_own)
        self.assertGreater(len(of_image), 300)

    def hold_to_outcome(self, box, backend):
        box.ok("run", "--backend", backend, "--name", backend, "conformance:1", "sh", "-c", ACTIONS)
        changes = box.ok("diff", "--format", "json", backend)
        archive = box.run("export", backend)
        self.assertEqual(archive.status, 0, archive.errors)
        box.ok("commit", backend, "made:" + backend)
        layer = box.json("inspect", "made:" + backend)[0]["config"]["rootfs"]["diff_ids"][-1]
        if Conformance.first is None:
            self.assertFalse(exports_what_lies_on_disk(backend, box.user is ROOT))
            Conformance.first = (changes, layer, archive.out)
        self.assertEqual(changes, self.first[0])
        if moves_times(backend):
            self.assertNotEqual(layer, self.first[1], "a known deviation that did not occur")
            self.assertEqual(contents(archive.out), contents(self.first[2]))
            return self.assertEqual(box.ok("diff", backend, "made:" + backend), "")
        self.assertEqual(layer, self.first[1])
        wanted = self.first[2]
        if exports_what_lies_on_disk(backend, box.user is ROOT):
            self.assertFalse(archive.out == wanted, "a known deviation that did not occur")
            wanted = self.first_on_disk.setdefault(box.user.name, archive.out)
        if archive.out != wanted:
            self.assertEqual(members(archive.out), members(wanted))
            self.assertEqual(digest_of(archive.out), digest_of(wanted))
        self.assertEqual(box.ok("diff", backend, "made:" + backend), "")

    def test_on_the_machines_own_file_system(self):
        self.hold_all_to_it()

    def test_on_ext4(self):
        self.hold_all_to_it(file_systems.mounted(self, "ext4"))

    def test_on_xfs(self):
        self.hold_all_to_it(file_systems.mounted(self, "xfs"))

    def test_on_btrfs(self):
        self.hold_all_to_it(file_systems.mounted(self, "btrfs"))


def digest_of(archive):
    return hashlib.sha256(archive).hexdigest()


def members(archive):
    """What a tar says of each name, for reading differences."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [(one.name, one.type, oct(one.mode), one.uid, one.gid, one.size, one.mtime, one.linkname, one.pax_headers)
                for one in tar]


def contents(archive):
    """The same, and what files hold, but for the times of directories and symlinks."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [(one.name, one.type, one.mode, one.uid, one.gid, one.linkname, one.isdir() or one.issym() or one.mtime,
                 {key: value for key, value in one.pax_headers.items() if key != "mtime"},
                 one.isreg() and digest_of(tar.extractfile(one).read())) for one in tar]


if __name__ == "__main__":
    main()
