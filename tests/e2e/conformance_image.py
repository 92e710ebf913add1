"""The image of the conformance tests: three layers that make what semantics/fixture.c makes, once for each of its groups."""
import functools
import os
import re
import subprocess

import archives
import harness

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "semantics")


@functools.cache
def program():
    """The program of semantics/."""
    path = os.path.join(harness.place.path, "semantics")
    sources = [os.path.join(SOURCES, name) for name in sorted(os.listdir(SOURCES)) if name.endswith(".c")]
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-static", "-O1", "-s", "-Wall", "-Wextra", "-Werror", "-o", path, *sources],
                   check=True)
    with open(path, "rb") as file:
        return file.read()


def groups():
    """Its groups, as its tables have them: name, needs."""
    found = []
    for name in sorted(os.listdir(SOURCES)):
        with open(os.path.join(SOURCES, name), encoding="utf-8") as file:
            found += re.findall(r'\{"([a-z-]+)", \w+_checks, ([\w |]+)\}', file.read())
    return found


def sparse(tree, name):
    """1 MiB with 4096 bytes in its middle, as GNU tar writes it."""
    tree.file(name, b"1\n524288\n4096\n".ljust(512, b"\0") + b"x" * 4096,
              pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
                   "GNU.sparse.realsize": str(1 << 20)})


def bottom(tree, top):
    """What stays, what the layers above replace, and what they take away."""
    tree.dir(top)
    tree.file(top + "/file", "of the bottom layer", mode=0o600).file(top + "/gone", "gone").symlink(top + "/other", "file")
    tree.file(top + "/pair1", "pair").hardlink(top + "/pair2", top + "/pair1")
    tree.symlink(top + "/link", "file").symlink(top + "/dangling", "nowhere").symlink(top + "/loop", "loop")
    tree.dir(top + "/dir", mode=0o700).file(top + "/dir/a", "a").file(top + "/dir/gone", "gone")
    tree.dir(top + "/full").dir(top + "/empty").file(top + "/empty/old", "old").dir(top + "/replaced")
    tree.file(top + "/replaced/x", "x").add(top + "/fifo", archives.tarfile.FIFOTYPE, mode=0o644)
    tree.file(top + "/suid", "suid", mode=0o6755)
    tree.file(top + "/theirs", "theirs", uid=1000, gid=1001, mode=0o4751)
    tree.dir(top + "/many")
    for number in range(0, 40, 2):
        tree.file(f"{top}/many/f{number:02}", f"f{number:02}")


def middle(tree, top):
    tree.file(top + "/file", "0123456789").file(top + "/other", "other").file(top + "/.wh.gone").dir(top + "/dir")
    tree.file(top + "/dir/.wh.gone").file(top + "/full/x", "x").dir(top + "/empty").file(top + "/empty/.wh..wh..opq")
    tree.file(top + "/noted", "noted", pax={"SCHILY.xattr.user.note": "noted"})
    for number in range(1, 40, 2):
        tree.file(f"{top}/many/f{number:02}", f"f{number:02}")


def upper(tree, top):
    tree.file(top + "/dir/b", "b").file(top + "/.wh.replaced")
    sparse(tree, top + "/sparse")


def each_group(tree, part):
    tree.dir("fixtures")
    for name, needs in groups():
        part(tree, "fixtures/" + name)
        if part is bottom and "needs_program" in needs:
            tree.file(f"fixtures/{name}/program", program(), mode=0o755)
    return tree


def layers():
    def system(tree):
        tree.file("bin/semantics", program(), mode=0o755)
        for name in ("hosts", "hostname", "resolv.conf"):  # else a start makes them, and /etc has its time
            tree.file("etc/" + name)
        tree.add("null", archives.tarfile.CHRTYPE, major=1, minor=3, mode=0o666)
        each_group(tree, bottom)
    return [archives.rootfs(system), *(each_group(archives.Tree(), part).bytes() for part in (middle, upper))]


@functools.cache
def archive():
    parts = layers()
    return archives.docker_archive([(archives.config(parts), parts, ["conformance:1"])])
