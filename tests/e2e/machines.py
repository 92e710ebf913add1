"""Poorer machines, made out of this one: with things mounted over, calls refused, limits set.

    result = elsewhere(lambda: mount("tmpfs", "/proc/sys", "tmpfs"), lambda: box.run("run", "demo", "true"))
    result = box.run("run", "demo", "true", preexec_fn=refusing({"clone3": errno.EPERM}))

What is done to a machine is done in a mount namespace, or in processes, that end with the call.
"""
import ctypes
import os
import pickle
import platform
import struct
import sys

from harness import CLONE_NEWNS, MS_BIND, MS_PRIVATE, MS_REC, libc, skip

CLONE_NEWUSER = 0x10000000
MS_RDONLY, MS_NOSUID, MS_NOEXEC, MS_REMOUNT = 1, 2, 8, 32

# Numbers of calls, on x86_64 and aarch64. From clone3's time on all machines have the same.
NUMBERS = {"clone": (56, 220), "unshare": (272, 97), "mount": (165, 40), "open_tree": (428, 428), "move_mount": (429, 429),
           "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "pidfd_open": (434, 434),
           "clone3": (435, 435), "close_range": (436, 436), "openat2": (437, 437), "mount_setattr": (442, 442),
           "landlock_create_ruleset": (444, 444), "seccomp": (317, 277), "setns": (308, 268),
           "fsetxattr": (190, 7)}


def number(call):
    return NUMBERS[call][0 if platform.machine() == "x86_64" else 1]


def refusing(calls, argument=0, mask=0, value=None):
    """A preexec_fn: a filter that answers these calls with an errno; only where `argument` & mask, or, with a `value`, where
    it is that. The caller is left without new privileges, as any who filters himself is."""

    def instruction(code, on_true, on_false, k):
        return struct.pack("HBBI", code, on_true, on_false, k)

    program = []
    for call, error in calls.items():
        program.append(instruction(0x20, 0, 0, 0))  # load the number
        refuse = instruction(0x06, 0, 0, 0x00050000 | error)
        if mask or value is not None:
            program.append(instruction(0x15, 0, 3, number(call)))
            program.append(instruction(0x20, 0, 0, 16 + 8 * argument))
            program.append(instruction(0x45, 0, 1, mask) if mask else instruction(0x15, 0, 1, value))
        else:
            program.append(instruction(0x15, 0, 1, number(call)))
        program.append(refuse)
    program.append(instruction(0x06, 0, 0, 0x7FFF0000))

    def install():
        code = ctypes.create_string_buffer(b"".join(program))
        header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, header, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "installing a filter")

    return install


def no_new_privileges():
    libc.prctl(38, 1, 0, 0, 0)


def mount(source, target, kind=None, flags=0, data=None):
    encoded = [text.encode() if text else None for text in (source, target, kind)]
    if libc.mount(*encoded, flags, data.encode() if data else None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def bind(source, target, flags=0):
    """`source` at `target`, with more flags."""
    mount(source, target, None, MS_BIND)
    if flags:
        mount(None, target, None, MS_BIND | MS_REMOUNT | flags)


def cgroup_mounts():
    points = []
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        for line in table:
            fields, tail = line.split(" - ")
            if tail.startswith(("cgroup ", "cgroup2 ")):
                points.append(fields.split()[4])
    return points


def elsewhere(prepare, action):
    """What `action` returns, done after `prepare` in a process with a mount namespace of its own."""
    readable, writable = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        answer = b""
        try:
            os.close(readable)
            if libc.unshare(CLONE_NEWNS) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            mount(None, "/", None, MS_REC | MS_PRIVATE)
            prepare()
            answer = pickle.dumps((action(), None))
        except BaseException as error:  # pylint: disable=broad-except
            answer = pickle.dumps((None, f"{type(error).__name__}: {error}"))
        finally:
            with os.fdopen(writable, "wb") as pipe:
                pipe.write(answer)
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    result, problem = pickle.loads(answer)
    if problem:
        raise AssertionError(problem)
    return result


def without_user_namespaces():
    """From now on this process and its children may make none: they are in one of their own whose limit is 0."""
    entered_read, entered_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    me = os.getpid()
    pid = os.fork()
    if pid == 0:  # whoever maps all ids has the right to, outside
        os.read(entered_read, 1)
        for file in ("uid_map", "gid_map"):
            with open(f"/proc/{me}/{file}", "w", encoding="ascii") as ids:
                ids.write("0 0 4294967295")
        os.write(mapped_write, b"x")
        os._exit(0)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(entered_write, b"x")
    os.read(mapped_read, 1)
    os.waitpid(pid, 0)
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as limit:
        limit.write("0")


def chroot_into(top, whole=False):
    """A directory with this machine's files in it becomes the root; `whole`: it is a mount itself."""
    if whole:
        mount("/", top, None, MS_BIND | MS_REC)
    else:
        for name in sorted(os.listdir("/")):
            here, there = f"/{name}", f"{top}/{name}"
            if os.path.islink(here):
                os.symlink(os.readlink(here), there)
            elif os.path.isdir(here):
                os.mkdir(there)
                mount(here, there, None, MS_BIND | MS_REC)
    os.chroot(top)
    os.chdir("/")


def need_root(test):
    if os.geteuid() != 0:
        skip(test, "root", "only root can change the machine")
