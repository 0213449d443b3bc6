# What every test of the command line begins with: . "$(dirname "$0")/common.sh"
#
# A test is what a person would type. It runs in an empty folder of its own, with a store of its own, and ends at the
# first command that fails.
#
#   expect_exit 2 hallmark mesure     the exit status must be this; keeps $stdout and $stderr (files)
#   contains "$stderr" 'did you mean' the file has this text; with `not` before it, has it not
#   not COMMAND...                    the command fails, and not by a signal
#   valid SCHEMA DOCUMENT...          the documents are what the schema says: valid measurement-v1 x.json
#   skip WHY                          this machine cannot run the test
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HALLMARK=$(realpath "${HALLMARK:-$source_dir/build/dev/bin/hallmark}")

work=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-cli.XXXXXX")
# A store's folders may be read-only.
trap 'chmod -R u+rwX "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'echo "${BASH_SOURCE[0]}:$LINENO: failed: $BASH_COMMAND" >&2' ERR
mkdir "$work/home" "$work/here"
cd "$work/here"
stdout=$work/stdout
stderr=$work/stderr

export HOME=$work/home HALLMARK_STORE=$work/store
unset XDG_DATA_HOME NO_COLOR CLICOLOR_FORCE HALLMARK_NOW
# A sanitizer's finding must not pass for an answer: 1 is "no".
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1

hallmark() { "$HALLMARK" "$@"; }

not() {
  local status=0
  "$@" || status=$?
  [[ $status -ge 1 && $status -lt 126 ]]
}

expect_exit() {
  local want=$1 status=0
  shift
  "$@" >"$stdout" 2>"$stderr" || status=$?
  [[ $status == "$want" ]] && return
  echo "exit status $status, not $want: $*" >&2
  cat "$stdout" "$stderr" >&2
  return 1
}

contains() {
  grep -qF -- "$2" "$1" && return
  [[ ${FUNCNAME[1]} == not ]] || { echo "$1 has no \"$2\":"; cat "$1"; } >&2
  return 1
}

valid() { python3 "$source_dir/tests/schemas/valid.py" "$@"; }

# is_example EXAMPLE DOCUMENT: the specification's example is what was printed, but for the version.
is_example() {
  python3 -c 'import json, sys
example, found = (json.load(open(path)) for path in sys.argv[1:])
example["hallmark_version"] = found["hallmark_version"]
assert example == found, sys.argv[1] + " is not what was printed"' "$@"
}

skip() {
  echo "skipped: $*"
  exit 77
}
