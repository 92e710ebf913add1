"""What semantics/ may say against a backend, and why. docs/backends.md tells the same to users.

A check that fails and is not here, and one that is here and does not fail, fail the tests.
"""


def overlay(backend, _):
    return backend == "overlay"


def fuse(backend, _):
    return backend == "fuse-overlayfs"


def either(backend, _):
    return backend in ("overlay", "fuse-overlayfs")


def either_without_clones(backend, file_system):
    return either(backend, file_system) and file_system not in ("xfs", "btrfs")


def btrfs(_, file_system):
    return file_system == "btrfs"


def overlay_elsewhere(backend, file_system):
    return overlay(backend, file_system) and not btrfs(backend, file_system)


def btrfs_itself(backend, file_system):
    return btrfs(backend, file_system) and not overlay(backend, file_system)


DEVIATIONS = (
    (either, "a directory of a lower tree is not renamed: the dialect of ordinary users (userxattr) has no redirects",
     "image/rename-dir/to a new name", "image/rename-dir/keeps the number", "image/rename-dir/over an empty one",
     "image/rename-dir/over a full one", "image/rename-dir/exchange with a file"),
    (overlay, "names of one file of a lower tree are copied up one by one: what is done to one is not done to the other",
     "image/link/a pair is written by either name", "image/link/a pair stays one file when written",
     "image/link/a third name is counted", "image/rename/one name of a pair onto the other does nothing",
     "image/unlink/of a pair leaves one name", "image/unlink/of a pair changes the other's ctime",
     "image/chmod/of a pair is of both names", "image/times/of a pair are of both names",
     "image/xattr/of a pair is of both names", "image/permission/an owner of a pair is of both names"),
    (overlay, "names of one file of a lower tree are different files to the kernel also before that",
     "image/lock/of a pair is held by either name", "image/inotify/of one name of a pair tells a write by the other"),
    (overlay, "a file keeps the number it had in the lower tree, but a name that is given to it then does not know it",
     "image/link/is the same file", "image/link/of what a symlink leads to is it"),
    (overlay, "a mapping stays with the file of the lower tree", "image/open-before/a mapping sees what is written"),
    (either, "what was not copied up keeps its names below",
     "image/rename/what lay there has no name", "image/rmdir/leaves an open one without a name"),
    (overlay, "copying up makes a name in the upper directory, whose time of writing is put back",
     "image/open/O_CREAT of what is there changes none", "image/times/of a directory stay when a file in it is written"),
    (overlay, "a merged directory's parent is told by the number of a tree",
     "image/readdir/agrees with stat of the parent"),
    (either, "device 0:0 is the file system's own mark",
     "image/mknod/what overlayfs calls a whiteout", "own/mknod/what overlayfs calls a whiteout"),
    (overlay, "device 0:0 is the file system's own mark",
     "image/rename/leaving a whiteout", "own/rename/leaving a whiteout"),
    (either_without_clones, "copying up fills holes, but those at the start of a megabyte",
     "image/holes/take no room when opened to write", "image/holes/stay when opened to write"),
    (overlay_elsewhere, "a merged directory does not count its names", "image/mkdir/is a name of its parent"),
    (fuse, "a fifo, and any other special file, of a lower tree is not copied up: EIO",
     "image/chmod/of a fifo", "image/identity/a fifo's number is the same after a mode", "image/link/of a fifo",
     "image/link/of a fifo is counted", "image/rename/a fifo is one", "image/times/of a fifo"),
    (fuse, "the program has no lseek: a file is data from its start to its end",
     *(f"{origin}/holes/{name}" for origin in ("image", "own")
       for name in ("data is found", "punched are found", "punched end", "the first is at the start", "the next is found",
                    "there is no data in the last")), "own/holes/stay when opened to write"),
    (fuse, "four bytes of a name are kept for the program's own notes",
     *(f"{origin}/{name}" for origin in ("image", "own")
       for name in ("identity/there is room", "limits/a file's name of 255 bytes", "limits/a name of 255 bytes",
                    "limits/a name of 255 bytes goes", "limits/as a name of 255 bytes", "limits/from a name of 255 bytes",
                    "limits/no name of 256 bytes", "limits/to a name of 255 bytes"))),
    (fuse, "the program has no O_TMPFILE",
     *(f"{origin}/link/O_TMPFILE {name}" for origin in ("image", "own")
       for name in ("gets one", "has no name", "is what was written"))),
    (fuse, "a new directory does not inherit setgid", "image/mkdir/inherits setgid", "own/mkdir/inherits setgid"),
    (fuse, "what was deleted while it was open keeps its link count",
     "image/unlink/has no name left", "own/unlink/has no name left", "own/rmdir/leaves an open one without a name"),
    (fuse, "overlayfs's attributes are not shown",
     "image/xattr/of overlayfs's names is read", "own/xattr/of overlayfs's names is read"),
    (btrfs, "directories do not count their names", "image/mkdir/has two names", "image/mkdir/is a name of its parent",
     "own/mkdir/has two names", "own/mkdir/is a name of its parent"),
    (btrfs_itself, "each subvolume has a device number of its own, and mount tables have the file system's",
     "image/identity/the root's device is what mountinfo says", "own/identity/the root's device is what mountinfo says"),
)


# What happens or not, as the program has both names of a pair in mind or has not.
PAIRS = ("image/link/a pair is written by either name", "image/link/a pair stays one file when written",
         "image/link/a third name is counted", "image/rename/one name of a pair onto the other does nothing",
         "image/unlink/of a pair leaves one name", "image/unlink/of a pair changes the other's ctime",
         "image/chmod/of a pair is of both names", "image/times/of a pair are of both names",
         "image/xattr/of a pair is of both names", "image/permission/an owner of a pair is of both names",
         "image/lock/of a pair is held by either name", "image/inotify/of one name of a pair tells a write by the other")


def may_deviate(backend):
    return set(PAIRS) if backend == "fuse-overlayfs" else set()


def deviations_of(backend, file_system):
    return {name for applies, _, *names in DEVIATIONS if applies(backend, file_system) for name in names}


def moves_times(backend):
    """A directory of the image has another time when a file in it is copied up, and a symlink when it is moved."""
    return backend == "fuse-overlayfs"


def exports_what_lies_on_disk(backend, user_is_root):
    """A whole tree of a container's has no record beside it of the owners and devices that an ordinary user's file system
    could not hold: they are not in its export. Its diff and its commit tell changes alone, and miss nothing."""
    return not either(backend, None) and not user_is_root
