"""run as a service of a service manager: what it is told by the command, and the descriptors that it passes."""
import fcntl
import os
import signal
import socket
import subprocess

import harness
from harness import EVERYBODY, RANGED, ROOT, E2E, main, mounts
from service_image import service_image


class Notify(E2E):
    """A socket of ours in the place of systemd's."""

    def manager(self, box, name=None):
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.heard.close)
        self.heard.settimeout(60)
        self.heard.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if name is None:
            name = os.path.join(box.home, "notify")
            self.heard.bind(name)
            os.chmod(name, 0o777)
        else:
            self.heard.bind("\0" + name[1:])
        return {"NOTIFY_SOCKET": name}

    def hear(self):
        return self.heard.recv(65536)

    def hears_no_more(self):
        self.heard.settimeout(0)
        with self.assertRaises(BlockingIOError):
            self.heard.recv(65536)
        self.heard.settimeout(60)

    def test_what_the_command_says_arrives(self):
        for user in EVERYBODY:
            box = service_image(self.box(user))
            for name in (None, f"@layerbox-test-{os.getpid()}-{user.uid}"):
                env = self.manager(box, name)
                for flags in ((), ("--init",), ("--read-only",), ("-u", "alice" if user in (ROOT, RANGED) else "0")):
                    with self.subTest(user=user.name, name=name, flags=flags):
                        seen = mounts()
                        result = box.run("run", *flags, "demo", "sh", "-c",
                                         "echo $NOTIFY_SOCKET; service notify READY=1 'STATUS=up and running'", env=env)
                        self.assertEqual((result.status, result.text, result.errors), (0, "/dev/layerbox-notify\n", ""))
                        self.assertEqual((self.hear(), self.hear()), (b"READY=1", b"STATUS=up and running"))
                        self.hears_no_more()
                        self.assertEqual(mounts(), seen)

    def test_it_comes_from_layerbox_itself(self):
        box = service_image(self.box())
        process = box.start("run", "demo", "service", "notify", "READY=1", env=self.manager(box))
        _, ancillary, _, _ = self.heard.recvmsg(4096, 1024)
        process.communicate(timeout=60)
        credentials = [data for _, kind, data in ancillary if kind == socket.SCM_CREDENTIALS]
        self.assertEqual(int.from_bytes(credentials[0][:4], "little"), process.pid)

    def test_it_arrives_while_the_command_goes_on(self):
        box = service_image(self.box())
        process = box.start("run", "-i", "demo", "sh", "-c", "service notify READY=1; cat", env=self.manager(box))
        self.assertEqual(self.hear(), b"READY=1")
        self.assertIsNone(process.poll())
        out, err = process.communicate(b"go on", timeout=60)
        self.assertEqual((process.returncode, out), (0, b"go on"), err)

    def test_what_means_something_else_outside_does_not(self):
        box = service_image(self.box())
        result = box.run("run", "demo", "service", "notify", "MAINPID=1", "FDSTORE=1\nFDNAME=x", "NOTIFYACCESS=all",
                         "READY=1\nMAINPID=1\n", "STATUS=" + "x" * 5000, "STATUS=\x1b[2J", env=self.manager(box))
        self.assertEqual(result.status, 0, result.errors)
        self.assertEqual((self.hear(), self.hear()), (b"READY=1", b"STATUS=\\x1b[2J"))
        self.hears_no_more()

    def test_a_barrier_is_let_through(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = service_image(self.box(user))
                result = box.run("run", "demo", "service", "barrier", env=self.manager(box))
                self.assertEqual((result.status, result.text), (0, "through\n"), result.errors)
                self.hears_no_more()

    def test_with_other_namespaces(self):
        box = service_image(self.box())
        env = self.manager(box)
        for flags in (("--network", "host"), ("--ipc", "host"), ("--uts", "host")):
            result = box.run("run", *flags, "demo", "service", "notify", "READY=1", env=env)
            self.assertEqual((result.status, result.errors), (0, ""), flags)
            self.assertEqual(self.hear(), b"READY=1")

    def test_a_flood_is_held_back_and_does_not_keep_layerbox(self):
        box = service_image(self.box())
        env = self.manager(box)  # and nobody reads it
        process = box.start("run", "demo", "sh", "-c", "service flood & echo ready; exec sleep 1000", env=env)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.hear()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)

    def test_a_descriptor_whose_close_takes_long_does_not_keep_layerbox(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = service_image(self.box(user))
                process = box.start("run", "demo", "service", "linger", env=self.manager(box))
                self.assertEqual(process.stdout.readline(), b"taken\n")
                # What came with it is being closed now, by whoever has taken it.
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, 143)

    def test_ignored_and_absent(self):
        box = service_image(self.box())
        env = self.manager(box)
        show = ("sh", "-c", "echo [$NOTIFY_SOCKET]; ls /dev")
        for flags, variables in ((("--sdnotify", "ignore"), env), ((), {}), (("--sdnotify", "container"), {}),
                                 ((), {"NOTIFY_SOCKET": ""})):
            result = box.run("run", *flags, "demo", *show, env=variables)
            self.assertEqual(result.text.splitlines()[0], "[]")
            self.assertNotIn("layerbox-notify", result.text)
        self.hears_no_more()

    def test_a_manager_that_is_not_there_is_said_and_harms_nothing(self):
        box = service_image(self.box())
        env = {"NOTIFY_SOCKET": box.home + "/nobody"}
        result = box.run("run", "demo", "service", "notify", "READY=1", env=env)
        self.assertEqual(result.status, 0)
        self.assertIn("the service manager was not told all that the command said: No such file", result.errors)
        result = box.run("run", "demo", "true", env=env)  # it said nothing
        self.assertEqual((result.status, result.errors), (0, ""))
        error = box.fails(125, "run", "demo", "true", env={"NOTIFY_SOCKET": "vsock:2:1234"})
        self.assertIn("--sdnotify ignore", error)

    def test_the_watchdogs_time_is_passed_on(self):
        box = service_image(self.box())
        env = {**self.manager(box), "WATCHDOG_USEC": "3000000"}
        self.assertEqual(box.ok("run", "demo", "sh", "-c", "echo $WATCHDOG_USEC $WATCHDOG_PID", env=env), "3000000\n")


