#!/usr/bin/env python3
"""Commands that print "STAMP <CLOCK_MONOTONIC ns>" (bench/stamp.c), each once in a round, many rounds.

  bench/in_turn.py ROUNDS LABEL COMMAND [ARG…] [-- LABEL COMMAND [ARG…]]…

A "--" of a command's own is written "---". On a machine that others use, what is measured minutes apart cannot be compared; what stands in one round can. Prints for
each: medians of ms to the first instruction and to the end, and the first's ratio to that of the first command named.
"""
import os
import statistics
import sys
import time


def once(command):
    """Nanoseconds to the first instruction, and to the end."""
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading), (os.POSIX_SPAWN_CLOSE, writing)]
    begun = time.monotonic_ns()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    ended = time.monotonic_ns()
    with os.fdopen(reading, "rb") as output:
        words = output.read().split()
    if status != 0 or words[:1] != [b"STAMP"]:
        sys.exit(f"{command}: status {status}, said {words}")
    return int(words[1]) - begun, ended - begun


def main():
    rounds, commands, words = int(sys.argv[1]), {}, sys.argv[2:]
    while words:
        end = words.index("--") if "--" in words else len(words)
        commands[words[0]] = ["--" if word == "---" else word for word in words[1:end]]
        words = words[end + 1:]
    times = {label: [] for label in commands}
    for number in range(rounds + 2):
        for label, command in commands.items():
            sample = once(command)
            if number >= 2:
                times[label].append(sample)
    base = None
    for label, samples in times.items():
        first, whole = (statistics.median(column) / 1e6 for column in zip(*samples))
        base = base or first
        print(f"{label:40} first {first:8.2f}  whole {whole:8.2f}  ratio {first / base:6.2f}")


if __name__ == "__main__":
    main()
