"""rmi of an image of many files: who gave the command does not wait for them, and nobody does their work twice."""
import os

import file_systems
import harness
from archives import Tree
from harness import EVERYBODY, E2E, main, processes_of, store_content

NAME = f"large-{os.getpid()}"  # by which its process is known
FILES = 5_000  # more than the command itself deletes


def many_files(size=0):
    tree = Tree()
    for i in range(FILES):
        tree.file(f"d{i % 50}/{i}", b"x" * size)
    return tree.bytes()


def deleting():
    return processes_of(f"rmi\0{NAME}")


class LargeRemoval(E2E):
    def trash(self, box):
        return os.listdir(os.path.join(box.store, "trash"))

    def test_it_is_deleted_by_a_process_that_ends(self):
        for user in EVERYBODY:
            with self.subTest(user.name):
                box = self.box(user)
                box.image(many_files(), NAME)
                # The output is read to its end, which a process that kept it open would put off.
                self.assertRegex(box.ok("rmi", NAME), rf"\Auntagged: {NAME}:latest\ndeleted: sha256:[0-9a-f]{{64}}\n\Z")
                self.assertEqual(box.json("images"), [])
                self.eventually(lambda: not self.trash(box), "the files are deleted")
                self.eventually(lambda: not deleting(), "nobody is left")
                self.assertEqual([name for name in store_content(box) if name.startswith(("layers", "trash"))], [])

    def test_prune_waits_for_it(self):
        box = self.box()
        box.image(many_files(), NAME)
        box.ok("rmi", NAME)
        box.ok("prune")
        self.assertEqual(self.trash(box), [])

    def test_what_a_killed_one_left_the_next_command_deletes(self):
        box = self.box()
        box.image(many_files(), NAME)
        if box.run("rmi", NAME, env={"LAYERBOX_FAULT": "store.remove_image.before_commit=error"}).status == 0:
            harness.skip(self, "faults", "this build has no fault points")
        box.ok("rmi", NAME, env={"LAYERBOX_FAULT": "store.empty_trash_later=kill"})
        self.eventually(lambda: not deleting(), "it is killed")
        self.assertEqual(len(self.trash(box)), 2, "a layer and a config")
        self.assertEqual(box.json("images"), [])
        self.assertEqual(self.trash(box), [])

    def test_who_needs_the_room_has_it_when_the_command_returns(self):
        top = file_systems.mounted(self, "ext4")
        box = self.box(below=top)
        box.image(many_files(4096), NAME)
        with open(os.path.join(box.home, "filler"), "wb") as file:
            status = os.statvfs(top)
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - (4 << 20))
        free = os.statvfs(top).f_bfree
        box.ok("rmi", NAME)
        self.assertEqual(self.trash(box), [])
        self.assertGreater(os.statvfs(top).f_bfree, free)
        self.assertEqual(deleting(), [])


if __name__ == "__main__":
    main()
