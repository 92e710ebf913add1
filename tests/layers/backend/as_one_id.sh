#!/bin/bash
# Runs a test program as the root of a user namespace that maps one id of an ordinary user. What needs
# several ids or devices is then skipped with the kernel's own reason, whatever is asked for elsewhere.
set -euo pipefail
program=$1
uid=54322
copy=$(mktemp -d /tmp/layerbox-one-id-XXXXXX)
trap 'rm -rf "$copy"' EXIT
cp "$program" "$copy/program" # the build may lie where this user cannot reach it
mkdir "$copy/tmp"
chmod 755 "$copy" "$copy/program"
export TMPDIR=$copy/tmp LAYERBOX_TESTS_MUST_RUN=overlay
if [ "$(id -u)" = 0 ]; then
  chown $uid:$uid "$copy/tmp"
  cd "$copy/tmp"
  setpriv --reuid $uid --regid $uid --clear-groups -- unshare --user --map-root-user -- "$copy/program"
else
  unshare --user --map-root-user -- "$copy/program"
fi
