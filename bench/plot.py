#!/usr/bin/env python3
"""Draws what bench/rootfs.sh or bench/peers.sh wrote: a picture (SVG) for each image, and one of starts.

    bench/plot.py RESULT DIRECTORY      # DIRECTORY/rootfs-IMAGE.svg; start.svg, import-IMAGE.svg

A row a tool, the quickest first: bars on a logarithmic scale, the median with a line from the lowest to the highest.
"""
import html
import math
import pathlib
import re
import sys

LINE = re.compile(r"(\w+) +(\w+) +(.+?) +make ([\d.]+) ([\d.]+) ([\d.]+) +remove ([\d.]+) ([\d.]+) ([\d.]+) +KiB (-?\d+)$")
PEER = re.compile(r"(\S.*?) +([\d.]+) +([\d.]+) +([\d.]+)  first +(-?[\d.]+|nan)  rss")
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


def picture(title, legend, rows, last=""):
    """`legend`: (class, what a bar of it is); a row: its name, bars of (class, median, lowest, highest), and a note."""
    rows.sort(key=lambda row: row["bars"][0][1])
    values = [value for row in rows for bar in row["bars"] for value in bar[1:]]
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))

    def x(milliseconds):
        return LABEL + BARS * (math.log10(milliseconds) - low) / (high - low)

    height = TOP + ROW * len(rows) + 8
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + BARS + DISK} {height}" role="img">',
           f"<title>{html.escape(title)}</title><style>{STYLE}</style>"]
    for power in range(low, high + 1):
        at = x(10 ** power)
        out.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{height - 8}"/>')
        out.append(f'<text class="dim" x="{at:.1f}" y="{TOP - 14}" text-anchor="middle">{time_text(10 ** power)}</text>')
    out.append('<text x="8" y="16">' + "  ".join(f'<tspan class="{name}">■</tspan> {what}' for name, what in legend) + "</text>")
    out.append(f'<text class="dim" x="{LABEL + BARS + DISK - 8}" y="{TOP - 14}" text-anchor="end">{last}</text>')
    for number, row in enumerate(rows):
        y = TOP + ROW * number
        ours = "ours" if row["name"].startswith("layerbox") else ""
        out.append(f'<text class="{ours}" x="{LABEL - 8}" y="{y + 17}" text-anchor="end">{html.escape(row["name"])}</text>')
        for at, (name, median, least, most) in enumerate(row["bars"]):
            offset = 2 + 11 * at
            out.append(f'<rect class="{name}" x="{LABEL}" y="{y + offset}" width="{x(median) - LABEL:.1f}" height="10"/>')
            out.append(f'<line class="range" x1="{x(least):.1f}" x2="{x(most):.1f}" y1="{y + offset + 5}" y2="{y + offset + 5}"/>')
        out.append(f'<text x="{LABEL + BARS + DISK - 8}" y="{y + 17}" text-anchor="end">{row["note"]}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    result, directory = sys.argv[1:]
    roots, section, peers = {}, "", {}
    for line in pathlib.Path(result).read_text().splitlines():
        if match := LINE.match(line):
            numbers = [float(text) for text in match.groups()[3:9]]
            roots.setdefault(match[2], []).append({"name": f"{match[3]}, {match[1]}", "note": size_text(int(match[10])), "bars": [
                ("make", *numbers[:3]), ("remove", *numbers[3:])]})
        elif match := re.match(r"## (?:import of (\w+)|warm (start))", line):
            section = f"import-{match[1]}" if match[1] else match[2]
        elif match := PEER.match(line):
            wall, first = [float(text) for text in match.groups()[1:4]], float(match[5])
            bars = [("remove", *wall)] if section != "start" else [("make", first, first, first), ("remove", *wall)]
            peers.setdefault(section, []).append({"name": match[1], "note": f"{wall[0]:.3g} ms", "bars": bars})
    for image, rows in roots.items():
        pathlib.Path(directory, f"rootfs-{image}.svg").write_text(
            picture(f"A root file system of {image} made and removed", [("make", "made"), ("remove", "removed")], rows, "disk"))
    for section, rows in peers.items():
        legend = [("make", "to the first instruction"), ("remove", "whole")] if section == "start" else [("remove", "imported and synced")]
        pathlib.Path(directory, f"{section}.svg").write_text(picture(section.replace("-", " of "), legend, rows))


main()
