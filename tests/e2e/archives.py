"""Archives as people have them: rootfs tars, docker-archives, OCI layouts; sound and broken.

All are made by Python's standard library, so that no reader of layerbox is tested by a writer of its own.
"""
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import subprocess
import tarfile

MTIME = 1_600_000_000
APPLETS = ("sh ls cat echo true false id env pwd hostname sleep kill ps mkdir rm touch stat head tail wc grep "
           "tty stty test readlink mount umount chown chmod ln cp mv date seq printf dd sync mknod mkfifo find "
           "sort tr xargs nc ip ifconfig uname whoami df sha256sum cut od").split()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Tree:
    """A layer's tar, entry by entry, in the order of the calls."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, kind=tarfile.REGTYPE, data=b"", mode=None, uid=0, gid=0, linkname="", mtime=MTIME,
            major=0, minor=0, pax=None):
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname, info.mtime = kind, len(data), linkname, mtime
        info.mode = mode if mode is not None else (0o755 if kind == tarfile.DIRTYPE else 0o644)
        info.uid, info.gid, info.devmajor, info.devminor = uid, gid, major, minor
        info.pax_headers = pax or {}
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def dir(self, name, **more):
        return self.add(name, tarfile.DIRTYPE, **more)

    def file(self, name, data=b"", **more):
        return self.add(name, tarfile.REGTYPE, data.encode() if isinstance(data, str) else data, **more)

    def symlink(self, name, target, **more):
        return self.add(name, tarfile.SYMTYPE, linkname=target, mode=0o777, **more)

    def hardlink(self, name, target, **more):
        return self.add(name, tarfile.LNKTYPE, linkname=target, **more)

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def busybox():
    path = shutil.which("busybox", path="/bin:/usr/bin")
    if path is None:
        raise RuntimeError("busybox-static is not installed")
    with open(path, "rb") as file:
        return file.read()


def rootfs(extra=None):
    """A small system around busybox, as one layer."""
    tree = Tree()
    for name in ("bin", "etc", "proc", "sys", "dev", "home", "usr", "usr/bin", "var", "mnt"):
        tree.dir(name)
    tree.dir("root", mode=0o700).dir("tmp", mode=0o1777)
    tree.file("bin/busybox", busybox(), mode=0o755)
    for applet in APPLETS:
        tree.symlink("bin/" + applet, "busybox")
    tree.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
                            "daemon:x:1:1::/:/bin/false\n")
    tree.file("etc/group", "root:x:0:\nalice:x:1000:\nwheel:x:10:alice\ndaemon:x:1:\n")
    tree.dir("home/alice", uid=1000, gid=1000, mode=0o750)
    tree.file("home/alice/mine", "alice's", uid=1000, gid=1000, mode=0o600)
    tree.file("etc/os-release", 'NAME="small"\n')
    tree.file("bin/no-interpreter", "#!/nonexistent/interpreter\n", mode=0o755)
    tree.file("bin/not-executable", "#!/bin/sh\n", mode=0o644)
    tree.file("bin/script", '#!/bin/sh\necho script "$@"\n', mode=0o755)
    if extra:
        extra(tree)
    return tree.bytes()


def config(layers, **settings):
    return {"architecture": "amd64", "os": "linux", "created": "2024-01-02T03:04:05Z", "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            "history": [{"created": "2024-01-02T03:04:05Z", "created_by": f"step {i}"} for i in range(len(layers))]}


def dump(document):
    return json.dumps(document, sort_keys=True).encode()


def plain_tar(members):
    """A tar of (name, bytes) in the given order; a str in place of the bytes is a symlink's target."""
    tree = Tree()
    for name, data in members:
        if isinstance(data, str):
            tree.symlink(name, data)
        else:
            tree.file(name, data)
    return tree.bytes()


def docker_archive(images, manifest_first=False, style="digest", compress=lambda data: data):
    """images: list of (config document, layers, tags or None). Styles: `digest` (podman, skopeo, docker ≥ 25),
    `id` (docker < 25: <id>/layer.tar and json beside it), `symlink` (a layer shared by two images is a link)."""
    members, manifest, written = [], [], {}
    for document, layers, tags in images:
        raw = dump(document)
        paths = []
        for number, layer in enumerate(layers):
            hexes = digest(layer)[7:]
            path = f"{hexes}.tar" if style == "digest" else f"{hashlib.sha256(raw + bytes([number])).hexdigest()}/layer.tar"
            if path not in dict(members):
                if style == "symlink" and hexes in written:
                    members.append((path, "../" + written[hexes]))
                else:
                    members.append((path, compress(layer)))
                    written.setdefault(hexes, path)
                if style == "id":
                    members.append((os.path.dirname(path) + "/VERSION", b"1.0"))
                    members.append((os.path.dirname(path) + "/json", b"{}"))
            paths.append(path)
        members.append((digest(raw)[7:] + ".json", raw))
        manifest.append({"Config": digest(raw)[7:] + ".json", "RepoTags": tags, "Layers": paths})
    at = 0 if manifest_first else len(members)
    members.insert(at, ("manifest.json", dump(manifest)))
    return plain_tar(members)


MEDIA = "application/vnd.oci.image."


class OciLayout:
    """An OCI layout in memory; `write` makes it a directory, `tar` an archive."""

    def __init__(self):
        self.blobs, self.entries = {}, []

    def blob(self, data):
        self.blobs[digest(data)] = data
        return {"digest": digest(data), "size": len(data)}

    def manifest(self, document, layers, compress=lambda data: data, suffix=""):
        stored = [{"mediaType": MEDIA + "layer.v1.tar" + suffix, **self.blob(compress(layer))} for layer in layers]
        manifest = {"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "layers": stored,
                    "config": {"mediaType": MEDIA + "config.v1+json", **self.blob(dump(document))}}
        return {"mediaType": MEDIA + "manifest.v1+json", **self.blob(dump(manifest))}

    def index(self, entries):
        document = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": entries}
        return {"mediaType": MEDIA + "index.v1+json", **self.blob(dump(document))}

    def add(self, entry, name=None):
        if name:
            entry = {**entry, "annotations": {"org.opencontainers.image.ref.name": name}}
        self.entries.append(entry)
        return self

    def files(self):
        yield "oci-layout", dump({"imageLayoutVersion": "1.0.0"})
        yield "index.json", dump({"schemaVersion": 2, "manifests": self.entries})
        for name, data in self.blobs.items():
            yield "blobs/sha256/" + name[7:], data

    def write(self, path):
        os.makedirs(os.path.join(path, "blobs/sha256"))
        for name, data in self.files():
            with open(os.path.join(path, name), "wb") as file:
                file.write(data)
        return path

    def tar(self):
        return plain_tar(list(self.files()))


def by_tool(*command):
    def compress(data):
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
    return compress


def in_two(compress):
    """As two members (frames, streams) one after the other."""
    return lambda data: compress(data[:len(data) // 2]) + compress(data[len(data) // 2:])


COMPRESSIONS = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 1),
    "gzip in two members": in_two(lambda data: gzip.compress(data, 1)),
    "zstd": by_tool("zstd", "-q", "-1", "-c"),
    "zstd in two frames": in_two(by_tool("zstd", "-q", "-1", "-c")),
    "xz": lambda data: lzma.compress(data, preset=0),
    "xz in two streams": in_two(lambda data: lzma.compress(data, preset=0)),
    "bzip2": lambda data: bz2.compress(data, 1),
    "bzip2 in two streams": in_two(lambda data: bz2.compress(data, 1)),
    "lz4": by_tool("lz4", "-q", "-1", "-c"),
}
