"""What a name, a setting or a file says is shown, and never done: no control character but layerbox's own reaches a terminal.

test_hostile.py plants them in an image and looks at what prints it; here they come on every other way.
"""
import json
import os
import re

import archives
import hostile_archives
from archives import OciLayout, config, docker_archive
from harness import EVERYBODY, RANGED, ROOT, E2E, main

# Escapes of C0, C1 and DEL, what turns a line round, and a line and a column of its own.
EVIL = "\x1b[2J\x1b]0;t\x07\x7f\b\u009b31m\u0090\u202e\u2066\r\nINJECTED\tINJECTED"
RAW = EVIL.encode() + b"\x9b31m\xff\xc2"  # and what is no UTF-8: for who takes C1 as bytes
WORD = RAW.replace(b"\n", b"").replace(b"\t", b"")
ARGUMENT = os.fsdecode(RAW)
# A byte that is no UTF-8 decodes to a surrogate. Newlines and tabs are layerbox's own, but not those of a name.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|^INJECTED|\tINJECTED", re.MULTILINE)
OPTION = re.compile(r"^ +(?:(-\w), )? *(--[\w-]+)(\[?[= ]\[?=?[A-Z][\w:=,.…\[\]-]*)?", re.MULTILINE)
FORMATTED = {"images", "inspect", "history", "layers", "ps", "diff", "tree", "du", "fsck", "events", "top", "stats", "info", "prune",
             "volume ls", "volume inspect", "network ls", "network inspect"}


