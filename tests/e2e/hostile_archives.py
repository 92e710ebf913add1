"""Archives that mean harm, made byte by byte, so that anything can be said; and those that others have collected.

A vector is a source for pull-tar with a name of its own. `vectors(count)` are so many: all that the grammar below makes of its
names, types, links, sequences, sizes, ids, attributes, records, wrappers and documents, and, where these are fewer, what chance
makes of the same parts. `chance-17` is always the same archive.

What they aim at is outside of the tree that is being unpacked: the canary, a directory whose name is given; files of the store;
and SENTINEL, which nobody else makes.
"""
import bz2
import dataclasses
import functools
import gzip
import itertools
import json
import lzma
import os
import random
import struct
import zlib

from archives import COMPRESSIONS, MEDIA, OciLayout, config, digest, docker_archive, dump, plain_tar

SENTINEL = "layerbox-hostile-sentinel"

# ---- bytes of a tar ----


def number(value, width):
    """Octal, and base-256 where that is too short or the number negative; bytes stay as they are."""
    if isinstance(value, bytes):
        return value.ljust(width, b"\0")[:width]
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    raw = (value & (1 << 8 * width) - 1).to_bytes(width, "big")
    return bytes([raw[0] | 0x80]) + raw[1:]


def header(name=b"", kind=b"0", mode=0o644, uid=0, gid=0, size=0, mtime=1_600_000_000, link=b"", major=0, minor=0,
           magic=b"ustar\x0000", prefix=b"", checksum=None, at=()):
    """512 bytes. `at`: (offset, bytes) that go over what the fields say; the checksum is right unless it is given."""
    block = bytearray(b"".join([
        name[:100].ljust(100, b"\0"), number(mode, 8), number(uid, 8), number(gid, 8), number(size, 12), number(mtime, 12),
        b" " * 8, kind, link[:100].ljust(100, b"\0"), magic, b"root".ljust(32, b"\0"), b"root".ljust(32, b"\0"),
        number(major, 8), number(minor, 8), prefix[:155].ljust(155, b"\0")]).ljust(512, b"\0"))
    for offset, data in at:
        block[offset:offset + len(data)] = data
    block[148:156] = b"%06o\0 " % sum(block) if checksum is None else checksum
    return bytes(block[:512])


def padded(data):
    return data + bytes(-len(data) % 512)


def entry(name, data=b"", kind=b"0", size=None, **fields):
    return header(name, kind, size=len(data) if size is None else size, **fields) + padded(data)


def record(key, value):
    body = b" %s=%s\n" % (key, value)
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(*records, kind=b"x"):
    """Records are (key, value), or bytes as they are."""
    return entry(b"PaxHeaders/x", b"".join(r if isinstance(r, bytes) else record(*r) for r in records), kind)


def gnu(text, kind=b"L"):
    return entry(b"././@LongLink", text + b"\0", kind, magic=b"ustar  \0")


def thing(name, kind=b"0", data=b"", link=b"", how="auto", **fields):
    """An entry whose name and target may be of any length, in the header, in pax records or in GNU's entries."""
    fields.setdefault("mode", {b"5": 0o755, b"2": 0o777}.get(kind, 0o644))
    long_name, long_link = len(name) > 100 or how != "auto", len(link) > 100
    before = b""
    if long_name or long_link:
        if how == "gnu":
            before = (gnu(name) if long_name else b"") + (gnu(link, b"K") if long_link else b"")
        else:
            before = pax(*([(b"path", name)] if long_name else []), *([(b"linkpath", link)] if long_link else []))
    return before + entry(name, data, kind, link=link, **fields)


def file(name, data=b"hostile", **more):
    return thing(name, b"0", data, **more)


def folder(name, **more):
    return thing(name, b"5", **more)


def symlink(name, target, **more):
    return thing(name, b"2", link=target, **more)


def hardlink(name, target, **more):
    return thing(name, b"1", link=target, **more)


END = bytes(1024)


def layer(*parts):
    return b"".join(parts) + END


def image(*layers, tags=None, **settings):
    return docker_archive([(config(list(layers), **settings), list(layers), tags)])


# ---- the grammar: each of these makes (name, bytes); a function in place of the bytes where they are many ----


def up(levels, then=b""):
    return b"../" * levels + then


# Names that say something else than where a file lies, or much, or nothing.
NAMES = {
    "absolute": b"/etc/hostile", "many slashes": b"///etc//hostile///x", "dot": b".", "dot slash": b"./", "dots": b"././././x",
    "empty": b"", "slash": b"/", "dotdot": b"..", "dotdot slash": b"../", "up": b"../" + SENTINEL.encode(),
    "in and up": b"a/../../" + SENTINEL.encode(), "up at the end": b"a/..", "up in the middle": b"a/../b", "dotdot with a space": b".. /x",
    "three dots": b".../x", "tmp of the host": b"/tmp/" + SENTINEL.encode(), "up to tmp": up(20, b"tmp/" + SENTINEL.encode()),
    "trailing slash": b"file/", "trailing slashes": b"file///", "long component": b"n" * 255, "too long component": b"n" * 256,
    "long path": b"d/" * 2000 + b"x", "too long path": b"d/" * 2500 + b"x", "many components": b"d/" * 300 + b"x",
    "NUL": b"before\0after", "NUL and up": b"x\0/../../" + SENTINEL.encode(), "not UTF-8": b"\xff\xfe\x80/x", "cut UTF-8": b"x\xe2\x82",
    "overlong slash": b"..\xc0\xaf..\xc0\xafx", "surrogate": b"\xed\xa0\x80", "newline": b"a\nb", "carriage return": b"a\rb",
    "escape": b"\x1b[2J\x1b[31mred\x07", "title": b"\x1b]0;title\x07", "control of one byte": b"\x9b31m", "control in UTF-8": "\x9b31m".encode(),
    "delete": b"\x7f\x08\x08", "all controls": bytes(range(1, 32)), "right to left": "\u202etxt.exe".encode(), "backslash": b"..\\..\\x",
    "drive": b"C:\\x", "colon": b"a:b,c", "quotes": b"'\"$(reboot)`reboot`;", "dash": b"-rf", "star": b"*", "spaces": b"  x  ", "percent": b"%n%s%x",
    "whiteout": b".wh.x", "bare whiteout": b".wh.", "bare whiteout below": b"a/.wh.", "whiteout of dot": b".wh..", "whiteout of dotdot": b".wh...",
    "opaque": b".wh..wh..opq", "opaque below": b"a/.wh..wh..opq", "aufs": b".wh..wh.plnk/1.2", "aufs other": b".wh..wh.aufs",
    "whiteout of a whiteout": b".wh..wh.x", "whiteout as a directory": b".wh.d/x", "whiteout with a slash": b".wh.x/", "whiteout up": b".wh.../x",
    "opaque as a directory": b".wh..wh..opq/x", "the tree": b"../tree", "the record": b"../record", "the descriptor": b"../descriptor",
    "the database": up(4, b"layerbox.db"), "the version": up(4, b"version"), "another layer": up(4, b"layers/sha256/x/tree/x"),
    "a blob": up(4, b"blobs/sha256/" + b"0" * 64), "names of the store": b"tree/record", "own fd": b"/proc/self/fd/3/x", "proc": b"proc/1/root/x",
    "manifest": b"manifest.json", "layout": b"oci-layout", "index": b"index.json",
}


