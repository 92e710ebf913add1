#!/usr/bin/env python3
"""Draws what bench/rootfs.sh wrote: a picture (SVG) for each image.

    bench/plot.py RESULT DIRECTORY      # DIRECTORY/rootfs-IMAGE.svg

A row a tool and file system, the quickest to make first: a bar for making and one for removing a root file system, on a
logarithmic scale, the median with a line from the lowest to the highest; and the disk that a container takes.
"""
import html
import math
import pathlib
import re
import sys

LINE = re.compile(r"(\w+) +(\w+) +(.+?) +make ([\d.]+) ([\d.]+) ([\d.]+) +remove ([\d.]+) ([\d.]+) ([\d.]+) +KiB (-?\d+)$")
LABEL, BARS, DISK, ROW, TOP = 250, 430, 90, 30, 46
STYLE = """text { font: 13px system-ui, sans-serif; fill: #222; } .ours { font-weight: 600; } .dim { fill: #777; }
.grid { stroke: #ccc; } .range { stroke: #222; } .make { fill: #2f6fb0; } .remove { fill: #c98a2b; }
@media (prefers-color-scheme: dark) { text { fill: #ddd; } .dim { fill: #999; } .grid { stroke: #444; }
.range { stroke: #ddd; } .make { fill: #5c9bd8; } .remove { fill: #d9a655; } }"""


def size_text(kib):
    for limit, unit in ((1024, "KiB"), (1024 * 1024, "MiB")):
        if abs(kib) < limit:
            return f"{kib * 1024 / limit:.3g} {unit}"
    return f"{kib / 1024 / 1024:.3g} GiB"


def time_text(milliseconds):
    return f"{milliseconds:g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:g} s"


def picture(image, rows):
    rows.sort(key=lambda row: row["make"][0])
    values = [value for row in rows for key in ("make", "remove") for value in row[key]]
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))

    def x(milliseconds):
        return LABEL + BARS * (math.log10(milliseconds) - low) / (high - low)

    height = TOP + ROW * len(rows) + 8
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + BARS + DISK} {height}" role="img">',
           f"<title>A root file system of {html.escape(image)} made and removed</title><style>{STYLE}</style>"]
    for power in range(low, high + 1):
        at = x(10 ** power)
        out.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{height - 8}"/>')
        out.append(f'<text class="dim" x="{at:.1f}" y="{TOP - 14}" text-anchor="middle">{time_text(10 ** power)}</text>')
    out.append(f'<text x="8" y="16"><tspan class="make">■</tspan> made  <tspan class="remove">■</tspan> removed</text>')
    out.append(f'<text class="dim" x="{LABEL + BARS + DISK - 8}" y="{TOP - 14}" text-anchor="end">disk</text>')
    for number, row in enumerate(rows):
        y = TOP + ROW * number
        ours = "ours" if row["tool"].startswith("layerbox") else ""
        name = html.escape(f"{row['tool']}, {row['fs']}")
        out.append(f'<text class="{ours}" x="{LABEL - 8}" y="{y + 17}" text-anchor="end">{name}</text>')
        for key, offset in (("make", 2), ("remove", 13)):
            median, least, most = row[key]
            out.append(f'<rect class="{key}" x="{LABEL}" y="{y + offset}" width="{x(median) - LABEL:.1f}" height="10"/>')
            out.append(f'<line class="range" x1="{x(least):.1f}" x2="{x(most):.1f}" y1="{y + offset + 5}" y2="{y + offset + 5}"/>')
        out.append(f'<text x="{LABEL + BARS + DISK - 8}" y="{y + 17}" text-anchor="end">{size_text(row["kib"])}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    result, directory = sys.argv[1:]
    images = {}
    for line in pathlib.Path(result).read_text().splitlines():
        if match := LINE.match(line):
            numbers = [float(text) for text in match.groups()[3:9]]
            images.setdefault(match[2], []).append({
                "fs": match[1], "tool": match[3], "make": numbers[:3], "remove": numbers[3:], "kib": int(match[10])})
    for image, rows in images.items():
        pathlib.Path(directory, f"rootfs-{image}.svg").write_text(picture(image, rows))


main()
