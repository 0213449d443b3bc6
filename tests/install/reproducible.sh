# Our own binary is reproducible: the release preset, built here and in a copy of the source with another path, umask,
# locale, time zone and number of jobs, gives the same bytes.
set -Eeuo pipefail
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND" >&2' ERR
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CCACHE_DISABLE=1  # both are really compiled
unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER

# build FOLDER JOBS
build() {
  (cd "$1" && cmake --preset release && cmake --build --preset release --target hallmark -j "$2") >"$work/log" 2>&1 ||
    { tail -n 40 "$work/log" >&2; return 1; }
}
copy() {
  mkdir -p "$1"
  tar -cf - --exclude=./build --exclude=./.git . | tar -C "$1" -xf -
}

# The tree's own build is one of the two, unless its objects came through a cache: those may be from other paths.
first=.
if grep -q '^CMAKE_CXX_COMPILER_LAUNCHER:[A-Z]*=.' build/release/CMakeCache.txt 2>/dev/null; then
  first=$work/first
  copy "$first"
fi
build "$first" "$(nproc)"
other=$work/a/folder/whose/path/is/longer
(umask 0077 && copy "$other" && export LC_ALL=C.UTF-8 TZ=Asia/Kathmandu USER=nobody && build "$other" $(($(nproc) + 1)))

sha256sum "$first/build/release/bin/hallmark" | cut -d' ' -f1
cmp "$first/build/release/bin/hallmark" "$other/build/release/bin/hallmark"
