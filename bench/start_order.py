#!/usr/bin/env python3
"""The functions that a start executes, in that order, as a linker script: src/cli/start_order.ld.

  bench/start_order.py PROGRAM MAP OUT ARGUMENT… [, ARGUMENT…]…

Where they lie side by side, a start maps a tenth of the pages. PROGRAM, whose link wrote MAP, is executed step by step
(ptrace(2)) with the ARGUMENTs, and the process of the container until it is the command; what a further start executes,
too, comes behind. A name in the script that a later
build does not have does no harm, and a function that is not in it lies elsewhere: the script is made again when starts
have changed.
"""
import bisect
import ctypes
import itertools
import os
import re
import signal
import sys

TRACEME, SINGLESTEP, DETACH, CONT, SETOPTIONS, GETREGS = 0, 9, 17, 7, 0x4200, 12
TRACE_FORK, TRACE_VFORK, TRACE_CLONE, TRACE_EXEC, EXITKILL = 2, 4, 8, 16, 1 << 20
EVENT_EXEC = 4
WALL = 0x40000000
RIP = 16  # in user_regs_struct of x86-64

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def program_range(pid, program):
    """Where its segments lie in the process: first and last address."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        ranges = [line.split()[0].split("-") for line in maps if line.rstrip().endswith(program)]
    return int(ranges[0][0], 16), int(ranges[-1][1], 16)


def executed(program, arguments):
    """Offsets in the program of all instructions that are executed, each once, by first execution; and how many they were."""
    first = os.fork()
    if first == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execv(program, [program, *arguments])
    os.waitpid(first, 0)
    libc.ptrace(SETOPTIONS, first, None, TRACE_FORK | TRACE_VFORK | TRACE_CLONE | TRACE_EXEC | EXITKILL)
    libc.ptrace(CONT, first, None, None)
    os.waitpid(first, 0)
    begin, end = program_range(first, program)
    registers = (ctypes.c_ulong * 27)()
    seen, count = {}, 0
    pid, passed = first, 0
    while True:
        libc.ptrace(SINGLESTEP, pid, None, passed)
        while True:
            pid, status = os.waitpid(-1, WALL)
            if os.WIFSTOPPED(status):
                if status >> 16 != EVENT_EXEC:
                    break
                libc.ptrace(DETACH, pid, None, None)  # the command
            elif pid == first:
                if status != 0:
                    sys.exit(f"{program} {arguments}: status {status}")
                return list(seen), count
        libc.ptrace(GETREGS, pid, None, ctypes.byref(registers))
        if begin <= registers[RIP] < end:
            seen.setdefault(registers[RIP] - begin)
            count += 1
        stopped_by = os.WSTOPSIG(status)
        passed = 0 if stopped_by in (signal.SIGTRAP, signal.SIGSTOP) else stopped_by


def code_sections(map_file):
    """Of the linker's map: (address, size, name, file) of each input section with code, by address."""
    sections, name, is_begun = [], None, False
    with open(map_file, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            is_begun = is_begun or line.startswith("Linker script and memory map")
            if not is_begun:
                continue
            placed = re.match(r" (\.text\S*)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", line)
            if placed and (placed[1] or name):
                sections.append((int(placed[2], 16), int(placed[3], 16), placed[1] or name, placed[4].strip()))
            only_name = re.match(r" (\.text\S*)$", line)  # too long for one line
            name = only_name[1] if only_name else None
    return sorted(section for section in sections if section[0] and section[1])


def pattern(name, file):
    """How a linker script names the input section."""
    if "._Z" in name:
        return f"*({name})"
    member = re.match(r"(?:.*/)?(lib[^/(]+\.a)\((.*)\)$", file)
    return f'"*{member[1]}:{member[2]}"({name})' if member else f'"*{os.path.basename(file)}"({name})'


def main():
    program, map_file, out = (os.path.abspath(path) for path in sys.argv[1:4])
    sections = code_sections(map_file)
    starts = [section[0] for section in sections]
    groups = itertools.groupby(sys.argv[4:], lambda word: word == ",")
    runs = [executed(program, list(words)) for is_comma, words in groups if not is_comma]
    ordered = {}
    for offset in itertools.chain(*(offsets for offsets, _ in runs)):
        index = bisect.bisect(starts, offset) - 1
        if index >= 0 and offset < starts[index] + sections[index][1]:
            ordered.setdefault(pattern(*sections[index][2:]), sections[index][1])
    with open(out, "w", encoding="ascii") as script:
        script.write("/* Made by `./dev order`: the functions that a start executes, in that order. */\n"
                     "SECTIONS\n{\n  .text.start :\n  {\n")
        script.writelines(f"    {name}\n" for name in ordered)
        script.write("  }\n}\nINSERT BEFORE .text;\n")
    print(f"{len(ordered)} functions and objects, {sum(ordered.values()) >> 10} KiB of code, {[count for _, count in runs]} instructions")


if __name__ == "__main__":
    main()
