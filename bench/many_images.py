#!/usr/bin/env python3
"""A docker-archive of many small images on standard output.

  bench/many_images.py IMAGES LAYERS BUSYBOX

All stand on one layer, a busybox; each has LAYERS of its own, of three small files in two directories. An image is named
`many-NUMBER`. `python3 bench/many_images.py 0 0 BUSYBOX` is the one of the busybox alone, `base`.
"""
import hashlib
import io
import json
import sys
import tarfile


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content, link in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1_700_000_000
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
            elif content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            else:
                info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content) if content and not link else None)
    return out.getvalue()


def base_layer(busybox):
    with open(busybox, "rb") as file:
        program = file.read()
    members = [(name, None, None) for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "data")]
    return tar_of(members + [("bin/busybox", program, None)] + [(f"bin/{name}", None, "busybox") for name in ("sh", "true", "ls")])


def own_layer(image, number):
    place = f"data/{image}-{number}"
    return tar_of([("data", None, None), (place, None, None)] +
                  [(f"{place}/{i}", f"{image} {number} {i}\n".encode() * 40, None) for i in range(3)])


def main():
    images, layers, busybox = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    manifest, written = [], set()
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.USTAR_FORMAT) as out:
        def put(name, content):
            if name in written:
                return
            written.add(name)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))

        def put_image(name, own):
            diff_ids = []
            for layer in own:
                diff_ids.append(hashlib.sha256(layer).hexdigest())
                put(f"{diff_ids[-1]}.tar", layer)
            config = json.dumps({"architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
                                 "config": {"Cmd": ["/bin/true"], "Labels": {"name": name}},
                                 "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest for digest in diff_ids]}}).encode()
            config_name = hashlib.sha256(config).hexdigest() + ".json"
            put(config_name, config)
            manifest.append({"Config": config_name, "RepoTags": [f"{name}:latest"],
                             "Layers": [f"{digest}.tar" for digest in diff_ids]})

        base = base_layer(busybox)
        if images == 0:
            put_image("base", [base])
        for image in range(images):
            put_image(f"many-{image}", [base] + [own_layer(image, number) for number in range(layers)])
        put("manifest.json", json.dumps(manifest).encode())


if __name__ == "__main__":
    main()
