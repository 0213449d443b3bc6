# hallmark sigstruct, measure --signing-material and inspect: signing in two steps with a key that openssl holds.
. "$(dirname "$0")/common.sh"

made=$source_dir/tests/vectors/sgx
cp "$made"/plain.so "$made"/code-changed.so "$made"/copies-differ.so "$made"/stream.sgxs "$made"/stream.sig .
openssl genrsa -3 -out key.pem 3072 2>/dev/null
openssl rsa -in key.pem -pubout -out key.pub 2>/dev/null
openssl rsa -in key.pem -RSAPublicKey_out -out key.pkcs1 2>/dev/null
sign() { openssl dgst -sha256 -sign key.pem -out "$2" "$1"; }

# An enclave that is signed already: its own fields, the computed value, the given date.
expect_exit 0 hallmark measure stream.sgxs --signing-material a.material --date 20261122
contains "$stdout" "to be signed: a.material, sha256 $(sha256sum <a.material | cut -c-64)"
cmp a.material <(head -c 128 stream.sig; tail -c +901 stream.sig | head -c 128)
expect_exit 0 hallmark measure stream.sgxs --signing-material b.material --date 20270101
cmp -l a.material b.material >differ || true
[[ $(awk '{print $1}' differ | tr '\n' ' ') == '21 22 23 ' ]]
expect_exit 0 hallmark measure plain.so --signing-material plain.material --date 20261122

# The same from fields.
mrenclave=$(sha256sum <stream.sgxs | cut -c-64)
fields=(--mrenclave "$mrenclave" --date 20261122 --isvprodid 3 --isvsvn 2)
expect_exit 0 hallmark sigstruct material "${fields[@]}" -o c.material --json
cp "$stdout" "$work/material.json"
cmp a.material c.material

# Signed elsewhere, put together here, and measured: equal, with another signer.
sign a.material a.signature
for key in key.pub key.pkcs1; do
  expect_exit 0 hallmark sigstruct assemble --material a.material --signature a.signature --key $key -o new.sig --json
done
cp "$stdout" "$work/assembled.json"
[[ $(stat -c %s new.sig) == 1808 ]]
expect_exit 0 hallmark measure stream.sgxs --sig new.sig
contains "$stdout" 'equal: this is the signed value'
contains "$stdout" "$(openssl rsa -pubin -in key.pub -noout -modulus | cut -d= -f2 | python3 -c '
import sys, hashlib; print(hashlib.sha256(bytes.fromhex(sys.stdin.read())[::-1]).hexdigest())')"

# Every refusal leaves nothing behind.
refused() {  # refused STATUS TEXT ARGUMENT…
  local status=$1 text=$2
  shift 2
  expect_exit "$status" hallmark "$@"
  contains "$stderr" "$text"
  [[ ! -e not-made ]]
}
assemble=(sigstruct assemble -o not-made)
refused 1 'not one by this key' "${assemble[@]}" --material b.material --signature a.signature --key key.pub
head -c 383 a.signature >cut.signature
refused 3 '383 bytes, 384 expected' "${assemble[@]}" --material a.material --signature cut.signature --key key.pub
refused 2 'is a private key' "${assemble[@]}" --material a.material --signature a.signature --key key.pem
openssl genrsa -out f4.pem 3072 2>/dev/null
openssl rsa -in f4.pem -pubout -out f4.pub 2>/dev/null
refused 4 'exponent 65537' "${assemble[@]}" --material a.material --signature a.signature --key f4.pub
hallmark key new --out p256 >/dev/null
refused 4 'is no RSA key' "${assemble[@]}" --material a.material --signature a.signature --key p256.pub
refused 3 'signing material: 1808 bytes' "${assemble[@]}" --material stream.sig --signature a.signature --key key.pub
material=(measure stream.sgxs --signing-material not-made)
refused 2 '--date' "${material[@]}"
refused 2 'is no day' "${material[@]}" --date 20260230
refused 2 'YYYYMMDD' "${material[@]}" --date today
refused 2 '--signing-material' measure stream.sgxs --date 20261122
refused 2 '--isvsvn' sigstruct material "${fields[@]:0:6}" --isvsvn 65536 -o not-made
refused 2 '--mrenclave' sigstruct material --mrenclave abcd "${fields[@]:2}" -o not-made
expect_exit 1 hallmark measure code-changed.so --signing-material not-made --date 20261122
[[ ! -e not-made ]]
mv stream.sig elsewhere.sig
refused 4 'hallmark sigstruct material' "${material[@]}" --date 20261122
expect_exit 0 hallmark measure stream.sgxs --sig elsewhere.sig --signing-material again --date 20261122
cmp again a.material

# inspect shows, and claims nothing.
expect_exit 0 hallmark inspect elsewhere.sig
contains "$stdout" 'nothing of it was checked'
contains "$stdout" '2026-11-22'
contains "$stdout" '0x3c0+32'
expect_exit 0 hallmark inspect code-changed.so
contains "$stdout" 'nothing of it was checked'
expect_exit 0 hallmark inspect copies-differ.so
[[ $(grep -c '^SIGSTRUCT of metadata' "$stdout") -gt 1 ]]
expect_exit 4 hallmark inspect "$HALLMARK"
head -c 1000 elsewhere.sig >short.sig
expect_exit 3 hallmark inspect short.sig
for file in plain.so stream.sgxs elsewhere.sig a.material copies-differ.so; do
  hallmark inspect "$file" --json >"$work/$file.inspected.json"
done
hallmark measure stream.sgxs --sig elsewhere.sig --signing-material again --date 20261122 --json >"$work/measured.json"

# The documents are what their schemas and examples say.
[[ $(ls "$work"/*.inspected.json | wc -l) == 5 ]]
valid inspection-v1 "$work"/*.inspected.json
valid sigstruct-v1 "$work"/material.json "$work"/assembled.json
valid measurement-v1 "$work/measured.json"
is_example "$source_dir/specs/schemas/examples/inspection-v1.json" "$work/a.material.inspected.json"
