"""Round trips with podman, skopeo and umoci: they load what layerbox saves, layerbox loads what they save, and
trees, DiffIDs and image ids are the same on both sides."""
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile

import archives
from harness import E2E, main, skip

# A layer with all that layers can say: what it removes, replaces, adds, links, and to whom it belongs.
CHANGES = """
rm /etc/group; rm -rf /var/lib/old; mkdir /var/lib/old; echo new > /var/lib/old/new
mkdir -p /srv/a; echo x > /srv/a/one; ln /srv/a/one /srv/a/two; ln -s one /srv/a/link; mkfifo /srv/pipe
chown 12:34 /srv/a/one; chmod 4751 /srv/a/one; rm /bin/id; mkdir /bin/id; touch -d 2001-02-03 /srv/a
printf 'name with \\n newline' > "$(printf '/srv/strange \\n name')"
"""


class Podman:
    """podman with a storage of its own, that mounts nothing."""

    def __init__(self, test):
        if shutil.which("podman") is None:
            skip(test, "podman", "it is not installed")
        directory = tempfile.mkdtemp(prefix="lb-")  # it takes 50 characters at most
        test.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.base = ["podman", "--root", directory + "/root", "--runroot", directory + "/run", "--tmpdir", directory + "/tmp",
                     "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]

    def __call__(self, *words, input=None):
        result = subprocess.run([*self.base, *words], input=input, capture_output=True, check=False)
        if result.returncode != 0:
            raise AssertionError(f"podman {words}: {result.stderr.decode()}")
        return result.stdout.decode().strip()


def listing(tar_bytes):
    """What a flat tar holds, so that two of them can be compared whoever wrote them."""
    entries = {}
    with tarfile.open(fileobj=io.BytesIO(tar_bytes)) as tar:
        first_name = {}
        for member in tar:
            name = os.path.normpath("/" + member.name).lstrip("/") or "."
            if member.islnk():
                target = os.path.normpath("/" + member.linkname).lstrip("/")
                first_name[name] = first_name.get(target, target)
                entries[name] = ("link", first_name[name])
                continue
            data = tar.extractfile(member).read() if member.isreg() else b""
            # A layer does not tell the time of its top: whoever unpacks has his own.
            time = 0 if name == "." else int(member.mtime)
            entries[name] = (member.type, member.mode, member.uid, member.gid, time, member.linkname, data, member.devmajor,
                             member.devminor)
    return entries


def tree_of(path):
    """The same of a directory, by GNU tar."""
    return listing(subprocess.run(["tar", "-C", path, "--numeric-owner", "--sort=name", "-c", "."], check=True,
                                  capture_output=True).stdout)


class RoundTrips(E2E):
    def made(self):
        """A box whose image `made` has a layer of a container's changes above one that was imported."""
        box = self.box()
        box.image(archives.rootfs(), "base")
        box.ok("run", "--name", "one", "base", "sh", "-c", "mkdir -p /var/lib/old; echo old > /var/lib/old/file")
        box.ok("commit", "one", "middle")
        box.ok("run", "--name", "two", "middle", "sh", "-c", CHANGES)
        box.ok("commit", "-c", 'CMD ["cat", "/srv/a/link"]', "-c", "ENV WHO=me", "two", "made:1")
        return box

    def facts(self, box, name):
        image, = box.json("inspect", name)
        return image["id"], [layer["diff_id"] for layer in image["layers"]]

    def saved(self, box, kind, name):
        path = os.path.join(box.home, name)
        box.ok("save", "--type", kind, "-o", path, "made:1")
        return path

    def assert_same_tree(self, box, path):
        ours = listing(box.run("export", "made:1").out)
        theirs = tree_of(path)
        self.assertEqual(set(ours), set(theirs))
        # Of several names of one file another one may be the first.
        for name in ours:
            if "link" not in (ours[name][0], theirs[name][0]):
                self.assertEqual(ours[name], theirs[name], name)

    def test_podman_loads_and_saves(self):
        box = self.made()
        podman = Podman(self)
        identity, diff_ids = self.facts(box, "made:1")
        for kind in ("docker-archive", "oci"):
            with self.subTest(kind):
                podman("load", "-q", "-i", self.saved(box, kind, kind + ".tar"))
                image, = json.loads(podman("inspect", identity[7:]))
                self.assertEqual("sha256:" + image["Id"], identity)
                self.assertEqual(image["RootFS"]["Layers"], diff_ids)
                self.assertIn("WHO=me", image["Config"]["Env"])
                mounted = podman("image", "mount", identity[7:])
                self.assert_same_tree(box, mounted)
                podman("image", "unmount", identity[7:])
                for form in ("docker-archive", "oci-archive", "oci-dir"):
                    path = os.path.join(box.home, f"back-{kind}-{form}")
                    podman("save", "-q", "--format", form, "-o", path, identity[7:])
                    other = self.box()
                    other.ok("pull-tar", path, "--name", "back")
                    back, back_ids = self.facts(other, "back")
                    self.assertEqual(back_ids, diff_ids)
                    if form == kind or kind == "oci":
                        self.assertEqual(back, identity, form)
                    self.assertEqual(other.run("export", "back").out, box.run("export", "made:1").out)
                    self.assertEqual(other.ok("run", "back"), "x\n")
                podman("rmi", "-f", identity[7:])

    def test_what_podman_commits(self):
        box = self.made()
        podman = Podman(self)
        podman("load", "-q", "-i", self.saved(box, "oci", "made.tar"))
        identity, diff_ids = self.facts(box, "made:1")
        container = podman("create", identity[7:], "true")
        root = podman("mount", container)
        shutil.rmtree(root + "/srv/a")
        os.mkdir(root + "/srv/a")
        with open(root + "/srv/a/other", "w", encoding="utf-8") as file:
            file.write("other")
        os.remove(root + "/etc/passwd")
        expected = tree_of(root)
        podman("umount", container)
        theirs = podman("commit", "-q", container, "localhost/theirs:1")
        path = os.path.join(box.home, "theirs.tar")
        podman("save", "-q", "--format", "oci-archive", "-o", path, theirs)
        box.ok("pull-tar", path, "--name", "theirs")
        back, back_ids = self.facts(box, "theirs")
        self.assertEqual(back, "sha256:" + theirs)
        self.assertEqual(back_ids[:-1], diff_ids)
        ours = listing(box.run("export", "theirs").out)
        self.assertEqual(set(ours), set(expected))
        self.assertEqual(box.ok("run", "theirs", "ls", "/srv/a"), "other\n")
        self.assertIn("D /etc/passwd\n", box.ok("diff", "made:1", "theirs"))

    def test_skopeo_copies(self):
        if shutil.which("skopeo") is None:
            skip(self, "skopeo", "it is not installed")
        box = self.made()
        identity, diff_ids = self.facts(box, "made:1")
        oci, docker = self.saved(box, "oci", "oci.tar"), self.saved(box, "docker-archive", "docker.tar")
        copies = {"oci:oci": f"oci-archive:{oci}:made:1", "oci-archive:oci.back": f"oci-archive:{oci}:made:1",
                  "docker-archive:docker.back": f"docker-archive:{docker}:made:1",
                  "docker-archive:mixed.back": f"oci-archive:{oci}:made:1", "oci:mixed": f"docker-archive:{docker}:made:1"}
        for to, source in copies.items():
            with self.subTest(f"{source} to {to}"):
                transport, name = to.split(":")
                path = os.path.join(box.home, name)
                subprocess.run(["skopeo", "copy", "-q", "--insecure-policy", source, f"{transport}:{path}:made:1"],
                               check=True, capture_output=True)
                other = self.box()
                other.ok("pull-tar", path, "--name", "back")
                back, back_ids = self.facts(other, "back")
                self.assertEqual(back_ids, diff_ids)
                if source.split("-")[0] == transport.split("-")[0]:
                    self.assertEqual(back, identity)
                self.assertEqual(other.run("export", "back").out, box.run("export", "made:1").out)

    def test_umoci_unpacks_and_repacks(self):
        for tool in ("skopeo", "umoci"):
            if shutil.which(tool) is None:
                skip(self, tool, "it is not installed")
        box = self.made()
        identity, diff_ids = self.facts(box, "made:1")
        layout = os.path.join(box.home, "layout")
        os.mkdir(layout)
        subprocess.run(["tar", "-C", layout, "-xf", self.saved(box, "oci", "made.tar")], check=True)
        with open(layout + "/index.json", encoding="utf-8") as file:
            tag = json.load(file)["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
        bundle = os.path.join(box.home, "bundle")
        subprocess.run(["umoci", "unpack", "--image", f"{layout}:{tag}", bundle], check=True, capture_output=True)
        self.assert_same_tree(box, bundle + "/rootfs")
        with open(bundle + "/rootfs/srv/a/more", "w", encoding="utf-8") as file:
            file.write("more")
        os.remove(bundle + "/rootfs/etc/passwd")
        expected = tree_of(bundle + "/rootfs")
        subprocess.run(["umoci", "repack", "--image", layout + ":theirs", bundle], check=True, capture_output=True)
        other = self.box()
        other.ok("pull-tar", layout, "--select", "theirs", "--name", "theirs")
        _, back_ids = self.facts(other, "theirs")
        self.assertEqual(back_ids[:-1], diff_ids)
        ours = listing(other.run("export", "theirs").out)
        self.assertEqual({name: entry for name, entry in ours.items() if entry[0] != "link"}.keys() - expected.keys(), set())
        self.assertEqual(set(ours), set(expected))
        other.ok("pull-tar", layout, "--select", tag, "--name", "back")
        self.assertEqual(self.facts(other, "back"), (identity, diff_ids))


if __name__ == "__main__":
    main()
