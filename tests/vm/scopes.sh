#!/bin/bash
# Limits in the scopes that systemd makes, as `layerbox run` tells people to: for root, and for an
# ordinary user in a session of his own. Runs in the virtual machine, as a service of its systemd.
# Words of the kernel's command line: layerbox_program.
exec >/dev/console 2>&1
program=$(sed -n 's/.*layerbox_program=\([^ ]*\).*/\1/p' /proc/cmdline)
echo "vm: $(uname -sr), $(systemctl --version | head -n1), $("$program" --version)"

# The user, known to this machine until it ends.
uid=54321
{ cat /etc/passwd; echo "ranged:*:$uid:$uid::/mnt/ranged:/bin/sh"; } >/run/passwd
{ cat /etc/group; echo "ranged:x:$uid:"; } >/run/group
echo "ranged:900000:65536" >/run/subids
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
mount --bind /run/subids /etc/subuid
mount --bind /run/subids /etc/subgid
for owner in 0 $uid; do
  mkdir -p "/mnt/$owner/rootfs/bin"
  cp /bin/busybox "/mnt/$owner/rootfs/bin/busybox"
  chown -R "$owner:$owner" "/mnt/$owner"
done
mkdir -p /mnt/ranged && chown $uid:$uid /mnt/ranged
systemctl start dbus.socket systemd-logind.service

failed=0
# expect NAME STATUS TEXT COMMAND…: the command ends so, and says so.
expect() {
  local name=$1 status=$2 text=$3 said got
  shift 3
  said=$("$@" 2>&1)
  got=$?
  if [ "$got" = "$status" ] && [[ $said == *"$text"* ]]; then
    echo "vm: $name: ok"
  else
    echo "vm: $name: status $got, said: $said"
    failed=1
  fi
}
as_user() { # COMMAND…: in a session, as a login has it
  systemd-run --quiet --pipe --wait --uid=$uid -p PAMName=login -p WorkingDirectory=/mnt/ranged \
    -E XDG_RUNTIME_DIR=/run/user/$uid -E DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$uid/bus "$@"
}
greedy=(-m 32m --rootfs) eats=(/bin/busybox tail -c 1900000000 /dev/zero)
shows=(/bin/busybox grep -c layerbox /proc/self/cgroup)

expect "root, in a scope of his own" 137 "out of memory, limit 32 MiB" \
  systemd-run --quiet --scope -p Delegate=yes "$program" --root /mnt/0/store run "${greedy[@]}" /mnt/0/rootfs "${eats[@]}"
expect "root, in a service" 137 "out of memory, limit 32 MiB" \
  systemd-run --quiet --pipe --wait "$program" --root /mnt/0/store run "${greedy[@]}" /mnt/0/rootfs "${eats[@]}"
expect "an ordinary user, in his session alone" 125 "systemd-run --user --scope -p Delegate=yes layerbox run" \
  as_user "$program" --root /mnt/$uid/store run "${greedy[@]}" /mnt/$uid/rootfs "${eats[@]}"
expect "an ordinary user, in the scope that he was told of" 137 "out of memory, limit 32 MiB" \
  as_user systemd-run --quiet --user --scope -p Delegate=yes \
  "$program" --root /mnt/$uid/store run "${greedy[@]}" /mnt/$uid/rootfs "${eats[@]}"
expect "an ordinary user, in a service of his own" 137 "out of memory, limit 32 MiB" \
  as_user systemd-run --quiet --user --pipe --wait -p Delegate=yes \
  "$program" --root /mnt/$uid/store run "${greedy[@]}" /mnt/$uid/rootfs "${eats[@]}"
expect "an ordinary user sees no cgroup above his container's" 1 "0" \
  as_user systemd-run --quiet --user --scope -p Delegate=yes \
  "$program" --root /mnt/$uid/store run "${greedy[@]}" /mnt/$uid/rootfs "${shows[@]}"
left=$(find /sys/fs/cgroup -name 'layerbox-*')
[ -z "$left" ] && echo "vm: no cgroup is left: ok" || { echo "vm: left: $left"; failed=1; }

[ $failed = 0 ] && echo "vm: all passed" || echo "vm: failed"
echo o >/proc/sysrq-trigger
sleep 60
