"""The walls of a container and the flags that move them, with the built program, for everybody."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import archives
import harness
from harness import EVERYBODY, ROOT, E2E, main

ALLOW_ALL_BUT = {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33}]}


class Seccomp(E2E):
    def setUp(self):
        self.boxes = []
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            self.boxes.append(box)

    def status(self, box, *flags):
        text = box.ok("run", *flags, "demo", "cat", "/proc/self/status")
        return {name: re.search(rf"(?m)^{name}:\s+(\w+)", text).group(1) for name in ("Seccomp", "NoNewPrivs", "CapBnd")}

    def test_the_default(self):
        for box in self.boxes:
            with self.subTest(box.user.name):
                self.assertEqual(self.status(box), {"Seccomp": "2", "NoNewPrivs": "0", "CapBnd": "00000000a80425fb"})

    def test_unconfined_and_no_new_privileges(self):
        for box in self.boxes:
            with self.subTest(box.user.name):
                self.assertEqual(self.status(box, "--security-opt", "seccomp=unconfined")["Seccomp"], "0")
                self.assertEqual(self.status(box, "--security-opt", "no-new-privileges")["NoNewPrivs"], "1")

    def test_a_profile_from_a_file(self):
        for box in self.boxes:
            with self.subTest(box.user.name):
                profile = box.write("profile.json", json.dumps(ALLOW_ALL_BUT).encode())
                result = box.run("run", "--security-opt", f"seccomp={profile}", "demo", "mkdir", "/tmp/x")
                self.assertEqual(result.status, 1)
                self.assertIn("argument out of domain", result.errors)
                self.assertEqual(box.ok("run", "--security-opt", f"seccomp={profile}", "demo", "echo", "fine"), "fine\n")

    def test_a_profile_that_is_none(self):
        box = self.boxes[0]
        broken = box.write("broken.json", b'{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  "syscalls": [}\n')
        self.assertIn("broken.json:3:16", box.fails(125, "run", "--security-opt", f"seccomp={broken}", "demo", "true"))
        wrong = box.write("wrong.json", b'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "NO"}]}')
        self.assertIn("syscalls[0].action", box.fails(125, "run", "--security-opt", f"seccomp={wrong}", "demo", "true"))
        self.assertIn("/no/such.json", box.fails(125, "run", "--security-opt", "seccomp=/no/such.json", "demo", "true"))

    def test_options_that_are_none(self):
        box = self.boxes[0]
        for flags in (("--security-opt", "secomp=unconfined"), ("--security-opt", "seccomp="), ("--ulimit", "files=3"),
                      ("--ulimit", "nofile=9:3"), ("--oom-score-adj", "2000"), ("--security-opt", "mask=relative")):
            self.assertIn(flags[1], box.fails(2, "run", *flags, "demo", "true"))

    def test_the_profile_of_podman_works_where_it_is_installed(self):
        profile = "/usr/share/containers/seccomp.json"
        if not os.path.exists(profile):
            self.skipTest(f"{profile} is not there")
        for box in self.boxes:
            with self.subTest(box.user.name):
                self.assertEqual(box.ok("run", "--security-opt", f"seccomp={profile}", "demo", "sh", "-c",
                                        "mkdir /tmp/x && echo fine | cat"), "fine\n")


class Flags(E2E):
    def each(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            with self.subTest(user.name):
                yield box

    def test_ulimit(self):
        for box in self.each():
            self.assertEqual(box.ok("run", "demo", "sh", "-c", "ulimit -Sn"), "1024\n")
            self.assertEqual(box.ok("run", "--ulimit", "nofile=100:200", "--ulimit", "core=0", "demo", "sh", "-c",
                                    "ulimit -Sn; ulimit -Hn; ulimit -c"), "100\n200\n0\n")

    def test_oom_score_adj(self):
        for box in self.each():
            self.assertEqual(box.ok("run", "--oom-score-adj", "200", "demo", "cat", "/proc/self/oom_score_adj"), "200\n")

    def test_unmask_and_mask(self):
        for box in self.each():
            script = "cat /proc/timer_list 2>/dev/null | head -c 1 | wc -c; wc -c < /etc/os-release"
            self.assertEqual(box.ok("run", "--security-opt", "mask=/etc/os-release:/no/such/path", "demo", "sh", "-c",
                                    script).split(), ["0", "0"])
            mounts = box.ok("run", "--security-opt", "unmask=ALL", "demo", "cat", "/proc/self/mounts")
            self.assertEqual([l for l in mounts.splitlines() if l.split()[1].startswith("/proc/")], [])
            mounts = box.ok("run", "--security-opt", "unmask=/proc/sys", "demo", "cat", "/proc/self/mounts")
            self.assertNotIn(" /proc/sys ", mounts)
            self.assertIn(" /proc/bus ", mounts)

    def test_privileged(self):
        for box in self.each():
            text = box.ok("run", "--privileged", "demo", "sh", "-c",
                          "cat /proc/self/status; mount -t tmpfs none /mnt && echo mounted; ls /dev")
            self.assertIn("mounted", text)
            self.assertRegex(text, r"(?m)^Seccomp:\s+0$")
            self.assertRegex(text, r"(?m)^CapBnd:\s+0*1ffffffffff$")
            # Root inside is still not root outside.
            result = box.run("run", "--privileged", "demo", "sh", "-c", "echo x > /proc/sys/kernel/core_pattern")
            self.assertNotEqual(result.status, 0)


def evil(tar):
    tar.symlink("bin/self", "/proc/self/exe")
    tar.file("bin/again", b"#!/proc/self/exe\n", mode=0o755)


class Shown(E2E):
    def test_inspect_names_the_walls_that_were_moved(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        box.ok("run", "--name", "open", "--security-opt", "seccomp=unconfined", "--security-opt", "unmask=ALL",
               "--security-opt", "no-new-privileges", "--ulimit", "core=0:-1", "--oom-score-adj", "7", "demo", "true")
        shown = json.loads(box.ok("inspect", "open"))
        text = json.dumps(shown)
        for words in ('"seccomp": "unconfined"', '"masked_paths": []', '"no_new_privileges": true', '"oom_score_adj": 7',
                      '"limits": [{"name": "core", "soft": 0, "hard": -1}]'):
            self.assertIn(words, text)


class Landlock(E2E):
    """The options, and that they hold; what is tried against them is in tests/runner/run_landlock_test.cpp."""

    def setUp(self):
        version = self.box(ROOT).json("info")["landlock"]
        if version["version"] < 6:
            harness.skip(self, "landlock", f"version {version['version']} {version['reason']}")

    def each(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            with self.subTest(user.name):
                yield box

    def rules(self, *rules):
        return [word for rule in rules for word in ("--security-opt", f"landlock={rule}")]

    def test_files_ports_and_scope(self):
        for box in self.each():
            script = ("echo x > /tmp/f && cat /tmp/f; echo x > /mnt/f || echo refused; cat /etc/os-release; "
                      "kill -0 1 || echo alone; nc 127.0.0.1 80; nc 127.0.0.1 81; grep CapBnd /proc/self/status")
            result = box.run("run", "--init", *self.rules("ro:/", "rw:/tmp", "connect:80", "scope"), "demo", "sh", "-c", script)
            self.assertEqual(result.text, 'x\nrefused\nNAME="small"\nalone\nCapBnd:\t00000000a80405fb\n', result.errors)
            self.assertIn("Connection refused", result.errors.splitlines()[-2])
            self.assertIn("Permission denied", result.errors.splitlines()[-1])
            # A volume is a place like any other, and what no rule names is shut.
            volume = os.path.join(box.home, "volume")
            os.mkdir(volume)
            os.chown(volume, box.user.uid, box.user.uid)
            box.ok("run", *self.rules("ro:/bin", "w:/v"), "-v", f"{volume}:/v", "demo", "sh", "-c", "echo x > /v/made")
            self.assertEqual(os.listdir(volume), ["made"])
            self.assertEqual(box.run("run", *self.rules("ro:/bin"), "-v", f"{volume}:/v", "demo", "cat", "/v/made").status, 1)

    def test_what_cannot_be_held_or_is_not_there_ends_the_run(self):
        for box in self.each():
            errors = box.fails(125, "run", *self.rules("ro:/", "rw:/no/such"), "demo", "true")
            self.assertIn("the Landlock rule 'rw:/no/such'", errors)
            errors = box.fails(126, "run", *self.rules("r:/"), "demo", "true")
            self.assertIn("landlock=ro:/", errors)
            if box.run("run", *self.rules("scope"), "demo", "true", env={"LAYERBOX_FAULT_LANDLOCK": "5"}).status != 0:
                errors = box.fails(125, "run", *self.rules("scope"), "demo", "true", env={"LAYERBOX_FAULT_LANDLOCK": "5"})
                self.assertIn("Linux 6.12", errors)
            box.fails(2, "run", *self.rules("rw"), "demo", "true")

    def test_a_kept_container_shows_its_rules(self):
        box = self.box(ROOT)
        box.image(archives.rootfs(), "demo")
        box.ok("run", "--name", "held", *self.rules("ro:/", "bind:8080"), "demo", "true")
        self.assertEqual(box.json("inspect", "held")[0]["config"]["landlock"],
                         {"paths": [{"access": "ro", "path": "/"}], "connect": [], "bind": [8080], "scope": False})


class OwnProgram(E2E):
    """CVE-2019-5736: the program on the host must not come into the hands of the container."""

    def test_it_is_not_executed_and_not_changed(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(evil), "evil", "--cmd",
                          '["/proc/self/exe", "--help"]')
                mine = os.path.join(box.home, "layerbox")
                shutil.copy(harness.place.program, mine)
                os.chmod(mine, 0o755)
                os.chown(mine, user.uid, user.uid)
                before = (pathlib.Path(mine).read_bytes(), os.stat(mine).st_mode)
                as_user = {} if user.uid == 0 or os.geteuid() != 0 else {"user": user.uid, "group": user.uid, "extra_groups": []}
                attack = ("for p in /proc/[0-9]* /proc/self /proc/thread-self; do echo x > $p/exe; chmod 777 $p/exe; "
                          "cp /bin/busybox $p/exe; done; true")
                for words in (["evil"], ["evil", "self"], ["evil", "again"], ["--init", "evil", "self"], ["--init", "evil", "sh", "-c", attack],
                              ["--init", "--privileged", "evil", "sh", "-c", attack],
                              ["--init", "-u", "alice", "evil", "sh", "-c", attack],
                              *([["--init", "--userns", "host", "evil", "sh", "-c", attack]] if user is ROOT else [])):
                    done = subprocess.run([mine, "run", *words], env=box.environment(), cwd=box.home, check=False,
                                          capture_output=True, stdin=subprocess.DEVNULL, **as_user)
                    if words[-1] != attack:
                        self.assertEqual(done.returncode, 126, done)
                        self.assertIn(b"layerbox itself", done.stderr)
                    self.assertEqual((pathlib.Path(mine).read_bytes(), os.stat(mine).st_mode), before, words)

    def test_init_shows_nothing_of_the_command_line_on_the_host(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                script = "cat /proc/1/cmdline; cat /proc/1/comm; cat /proc/1/environ /proc/1/maps 2>/dev/null; true"
                shown = box.ok("run", "--init", "-e", "TOKEN=s3cret", "-v", f"{box.home}:/mnt", "demo", "sh", "-c", script)
                self.assertEqual(shown, "layerbox-init\0layerbox-init\n")


if __name__ == "__main__":
    main()
