# Our own binary is reproducible: the release preset, built here and in a copy of the source with another path, umask,
# locale, time zone and number of jobs, gives the same bytes.      usage: reproducible.sh BUILD_FOLDER
set -Eeuo pipefail
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND" >&2' ERR
built=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CCACHE_DISABLE=1  # really compiled
unset CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER

copy() { mkdir -p "$1" && tar -cf - --exclude=./build --exclude=./.git . | tar -C "$1" --no-same-permissions -xf -; }
build_copy() {  # build_copy FOLDER JOBS
  (cd "$1" && cmake --preset release -DBUILD_TESTING=OFF && cmake --build --preset release --target hallmark -j "$2") \
    >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; return 1; }
}

# The other copy is taken before anything is built: the tree may be edited meanwhile.
other=$work/a/folder/whose/path/is/longer
(umask 0077 && copy "$other")

# The tree's own release build is one of the two, unless its objects came through a cache: those may be from other paths.
if [[ $built != "$PWD/build/release" ]] || grep -q '^CMAKE_CXX_COMPILER_LAUNCHER:[A-Z]*=.' "$built/CMakeCache.txt"; then
  copy "$work/first"
  build_copy "$work/first" "$(nproc)"
  built=$work/first/build/release
fi
(umask 0077 && export LC_ALL=C.UTF-8 TZ=Asia/Kathmandu USER=nobody && build_copy "$other" $(($(nproc) + 1)))

sha256sum "$built/bin/hallmark" | cut -d' ' -f1
cmp "$built/bin/hallmark" "$other/build/release/bin/hallmark"
