#!/usr/bin/env python3
"""Where the processor time of a command goes, by system call.

  bench/profile.py TIMES AT_A_TIME COMMAND [ARG…]

COMMAND is layerbox with its arguments, run so many times; "{}" in an argument is the number of the run. perf (Debian: linux-perf) samples what the processors do, by a clock,
so that it works in virtual machines without counters, too; as root, for the kernel's part. Prints, for each outermost system call,
page faults, and user space, µs of a run. What starts it, and the command that it runs, are left out.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

SAMPLES_PER_SECOND = 10_000
OUTERMOST = re.compile(r"__(?:x64|do)_sys_(\w+)$")


def kind(symbols):
    """Of one sample, innermost first."""
    for symbol in reversed(symbols):
        if found := OUTERMOST.match(symbol):
            return found[1]
        if symbol.endswith("page_fault"):
            return "(page faults)"
        if symbol == "do_exit":
            return "(exit)"
    entered = any(symbol.startswith(("entry_SYSCALL", "do_syscall")) for symbol in symbols)
    return "(entering and leaving the kernel)" if entered else "(user space)"


def main():
    times, at_a_time, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory() as place:
        data = os.path.join(place, "data")
        shell = f'seq {times} | xargs -P{at_a_time} -I{{}} "$@" >/dev/null'
        subprocess.run(["perf", "record", "-q", "-F", str(SAMPLES_PER_SECOND), "-g", "-e", "cpu-clock", "-o", data,
                        "sh", "-c", shell, "sh", *command], check=True, stderr=subprocess.DEVNULL)
        name = os.path.basename(command[0])[:15]
        text = subprocess.run(["perf", "script", "-i", data, "--comm", name, "-F", "ip,sym"], check=True, capture_output=True,
                              text=True).stdout
    counts = collections.Counter()
    for sample in text.split("\n\n"):
        symbols = [line.split(None, 1)[1].split("+")[0] for line in sample.splitlines() if len(line.split(None, 1)) == 2]
        if symbols:
            counts[kind(symbols)] += 1
    whole = sum(counts.values())
    for what, count in [("all", whole), *counts.most_common(24)]:
        print(f"{what:36} {count * 1e6 / SAMPLES_PER_SECOND / times:8.0f} µs {count / whole:6.1%}")


if __name__ == "__main__":
    main()
