#!/usr/bin/env bash
# What commands take on a store of many layers, by how many there are, and podman's on the smallest.
#
#   bench/many.sh WORK
#
# A loop-mounted ext4 with a journal is made in WORK. Images have a busybox below and four small layers of their own
# (bench/many_images.py), so that a store of 10,000 layers has 2,500 images; a container of the first has written twenty files.
# `prune --all` and its peer `rm -rf` empty copies of the store. Prints a table of medians in ms, of the clock and, in brackets, of
# processors; the growth is how much more of the latter the last of COUNTS takes than the one before.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
layerbox=${LAYERBOX:-$here/../build/release/layerbox}
runs=${RUNS:-5} heavy=${HEAVY_RUNS:-3} counts=${COUNTS:-100 1000 10000}
disk=$work/disk
timer=$work/time_command
results=$work/results
: >"$results"

clean_up() {
  grep -o " $disk/[^ ]*" /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
  umount "$disk" 2>/dev/null || umount -l "$disk" 2>/dev/null || true
  rm -rf "$work/disk.img" "$timer" "$work"/*.tar
}
trap clean_up EXIT

truncate -s "${DISK_SIZE:-20G}" "$work/disk.img"
mkfs.ext4 -q -N 2000000 "$work/disk.img"
mkdir -p "$disk"
mount -o loop,noatime "$work/disk.img" "$disk"
g++ -O2 -std=c++20 -static -o "$timer" "$here/time_command.cpp"
tar -C "$here" --numeric-owner -cf "$work/one.tar" many_images.py many.sh

t() { # ROW RUNS PRE COMMAND…
  local row=$1 n=$2 pre=$3
  shift 3
  printf '%s\t%s\t%s\n' "$count" "$row" \
    "$("$timer" -n "$n" -w "$((n > 1))" -l x ${pre:+--pre "$pre"} -- "$@" | sed 's/^x *//')" | tee -a "$results" >&2
}

layerbox_at() {
  local l=("$layerbox" --quiet --root "$disk/store") quiet="$layerbox --quiet --root $disk/store"
  python3 -B "$here/many_images.py" $((count / 4)) 4 "${BUSYBOX:-/bin/busybox}" >"$work/many.tar"
  t "pull-tar: made" 1 "" "${l[@]}" pull-tar "$work/many.tar"
  t "pull-tar: there already, docker-archive" "$heavy" "" "${l[@]}" pull-tar "$work/many.tar"
  python3 -B "$here/many_images.py" 1 4 "${BUSYBOX:-/bin/busybox}" >"$work/first.tar"
  t "pull-tar: one of them, there already" "$runs" "" "${l[@]}" pull-tar "$work/first.tar"
  "${l[@]}" pull-tar "$work/one.tar" --name plain >/dev/null
  t "pull-tar: there already, plain tar" "$runs" "" "${l[@]}" pull-tar "$work/one.tar" --name plain
  "${l[@]}" rmi plain >/dev/null
  "${l[@]}" run --name box many-0 sh -c 'i=0; while [ $i -lt 20 ]; do echo x >/data/new$i; i=$((i + 1)); done'
  t "images" "$runs" "" "${l[@]}" images
  t "images --format json" "$runs" "" "${l[@]}" images --format json
  t "ps --all" "$runs" "" "${l[@]}" ps --all
  sleep 1
  "${l[@]}" run many-0 true # remembers what it found
  t "run (warm)" "$((runs * 4))" "" "${l[@]}" run many-0 true
  t "diff" "$runs" "" "${l[@]}" diff box
  t "commit" "$runs" "$quiet rmi made >/dev/null 2>&1 || true" "${l[@]}" commit box made
  "${l[@]}" rmi made >/dev/null
  t "save" "$runs" "" "${l[@]}" save many-0 -o "$disk/saved"
  t "export" "$runs" "" "${l[@]}" export many-0 -o "$disk/exported"
  t "rmi" "$runs" "$quiet pull-tar $work/one.tar --name one >/dev/null" "${l[@]}" rmi one
  t "prune --dry-run" "$runs" "" "${l[@]}" prune --dry-run
  t "prune: one image has no name" "$runs" "$quiet pull-tar $work/one.tar >/dev/null" "${l[@]}" prune
  t "fsck --quick" "$heavy" "" "${l[@]}" fsck --quick
  t "fsck" "$heavy" "" "${l[@]}" fsck
  t "peer: sha256sum of all files" "$heavy" "" sh -c "find $disk/store/layers -type f -print0 | xargs -0 sha256sum >/dev/null"
  "${l[@]}" rm box >/dev/null
  local copy="rm -rf $disk/copy; cp -a $disk/store $disk/copy; sync -f $disk"
  t "prune --all" 1 "$copy" "$layerbox" --quiet --root "$disk/copy" prune --all
  t "peer: rm -rf of the store" 1 "$copy" rm -rf "$disk/copy"
  rm -rf "$disk/copy"
}

