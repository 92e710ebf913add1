#!/bin/bash
# What runs in the virtual machine, as its first process: every controller on cgroup version 2, none
# on version 1; then the tests, each with its result on the console; then the machine is switched off.
# The words that the host passes on the kernel's command line: layerbox_program; layerbox_tests, the
# tests, separated by commas: NAME or NAME:FILTER of tests/e2e, or a program or script to be run.
word() { sed -n "s/.*$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox ip link set lo up
# As a session has it: a cgroup of its own below one that hands all controllers down.
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
mkdir /sys/fs/cgroup/session
echo 0 >/sys/fs/cgroup/session/cgroup.procs

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/mnt LANG=C.UTF-8
export LAYERBOX_TESTS_MUST_RUN=root,userns,overlay,rootless,newuidmap,cgroups,cgroup2,memory2,hugetlb
program=$(word layerbox_program)
e2e=$(cd "$(dirname "$0")/../e2e" && pwd)
echo "vm: $(uname -sr), $("$program" --version), controllers: $(cat /sys/fs/cgroup/cgroup.controllers)"

failed=0
for test in $(word layerbox_tests | tr , ' '); do
  started=$(cut -d. -f1 /proc/uptime)
  name=${test%%:*} filter=${test#"${test%%:*}"} filter=${filter#:}
  case $name in
  /*) "$name" ${filter:+"--gtest_filter=$filter"} ;;
  *) python3 -B "$e2e/test_$name.py" --program "$program" ${filter:+"$filter"} ;;
  esac
  status=$?
  echo "vm: $test: status $status, $(($(cut -d. -f1 /proc/uptime) - started)) s"
  [ $status = 0 ] || failed=1
done
[ $failed = 0 ] && echo "vm: all passed" || echo "vm: failed"
echo o >/proc/sysrq-trigger
sleep 60
