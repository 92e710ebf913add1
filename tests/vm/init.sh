#!/bin/busybox sh
# The first process of the virtual machine, from its initramfs: makes the machine's root out of the
# host's, read-only, and a disk of its own on /mnt for what tests write. See tests/vm/run.sh.
set -e
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in $($b cat /modules); do $b modprobe "$module"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=500000 host /root
$b mount -t ext4 /dev/vda /root/mnt
$b chmod 1777 /root/mnt
for name in tmp var/tmp var/lib; do $b mount -t tmpfs -o mode=1777 tmpfs /root/$name; done
$b mount -t tmpfs -o mode=755 tmpfs /root/run
# A service that a systemd may be told to start with, and nothing of this machine's own services.
service=$($b sed -n 's/.*layerbox_service=\([^ ]*\).*/\1/p' /proc/cmdline)
$b mkdir -p /root/run/systemd/system
printf '[Unit]\nWants=dbus.socket\nAfter=dbus.socket\n[Service]\nType=oneshot\nExecStart=/bin/bash %s\n' "$service" \
  >/root/run/systemd/system/vm-scopes.service
for name in dev proc sys; do $b mount --move /$name /root/$name; done
exec $b switch_root /root $($b sed 's/.*layerbox_first=\([^ ]*\).*/\1/; s/,/ /g' /root/proc/cmdline)