class Escapes(E2E):
    def show(self, box, *words, **more):
        """Runs the command, in JSON as well where it has that: whatever comes of it, nothing raw is printed."""
        name = " ".join(words[:2]) if words[0] in ("volume", "network") else words[0]
        for formed in ((), ("--format", "json")) if name in FORMATTED else ((),):
            at = 2 if words[0] in ("volume", "network") else 1
            result = box.run(*words[:at], *formed, *words[at:], **more)
            for output in (result.out, result.err):
                found = FORBIDDEN.search(output.decode("utf-8", "surrogateescape"))
                if found:
                    with self.subTest(words=words[:6] + formed):
                        self.fail(f"{found.group()!r} was printed: {output[max(0, found.start() - 300):][:600]!r}")
            if formed and result.status == 0:
                with self.subTest(words=words[:6] + formed):
                    json.loads(result.out)
        return result

    def verbs(self, box):
        listed = re.findall(r"^  ([a-z][a-z-]+(?: [a-z]+)?)  ", box.ok("--help"), re.MULTILINE)
        listed += re.findall(r"^  ((?:volume|network) [a-z]+) ", box.ok("--help"), re.MULTILINE)
        self.assertGreater(len(set(listed)), 50)
        return sorted(set(listed))

    def test_every_option_and_operand_of_every_verb(self):
        box = self.box(RANGED)  # who makes nothing in "/", whatever he is told
        box.image(archives.rootfs(), "demo")
        box.ok("create", "--name", "kept", "demo", "true")
        tried = 0
        for verb in self.verbs(box):
            words = verb.split()
            ends = ("--no-stream",) if verb in ("events", "stats") else ()
            self.show(box, *words, "--" + ARGUMENT)
            self.show(box, *words, "-" + ARGUMENT)
            self.show(box, *words, *ends, "--", ARGUMENT)
            if verb not in ("bench", "doctor"):
                self.show(box, *words, *ends, ARGUMENT, ARGUMENT, ARGUMENT)
            for _, option, value in OPTION.findall(box.ok(*words, "--help")):
                operands = {"run": ("demo", "true"), "create": ("demo", "true"), "exec": ("kept", "true"), "bench": (ARGUMENT,),
                            "start": ("kept",), "save": ("demo",), "export": ("demo",)}.get(verb, (ARGUMENT,))
                if value:
                    tried += 1
                    self.show(box, *words, *ends, f"{option}={ARGUMENT}", *operands)
                    self.show(box, *words, *ends, f"{option}=a={ARGUMENT}", *operands)
                    self.show(box, *words, *ends, f"{option}=/a:{ARGUMENT}:{ARGUMENT}", *operands)
        self.assertGreater(tried, 150)
        for words in ((ARGUMENT,), ("--" + ARGUMENT,), ("--root", ARGUMENT, "images"), ("--root=/" + ARGUMENT, "images"), ("volume", ARGUMENT),
                      ("completion", ARGUMENT), ("help", ARGUMENT)):
            self.show(box, *words)

    def image_files(self):
        text, raw = EVIL, WORD
        tree = archives.rootfs()[:-1024].rstrip(b"\0")
        attributes = hostile_archives.pax((b"SCHILY.xattr.user." + EVIL.replace("\n", "").encode(), raw), (b"SCHILY.xattr.user.plain", raw))
        parts = [hostile_archives.folder(b"d" + raw), attributes + hostile_archives.file(b"d" + raw + b"/x" + raw, b"x" * 9000),
                 hostile_archives.symlink(b"l" + raw, raw), hostile_archives.hardlink(b"h" + raw, b"d" + raw + b"/x" + raw)]
        layers = [hostile_archives.padded(tree) + hostile_archives.layer(*parts)]
        settings = {"Env": [f"E={text}", f"{text}=x"], "Entrypoint": [text], "Cmd": [text], "Labels": {text: text}, "WorkingDir": "/" + text,
                    "User": text, "Volumes": {"/" + text: {}}, "ExposedPorts": {text: {}}, "StopSignal": text, "Shell": [text], "Healthcheck": {"Test": [text]}}
        history = [{"created": text, "created_by": text, "comment": text, "author": text}]
        return layers, {**config(layers, **settings), "author": text, "comment": text, "history": history}

    def test_images_whose_every_text_is_evil(self):
        for user in EVERYBODY:
            box = self.box(user)
            layers, document = self.image_files()
            box.image(archives.rootfs(), "plain")
            for number, change in enumerate(({}, {"os": EVIL}, {"architecture": EVIL, "variant": EVIL}, {"created": EVIL})):
                self.show(box, "pull-tar", "-", "--name", f"evil{number}", input=docker_archive([({**document, **change}, layers, [EVIL, "evil:" + EVIL, EVIL + ":1"])]))
            self.show(box, "pull-tar", "-", input=docker_archive([(document, layers, [EVIL])]).replace(b"INJECTED", b"INJ\x9bC\xffD"))
            layout = OciLayout()
            entry = {**layout.manifest(document, layers), "platform": {"os": EVIL, "architecture": EVIL}}
            for tag in (EVIL, "v1"):
                layout.add(entry, tag)
            self.show(box, "pull-tar", "-", input=layout.tar())
            layout.entries = [{**entry, "mediaType": EVIL}, {**entry, "digest": "sha256:" + EVIL}, {**entry, "digest": EVIL}]
            self.show(box, "pull-tar", "-", input=layout.tar())
            for manifest in ({"Config": EVIL, "RepoTags": [], "Layers": []}, {"Config": "c", "RepoTags": [], "Layers": [EVIL]}, {EVIL: EVIL}):
                self.show(box, "pull-tar", "-", input=archives.plain_tar([("manifest.json", json.dumps([manifest]).encode()), ("c", b"{}")]))
            path = os.path.join(os.fsencode(box.home), b"a" + RAW)
            for data in (b"no archive" + RAW, archives.rootfs()[:5000], hostile_archives.layer(hostile_archives.file(b"../" + WORD)),
                         hostile_archives.layer(hostile_archives.hardlink(b"a", WORD)), hostile_archives.layer(hostile_archives.entry(b"a" + WORD, kind=b"~"))):
                with open(path, "wb") as file:
                    file.write(data)
                os.chmod(path, 0o644)
                self.show(box, "pull-tar", path)
            names = [name for image in box.json("images") for name in image["names"]]
            self.assertIn("evil0:latest", str(names))
            for words in (["images"], ["images", "--no-trunc"], ["inspect", "evil0"], ["history", "evil0"], ["history", "--no-trunc", "evil0"], ["layers"], ["du", "evil0"],
                          ["tree", "--no-browse", "--depth", "0", "evil0"], ["diff", "plain", "evil0"], ["run", "evil0"], ["run", "--dry-run", "evil0"], ["run", "-u", "0", "evil0"],
                          ["run", "-u", "0", "-w", "/", "evil0"], ["create", "--name", "k", "evil0"], ["start", "-a", "k"], ["inspect", "k"], ["ps", "-a", "--no-trunc"], ["fsck"],
                          ["squash", "evil0", "one"], ["save", "-o", os.path.join(path, b"x"), "evil0"], ["images", "--filter", "label=" + EVIL], ["rm", "k"]):
                self.show(box, *words)
            # What is damaged is named.
            for directory, _, files in os.walk(os.path.join(os.fsencode(box.store), b"layers/sha256")):
                for name in files:
                    if name.startswith(b"x"):
                        with open(os.path.join(directory, name), "ab") as file:
                            file.write(b"more")
                        os.mkdir(os.path.join(directory, b"new" + RAW))
            self.assertEqual(self.show(box, "fsck").status, 1)
            self.show(box, "fsck", "--repair")
            self.show(box, "prune", "--all", "--dry-run")

    def test_containers_whose_every_text_is_evil(self):
        for user in (ROOT, RANGED):
            box = self.box(user)
            box.image(archives.rootfs(), "demo")
            host = os.path.join(os.fsencode(box.home), b"v" + WORD.replace(b":", b""))
            os.mkdir(host)
            inside = os.fsdecode(WORD.replace(b":", b""))
            flags = ("-e", "E=" + ARGUMENT, "-l", "l=" + EVIL, "-l", EVIL + "=x", "-w", "/" + inside, "-v", os.fsdecode(host) + ":/m" + inside, "--tmpfs", "/t" + inside)
            self.show(box, "run", "--hostname", ARGUMENT, "demo", "true")
            box.ok("run", "-d", "--name", "live", *flags, "demo", "sh", "-c", 'mkdir "/d$1"; echo x > "/d$1/f$1"; exec sh -c "sleep 1000; :" "$1"', "sh", inside)
            self.addCleanup(box.run, "rm", "-f", "live")
            box.ok("exec", "-d", "live", "sh", "-c", ': "$1"; exec busybox sleep 1000', inside, ARGUMENT)
            self.eventually(lambda: "/d" in box.run("diff", "live").text, "the container has made its directory")
            there = "/d" + inside
            for words in (["ps", "--no-trunc"], ["ps", "-a", "--filter", "label=" + EVIL], ["inspect", "live"], ["top", "live"], ["stats", "--no-stream"], ["diff", "live"],
                          ["du", "live"], ["tree", "--no-browse", "--depth", "0", "live"], ["exec", "live", ARGUMENT], ["exec", "-w", there + "/no", "live", "true"],
                          ["exec", "-u", ARGUMENT, "live", "true"], ["exec", "-e", ARGUMENT, "live", "true"], ["cp", f"live:{there}/no", box.home], ["cp", f"live:{there}", box.home + "/no" + inside + "/x"],
                          ["cp", box.home + "/no" + inside, "live:/"], ["cp", host, f"live:{there}/f{inside}"], ["kill", "-s", ARGUMENT, "live"], ["rename", "live", ARGUMENT],
                          ["run", "-v", f"{inside}:/v", "demo", "true"], ["run", "-v", f"/no{inside}:/v", "demo", "true"], ["run", "--rootfs", os.fsdecode(host), "/x" + inside],
                          ["run", "-v", os.fsdecode(host) + ":/etc/passwd", "demo", "true"], ["run", "--device", "/dev/" + inside, "demo", "true"],
                          ["run", "demo", "/" + inside], ["run", "-w", "/bin/busybox/" + inside, "demo", "true"], ["run", "-u", inside + ":" + inside, "demo", "true"],
                          ["stop", "-t", "0", "live"], ["start", "live"], ["commit", "-m", EVIL, "-a", EVIL, "live", "made"], ["history", "made"], ["inspect", "made"],
                          ["commit", "-c", EVIL, "live", "made"], ["snapshot", "live", ARGUMENT], ["rollback", "live", ARGUMENT], ["fork", "live", ARGUMENT],
                          ["convert", "live", ARGUMENT], ["mount", "demo", os.fsdecode(host) + "/no"], ["umount", os.fsdecode(host)], ["export", "-o", os.fsdecode(host), "live"],
                          ["volume", "create", "-l", "l=" + EVIL, "vol"], ["volume", "ls"], ["volume", "inspect", "vol"], ["volume", "ls", "--filter", "label=" + EVIL],
                          ["network", "create", "-l", "l=" + EVIL, "net"], ["network", "ls"], ["network", "inspect", "net"], ["network", "rm", "net"], ["events", "--no-stream"],
                          ["events", "--no-stream", "--filter", "label=l=" + EVIL], ["rm", "live"], ["rm", "-f", "live"], ["prune"], ["fsck"]):
                result = self.show(box, *words)
                if words[0] in ("ps", "top", "stats", "diff", "tree", "du", "events") or words == ["inspect", "live"]:
                    self.assertEqual(result.status, 0, (words, result.errors))

    def test_surroundings_that_are_evil(self):
        for user in (ROOT, RANGED):
            box = self.box(user)
            home = os.path.join(os.fsencode(box.home), b"h" + RAW)
            os.mkdir(home)
            os.chown(home, user.uid, user.uid)
            store = os.fsdecode(os.path.join(home, b"store"))
            settings = os.path.join(home, b"settings")
            os.makedirs(os.path.join(settings, b"layerbox"))
            os.chmod(settings, 0o755)
            surroundings = {"LAYERBOX_ROOT": store, "HOME": os.fsdecode(home), "XDG_RUNTIME_DIR": os.fsdecode(home), "TMPDIR": os.fsdecode(home), ARGUMENT: ARGUMENT, "TERM": ARGUMENT,
                            "COLUMNS": ARGUMENT, "NO_COLOR": None}
            archive = box.write("a.tar", archives.rootfs())
            for words in (["pull-tar", archive, "--name", "demo"], ["images"], ["info"], ["doctor"], ["run", "demo", "true"], ["create", "--name", "k", "demo", "true"],
                          ["inspect", "k"], ["inspect", "demo"], ["fsck"], ["du"], ["prune"], ["ps", "-a"], ["mount", "demo", "/no/where"], ["run", "--dry-run", "demo", "true"]):
                self.show(box, *words, env=surroundings)
            self.show(box, "images", env={**surroundings, "LAYERBOX_ROOT": ARGUMENT})
            for text in (RAW, b"root = " + RAW, b'root = "' + RAW + b'"', b"[" + RAW + b"]\n", RAW + b" = 1\n", b'backend = "' + WORD + b'"\n', b'"' + WORD + b'" = 1\n'):
                for name in (b"config.toml", b"layerbox.toml", b"settings.toml"):
                    with open(os.path.join(settings, b"layerbox", name), "wb") as file:
                        file.write(text)
                self.show(box, "images", env={**surroundings, "XDG_CONFIG_HOME": os.fsdecode(settings)})
                self.show(box, "info", env={**surroundings, "XDG_CONFIG_HOME": os.fsdecode(settings)})
            with open(os.path.join(store, "layerbox.db"), "wb") as file:
                file.write(RAW * 900)
            with open(os.path.join(store, "names"), "wb") as file:
                file.write(b"sha256:" + RAW + b"\n")
            for words in (["images"], ["fsck"], ["fsck", "--repair"], ["images"]):
                self.show(box, *words, env=surroundings)
            with open(os.path.join(store, "version"), "wb") as file:
                file.write(b"layerbox store 1\nids " + RAW)
            self.show(box, "images", env=surroundings)


if __name__ == "__main__":
    main()
