#!/usr/bin/env bash
# Certificates pass @sigstore/verify, unmodified and from npm, with both kinds of key; one flipped byte passes neither
# it nor us.
. "$(dirname "$0")/../../cli/common.sh"

# In continuous integration this test runs or fails; elsewhere a machine may be without npm.
missing() {
  [[ ${CI:-} != true ]] || { echo "$1, and CI is true" >&2; exit 1; }
  skip "$1"
}
command -v npm >/dev/null && command -v node >/dev/null || missing "no npm"
cp "$here"/{package.json,package-lock.json,.npmrc,verify.mjs} .
npm ci --silent --no-update-notifier >npm.log 2>&1 || { cat npm.log; missing "npm ci failed: no registry?"; }

python3 "$here/../../cli/made_up_build.py" build
for type in p256 ed25519; do
  hallmark key new --type $type --out $type >/dev/null
  hallmark certify build --key $type.key -o $type >/dev/null
  node verify.mjs $type.sigstore.json $type.pub
  hallmark verify $type.sigstore.json --key $type.pub >/dev/null

  python3 - $type.sigstore.json flipped.json <<'PY'
import base64, json, sys
bundle = json.load(open(sys.argv[1]))
payload = bytearray(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
payload[payload.index(b"in-toto")] ^= 1
bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
json.dump(bundle, open(sys.argv[2], "w"))
PY
  expect_exit 1 node verify.mjs flipped.json $type.pub
  contains "$stdout" 'SIGNATURE_ERROR'
  expect_exit 1 hallmark verify flipped.json --key $type.pub
done
expect_exit 1 node verify.mjs p256.sigstore.json ed25519.pub
