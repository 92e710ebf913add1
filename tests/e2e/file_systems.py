"""File systems of several kinds, for the tests that must hold on each: made in files, mounted by loop devices.

    top = mounted(self, "xfs")     # a directory that everybody may enter; unmounted when the class is done

They are mounted in the tests' own mount namespace, and the loop devices and their files go with the mounts: nothing is left,
whatever happens to the tests. The files lie in memory: no disk is waited for.
"""
import os
import shutil
import subprocess

import harness

# How it is made, and mounted. The sizes are the least that mkfs takes, or not much more.
KINDS = {
    "ext4": (["mkfs.ext4", "-q", "-O", "has_journal", "-E", "lazy_itable_init=1,lazy_journal_init=1"], 512 << 20, ""),
    "xfs": (["mkfs.xfs", "-q", "-m", "reflink=1"], 512 << 20, ""),
    "btrfs": (["mkfs.btrfs", "-q"], 512 << 20, ",user_subvol_rm_allowed"),
    "xfs-large": (["mkfs.xfs", "-q", "-m", "reflink=1"], 2 << 30, ""),
    "btrfs-large": (["mkfs.btrfs", "-q"], 4 << 30, ",user_subvol_rm_allowed"),
    "btrfs-strict": (["mkfs.btrfs", "-q"], 512 << 20, ""),
}


def mounted(test, kind):
    """Where a new file system of this kind is; ends the test where there can be none."""
    make, size_bytes, options = KINDS[kind]
    if harness.place.users_error:
        harness.skip(test, "loop", harness.place.users_error)
    if shutil.which(make[0], path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
        harness.skip(test, kind, f"{make[0]} is not installed")
    top = os.path.join(harness.place.path, kind)
    image = os.path.join(top, "image")
    os.mkdir(top)
    test.addClassCleanup(os.rmdir, top)
    run("mount", "-t", "tmpfs", "tmpfs", top)
    test.addClassCleanup(run, "umount", "--lazy", top)
    with open(image, "wb") as file:
        file.truncate(size_bytes)
    run(*make, image)
    result = run("mount", "-o", "loop" + options, image, top, check=False)
    if result.returncode != 0:
        harness.skip(test, "loop", result.stderr.decode("utf-8", "replace").strip())
    test.addClassCleanup(run, "umount", top)
    os.chmod(top, 0o755)
    return top


def memory(test):
    """A directory in memory, for what is not to wait for a disk."""
    if harness.place.users_error:
        harness.skip(test, "loop", harness.place.users_error)
    top = os.path.join(harness.place.path, "memory")
    os.mkdir(top)
    test.addClassCleanup(os.rmdir, top)
    run("mount", "-t", "tmpfs", "tmpfs", top)
    test.addClassCleanup(run, "umount", "--lazy", top)
    return top


def run(*command, check=True):
    environment = {**os.environ, "PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    return subprocess.run(command, check=check, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
