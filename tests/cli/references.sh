# hallmark references, and match --reference: reference values in the formats that people have, for one prover and for a
# committee over three vendors.
. "$(dirname "$0")/common.sh"

make() { "${MAKE_EVIDENCE:?}" "$@"; }
repeat() { printf "%0.s$2" $(seq "$1"); }
codes() { python3 -c 'import json, sys
answer = json.load(open(sys.argv[1]))
layers = answer["layers"] if "layers" in answer else {"committee": answer["committee"]}
print(" ".join(reason["code"] for layer in layers.values() for reason in layer["reasons"]))' "$stdout"; }
convert() { hallmark references convert "$@"; }
# When all three vendors' test evidence is in force.
now=2026-01-28T01:00:00Z
binding=$(printf 'block 4711' | sha256sum | cut -c-64)
a0=$(repeat 48 a0) a1=$(repeat 48 a1) a2=$(repeat 48 a2) measured=$(repeat 48 11)

# ── One prover ──
make tdx tdx=1 mrtd="$a0" rtmr0="$a1" rtmr1="$a2" rtmr2= rtmr3= report_data="$binding"
zero=$(repeat 48 00)
cat >measurements.json <<EOF
[{"measurement_id": "image", "attestation_type": "dcap-tdx", "measurements": {"0": {"expected": "$a0"},
  "1": {"expected_any": ["$a2", "$a1"]}, "rtmr1": {"expected": "$a2"}, "3": {"expected": "$zero"}, "4": {"expected": "$zero"}}}]
EOF
match_tdx() { hallmark match tdx/quote.bin --collateral tdx/collateral.json --trust-anchor tdx/root.pem --time $now "$@"; }
expect_exit 0 match_tdx --reference measurements.json
contains "$stdout" 'NOBODY SIGNED THEM'
contains "$stdout" 'it is what the reference values say: measurements.json: image'
not contains "$stdout" 'it is what was certified'
expect_exit 0 match_tdx --reference measurements.json --json
valid match-v1 "$stdout"
contains "$stdout" '"role": "reference"'
contains "$stdout" "$(sha256sum <measurements.json | cut -c-64)"
# A file that names less: a warning, and a mismatch until the policy opens it.
sed 's/, "4": .*}}}]/}}]/' measurements.json >less.json
expect_exit 1 match_tdx --reference less.json --json
[[ $(codes) == match.rtmr3 ]]
valid match-v1 "$stdout"
printf 'format: appraisal-policy-v1\nopen_registers: [rtmr3]\n' >open.yaml
expect_exit 0 match_tdx --reference less.json --policy open.yaml
contains "$stdout" 'warning: records that leave out rtmr3'
# Any of several files.
sed "s/$a0/$a1/" measurements.json >other.json
expect_exit 1 match_tdx --reference other.json --json
[[ $(codes) == match.mrtd ]]
expect_exit 0 match_tdx --reference other.json --reference measurements.json

# ── What is refused before anything is appraised ──
echo '[{"attestation_type": "dcap-tdx"}]' >any.json
expect_exit 3 match_tdx --reference any.json
contains "$stderr" 'accept anything'
echo '[{"attestation_type": "sgx-epid", "measurements": {}}]' >unknown.json
expect_exit 4 match_tdx --reference unknown.json
contains "$stderr" sgx-epid
echo 'mrtd: 00' >none.txt
expect_exit 4 match_tdx --reference none.txt
contains "$stderr" reference-values-v1
expect_exit 2 match_tdx
expect_exit 2 match_tdx --certificate build/certificate.intoto.json
contains "$stderr" -- --key

# ── Signed certificates and files that nobody signed, side by side ──
python3 "$here/made_up_build.py" build
hallmark key new --out builder >/dev/null
hallmark certify build --key builder.key >/dev/null
certified=(--certificate build/certificate.intoto.json --key builder.pub)
expect_exit 0 match_tdx "${certified[@]}" --reference measurements.json
mrenclave=$(sha256sum <build/out/enclave.sgxs | cut -c-64)
make sgx mrenclave="$mrenclave" report_data="$binding"
match_sgx() { hallmark match sgx/quote.bin --collateral sgx/collateral.json --trust-anchor sgx/root.pem --time $now "$@"; }
expect_exit 0 match_sgx "${certified[@]}" --reference measurements.json
contains "$stdout" 'it is what was certified'

# ── Converting ──
expect_exit 0 convert measurements.json -o native.json
contains "$stdout" 'the file is not signed'
valid reference-values-v1 native.json
expect_exit 0 match_tdx --reference native.json
expect_exit 0 convert native.json --to flashbots
valid_flashbots=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[0]["measurement_id"])' "$stdout")
[[ $valid_flashbots == image ]]
expect_exit 0 convert native.json --to rvps --json
valid references-v1 "$stdout"
contains "$stdout" rtmr_0
expect_exit 0 convert "${certified[@]}" --to gramine-env -o gramine.env
valid_export='export RA_TLS_MRENCLAVE='$mrenclave
contains gramine.env "$valid_export"
expect_exit 0 match_sgx --reference gramine.env
expect_exit 0 convert "${certified[@]}" --json
valid references-v1 "$stdout"
# Another TEE has no place there; what has none is warned of.
expect_exit 4 convert "${certified[@]}" --to flashbots
expect_exit 4 convert native.json --to gramine-env
expect_exit 0 convert less.json --to flashbots
contains "$stderr" 'warning: image: the file does not ask for rtmr3'
expect_exit 3 convert measurements.json --from gramine-env
expect_exit 2 convert
expect_exit 2 convert native.json --to yaml
expect_exit 2 convert "${certified[@]:0:2}"

