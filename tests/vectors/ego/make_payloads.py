#!/usr/bin/env python3
"""Writes small base enclaves, payloads and modules as EGo and Open Enclave have them, and cases.json with what those
that are loaded together measure to.

usage: make_payloads.py FOLDER

The oracle is not this file, which knows nothing of what a loader does: the values in MEASURED are those of Open
Enclave 0.19 with Edgeless RT's patch (edgelessrt after 0.5.2, commit 06e032ea), its own loader, which measured the files
that are written here. Where there is no base enclave, they are those of Open Enclave 0.19 without the patch (commit
e2da405b), likewise. Signatures are made as in ../sgx/make_enclaves.py.
"""
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sgx"))
from make_enclaves import PAGE, code, sigstruct, u64, up  # noqa: E402

MEASURED = {
    ("plain", "base"): "6486e29f4abde292d744a9cc9d1bad26b36866c416db289c77003326cc07b6bc",
    ("plain", "other-base"): "2f33862f82cbc8178c7932e23a8b7c49110c2b423b5615e1a3e2c9fe343e92e0",
    ("long", "base"): "2ade8a87d991bb4acee6afe0a274ce5f822010d2be680eb5d00592344bebc631",
    ("bare", "base"): "3b8db74fe48bcf54e0d84c597dfbe8e9dc8c1725f89e503263a305911885a806",
    ("executable-heap", "base"): "313247e74e376159289987f638264d55e535166328b95fd1746d960078d67574",
    ("unsigned", "base"): "1fe1399e55e947380983c038018ca9e07a343c7ed07734a3a9b4c3d0f3507a31",
    ("code-changed", "base"): "93a81c27824264eab4146ed4277df7486758bc11b10b676a0cb5426fc92457f8",
    ("with-module", "needing-base"): "adfba34165146c1a7c64f7f31f3731c15c66c02e0d21da9e9ce54b38af641076",
    ("image-with-module", None): "ca509e26c432ac084bde6ae373f4b5e70138b6deecfc26a2ea5f41bd377242fd",
}

ABS, GLOB_DAT, JUMP_SLOT, RELATIVE, TPOFF = 1, 6, 7, 8, 18
LOCAL, GLOBAL, WEAK = 0, 1, 2
DATA, FUNCTION, THREAD = 1, 2, 6
OEINFO = 0x3000
# In this order in the file, each at its address in memory but for the last two.
NAMES = (".text", ".dynsym", ".dynstr", ".rela.dyn", ".rela.plt", ".oeinfo", ".tdata", ".tbss", ".init_array",
         ".fini_array", ".dynamic", ".data", ".strings")


def properties(flags=0, heap=3, stack=2, threads=2, signature=bytes(1808), valid=True):
    if not valid:  # what Open Enclave writes where the author set nothing
        heap = stack = threads = 0xFFFF
    return struct.pack("<IIQQQHHI16s16sQQQ6Q", 1960, 2, heap, stack, threads, 3 if valid else 0xFFFF, 2 if valid else 0xFFFF,
                       flags, bytes(16), bytes(16), 4, 3, 0, *[0] * 6) + signature + b"\xec" * 8


