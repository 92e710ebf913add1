"""run: the command, its surroundings, its status; for everybody and on every backend."""
import os
import re
import signal
import socket
import subprocess

import archives
from archives import Tree
from harness import EVERYBODY, RANGED, ROOT, SINGLE, E2E, main, mounts, processes_of, store_content

BACKENDS = ("overlay", "copy")


class EveryUserAndBackend(E2E):
    """Most of what run does must not depend on who runs it and how the rootfs is made."""

    def each(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            for backend in BACKENDS:
                with self.subTest(user=user.name, backend=backend):
                    yield box, lambda *args, b=box, n=backend, **more: b.run("run", "--backend", n, *args, **more)

    def test_output_and_status(self):
        for _, run in self.each():
            result = run("demo", "sh", "-c", "echo out; echo err >&2; exit 7")
            self.assertEqual((result.status, result.text, result.errors), (7, "out\n", "err\n"))

    def test_statuses_of_commands_that_do_not_run(self):
        for _, run in self.each():
            for status, command in ((127, "no-such-command"), (127, "/no/such/file"), (126, "/bin/not-executable"),
                                    (126, "/etc"), (126, "/etc/passwd")):
                result = run("demo", command)
                self.assertEqual(result.status, status, (command, result.errors))
                self.assertIn(command, result.errors)
                self.assert_proper_error(result)

    def test_a_missing_interpreter_is_named(self):
        for _, run in self.each():
            result = run("demo", "/bin/no-interpreter")
            self.assertIn(result.status, (126, 127))
            self.assertIn("/nonexistent/interpreter", result.errors)

    def test_death_by_signal(self):
        for _, run in self.each():
            for name, number in (("KILL", 9), ("TERM", 15), ("SEGV", 11)):
                # pid 1 is not killed by signals from its own namespace: a child of it is.
                self.assertEqual(run("demo", "sh", "-c", f"sh -c 'kill -{name} $$'; exit $?").status, 128 + number)

    def test_signals_to_layerbox_end_the_command(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            wait = ("tail", "-f", "/etc/os-release")  # no shell: those handle some signals
            handle = ("sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done")
            for flags, command, number, status in (
                    ((), wait, signal.SIGINT, 130), ((), wait, signal.SIGTERM, 143),
                    (("--init",), wait, signal.SIGTERM, 143), ((), handle, signal.SIGTERM, 7)):
                with self.subTest(user=user.name, flags=flags, command=command, number=number):
                    process = box.start("run", *flags, "demo", *command)
                    self.assertNotEqual(process.stdout.readline(), b"")
                    process.send_signal(number)
                    self.assertEqual(process.communicate()[1], b"")
                    self.assertEqual(process.returncode, status)

    def test_standard_input_only_with_i(self):
        for _, run in self.each():
            self.assertEqual(run("demo", "cat", input=b"ignored").out, b"")
            self.assertEqual(run("-i", "demo", "cat", input=b"given\n").out, b"given\n")

    def test_large_output_comes_whole(self):
        for _, run in self.each():
            result = run("demo", "dd", "if=/dev/zero", "bs=65536", "count=300")
            self.assertEqual(len(result.out), 300 * 65536)

    def test_private_namespaces(self):
        for _, run in self.each():
            result = run("demo", "sh", "-c", "for n in pid mnt uts ipc net user cgroup; do readlink /proc/self/ns/$n; done")
            inside = result.text.split()
            self.assertEqual(len(inside), 7, result.errors)
            for line in inside:
                name = line.split(":")[0]
                self.assertNotEqual(line, os.readlink(f"/proc/self/ns/{name}"))

    def test_it_is_pid_1_and_alone(self):
        for _, run in self.each():
            result = run("demo", "sh", "-c", "echo $$; ls -d /proc/[0-9]*")
            self.assertEqual(result.text.splitlines()[0], "1")
            self.assertLessEqual(len(result.text.splitlines()), 3)

    def test_no_descriptor_but_three(self):
        for box, run in self.each():
            read, write = os.pipe()
            os.set_inheritable(read, True)
            result = run("demo", "sh", "-c", "ls /proc/$$/fd; true", pass_fds=(read,))
            os.close(read)
            os.close(write)
            self.assertEqual([fd for fd in result.text.split() if fd in ("0", "1", "2")], ["0", "1", "2"])
            self.assertLessEqual(set(result.text.split()), {"0", "1", "2", "10"})  # 10: some shells' own

    def test_loopback_only_and_up(self):
        for _, run in self.each():
            result = run("demo", "sh", "-c", "ls /sys/class/net; cat /sys/class/net/lo/flags; ifconfig lo")
            self.assertEqual(result.text.split()[0:1], ["lo"])
            self.assertEqual(int(result.text.split()[1], 16) & 1, 1, "lo is down")
            self.assertIn("127.0.0.1", result.text)

    def test_writes_are_the_containers_own(self):
        for box, run in self.each():
            self.assertEqual(run("demo", "sh", "-c", "echo x > /etc/new; rm /etc/os-release; ls /etc").status, 0)
            result = run("demo", "sh", "-c", "ls /etc/new; cat /etc/os-release")
            self.assertEqual(result.text, 'NAME="small"\n')

    def test_nothing_is_left(self):
        for box, run in self.each():
            before, seen = store_content(box), mounts()
            run("demo", "sh", "-c", "mkdir -p /a/b; echo x > /a/b/c; chmod 0 /a; rm -rf /home; sleep 0 &")
            self.assertEqual(store_content(box), before)
            self.assertEqual(mounts(), seen)
            self.assertEqual(box.json("ps", "-a"), [])
            self.assertEqual(processes_of(box.store), [])

    def test_the_filesystems_it_gets(self):
        for _, run in self.each():
            result = run("demo", "cat", "/proc/self/mounts")
            kinds = {line.split()[1]: line.split()[2] for line in result.text.splitlines()}
            for path, kind in (("/proc", "proc"), ("/dev", "tmpfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs"),
                               ("/dev/mqueue", "mqueue")):
                self.assertEqual(kinds.get(path), kind, path)
            self.assertIn("/sys", kinds)
            self.assertNotIn(os.fsencode(archives.__file__).decode(), result.text)

    def test_devices(self):
        for _, run in self.each():
            result = run("demo", "sh", "-c", "echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom "
                         "| wc -c && : > /dev/full; echo x > /dev/full || echo full; ls -l /dev/fd /dev/stdin; echo t > /dev/shm/x")
            self.assertEqual(result.text.split()[:2], ["4", "4"], result.errors)
            self.assertIn("full", result.text)
            self.assertIn("/dev/fd", result.text)

    def test_sys_is_read_only_and_proc_is_masked(self):
        for _, run in self.each():
            self.assertNotEqual(run("demo", "sh", "-c", "echo x > /sys/kernel/uevent_helper").status, 0)
            self.assertNotEqual(run("demo", "sh", "-c", "echo x > /proc/sys/kernel/hostname").status, 0)
            self.assertEqual(run("demo", "sh", "-c", "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | head -c 9").out, b"")

    def test_hosts_hostname_and_resolv_conf(self):
        for _, run in self.each():
            result = run("--hostname", "chosen", "demo", "sh", "-c", "hostname; cat /etc/hostname; cat /etc/hosts; test -f /etc/resolv.conf")
            self.assertEqual(result.status, 0, result.errors)
            self.assertEqual(result.text.splitlines()[:2], ["chosen", "chosen"])
            self.assertIn("localhost", result.text)
            self.assertRegex(result.text, r"(?m)^127\.\S+\s.*chosen|chosen")

    def test_the_hostname_is_the_short_id(self):
        for _, run in self.each():
            self.assertRegex(run("demo", "hostname").text, r"\A[0-9a-f]{12}\n\Z")

    def test_read_only(self):
        for _, run in self.each():
            result = run("--read-only", "demo", "sh", "-c", "echo x > /etc/x || echo refused; echo y > /dev/shm/y && cat /dev/shm/y")
            self.assertEqual(result.text, "refused\ny\n", result.errors)
            result = run("--read-only", "demo", "sh", "-c",
                         "for f in hosts hostname resolv.conf; do echo x >> /etc/$f || echo refused; done")
            self.assertEqual(result.text, "refused\n" * 3)
            result = run("--read-only", "--tmpfs", "/tmp", "demo", "sh", "-c", "echo z > /tmp/z && cat /tmp/z")
            self.assertEqual(result.text, "z\n", result.errors)

    def test_volumes(self):
        for box, run in self.each():
            shared = box.home + "/shared"
            os.makedirs(shared, exist_ok=True)
            with open(shared + "/from-outside", "w", encoding="ascii") as file:
                file.write("hello")
            os.chown(shared, box.user.uid, box.user.uid)
            os.chown(shared + "/from-outside", box.user.uid, box.user.uid)
            result = run("-v", f"{shared}:/mnt/data", "demo", "sh", "-c",
                         "cat /mnt/data/from-outside; stat -c %u:%g /mnt/data; echo back > /mnt/data/from-inside")
            self.assertEqual((result.status, result.text), (0, "hello0:0\n"), result.errors)
            self.assertEqual(os.stat(shared + "/from-inside").st_uid, box.user.uid)
            result = run("-v", f"{shared}:/mnt/data:ro", "demo", "sh", "-c", "echo x > /mnt/data/x || echo refused")
            self.assertEqual(result.text, "refused\n")
            self.assertFalse(os.path.exists(shared + "/x"))
            result = run("-v", f"{shared}/from-outside:/etc/new/place", "demo", "cat", "/etc/new/place")
            self.assertEqual(result.text, "hello", result.errors)
            self.assertEqual(run("-v", "/no/such/source:/x", "demo", "true").status, 125)

    def test_a_volume_does_not_follow_a_symlink_of_the_image_out(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(lambda t: t.symlink("evil", "../../../../../../etc").dir("etc/inner")), "evil")
                os.makedirs(box.home + "/v")
                os.chown(box.home + "/v", user.uid, user.uid)
                seen = mounts()
                result = box.run("run", "-v", f"{box.home}/v:/evil/inner", "evil", "sh", "-c", "grep -c ' /etc/inner ' /proc/self/mounts")
                self.assertIn((result.status, result.text), ((0, "1\n"), (125, "")), result.errors)
                self.assertEqual(mounts(), seen)

    def test_tmpfs(self):
        for _, run in self.each():
            result = run("--tmpfs", "/scratch:size=1m,mode=1777", "demo", "sh", "-c",
                         "stat -c %a /scratch; dd if=/dev/zero of=/scratch/x bs=4096 count=1000 2>/dev/null || echo bounded")
            self.assertEqual(result.text, "1777\nbounded\n", result.errors)

    def test_rootfs_directory(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                top = box.home + "/rootfs"
                for name in ("bin", "proc", "sys", "dev", "tmp", "etc"):
                    os.makedirs(f"{top}/{name}")
                with open(top + "/bin/busybox", "wb") as file:
                    file.write(archives.busybox())
                os.chmod(top + "/bin/busybox", 0o755)
                for name in ("sh", "cat", "ls", "id"):
                    os.symlink("busybox", f"{top}/bin/{name}")
                for directory, directories, files in os.walk(top):
                    for name in [directory] + [os.path.join(directory, f) for f in directories + files]:
                        os.lchown(name, user.uid, user.uid)
                seen = mounts()
                result = box.run("run", "--rootfs", top, "sh", "-c", "id -u; echo kept > /tmp/x; ls /bin")
                self.assertEqual((result.status, result.text.split()[0]), (0, "0"), result.errors)
                self.assertEqual(open(top + "/tmp/x", encoding="ascii").read(), "kept\n")
                self.assertEqual(os.stat(top + "/tmp/x").st_uid, user.uid)
                self.assertEqual(mounts(), seen)
                self.assertEqual(box.json("images"), [])


class Layers(E2E):
    """What layers say of each other, seen from inside."""

    def test_whiteouts_and_opaque_directories(self):
        for user in EVERYBODY:
            box = self.box(user)
            layers = [archives.rootfs(lambda t: t.dir("d").file("d/a", "a").file("d/b", "b").dir("e").file("e/c", "c")),
                      Tree().dir("d").file("d/.wh.a").dir("e").file("e/.wh..wh..opq").file("e/n", "n")
                      .dir("new").file("new/x", "x").file("new/.wh.nothing").bytes()]
            box.ok("pull-tar", "-", input=archives.docker_archive([(archives.config(layers), layers, ["demo:latest"])]))
            for backend in BACKENDS:
                with self.subTest(user=user.name, backend=backend):
                    result = box.run("run", "--backend", backend, "demo", "ls", "/d", "/e", "/new")
                    self.assertEqual((result.text, result.errors), ("/d:\nb\n\n/e:\nn\n\n/new:\nx\n", ""))

    def test_an_implied_directory_keeps_what_it_was(self):
        for user in (ROOT, RANGED):
            box = self.box(user)
            layers = [archives.rootfs(), Tree().file("home/alice/more", "m", uid=1000, gid=1000).bytes()]
            box.ok("pull-tar", "-", input=archives.docker_archive([(archives.config(layers), layers, ["demo:latest"])]))
            for backend in BACKENDS:
                with self.subTest(user=user.name, backend=backend):
                    self.assertEqual(box.ok("run", "--backend", backend, "demo", "stat", "-c", "%u:%g %a", "/home/alice"),
                                     "1000:1000 750\n")


class Process(E2E):
    def setUp(self):
        self.b = self.box()
        self.b.image(archives.rootfs(), "demo", "--env", "FROM_IMAGE=1", "--cmd", '["echo", "default"]')

    def out(self, *args, **more):
        return self.b.ok("run", *args, **more)

    def test_environment(self):
        env = self.out("-e", "A=1", "--env", "B=x y", "-e", "FROM_HERE", "-e", "FROM_IMAGE=2", "demo", "env",
                       env={"FROM_HERE": "h", "SECRET": "s"}).splitlines()
        for line in ("A=1", "B=x y", "FROM_HERE=h", "FROM_IMAGE=2", "HOME=/root"):
            self.assertIn(line, env)
        self.assertTrue(any(line.startswith("PATH=") for line in env))
        self.assertFalse(any(line.startswith(("SECRET", "LAYERBOX")) for line in env), env)

    def test_default_command_and_arguments(self):
        self.assertEqual(self.out("demo"), "default\n")
        self.assertEqual(self.out("demo", "--", "echo", "-n", "x"), "x")
        self.assertEqual(self.out("demo", "echo", "--hostname", "-e", "run"), "--hostname -e run\n")
        self.assertEqual(self.out("demo", "/bin/script", "a b", ""), "script a b \n")

    def test_an_image_without_a_command_needs_one(self):
        self.b.image(archives.rootfs(lambda t: t.file("other", "")), "bare")
        self.b.fails(125, "run", "bare")

    def test_workdir(self):
        self.assertEqual(self.out("-w", "/usr", "demo", "pwd"), "/usr\n")
        self.assertEqual(self.out("-w", "/made/anew", "demo", "pwd"), "/made/anew\n")
        self.b.fails(125, "run", "-w", "/etc/passwd", "demo", "pwd")

    def test_users(self):
        for user, seen in (("alice", "1000 1000"), ("1000", "1000 1000"), ("0", "0 0"), ("1:1", "1 1"),
                           ("alice:daemon", "1000 1"), ("1234", "1234 0"), ("1234:5678", "1234 5678")):
            with self.subTest(user):
                self.assertEqual(self.out("-u", user, "demo", "sh", "-c", "echo $(id -u) $(id -g)"), seen + "\n")
        self.assertEqual(self.out("-u", "alice", "demo", "sh", "-c", "id -G; echo $HOME; cat /home/alice/mine"),
                         "1000 10\n/home/alice\nalice's")
        self.assertNotEqual(self.b.run("run", "-u", "daemon", "demo", "cat", "/home/alice/mine").status, 0)
        self.assertIn("nobody-here", self.b.fails(125, "run", "-u", "nobody-here", "demo", "true"))

    def test_root_inside_is_not_root_outside(self):
        mark = f"echo up; cat; : {self.b.home}"  # these tests may run twice at a time
        process = self.b.start("run", "-i", "demo", "sh", "-c", mark)
        process.stdout.readline()
        uids = set()
        for pid in processes_of(mark):
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                uids.add(re.search(r"(?m)^Uid:\s+(\d+)", file.read()).group(1))
        process.communicate(timeout=60)
        self.assertTrue(uids - {"0"}, uids)

    def test_docker_default_capabilities_and_no_new_ones(self):
        text = self.out("demo", "cat", "/proc/self/status")
        bounding = int(re.search(r"CapBnd:\s+(\w+)", text).group(1), 16)
        self.assertEqual(bounding, 0x00000000a80425fb)
        text = self.out("-u", "alice", "demo", "cat", "/proc/self/status")
        self.assertEqual(int(re.search(r"CapEff:\s+(\w+)", text).group(1), 16), 0)

    def test_it_cannot_touch_the_host(self):
        for command in ("mount -t tmpfs none /mnt", "mknod /x b 8 0", "dmesg", "echo b > /proc/sysrq-trigger",
                        "hostname other"):
            with self.subTest(command):
                result = self.b.run("run", "demo", "sh", "-c", command)
                self.assertNotEqual(result.status, 0, result.text)

    def test_a_session_of_its_own(self):
        text = self.out("demo", "sh", "-c", "cat /proc/self/stat")
        self.assertEqual(text.split()[5], "1")

    def test_network_host(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        self.assertEqual(self.out("--network", "host", "demo", "readlink", "/proc/self/ns/net").strip(),
                         os.readlink("/proc/self/ns/net"))
        listening = f":{port:04X} "
        self.assertNotIn(listening, self.out("demo", "cat", "/proc/net/tcp"))
        self.assertIn(listening, self.out("--network", "host", "demo", "cat", "/proc/net/tcp"))

    def test_ownership_in_the_image_is_seen(self):
        self.assertEqual(self.out("demo", "stat", "-c", "%u:%g %a", "/home/alice/mine", "/tmp"), "1000:1000 600\n0:0 1777\n")

    def test_an_ordinary_user_with_a_range_sees_the_owners_too(self):
        box = self.box(RANGED)
        box.image(archives.rootfs(), "demo")
        self.assertEqual(box.ok("run", "demo", "stat", "-c", "%u:%g %a", "/home/alice/mine"), "1000:1000 600\n")
        self.assertEqual(box.ok("run", "-u", "alice", "demo", "cat", "/home/alice/mine"), "alice's")

    def test_with_one_id_all_is_roots_and_it_is_said(self):
        box = self.box(SINGLE)
        result = box.run("pull-tar", "-", "--name", "demo", input=archives.rootfs())
        self.assertEqual(result.status, 0, result.errors)
        self.assertIn("warning", result.errors)
        self.assertEqual(box.ok("run", "demo", "stat", "-c", "%u:%g %a", "/home/alice/mine"), "0:0 600\n")
        self.assertIn("alice", box.fails(125, "run", "-u", "alice", "demo", "true"))

    def test_setuid_and_capabilities_of_the_image_work(self):
        source = b"#include <stdio.h>\n#include <unistd.h>\nint main() { printf(\"%d %d\", getuid(), geteuid()); }\n"
        program = self.b.home + "/suid"
        subprocess.run(["gcc", "-static", "-x", "c", "-o", program, "-"], input=source, check=True)
        with open(program, "rb") as file:
            content = file.read()
        self.b.image(archives.rootfs(lambda tree: tree.file("bin/suid", content, mode=0o4755)), "suid")
        self.assertEqual(self.b.ok("run", "-u", "alice", "suid", "/bin/suid"), "1000 0")

    def test_concurrent_runs(self):
        processes = [self.b.start("run", "demo", "sh", "-c", f"echo {i} > /n; cat /n") for i in range(20)]
        for i, process in enumerate(processes):
            out, err = process.communicate(timeout=120)
            self.assertEqual((process.returncode, out), (0, f"{i}\n".encode()), err)
        self.assertEqual([n for n in store_content(self.b) if n.startswith("containers")], [])


class RunsInOddPlaces(E2E):
    def test_from_a_working_directory_that_is_gone(self):
        box = self.box()
        box.image(archives.rootfs())
        gone = box.home + "/gone"
        os.makedirs(gone)
        os.chmod(gone, 0o777)
        script = 'rmdir "$PWD"; exec "$@"'
        import harness
        done = subprocess.run(["/bin/sh", "-c", script, "sh", harness.place.program, "run", "demo", "pwd"], cwd=gone,
                              env=box.environment(), capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout), (0, b"/\n"), done.stderr)

    def test_with_closed_standard_streams(self):
        box = self.box()
        box.image(archives.rootfs())
        import harness
        done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", harness.place.program, "run", "demo",
                               "sh", "-c", "exit 3"], env=box.environment(), cwd=box.home, check=False)
        self.assertEqual(done.returncode, 3)

    def test_an_image_with_a_hundred_layers(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                layers = [archives.rootfs()] + [Tree().file(f"l{i}", str(i)).bytes() for i in range(99)]
                box.ok("pull-tar", "-", "--name", "many",
                       input=archives.docker_archive([(archives.config(layers), layers, ["many:latest"])]))
                for backend in BACKENDS:
                    self.assertEqual(box.ok("run", "--backend", backend, "many", "cat", "/l0", "/l98"), "098")


if __name__ == "__main__":
    main()