podman_at() {
  command -v podman >/dev/null || { echo "# podman is not installed: left out" >&2; return 0; }
  local p=(podman --root "$disk/podman" --runroot "$disk/podman-run" --storage-driver overlay --cgroup-manager cgroupfs)
  local quiet="${p[*]}"
  podman_row() { t "podman: $1" "$2" "$3" "${p[@]}" "${@:4}"; }
  podman_row "pull-tar: made" 1 "" load -q -i "$work/many.tar"
  podman_row "pull-tar: one of them, there already" 3 "" load -q -i "$work/first.tar"
  podman_row "images" 3 "" images
  podman_row "images --format json" 3 "" images --format json
  "${p[@]}" create --name box many-0 true >/dev/null
  local upper
  upper=$("${p[@]}" inspect --format '{{.GraphDriver.Data.UpperDir}}' box)
  mkdir -p "$upper/data"
  local i
  for i in $(seq 20); do echo x >"$upper/data/new$i"; done
  podman_row "ps --all" 3 "" ps --all
  podman_row "diff" 3 "" diff box
  podman_row "commit" 3 "$quiet rmi made >/dev/null 2>&1 || true" commit -q box made
  podman_row "save" 3 "rm -f $disk/saved" save -q many-0 -o "$disk/saved"
  podman_row "export" 3 "" export box -o "$disk/exported"
  podman_row "rmi" 3 "$quiet import -q $work/one.tar one >/dev/null" rmi one
  podman_row "prune: one image has no name" 3 "$quiet import -q $work/one.tar >/dev/null" image prune -f
  "${p[@]}" rm box >/dev/null
  podman_row "prune --all" 1 "" image prune --all -f
  umount "$disk/podman/overlay" 2>/dev/null || true
  rm -rf "$disk/podman" "$disk/podman-run"
}

for count in $counts; do
  layerbox_at
  [ "$count" != "${counts%% *}" ] || [ "${PEERS:-yes}" = no ] || podman_at
  rm -rf "$disk/store"
done

python3 - "$results" $counts <<'PY'
import sys
counts, rows = sys.argv[2:], {}
for line in open(sys.argv[1]):
    count, row, numbers = line.rstrip("\n").split("\t")
    words = numbers.split()
    wall, cpu = float(words[0]), float(words[words.index("cpu") + 1])
    rows.setdefault(row, {})[count] = (wall, cpu, " failed" if words[-1] != "0" else "")


def number(ms):
    return f"{ms:,.0f}" if ms >= 10 else f"{ms:.1f}"


def cell(values):
    return f"{number(values[0])} ({number(values[1])}){values[2]}" if values else ""


peers = {row.split(": ", 1)[1]: cell(cells[counts[0]]) for row, cells in rows.items() if row.startswith("podman: ")}
print("| ms, layers: | " + " | ".join(counts) + " | growth | podman, " + counts[0] + " |\n" + "| --- " * (len(counts) + 3) + "|")
for row, cells in rows.items():
    if row.startswith("podman: "):
        continue
    growth = f"×{cells[counts[-1]][1] / max(cells[counts[-2]][1], 0.1):.1f}" if len(counts) > 1 else ""
    print("| " + " | ".join([row, *[cell(cells.get(count)) for count in counts], growth, peers.get(row, "")]) + " |")
PY