class Program:
    """An ELF file of three segments: code, .oeinfo, and data with zeros behind it."""

    def __init__(self, name, symbols, relocations, plt=(), *, oeinfo, tdata=b"", tbss=0, tbss_align=32, arrays=True,
                 needed=(), runpath=False, zeros=0x1800, appended=b""):
        self.name, self.symbols, self.relocations, self.plt, self.oeinfo = name, symbols, relocations, plt, oeinfo
        self.tdata, self.tbss, self.tbss_align, self.arrays = tdata, tbss, tbss_align, arrays
        self.needed, self.runpath, self.zeros, self.appended = needed, runpath, zeros, appended

    def index(self, name):
        return 0 if name is None else next(i + 1 for i, s in enumerate(self.symbols) if s[0] == name)

    def strings(self):
        return b"\0" + b"".join(s[0].encode() + b"\0" for s in self.symbols) + b"libc.so.6\0libmodule.so\0$ORIGIN\0"

    def file(self):
        strings = self.strings()
        at = lambda name: strings.index(b"\0" + name.encode() + b"\0") + 1
        symbols = bytes(24) + b"".join(struct.pack("<IBBHQQ", at(name), binding << 4 | kind, 0, section, value, size)
                                       for name, binding, kind, section, value, size in self.symbols)
        rela = lambda rows: b"".join(struct.pack("<QQq", where, (self.index(symbol) << 32) | kind, addend)
                                     for where, kind, symbol, addend in rows)
        data = OEINFO + up(len(self.oeinfo))
        content = {".text": code(self.name, 300), ".dynsym": symbols, ".dynstr": strings, ".rela.dyn": rela(self.relocations),
                   ".rela.plt": rela(self.plt), ".oeinfo": self.oeinfo, ".tdata": self.tdata, ".tbss": b"",
                   ".init_array": u64(0x220) if self.arrays else b"", ".fini_array": u64(0x240) * 2 if self.arrays else b"",
                   ".data": code(self.name + " data", 0x300)}
        # First an approximation, for the addresses that the dynamic section holds.
        for _ in range(2):
            place, where = {}, 0x200
            for name in NAMES[:5]:
                place[name], where = where, up(where + len(content[name]), 16)
            assert where <= OEINFO
            code_end, place[".oeinfo"], where = where, OEINFO, data + 0xF80
            for name in (".tdata", ".init_array", ".fini_array", ".dynamic", ".data"):
                place[name], where = where, up(where + len(content.get(name, b"")), 16)
            dynamic = [(1, at(n)) for n in self.needed] + [(29, at("$ORIGIN"))] * self.runpath + [
                (12, 0x220), (0x6FFFFEF5, place[".dynsym"]), (5, place[".dynstr"]), (6, place[".dynsym"]), (10, len(strings)),
                (11, 24), (3, place[".data"]), (2, len(content[".rela.plt"])), (20, 7), (23, place[".rela.plt"]),
                (7, place[".rela.dyn"]), (8, len(content[".rela.dyn"])), (9, 24), (0x6FFFFFF0, place[".dynstr"]),
                (0x6FFFFFF9, 1), (0, 0), (6, 0x1234)]  # the last is behind the end
            content[".dynamic"] = b"".join(struct.pack("<QQ", *d) for d in dynamic)
        data_begin, data_end = data + 0xF80, where
        place[".tbss"] = place[".tdata"] + len(self.tdata)
        # Offsets are addresses up to the data, which stands in the file where its address is in the page.
        body = bytearray(data_end)
        for name in NAMES[:-1]:
            body[place[name]:place[name] + len(content[name])] = content[name]
        names = b"\0" + b"".join(n.encode() + b"\0" for n in NAMES)
        strings_at = len(body)
        body += names + bytes(-(len(body) + len(names)) % 8)
        rows = [(0,) * 9]
        kinds = {".dynsym": (11, 24), ".dynstr": (3, 0), ".rela.dyn": (4, 24), ".rela.plt": (4, 24), ".tbss": (8, 0),
                 ".init_array": (14, 8), ".fini_array": (15, 8), ".dynamic": (6, 16)}
        present = [n for n in NAMES if n in (".strings", ".tbss") or content.get(n)]
        present = [n for n in present if n != ".tbss" or self.tbss]
        for name in present:
            kind, entry = kinds.get(name, (1, 0))
            size = self.tbss if name == ".tbss" else len(names) if name == ".strings" else len(content[name])
            address = 0 if name == ".strings" else place[name]
            link = present.index(".dynstr") + 1 if name in (".dynsym", ".dynamic") else 2 if kind == 4 else 0
            align = self.tbss_align if name == ".tbss" else 8
            rows.append((names.index(name.encode() + b"\0"), 3 if name == ".strings" else kind, address,
                         strings_at if name == ".strings" else place[name], size, link, align, entry, 0))
        table = len(body)
        for n, kind, address, offset, size, link, align, entry, _ in rows:
            body += struct.pack("<IIQQQQIIQQ", n, kind, 0, address, offset, size, link, 0, align, entry)
        tls = [(7, 4, place[".tdata"], place[".tdata"], len(self.tdata), len(self.tdata) + self.tbss, 16)]
        headers = [(1, 5, 0, 0, code_end, code_end, PAGE),
                   (1, 4, OEINFO, OEINFO, len(self.oeinfo), len(self.oeinfo), PAGE),
                   (1, 6, data_begin, data_begin, data_end - data_begin, data_end - data_begin + self.zeros, PAGE)]
        headers += tls if self.tdata or self.tbss else []
        headers += [(2, 6, place[".dynamic"], place[".dynamic"], *[len(content[".dynamic"])] * 2, 8)]
        body[:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0x200, 64, table, 0, 64, 56, len(headers), 64,
                                len(rows), len(rows) - 1)
        for i, (kind, flags, offset, address, size, memory, align) in enumerate(headers):
            struct.pack_into("<IIQQQQQQ", body, 64 + 56 * i, kind, flags, offset, address, 0, size, memory, align)
        assert 64 + 56 * len(headers) <= 0x200
        return bytes(body + self.appended)