def names(canary):
    at = {**NAMES, "canary": up(14, canary.lstrip(b"/") + b"/in/file"), "canary absolute": canary + b"/in/file"}
    for title, name in at.items():
        yield f"{title} as a file in pax", layer(file(name, how="pax"))
        yield f"{title} as a directory in GNU", layer(folder(name, how="gnu"))
        yield f"{title} as a symlink in the header", layer(entry(name, kind=b"2", link=b"/etc"))
        yield f"{title} as a hard link", layer(file(b"ok"), hardlink(name, b"ok", how="pax"))
        if len(name) > 100:
            yield f"{title} with a prefix", layer(entry(name[100:200], b"x", prefix=name[:100]))
        else:
            yield f"{title} as a prefix", layer(entry(b"x", b"x", prefix=name))


def types(_):
    for flag in [*range(0x20, 0x7f), 0, 1, 0x80, 0xff]:
        kind = bytes([flag])
        yield f"flag {flag:#x}", layer(file(b"before"), entry(b"odd", b"content", kind, link=b"before"), file(b"after"))
        if chr(flag) in "123456789":
            yield f"flag {flag:#x} with much content", layer(entry(b"odd", b"x" * 5000, kind, link=b"before"), file(b"after"))
    for kind, what in ((b"3", "character"), (b"4", "block")):
        for major, minor in ((0, 0), (1, 1), (1, 3), (1, 9), (5, 2), (8, 0), (7, 0), (10, 229), (4095, 1048575), (2 ** 20, 2 ** 31), (-1, -1)):
            yield f"{what} device {major}:{minor}", layer(entry(b"dev", kind=kind, major=major, minor=minor, mode=0o666))
    yield "devices where dev will be", layer(folder(b"dev"), entry(b"dev/sda", kind=b"4", major=8, minor=0, mode=0o666),
                                             entry(b"dev/mem", kind=b"3", major=1, minor=1, mode=0o666))
    yield "fifo for passwd", layer(folder(b"etc"), entry(b"etc/passwd", kind=b"6", mode=0o666), entry(b"etc/group", kind=b"6", mode=0o666))
    for kind in (b"L", b"K", b"x", b"g", b"V", b"M", b"N", b"D"):
        name = kind.decode()
        yield f"{name} and nothing", layer(entry(b"x", b"8 path=", kind))
        yield f"{name} chained", layer(*[entry(b"x", b"y", kind)] * 20, file(b"last"))
        yield f"{name} huge", layer(entry(b"x", b"y" * (1 << 20), kind), file(b"last"))
        yield f"{name} that is cut", entry(b"x", b"y" * 600, kind)[:1000]
        yield f"{name} of nothing", layer(entry(b"x", b"", kind), file(b"last"))
    yield "long name after long name", layer(gnu(b"a" * 200), gnu(b"../" + SENTINEL.encode()), file(b"x"))
    yield "long name and pax", layer(gnu(b"../" + SENTINEL.encode()), pax((b"path", b"fine")), file(b"x"))
    yield "pax and long name", layer(pax((b"path", b"fine")), gnu(b"../" + SENTINEL.encode()), file(b"x"))
    yield "dump directory", layer(entry(b"d", b"Yfile\0Tother\0\0", b"D"))
    yield "dump directory that renames", layer(folder(b"d"), entry(b"d", b"R/etc\0T../../x\0X\0\0", b"D"))
    yield from sparse()


