#!/usr/bin/env python3
"""Makes the corpora of snp_report_fuzz and vtpm_fuzz: small, of our own making, unsigned.

usage: make_snp_corpus.py FOLDER  (the folder `corpus`)
"""
import json, pathlib, struct, sys

corpus = pathlib.Path(sys.argv[1])


def report(version, **more):
    out = bytearray(1184)
    struct.pack_into("<IIQ", out, 0, version, 7, 0x30000)
    struct.pack_into("<I", out, 0x34, 1)
    struct.pack_into("<Q", out, 0x40, 0x25)
    for at in (0x38, 0x180, 0x1E0, 0x1F0):
        out[at:at + 8] = bytes([3, 0, 0, 0, 0, 0, 8, 0x73])
    out[0x50:0x90] = bytes([0x0D]) * 64
    out[0x90:0xC0] = bytes([0x4D]) * 48
    if version >= 3:
        out[0x188:0x18B] = bytes([0x19, 1, 1])
    out[0x1A0:0x1E0] = bytes(range(0xA0, 0xE0))
    if version >= 5:
        out[0x188:0x18A] = bytes([0x1A, 2])
        out[0x1F8], out[0x200] = 3, 7
    for at, value in more.items():
        out[int(at[1:], 16)] = value
    return bytes(out)


def table(*parts):
    offset, head, body = 24 * (len(parts) + 1), b"", b""
    for guid, content in parts:
        head += bytes.fromhex(guid) + struct.pack("<II", offset + len(body), len(content))
        body += content
    return head + bytes(24) + body


def hcl(hardware, kind=2, hash_type=1, text=None):
    key = {"kid": "HCLAkPub", "key_ops": ["sign"], "kty": "RSA", "e": "AQAB", "n": "w" * 342}
    text = text or json.dumps({"keys": [key], "user-data": "00"}, separators=(",", ":")).encode()
    head = b"HCLA" + struct.pack("<IIII", 2, 1236 + len(text), 2, 0) + bytes(12)
    data = struct.pack("<IIIII", 20 + len(text), 1, kind, hash_type, len(text))
    return head + hardware.ljust(1184, b"\0") + data + text + bytes(16)


def quote(selections=((11, b"\x13\x0a\x80"),), digest=bytes(32)):
    sized = lambda b: struct.pack(">H", len(b)) + b
    out = struct.pack(">IH", 0xFF544347, 0x8018) + sized(bytes([0x5A]) * 34) + sized(bytes([0x0E]) * 48)
    out += struct.pack(">QIIBQ", 5000, 2, 1, 1, 0x2020031200120003) + struct.pack(">I", len(selections))
    for bank, bits in selections:
        out += struct.pack(">HB", bank, len(bits)) + bits
    return out + sized(digest)


VCEK, ARK, OTHER = "63da758de6644564adc5f4b93be8accd", "c0b406a4a803495297433fb6014cd0ae", "ecae0c0f950243b1afa20ae2e0d565b6"
files = {
    "snp_report": {
        "v2": report(2), "v3": report(3), "v4": report(4), "v5": report(5),
        "version": report(6), "algorithm": report(3, x34=2), "reserved": report(2, x188=1), "policy": report(3, xa=1),
        "debug_vlek": report(3, xa=0x0B, x48=4), "cut": report(3)[:1183],
        "with_table": report(3) + table((VCEK, b"\x30\x03\x02\x01\x00"), (OTHER, b"")),
        "table": table((VCEK, b"\x30\x03\x02\x01\x00"), (OTHER, b"more"), (ARK, b"")),
        "table_outside": table((VCEK, b"abc"))[:-1],
        "pem": b"-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n",
    },
    "vtpm": {
        "hcl": hcl(report(3)), "hcl_tdx": hcl(bytes(1024), 4), "hcl_sha512": hcl(report(5), hash_type=3),
        "hcl_cut": hcl(report(3))[:1300], "hcl_text": hcl(report(3), text=b"{}"), "hcl_hash": hcl(report(3), hash_type=9),
        "quote": quote(), "quote_two": quote(((4, b"\0\0\0"), (11, b"\xff\xff\xff"))), "quote_cut": quote()[:-1],
        "quote_pcr24": quote(((11, b"\0\0\0\x01"),)), "certify": b"\xffTCG\x80\x17" + quote()[6:],
        "signature": bytes(range(256)), "tagged": bytes.fromhex("0014000b0100") + bytes(range(256)),
        "pcrs": json.dumps({"sha256": ["%02x" % i * 32 for i in range(24)]}).encode(),
        "pcrs_short": json.dumps({"sha256": ["00" * 32]}).encode(),
    },
}
for folder, entries in files.items():
    (corpus / folder).mkdir(parents=True, exist_ok=True)
    for name, content in entries.items():
        (corpus / folder / name).write_bytes(content)