# Where a base enclave's variables are: its data begins at 0x4f80 and has zeros from about 0x5400 to 0x6c00.
BASE_DATA, BASE_ZEROS = 0x5100, 0x5800


def base(seed="base", reserved=128, tdata=code("base thread", 40), tbss=0x1100, oeinfo=properties(valid=False), **more):
    symbol = lambda name, value, size=8: (name, GLOBAL, DATA, 1, value, size)
    symbols = [
        symbol("_enclave_rva", BASE_ZEROS), symbol("_reloc_rva", BASE_ZEROS + 8), symbol("_reloc_size", 0x5FFC),
        symbol("_tdata_rva", BASE_ZEROS + 24), symbol("_tdata_size", BASE_ZEROS + 32), symbol("_tdata_align", BASE_ZEROS + 40),
        symbol("_tbss_size", BASE_ZEROS + 48), symbol("_tbss_align", BASE_ZEROS + 56),
        symbol("_td_from_tcs_offset", BASE_ZEROS + 64),
        symbol("_module_info", 0x5FE0, 144),  # across two pages, and across the page's end in one of its fields
        ("ert_reserved_tls", GLOBAL, THREAD, 1, 0x1000, reserved), ("base_variable", GLOBAL, THREAD, 1, 0x10, 8),
        ("puts", GLOBAL, FUNCTION, 1, 0x300, 16), ("both", GLOBAL, FUNCTION, 1, 0x310, 16),
        ("main", GLOBAL, FUNCTION, 0, 0, 0),        # of the payload
        ("twice", GLOBAL, FUNCTION, 0, 0, 0), ("twice", GLOBAL, FUNCTION, 1, 0x320, 16),  # so the first is what counts
        ("nowhere", WEAK, 0, 0, 0, 0), ("maybe", WEAK, 0, 0, 0, 0)]
    relocations = [
        (BASE_DATA, RELATIVE, None, 0x300), (BASE_DATA + 8, ABS, "puts", 5), (BASE_DATA + 16, ABS, "main", -3),
        (BASE_DATA + 24, GLOB_DAT, "main", 77), (BASE_DATA + 32, GLOB_DAT, "nowhere", 7), (BASE_DATA + 40, TPOFF, "base_variable", 9),
        (BASE_DATA + 48, ABS, "twice", 1), (BASE_DATA + 56, GLOB_DAT, "maybe", 0), (BASE_DATA + 64, ABS, "nowhere", 11)]
    return Program(seed, symbols, relocations, [(BASE_DATA + 72, JUMP_SLOT, "both", 1), (BASE_DATA + 80, JUMP_SLOT, "main", 2)],
                   oeinfo=oeinfo, tdata=tdata, tbss=tbss, tbss_align=64, arrays=False, **more)


def payload(configuration=b"", signature=bytes(1808), seed="payload", tdata=code("payload thread", 24), tbss=40, rows=0,
            offset=None, plt=True, **settings):
    """With `rows` more relocations, so that those of all do not fit in one page."""
    symbols = [
        ("main", GLOBAL, FUNCTION, 1, 0x210, 32), ("both", GLOBAL, FUNCTION, 1, 0x218, 8), ("maybe", WEAK, FUNCTION, 1, 0x21C, 8),
        ("own", GLOBAL, FUNCTION, 1, 0x220, 8), ("puts", GLOBAL, FUNCTION, 0, 0, 0), ("own_variable", LOCAL, THREAD, 1, 0x18, 8),
        ("twice", GLOBAL, FUNCTION, 1, 0x228, 8), ("nowhere", WEAK, 0, 0, 0, 0), ("_enclave_rva", GLOBAL, DATA, 0, 0, 0)]
    at = 0x5100
    relocations = [
        (at, RELATIVE, None, 0x210), (at + 8, ABS, "own", 4), (at + 16, ABS, "puts", -1), (at + 24, GLOB_DAT, "puts", 99),
        (at + 32, GLOB_DAT, "nowhere", 3), (at + 40, TPOFF, "own_variable", 1), (at + 48, ABS, "both", 0),
        (at + 56, RELATIVE, None, -0x10), (at + 64, GLOB_DAT, "_enclave_rva", 0)]
    relocations += [(at + 0x100 + 8 * i, RELATIVE, None, 0x200 + i) for i in range(rows)]
    extended = lambda where: (properties(signature=signature, **settings).ljust(0x800, b"\0") + u64(where) +
                              u64(len(configuration))).ljust(PAGE, b"\0")
    make = lambda where: Program(seed, symbols, relocations, [(at + 72, JUMP_SLOT, "puts", 3)] if plt else [], oeinfo=extended(where),
                                 tdata=tdata, tbss=tbss, needed=("libc.so.6",), runpath=True, appended=configuration, arrays=plt)
    size = len(make(0).file()) - len(configuration)
    return make((size if configuration else 0) if offset is None else offset).file()


