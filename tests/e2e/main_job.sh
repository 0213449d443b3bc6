#!/usr/bin/env bash
# The main job on the example, against the machine's own Debian mirrors: pin, build, measure, certify, verify, rebuild.
. "$(dirname "$0")/common.sh"
# A report is what its schema says.
valid() { python3 "$HALLMARK_SOURCE_DIR/tests/schemas/valid.py" "$@"; }

git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
cd "$work/clone/examples/sgx-enclave"
expected=$(json "['mrenclave']" <expected.json)

# Pin: a lock that verifies, and is the same when nothing has changed.
"$HALLMARK" pin --json >"$work/pin.json"
valid pin-v1 "$work/pin.json"
cp hallmark.lock "$work/first.lock"
"$HALLMARK" pin
cmp hallmark.lock "$work/first.lock"
"$HALLMARK" pin --check --json >"$work/pin.json"
valid pin-check-v1 "$work/pin.json"
# No lock of ours names a mirror unless the specification does.
if grep -E '://' hallmark.lock; then echo "the lock names a host" >&2; exit 1; fi

# A specification that changed is an error, not a warning.
cp hallmark.yaml "$work/spec"
sed -i 's/cpus: 1/cpus: 2/' hallmark.yaml
expect_exit 2 "$HALLMARK" build 2>"$work/err"
grep -q 'hallmark.yaml' "$work/err"
cp "$work/spec" hallmark.yaml

"$HALLMARK" build --json >"$work/report.json"
valid build-v1 "$work/report.json"
image=hallmark-out/out/enclave.sgxs
equal "$("$HALLMARK" measure "$image" --json | json "['registers']['mrenclave']")" "$expected"
# SGXS is the measured stream itself: coreutils is the oracle.
equal "$(sha "$image")" "$expected"

"$HALLMARK" key new --out "$work/builder"
"$HALLMARK" certify hallmark-out --key "$work/builder.key"
for certificate in hallmark-out/certificate.intoto.json hallmark-out/certificate.sigstore.json; do
  "$HALLMARK" verify "$certificate" --key "$work/builder.pub" --artifact "$image"
done

# Another key, another enclave, a flipped byte: each is refused.
certificate=hallmark-out/certificate.intoto.json
"$HALLMARK" key new --out "$work/other"
expect_exit 1 "$HALLMARK" verify "$certificate" --key "$work/other.pub"
python3 - "$image" "$work/changed.sgxs" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[64 + 64 + 64] ^= 1  # the first byte of the first page
open(sys.argv[2], "wb").write(data)
PY
expect_exit 1 "$HALLMARK" verify "$certificate" --key "$work/builder.pub" --artifact "$work/changed.sgxs"

# A stranger: an empty store, the certificate, the key and a clone of the source.
HALLMARK_STORE=$work/stranger "$HALLMARK" rebuild "$certificate" --key "$work/builder.pub" --source enclave=. \
  --out "$work/rebuilt" --json >"$work/report.json"
json "['outputs']" <"$work/report.json" | grep -q identical
valid rebuild-v1 "$work/report.json"
cmp "$image" "$work/rebuilt/out/enclave.sgxs"
"$HALLMARK" compare hallmark-out "$work/rebuilt"

# A certificate over other bytes is not reproduced, and the report says which output differs.
sed -i 's/REPORT_SIZE = 432/REPORT_SIZE = 431/' enclave.h
git -c user.name=t -c user.email=t@example.org commit -qam "change the enclave"
"$HALLMARK" pin -o "$work/changed.lock"
"$HALLMARK" build -f "$work/changed.lock" -o "$work/changed-out"
"$HALLMARK" certify "$work/changed-out" --key "$work/builder.key"
expect_exit 1 "$HALLMARK" compare "$certificate" "$work/changed-out/certificate.intoto.json" >"$work/compared"
grep -q different "$work/compared"
# From the changed clone the old certificate can still be rebuilt, because its commit is in the history. A clone without
# that history has other source: refused by its hash before anything is built.
git clone -q --depth 1 "file://$work/clone" "$work/shallow"
expect_exit 1 env HALLMARK_STORE="$work/stranger2" "$HALLMARK" rebuild "$certificate" --key "$work/builder.pub" \
  --source enclave="$work/shallow/examples/sgx-enclave" --out "$work/rebuilt2" 2>"$work/err"
grep -q enclave "$work/err"
