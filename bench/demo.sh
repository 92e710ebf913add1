#!/usr/bin/env bash
# The first five minutes: a real image, imported and run. Everything lies under build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."
layerbox=$PWD/build/release/layerbox
demo=$PWD/build/demo
mkdir -p "$demo"
export LAYERBOX_ROOT=$demo/store

show() { printf '\n\033[1m$ %s\033[0m\n' "${*//$layerbox/layerbox}"; "$@"; }

# Without a mirror in reach, the packaged busybox makes a small image.
busybox_rootfs() {
  local applet
  mkdir -p "$1"/{bin,etc,proc,sys,dev,tmp,root}
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"; done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
  echo 'root:x:0:' >"$1/etc/group"
  echo 'PRETTY_NAME="busybox"' >"$1/etc/os-release"
}

if [ ! -f "$demo/image.tar" ]; then
  rm -rf "$demo/rootfs"
  if [ "$(id -u)" = 0 ] && debootstrap --variant=minbase bookworm "$demo/rootfs" ${MIRROR:+"$MIRROR"} >"$demo/debootstrap.log" 2>&1; then
    rm -f "$demo"/rootfs/var/cache/apt/archives/*.deb
    echo "made a Debian rootfs with debootstrap"
  else
    echo "debootstrap could not make a Debian rootfs here (see $demo/debootstrap.log): using busybox"
    rm -rf "$demo/rootfs"
    busybox_rootfs "$demo/rootfs"
  fi
  tar --sort=name --numeric-owner --xattrs --one-file-system -C "$demo/rootfs" -cf "$demo/image.tar" .
  rm -rf "$demo/rootfs"
fi

show "$layerbox" --version
show "$layerbox" pull-tar "$demo/image.tar" --name demo
show "$layerbox" images
show "$layerbox" layers
show "$layerbox" run demo -- sh -c 'grep PRETTY /etc/os-release; id; hostname; ls /'
for backend in overlay copy; do
  show "$layerbox" run --backend "$backend" demo -- sh -c 'echo hello from $(hostname) > /root/note && cat /root/note'
done
echo "(each container had files of its own, and is gone:)"
show "$layerbox" ps -a
time show "$layerbox" run demo -- /bin/true

if [ "$(id -u)" = 0 ]; then
  echo
  echo "The same as an ordinary user (uid 54321), in a store of his own:"
  mkdir -p "$demo/home"
  chown 54321:54321 "$demo/home"
  user=(setpriv --reuid 54321 --regid 54321 --clear-groups env -u LAYERBOX_ROOT "HOME=$demo/home")
  if "${user[@]}" test -r "$demo/image.tar" && "${user[@]}" test -x "$layerbox"; then
    show "${user[@]}" "$layerbox" pull-tar "$demo/image.tar" --name demo
    show "${user[@]}" "$layerbox" run demo -- sh -c 'id; grep PRETTY /etc/os-release'
  else
    echo "left out: uid 54321 cannot reach $demo"
  fi
fi