def module(seed="module"):
    symbols = [
        ("main", GLOBAL, FUNCTION, 1, 0x210, 8), ("twice", GLOBAL, FUNCTION, 1, 0x218, 8), ("maybe", GLOBAL, FUNCTION, 1, 0x220, 8),
        ("nowhere", GLOBAL, FUNCTION, 1, 0x228, 8),  # so only here
        ("puts", GLOBAL, FUNCTION, 0, 0, 0), ("own", WEAK, 0, 0, 0, 0)]  # of the payload, where a module does not look
    at = 0x5200
    relocations = [(at, RELATIVE, None, 0x210), (at + 8, ABS, "puts", 6), (at + 16, GLOB_DAT, "own", 5), (at + 24, ABS, "maybe", 2)]
    # It has a section .oeinfo that means nothing, since all programs here are laid out alike.
    return Program(seed, symbols, relocations, [(at + 32, JUMP_SLOT, "puts", 0)], oeinfo=bytes(64), needed=("libc.so.6",),
                   runpath=True).file()


CONFIGURATION = b'{"exe":"app","key":"private.pem","debug":true,"heapSize":512,"executableHeap":false}'


def main(folder):
    cases = []

    def case(name, enclave="base", behind=None, state="equal", problems=(), warnings=(), **inputs):
        files = {"ego_enclave": enclave} if enclave else {}
        files |= {"module": behind} if behind else {}
        cases.append({"file": name, **files, "state": state, "mrenclave": MEASURED[name, enclave], "problems": list(problems),
                      "warnings": list(warnings), "inputs": inputs})

    def write(name, make, signed_for=None):
        signature = bytes(1808) if signed_for == () else sigstruct(bytes.fromhex(MEASURED[signed_for or (name, "base")]))
        (folder / name).write_bytes(make(signature))

    def changed(make):
        def changed_make(signature):
            out = bytearray(make(signature))
            out[0x210] ^= 1
            return bytes(out)
        return changed_make

    plain = lambda s: payload(CONFIGURATION, s)
    (folder / "base").write_bytes(base().file())
    (folder / "other-base").write_bytes(base(seed="another release").file())
    (folder / "needing-base").write_bytes(base(needed=("libmodule.so",)).file())
    (folder / "libmodule.so").write_bytes(module())
    write("plain", plain)
    case("plain", payload_size=len(CONFIGURATION), heap_pages=3, stack_pages=2, threads=2)
    case("plain", "other-base", state="mismatch", problems=["the code was changed under a valid signature"])
    write("long", lambda s: payload(CONFIGURATION * 60, s, rows=170, threads=1))
    case("long", payload_size=60 * len(CONFIGURATION))
    write("bare", lambda s: payload(b"", s, tdata=b"", tbss=0, plt=False, heap=0, threads=1))
    case("bare", payload_size=0)
    write("executable-heap", lambda s: payload(CONFIGURATION, s, flags=4, threads=1))
    case("executable-heap", warnings=["3 executable pages are not measured"])
    write("unsigned", lambda s: payload(CONFIGURATION, s, threads=1), signed_for=())
    case("unsigned", state="computed", warnings=["not signed yet"])
    write("code-changed", changed(plain), signed_for=("plain", "base"))
    case("code-changed", state="mismatch", problems=["the code was changed under a valid signature"])
    write("with-module", plain, signed_for=("with-module", "needing-base"))
    case("with-module", "needing-base", "libmodule.so")
    write("image-with-module", lambda s: base(needed=("libmodule.so",), oeinfo=properties(signature=s)).file(),
          signed_for=("image-with-module", None))
    case("image-with-module", None, "libmodule.so")
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
