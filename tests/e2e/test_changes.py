"""What containers changed: diff, commit; and squash."""
import io
import os
import shutil
import tarfile

import archives
from harness import EVERYBODY, ROOT, SINGLE, E2E, main, skip, store_content

BACKENDS = ("overlay", "copy")
WORK = """
echo new > /etc/new; echo more >> /etc/passwd; rm /etc/group; mkdir -p /a/b; echo x > /a/b/f; ln /a/b/f /a/g
chmod 700 /home; rm -rf /usr; mkdir /usr; ln -sf nowhere /bin/script; mkfifo /pipe; touch -r /bin/ls /bin/ls
printf 'a\\033[31m' > "$(printf '/etc/\\033[31m')"
"""
CHANGES = """\
A /a
A /a/b
A /a/b/f
A /a/g
C /bin
C /bin/script
C /etc
A /etc/\\x1b[31m
D /etc/group
A /etc/new
C /etc/passwd
C /home
A /pipe
C /usr
D /usr/bin
"""


def images_of(box):
    """But for when they were last used: that a commit failed does not undo that it was tried."""
    return [{key: value for key, value in image.items() if key != "last_used"} for image in box.json("images")]


class Diff(E2E):
    def each_backend(self):
        for box in self.each_with_image(archives.rootfs()):
            for backend in BACKENDS:
                with self.subTest(backend):
                    yield box, backend

    def test_tells_what_was_added_changed_and_deleted(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", backend, "-v", "data:/srv/data", "-v", "/own", "--tmpfs", "/tm",
                   "demo", "sh", "-c", WORK)
            self.assertEqual(box.ok("diff", backend), CHANGES)
            document = box.json("diff", backend)
            self.assertEqual([(one["kind"][0].upper(), one["path"]) for one in document],
                             [(line[0], line[2:].replace("\\x1b", "\x1b")) for line in CHANGES.splitlines()])
            self.assertEqual(box.ok("diff", backend), CHANGES)
            box.ok("rm", backend)

    def test_tells_nothing_where_nothing_was_done(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", backend, "demo", "cat", "/etc/passwd")
            self.assertEqual(box.ok("diff", backend), "")
            self.assertEqual(box.json("diff", backend), [])
            box.ok("run", "--read-only", "--backend", backend, "--name", "ro-" + backend, "demo", "true")
            self.assertEqual(box.ok("diff", "ro-" + backend), "")

    def test_mount_points_that_an_image_lacks_are_nobodys_change(self):
        bare = archives.Tree().dir("bin").file("bin/sh", archives.busybox(), mode=0o755).bytes()
        for box in self.each_with_image(bare):
            for backend in BACKENDS:
                box.ok("run", "--backend", backend, "--name", backend, "-v", "data:/srv/data", "demo", "/bin/sh", "-c", ":")
                self.assertEqual(box.ok("diff", backend), "")
                box.ok("run", "--backend", backend, "--name", "x" + backend, "demo", "/bin/sh", "-c", "echo > /etc/x")
                self.assertEqual(box.ok("diff", "x" + backend), "A /etc\nA /etc/x\n")

    def test_of_two(self):
        for box, backend in self.each_backend():
            for name in ("one", "two"):
                box.ok("run", "--backend", backend, "--name", f"{name}-{backend}", "demo", "sh", "-c",
                       f"echo > /only-{name}; echo > /both; touch -d @1600000001 /both")
            self.assertEqual(box.ok("diff", f"one-{backend}", f"two-{backend}"), "D /only-one\nA /only-two\n")
            self.assertEqual(box.ok("diff", "demo", f"two-{backend}"), box.ok("diff", f"two-{backend}"))
            self.assertEqual(box.ok("diff", "demo", "demo"), "")

    def test_of_a_container_that_runs(self):
        for box, backend in self.each_backend():
            process = box.start("run", "-i", "--backend", backend, "--name", "live" + backend, "demo", "sh", "-c",
                                "echo 1 > /one; echo up; read x; echo 2 > /two; echo done; read x")
            self.assertEqual(process.stdout.readline(), b"up\n")
            self.assertEqual(box.ok("diff", "live" + backend), "A /one\n")
            process.stdin.write(b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"done\n")
            self.assertEqual(box.ok("diff", "live" + backend), "A /one\nA /two\n")
            process.communicate(timeout=60)

    def test_refuses(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        box.fails(2, "diff")
        self.assertIn("an image", box.fails(2, "diff", "demo"))
        box.fails(2, "diff", "demo", "demo", "demo")
        self.assertIn("dem", box.fails(1, "diff", "dem"))
        box.ok("run", "--keep", "--name", "bare", "--rootfs", self.directory(box), "/bin/true")
        self.assertIn("--rootfs", box.fails(1, "diff", "bare"))
        self.assertEqual([name for name in store_content(box) if name.startswith("staging")], [])

    def directory(self, box):
        top = os.path.join(box.home, "dir")
        os.makedirs(top + "/bin")
        shutil.copy(shutil.which("busybox", path="/bin:/usr/bin"), top + "/bin/true")
        return top


class Commit(E2E):
    def each_backend(self):
        for box in self.each_with_image(archives.rootfs()):
            for backend in BACKENDS:
                with self.subTest(backend):
                    yield box, backend

    def config(self, box, reference):
        return box.json("inspect", reference)[0]["config"]

    def test_the_image_is_what_the_container_was(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", backend, "-v", "data:/srv/data", "demo", "sh", "-c", WORK)
            line = box.ok("commit", backend, "made:" + backend)
            self.assertRegex(line, rf"\Asha256:[0-9a-f]{{64}}\tmade:{backend}\n\Z")
            self.assertEqual(box.ok("diff", "demo", "made:" + backend), CHANGES)
            self.assertEqual(box.ok("diff", "made:" + backend, backend), "")
            self.assertEqual(box.ok("diff", backend, "made:" + backend), "")
            for other in BACKENDS:
                self.assertEqual(box.ok("run", "--backend", other, "made:" + backend, "sh", "-c",
                                        "cat /etc/new /a/g; test -e /etc/group || echo gone; ls /usr; stat -c %a /home"),
                                 "new\nx\ngone\n700\n")
            # The container goes on, and may be committed again.
            box.ok("commit", backend, "again")
            box.ok("rm", backend)
            box.ok("run", "made:" + backend, "true")

    def test_the_config_gets_a_step_and_the_changes(self):
        data = archives.docker_archive([(archives.config([archives.rootfs()], Env=["A=1"], Cmd=["old"]),
                                         [archives.rootfs()], ["base:1"])])
        for user in EVERYBODY:
            box = self.box(user)
            box.ok("pull-tar", "-", input=data)
            box.ok("run", "--name", "c", "-e", "RUN=only", "base:1", "sh", "-c", "echo > /x")
            box.ok("commit", "-m", "words", "-a", "me", "-c", "ENV B=$A-2", "-c", 'ENTRYPOINT ["/bin/sh"]',
                   "--change", "LABEL k=v", "-c", "EXPOSE 80", "c", "made")
            config, before = self.config(box, "made"), self.config(box, "base:1")
            self.assertEqual(config["config"], {"Env": ["A=1", "B=1-2"], "Entrypoint": ["/bin/sh"], "Labels": {"k": "v"},
                                                "ExposedPorts": {"80/tcp": {}}})
            self.assertEqual(config["rootfs"]["diff_ids"][:-1], before["rootfs"]["diff_ids"])
            self.assertEqual(config["history"][:-1], before["history"])
            step = config["history"][-1]
            self.assertEqual((step["comment"], step["author"], step["created_by"]), ("words", "me", "sh -c echo > /x"))
            self.assertEqual(step["created"], config["created"])
            self.assertEqual(len(box.json("history", "made")), 2)
            self.assertEqual(box.ok("run", "made", "-c", "echo $B"), "1-2\n")

    def test_no_change_is_a_step_without_a_layer(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", "idle-" + backend, "demo", "true")
            box.ok("commit", "idle-" + backend, "same")
            config = self.config(box, "same")
            self.assertEqual(config["rootfs"], self.config(box, "demo")["rootfs"])
            self.assertIs(config["history"][-1]["empty_layer"], True)
            self.assertEqual([layer["diff_id"] for layer in box.json("layers")], config["rootfs"]["diff_ids"])
            box.ok("run", "same", "true")

    def test_of_a_container_that_runs(self):
        for box, backend in self.each_backend():
            name = "live" + backend
            process = box.start("run", "-i", "--backend", backend, "--name", name, "demo", "sh", "-c",
                                "echo 1 > /one; echo up; read x")
            self.assertEqual(process.stdout.readline(), b"up\n")
            box.ok("commit", name, "live")
            process.communicate(b"\n", timeout=60)
            self.assertEqual(box.ok("diff", "demo", "live"), "A /one\n")

    def test_a_writer_that_never_rests(self):
        """No hang, no crash: an image that can be used, or a proper error."""
        for user in (ROOT, SINGLE):
            for backend in BACKENDS:
                box = self.box(user)
                box.image(archives.rootfs(), "demo")
                process = box.start("run", "--backend", backend, "--name", "busy", "demo", "sh", "-c",
                                    "mkdir /w; cd /w; echo up; i=0; while :; do i=$((i+1)); dd if=/dev/zero of=f$((i%7)) bs=9k "
                                    "count=$((i%9)) 2>/dev/null; mkdir -p d$((i%5))/e; rm -rf d$(((i+2)%5)) f$(((i+3)%7)); "
                                    "mkfifo p$((i%3)) 2>/dev/null; mv p$((i%3)) q$((i%7)); done")
                self.assertEqual(process.stdout.readline(), b"up\n")
                made = 0
                for number in range(6):
                    result = box.run("commit", "busy", f"made:{number}")
                    if result.status != 0:
                        self.assertEqual(result.status, 1)
                        self.assert_proper_error(result)
                    else:
                        made += 1
                        box.ok("run", f"made:{number}", "ls", "-lR", "/w")
                    self.assertIn(box.run("export", "-o", os.path.join(box.home, "x.tar"), "busy").status, (0, 1))
                    self.assertIn(box.run("diff", "busy").status, (0, 1))
                self.assertGreater(made, 0)
                process.kill()
                process.communicate()
                box.ok("rm", "-f", "busy")

    def test_what_fails_leaves_nothing(self):
        for box, backend in self.each_backend():
            box.ok("run", "--backend", backend, "--name", backend, "demo", "sh", "-c", "echo > /etc/.wh.passwd")
            before = (store_content(box), images_of(box), box.json("layers"))
            self.assertIn("/etc/.wh.passwd", box.fails(1, "commit", backend, "bad"))
            box.fails(1, "commit", "no-such-container", "bad")
            box.fails(2, "commit", "-c", "RUN make", backend, "bad")
            box.fails(2, "commit", backend, "Bad Name")
            box.fails(2, "commit", backend)
            self.assertEqual((store_content(box), images_of(box), box.json("layers")), before)
            # A file of that name is no trouble for an archive.
            self.assertIn(b"etc/.wh.passwd", box.run("export", backend).out)

    def test_a_kill_at_any_step_leaves_nothing(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        box.ok("run", "--name", "c", "demo", "sh", "-c", "echo x > /x")
        before = (store_content(box), images_of(box), box.json("layers"))
        points = ("import.after_unpack", "import.after_sync", "store.commit_layer.before_rename",
                  "store.commit_layer.before_fsync", "store.put_blob.before_rename", "layers.derived_image.before_publish",
                  "store.publish_image.before_commit")
        for point in points:
            for how in ("error", "kill"):
                result = box.run("commit", "c", "made", env={"LAYERBOX_FAULT": f"{point}={how}"})
                if point == points[0] and how == "error" and result.status == 0:
                    skip(self, "faults", "the program was built without fault points")
                self.assertEqual(result.status, 1 if how == "error" else -9, (point, result.errors))
                box.ok("images")
                self.assertEqual((store_content(box), images_of(box), box.json("layers")), before, point)
        box.ok("commit", "c", "made")

    def test_the_name_moves(self):
        box = self.box()
        old = box.image(archives.rootfs(), "demo")
        box.ok("run", "--name", "c", "demo", "sh", "-c", "echo > /x")
        result = box.run("commit", "c", "demo")
        self.assertIn(old[7:19], result.errors)
        self.assertEqual({image["id"]: image["names"] for image in box.json("images")},
                         {old: [], result.text.split("\t")[0]: ["demo:latest"]})

    def test_a_container_of_a_committed_image_is_committed_again(self):
        box = self.box()
        box.image(archives.rootfs(), "demo:0")
        for number in range(5):
            box.ok("run", "--name", f"c{number}", f"demo:{number}", "sh", "-c", f"echo {number} > /n; rm -f /f*; echo > /f{number}")
            box.ok("commit", f"c{number}", f"demo:{number + 1}")
        self.assertEqual(box.ok("run", "demo:5", "sh", "-c", "cat /n; echo /f*"), "4\n/f4\n")
        self.assertEqual(box.json("images")[0]["layers"], 6)

    def test_what_everybody_commits_means_the_same_to_root(self):
        """Owners and devices that a user's file system could not hold are not lost by a change beside them."""
        tar = archives.rootfs(lambda tree: tree.dir("srv", uid=1000, gid=50, mode=0o2775).file(
            "srv/mine", "x", uid=1000, gid=50, pax={"SCHILY.xattr.user.note": "noted"}).add(
                "srv/null", tarfile.CHRTYPE, major=1, minor=3, mode=0o666))
        for box in self.each_with_image(tar):
            box.ok("run", "--name", "c", "demo", "sh", "-c", "echo new > /srv/new; echo more >> /srv/mine; chmod 750 /home/alice")
            box.ok("commit", "c", "made")
            root = self.box()
            root.ok("pull-tar", "-", input=box.run("save", "made").out)
            out = io.BytesIO(root.run("export", "made").out)
            with tarfile.open(fileobj=out) as got:
                found = {name: (got.getmember(name).uid, got.getmember(name).gid, got.getmember(name).mode)
                         for name in ("srv", "srv/mine", "srv/new", "srv/null", "home/alice", "home/alice/mine")}
            self.assertEqual(found, {"srv": (1000, 50, 0o2775), "srv/mine": (1000, 50, 0o644),
                                     "srv/new": (0, found["srv/new"][1], 0o644), "srv/null": (0, 0, 0o666),
                                     "home/alice": (1000, 1000, 0o750), "home/alice/mine": (1000, 1000, 0o600)})


class Squash(E2E):
    def image(self, box):
        base = archives.rootfs()
        top = archives.Tree().file("etc/.wh.group").file("etc/new", "x").dir("home").file("home/.wh..wh..opq").bytes()
        box.ok("pull-tar", "-", input=archives.docker_archive(
            [(archives.config([base, top, base], Env=["A=B"], Cmd=["cat", "/etc/new"]), [base, top, base], ["three:1"])]))

    def test_one_layer_shows_what_all_did(self):
        for user in EVERYBODY:
            box = self.box(user)
            self.image(box)
            first = box.ok("squash", "three:1", "one:1")
            self.assertEqual(box.ok("squash", "three:1", "one:2").split("\t")[0], first.split("\t")[0])
            images = {name: image for image in box.json("images") for name in image["names"]}
            self.assertEqual((images["three:1"]["layers"], images["one:1"]["layers"]), (3, 1))
            self.assertEqual(box.ok("diff", "three:1", "one:1"), "")
            self.assertEqual(box.run("export", "one:1").out, box.run("export", "three:1").out)
            self.assertEqual(box.ok("run", "one:1"), "x")
            steps = box.json("history", "one:1")
            self.assertEqual([step["empty_layer"] for step in steps], [False, True, True, True])
            old, new = (box.json("inspect", name)[0]["config"] for name in ("three:1", "one:1"))
            self.assertEqual((new["config"], new["created"]), (old["config"], old["created"]))
            box.ok("rmi", "three:1")
            box.ok("run", "one:1", "true")

    def test_refuses(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        before = store_content(box)
        box.fails(2, "squash", "demo")
        box.fails(2, "squash", "demo", "Bad Name")
        box.fails(1, "squash", "no-such-image", "x")
        self.assertEqual(store_content(box), before)


if __name__ == "__main__":
    main()
