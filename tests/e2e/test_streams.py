"""run: input and output that are closed, endless, slow or gone, with a terminal inside and without; layerbox stays small."""
import os
import re
import select
import signal
import subprocess
import time

import archives
from harness import EVERYBODY, RANGED, ROOT, E2E, main, processes_of, store_content

MIB = 1 << 20


class Streams(E2E):
    def boxes(self, users=EVERYBODY):
        for user in users:
            box = self.box(user)
            box.image(archives.rootfs())
            yield box

    def nothing_is_left(self, box):
        self.assertEqual([n for n in store_content(box) if n.startswith("containers")], [])


class Input(Streams):
    def test_an_endless_one_does_not_keep_it(self):
        for box in self.boxes():
            for flags in ((), ("-i",), ("-it",)):
                with self.subTest(user=box.user.name, flags=flags):
                    source = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
                    process = box.start("run", *flags, "demo", "true", stdin=source.stdout)
                    source.stdout.close()
                    out, err = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, err), (0, b""))
                    self.assertEqual(out.strip(b"y\r\n"), b"")  # a terminal echoes
                    source.wait(timeout=60)  # by SIGPIPE: nobody has its pipe any more

    def test_a_closed_one_is_an_empty_one(self):
        for box in self.boxes():
            for flags in ((), ("-i",), ("-it",)):
                with self.subTest(user=box.user.name, flags=flags):
                    process = box.start("run", *flags, "demo", "sh", "-c", "cat; echo end", stdin=subprocess.DEVNULL,
                                        preexec_fn=lambda: os.close(0))
                    out, err = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, out.replace(b"\r", b""), err), (0, b"end\n", b""))

    def test_more_than_the_command_reads_waits_outside(self):
        box = next(self.boxes((ROOT,)))
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        process = box.start("run", "-it", "demo", "sh", "-c", "stty raw -echo; echo ready; sleep 1000", stdin=reader)
        os.close(reader)
        self.assertEqual(process.stdout.readline().strip(), b"ready")
        written = 0
        while True:  # until it has been full for a while
            if not select.select([], [writer], [], 1)[1]:
                break
            written += os.write(writer, b"x" * 4096)
            self.assertLess(written, 4 * MIB)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        os.close(writer)
        self.assertEqual(process.returncode, 143)


class Output(Streams):
    def test_a_closed_one_is_nowhere(self):
        for box in self.boxes():
            for flags in ((), ("-t",)):
                with self.subTest(user=box.user.name, flags=flags):
                    process = box.start("run", *flags, "demo", "sh", "-c", "echo out; exit 3", stdout=subprocess.DEVNULL,
                                        preexec_fn=lambda: os.close(1))
                    _, err = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, err), (3, b""))

    def test_a_slow_reader_gets_all_of_it_and_layerbox_stays_small(self):
        for user, flags, mib in ((ROOT, (), 1024), (ROOT, ("-t",), 16), (RANGED, ("-t",), 16)):
            with self.subTest(user=user.name, flags=flags):
                box = next(self.boxes((user,)))
                size, mark = mib * MIB, f"count={mib} # {user.uid}"
                process = box.start("run", *flags, "demo", "sh", "-c", f"stty raw 2>/dev/null; dd if=/dev/zero bs=1M 2>/dev/null {mark}",
                                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, bufsize=0)
                got = len(os.read(process.stdout.fileno(), 100))
                # Nobody reads until all that can wait waits: in pipes and terminals, not in layerbox.
                self.eventually(lambda: self.is_stuck(mark), "the command waits for its reader")
                while got < size - MIB:
                    got += len(os.read(process.stdout.fileno(), MIB // 2))
                peak = self.peak_bytes(process)  # the rest is more than a pipe holds: it is still there
                while block := os.read(process.stdout.fileno(), MIB):
                    got += len(block)
                self.assertEqual((got, process.wait(timeout=60)), (size, 0))
                process.stdout.close()
                small = box.start("run", *flags, "demo", "sh", "-c", "echo ready; sleep 1000", bufsize=0)
                self.assertNotEqual(small.stdout.readline(), b"")
                self.assertLess(peak, self.peak_bytes(small) + 8 * MIB)
                small.terminate()
                small.communicate(timeout=60)

    @staticmethod
    def peak_bytes(process):
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024

    @staticmethod
    def is_stuck(command):
        """Whether a process with this in its command line is in a call of write(2), and stays there."""
        number = {"x86_64": "1", "aarch64": "64"}[os.uname().machine]

        def calls():
            found = {}
            for pid in processes_of(command):
                with open(f"/proc/{pid}/syscall", encoding="ascii") as call, open(f"/proc/{pid}/io", encoding="ascii") as io:
                    found[pid] = (call.read(), io.read())
            return {pid: call for pid, call in found.items() if call[0].split()[0] == number}
        before = calls()
        time.sleep(0.1)
        return before != {} and calls() == before

    def test_a_reader_that_vanishes_ends_the_command(self):
        for box in self.boxes():
            for flags in ((), ("-t",), ("--init",), ("-t", "--init")):
                with self.subTest(user=box.user.name, flags=flags):
                    process = box.start("run", *flags, "demo", "busybox", "yes", stderr=subprocess.DEVNULL, bufsize=0)
                    self.assertNotEqual(process.stdout.read(10), b"")
                    process.stdout.close()
                    process.wait(timeout=60)
                    process.stdin.close()
                    self.assertNotEqual(process.returncode, 0)
                    self.nothing_is_left(box)

    def test_a_full_disk_is_said(self):
        box = next(self.boxes((ROOT,)))
        with open("/dev/full", "wb") as full:
            process = box.start("run", "-t", "demo", "echo", "out", stdout=full)
            _, err = process.communicate(timeout=60)
        self.assertIn(b"No space left on device", err)


if __name__ == "__main__":
    main()
