#!/usr/bin/env bash
# The example and zlib (Debian's source package) come out bit-identical under two umasks, host directories, CPU
# counts and file systems, as root and as an ordinary user, in both sandboxes.
. "$(dirname "$0")/common.sh"
[[ $(id -u) == 0 ]] || { echo "this test becomes another user, and so must run as root" >&2; exit 1; }

# zlib as Debian patches it, as a git repository with one commit.
mkdir "$work/apt"
"$HALLMARK_SOURCE_DIR/tests/e2e/apt-source" zlib "$work/apt"
zlib=$(echo "$work"/apt/zlib-*/)
git -C "$zlib" init -q
git -C "$zlib" add -A -f
GIT_AUTHOR_DATE=@1700000000 GIT_COMMITTER_DATE=@1700000000 \
  git -C "$zlib" -c user.name=t -c user.email=t@example.org commit -qm "zlib as Debian ships it"
cat >"$zlib/hallmark.yaml" <<'SPEC'
hallmark: 1
name: zlib
sources:
- {name: zlib, into: ., git: {url: ., ref: HEAD}}
toolchain:
  debian:
    suites: [{suite: bookworm}, {suite: bookworm-security}]
    packages: [gcc, libc6-dev, make]
build:
  cpus: 1
  epoch: commit
  env: {CFLAGS: "-O2 -g"}
  steps:
  - ./configure
  - make -j$HALLMARK_JOBS libz.a shared
  - cp -L libz.so libz.so.built
outputs:
- {path: libz.a, kind: file}
- {path: libz.so.built, kind: file}
SPEC
git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
example=$work/clone/examples/sgx-enclave
"$HALLMARK" pin -f "$example/hallmark.yaml"
"$HALLMARK" pin -f "$zlib/hallmark.yaml"
# Each lock stays beside its specification: an empty store is filled again from the folders that it names.
declare -A lock=([example]=$example/hallmark.lock [zlib]=$zlib/hallmark.lock)

digests() { (cd "$1" && find . -type f ! -name '*.json' ! -name '*.log' ! -name '*.lock' | sort | xargs sha256sum); }

memory=$(mktemp -d /dev/shm/hallmark-e2e.XXXXXX)
trap 'chmod -R u+w "$work" "$memory"; rm -rf "$work" "$memory"' EXIT
chmod 755 "$work" "$memory"
# The program and the sources must be readable by the ordinary user.
cp "$HALLMARK" "$memory/hallmark"
program=$memory/hallmark
chmod -R a+rX "$work/clone" "$zlib"

build_all() {  # build_all OUT COMMAND…: both projects under the conditions that COMMAND sets
  local out=$1 name
  shift
  for name in example zlib; do "$@" "$program" build -f "${lock[$name]}" -o "$out/$name" --quiet >"$work/built"; done
  digests "$out"
}

one=$work/one
mkdir "$one"
(umask 022; build_all "$one" taskset -c 0) >"$work/one.sums"
cat "$work/one.sums"
equal "$(wc -l <"$work/one.sums")" 4

two=$memory/a/much/longer/path/on/another/file/system
mkdir -p "$two"
(umask 077; HALLMARK_STORE=$memory/store TMPDIR=$memory build_all "$two" nice) >"$work/two.sums" ||
  { echo "the second store could not be filled" >&2; exit 1; }
diff "$work/one.sums" "$work/two.sums"

three=$memory/user
mkdir -m 700 "$three" "$three/home"
chown -R $user_id "$three"
(umask 002; cd /; HOME=$three/home HALLMARK_STORE=$three/store TMPDIR=$three build_all "$three/out" as_user) >"$work/three.sums"
diff "$work/one.sums" "$work/three.sums"

four=$work/four
mkdir "$four"
build_all_bwrap() { local out=$1 name; for name in example zlib; do "$program" build -f "${lock[$name]}" -o "$out/$name" --sandbox bwrap --quiet >"$work/built"; done; digests "$out"; }
build_all_bwrap "$four" >"$work/four.sums"
diff "$work/one.sums" "$work/four.sums"

# And by the program's own means.
"$program" build -f "${lock[zlib]}" -o "$work/repeated" --repeat 3 --json >"$work/repeat.json"
cat "$work/repeat.json"
