#!/usr/bin/env python3
"""Makes the corpora event_log, quote and tdx_log, as specs/formats/event-log.md lays them out.

usage: make_log_corpus.py FOLDER
"""
import base64, hashlib, json, pathlib, struct, sys

HASHES = {4: "sha1", 11: "sha256", 12: "sha384"}
SEPARATOR, ACTION, TAG, IPL, NO_ACTION = 4, 0x80000007, 6, 13, 3


def log(events, algorithms=(12,), index=1, vendor=b""):
    spec_id = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(algorithms))
    for a in algorithms:
        spec_id += struct.pack("<HH", a, hashlib.new(HASHES[a]).digest_size)
    spec_id += bytes([len(vendor)]) + vendor
    out = struct.pack("<II20sI", index, NO_ACTION, bytes(20), len(spec_id)) + spec_id
    for register, kind, data in events:
        out += struct.pack("<III", register, kind, len(algorithms))
        for a in algorithms:
            out += struct.pack("<H", a) + hashlib.new(HASHES[a], data).digest()
        out += struct.pack("<I", len(data)) + data
    return out


def variable(name, data):
    return bytes(range(16)) + struct.pack("<QQ", len(name), len(data)) + name.encode("utf-16-le") + data


def tag(text):
    return struct.pack("<II", 0x8F3B22EC, len(text)) + text


def quote(version, tee, size, kind=None, signature=b"s" * 20):
    header = struct.pack("<HHI4s", version, 2, tee, b"") + bytes.fromhex("939a7233f79c4ca9940a0db3957f0607") + b"u" * 20
    typed = struct.pack("<HI", kind, size) if version == 5 else b""
    return header + typed + bytes(i & 0xFF for i in range(size)) + struct.pack("<I", len(signature)) + signature


RUNTIME = 0x08000001


def entry(name, payload, version=1, **change):
    if version == 1:
        hashed = struct.pack("<I", RUNTIME) + b":" + name.encode() + b":" + payload
    else:
        hashed = json.dumps({"name": name, "payload": payload.hex(), "type": RUNTIME}, separators=(",", ":")).encode()
    digest = hashlib.sha384(hashed).hexdigest()
    return {"imr": 3, "event_type": RUNTIME, "digest": digest, "event": name, "event_payload": payload.hex(), **change}


def report(log, **more):
    return json.dumps({"event_log": log, **more}).encode()


FIRMWARE = {"imr": 0, "event_type": SEPARATOR, "digest": hashlib.sha384(bytes(4)).hexdigest(), "event": "", "event_payload": "00000000"}
DSTACK = [FIRMWARE, entry("compose-hash", bytes(32)), entry("system-ready", b"", version=2)]

CCEL = [(1, SEPARATOR, bytes(4)), (2, ACTION, b"Exit Boot Services Invocation"), (3, TAG, tag(b"Linux initrd\0"))]
TPM = [(0, NO_ACTION, b"StartupLocality\0\3"), (7, 0x80000001, variable("SecureBoot", b"\1")), (1, 0x8000000B, b"\x08TdxTable")]
GRUB = [(1, 0x8000000B, b"\x08TdxTable"), (1, 0x80000001, variable("PK", b"")), (1, SEPARATOR, bytes(4)), (1, 10, b"ACPI DATA"),
        (1, 0x80000002, variable("BootOrder", b"\7\0")), (1, 0x800000E0, variable("SbatLevel", b"sbat,1\n")),
        (2, ACTION, b"Calling EFI Application from Boot Option"), (3, IPL, b"grub_cmd: linux /vmlinuz\0")]
MADE = {
    "event_log/ccel": log(CCEL) + b"\xff" * 64,
    "event_log/zeros": log(CCEL) + bytes(64),
    "event_log/tpm": log(TPM, algorithms=(4, 11, 12), index=0, vendor=b"vendor"),
    "event_log/empty": log([]),
    "event_log/text": log([(3, IPL, ".cmdline".encode("utf-16-le")), (3, IPL, b"grub_cmd: \x1b[2J\n"), (3, 10, b"ACPI DATA")]),
    "event_log/cut": log(CCEL)[:-1],
    "event_log/huge": log([]) + struct.pack("<IIIH48sI", 1, SEPARATOR, 1, 12, b"", 0xFFFFFFFF),
    "event_log/unknown": log([]) + struct.pack("<IIIH", 1, SEPARATOR, 1, 0x27) + bytes(64),
    "event_log/old": struct.pack("<II20sI", 0, 8, b"sha1", 16) + bytes(16),
    "quote/sgx_3": quote(3, 0, 384),
    "quote/td10_4": quote(4, 0x81, 584) + bytes(16),
    "quote/td10_5": quote(5, 0x81, 584, 2),
    "quote/td15_5": quote(5, 0x81, 648, 3),
    "quote/sgx_5": quote(5, 0, 384, 1),
    "quote/cut": quote(4, 0x81, 584)[:-1],
    "quote/size": quote(5, 0x81, 584, 3),
    "quote/unsigned": quote(4, 0x81, 584, signature=b""),
    "tdx_log/ccel": log(CCEL) + b"\xff" * 64,
    "tdx_log/grub": log(GRUB) + b"\xff" * 64,
    "tdx_log/td_shim": log(CCEL, index=0),
    "tdx_log/tpm_begin": log([(0, 8, b"version"), (4, SEPARATOR, bytes(4))], index=0),
    "tdx_log/pcr_24": log([(0, 8, b"version"), (24, SEPARATOR, bytes(4))], index=0),
    "tdx_log/tpm": log(TPM, algorithms=(4, 11, 12), index=0),
    "tdx_log/ima": b"2 " + b"ab" * 48 + b" ima-ng sha384:00 boot_aggregate\n",
    "tdx_log/dstack_list": json.dumps(DSTACK).encode(),
    "tdx_log/dstack_report": report(json.dumps(DSTACK), quote=quote(4, 0x81, 584).hex(), vm_config="{}"),
    "tdx_log/dstack_lite": report([FIRMWARE, entry("app-id", bytes(20), digest="")]),
    "tdx_log/dstack_mismatch": report([entry("app-id", bytes(20), event="compose-hash")]),
    "tdx_log/quote_hex": quote(4, 0x81, 584).hex().encode() + b"\n",
    "tdx_log/quote_base64": base64.encodebytes(quote(3, 0, 384)),
}
for name, data in MADE.items():
    path = pathlib.Path(sys.argv[1]) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
