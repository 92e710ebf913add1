"""An image with the program of service.c, which does inside of a container what services do."""
import os
import subprocess

import archives
import harness

program = None


def service_image(box):
    """Imports it as `demo`; returns the box."""
    global program
    if program is None:
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "service.c")
        path = os.path.join(harness.place.path, "service")
        subprocess.run(["gcc", "-static", "-O1", "-Wall", "-Werror", "-o", path, source], check=True)
        with open(path, "rb") as file:
            program = file.read()
    box.image(archives.rootfs(lambda tree: tree.file("bin/service", program, mode=0o755)), "demo")
    return box
