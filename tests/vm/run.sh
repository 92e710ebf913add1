#!/usr/bin/env bash
# vm: tests in a virtual machine with Debian's kernel and all controllers on cgroup version 2, by
# emulation alone (no KVM). The machine's root is this one's, read-only.
#
#   tests/vm/run.sh PROGRAM WORK [TEST…]
#   tests/vm/run.sh PROGRAM WORK scopes
#
# PROGRAM is layerbox; like this file it lies neither below /mnt nor below /tmp. The kernel, the
# machine's initramfs and its disk are made in WORK; the kernel is kept there. A TEST is what suite.sh
# takes; `scopes` boots this machine's systemd in the virtual one and runs scopes.sh. The exit status
# is 0 when all have passed. $LAYERBOX_VM_SECONDS ends a machine that hangs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
mkdir -p "$2"
work=$(cd "$2" && pwd)
shift 2
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(limits stats)
seconds=${LAYERBOX_VM_SECONDS:-1800}

# Debian's standard kernel: the one for clouds has no 9p.
package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n1)
version=${package#linux-image-}
if [ ! -f "$work/boot/vmlinuz-$version" ]; then
  (cd "$work" && apt-get download -q "$package" 2>/dev/null)
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb |
    tar -x -C "$work" "./boot/vmlinuz-$version" "./lib/modules/$version"
  rm "$work/$package"_*.deb
fi

# Of its modules those that lead to the disks, and what layerbox uses that the kernel would load.
rm -rf "$work/initramfs"
mkdir -p "$work/initramfs"/{bin,dev,proc,sys,root}
for path in drivers/virtio drivers/block/virtio_blk.ko fs/9p net/9p fs/netfs fs/fscache fs/ext4 fs/jbd2 fs/mbcache.ko \
  lib/crc16.ko crypto/crc32c_generic.ko fs/overlayfs; do
  to=$work/initramfs/lib/modules/$version/kernel/$path
  mkdir -p "$(dirname "$to")"
  cp -r "$work/lib/modules/$version/kernel/$path" "$to"
done
busybox depmod -b "$work/initramfs" "$version"
cp /bin/busybox "$work/initramfs/bin/busybox"
install -m 755 "$here/init.sh" "$work/initramfs/init"
echo virtio_pci virtio_blk 9p 9pnet_virtio crc32c_generic ext4 overlay >"$work/initramfs/modules"
(cd "$work/initramfs" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs.gz"

rm -f "$work/disk"
truncate -s 4G "$work/disk"
mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 "$work/disk"

# One processor: two that wait for each other's locks on a busy machine wait for its scheduler.
words="console=ttyS0 quiet panic=-1 cgroup_no_v1=all hugepages=16"
words+=" layerbox_program=$program"
if [ "${tests[*]}" = scopes ]; then
  words+=" layerbox_first=/lib/systemd/systemd,--unit=vm-scopes.service layerbox_service=$here/scopes.sh"
else
  words+=" layerbox_first=/bin/bash,$here/suite.sh layerbox_tests=$(IFS=,; echo "${tests[*]}")"
fi
trap 'kill "$machine" 2>/dev/null; rm -f "$work/disk"' EXIT
timeout "$seconds" qemu-system-x86_64 -accel tcg -machine q35 -cpu max -smp 1 -m 3072 \
  -nodefaults -display none -serial stdio -no-reboot \
  -kernel "$work/boot/vmlinuz-$version" -initrd "$work/initramfs.gz" -append "$words" \
  -drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap </dev/null \
  > >(tr -d '\r' | tee "$work/console.log") &
machine=$!
wait "$machine" || echo "vm: the machine was ended" >&2
wait
grep -qx "vm: all passed" "$work/console.log"
