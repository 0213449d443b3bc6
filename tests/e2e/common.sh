#!/usr/bin/env bash
# Vocabulary of the end-to-end tests; source it first.
set -Eeuo pipefail
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND" >&2' ERR

# One folder a test, and one store for all of them: packages are downloaded once a machine.
work=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-e2e.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export HALLMARK_STORE=${HALLMARK_E2E_STORE:-$work/store}

sha() { sha256sum "$1" | cut -d' ' -f1; }
json() { python3 -c 'import json,sys; d=json.load(sys.stdin); print(eval("d"+sys.argv[1]))' "$1"; }
equal() { [[ $1 == "$2" ]] || { echo "expected '$2', got '$1'" >&2; return 1; }; }
expect_exit() {
  local want=$1 got=0
  shift
  "$@" || got=$?
  [[ $got == "$want" ]] || { echo "exit $got, expected $want: $*" >&2; return 1; }
}

# An ordinary user. In a container whose /proc is partly covered, the kernel gives an
# unprivileged user namespace no fresh one; we are root here, so we uncover it for the test first.
user_id=1990
as_user() {
  unshare --mount --propagation private sh -c 'mount -t proc proc /proc && exec "$@"' sh \
    setpriv --reuid $user_id --regid $user_id --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}
