#!/usr/bin/env python3
"""Makes the corpora pe and uki: images with next to nothing in them.

usage: make_uki_corpus.py FOLDER
"""
import pathlib, struct, sys

ALIGN = 0x40
CC = bytes.fromhex("48b83d1a7596f472a64148baa794ed5d0e67ae6b")


def aligned(n, unit):
    return -(-n // unit) * unit


def image(sections, pe=0x80, directories=6, certificates=b"", version=1):
    headers = aligned(pe + 24 + 112 + directories * 8 + 40 * len(sections), ALIGN)
    table, body, address = b"", b"", 0x1000
    for name, data in sections:
        raw = aligned(len(data), ALIGN)
        table += struct.pack("<8sIIIIIIHHI", name.encode(), len(data), address, raw, headers + len(body), 0, 0, 0, 0, 0)
        body += data.ljust(raw, b"\0")
        address += aligned(max(len(data), 1), 0x1000)
    rows = [(0, 0)] * directories
    if certificates:
        rows[4] = (headers + len(body), len(certificates))
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 0, 0, 0, 0, 0, 0, 0, 0, 0x1000, ALIGN, 0, 0, version, 0, 0,
                           0, 0, address, headers, 0, 10, 0, 0, 0, 0, 0, 0, directories)
    optional += b"".join(struct.pack("<II", *row) for row in rows)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, len(optional), 0x20E)
    dos = (b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", pe)).ljust(pe, b"\0")
    return (dos + coff + optional + table).ljust(headers, b"\0") + body + certificates


def kernel(release):
    """With a setup header of protocol 2.15, whose real-mode part has 1024 bytes."""
    out = bytearray(image([(".text", b"\x90" * 32)], pe=0x240).ljust(0x500, b"\0"))
    out[0x1F1] = 1
    out[0x202:0x208] = b"HdrS\x0f\x02"
    struct.pack_into("<H", out, 0x20E, 0x1E0)
    out[0x211] = 1
    struct.pack_into("<I", out, 0x22C, 0x7FFFFFFF)
    out[0x236] = 0x3F
    out[0x3E0 : 0x3E0 + len(release)] = release
    return bytes(out)


def uki(stub, extra=()):
    magic = f"#### LoaderInfo: systemd-stub {stub} ####".encode()
    return image([(".text", CC if stub >= "256" else b"\x90"), (".sdmagic", magic), (".sbat", b"sbat,1\n"), (".osrel", b"ID=x\n"),
                  (".cmdline", b"console=ttyS0\n"), (".linux", kernel(b"6.9.0 (x)")), (".initrd", b"initrd"), *extra])


MADE = {
    "pe/signed": image([(".text", b"\x90" * 40), (".bss", b"")], certificates=b"cert" * 4),
    "pe/no_directories": image([(".text", b"\x90" * 40)], directories=0),
    "pe/kernel": kernel(b"6.12.0-test (x)"),
    "uki/stub_252": b"\0" + uki("252.39-1"),
    "uki/stub_254": b"\0" + uki("254.26", [(".pcrsig", b"{}"), (".pcrpkey", b"key")]),
    "uki/stub_257": b"\0" + uki("257.13", [(".ucode", b"u"), (".profile", b"ID=a"), (".pcrsig", b"{}")]),
    "uki/stub_262": b"\0" + uki("262.1"),
    "uki/given": b"\3" + uki("255"),
}
for name, data in MADE.items():
    path = pathlib.Path(sys.argv[1]) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
