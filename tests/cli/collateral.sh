# hallmark collateral fetch: from a service of our own that answers as Intel's does, and from one that does not.
. "$(dirname "$0")/common.sh"

"${MAKE_EVIDENCE:?}" made tdx=1 fmspc=50806f000000
cat >service.py <<'PY'
import http.server, json, sys, urllib.parse
bundle = json.load(open("made/collateral.json"))
def answer(path):
    url = urllib.parse.urlsplit(path)
    query = urllib.parse.parse_qs(url.query)
    if url.path == "/tdx/certification/v4/tcb" and query["fmspc"] == ["50806f000000"]:
        body = '{"tcbInfo":' + bundle["tcb_info"] + ',"signature":"' + bundle["tcb_info_signature"] + '"}'
        return body.encode(), ("TCB-Info-Issuer-Chain", bundle["tcb_info_issuer_chain"])
    if url.path == "/tdx/certification/v4/qe/identity":
        body = '{"enclaveIdentity":' + bundle["qe_identity"] + ',"signature":"' + bundle["qe_identity_signature"] + '"}'
        return body.encode(), ("SGX-Enclave-Identity-Issuer-Chain", bundle["qe_identity_issuer_chain"])
    if url.path == "/sgx/certification/v4/pckcrl" and query == {"ca": ["platform"], "encoding": ["der"]}:
        return bytes.fromhex(bundle["pck_crl"]), ("SGX-PCK-CRL-Issuer-Chain", bundle["pck_crl_issuer_chain"])
    if url.path == "/root":
        return bundle["root_ca_crl"].encode(), None
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = answer(self.path)
        self.send_response(200 if found else 404)
        body, header = found or (b"no such collateral", None)
        if header:
            self.send_header(header[0], urllib.parse.quote(header[1]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
exec 3< <(exec python3 service.py)
service=$!
trap 'kill "$service" 2>/dev/null || true; chmod -R u+rwX "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
read -r port <&3
url=http://127.0.0.1:$port
unset http_proxy HTTP_PROXY

expect_exit 0 hallmark collateral fetch made/quote.bin --service "$url/" --root-crl "$url/root" -o fetched.json --json
valid collateral-v1 "$stdout"
contains "$stdout" 50806f000000
expect_exit 0 hallmark appraise made/quote.bin --collateral fetched.json --trust-anchor made/root.pem --time 2026-01-02T00:00:00Z

# No such platform, no such service: nothing is written.
"$MAKE_EVIDENCE" other tdx=1 fmspc=00
expect_exit 5 hallmark collateral fetch other/quote.bin --service "$url" --root-crl "$url/root" -o not-made.json
contains "$stderr" '404'
expect_exit 3 hallmark collateral fetch made/quote.bin --service "$url" --root-crl "$url/tdx/certification/v4/qe/identity" -o not-made.json
kill "$service"
expect_exit 5 hallmark collateral fetch made/quote.bin --service "$url" --root-crl "$url/root" -o not-made.json
[[ ! -e not-made.json ]]
