#!/usr/bin/env bash
# Bad input as a user meets it: the right exit status, an error that names file, field or package, nothing half-written,
# and a store that still serves.
. "$(dirname "$0")/common.sh"
[[ $(id -u) == 0 ]] || { echo "this test mounts a small file system, and so must run as root" >&2; exit 1; }

errors=$work/errors
refused() {  # refused STATUS TEXT COMMAND…
  local status=$1 text=$2
  shift 2
  expect_exit "$status" "$@" >"$work/answer" 2>"$errors" || { cat "$work/answer" "$errors" >&2; return 1; }
  cat "$errors" "$work/answer" | grep -qF -- "$text" ||
    { echo "no \"$text\" in the answer to: $*" >&2; cat "$errors" "$work/answer" >&2; return 1; }
}
files() { (cd "$1" && find . -type f | sort); }

git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
cd "$work/clone/examples/sgx-enclave"
"$HALLMARK" pin --quiet >/dev/null
# What is damaged below is a store of this test's own.
common=$HALLMARK_STORE
export HALLMARK_STORE=$work/own-store
mkdir "$HALLMARK_STORE"
cp -a "$common/hallmark-store-1" "$common/blobs" "$HALLMARK_STORE"
"$HALLMARK" build --quiet >/dev/null

# ── a flipped byte in a .deb ──
# The first package of the lock: "- {name: adduser, …, sha256: …, size: …}"
package=$(grep -o '{name: make, .*sha256: [0-9a-f]*' hallmark.lock)
digest=${package##* }
blob=$HALLMARK_STORE/blobs/sha256/${digest:0:2}/${digest:2}
damage() {
  cp "$blob" "$work/damaged"
  printf '\x5a' | dd of="$work/damaged" bs=1 seek=5000 conv=notrunc status=none
  mv -f "$work/damaged" "$blob"
}
damage
refused 1 'make' "$HALLMARK" pin --check
grep -qF "$digest" "$errors" "$work/answer"
# The damaged blob is out of the store; the next one fetches it again.
"$HALLMARK" pin --check >/dev/null
equal "$(sha "$blob")" "$digest"
# A root file system that has to be unpacked from a damaged package is not made.
damage
chmod -R u+w "$HALLMARK_STORE/trees"
rm -rf "$HALLMARK_STORE/trees"
refused 1 'make' "$HALLMARK" build -o "$work/not-made"
[[ ! -e $work/not-made && -z $(find "$HALLMARK_STORE/trees" -mindepth 2) ]]
"$HALLMARK" build --quiet >/dev/null

# ── a mirror that serves other bytes ──
# The archive's own text, signed by somebody else.
inrelease=$(sed -n 's/.*inrelease_sha256: \([0-9a-f]*\).*/\1/p' hallmark.lock | head -n 1)
export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Somebody <somebody@example.org>' ed25519 sign never 2>/dev/null
mkdir -p "$work/mirror/dists/bookworm" "$work/foreign"
sed -e '1,/^$/d' -e '/^-----BEGIN PGP SIGNATURE/,$d' "$HALLMARK_STORE/blobs/sha256/${inrelease:0:2}/${inrelease:2}" |
  gpg --batch --quiet --clearsign >"$work/mirror/dists/bookworm/InRelease"
gpgconf --kill gpg-agent
sed -e "s|{suite: bookworm}|{suite: bookworm, mirrors: ['file://$work/mirror']}|" -e '/bookworm-security/d' \
  -e 's|path: \.|archive: {urls: [file://FOLDER/some.tar], sha256: HASH, size: SIZE}|' hallmark.yaml >"$work/foreign/hallmark.yaml"
tar -cf "$work/foreign/some.tar" -C "$work/clone" LICENSE
sed -i -e "s/HASH/$(sha "$work/foreign/some.tar")/" -e "s/SIZE/$(stat -c %s "$work/foreign/some.tar")/" \
  -e 's/epoch: commit/epoch: 0/' -e "s|FOLDER|$work/foreign|" "$work/foreign/hallmark.yaml"
refused 1 'InRelease of bookworm' "$HALLMARK" pin -f "$work/foreign/hallmark.yaml"
grep -qi 'sign' "$errors"
[[ ! -e $work/foreign/hallmark.lock ]]

# ── a lock edited by hand, a specification with mistakes ──
cp hallmark.lock "$work/lock"
sed -i '0,/version: [^,]*/s//version: 9.9-9/' hallmark.lock
refused 3 'hallmark.lock: lock_sha256' "$HALLMARK" build
cp "$work/lock" hallmark.lock
cp hallmark.yaml "$work/spec"
printf 'name: again\n' >>hallmark.yaml
refused 3 'hallmark.yaml:' "$HALLMARK" pin
grep -qF '"name"' "$errors"
sed 's/^  cpus:/  cores:/' "$work/spec" >hallmark.yaml
refused 3 'cores' "$HALLMARK" pin
cp "$work/spec" hallmark.yaml
cmp hallmark.lock "$work/lock"

# ── an output that was not made, a step that fails ──
files hallmark-out >"$work/before"
sed 's|out/enclave.elf, kind|out/enclave.bin, kind|' "$work/spec" >"$work/missing.yaml"
cp "$work/missing.yaml" .
"$HALLMARK" pin --quiet -f missing.yaml -o missing.lock --allow-dirty >/dev/null
refused 1 'out/enclave.bin' "$HALLMARK" build -f missing.lock
sed 's/^  - make$/  - make \&\& false/' "$work/spec" >failing.yaml
"$HALLMARK" pin --quiet -f failing.yaml -o failing.lock --allow-dirty >/dev/null
refused 1 'step 1 of 1' "$HALLMARK" build -f failing.lock
test -f "$PWD/hallmark-out.failed.log"
files hallmark-out >"$work/after"
cmp "$work/before" "$work/after"
rm -f missing.* failing.* hallmark-out.failed.log

# ── a truncated ELF ──
head -c 300 hallmark-out/out/enclave.elf >"$work/cut.so"
refused 3 'cut.so' "$HALLMARK" measure "$work/cut.so"
head -c 1000 hallmark-out/out/enclave.sgxs >"$work/cut.sgxs"
refused 3 'cut.sgxs' "$HALLMARK" measure "$work/cut.sgxs"

# ── a full disk ──
small=$work/small
mkdir "$small"
on_small_disk() {  # on_small_disk SIZE COMMAND…
  local size=$1
  shift
  unshare --mount --propagation private bash -euc '
    mount -t tmpfs -o size="$1" tmpfs "$2"
    shift 2
    status=0
    "$@" || status=$?
    # Nothing half-written: no lock, no outputs, no temporary folder of ours beside them.
    cd "$SMALL"
    find . -path ./store -prune -o -mindepth 1 -print | sort >"$LEFT"
    exit $status' bash "$size" "$small" "$@"
}
export SMALL=$small LEFT=$work/left
# For the store, while packages are fetched; for the lock; and for the outputs.
refused 5 'No space left' on_small_disk 20m env HALLMARK_STORE="$small/store" "$HALLMARK" pin --quiet -o "$work/full.lock"
[[ ! -e $work/full.lock ]]
refused 5 'No space left' on_small_disk 4k "$HALLMARK" pin --quiet -o "$small/full.lock"
equal "$(cat "$LEFT")" ''
refused 5 'No space left' on_small_disk 8k "$HALLMARK" build --quiet -o "$small/out"
equal "$(cat "$LEFT")" ''
# The store that was used meanwhile is whole.
"$HALLMARK" pin --check >/dev/null
"$HALLMARK" build --quiet -o "$work/again" >/dev/null
cmp hallmark-out/out/enclave.sgxs "$work/again/out/enclave.sgxs"
