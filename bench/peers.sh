#!/usr/bin/env bash
# Import and warm start of layerbox beside its peers, in one run; and what the parts of a container cost, in turn.
#
#   bench/peers.sh INPUTS WORK [start|parts|import]
#
# INPUTS holds debian.tar, debian.tar.gz, debian-docker.tar, debian-oci.tar, debian-oci/, debian-rootfs/ and the same
# for `dev` (dev-flat.tar…) and `many`; debian-rootfs has bench/stamp.c built as /usr/bin/stamp.
# WORK must lie on a journalled file system of its own. Peers that are not installed are left out, and named.
# Each line, but of the parts: label, median, lowest, highest wall ms, ms to the first instruction, peak KiB, failures.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
inputs=$(cd "$1" && pwd)
mkdir -p "$2"
work=$(cd "$2" && pwd)
what=${3:-all}
layerbox=${LAYERBOX:-$here/../build/release/layerbox}
timer=$work/time_command
g++ -O2 -std=c++20 -static -o "$timer" "$here/time_command.cpp"
store=$work/store
podman=(podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver overlay --cgroup-manager cgroupfs)
user=(setpriv --reuid 65432 --regid 65432 --clear-groups env "HOME=$work/home")

. "$here/daemons.sh"
trap end_daemons EXIT

have() { command -v "$1" >/dev/null || { echo "# $1 is not installed: left out"; return 1; }; }

# What is not older than a moment is not remembered by starts.
warm() { for _ in 1 2 3; do sleep 0.7; "$@" >/dev/null; done; }

start() {
  local runs=${RUNS:-40} few=10 root=$work/rootfs
  "$layerbox" --root "$store" pull-tar "$inputs/debian.tar" --name debian >/dev/null
  "$layerbox" --root "$store" pull-tar "$inputs/many-docker.tar" --name many >/dev/null
  mkdir -p "$root" "$work/u" "$work/w"
  mount -t overlay overlay -o "lowerdir=$inputs/debian-rootfs,upperdir=$work/u,workdir=$work/w" "$root"
  trap 'umount "$root"' RETURN
  echo "## warm start of stamp"
  "$timer" -n "$runs" -l "no container" -- "$inputs/stamp"
  [ ! -x "$work/startprobe" ] || "$timer" -n "$runs" -l "floor (hand-written system calls)" -- "$work/startprobe" \
    --ns pid,mnt,uts,ipc,net,cgroup --lower "$inputs/debian-rootfs" --scratch "$work" --volatile --mounts full -- /bin/stamp
  have bwrap && "$timer" -n "$runs" -l "bwrap --unshare-all" -- bwrap --unshare-all --bind "$root" / --proc /proc --dev /dev /bin/stamp
  local backend
  for backend in overlay copy; do
    local n=$runs
    [ $backend = overlay ] || n=5
    warm "$layerbox" --root "$store" run --backend $backend debian -- /bin/stamp
    "$timer" -n "$n" -l "layerbox run, $backend" -- "$layerbox" --root "$store" run --backend $backend debian -- /bin/stamp
  done
  warm "$layerbox" --root "$store" run --backend overlay many -- /bin/stamp
  "$timer" -n "$runs" -l "layerbox run, overlay, 100 layers" -- "$layerbox" --root "$store" run --backend overlay many -- /bin/stamp
  have bwrap && "$timer" -n "$runs" -l "bwrap --unshare-all, ordinary user" -- "${user[@]}" bwrap --unshare-all --bind "$root" / --proc /proc --dev /dev /bin/stamp
  mkdir -p "$work/home" && chown 65432:65432 "$work/home" && chmod 755 "$work"
  "${user[@]}" "$layerbox" pull-tar "$inputs/tiny.tar" --name tiny >/dev/null
  warm "${user[@]}" "$layerbox" run tiny -- /bin/stamp
  "$timer" -n "$runs" -l "layerbox run, overlay, ordinary user" -- "${user[@]}" "$layerbox" run tiny -- /bin/stamp
  if have runc; then
    mkdir -p "$work/bundle"
    (cd "$work/bundle" && rm -f config.json && runc spec)
    python3 - "$work/bundle/config.json" "$root" <<'PY'
import json, sys
path, root = sys.argv[1:]
spec = json.load(open(path))
spec['process'].update(terminal=False, args=['/bin/stamp'])
spec['process'].pop('rlimits', None)
spec['root'] = {'path': root, 'readonly': False}
spec['linux'].pop('resources', None)
json.dump(spec, open(path, 'w'))
PY
    "$timer" -n "$runs" -l "runc run" -- runc --root "$work/runc" run -b "$work/bundle" bench
    # It refuses to run beside a cgroup2 that others are mounted beside.
    have crun && unshare --mount --propagation private sh -c 'umount -a -t cgroup2 2>/dev/null; exec "$@"' - \
      "$timer" -n "$runs" -l "crun run" -- crun --root "$work/crun" run -b "$work/bundle" bench
  fi
  if have podman; then
    "${podman[@]}" image exists debian || "${podman[@]}" load -q -i "$inputs/debian-docker.tar" >/dev/null
    "$timer" -n "$few" -l "podman run, network none" -- "${podman[@]}" run --rm --runtime runc --ulimit nofile=4096:4096 \
      --ulimit nproc=4096:4096 --network none debian stamp
  fi
  if have containerd; then
    begin_containerd "$work/containerd"
    "${ctr[@]}" images import "$inputs/debian-docker.tar" >/dev/null
    "$timer" -n "$few" -l "ctr run (containerd)" -- "${ctr[@]}" run --rm docker.io/library/debian:latest bench stamp
    end_daemon
  fi
  if have dockerd; then
    begin_docker "$work/docker"
    "${docker[@]}" load -q -i "$inputs/debian-docker.tar" >/dev/null
    "$timer" -n "$few" -l "docker run, network none" -- "${docker[@]}" run --rm --network none debian stamp
    end_daemon
  fi
}