def sparse():
    def old(regions, real, data=b"", extended=0):
        at = [(386 + 24 * i, number(offset, 12) + number(size, 12)) for i, (offset, size) in enumerate(regions[:4])]
        return entry(b"holes", data, b"S", magic=b"ustar  \0", at=[*at, (482, bytes([extended])), (483, number(real, 12))])
    much = 2 ** 63 - 1
    for title, regions, real, data in (
            ("sound", [(0, 4), (5000, 4)], 6000, b"aaaabbbb"), ("to the end of the world", [(much - 8, 4)], much, b"aaaa"),
            ("of 2^63-1", [], much, b""), ("of 2^40", [], 2 ** 40, b""), ("of 2^30", [], 2 ** 30, b""), ("negative", [(-512, 4)], 100, b"aaaa"),
            ("backwards", [(5000, 4), (0, 4)], 6000, b"aaaabbbb"), ("overlapping", [(0, 8), (4, 8)], 100, b"a" * 16),
            ("beyond its size", [(0, 512)], 10, b"a" * 512), ("of a negative size", [(0, -1)], 10, b""), ("that wraps", [(much, much)], much, b"aaaa"),
            ("more than there is", [(0, 1 << 30)], 1 << 30, b"aaaa")):
        yield f"old sparse {title}", layer(old(regions, real, data))
    extension = b"".join(number(i * 1024, 12) + number(1, 12) for i in range(21)) + b"\1" + bytes(7)
    yield "old sparse with extensions", layer(old([(0, 1)], 1 << 20, b"", 1) + extension * 3 + bytes(512))
    yield "old sparse with extensions for ever", old([(0, 1)], 1 << 20, b"", 1) + extension * 500
    for title, records, data in (
            ("0.0", [(b"GNU.sparse.size", b"9999"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.offset", b"0"), (b"GNU.sparse.numbytes", b"4")], b"aaaa"),
            ("0.0 negative", [(b"GNU.sparse.size", b"-1"), (b"GNU.sparse.offset", b"-5"), (b"GNU.sparse.numbytes", b"4")], b"aaaa"),
            ("0.1", [(b"GNU.sparse.size", b"9999"), (b"GNU.sparse.map", b"0,4"), (b"GNU.sparse.name", b"../" + SENTINEL.encode())], b"aaaa"),
            ("0.1 garbage", [(b"GNU.sparse.size", b"9999"), (b"GNU.sparse.map", b"x,,,-,9999999999999999999999,1")], b"aaaa"),
            ("0.1 many", [(b"GNU.sparse.size", b"999999"), (b"GNU.sparse.map", b",".join(b"%d,1" % (i * 2) for i in range(9999)))], b"a" * 9999),
            ("1.0", [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"holes"), (b"GNU.sparse.realsize", b"9999")], padded(b"1\n0\n4\n") + b"aaaa"),
            ("1.0 up", [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"../" + SENTINEL.encode()), (b"GNU.sparse.realsize", b"9")], padded(b"1\n0\n4\n") + b"aaaa"),
            ("1.0 of 2^63-1", [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9223372036854775807")], padded(b"0\n")),
            ("1.0 of 2^64", [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"18446744073709551616")], padded(b"0\n")),
            ("1.0 without a map", [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9")], b"x" * 512),
            ("1.0 with a map of 10^18", [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9")], padded(b"1000000000000000000\n")),
            ("of the future", [(b"GNU.sparse.major", b"9"), (b"GNU.sparse.minor", b"9"), (b"GNU.sparse.realsize", b"9")], b"aaaa")):
        yield f"sparse {title}", layer(pax(*records), entry(b"GNUSparseFile.0/holes", data))


def targets(canary):
    return {"root": b"/", "canary": canary, "canary's file": canary + b"/in/file", "up": b"..", "far up": up(30).rstrip(b"/"),
            "up to canary": up(14, canary.lstrip(b"/")), "itself": b"l", "a loop": b"m", "nowhere": b"nowhere", "dot": b".", "a directory": b"d", "a file": b"d/f",
            "absolute inside": b"/d", "in and out": b"d/../../x", "proc": b"/proc/self/root", "a descriptor": b"/proc/self/fd/3",
            "dev": b"/dev/mem", "a long one": b"x/" * 2040, "too long": b"x" * 5000, "controls": b"\x1b[2J\nx", "the store": up(4, b"layerbox.db"),
            "tmp": b"/tmp/" + SENTINEL.encode(), "two dots deep": b"d/./../d/.././..", "empty": b"", "NUL": b"d\0/../../etc"}


def links(canary):
    base = folder(b"d") + file(b"d/f", b"inside")
    loop = symlink(b"m", b"l")
    for title, target in targets(canary).items():
        link = base + loop + symlink(b"l", target)
        yield f"symlink to {title}", layer(link)
        yield f"file through a symlink to {title}", layer(link, file(b"l/" + SENTINEL.encode()))
        yield f"file in place of a symlink to {title}", layer(link, file(b"l"))
        yield f"directory in place of a symlink to {title}", layer(link, folder(b"l"), file(b"l/in"), file(b"l/file"))
        yield f"directory through a symlink to {title}", layer(link, folder(b"l/in/" + SENTINEL.encode()))
        yield f"hard link through a symlink to {title}", layer(link, hardlink(b"stolen", b"l/in/file"))
        yield f"hard link to a symlink to {title}", layer(link, hardlink(b"again", b"l"), file(b"again/x"))
        yield f"hard link made through a symlink to {title}", layer(link, hardlink(b"l/in/other", b"d/f"))
        yield f"hard link to {title}", layer(base, hardlink(b"stolen", target), file(b"stolen", b"over it"))
        yield f"whiteout through a symlink to {title}", layer(link, file(b"l/.wh.in", b""), file(b"l/.wh..wh..opq", b""))
        yield f"a later layer through a symlink to {title}", image(layer(link), layer(file(b"l/in/file"), folder(b"l/" + SENTINEL.encode())))
        yield f"a later whiteout through a symlink to {title}", image(layer(link), layer(file(b"l/.wh.in", b""), file(b"l/in/.wh..wh..opq", b"")))
        yield f"a later hard link through a symlink to {title}", image(layer(link), layer(hardlink(b"stolen", b"l/in/file")))
        yield f"a later layer in place of a symlink to {title}", image(layer(link), layer(folder(b"l"), file(b"l/in/file")), layer(file(b".wh.l", b"")))
        yield f"mount points that are symlinks to {title}", layer(base, loop, *[symlink(name, target) for name in (b"proc", b"etc", b"l")], folder(b"tmp"))


def pieces(name):
    """What a name can be, and one thing below it."""
    below = file(name + b"/below")
    return {"file": file(name), "directory": folder(name) + below, "symlink": symlink(name, b"../.."), "hard link": hardlink(name, b"base"),
            "fifo": entry(name, kind=b"6"), "device": entry(name, kind=b"3", major=1, minor=5), "whiteout": file(b".wh." + name, b""),
            "opaque": file(name + b"/.wh..wh..opq", b""), "implied": below, "directory of mode 0": folder(name, mode=0),
            "hard link to itself": hardlink(name, name)}


def sequences(_):
    base = file(b"base")
    for (first, a), (second, b) in itertools.product(pieces(b"x").items(), repeat=2):
        yield f"{first}, then {second}", layer(base, a, b)
        yield f"{first}, then {second} in a later layer", image(layer(base, a), layer(base, b))
    yield "base replaced under its links", layer(base, hardlink(b"a", b"base"), symlink(b"base", b"/etc"), hardlink(b"b", b"base"), file(b"a", b"new"))
    yield "links before what they link to", layer(*[hardlink(b"%d" % i, b"%d" % (i + 1)) for i in range(300)], file(b"300"))
    yield "links in a circle", layer(hardlink(b"a", b"b"), hardlink(b"b", b"c"), hardlink(b"c", b"a"))
    yield "links to a device", layer(entry(b"dev", kind=b"4", major=8, minor=0), hardlink(b"a", b"dev"))
    yield "links to a whiteout", layer(file(b".wh.x", b""), hardlink(b"a", b".wh.x"), hardlink(b".wh.y", b".wh.x"))
    yield "links across layers", image(layer(base), layer(hardlink(b"a", b"base")))
    yield "directories of mode 0 all the way", image(layer(folder(b"a", mode=0), folder(b"a/b", mode=0), file(b"a/b/c", mode=0)), layer(file(b"a/b/d")),
                                                     layer(file(b"a/.wh.b", b"")))
    yield "top of mode 0", image(layer(folder(b".", mode=0), file(b"a")), layer(file(b"b")))
    yield "top that is a file", layer(file(b"."), file(b"a"))
    yield "top that is a symlink", layer(symlink(b".", b"/"), file(b"a"))
    yield "a directory a thousand times", layer(*[folder(b"d", mode=i & 0o777) for i in range(1000)])
    yield "whiteouts of everything", image(layer(*[file(b"%d" % i) for i in range(100)]), layer(*[file(b".wh.%d" % i, b"") for i in range(100)]))
    yield "deep", image(layer(file(b"d/" * 900 + b"x")), layer(file(b"d/" * 899 + b".wh.d", b"")))
    yield "wide", functools.partial(wide, 20_000)
    yield "many hard links", functools.partial(lambda: gzip.compress(layer(base, *[hardlink(b"%d" % i, b"base") for i in range(20_000)]), 1))


def wide(count):
    return gzip.compress(layer(*[file(b"f%d" % i, b"") for i in range(count)]), 1)


def sizes(_):
    for title, field in (("of octal garbage", b"99999999999\0"), ("of letters", b"hello world\0"), ("of nothing", bytes(12)), ("of spaces", b" " * 12),
                         ("of all sevens", b"7" * 12), ("with a sign", b"-0000000001\0"), ("of base 256, negative", b"\xff" * 12), ("of base 256, -512", number(-512, 12)),
                         ("of base 256, 2^63-1", number(2 ** 63 - 1, 12)), ("of base 256, 2^63", number(2 ** 63, 12)), ("of base 256, 2^88", b"\x80" + b"\xff" * 11),
                         ("of base 256, 2^40", number(2 ** 40, 12)), ("of hexadecimal", b"0x10\0\0\0\0\0\0\0\0"), ("with a leading space", b"          7\0"), ("of bytes", b"\x81\x01" * 6)):
        for kind, what in ((b"0", "file"), (b"5", "directory"), (b"2", "symlink"), (b"x", "pax header")):
            yield f"{what} with a size {title}", layer(header(b"odd", kind, size=field, link=b"x"), padded(b"content"), file(b"after"))
    for cut in (1, 100, 511, 512, 513, 1000, 1023, 1024, 1025, 1535):
        yield f"cut after {cut} bytes", layer(file(b"a", b"x" * 500), file(b"b", b"y" * 500))[:cut]
    yield "no end", file(b"a")
    yield "garbage after the end", layer(file(b"a")) + b"garbage" * 100
    yield "another archive after the end", layer(file(b"a")) + layer(file(b"../" + SENTINEL.encode()))
    yield "wrong checksum", layer(file(b"a"), entry(b"b", b"x", checksum=b"0000000\0"))
    yield "checksum of signed bytes", layer(entry(b"\xff\xff", b"x", checksum=b"%06o\0 " % (sum(header(b"\xff\xff", size=1)[:148]) - 512 & 0o777777)))


def owners(_):
    values = (0, 1, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, 2 ** 63 - 1, 2 ** 63, -1, -2 ** 31)
    for value in values:
        yield f"uid {value} in the header", layer(entry(b"a", b"x", uid=number(value, 8) if -2 ** 55 < value < 2 ** 55 else b"\xff" * 8))
        yield f"uid and gid {value} in pax", layer(pax((b"uid", b"%d" % value), (b"gid", b"%d" % value)), folder(b"a"), file(b"a/b"))
    for value in (b"", b"x", b"0x10", b"1e9", b" 1", b"+1", b"1 ", b"1.5", b"1" * 100, b"root"):
        yield f"uid {value!r}", layer(pax((b"uid", value)), file(b"a"))
    for value in (b"nan", b"inf", b"-inf", b"1e400", b"", b"-1", b"-0.5", b"99999999999999999999", b"-99999999999999999999", b"0.9999999999999999", b"9223372036854775807",
                  b"-9223372036854775808", b"1.-5", b".", b"-", b"1.2.3", b"17179869184", b"1" * 1000):
        yield f"mtime {value[:30]!r}", layer(pax((b"mtime", value), (b"atime", value), (b"ctime", value)), file(b"a"))
    for mode in (0, 0o7777, 0o170000 | 0o644, 0o777777, b"\xff" * 8, b"zzzzzzz\0"):
        for kind in (b"0", b"5", b"2"):
            yield f"mode {mode!r} of {kind.decode()}", layer(entry(b"a", kind=kind, mode=mode, link=b"x"))


def attributes(_):
    key = b"SCHILY.xattr."
    capability = struct.pack("<5I", 0x02000001, 0xffffffff, 0, 0xffffffff, 0)
    acl = struct.pack("<I", 2) + struct.pack("<HHI", 1, 7, 0xffffffff)
    for title, records in {
        "overlay's, trusted": [(key + b"trusted.overlay." + k, v) for k, v in ((b"opaque", b"y"), (b"redirect", b"/etc"), (b"metacopy", b""), (b"origin", b"\0\xfb" * 20))],
        "overlay's, of users": [(key + b"user.overlay." + k, v) for k, v in ((b"opaque", b"y"), (b"redirect", b"/../../etc"), (b"metacopy", b""), (b"whiteout", b""))],
        "overlay's, escaped": [(key + b"user.overlay.overlay.opaque", b"y"), (key + b"trusted.overlay.overlay.redirect", b"/")],
        "overlay's x": [(key + b"user.overlay.opaque", b"x"), (key + b"trusted.overlay.opaque", b"x")],
        "fuse-overlayfs's": [(key + b"user.fuseoverlayfs.opaque", b"y"), (key + b"user.containers.override_stat", b"0:0:04777"), (key + b"user.fuseoverlayfs.override_stat", b"0:0:4777")],
        "capability": [(key + b"security.capability", capability)], "capability of nothing": [(key + b"security.capability", b"")],
        "capability of rootid": [(key + b"security.capability", struct.pack("<6I", 0x03000001, 1, 0, 1, 0, 2 ** 32 - 1))],
        "capability of garbage": [(key + b"security.capability", b"\xff" * 20)], "capability that is long": [(key + b"security.capability", b"\1\0\0\2" * 100)],
        "selinux": [(key + b"security.selinux", b"system_u:object_r:evil_t:s0\0")], "ima": [(key + b"security.ima", b"\3\4" * 50)], "evm": [(key + b"security.evm", b"\3" * 21)],
        "apparmor": [(key + b"security.apparmor", b"unconfined")], "ACL": [(key + b"system.posix_acl_access", acl)], "ACL of garbage": [(key + b"system.posix_acl_access", b"\xff" * 44)],
        "ACL of nothing": [(key + b"system.posix_acl_default", b"")], "ACL as text": [(b"SCHILY.acl.access", b"user::rwx,user:4294967295:rwx,group::r-x,mask::rwx,other::r--")],
        "ACL as text of garbage": [(b"SCHILY.acl.access", b"user:::::,,,\n\x1b[2J")], "ACL of NFS": [(key + b"system.nfs4_acl", b"\0" * 80), (b"SCHILY.acl.ace", b"owner@:rwx::allow")],
        "huge": [(key + b"user.huge", b"v" * 65_537)], "as large as may be": [(key + b"user.large", b"v" * 65_536)], "of a megabyte": [(key + b"user.huge", b"v" * (1 << 20))],
        "many": [(key + b"user.n%d" % i, b"v") for i in range(257)], "as many as may be": [(key + b"user.n%d" % i, b"v") for i in range(256)],
        "without a namespace": [(key + b"nothing", b"v")], "of an unknown namespace": [(key + b"evil.x", b"v")], "without a name": [(key, b"v")], "user alone": [(key + b"user.", b"v")],
        "a long name": [(key + b"user." + b"n" * 300, b"v")], "a name with a NUL": [(key + b"user.a\0b", b"v")], "controls": [(key + b"user.\x1b[2J\n", b"\x1b[31m")],
        "not UTF-8": [(key + b"user.\xff\xfe", b"\xff")], "an equals sign": [(key + b"user.a=b", b"c")], "twice": [(key + b"user.a", b"1"), (key + b"user.a", b"2")],
        "libarchive's": [(b"LIBARCHIVE.xattr.user.a", b"AAAA"), (b"LIBARCHIVE.xattr.trusted%2eoverlay%2eopaque", b"eQ==")], "libarchive's garbage": [(b"LIBARCHIVE.xattr.user.%zz%", b"*****")],
        "system": [(key + b"system.sockprotoname", b"v")], "flags": [(b"SCHILY.fflags", b"schg,uappnd,nodump")], "project": [(b"SCHILY.dev", b"1"), (b"SCHILY.ino", b"1"), (b"SCHILY.nlink", b"9")],
        "star's": [(b"SCHILY.realsize", b"1099511627776"), (b"SCHILY.filetype", b"sparse")],
    }.items():
        yield f"{title} on a file", layer(pax(*records), file(b"a"))
        yield f"{title} on a directory below others", image(layer(folder(b"a"), file(b"a/hidden")), layer(pax(*records), folder(b"a"), file(b"a/b")))
        yield f"{title} on a symlink", layer(pax(*records), symlink(b"a", b"/etc"))
        yield f"{title} for all that follow", layer(pax(*records, kind=b"g"), file(b"a"), folder(b"b"))


def records(canary):
    evil = b"../" + SENTINEL.encode()
    for title, body in {
        "length 0": b"0 path=x\n", "length too short": b"5 path=x\n", "length too long": b"99 path=x\n", "length huge": b"99999999999999999999 path=x\n", "length negative": b"-9 path=x\n",
        "length with zeros": b"00010 path=x\n", "no length": b" path=x\n", "no space": b"8path=x\n", "no equals sign": b"8 pathx\n", "no newline": b"9 path=xy", "no key": b"5 =x\n", "newline alone": b"\n",
        "NULs": bytes(100), "garbage": bytes(range(256)), "empty path": record(b"path", b""), "path with NUL": record(b"path", b"x\0" + evil), "path up": record(b"path", evil),
        "path twice": record(b"path", b"fine") + record(b"path", evil), "path twice, fine last": record(b"path", evil) + record(b"path", b"fine"), "linkpath up": record(b"linkpath", evil),
        "size 0": record(b"size", b"0"), "size 1024": record(b"size", b"1024"), "size negative": record(b"size", b"-512"), "size huge": record(b"size", b"9223372036854775807"),
        "size 2^64": record(b"size", b"18446744073709551616"), "size of garbage": record(b"size", b"0x200"), "size empty": record(b"size", b""), "binary": record(b"hdrcharset", b"BINARY") + record(b"path", b"\xff\x1b[2J"),
        "binary, up": record(b"hdrcharset", b"BINARY") + record(b"path", evil), "charset unknown": record(b"hdrcharset", b"EBCDIC") + record(b"path", b"fine"), "not UTF-8": record(b"path", b"\xff\xfe"),
        "key with controls": record(b"\x1b[2J", b"x"), "key with NUL": record(b"pa\0th", evil), "a space in front": b" 10 path=x\n", "the next in the value": b"24 path=x\n13 path=evil1\n" + b"x" * 9,
        "a thousand": b"".join(record(b"k%d" % i, b"v") for i in range(1000)), "a comment of a megabyte": record(b"comment", b"c" * (1 << 20)), "a value of 100 KiB": record(b"path", b"d/" * 50_000),
        "solaris": record(b"SUN.holesdata", b" 0 100 200"), "type": record(b"typeflag", b"5"), "devices": record(b"SCHILY.devmajor", b"99999999999") + record(b"SCHILY.devminor", b"-1"),
        "modes": record(b"mode", b"7777") + record(b"SCHILY.mode", b"4777"), "names of owners": record(b"uname", b"root\x1b[2J") + record(b"gname", b"x" * 5000),
        "canary": record(b"path", up(14, canary.lstrip(b"/") + b"/in/file")), "linkpath to canary": record(b"linkpath", canary + b"/in/file"),
    }.items():
        for kind, following in (("file", entry(b"plain", b"x" * 512)), ("hard link", file(b"ok") + entry(b"plain", kind=b"1", link=b"ok")), ("directory", entry(b"plain/", kind=b"5"))):
            yield f"{title} before a {kind}", layer(pax(body), following, file(b"after"))
        yield f"{title} for all that follow", layer(pax(body, kind=b"g"), file(b"a"), hardlink(b"b", b"a"))


def wrappers(_):
    plain = layer(folder(b"etc"), file(b"etc/a", bytes(range(256)) * 40))
    for title, compress in COMPRESSIONS.items():
        whole = compress(plain)
        yield f"{title}, cut in the middle", whole[:len(whole) // 2]
        yield f"{title}, without its last byte", whole[:-1]
        yield f"{title}, garbage after it", whole + b"garbage" * 9
        yield f"{title}, zeros after it", whole + bytes(4096)
        yield f"{title}, a bit turned at its end", whole[:-6] + bytes([whole[-6] ^ 4]) + whole[-5:]
        yield f"{title}, a bit turned in its head", whole[:5] + bytes([whole[5] ^ 0x80]) + whole[6:]
        yield f"{title} twice", compress(whole)
        yield f"{title} of nothing", compress(b"")
        yield f"{title}, its head alone", whole[:6]
    for title in ("gzip", "zstd", "xz", "bzip2"):
        yield f"bomb of {title}", functools.partial(bomb, title)
    yield "bomb of nested gzip", functools.partial(lambda: gzip.compress(gzip.compress(bytes(100 << 20))))
    yield "gzip with a name and an extra field", b"\x1f\x8b\x08\x1c" + bytes(6) + b"\xff\xff" + b"x" * 65535 + b"n" * 100_000 + b"\0" + b"c" * 9 + b"\0" + zlib.compress(plain)[2:-4]
    yield "gzip of empty members", gzip.compress(b"") * 20_000 + gzip.compress(plain)
    yield "gzip, many members", b"".join(gzip.compress(plain[i:i + 100]) for i in range(0, len(plain), 100))
    yield "zstd with a window of 2 GiB", bytes.fromhex("28b52ffd00a8") + b"\1\0\0" + plain
    yield "zstd with frames to skip", b"\x50\x2a\x4d\x18" + struct.pack("<I", 1000) + bytes(1000) + COMPRESSIONS["zstd"](plain)
    yield "zstd with a frame to skip of 4 GiB", b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + bytes(1000)
    yield "xz with a dictionary of 4 GiB", lzma.compress(plain, lzma.FORMAT_XZ)[:24].replace(b"\x21\x01\x16", b"\x21\x01\x28") + bytes(100)
    for title, data in (("lzma alone", lzma.compress(plain, lzma.FORMAT_ALONE)), ("compress", b"\x1f\x9d\x90" + plain), ("lzop", b"\x89LZO\0\r\n\x1a\n" + bytes(100)), ("rpm", b"\xed\xab\xee\xdb" + bytes(200)),
                        ("zip", b"PK\3\4" + bytes(100)), ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(100)), ("cpio", b"070701" + b"0" * 200), ("ar", b"!<arch>\n" + bytes(100)), ("uuencode", b"begin 644 x\n#0V%T\n`\nend\n"),
                        ("lrzip", b"LRZI" + bytes(100)), ("grzip", b"GRZipII\0" + bytes(99)), ("mtree", b"#mtree\n/etc/passwd type=file\n"), ("warc", b"WARC/1.0\r\n\r\n"), ("shell", b"#!/bin/sh\nreboot\n"),
                        ("iso", bytes(32769) + b"CD001" + bytes(4096)), ("squashfs", b"hsqs" + bytes(200)), ("zeros", bytes(10240)), ("one byte", b"x"), ("nothing", b"")):
        yield f"not a tar: {title}", data


def bomb(title):
    """100 MiB of zeros in a file."""
    compressor = {"gzip": zlib.compressobj(9, zlib.DEFLATED, 31), "bzip2": bz2.BZ2Compressor(), "xz": lzma.LZMACompressor(preset=0)}.get(title)
    blocks = itertools.chain([header(b"zeros", size=100 << 20)], itertools.repeat(bytes(1 << 20), 100), [END])
    if compressor is None:
        return COMPRESSIONS[title](b"".join(blocks))
    return b"".join([*map(compressor.compress, blocks), compressor.flush()])


def documents(canary):
    sound = layer(folder(b"etc"), file(b"etc/a"))
    hexes = digest(sound)[7:]
    settings = config([sound])
    path = canary.decode() + "/in/file"
    evil = "\x1b[2J\x1b]0;title\x07\x9b31m\n\x7f"

    def archive(manifest, document=settings, members=()):
        return plain_tar([("manifest.json", manifest if isinstance(manifest, bytes) else dump(manifest)), ("c.json", dump(document)), ("l.tar", sound), *members])

    def one(**more):
        return [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["l.tar"], **more}]
    yield "layer that is a path up", archive(one(Layers=["../" * 14 + path.lstrip("/")]))
    yield "layer that is absolute", archive(one(Layers=[path]))
    yield "config that is a path up", archive(one(Config="../../etc/passwd"))
    yield "config that is absolute", archive(one(Config=path))
    yield "layer that is a symlink out", archive(one(Layers=["s"]), members=[("s", path)])
    yield "config that is a symlink out", archive(one(Config="s"), members=[("s", path)])
    yield "layer that is a loop", archive(one(Layers=["s"]), members=[("s", "t"), ("t", "s")])
    yield "layer named like the store", archive(one(Layers=["../../layerbox.db"]), members=[("../../layerbox.db", sound)])
    yield "layers by the thousand", archive(one(Layers=["l.tar"] * 1000), {**settings, "rootfs": {"type": "layers", "diff_ids": [digest(sound)] * 1000}})
    yield "layers by the hundred", archive(one(Layers=["l.tar"] * 100), {**settings, "rootfs": {"type": "layers", "diff_ids": [digest(sound)] * 100}})
    yield "two members of one name", archive(one(), members=[("l.tar", layer(file(b"other")))])
    yield "images by the thousand", archive(one() * 1000)
    for title, tag in (("controls", evil), ("a path", "../../x:1"), ("an absolute one", "/etc/x:1"), ("nothing", ""), ("much", "a" * 100_000 + ":1"), ("a number", 1), ("null", None), ("spaces", " x :1"), ("a digest", "x@sha256:" + "0" * 64)):
        yield f"tag of {title}", archive(one(RepoTags=[tag]))
        yield f"layer name of {title}", archive(one(Layers=[tag]))
        yield f"config name of {title}", archive(one(Config=tag))
    for title, text in (("deep", b"[" * 100_000 + b"]" * 100_000), ("deep objects", b'{"a":' * 50_000), ("not closed", b'[{"Config":'), ("huge", b"[" + b'"x",' * 3_000_000 + b"1]"), ("of a huge number", b"[1e999999]"),
                        ("of long digits", b"[" + b"9" * 100_000 + b"]"), ("not UTF-8", b'[{"Config":"\xff"}]'), ("of surrogates", b'[{"Config":"\\ud800"}]'), ("with a NUL", b'[{"Config":"c.json\\u0000","Layers":["l.tar"]}]'),
                        ("with a mark of order", b"\xef\xbb\xbf[]"), ("of keys twice", b'[{"Config":"c.json","Config":"../x","Layers":["l.tar"],"Layers":["/etc/passwd"]}]'), ("null", b"null"), ("a string", b'"x"')):
        yield f"manifest that is {title}", archive(text)
    for title, value in (("controls", evil), ("null", None), ("a number", 5), ("a list", [1, [2]]), ("an object", {"a": {"b": 1}}), ("a path", "../../../../etc"), ("much", "x" * 1_000_000)):
        for key in ("Env", "Cmd", "Entrypoint", "WorkingDir", "User", "Labels", "Volumes", "ExposedPorts", "StopSignal", "Healthcheck"):
            given = {"Env": [f"A={value}"], "Cmd": [value], "Entrypoint": [value], "Labels": {str(value): value}, "Volumes": {str(value): {}}, "ExposedPorts": {str(value): {}}}.get(key, value)
            yield f"config whose {key} is {title}", archive(one(), config([sound], **{key: given}))
        for key in ("architecture", "os", "created", "author", "variant"):
            yield f"config whose {key} is {title}", archive(one(), {**settings, key: value})
        yield f"history that is {title}", archive(one(), {**settings, "history": [{"created_by": value, "comment": value, "author": value, "created": value}]})
        yield f"rootfs that is {title}", archive(one(), {**settings, "rootfs": value})
        yield f"layer digest that is {title}", archive(one(), {**settings, "rootfs": {"type": "layers", "diff_ids": [value]}})
    yield from layouts(sound, path)
    yield "layer digest of another", archive(one(), {**settings, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}})
    yield "layer digest in capitals", archive(one(), {**settings, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hexes.upper()]}})
    yield "layer digest of another kind", archive(one(), {**settings, "rootfs": {"type": "layers", "diff_ids": ["md5:" + "0" * 32]}})


def layouts(sound, path):
    """OCI layouts as archives, and as directories, in which a str is a symlink's target."""
    def made(change):
        layout = OciLayout()
        entry_ = layout.manifest(config([sound]), [sound])
        layout.add(entry_, "v1")
        change(layout, entry_)
        return layout

    def manifest(layout, entry_, **more):
        document = {**json.loads(layout.blobs[entry_["digest"]]), **more}
        layout.entries[:] = [{"mediaType": MEDIA + "manifest.v1+json", **layout.blob(dump(document))}]

    def circle(layout, _):
        layout.entries[:] = [{"mediaType": MEDIA + "index.v1+json", **layout.blob(dump({"schemaVersion": 2, "manifests": layout.entries}))}]

    def deep(layout, _):
        for _ in range(200):
            circle(layout, _)
    changes = {
        "digest that is a path": lambda layout, _: layout.entries[0].update(digest="sha256:../../../../../../etc/passwd"),
        "digest of nothing": lambda layout, _: layout.entries[0].update(digest=""),
        "digest of another kind": lambda layout, _: layout.entries[0].update(digest="md5:" + "0" * 32),
        "size that is negative": lambda layout, _: layout.entries[0].update(size=-1),
        "size that is huge": lambda layout, _: layout.entries[0].update(size=2 ** 63),
        "name with controls": lambda layout, e: layout.add({**e}, "\x1b[2J\n\x9b31m"),
        "blob that is another": lambda layout, e: layout.blobs.update({e["digest"]: layout.blobs[e["digest"]] + b" "}),
        "media type with controls": lambda layout, _: layout.entries[0].update(mediaType="\x1b[2J\n"),
        "manifest without layers": lambda layout, e: manifest(layout, e, layers=[]),
        "layers of null": lambda layout, e: manifest(layout, e, layers=None),
        "layer digest that is a path": lambda layout, e: manifest(layout, e, layers=[{"mediaType": MEDIA + "layer.v1.tar", "digest": "sha256:" + "../" * 20 + "etc/passwd", "size": 1}]),
        "layers that are the config": lambda layout, e: manifest(layout, e, layers=[json.loads(layout.blobs[e["digest"]])["config"]]),
        "layers elsewhere": lambda layout, e: manifest(layout, e, layers=[{"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar", "urls": ["http://127.0.0.1/x"], "digest": digest(sound), "size": len(sound)}]),
        "layers that lie of their compression": lambda layout, e: manifest(layout, e, layers=[{"mediaType": MEDIA + "layer.v1.tar+zstd", "digest": digest(sound), "size": len(sound)}]),
        "indexes in indexes": deep, "index of an index": circle,
    }
    for title, change in changes.items():
        layout = made(change)
        yield f"layout with a {title}", layout.tar()
        yield f"layout directory with a {title}", dict(layout.files())
    whole = dict(made(lambda *_: None).files())
    blob = "blobs/sha256/" + digest(sound)[7:]
    for title, member in (("layer", blob), ("index", "index.json"), ("marker", "oci-layout")):
        yield f"layout directory whose {title} is a symlink out", {**whole, member: path}
        yield f"layout directory whose {title} is a device", {**whole, member: "/dev/zero"}
        yield f"layout directory whose {title} is itself", {**whole, member: os.path.basename(member)}
        yield f"layout directory without its {title}", {key: data for key, data in whole.items() if key != member}
    yield "layout directory whose blobs are elsewhere", {**{k: v for k, v in whole.items() if not k.startswith("blobs")}, "blobs": os.path.dirname(path)}
    yield "layout of another version", {**whole, "oci-layout": dump({"imageLayoutVersion": "9.0.0"})}


KINDS = (names, types, links, sequences, sizes, owners, attributes, records, wrappers, documents)

# ---- chance ----


def by_chance(seed, canary):
    """An image of the grammar's parts: most are harmless alone, so that the archive is taken and they meet each other."""
    chance = random.Random(seed)
    pick = chance.choice
    harm = chance.random() < 0.4  # else only what is harmful together
    mild = [b"a", b"b", b"a/b", b"a/b/c", b"l", b"l/x", b"m", b"m/l", b"d/d", b"d/d/d", b"./a", b"/b", b"a//b", b"l/../b" if harm else b"l/y"]
    odd = [name for title, name in NAMES.items() if not title.startswith(("long path", "too long", "many comp"))]
    goals = list(targets(canary).values())
    keys = [b"user.a", b"user.overlay.opaque", b"trusted.overlay.redirect", b"security.capability", b"user.fuseoverlayfs.opaque", b"system.posix_acl_access", b"trusted.x"]

    def name():
        return pick(odd) if harm and chance.random() < 0.15 else pick(mild)

    def white(of):
        head, slash, tail = of.rstrip(b"/").rpartition(b"/")
        return head + slash + (b".wh." + tail if chance.random() < 0.7 else b".wh..wh..opq")

    def some():
        at, how = name(), pick(["auto", "auto", "pax", "gnu"])
        fields = {"uid": pick([0, 0, 0, 1000, 65535, 2 ** 32 - 2]), "gid": pick([0, 0, 5]), "mode": pick([0o644, 0o755, 0, 0o4755, 0o1777, 0o7777]), "mtime": pick([0, 1, 2 ** 33, -1, 10 ** 9])}
        before = b""
        if chance.random() < 0.15:
            before = pax((b"SCHILY.xattr." + pick(keys), pick([b"", b"y", b"/etc", chance.randbytes(20)])))
            how = "auto"
        kind = chance.randrange(12)
        if kind < 3:
            return before + file(at, chance.randbytes(pick([0, 1, 511, 512, 513, 3000])), how=how, **fields)
        if kind < 6:
            return before + folder(at, how=how, **fields)
        if kind < 8:
            return before + symlink(at, pick(goals if harm else [*mild, b"..", b"/", b"/a", b"../..", canary]), how=how, **fields)
        if kind == 8:
            return before + hardlink(at, name(), how=how, **fields)
        if kind == 9:
            return file(white(at), b"", how=how)
        if kind == 10:
            return entry(at, kind=pick([b"6", b"3", b"4"]), major=pick([0, 1, 8]), minor=pick([0, 3, 5]), **fields)
        return entry(at, chance.randbytes(pick([0, 600])), bytes([chance.randrange(256)]), **fields) if harm else folder(at, **fields)
    layers = [layer(*[some() for _ in range(chance.randint(1, 14))]) for _ in range(chance.randint(1, 4))]
    if harm and chance.random() < 0.3:  # bytes turned, so that headers lie
        broken = bytearray(pick(layers))
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        return bytes(broken)
    compress = COMPRESSIONS[pick(["none", "none", "gzip", "xz", "bzip2"])]
    return compress(image(*layers)) if len(layers) > 1 or chance.random() < 0.3 else compress(layers[0])


# ---- vectors ----


@dataclasses.dataclass(frozen=True)
class Vector:
    name: str
    made: object  # bytes; {path: bytes or a symlink's target} for a directory; or a function that makes one

    def source(self):
        return self.made() if callable(self.made) else self.made


def written_down(canary):
    """All that the kinds make, a list for each."""
    return [[Vector(f"{kind.__name__}: {title}", made) for title, made in kind(canary)] for kind in KINDS]


def vectors(count, canary):
    """`count` of them: some of each kind, in its whole breadth, and a fifth by chance; or all that are written down, and the rest by chance."""
    lists = written_down(canary)
    whole = sum(map(len, lists))
    from_kinds = whole if count >= whole else count * 4 // 5
    chosen = []
    for number_, kind in enumerate(lists):
        share = len(kind) if count >= whole else from_kinds * (number_ + 1) // len(lists) - from_kinds * number_ // len(lists)
        chosen += [kind[i * len(kind) // share] for i in range(min(share, len(kind)))]
    return chosen + [Vector(f"chance-{seed}", functools.partial(by_chance, seed, canary)) for seed in range(count - len(chosen))]


def one(name, canary):
    """The vector of this name."""
    if name.startswith("chance-"):
        return Vector(name, functools.partial(by_chance, int(name[7:]), canary))
    return next(vector for kind in written_down(canary) for vector in kind if vector.name == name)


# ---- what others have collected ----


def corpora(top):
    """Vectors of all files below a directory, which `./dev hostile` fills; libarchive's are in uuencode."""
    paths = sorted(os.path.join(directory, name) for directory, _, files in os.walk(top) for name in files)
    return [Vector(os.path.relpath(path, top), functools.partial(collected, path)) for path in paths]


def collected(path):
    with open(path, "rb") as source:
        data = source.read()
    return uudecoded(data) if path.endswith(".uu") else data


def uudecoded(data):
    """As uudecode(1): leniently."""
    out = bytearray()
    for line in itertools.takewhile(lambda line: line not in (b"end", b"`", b""), data[data.index(b"begin "):].splitlines()[1:]):
        bits = "".join(f"{character - 32 & 63:06b}" for character in line[1:])
        out += bytes(int(bits[at:at + 8].ljust(8, "0"), 2) for at in range(0, 8 * (line[0] - 32 & 63), 8))
    return bytes(out)
