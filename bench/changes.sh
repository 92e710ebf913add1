#!/usr/bin/env bash
# What diff, commit, snapshot and fork of a container take, by how much it has changed and by how large its image is.
#
#   bench/changes.sh WORK
#
# WORK must lie on a journalled file system of its own. Two images are made, of FEW and MANY files beside a busybox, in
# directories of 100; a container of each changes some of them, adds as many, and removes as many.
# Each line: label, median, lowest, highest wall ms, …, as bench/time_command.cpp says it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
layerbox=(${LAYERBOX:-$here/../build/release/layerbox} --quiet --root "$work/store")
runs=${RUNS:-5} few=${FEW:-400} many=${MANY:-40000}
timer=$work/time_command
g++ -O2 -std=c++20 -static -o "$timer" "$here/time_command.cpp"

make_image() { # name files
  local root=$work/$1 i
  mkdir -p "$root/bin" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/tmp"
  cp /bin/busybox "$root/bin/busybox"
  "$root/bin/busybox" --install -s "$root/bin" && ln -sf busybox "$root/bin/sh"
  python3 - "$root/data" "$2" <<'PY'
import os, sys
top, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    directory = f"{top}/{i // 100}"
    if i % 100 == 0:
        os.makedirs(directory)
    with open(f"{directory}/{i}", "w") as file:
        file.write("content of a small file\n" * 40)
PY
  tar -C "$root" --numeric-owner -cf - . | "${layerbox[@]}" pull-tar - --name "$1" >/dev/null
  rm -rf "$root"
}

make_image few "$few"
make_image many "$many"
for image in few many; do
  for backend in overlay copy; do
    for changes in 0 10 100 1000 10000; do
      [ $image = many ] || [ $changes -le 100 ] || continue
      echo "## $image files, $backend, $changes changed, $changes added, $changes removed"
      "${layerbox[@]}" run --backend $backend --name box $image sh -c \
        "i=0; while [ \$i -lt $changes ]; do echo x >> /data/\$((i / 100))/\$i; echo y > /data/\$((i / 100))/new\$i
           j=\$((i + $changes)); rm /data/\$((j / 100))/\$j; i=\$((i + 1)); done"
      "$timer" -n "$runs" -l "diff" -- sh -c "${layerbox[*]} diff box >$work/diff"
      "$timer" -n "$runs" -l "commit" --pre "${layerbox[*]} rmi made >/dev/null 2>&1 || true" -- "${layerbox[@]}" commit box made
      "$timer" -n "$runs" -l "snapshot" --pre "${layerbox[*]} snapshot --remove box s >/dev/null 2>&1 || true" -- \
        "${layerbox[@]}" snapshot box s
      "$timer" -n "$runs" -l "fork" --pre "${layerbox[*]} rm forked >/dev/null 2>&1 || true" -- "${layerbox[@]}" fork box forked
      "${layerbox[@]}" rmi made >/dev/null
      "${layerbox[@]}" rm forked box >/dev/null
    done
  done
done
rm -rf "$work/store" "$timer"
