#!/bin/sh
# usage: as_ordinary_user.sh TESTS INTRUDER      Runs the box's tests as a user who is nobody on this machine.
set -eu
[ "$(id -u)" = 0 ] || { echo "the tests run as an ordinary user already"; exit 77; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-user.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# Where the build folder is, another user may not be able to go.
cp "$1" "$2" "$folder"
mkdir -m 1777 "$folder/tmp"
chmod 755 "$folder"
# In a container whose /proc is partly covered the kernel gives an ordinary user no new one: uncover it for the test.
export TMPDIR="$folder/tmp" HALLMARK_INTRUDER="$folder/intruder"
unshare --mount --propagation private sh -c 'mount -t proc proc /proc && exec "$@"' sh \
  setpriv --reuid 1991 --regid 1991 --clear-groups --inh-caps=-all --bounding-set=-all \
  "$folder/unit_build" --gtest_brief=1 --gtest_filter='*Box*:*Build*'
