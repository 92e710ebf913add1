#!/usr/bin/env bash
# A writable root file system made and removed, by every backend and by the peers, in one run; and the disk that it takes.
#
#   bench/rootfs.sh INPUTS WORK
#
# INPUTS as for bench/peers.sh. File systems of their own, in images below WORK: ext4 with a journal, XFS and btrfs.
# layerbox, podman and docker: `create` and `rm` of a container that is kept; podman makes the root file system of its vfs
# and btrfs drivers then, and mounts that of overlay at each start, as layerbox does. containerd: a snapshot prepared and
# removed. The two steps are timed apart, each with nothing else to write back. `cp -a` and `rm -rf` stand for the floor
# of a copy. Disk is what statfs(2) says before and after, both synced; it counts inodes only where they take blocks.
# A line a case: file system, image, tool, ms of making (median, lowest, highest), ms of removing, KiB.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
inputs=$(cd "$1" && pwd)
mkdir -p "$2"
work=$(cd "$2" && pwd)
layerbox=${LAYERBOX:-$here/../build/release/layerbox}
runs=${RUNS:-5} images=${IMAGES:-debian dev}
. "$here/daemons.sh"

have() { command -v "$1" >/dev/null || { echo "# $1 is not installed: left out"; return 1; }; }

clean_up() {
  local fs
  end_daemons
  for fs in ext4 xfs btrfs; do
    grep -o " $work/$fs/[^ ]*" /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    umount "$work/$fs" 2>/dev/null || umount -l "$work/$fs" 2>/dev/null || true
    rm -f "$work/$fs.img"
  done
}
trap clean_up EXIT

make_file_system() { # ext4|xfs|btrfs
  truncate -s 20G "$work/$1.img"
  "mkfs.$1" -q "$work/$1.img" >/dev/null 2>&1
  mkdir -p "$work/$1"
  mount -o loop,noatime "$work/$1.img" "$work/$1"
}

# Median, lowest, highest of the numbers on standard input.
spread() { sort -n | awk '{v[NR]=$1} END {printf "%.1f %.1f %.1f", NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2, v[1], v[NR]}'; }

used_kib() { sync -f "$1"; sync -f "$1"; echo $((($(stat -f -c '(%b-%f)*%S' "$1")) / 1024)); }

ms_of() { # command…
  local begin=$EPOCHREALTIME
  "$@" >/dev/null 2>"$work/error" || { echo "# failed: $*: $(tail -n1 "$work/error")" >&2; return 1; }
  awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.2f\n", (b - a) * 1000}'
}

# Makes and removes in turn; the first time is not counted: it may do what is done once for an image.
measure() { # fs image tool MAKE REMOVE   (functions)
  local fs=$1 image=$2 tool=$3 make=$4 remove=$5 i made=() removed=() before after
  "$make" "$image" >/dev/null 2>"$work/error" || { echo "# $fs $image $tool: $(tail -n1 "$work/error")"; return 0; }
  "$remove" "$image" >/dev/null 2>&1
  before=$(used_kib "$work/$fs")
  for ((i = 0; i < runs; ++i)); do
    made+=("$(ms_of "$make" "$image")") || return 0
    [ $i -gt 0 ] || after=$(used_kib "$work/$fs")
    sync -f "$work/$fs"
    removed+=("$(ms_of "$remove" "$image")") || return 0
    sync -f "$work/$fs"
  done
  printf '%-6s %-7s %-22s make %s   remove %s   KiB %d\n' "$fs" "$image" "$tool" \
    "$(printf '%s\n' "${made[@]}" | spread)" "$(printf '%s\n' "${removed[@]}" | spread)" $((after - before))
}

layerbox_on() { # fs backend…
  local fs=$1 backend image
  shift
  for image in $images; do
    "$layerbox" --quiet --root "$work/$fs/store" pull-tar "$inputs/$image-docker.tar" --name "$image" >/dev/null
    for backend in "$@"; do
      make() { "$layerbox" --quiet --root "$work/$fs/store" create --backend "$backend" --name box "$1" true; }
      remove() { "$layerbox" --quiet --root "$work/$fs/store" rm box; }
      measure "$fs" "$image" "layerbox $backend" make remove
    done
  done
  rm -rf "$work/$fs/store"
}

cp_on() { # fs reflink
  local fs=$1 reflink=$2 image
  for image in $images; do
    local flat=$inputs/$image.tar
    [ "$image" != dev ] || flat=$inputs/dev-flat.tar
    mkdir -p "$work/$fs/tree"
    tar --numeric-owner --xattrs -xf "$flat" -C "$work/$fs/tree"
    make() { cp -a --reflink="$reflink" "$work/$fs/tree" "$work/$fs/copy"; }
    remove() { rm -rf "$work/$fs/copy"; }
    measure "$fs" "$image" "cp -a --reflink=$reflink" make remove
    rm -rf "$work/$fs/tree"
  done
}

podman_on() { # fs driver
  have podman || return 0
  local fs=$1 driver=$2 image
  local podman=(podman --root "$work/$fs/podman" --runroot "$work/podman-run-$fs-$driver" --storage-driver "$driver" --cgroup-manager cgroupfs)
  for image in $images; do
    "${podman[@]}" load -q -i "$inputs/$image-docker.tar" >/dev/null
    make() { "${podman[@]}" create --name box --network none --pull never "docker.io/library/$1:latest" true; }
    remove() { "${podman[@]}" rm box; }
    measure "$fs" "$image" "podman $driver" make remove
    "${podman[@]}" rmi -f -a >/dev/null 2>&1 || true
  done
  "${podman[@]}" system reset -f >/dev/null 2>&1 || true
  rm -rf "$work/podman-run-$fs-$driver"
}

containerd_on() { # fs
  have containerd || return 0
  local fs=$1 image snapshotter digest # of the image's top
  begin_containerd "$work/$fs/containerd"
  for image in $images; do
    for snapshotter in overlayfs native; do
      "${ctr[@]}" images import --snapshotter "$snapshotter" "$inputs/$image-docker.tar" >/dev/null
      digest=$("${ctr[@]}" snapshots --snapshotter "$snapshotter" ls | # the top is nobody's parent
        awk '$NF == "Committed" {key[$1]; if (NF == 3) parent[$2]} END {for (k in key) if (!(k in parent)) print k}')
      make() { "${ctr[@]}" snapshots --snapshotter "$snapshotter" prepare box "$digest"; }
      remove() { "${ctr[@]}" snapshots --snapshotter "$snapshotter" rm box; }
      measure "$fs" "$image" "containerd $snapshotter" make remove
    done
    "${ctr[@]}" images ls -q | xargs -r "${ctr[@]}" images rm --sync >/dev/null
  done
  end_daemon
}

docker_on() { # fs
  have dockerd || return 0
  local fs=$1 image
  begin_docker "$work/$fs/docker"
  for image in $images; do
    "${docker[@]}" load -q -i "$inputs/$image-docker.tar" >/dev/null
    make() { "${docker[@]}" create --name box --network none "$1:latest" true; }
    remove() { "${docker[@]}" rm box; }
    measure "$fs" "$image" "docker overlay2" make remove
  done
  end_daemon
}

make_file_system ext4
layerbox_on ext4 overlay fuse-overlayfs copy
cp_on ext4 never
podman_on ext4 overlay
podman_on ext4 vfs
containerd_on ext4
docker_on ext4
make_file_system xfs
layerbox_on xfs overlay copy
cp_on xfs always
make_file_system btrfs
layerbox_on btrfs overlay btrfs copy
podman_on btrfs btrfs