# The floor, bwrap, a start, and starts that differ in one thing: each once in a round.
parts() {
  local run=("$layerbox" --root "$store" run) image=(debian /bin/stamp) words=() part
  "$layerbox" --root "$store" pull-tar "$inputs/debian.tar" --name debian >/dev/null
  "${run[@]}" -d --name neighbour debian sleep 100000 >/dev/null
  warm "${run[@]}" "${image[@]}"
  echo "## the parts of a start, in turn"
  [ ! -x "$work/startprobe" ] || words+=(floor "$work/startprobe" --ns pid,mnt,uts,ipc,net,cgroup --lower "$inputs/debian-rootfs"
    --scratch "$work" --volatile --mounts full --- /bin/stamp --)
  have bwrap && words+=(bwrap bwrap --unshare-all --ro-bind "$inputs/debian-rootfs" / --proc /proc --dev /dev /bin/stamp --)
  words+=(default "${run[@]}" "${image[@]}")
  for part in "--userns host" "--userns container:neighbour" "--time-offset boottime=5" "--network host" "--pid host" \
    "--security-opt seccomp=unconfined" "--security-opt unmask=ALL" "--security-opt landlock=ro:/" --init "-v /usr:/mnt" "--tmpfs /mnt" \
    --read-only --ephemeral "-u 1000" "-m 64m" "-m 512m --pids-limit 200 --cpus 1.5"; do
    # shellcheck disable=SC2206 # its words
    words+=(-- "$part" "${run[@]}" $part "${image[@]}")
  done
  python3 -B "$here/in_turn.py" "${ROUNDS:-60}" "${words[@]}"
  # It goes longer after its end than others, and what comes next pays for it.
  python3 -B "$here/in_turn.py" "${ROUNDS:-60}" default "${run[@]}" "${image[@]}" -- "--network bridge" "${run[@]}" --network bridge "${image[@]}"
  "$layerbox" --root "$store" rm -f neighbour >/dev/null
}

import() {
  local runs=${RUNS:-5} out=$work/import image flat
  for image in ${IMAGES:-debian dev many}; do
    echo "## import of $image, each followed by syncfs"
    flat=$inputs/$image.tar
    [ "$image" != dev ] || flat=$inputs/dev-flat.tar
    if [ -f "$flat" ]; then
      local clean="rm -rf $out; mkdir $out; sync -f $work"
      "$timer" -n "$runs" --pre "$clean" --sync "$work" -l "tar xf" -- tar --numeric-owner --xattrs -xf "$flat" -C "$out"
      local suffix
      for suffix in "" .gz .zst; do
        [ -f "$flat$suffix" ] || continue
        have bsdtar && "$timer" -n "$runs" --pre "$clean" --sync "$work" -l "bsdtar xpf tar$suffix" -- \
          bsdtar --numeric-owner -xpf "$flat$suffix" -C "$out"
        "$timer" -n "$runs" --pre "rm -rf $out; sync -f $work" --sync "$work" -l "layerbox pull-tar tar$suffix" -- \
          "$layerbox" --quiet --root "$out" pull-tar "$flat$suffix" --name x
      done
    fi
    local archive
    for archive in docker oci; do
      "$timer" -n "$runs" --pre "rm -rf $out; sync -f $work" --sync "$work" -l "layerbox pull-tar $archive archive" -- \
        "$layerbox" --quiet --root "$out" pull-tar "$inputs/$image-$archive.tar"
    done
    have umoci && "$timer" -n 3 --pre "rm -rf $out; sync -f $work" --sync "$work" -l "umoci unpack" -- \
      umoci unpack --image "$inputs/$image-oci:$image" "$out"
    have podman && "$timer" -n 3 --pre "umount $out/overlay 2>/dev/null; rm -rf $out $out.run; sync -f $work" --sync "$work" \
      -l "podman load docker archive" -- podman --root "$out" --runroot "$out.run" --storage-driver overlay load -q -i "$inputs/$image-docker.tar"
    umount "$out/overlay" 2>/dev/null || true
    rm -rf "$out" "$out.run"
    if have containerd; then
      begin_containerd "$work/containerd"
      local known="docker.io/library/$image:latest"
      "$timer" -n 3 --pre "${ctr[*]} images rm --sync $known >/dev/null 2>&1; sync -f $work" --sync "$work" -l "ctr images import docker archive" -- \
        "${ctr[@]}" images import "$inputs/$image-docker.tar"
      end_daemon
    fi
    if have dockerd; then
      begin_docker "$work/docker"
      "$timer" -n 3 --pre "${docker[*]} rmi -f $image >/dev/null 2>&1; sync -f $work" --sync "$work" -l "docker load docker archive" -- \
        "${docker[@]}" load -q -i "$inputs/$image-docker.tar"
      end_daemon
    fi
  done
}

case $what in
start | parts | import) "$what" ;;
*)
  start
  parts
  import
  ;;
esac