class Descriptors(E2E):
    def passing(self, box, fds, words, listen=None, names=None, env=None):
        """Runs layerbox with `fds` as its descriptors from 3 on, as a service manager or a shell would."""
        script = 'exec "$@"'
        if listen is not None:
            script = f"LISTEN_PID=$$ LISTEN_FDS={listen} " + (f"LISTEN_FDNAMES={names} " if names else "") + script
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 200) for fd in fds]

        def place():
            for number, fd in enumerate(high):
                os.dup2(fd, 3 + number, inheritable=True)
        options = {}
        if os.geteuid() == 0 and box.user.uid != 0:
            options = {"user": box.user.uid, "group": box.user.uid, "extra_groups": []}
        process = subprocess.Popen(["/bin/sh", "-c", script, "sh", harness.place.program, *words], close_fds=False,
                                   preexec_fn=place, env={**box.environment(), **(env or {})}, cwd=box.home,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        for fd in high:
            os.close(fd)
        return process

    def output(self, process, status=0):
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, status, err)
        return out.decode()

    def test_a_listening_socket_is_the_commands(self):
        show = "echo $LISTEN_FDS $LISTEN_FDNAMES $(test $LISTEN_PID = $$ && echo mine); service accept"
        for user in EVERYBODY:
            box = service_image(self.box(user))
            for flags in ((), ("--init",), ("-u", "0")):
                with self.subTest(user=user.name, flags=flags):
                    with socket.create_server(("127.0.0.1", 0)) as listener:
                        process = self.passing(box, [listener.fileno()], ["run", *flags, "demo", "sh", "-c", show],
                                               listen=1, names="web")
                        with socket.create_connection(listener.getsockname()) as client:
                            self.assertEqual(client.recv(100), b"hello\n")
                        self.assertEqual(self.output(process), "1 web mine\n")

    def test_listen_pid_is_the_number_inside(self):
        box = service_image(self.box())
        for flags, number in (((), "1"), (("--init",), "2")):
            with open("/dev/null", "rb") as file:
                process = self.passing(box, [file.fileno()], ["run", *flags, "-e", "LISTEN_PID=77", "demo", "sh", "-c",
                                                              "echo $LISTEN_PID; env | grep -c LISTEN_PID"], listen=1)
            self.assertEqual(self.output(process), f"{number}\n1\n")

    def test_preserved_descriptors_and_no_others(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = service_image(self.box(user))
                readers, writers = [], []
                for _ in range(3):
                    reader, writer = os.pipe()
                    readers.append(reader)
                    writers.append(writer)
                    os.write(writer, f"pipe{len(writers)}".encode())
                    os.close(writer)
                process = self.passing(box, readers, ["run", "--preserve-fds", "2", "demo", "sh", "-c",
                                                      "cat <&3; cat <&4; ls /proc/self/fd; echo $LISTEN_FDS$LISTEN_PID"])
                text = self.output(process)
                self.assertTrue(text.startswith("pipe1pipe2"), text)
                # 5 is that of ls itself.
                self.assertEqual(text[10:].split(), ["0", "1", "2", "3", "4", "5"])
                for reader in readers:
                    os.close(reader)

    def test_those_of_the_manager_come_first(self):
        box = service_image(self.box())
        readers = []
        for word in ("listen", "preserved"):
            reader, writer = os.pipe()
            os.write(writer, word.encode())
            os.close(writer)
            readers.append(reader)
        process = self.passing(box, readers, ["run", "--preserve-fds", "1", "demo", "sh", "-c",
                                              "cat <&3; echo; cat <&4; echo; echo $LISTEN_FDS"], listen=1)
        self.assertEqual(self.output(process), "listen\npreserved\n1\n")
        for reader in readers:
            os.close(reader)

    def test_variables_for_another_process_are_not_ours(self):
        box = service_image(self.box())
        with open("/dev/null", "rb") as file:
            process = self.passing(box, [file.fileno()], ["run", "demo", "sh", "-c", "ls /proc/$$/fd; echo [$LISTEN_FDS]"],
                                   env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
        text = self.output(process)
        self.assertIn("[]", text)
        self.assertNotIn("\n3\n", text)

    def test_one_that_is_not_open_ends_the_run_before_anything_is_opened(self):
        box = service_image(self.box())
        with open("/dev/null", "rb") as file:
            process = self.passing(box, [file.fileno()], ["run", "--preserve-fds", "2", "demo", "true"])
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 125, err)
        self.assertIn(b"descriptor 4 is not open", err)
        self.assertIn(b"hint: ", err)
        error = box.fails(125, "run", "--preserve-fds", "513", "demo", "true")
        self.assertIn("limit of 512", error)

    def test_the_init_does_not_keep_them(self):
        box = service_image(self.box())
        reader, writer = os.pipe()
        # The command lets go of it and goes on: the reader sees the end, as nobody else has it.
        process = self.passing(box, [writer], ["run", "--init", "--preserve-fds", "1", "demo", "sh", "-c",
                                               "echo last >&3; exec 3>&-; echo ready; while :; do sleep 0.05; done"])
        os.close(writer)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        with os.fdopen(reader, "rb") as file:
            self.assertEqual(file.read(), b"last\n")
        self.assertIsNone(process.poll())
        process.kill()
        process.communicate(timeout=60)

    def test_a_directory_that_is_passed_is_no_working_directory_and_no_way_to_layerbox(self):
        box = service_image(self.box())
        top = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, top)
        process = self.passing(box, [top], ["run", "--preserve-fds", "1", "-w", "/proc/self/fd/3", "demo", "pwd"])
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (125, b""), err)
        program = "/proc/self/fd/3" + harness.place.program
        process = self.passing(box, [top], ["run", "--preserve-fds", "1", "demo", program, "--version"])
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (126, b""), err)
        self.assertIn(b"layerbox itself", err)


if __name__ == "__main__":
    main()
