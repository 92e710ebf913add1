"""What the program accepts at all: help, version, bad uses, settings, the shape of errors."""
import json

import archives
from harness import EVERYBODY, ROOT, E2E, main

VERBS = ("pull-tar", "images", "inspect", "tag", "rmi", "run", "ps", "rm", "layers", "info")


class Help(E2E):
    def test_version_names_the_program(self):
        self.assertRegex(self.box().ok("--version"), r"\Alayerbox \d+\.\d+\.\d+\n\Z")

    def test_help_lists_every_command(self):
        text = self.box().ok("--help")
        for verb in VERBS:
            self.assertIn(verb, text)

    def test_every_command_has_help(self):
        box = self.box()
        for verb in VERBS:
            with self.subTest(verb):
                result = box.run(verb, "--help")
                self.assertEqual((result.status, result.errors), (0, ""))
                self.assertIn("layerbox", result.text)
                self.assertIn(verb, result.text)

    def test_help_touches_no_store(self):
        box = self.box()
        box.ok("run", "--help")
        box.ok("--version")
        import os
        self.assertFalse(os.path.exists(box.store))


class BadUses(E2E):
    def test_wrong_command_lines_end_with_2(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        for arguments in ((), ("no-such-command",), ("--no-such-option",), ("images", "--no-such-option"),
                          ("images", "--format", "yaml"), ("images", "extra"), ("pull-tar",),
                          ("pull-tar", "a", "b"), ("pull-tar", "-", "--type", "zip"), ("tag",), ("tag", "one"),
                          ("tag", "a", "b", "c"), ("rmi",), ("inspect",), ("rm",), ("run",),
                          ("run", "--backend", "zfs", "demo"), ("run", "--network", "token~ring", "demo"),
                          ("run", "-v", "no~name:/x", "demo"), ("run", "-v", "/x", "-v", ":", "demo"),
                          ("run", "-e"), ("run", "--keep", "--rm", "demo"), ("run", "--rootfs"),
                          ("pull-tar", "-", "--platform", "linux"), ("pull-tar", "-", "--platform", "linux/"),
                          ("pull-tar", "-", "--workdir", "relative"), ("pull-tar", "-", "--name", "UPPER"),
                          ("pull-tar", "-", "--env", "NOVALUE="[:-1]), ("--root",), ("--root", "", "images")):
            with self.subTest(arguments):
                box.fails(2, *arguments)

    def test_a_misspelt_command_is_answered_with_the_nearest(self):
        self.assertIn("images", self.box().fails(2, "imagse"))

    def test_unknown_references_end_with_1_and_name_them(self):
        box = self.box()
        box.image(archives.rootfs(), "debian:12")
        for arguments in (("inspect", "debain:12"), ("rmi", "debain:12"), ("tag", "debain:12", "x")):
            with self.subTest(arguments):
                text = box.fails(1, *arguments)
                self.assertIn("debain:12", text)
                self.assertIn("hint: ", text)
                self.assertIn("debian:12", text)

    def test_run_of_an_unknown_image_ends_with_125(self):
        box = self.box()
        self.assertIn("nothing-like-it", box.fails(125, "run", "nothing-like-it", "true"))

    def test_rm_of_an_unknown_container_ends_with_1(self):
        self.assertIn("no-such-one", self.box().fails(1, "rm", "no-such-one"))

    def test_hostile_names_do_not_reach_the_terminal(self):
        box = self.box()
        for arguments in (("inspect", "\x1b[31mred"), ("pull-tar", "/no/such\x1b[31m/file")):
            text = box.run(*arguments).errors
            self.assertNotIn("\x1b", text)

    def test_a_missing_source_is_named(self):
        self.assertIn("/no/such/file", self.box().fails(1, "pull-tar", "/no/such/file"))

    def test_a_closed_standard_output_is_an_error(self):
        box = self.box()
        with open("/dev/full", "wb") as full:
            result = box.run("images", "--format", "json", stdout=full)
        self.assertEqual(result.status, 1)
        self.assert_proper_error(result)


class Store(E2E):
    def test_root_option_wins_over_the_environment(self):
        box = self.box()
        other = box.home + "/other"
        box.ok("--root", other, "pull-tar", "-", "--name", "there", input=archives.rootfs())
        self.assertEqual(len(json.loads(box.ok("--root", other, "images", "--format", "json"))), 1)
        self.assertEqual(box.json("images"), [])

    def test_the_store_is_private(self):
        import os
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs())
                self.assertEqual(os.stat(box.store).st_mode & 0o7777, 0o700)

    def test_home_is_the_default_for_an_ordinary_user(self):
        import os
        box = self.box(EVERYBODY[1])
        box.ok("pull-tar", "-", "--name", "x", input=archives.rootfs(),
               env={"LAYERBOX_ROOT": None, "XDG_DATA_HOME": None})
        self.assertTrue(os.path.isdir(box.home + "/.local/share/layerbox"))
        box.ok("pull-tar", "-", "--name", "x", input=archives.rootfs(),
               env={"LAYERBOX_ROOT": None, "XDG_DATA_HOME": box.home + "/data"})
        self.assertTrue(os.path.isdir(box.home + "/data/layerbox"))

    def test_a_store_that_is_no_store_is_refused(self):
        import os
        box = self.box()
        path = box.write("plain", b"a file")
        text = box.fails(1, "--root", path, "images")
        self.assertIn(path, text)
        self.assertTrue(os.path.isfile(path))

    def test_a_store_on_proc_is_refused(self):
        self.box().fails(1, "--root", "/proc/layerbox", "images")


class Info(E2E):
    def test_info_says_what_works_and_why(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                facts = box.json("info")
                self.assertIsInstance(facts, dict)
                text = box.ok("info")
                for word in ("overlay", "copy", box.store):
                    self.assertIn(word, text)

    def test_info_without_a_range_says_what_that_costs(self):
        self.assertRegex(self.box(EVERYBODY[2]).ok("info").lower(), r"sub[ug]id")

    def test_info_shows_where_the_store_setting_came_from(self):
        box = self.box()
        self.assertIn("LAYERBOX_ROOT", box.ok("info"))


if __name__ == "__main__":
    main()
