#!/usr/bin/env python3
"""Writes the small Gramine manifests and the stand-in for libpal.so beside it, and cases.json with what each measures to.

usage: make_manifests.py FOLDER

The oracle is this file: it knows the memory that it means each enclave to have, and hashes the records of its pages with
hashlib. It shares no code with the program. Signatures are made as in ../sgx/make_enclaves.py.
"""
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sgx"))
from make_enclaves import PAGE, R, REG, TCS, W, X, code, mrenclave, sigstruct, up  # noqa: E402

HEAP_MIN, ENTRY = 0x10000, 0x1010
FRAME, FRAMES, STACK, SIGNAL_STACK = 4 * PAGE, 2, 64 * PAGE, 16 * PAGE


def libpal():
    """The file, and its segments as (address, bytes, size in memory, flags of ELF)."""
    headers = [(5, 0, 0, 0x200, 0x200), (5, 0x1010, 0x1010, 0x90, 0x90), (6, 0x1F80, 0x3F80, 0x100, 0x2000)]
    body = bytearray(0x2080)
    body[0x100:0x200], body[0x1010:0x10A0], body[0x1F80:0x2080] = code("pal head", 0x100), code("pal", 0x90), code("pal data", 0x100)
    body[:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, ENTRY, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
    for i, (flags, at, address, size, memory) in enumerate(headers):
        struct.pack_into("<IIQQQQQQ", body, 64 + 56 * i, 1, flags, at, address, 0, size, memory, PAGE)
    return bytes(body), [(a, bytes(body[o:o + s]), m, f) for f, o, a, s, m in headers]


def pages(manifest, size, threads, edmm):
    out, top = [], size
    manifest += b"\0"

    def area(length):
        nonlocal top
        top -= length
        return top

    def fill(address, length, flags, content=b""):
        content = content.ljust(length, b"\0")
        out.extend((address + i, flags, content[i:i + PAGE]) for i in range(0, length, PAGE))

    _, segments = libpal()
    pal_size = max(up(a + m) for a, _, m, _ in segments)
    at = area(up(len(manifest)))
    ssa, tcs, tls = area(threads * FRAME * FRAMES), area(threads * PAGE), area(threads * PAGE)
    stacks = [area(STACK) for _ in range(threads)]
    signal_stacks = [area(SIGNAL_STACK) for _ in range(threads)]
    pal = area(pal_size)

    fill(at, up(len(manifest)), REG | R, manifest)
    fill(ssa, threads * FRAME * FRAMES, REG | R | W)
    for t in range(threads):
        fill(tcs + t * PAGE, PAGE, TCS, struct.pack("<QQQIIQQQQII", 0, 0, ssa + t * FRAME * FRAMES, 0, FRAMES, pal + ENTRY, 0,
                                                    0, tls + t * PAGE, 0xFFF, 0xFFF))
    for t in range(threads):
        mine = ssa + t * FRAME * FRAMES
        head = struct.pack("<QQ", tls + t * PAGE, 0xBADBADBADBAD) + bytes(256)
        head += struct.pack("<12Q", size, tcs + t * PAGE, stacks[t] + STACK, 0, signal_stacks[t], signal_stacks[t] + SIGNAL_STACK,
                            0, mine, mine + FRAME - 184, 0, 0, 0)
        head += bytes(6 * 8) + struct.pack("<QQQ", len(manifest), HEAP_MIN, pal)
        fill(tls + t * PAGE, PAGE, REG | R | W, head)
    for t in range(threads):
        fill(stacks[t], STACK, REG | R | W)
    for t in range(threads):
        fill(signal_stacks[t], SIGNAL_STACK, REG | R | W)
    for address, data, memory, flags in segments:
        first = address // PAGE * PAGE
        kind = REG | (R if flags & 4 else 0) | (W if flags & 2 else 0) | (X if flags & 1 else 0)
        fill(pal + first, up(address + memory) - first, kind, bytes(address - first) + data)
    if not edmm:
        out.extend((a, REG | R | W | X, None) for a in range(HEAP_MIN, pal, PAGE))
    return out


def main(folder):
    cases = []
    (folder / "libpal.so").write_bytes(libpal()[0])

    def write(name, text, size, threads, edmm, sign=None, state="computed", problems=()):
        manifest = text.encode()
        (folder / (name + ".manifest.sgx")).write_bytes(manifest)
        listed = pages(manifest, size, threads, edmm)
        value = mrenclave(4, size, listed)
        executable = sum(flags & X != 0 and content is None for _, flags, content in listed)
        case = {"file": name + ".manifest.sgx", "libpal": "libpal.so", "state": state, "mrenclave": value.hex(),
                "problems": list(problems), "warnings": (["%d executable pages" % executable] if executable else []) +
                ["measured as Gramine 1.9 does"],
                "inputs": {"enclave_size": size, "ssa_frame_size": 4, "pages_eadd": len(listed),
                           "pages_eextend": sum(c is not None for _, _, c in listed), "threads": threads, "edmm": edmm}}
        if sign:
            (folder / (name + ".sig")).write_bytes(sign(value))
            case["sig"] = name + ".sig"
        cases.append(case)

    text = '[sgx]\nenclave_size = "%s"\nmax_threads = %d\n%strusted_files = [{uri = "file:app", sha256 = "' + "0123456789abcdef" * 4 + '"}]\n'
    write("plain", text % ("4M", 2, "edmm_enable = false\n"), 4 << 20, 2, False)
    write("edmm", text % ("64G", 1, "edmm_enable = true\n"), 64 << 30, 1, True)
    dotted = 'libos.entrypoint = "app"\nsgx.enclave_size = "0x200000"\nsgx.max_threads = 1\n'
    write("signed", dotted, 2 << 20, 1, False, sign=sigstruct, state="equal")
    # One byte fewer than a page: with the NUL behind it a whole one. And a page, for which the NUL needs another.
    comment = dotted + "#" * (PAGE - 1 - len(dotted))
    write("fills-a-page", comment, 2 << 20, 1, False)
    write("passes-a-page", comment + "#", 2 << 20, 1, False)
    write("signed-otherwise", dotted + "# changed\n", 2 << 20, 1, False, state="mismatch",
          sign=lambda v: (folder / "signed.sig").read_bytes(), problems=["the code was changed under a valid signature"])
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
