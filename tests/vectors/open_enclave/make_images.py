#!/usr/bin/env python3
"""Writes the small Open Enclave images beside it, and cases.json with what each measures to.

usage: make_images.py FOLDER

The oracle is this file: it knows the memory that it means each image to have, and hashes the records of its pages with
hashlib. It parses nothing, and shares no code with the program. Open Enclave 0.19 (commit e2da405b), its own loader,
measures each of them to the same. Signatures are made as in ../sgx/make_enclaves.py.
"""
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sgx"))
from make_enclaves import PAGE, R, REG, TCS, W, X, code, mrenclave, sigstruct, u64, up  # noqa: E402

GUARD = None
OEINFO, DATA = 0x2000, 0x4F80
NAMES = b"\0.text\0.oeinfo\0.tdata\0.tbss\0.dynsym\0.dynstr\0.rela.dyn\0.rela.plt\0.dynamic\0.shstrtab\0"


class Image:
    def __init__(self, *, heap=3, stack=2, threads=2, start=0, flags=0, tdata=24, tbss=0x1100, kss=False, needed=False,
                 oeinfo_size=1960, payload=b""):
        self.heap, self.stack, self.threads, self.start = heap, stack, threads, start
        self.flags = flags | (2 if start else 0)
        self.tdata, self.tbss, self.needed, self.oeinfo_size, self.payload = tdata, tbss, needed, oeinfo_size, payload
        self.attributes = 0x84 if kss else 4
        self.family, self.product = (b"family of sixteen"[:16], b"product sixteen!") if kss else (bytes(16), bytes(16))
        # One in the file's bytes, one across the end of a page of zeros, one in zeros, and one that nobody asks for.
        self.symbols = {"_enclave_rva": DATA + 0x40, "_reloc_rva": 0x5FFC, "_reloc_size": 0x7008, "_tdata_rva": DATA + 0x48,
                        "_tdata_size": DATA + 0x50, "_tdata_align": DATA + 0x58, "_tbss_size": 0x7010,
                        "_tbss_align": 0x7018, "_td_from_tcs_offset": 0x7020, "_other": DATA + 0x60}
        self.relocations = [(DATA + 0x68, 8, 0, 0x1100), (DATA + 0x70, 18, 11, 0), (DATA + 0x78, 6, 0, 0)]
        self.plt = [(DATA + 0x7C, 7, 3, -1)]

    def properties(self, signature, info=(0, 0, 0, 0, 0, 0)):
        p = struct.pack("<IIQQQHHI16s16sQQQ6Q", 1960, 2, self.heap, self.stack, self.threads, 3, 2, self.flags, self.family,
                        self.product, self.attributes, 3, self.start, *info) + signature + b"\xec" * 8
        p = p.ljust(0x800, b"\0")
        p += u64(self.file_size) + u64(len(self.payload)) if self.oeinfo_size > 0x800 else b""
        return p[:self.oeinfo_size].ljust(self.oeinfo_size, b"\0")

    file_size = 0

    def file(self, signature):
        """The file, and its segments as (address, bytes, size in memory, flags of ELF)."""
        strings = b"\0" + b"".join(name.encode() + b"\0" for name in self.symbols) + b"variable\0libmodule.so\0"
        symbols = bytes(24)
        for name, value in self.symbols.items():
            symbols += struct.pack("<IBBHQQ", strings.index(b"\0" + name.encode() + b"\0") + 1, 0x11, 0, 1, value, 8)
        symbols += struct.pack("<IBBHQQ", strings.index(b"\0variable\0") + 1, 0x16, 0, 1, 0x10, 8)  # thread-local
        rela = lambda rows: b"".join(struct.pack("<QQq", at, symbol << 32 | kind, addend) for at, kind, symbol, addend in rows)
        dynamic = [(5, 0x1800), (6, 0x1000)] + ([(1, strings.index(b"\0libmodule.so\0") + 1)] if self.needed else []) + [(0, 0)]

        # The text segment is the file from its first byte; what follows it in the file is at the same address.
        body = bytearray(64 + 56 * 5)
        def place(data, at=None):
            if at is not None:
                body.extend(bytes(at - len(body)))
            body.extend(data)
            return len(body) - len(data)
        text = place(code("open enclave", 300), 0x200)
        dynstr = place(strings, 0x1800)
        text_size = len(body)
        oeinfo = place(self.properties(signature), OEINFO)
        data = place(code("data", 0x100), OEINFO + up(self.oeinfo_size, 0x80) + 0x80)
        body.extend(bytes(-len(body) % 8))
        dynsym, rela_dyn, rela_plt = place(symbols), place(rela(self.relocations)), place(rela(self.plt))
        dyn = place(b"".join(struct.pack("<QQ", *d) for d in dynamic))
        names = place(NAMES)
        body.extend(bytes(-len(body) % 8))
        sections = [(0, 0, 0, 0, 0, 0, 0)]
        for name, kind, address, at, size, link, align in (
                (".text", 1, text, text, 300, 0, 16), (".oeinfo", 1, OEINFO, oeinfo, self.oeinfo_size, 0, 8),
                (".tdata", 1, DATA, data, self.tdata, 0, 8), (".tbss", 8, DATA + self.tdata, 0, self.tbss, 0, 64),
                (".dynsym", 11, 0, dynsym, len(symbols), 6, 8), (".dynstr", 3, 0x1800, dynstr, len(strings), 0, 1),
                (".rela.dyn", 4, 0, rela_dyn, 24 * len(self.relocations), 5, 8),
                (".rela.plt", 4, 0, rela_plt, 24 * len(self.plt), 5, 8),
                (".dynamic", 6, 0, dyn, 16 * len(dynamic), 6, 8), (".shstrtab", 3, 0, names, len(NAMES), 0, 1)):
            if size or name not in (".tdata", ".tbss"):
                sections.append((NAMES.index(name.encode() + b"\0"), kind, address, at, size, link, align))
        # .dynstr is found by its index, which moves with the sections before it.
        index = next(i for i, s in enumerate(sections) if s[0] == NAMES.index(b".dynstr\0"))
        sections = [s if s[1] != 11 else s[:5] + (index,) + s[6:] for s in sections]
        shoff = place(b"".join(struct.pack("<IIQQQQIIQQ", n, k, 0, a, o, s, l, 0, g, 24 if k in (4, 11) else 0)
                               for n, k, a, o, s, l, g in sections))
        self.file_size = len(body)
        body.extend(self.payload)
        headers = [(1, 5, 0, 0, text_size, text_size, PAGE), (1, 4, oeinfo, OEINFO, self.oeinfo_size, self.oeinfo_size, PAGE),
                   (1, 6, data, DATA, 0x100, 0x2100, PAGE), (7, 4, data, DATA if self.tdata else 0, self.tdata,
                   self.tdata + self.tbss, 16), (2, 6, dyn, 0, 16 * len(dynamic), 16 * len(dynamic), 8)]
        body[:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, text, 64, shoff, 0, 64, 56, len(headers), 64,
                                len(sections), len(sections) - 1)
        for i, (kind, flags, at, address, size, memory, align) in enumerate(headers):
            struct.pack_into("<IIQQQQQQ", body, 64 + 56 * i, kind, flags, at, address, 0, size, memory, align)
        segments = [(h[3], bytes(body[h[2]:h[2] + h[4]]), h[5], h[1]) for h in headers if h[0] == 1]
        return bytes(body), segments

    def pages(self):
        """(offset, flags, content) of each page, and SECS.SIZE."""
        self.file(bytes(1808))  # for the place of the payload
        out, segments = self.file(bytes(1808))
        size = up(max(address + memory for address, _, memory, _ in segments))
        relocations = [list(r) for r in self.relocations + self.plt]
        relocations[1][3] = 0x10  # what the symbol says
        relocations = b"".join(struct.pack("<QQq", at, s << 32 | kind, addend) for at, kind, s, addend in relocations)
        reloc_size = up(len(relocations))
        tls = up(up(self.tdata, 16) + up(self.tbss, 64)) // PAGE
        thread = 1 + self.stack + 1 + 4 + tls + 1
        end = size + reloc_size + (self.heap + self.threads * thread) * PAGE
        pow2 = lambda n: 1 << (n - 1).bit_length()

        memory = bytearray(size)
        for address, data, _, _ in segments:
            memory[address:address + len(data)] = data
        # Signing writes its own values there; these are the loader's.
        info = (OEINFO, 1960, size, reloc_size, size + reloc_size, pow2(end))
        memory[OEINFO:OEINFO + self.oeinfo_size] = self.properties(bytes(1808), info)
        for name, value in (("_enclave_rva", self.symbols["_enclave_rva"]), ("_reloc_rva", size), ("_reloc_size", reloc_size),
                            ("_tdata_rva", DATA if self.tdata else None), ("_tdata_size", self.tdata or None),
                            ("_tdata_align", 16 if self.tdata else None), ("_tbss_size", self.tbss or None),
                            ("_tbss_align", 64 if self.tbss else None), ("_td_from_tcs_offset", (tls + 4) * PAGE)):
            if value is not None:
                struct.pack_into("<Q", memory, self.symbols[name], value)

        pages, at = [], 0
        for address, _, length, flags in segments:
            first = address // PAGE * PAGE
            kind = REG | (R if flags & 4 else 0) | (W if flags & 2 else 0) | (X if flags & 1 else 0)
            pages += [(p, kind, bytes(memory[p:p + PAGE])) for p in range(first, up(address + length), PAGE)]
        at = size
        def add(kind, content):
            nonlocal at
            if content is not GUARD:
                pages.append((at, kind, content(at) if callable(content) else content))
            at += PAGE
        for i in range(0, reloc_size, PAGE):
            add(REG | R, relocations[i:i + PAGE].ljust(PAGE, b"\0"))
        for _ in range(self.heap):
            pages.append((at, REG | R | W, None))
            at += PAGE
        entry = 0x200
        for _ in range(self.threads):
            add(0, GUARD)
            for _ in range(self.stack):
                add(REG | R | W, b"\xcc" * PAGE)
            add(0, GUARD)
            data = (tls + 4) * PAGE
            add(TCS, lambda a: struct.pack("<QQQIIQQQQII", 0, 0, self.start + a + PAGE, 0, 2, self.start + entry, 0,
                                           self.start + a + data, self.start + a + data, 0xFFFFFFFF,
                                           0xFFFFFFFF).ljust(PAGE, b"\0"))
            add(REG | R | W, bytes(PAGE))
            add(REG | R | W, bytes(PAGE))
            add(0, GUARD)
            for _ in range(tls + 1):
                add(REG | R | W, bytes(PAGE))
        assert at == end
        return [(a + self.start, f, c) for a, f, c in pages], pow2(end + self.start)

    def measure(self):
        pages, size = self.pages()
        return mrenclave(1, size, pages), pages, size


