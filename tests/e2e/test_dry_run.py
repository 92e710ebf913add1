"""run --dry-run: the whole plan, and not a trace of it."""
import json
import os

import archives
from harness import EVERYBODY, ROOT, E2E, fingerprint, main, mounts
from test_limits import Parent, hierarchies


def documents(box, *args, **more):
    return json.loads(box.ok("run", "--dry-run", *args, **more))


def acts(document):
    return [step["act"] for step in document["plan"]["steps"]]


def content(box):
    return fingerprint(box.store)


def cgroups_called(name):
    """Directories of any hierarchy that are called so."""
    return [os.path.join(top, name) for point in hierarchies() for top, names, _ in os.walk(point) if name in names]


class DryRun(E2E):
    def each(self):
        for user in EVERYBODY:
            box = self.box(user)
            box.image(archives.rootfs(), "demo", "--env", "FROM_IMAGE=1", "--entrypoint", "/bin/sh")
            with self.subTest(user.name):
                yield box

    def test_says_what_would_run_and_how(self):
        for box in self.each():
            document = documents(box, "-e", "MINE=2", "-w", "/srv", "--hostname", "h", "--read-only", "-v", "/usr:/u:ro",
                                 "--tmpfs", "/scratch:size=1m", "--security-opt", "no-new-privileges", "--cap-drop", "ALL",
                                 "--cap-add", "CHOWN", "--ulimit", "core=0:-1", "demo", "-c", "exit 3")
            self.assertEqual(set(document), {"container", "spec", "plan"})
            container, spec, plan = (document[key] for key in ("container", "spec", "plan"))
            self.assertRegex(container["id"], r"\A[0-9a-f]{64}\Z")
            self.assertEqual((container["image"], container["backend"], container["kept"]), ("demo", "overlay", False))
            self.assertEqual(len(container["layers"]), 1)
            process = spec["process"]
            self.assertEqual(process["args"], ["/bin/sh", "-c", "exit 3"])
            self.assertLessEqual({"FROM_IMAGE=1", "MINE=2", "HOSTNAME=h"}, set(process["env"]))
            self.assertEqual((process["cwd"], process["capabilities"]), ("/srv", ["CAP_CHOWN"]))
            self.assertEqual((spec["hostname"], spec["network"], spec["seccomp"]), ("h", "none", "default"))
            self.assertEqual((spec["read_only_rootfs"], spec["rootfs"]["kind"]), (True, "overlay"))
            self.assertEqual([mount["destination"] for mount in spec["mounts"]], ["/u", "/scratch"])
            for mappings in (spec["uid_mappings"], spec["gid_mappings"]):
                self.assertEqual(mappings[0]["container_id"], 0)
                self.assertEqual(mappings[0]["host_id"] != 0 if box.user == ROOT else mappings[0]["host_id"],
                                 True if box.user == ROOT else box.user.uid)
            self.assertEqual(plan["namespaces"], ["user", "mount", "pid", "network", "ipc", "uts", "cgroup"])
            steps = {step["act"]: step for step in plan["steps"]}
            self.assertEqual((acts(document)[0], acts(document)[-1]), ("private_mounts", "exec"))
            self.assertGreater(steps["seccomp"]["instructions"], 50)
            self.assertIn("no_new_privileges", steps)
            self.assertEqual(steps["workdir"]["target"], "srv")
            self.assertEqual(steps["tmpfs"]["mount_flags"], ["nosuid", "nodev", "noexec"])
            limit = next(s for s in plan["steps"] if s["act"] == "limit" and s["resource"] == "core")
            self.assertEqual((limit["soft"], limit["hard"]), (0, -1))
            self.assertEqual(bool(plan["clones"]), box.user == ROOT)

    def test_leaves_nothing(self):
        for box in self.each():
            parent = Parent(self, box.user.uid)
            before = content(box), mounts(), parent.containers(), os.listdir(box.home)
            document = documents(box, "--name", "web", "--cidfile", "cid", "--pidfile", "pid", "-v", "cache:/c", "-v", "/own",
                                 "-v", "/usr:/over:O", "--pids-limit", "20", "--cgroup-parent", parent.name, "demo")
            self.assertEqual((content(box), mounts(), parent.containers(), os.listdir(box.home)), before)
            self.assertIn(f"{box.store}/volumes/cache/data", [mount.get("source") for mount in document["spec"]["mounts"]])
            paths = [cgroup["path"] for cgroup in document["spec"]["cgroups"]]
            self.assertTrue(paths)
            for path in paths:
                self.assertEqual(path, f"{os.path.dirname(path)}/layerbox-{document['container']['id']}")
                self.assertTrue(os.path.isdir(os.path.dirname(path)), path)
                self.assertFalse(os.path.exists(path))
            self.assertIn({"file": "pids.max", "value": "20", "purpose": "the limit of processes"},
                          [write for cgroup in document["spec"]["cgroups"] for write in cgroup["writes"]])
            self.assertEqual(box.json("ps", "-a"), [])
            box.ok("run", "--name", "web", "--cidfile", "cid", "demo", "-c", "true")  # all that is still to be had

    def test_tells_what_the_run_then_is(self):
        for box in self.each():
            flags = ("--name", "web", "--hostname", "h", "-e", "A=1", "--label", "a=b", "-v", "/own", "--shm-size", "1m", "demo",
                     "-c", "true")
            foretold = documents(box, *flags)["spec"]
            box.ok("run", *flags)
            told = box.json("inspect", "web")[0]["config"]
            for document in (foretold, told):
                for mount in document["mounts"]:
                    mount.pop("source")  # below the container's directory, whose id is another
            self.assertEqual({key: foretold[key] for key in told}, told)

    def test_makes_no_store(self):
        for user in EVERYBODY:
            box = self.box(user)
            with self.subTest(user.name):
                os.mkdir(f"{box.home}/rootfs")
                self.assertIn("not in the store", box.fails(125, "run", "--dry-run", "demo"))
                document = documents(box, "--rootfs", "rootfs", "sh")
                self.assertEqual(document["spec"]["rootfs"],
                                 {"kind": "directory", "anchor": f"{box.home}/rootfs", "directory": ""})
                self.assertEqual(os.listdir(box.home), ["rootfs"])
                self.assertEqual(os.listdir(f"{box.home}/rootfs"), [])

    def test_remembers_no_backend(self):
        for box in self.each():
            verdict = f"{box.store}/derived/overlay/probe"
            self.assertFalse(os.path.exists(verdict))
            self.assertEqual(documents(box, "demo")["container"]["backend"], "overlay")
            self.assertFalse(os.path.exists(verdict))
            document = documents(box, "--backend", "copy", "demo")
            self.assertEqual(document["spec"]["rootfs"]["directory"], f"containers/{document['container']['id']}/rootfs")

    def test_no_cgroup_is_looked_for_outside_of_the_limits(self):
        box = self.box(ROOT)
        box.image(archives.rootfs())
        document = documents(box, "-m", "64m", "--pids-limit", "10", "demo", "sh")
        self.assertTrue(document["spec"]["cgroups"])
        self.assertEqual(cgroups_called(f"layerbox-{document['container']['id']}"), [])
        self.assertEqual(documents(box, "demo", "sh")["spec"]["cgroups"], [])

    def test_is_refused_as_the_run_would_be(self):
        for box in self.each():
            box.ok("run", "--name", "taken", "demo", "-c", "true")
            box.write("cid", b"")
            for status, *words in (
                    (2, "--no-such-flag", "demo"), (2, "--memory", "much", "demo"), (2, "--user"), (2,), (2, "--label", "=a", "demo"),
                    (2, "-v", "/a:relative", "demo"), (2, "--backend", "zfs", "demo"),
                    (125, "no-such-image"), (125, "demos"), (125, "--name", "taken", "demo"), (125, "--cidfile", "cid", "demo"),
                    (125, "--rootfs", "/no/such/directory", "sh"), (125, "--env-file", "/no/such/file", "demo"),
                    (125, "-v", "/no/such/source:/x", "demo"), (125, "-v", "/no/such/source:/x:O", "demo"),
                    (125, "--pid", "container:nobody", "demo"), (125, "--device", "/dev/no-such-device", "demo"),
                    (125, "-v", "/usr:/proc/x", "demo"), (125, "--cgroup-parent", "/no/such/cgroup", "demo")):
                with self.subTest(user=box.user.name, words=words):
                    dry = box.fails(status, "run", "--dry-run", *words)
                    real = box.fails(status, "run", *words)
                    if "/no/such/source" not in str(words):  # who meets it, and when, depends on the user
                        self.assertEqual(dry, real)
                    else:
                        self.assertIn("mkdir -p '/no/such/source'", dry)
                        self.assertIn("mkdir -p '/no/such/source'", real)


if __name__ == "__main__":
    main()
