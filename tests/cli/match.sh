# hallmark match: evidence against certificates, and committees.
. "$(dirname "$0")/common.sh"

make() { "${MAKE_EVIDENCE:?}" "$@"; }
now=1767312000
match() { hallmark match --trust-anchor one/root.pem --time "$now" "$@"; }
codes() { python3 -c 'import json, sys
answer = json.load(open(sys.argv[1]))
layers = answer["layers"] if "layers" in answer else {"committee": answer["committee"]}
print(" ".join(reason["code"] for layer in layers.values() for reason in layer["reasons"]))' "$stdout"; }

python3 "$here/made_up_build.py" build
hallmark key new --out builder >/dev/null
hallmark key new --out stranger >/dev/null
hallmark certify build --key builder.key >/dev/null
certificate=build/certificate.intoto.json
mrenclave=$(sha256sum <build/out/enclave.sgxs | cut -c-64)
binding=$(printf 'block 4711' | sha256sum | cut -c-64)

make one mrenclave="$mrenclave" report_data="$binding"
against=(--certificate $certificate --key builder.pub)
expect_exit 0 match one/quote.bin --collateral one/collateral.json "${against[@]}"
contains "$stdout" 'it is what was certified'
expect_exit 0 match one/quote.bin --collateral one/collateral.json "${against[@]}" --json
valid match-v1 "$stdout"

# A recipe may ask for evidence that is bound to what the verifier names.
python3 "$here/made_up_build.py" bound binding=required
expect_exit 0 hallmark certify bound --key builder.key
bound=(one/quote.bin --collateral one/collateral.json --certificate bound/certificate.intoto.json --key builder.pub)
expect_exit 1 match "${bound[@]}" --json
[[ $(codes) == match.report_data ]]
valid match-v1 "$stdout"
expect_exit 0 match "${bound[@]}" --report-data "$binding"
expect_exit 1 match "${bound[@]}" --report-data "00$binding"
python3 "$here/made_up_build.py" misbound binding=wanted
expect_exit 2 hallmark certify misbound --key builder.key

# Another verifier's verdict on the same quote, beside ours.
expect_exit 0 match one/quote.bin --collateral one/collateral.json "${against[@]}" --profile automata-v1.1.2 --json
valid match-v1 "$stdout"
contains "$stdout" '"outcome": "accepted"'

# One bit of the register; a certificate that nobody trusts; no certificate at all.
make other mrenclave="$(printf %02x $((0x${mrenclave:0:2} ^ 1)))${mrenclave:2}" ppid=04 report_data="$binding"
expect_exit 1 match other/quote.bin --collateral other/collateral.json "${against[@]}" --json
[[ $(codes) == match.mrenclave ]]
valid match-v1 "$stdout"
expect_exit 1 match one/quote.bin --collateral one/collateral.json --certificate $certificate --key stranger.pub
expect_exit 2 match one/quote.bin --collateral one/collateral.json

# Everything else holds, and one thing does not.
refused() {  # refused CODE MEMBER=VALUE...
  local code=$1
  shift
  rm -rf changed
  make changed mrenclave="$mrenclave" report_data="$binding" "$@"
  expect_exit 1 match changed/quote.bin --collateral changed/collateral.json "${against[@]}" --json
  [[ " $(codes) " == *" $code "* ]] || { echo "not refused for $code: $(codes)" >&2; return 1; }
}
refused sgx.debug attributes=0x7
refused pck.leaf.revoked revoke_pck=1
refused pck.root_untrusted root=Another
refused tcb.status status=OutOfDate
now=1769904000 refused tcb_info.expired
expect_exit 1 match one/quote.bin --collateral one/collateral.json "${against[@]}" --report-data "00${binding:2}"

# June 2026: a debug enclave, signed with a key that lies in a public repository. Two layers say no; with certificates, three.
leaked=ca0583a715534a8c981b914589a7f0dc5d60959d9ae79fb5353299a4231673d5
make incident attributes=0x7 mrsigner=$leaked report_data="$binding"
expect_exit 1 hallmark appraise incident/quote.bin --collateral incident/collateral.json --trust-anchor one/root.pem \
  --time $now --json
[[ $(codes) == 'sgx.debug sgx.public_signer' ]]
expect_exit 1 match incident/quote.bin --collateral incident/collateral.json "${against[@]}" --json
[[ $(codes) == 'sgx.debug sgx.public_signer match.mrenclave' ]]

# Committees: two machines, the same one twice, another value.
make two ppid=02 mrenclave="$mrenclave" report_data="$binding"
make third ppid=03 mrenclave="$mrenclave" report_data=99
printf 'format: appraisal-policy-v1\ncommittee: {threshold: 2}\n' >two.yaml
member() { echo "$1/quote.bin,$1/collateral.json"; }
expect_exit 0 match "$(member one)" "$(member two)" "${against[@]}" --policy two.yaml --json
valid match-v1 "$stdout"
expect_exit 0 match "$(member one)" "$(member two)" "${against[@]}" --policy two.yaml --profile automata-v1.0 --json
valid match-v1 "$stdout"
contains "$stdout" '"profile": "automata-v1.0"'
expect_exit 1 match "$(member one)" "$(member one)" "${against[@]}" --policy two.yaml --json
[[ $(codes) == committee.threshold ]]
expect_exit 1 match "$(member one)" "$(member third)" "${against[@]}" --policy two.yaml
contains "$stdout" 'bound to another value'
expect_exit 0 match "$(member one)" "$(member two)" "$(member other)" "${against[@]}" --policy two.yaml
contains "$stdout" '2 of 3 provers count'
# Another vendor's endorsements, for other members of a committee, are not held against a quote.
openssl req -x509 -newkey rsa:2048 -nodes -keyout ark.key -out ark.pem -subj /CN=ARK-Milan -days 30 2>/dev/null
expect_exit 0 match one/quote.bin --collateral one/collateral.json --endorsements ark.pem --certificate $certificate \
  --key builder.pub
# Without a policy all of them have to be good.
expect_exit 0 match "$(member one)" "$(member two)" "${against[@]}"
expect_exit 1 match "$(member one)" "$(member two)" "$(member other)" "${against[@]}"
printf 'format: appraisal-policy-v1\ncommittee: {threshold: 2, min_vendors: 2}\n' >vendors.yaml
expect_exit 1 match "$(member one)" "$(member two)" "${against[@]}" --policy vendors.yaml --json
[[ $(codes) == committee.vendors ]]