def main(folder):
    cases = []

    def write(name, image, state="equal", change=None, problems=(), warnings=(), sign=sigstruct, signed=True):
        value, pages, size = image.measure()
        out = bytearray(image.file(sign(value) if signed else bytes(1808))[0])
        if change:
            change(out)
        (folder / name).write_bytes(out)
        case = {"file": name, "state": state, "mrenclave": value.hex(), "problems": list(problems), "warnings": list(warnings)}
        if state != "embedded":
            case["inputs"] = {"enclave_size": size, "pages_eadd": len(pages),
                              "pages_eextend": sum(c is not None for _, _, c in pages)}
        cases.append(case)

    def flip(at):
        def change(out):
            out[at] ^= 1
        return change

    write("plain", Image())
    write("no-thread-data", Image(tdata=0, tbss=0, heap=0, threads=1, stack=1))
    write("zero-base", Image(start=0x20000))
    write("no-threads", Image(threads=0, heap=1))
    write("kss", Image(kss=True, threads=1), warnings=[
        "the measured properties in .oeinfo differ from SIGSTRUCT in isv_family_id (\"" + b"family of sixteen"[:16].hex()])
    write("debug", Image(threads=1), sign=lambda v: sigstruct(v, attributes=6), warnings=["a debug enclave"])
    write("unsigned", Image(threads=1), state="computed", signed=False, warnings=["not signed yet"])
    write("hash-changed", Image(threads=1), state="mismatch", change=flip(OEINFO + 144 + 960),
          problems=["the embedded hash was changed"])
    write("another-version", Image(threads=1), sign=lambda v: sigstruct(v, svn=1),
          warnings=["the measured properties in .oeinfo differ from SIGSTRUCT in isvsvn (2, not 1)"])
    # Not a base enclave's value, as nobody recomputes it: that of the payload by itself, so that it is a hash of something.
    write("ego", Image(oeinfo_size=PAGE, payload=b'{"exe": "app"}'), state="embedded", warnings=["not recomputed"])
    write("ego-forged", Image(oeinfo_size=PAGE, payload=b'{"exe": "app"}'), state="mismatch",
          sign=lambda v: sigstruct(v)[:700] + b"\1" + sigstruct(v)[701:], problems=["the signature is forged"],
          warnings=["not recomputed"])
    del cases[-1]["inputs"]
    (folder / "needs-module").write_bytes(Image(needed=True, threads=1).file(sigstruct(bytes(32)))[0])
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
