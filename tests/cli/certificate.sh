# certify, verify and compare over a made-up build.
. "$(dirname "$0")/common.sh"

python3 -c 'import jsonschema' 2>/dev/null || skip "no python3 with jsonschema"
made_up() { python3 "$here/made_up_build.py" "$@"; }
field() { python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"; }
payload() { field "['payload']" <"$1" | base64 -d; }
flip() { python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[int(sys.argv[2])] ^= 1; open(sys.argv[3], "wb").write(d)' "$@"; }

made_up build
for type in p256 ed25519; do
  hallmark key new --type $type --out $type >/dev/null
  hallmark certify build --key $type.key -o $type >/dev/null
  for form in intoto sigstore; do
    hallmark verify $type.$form.json --key $type.pub --artifact build >"$stdout"
    contains "$stdout" 'verified: what was given is what was certified'
  done
done

# Oracle: an SGXS stream is what the processor hashes, so coreutils knows MRENCLAVE.
mrenclave=$(sha256sum build/out/enclave.sgxs | cut -d' ' -f1)
payload p256.intoto.json | grep -q "{\"digest\":{\"sgxMrEnclave\":\"$mrenclave\"},\"name\":\"tee:sgx:out/enclave.sgxs\"}"
payload p256.intoto.json | grep -q 'pkg:deb/debian/gcc-12@12.2.0-14%2Bdeb12u1?arch=amd64'

# Oracle: openssl checks the signature over DSSE's pre-authentication encoding.
payload p256.intoto.json >body
valid certificate-v1 body
{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s body)"; cat body; } >pae
field "['signatures'][0]['sig']" <p256.intoto.json | base64 -d >sig
openssl dgst -sha256 -verify p256.pub -signature sig pae >/dev/null

# The statement is the same bytes again; only a P-256 signature is drawn anew.
hallmark certify build --key p256.key -o again >/dev/null
payload again.intoto.json | cmp - body
hallmark certify build --key ed25519.key -o again >/dev/null
cmp again.intoto.json ed25519.intoto.json
# By default it is written beside the outputs.
hallmark certify build --key p256.key --json >"$stdout"
valid certify-v1 "$stdout"
[[ $(field "['files'][0]" <"$stdout") == build/certificate.intoto.json && -f build/certificate.sigstore.json ]]
hallmark verify - --key p256.pub <build/certificate.intoto.json >/dev/null

# A sealed key.
hallmark key new --out sealed --encrypt --passphrase-fd 3 3<<<'open' >/dev/null
hallmark certify build --key sealed.key -o sealed --passphrase-fd 3 3<<<'open' >/dev/null
expect_exit 2 hallmark certify build --key sealed.key -o wrong --passphrase-fd 3 3<<<'closed'
contains "$stderr" 'the passphrase does not open it'
[[ ! -e wrong.intoto.json ]]
chmod 644 sealed.key
expect_exit 5 hallmark certify build --key sealed.key -o wrong
chmod 600 sealed.key

# Who signed decides, not who is named.
expect_exit 1 hallmark verify p256.intoto.json --key ed25519.pub
contains "$stderr" 'the signature does not hold under any given key'
hallmark verify p256.intoto.json --key ed25519.pub --key p256.pub >/dev/null
expect_exit 2 hallmark verify p256.intoto.json
python3 - <<'PY'
import base64, json
d = json.load(open("p256.intoto.json"))
def save(name, change):
    e = json.loads(json.dumps(d)); change(e); json.dump(e, open(name, "w"))
def payload(e):
    p = bytearray(base64.b64decode(e["payload"])); p[p.index(b"6.1.0")] ^= 1; e["payload"] = base64.b64encode(p).decode()
def keyid(e): e["signatures"][0]["keyid"] = "someone else"
save("flipped.json", payload)
save("keyid.json", keyid)
save("two.json", lambda e: e["signatures"].append(e["signatures"][0]))
PY
expect_exit 1 hallmark verify flipped.json --key p256.pub
contains "$stderr" 'which it names: the document or the signature was changed'
hallmark verify keyid.json --key p256.pub >/dev/null
expect_exit 3 hallmark verify two.json --key p256.pub
contains "$stderr" 'exactly one is wanted'
expect_exit 5 hallmark verify /dev/null --key p256.pub
echo '{' >broken.json
expect_exit 3 hallmark verify broken.json --key p256.pub

# A builder that signs what does not belong together: the signature holds, and each is refused by name.
cat >lie.py <<'PY'
import base64, hashlib, json, subprocess, sys
statement = json.loads(base64.b64decode(json.load(open("ed25519.intoto.json"))["payload"]))
predicate = statement["predicate"]
canonical = lambda v: json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
exec(sys.argv[1])
predicate["hallmark_compareDigest"] = hashlib.sha256(canonical({
    "subject": statement["subject"], "buildDefinition": predicate["buildDefinition"],
    "hallmark_measurements": predicate["hallmark_measurements"]}).encode()).hexdigest()
body, kind = canonical(statement).encode(), b"application/vnd.in-toto+json"
open("pae", "wb").write(b"DSSEv1 %d %s %d " % (len(kind), kind, len(body)) + body)
subprocess.check_call("openssl pkeyutl -sign -rawin -inkey ed25519.key -in pae -out sig", shell=True)
encode = lambda b: base64.b64encode(b).decode()
json.dump({"payload": encode(body), "payloadType": kind.decode(),
           "signatures": [{"sig": encode(open("sig", "rb").read())}]}, open("lie.json", "w"))
PY
lie() { python3 lie.py "$1"; }
lie ''
hallmark verify lie.json --key ed25519.pub --artifact build >/dev/null
# The example in the specification is a certificate.
lie "statement = json.load(open('$source_dir/specs/schemas/examples/certificate-v1.json')); predicate = statement['predicate']"
hallmark verify lie.json --key ed25519.pub >/dev/null
lie 'predicate["buildDefinition"]["internalParameters"]["SOURCE_DATE_EPOCH"] = 1'
expect_exit 3 hallmark verify lie.json --key ed25519.pub
contains "$stderr" 'internalParameters.SOURCE_DATE_EPOCH: 1 stated, 1700000000 by its own lock'
lie 'predicate["buildDefinition"]["resolvedDependencies"][1]["digest"]["sha256"] = "00"'
expect_exit 3 hallmark verify lie.json --key ed25519.pub
contains "$stderr" 'resolvedDependencies[1].digest.sha256'
lie 'predicate["hallmark_lock"]["epoch"] = 1'
expect_exit 3 hallmark verify lie.json --key ed25519.pub
contains "$stderr" 'predicate.hallmark_lock: has the digest'
lie 'predicate["hallmark_measurements"] = []; del statement["subject"][2]'
expect_exit 3 hallmark verify lie.json --key ed25519.pub
contains "$stderr" 'has none of "out/enclave.sgxs"'
lie 'del statement["subject"][1]'
expect_exit 3 hallmark verify lie.json --key ed25519.pub
contains "$stderr" 'does not list the outputs of the lock'
lie 'predicate["approved"] = True'
expect_exit 3 hallmark verify lie.json --key ed25519.pub
contains "$stderr" 'unknown key "approved"'
# A register that was never computed passes as a statement; held against the enclave it does not.
lie 'm = predicate["hallmark_measurements"][0]; m["registers"]["mrenclave"] = statement["subject"][2]["digest"]["sgxMrEnclave"] = "00" * 32'
hallmark verify lie.json --key ed25519.pub >/dev/null
expect_exit 1 hallmark verify lie.json --key ed25519.pub --artifact build/out/enclave.sgxs

# What an image is measured with is certified, and belongs to the build: Gramine with its libpal, unsigned code with its
# configuration, a payload of EGo with its base enclave. The makers of the vectors say what these measure to.
vectors=$source_dir/tests/vectors
made_up frameworks vectors="$vectors"
hallmark certify frameworks --key ed25519.key -o frameworks >/dev/null
payload frameworks.intoto.json >body
valid certificate-v1 body
python3 - "$vectors" <<'PY'
import json, pathlib, sys
vectors = pathlib.Path(sys.argv[1])
found = {m["subject"]: m for m in json.load(open("body"))["predicate"]["hallmark_measurements"]}
def expected(folder, key, name):
    return next(c["mrenclave"] for c in json.loads((vectors / folder / "cases.json").read_text()) if c[key] == name)
app, enclave = found["out/app.manifest.sgx"], found["out/enclave.so"]
assert app["registers"]["mrenclave"] == expected("gramine", "file", "plain.manifest.sgx")
assert enclave["registers"]["mrenclave"] == expected("sgx_config", "config", "static.xml")
assert (app["format"], app["companions"], app["options"]) == ("gramine", {"libpal": "out/libpal.so"}, {"gramine-version": "1.9"})
payload = found["out/app"]
assert payload["registers"]["mrenclave"] == expected("ego", "file", "plain")
assert (payload["format"], payload["companions"]) == ("ego", {"ego-enclave": "out/ego-enclave"})
assert (enclave["format"], enclave["companions"]) == ("sgx-sdk-elf", {"config": "out/config.xml"}) and "options" not in enclave
# What is attested without being measured stands beside it, where it is known before signing.
assert enclave["policy"]["debug_launchable"] is True and enclave["identity"]["isvsvn"] == 0, enclave
assert {"attributes", "attributes_mask", "xfrm", "xfrm_mask", "misc_select", "misc_mask"} <= enclave["policy"].keys()
assert enclave["inputs"]["config"]["HeapMaxSize"] == "0x3000"
PY
hallmark verify frameworks.intoto.json --key ed25519.pub --artifact frameworks >/dev/null
hallmark compare frameworks frameworks.intoto.json --key ed25519.pub >/dev/null
flip frameworks/out/libpal.so 5000 libpal.so
expect_exit 1 hallmark verify frameworks.intoto.json --key ed25519.pub \
  --artifact frameworks/out/app.manifest.sgx --artifact out/libpal.so=libpal.so
contains "$stdout" 'mrenclave:'
expect_exit 2 hallmark verify frameworks.intoto.json --key ed25519.pub --artifact frameworks/out/enclave.so
contains "$stderr" '"out/enclave.so" is measured together with "out/config.xml" (config), which was not given'

# Artefacts: by their bytes, by their name, by NAME=FILE, all of a folder; any other byte is refused by name.
cp build/out/enclave.sgxs renamed
hallmark verify p256.intoto.json --key p256.pub --artifact renamed >/dev/null
flip build/out/enclave.sgxs 200 enclave.sgxs
expect_exit 1 hallmark verify p256.intoto.json --key p256.pub --artifact enclave.sgxs
contains "$stdout" 'different          out/enclave.sgxs'
contains "$stdout" "mrenclave: $mrenclave certified, $(sha256sum enclave.sgxs | cut -d' ' -f1) found"
contains "$stdout" 'NOT VERIFIED'
flip build/out/enclave.sgxs 0 enclave.sgxs
expect_exit 1 hallmark verify p256.intoto.json --key p256.pub --artifact enclave.sgxs --json
valid verify-v1 "$stdout"
[[ $(field "['agree']" <"$stdout") == False && $(field "['artifacts'][0]['path']" <"$stdout") == out/enclave.sgxs ]]
echo x >other
expect_exit 1 hallmark verify p256.intoto.json --key p256.pub --artifact other
contains "$stderr" 'is none of the certified outputs out/enclave.sgxs, out/tool'
expect_exit 1 hallmark verify p256.intoto.json --key p256.pub --artifact out/tool=other
expect_exit 2 hallmark verify p256.intoto.json --key p256.pub --artifact build --artifact renamed
mkdir partial
cp -r build/out partial
rm partial/out/tool
expect_exit 1 hallmark verify p256.intoto.json --key p256.pub --artifact partial
contains "$stdout" 'partial/out/tool is not there'

# What was changed after the build, or is no lock of it, is not certified.
cp -r build changed
echo x >>changed/out/tool
expect_exit 1 hallmark certify changed --key p256.key -o none
contains "$stderr" 'out/tool'
made_up other-lock extra=zlib1g
cp other-lock/hallmark.lock changed/hallmark.lock
cp build/out/tool changed/out/tool
expect_exit 1 hallmark certify changed --key p256.key -o none
contains "$stderr" 'the build was made from the lock'
[[ ! -e none.intoto.json && ! -e none.sigstore.json ]]
expect_exit 5 hallmark certify nowhere --key p256.key

# Two builders of the same build differ in nothing that counts.
made_up elsewhere kernel=6.6.0
hallmark certify elsewhere --key ed25519.key >/dev/null
hallmark compare p256.intoto.json elsewhere/certificate.intoto.json --key p256.pub --key ed25519.pub >"$stdout"
contains "$stdout" 'identical          out/enclave.sgxs'
contains "$stdout" 'made from the same lock under the same conditions'
expect_exit 1 hallmark compare p256.intoto.json elsewhere/certificate.intoto.json --key p256.pub
a=$(payload p256.intoto.json | field "['predicate']['hallmark_compareDigest']")
[[ $(payload elsewhere/certificate.intoto.json | field "['predicate']['hallmark_compareDigest']") == "$a" ]]
hallmark compare build elsewhere >/dev/null
hallmark compare build elsewhere/certificate.sigstore.json >"$stdout"
contains "$stdout" 'SIGNATURE NOT CHECKED'

# Other code, and other bytes of what is not measured.
made_up code code=enclavf
expect_exit 1 hallmark compare build code
contains "$stdout" 'different          out/enclave.sgxs'
contains "$stdout" 'identical          out/tool'
made_up tool tool=x
expect_exit 1 hallmark compare build tool --json
valid compare-v1 "$stdout"
[[ $(field "['outputs'][1]['verdict']" <"$stdout") == different ]]
# Another lock is reported, and makes no output different.
hallmark compare build other-lock >"$stdout"
contains "$stdout" 'the locks differ'
contains "$stdout" 'zlib1g'
