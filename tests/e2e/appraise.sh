#!/usr/bin/env bash
# What the examples' certificates say, attested by evidence under a root of our own: accepted as it is, and refused with any
# one thing changed.
. "$(dirname "$0")/common.sh"

now=2026-01-02T00:00:00Z
binding=$(printf 'block 4711' | sha256sum | cut -d' ' -f1)
policy=$work/policy.yaml
certified=$work/certificate.intoto.json
match() { "$HALLMARK" match "$1/quote.bin" --collateral "$1/collateral.json" --certificate "$certified" --key "$work/builder.pub" \
  --trust-anchor "$work/good/root.pem" --time "$now" --report-data "$binding" --policy "$policy" --json; }
reasons() { python3 -c 'import json, sys
print(*[r["code"] for layer in json.load(sys.stdin)["layers"].values() for r in layer["reasons"]])'; }
good() {  # good MEMBER=VALUE...: accepted
  "$MAKE_EVIDENCE" "$work/good" "${tee[@]}" report_data="$binding" "$@"
  match "$work/good" >"$work/answer" || { reasons <"$work/answer" >&2; return 1; }
}
refused() {  # refused CODE MEMBER=VALUE...: for that reason among others
  local code=$1
  shift
  "$MAKE_EVIDENCE" "$work/changed" "${tee[@]}" report_data="$binding" "$@"
  expect_exit 1 match "$work/changed" >"$work/answer"
  [[ " $(reasons <"$work/answer") " == *" $code "* ]] || { echo "wanted $code: $(reasons <"$work/answer")" >&2; return 1; }
}
flip() { printf '%02x%s' $((0x${1:0:2} ^ 1)) "${1:2}"; }
"$HALLMARK" key new --out "$work/builder"
git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
measurement() { json "['predicate']" <"$work/payload" | python3 -c 'import sys
def find(value):
    if isinstance(value, dict):
        if "registers" in value: return value
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        found = find(item)
        if found: return found
measurement = find(eval(sys.stdin.read()))
for key in sys.argv[1:]: measurement = measurement[key]
print(measurement)' "$@"; }
certify() { "$HALLMARK" certify hallmark-out --key "$work/builder.key" -o "$work/certificate" && base64 -d < <(json "['payload']" <"$certified") >"$work/payload"; }

# ── SGX ──
cd "$work/clone/examples/sgx-sdk-style"
"$HALLMARK" pin
"$HALLMARK" build
certify
echo 'format: appraisal-policy-v1' >"$policy"
mrenclave=$(measurement registers mrenclave)
tee=(mrenclave="$mrenclave" isvprodid="$(measurement identity isvprodid)" isvsvn="$(measurement identity isvsvn)"
  attributes=0x5 xfrm=0x3)
good
refused match.mrenclave mrenclave="$(flip "$mrenclave")"
refused match.isvprodid isvprodid=9
refused match.isvsvn isvsvn=9
refused match.attributes attributes=0x85
refused sgx.debug attributes=0x7
refused sgx.provision_key attributes=0x15
refused binding.report_data report_data="$(flip "$binding")"
refused pck.leaf.revoked revoke_pck=1
refused pck.root_untrusted root='Another root'
refused tcb.status component0=4
now=2026-03-01T00:00:00Z refused tcb_info.expired
# The incident of June 2026: debug, and a key from a public repository.
refused sgx.debug attributes=0x7 mrsigner=ca0583a715534a8c981b914589a7f0dc5d60959d9ae79fb5353299a4231673d5
reasons <"$work/answer" | grep -q sgx.public_signer

# ── TDX ──
cd "$work/clone/examples/tdx-uki"
"$HALLMARK" pin
"$HALLMARK" build
certify
# Its certificate leaves RTMR0 open, for want of a machine's tables: that has to be said.
tee=(tdx=1 version=5 body_type=3 rtmr3=)
for register in mrtd rtmr1 rtmr2; do tee+=("$register=$(measurement registers $register)"); done
"$MAKE_EVIDENCE" "$work/good" "${tee[@]}" report_data="$binding"
expect_exit 1 match "$work/good" >"$work/answer"
equal "$(reasons <"$work/answer")" match.rtmr0
printf 'format: appraisal-policy-v1\nopen_registers: [rtmr0]\n' >"$policy"
good
for register in mrtd rtmr1 rtmr2; do refused match.$register $register="$(flip "$(measurement registers $register)")"; done
refused match.rtmr3 rtmr3=01
refused match.mrconfigid mrconfigid=01
refused match.mrowner mrowner=01
refused match.mrownerconfig mrownerconfig=01
refused match.tdattributes tdattributes=0x90000000
refused td.debug tdattributes=0x10000001
refused td.sept_ve_disable_off tdattributes=0