# An enclave's signer takes a line of the policy.
make signed mrenclave=07 mrsigner=51 isvprodid=3 isvsvn=7
signer=51$(repeat 31 00)
printf 'RA_TLS_MRENCLAVE=any RA_TLS_MRSIGNER=%s \\\n RA_TLS_ISV_PROD_ID=3 RA_TLS_ISV_SVN=7 RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE=1\n' \
  "$signer" >signer.env
match_signed() { hallmark match signed/quote.bin --collateral signed/collateral.json --trust-anchor signed/root.pem --time $now \
  --reference signer.env "$@"; }
expect_exit 1 match_signed --json
[[ $(codes) == match.mrenclave ]]
printf 'format: appraisal-policy-v1\nsigner_match: {min_isvsvn: 1}\n' >signer.yaml
expect_exit 0 match_signed --policy signer.yaml
contains "$stdout" 'warning: RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE=1'
make signed mrenclave=07 mrsigner=51 isvprodid=3 isvsvn=6
expect_exit 1 match_signed --policy signer.yaml --json
[[ $(codes) == match.isvsvn ]]

# ── Reference values that end ──
cat >rvps.json <<EOF
[{"version": "0.1.0", "name": "mr_td", "expiration": "2026-01-28T01:00:00Z", "value": ["$a0"]},
 {"version": "0.1.0", "name": "rtmr_1", "expiration": "2027-01-01T00:00:00Z", "value": ["$a2"]}]
EOF
printf 'format: appraisal-policy-v1\nopen_registers: [rtmr0, rtmr2, rtmr3]\n' >open.yaml
expect_exit 0 match_tdx --reference rvps.json --policy open.yaml
now=2026-01-28T01:00:01Z expect_exit 1 match_tdx --reference rvps.json --policy open.yaml --json
[[ $(codes) == match.valid_until ]]

# ── A committee over three vendors, each with its own people's format ──
make snp kind=snp measurement="$measured" report_data="$binding"
make nitro kind=nitro pcr0="$a0" pcr1="$a1" pcr2="$a2" user_data="$binding" time=$(date -u -d 2026-01-28T00:00:00Z +%s)
echo "{\"snp_launch_measurement\": [\"$measured\"], \"snp_snp_svn\": [8], \"snp_smt_enabled\": true}" >snp.json
echo "{\"Measurements\": {\"HashAlgorithm\": \"Sha384 { ... }\", \"PCR0\": \"$a0\", \"PCR1\": \"$a1\", \"PCR2\": \"$a2\"}}" >pcrs.json
cat >committee.yaml <<'EOF'
format: appraisal-policy-v1
open_registers: [pcr4]
committee: {threshold: 3, min_vendors: 3, max_per_vendor: 1}
EOF
committee() { hallmark match tdx/quote.bin,tdx/collateral.json snp/report.bin,snp/chain.pem nitro/document.bin \
  --trust-anchor tdx/root.pem --trust-anchor snp/root.pem --trust-anchor nitro/root.pem --time $now --policy committee.yaml \
  --reference measurements.json --reference pcrs.json "$@"; }
expect_exit 0 committee --reference snp.json
contains "$stdout" '3 of 3 provers count'
contains "$stdout" "accepted: bound to $binding"
expect_exit 0 committee --reference snp.json --json
valid match-v1 "$stdout"
# Without the SNP guest's values it does not count, and so with any one thing changed.
refused() {
  expect_exit 1 committee "$@" --json
  [[ $(codes) == 'committee.threshold committee.vendors' ]] || { codes; return 1; }
  valid match-v1 "$stdout"
}
refused
sed 's/\[8\]/[9]/' snp.json >newer.json
refused --reference newer.json
sed 's/true/false/' snp.json >no-smt.json
refused --reference no-smt.json
make snp kind=snp measurement="$measured" report_data="$binding" policy=0xb0000
refused --reference snp.json
contains "$stdout" snp.debug
