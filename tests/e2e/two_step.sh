#!/usr/bin/env bash
# Signing in two steps on the example: what leaves the build machine is the material, what comes back is a signature.
. "$(dirname "$0")/common.sh"

git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
cd "$work/clone/examples/sgx-sdk-style"
expected=$(json "['mrenclave']" <expected.json)
mrenclave() { json "['registers']['mrenclave']" <"$1"; }

"$HALLMARK" pin
"$HALLMARK" build
image=hallmark-out/out/enclave.so
"$HALLMARK" measure "$image" --config Enclave.config.xml --signing-material "$work/material" --date 20261122 --json \
  >"$work/unsigned.json"
equal "$(json "['state']" <"$work/unsigned.json")" computed
equal "$(mrenclave "$work/unsigned.json")" "$expected"
equal "$(stat -c %s "$work/material")" 256
# ENCLAVEHASH stands at 188, ISVPRODID and ISVSVN at the end.
equal "$(tail -c +189 "$work/material" | head -c 32 | od -An -v -tx1 | tr -d ' \n')" "$expected"
equal "$(tail -c 4 "$work/material" | od -An -v -tu2 | xargs)" '7 3'

# Certified before it is signed, and rebuilt from the certificate alone.
"$HALLMARK" key new --out "$work/builder"
"$HALLMARK" certify hallmark-out --key "$work/builder.key" -o "$work/certificate"
"$HALLMARK" verify "$work/certificate.intoto.json" --key "$work/builder.pub" --artifact hallmark-out
base64 -d < <(json "['payload']" <"$work/certificate.intoto.json") | grep -qF "{\"sgxMrEnclave\":\"$expected\"}"
"$HALLMARK" rebuild "$work/certificate.intoto.json" --key "$work/builder.pub" --source enclave=. --out "$work/rebuilt"

# The signer: a key that openssl made, in a folder of its own, and one file.
mkdir -m 700 "$work/signer"
openssl genrsa -3 -out "$work/signer/key.pem" 3072 2>/dev/null
openssl rsa -in "$work/signer/key.pem" -pubout -out "$work/key.pub" 2>/dev/null
openssl dgst -sha256 -sign "$work/signer/key.pem" -out "$work/signature" "$work/material"
rm -r "$work/signer"

assemble=("$HALLMARK" sigstruct assemble --material "$work/material" --key "$work/key.pub")
"${assemble[@]}" --signature "$work/signature" -o "$work/enclave.sig"
"$HALLMARK" measure "$image" --config Enclave.config.xml --sig "$work/enclave.sig" --json >"$work/signed.json"
equal "$(json "['state']" <"$work/signed.json")" equal
equal "$(mrenclave "$work/signed.json")" "$expected"
"$HALLMARK" inspect "$work/enclave.sig" | grep -qF 2026-11-22

# A second build gives the same material, so the signature is still good for it.
"$HALLMARK" build -o "$work/again"
"$HALLMARK" measure "$work/again/out/enclave.so" --config Enclave.config.xml --signing-material "$work/material2" \
  --date 20261122
cmp "$work/material" "$work/material2"

# Other code, another configuration, another day: the signature is for none of them.
python3 - "$image" "$work/changed.so" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[0x1000] ^= 1  # the first byte of the code
open(sys.argv[2], "wb").write(data)
PY
expect_exit 1 "$HALLMARK" measure "$work/changed.so" --config Enclave.config.xml --sig "$work/enclave.sig"
sed 's/<ISVSVN>3/<ISVSVN>4/' Enclave.config.xml >"$work/other.xml"
expect_exit 1 "$HALLMARK" measure "$image" --config "$work/other.xml" --sig "$work/enclave.sig"
"$HALLMARK" measure "$image" --config Enclave.config.xml --signing-material "$work/material3" --date 20261123
expect_exit 1 "$HALLMARK" sigstruct assemble --material "$work/material3" --key "$work/key.pub" \
  --signature "$work/signature" -o "$work/not-made"
[[ ! -e $work/not-made ]]
