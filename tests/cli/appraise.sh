# hallmark appraise: quotes under a root of our own, as a person brings them, and what is wrong with them.
. "$(dirname "$0")/common.sh"

make() { "${MAKE_EVIDENCE:?}" "$@"; }
now=2026-01-02T00:00:00Z
appraise() { hallmark appraise --trust-anchor good/root.pem --time "$now" "$@"; }
codes() { python3 -c 'import json, sys
layers = json.load(open(sys.argv[1]))["layers"]
print(" ".join(reason["code"] for layer in layers.values() for reason in layer["reasons"]))' "$stdout"; }
member() { python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."): value = value[key]
print(json.dumps(value))' "$stdout" "$1"; }

make good mrenclave=e1e1 report_data=4711
expect_exit 0 appraise good/quote.bin --collateral good/collateral.json
contains "$stdout" 'accepted'
contains "$stdout" 'UpToDate'
contains "$stdout" 'AGAINST A PRIVATE ROOT'
contains "$stdout" 'until 2026-01-31T00:00:00Z (the '
expect_exit 0 appraise good/quote.bin --collateral good/collateral.json --json
valid appraisal-v1 "$stdout"
[[ $(member layers.authentic.ok) == true && $(member layers.tcb.status) == '"UpToDate"' ]]
[[ $(member trust_anchor.private) == true ]]
first=$(cat "$stdout")

# Another time zone, another way to write the time: the same answer.
TZ=Pacific/Auckland expect_exit 0 hallmark appraise --trust-anchor good/root.pem --time 1767312000 \
  good/quote.bin --collateral good/collateral.json --json
[[ $(cat "$stdout") == "$first" ]]

# However it is wrapped.
xxd -p good/quote.bin >quote.hex
{ printf '0x'; xxd -p good/quote.bin | tr -d '\n'; } >quote.0x
base64 good/quote.bin >quote.b64
python3 -c 'import base64, json, sys
quote = open("good/quote.bin", "rb").read()
json.dump({"tee": "sgx", "attestation": {"quote": base64.b64encode(quote).decode(), "nonce": "00"}}, open("quote.json", "w"))'
for file in quote.hex quote.0x quote.b64 quote.json; do
  expect_exit 0 appraise $file --collateral good/collateral.json
done

# The vendor's root is pinned; this one is not the vendor's.
expect_exit 1 hallmark appraise good/quote.bin --collateral good/collateral.json --time "$now" --json
[[ $(codes) == 'pck.root_untrusted tcb_info.root_untrusted qe_identity.root_untrusted' ]]
[[ $(member layers.tcb.ok) == false && $(member layers.policy.ok) == false ]]

# A chain in one file has its root at the end.
python3 -c 'import json; print(json.load(open("good/collateral.json"))["pck_crl_issuer_chain"])' >chain.pem
expect_exit 0 hallmark appraise good/quote.bin --collateral good/collateral.json --time "$now" --trust-anchor chain.pem
cat good/root.pem good/root.pem >roots.pem
expect_exit 2 hallmark appraise good/quote.bin --collateral good/collateral.json --time "$now" --trust-anchor roots.pem
contains "$stderr" 'has 2 certificates that issued themselves'

# The clock is the machine's where nobody pins it: by then this collateral has expired.
HALLMARK_NOW=1790000000 expect_exit 1 hallmark appraise good/quote.bin --trust-anchor good/root.pem \
  --collateral good/collateral.json --json
[[ $(codes) == *tcb_info.expired* ]]

# Unless a line gives it time; then the answer says so.
printf 'format: appraisal-policy-v1\ncollateral_grace_period: 60\n' >grace.yaml
expect_exit 0 hallmark appraise good/quote.bin --trust-anchor good/root.pem --collateral good/collateral.json \
  --time 2026-01-31T00:01:00Z --policy grace.yaml --json
valid appraisal-v1 "$stdout"
[[ $(member layers.authentic.lapsed) == *'{"what": "the TCB info", "expired": "2026-01-31T00:00:00Z"}'* ]]
expect_exit 1 hallmark appraise good/quote.bin --trust-anchor good/root.pem --collateral good/collateral.json \
  --time 2026-01-31T00:01:01Z --policy grace.yaml

# A quote has no time of its own.
expect_exit 2 hallmark appraise good/quote.bin --collateral good/collateral.json --time evidence
contains "$stderr" 'does not say when it was made'
printf 'format: appraisal-policy-v1\nmax_evidence_age: 60\n' >fresh.yaml
expect_exit 1 appraise good/quote.bin --collateral good/collateral.json --policy fresh.yaml --json
[[ $(codes) == freshness.unknown ]]
if [[ -n ${HALLMARK_VECTORS:-} ]]; then
  document=$HALLMARK_VECTORS/quotes/$(python3 -c 'import json, sys
for entry in json.load(open(sys.argv[1])):
    check = entry.get("cases", [{}])[0].get("checks", [{}])[0]
    if entry["type"] == "nitro-attestation" and check["expect"].get("debug") is False:
        print(entry["files"][0]["file"]); break' "$HALLMARK_VECTORS/quotes/vectors.json")
  expect_exit 1 hallmark appraise "$document"
  expect_exit 0 hallmark appraise "$document" --time evidence --json
  valid appraisal-v1 "$stdout"
  made=$(member evidence_time | tr -d '"')
  [[ $(member time) == "\"$made\"" ]]
  HALLMARK_NOW=$(($(date -d "$made" +%s) + 60)) \
    expect_exit 0 hallmark appraise "$document" --time evidence --policy fresh.yaml
  HALLMARK_NOW=$(($(date -d "$made" +%s) + 61)) \
    expect_exit 1 hallmark appraise "$document" --time evidence --policy fresh.yaml
  contains "$stdout" 'freshness.too_old'
fi

# No collateral, the wrong one, another platform's beside the right one.
expect_exit 1 appraise good/quote.bin
contains "$stdout" 'tcb_info.missing'
make other fmspc=00606a000000
expect_exit 1 appraise good/quote.bin --collateral other/collateral.json
contains "$stdout" 'tcb_info.fmspc_mismatch'
expect_exit 0 appraise good/quote.bin --collateral other/collateral.json good/collateral.json
expect_exit 0 appraise good/quote.bin --collateral good/collateral.json --collateral other/collateral.json

# Nothing is forgiven unless a line says so.
make debug attributes=0x7
expect_exit 1 appraise debug/quote.bin --collateral debug/collateral.json --json
[[ $(codes) == sgx.debug && $(member layers.authentic.ok) == true && $(member layers.tcb.ok) == true ]]
printf 'format: appraisal-policy-v1\nforgive: [sgx.debug]\n' >lax.yaml
expect_exit 0 appraise debug/quote.bin --collateral debug/collateral.json --policy lax.yaml --json
[[ $(member layers.policy.flags) == '["sgx.debug"]' ]]
make old component0=4
expect_exit 1 appraise old/quote.bin --collateral old/collateral.json
contains "$stdout" 'SGX component 1 has 4, needs 5 to be up to date'
contains "$stdout" 'tcb.status'
printf 'format: appraisal-policy-v1\nacept_tcb_status: [OutOfDate]\n' >misspelt.yaml
expect_exit 3 appraise old/quote.bin --collateral old/collateral.json --policy misspelt.yaml
contains "$stderr" 'acept_tcb_status'

# What the prover bound.
expect_exit 0 appraise good/quote.bin --collateral good/collateral.json --report-data 4711
expect_exit 1 appraise good/quote.bin --collateral good/collateral.json --report-data 4712
contains "$stdout" 'binding.report_data'
expect_exit 2 appraise good/quote.bin --collateral good/collateral.json --report-data xyz

# Damaged, cut, of no kind, too long: no answer but why.
head -c 600 good/quote.bin >cut.bin
expect_exit 3 appraise cut.bin --collateral good/collateral.json --json
[[ $(codes) == quote.truncated ]]
{ cat good/quote.bin; echo garbage; } >trailing.bin
expect_exit 3 appraise trailing.bin --collateral good/collateral.json
contains "$stdout" 'quote.trailing'
expect_exit 0 appraise trailing.bin --collateral good/collateral.json --allow-trailing
{ cat good/quote.bin; head -c 3000 /dev/zero; } >padded.bin
expect_exit 0 appraise padded.bin --collateral good/collateral.json
echo hello >hello.txt
expect_exit 4 appraise hello.txt
head -c 2000000 /dev/zero >long.bin
expect_exit 3 appraise long.bin
expect_exit 5 appraise nothing.bin
head -c 500 good/collateral.json >half.json
expect_exit 3 appraise good/quote.bin --collateral half.json
contains "$stderr" half.json
expect_exit 2 hallmark appraise good/quote.bin --time yesterday

# Another verifier's verdict stands beside ours, and changes nothing of it.
make revoked status=Revoked
expect_exit 1 appraise revoked/quote.bin --collateral revoked/collateral.json --json
cp "$stdout" without.json
expect_exit 1 appraise revoked/quote.bin --collateral revoked/collateral.json --profile automata-v1.1 --json
valid appraisal-v1 "$stdout"
[[ $(member verdict) == '"refused"' && $(member layers.tcb.status) == '"Revoked"' ]]
[[ $(member prediction.profile) == '"automata-v1.1"' && $(member prediction.outcome) == '"accepted"' ]]
[[ $(member prediction.output) == '"TCBR"' && $(member prediction.tcb_status) == null ]]
[[ $(member prediction.differences) == *'"tcb.status"'* ]]
python3 -c 'import json, sys
with_it, without = (json.load(open(path)) for path in sys.argv[1:])
del with_it["prediction"]
assert with_it == without' "$stdout" without.json
expect_exit 1 appraise revoked/quote.bin --collateral revoked/collateral.json --profile automata-v1.1
contains "$stdout" 'automata-v1.1 predicted: accepted  with TCBR'
contains "$stdout" 'differs in tcb.status'
contains "$stdout" 'not run'
expect_exit 0 appraise good/quote.bin --collateral good/collateral.json --profile automata-v1.1.2
contains "$stdout" 'automata-v1.1.2 predicted: accepted  OK (0)'
contains "$stdout" 'no difference'
expect_exit 1 appraise debug/quote.bin --collateral debug/collateral.json --profile automata-v1.0 --json
[[ $(member prediction.tcb_status.number) == 0 && $(member prediction.differences) == *'"sgx.debug"'* ]]
expect_exit 3 appraise trailing.bin --collateral good/collateral.json --profile automata-v1.1
contains "$stdout" 'differs in quote.trailing'
# With bundles for several platforms, it is the prediction for the one that is this platform's.
expect_exit 0 appraise good/quote.bin --collateral other/collateral.json good/collateral.json --profile automata-v1.1
contains "$stdout" 'automata-v1.1 predicted: accepted  OK (0)'
# Names are listed and completed; other evidence has no such verifier.
expect_exit 2 appraise good/quote.bin --collateral good/collateral.json --profile automata-v9
contains "$stderr" 'automata-v1.0'
contains "$stderr" 'automata-v1.1.2'
expect_exit 0 hallmark completion bash
contains "$stdout" 'automata-v1.0 automata-v1.1 automata-v1.1.2'
printf '\204\101\000' >document.cbor
head -c 100 /dev/zero >>document.cbor
expect_exit 2 hallmark appraise document.cbor --profile automata-v1.1
contains "$stderr" '--profile: automata-v1.1'
contains "$stderr" 'AWS Nitro'
