"""completion: the scripts, run by the shells they are for, as far as these are installed."""
import os
import shutil
import subprocess

import archives
import harness
from harness import EVERYBODY, E2E, main, skip

SHELLS = ("bash", "zsh", "fish")

# Splits the line as readline does, at ':' and '=' too, and prints what the function answers.
ASK_BASH = r"""
source <("$PROGRAM" completion bash)
COMP_LINE=$1 COMP_POINT=${#1}
COMP_WORDS=() rest=$1
while [[ -n $rest ]]; do
  if [[ $rest =~ ^[[:space:]]+ ]]; then rest=${rest:${#BASH_REMATCH}}; [[ -n $rest ]] || COMP_WORDS+=("")
  elif [[ $rest =~ ^([:=]+|[^[:space:]:=]+) ]]; then COMP_WORDS+=("$BASH_REMATCH"); rest=${rest:${#BASH_REMATCH}}
  fi
done
COMP_WORDS[0]=$PROGRAM
COMP_LINE=$PROGRAM${COMP_LINE#layerbox}
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_layerbox layerbox "${COMP_WORDS[COMP_CWORD]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


class Completion(E2E):
    def shell(self, box, *command, **more):
        user = {}
        if os.geteuid() == 0 and box.user.uid != 0:
            user = dict(user=box.user.uid, group=box.user.uid, extra_groups=[])
        done = subprocess.run(command, env=box.environment(PROGRAM=harness.place.program), cwd=box.home,
                              capture_output=True, text=True, timeout=60, **user, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout.split("\n")[:-1]

    def bash(self, box, line):
        return [word for word in self.shell(box, "bash", "--norc", "-c", ASK_BASH, "ask", line) if word]

    def test_bash_completes_names_of_what_is_there(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(archives.rootfs(), "demo:1")
                box.ok("tag", "demo:1", "other:2")
                box.ok("run", "--name", "keeper", "demo:1", "true")
                box.ok("volume", "create", "cache")
                self.assertEqual(self.bash(box, "layerbox rmi d"), ["demo:1"])
                self.assertEqual(self.bash(box, "layerbox rmi demo:"), ["1"])
                self.assertEqual(self.bash(box, "layerbox rmi demo:1 "), ["demo:1", "other:2"])
                self.assertEqual(self.bash(box, "layerbox run --rm -it d"), ["demo:1"])
                self.assertEqual(self.bash(box, "layerbox rm k"), ["keeper"])
                self.assertEqual(self.bash(box, "layerbox inspect "), ["demo:1", "keeper", "other:2"])
                self.assertEqual(self.bash(box, "layerbox volume rm "), ["cache"])
                self.assertEqual(self.bash(box, "layerbox run -v c"), ["cache:"])
                self.assertEqual(self.bash(box, "layerbox run --pid=container:"), ["keeper"])
                self.assertEqual(self.bash(box, "layerbox ps --filter vol"), ["volume="])
                self.assertEqual(self.bash(box, "layerbox ps --filter volume="), ["cache"])
                self.assertEqual(self.bash(box, "layerbox ps -a --filter status=ex"), ["exited"])
                self.assertEqual(self.bash(box, f"layerbox --root {box.home}/none rmi "), [])

    def test_bash_completes_commands_and_options(self):
        box = self.box()
        self.assertEqual(self.bash(box, "layerbox im"), ["images"])
        self.assertEqual(self.bash(box, "layerbox volume p"), ["prune"])
        self.assertEqual(self.bash(box, "layerbox images --fo"), ["--format"])
        self.assertEqual(self.bash(box, "layerbox images --format="), ["table", "json"])
        self.assertEqual(self.bash(box, "layerbox images --format j"), ["json"])
        self.assertEqual(self.bash(box, "layerbox completion "), list(SHELLS))
        self.assertFalse(os.path.exists(box.store), "nothing is made for who only types")

    def test_a_damaged_store_is_no_answer_and_no_message(self):
        box = self.box()
        box.image(archives.rootfs(), "demo")
        with open(os.path.join(box.store, "version"), "w") as version:
            version.write("layerbox store 99\n")
        self.assertEqual(self.bash(box, "layerbox rmi "), [])
        self.assertEqual(self.bash(box, "layerbox rm -"), ["--force", "--root", "--quiet", "--help"])

    def test_each_script_is_one_for_its_shell(self):
        box = self.box()
        for name in SHELLS:
            text = box.ok("completion", name)
            self.assertIn("__complete -- ", text)
            program = shutil.which(name)
            if not program:
                skip(self, name, "not installed")
            else:
                self.shell(box, program, "-n", "-c", text) if name != "fish" else \
                    self.shell(box, program, "--no-execute", input=text)
            for opening, closing in ("()", "{}", "[]"):
                if name != "bash":  # '[^…' and '%%…' there are no pairs
                    self.assertEqual(text.count(opening), text.count(closing), name)
        box.fails(2, "completion", "tcsh")
        box.fails(2, "completion")

    def test_fish_completes(self):
        program = shutil.which("fish")
        if not program:
            skip(self, "fish", "not installed")
        box = self.box()
        box.image(archives.rootfs(), "demo:1")
        os.symlink(harness.place.program, os.path.join(box.home, "layerbox"))
        script = f"set -x PATH {box.home} $PATH; layerbox completion fish | source; complete -C 'layerbox rmi d'"
        self.assertEqual(self.shell(box, program, "--no-config", "-c", script), ["demo:1"])


if __name__ == "__main__":
    main()
