#!/usr/bin/env python3
"""Writes an unsigned SGX enclave, configurations for it, and cases.json with what each pair measures to.

usage: make_configured.py FOLDER

The oracle is this file: for each configuration it states the regions of the enclave by hand, from specs/tee/sgx.md, and
hashes the records of their pages with hashlib. It reads no XML and shares no code with the program.
"""
import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sgx"))
from make_enclaves import EADD, EEXTEND, PAGE, R, REG, TCS, W, X, Segment, code, mrenclave, pages_of, u64, up

EREMOVE, POST_ADD, POST_REMOVE, DYN, DOWN = 4, 8, 0x10, 0x20, 0x40
RW = REG | R | W
ENTRY, TLS = 0x1234, 0x1100  # two pages of thread-local storage
GLOBAL_AT = 0x3040


def image():
    """The file, its segments, and where in the file each of them stands."""
    segments = [Segment(0, bytes(0x400) + code("configured", 0x1000), 0x1400, 5),
                Segment(0x3000, code("data", 64) + u64((2 << 32) | (26 << 16) | 100) + code("linked", 1760) + b"end",
                        0x1900, 6)]
    strings, names = b"\0g_global_data\0enclave_entry\0", b"\0.dynstr\0.dynsym\0.note.sgxmeta\0.shstrtab\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 1, GLOBAL_AT, 1768)
    symbols += struct.pack("<IBBHQQ", 15, 0x12, 0, 1, ENTRY, 16)
    note = struct.pack("<III", 13, 64, 1) + b"sgx_metadata\0" + bytes(64)
    body = bytearray(segments[0].data)
    place = lambda data: (len(body), body.extend(data))[0]
    offsets = [0, place(segments[1].data)]
    dynamic = place(bytes(16))
    sections = [bytes(64)]
    for name, kind, address, data, link in ((".dynstr", 3, 0x7000, strings, 0), (".dynsym", 11, 0x7100, symbols, 1),
                                            (".note.sgxmeta", 7, 0, note, 0), (".shstrtab", 3, 0, names, 0)):
        sections.append(struct.pack("<IIQQQQIIQQ", names.index(name.encode()), kind, 0, address, place(data), len(data),
                                    link, 0, 1, 0))
    sections_at = place(b"".join(sections))
    body[:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, ENTRY, 64, sections_at, 0, 64, 56, 4, 64,
                            len(sections), len(sections) - 1)
    headers = [(1, s.flags, at, s.vaddr, 0, len(s.data), s.size, PAGE) for s, at in zip(segments, offsets)]
    headers += [(7, 4, 0, 0x4000, 0, 0, TLS - 16, 64), (2, 6, dynamic, 0x7300, 0, 16, 16, 8)]
    body[64:64 + 56 * 4] = b"".join(struct.pack("<IIQQQQQQ", *h) for h in headers)
    return bytes(body), segments, offsets


class Plan:
    """The regions of an enclave, in the order of their addresses; they begin behind the segments."""

    def __init__(self, ssa=1, tcs_at=1904, delta=0, flags=0):
        self.at, self.rows, self.pages = up(0x3000 + 0x1900), [], []
        self.ssa, self.tcs_at, self.delta, self.flags = ssa, tcs_at, delta, flags
        self.first = {}

    def region(self, kind, attributes, count, flags=RW, word=0, content=0):
        self.rows.append(struct.pack("<HHIQIIQ", kind, attributes, count, self.at, word, content, flags))
        self.first.setdefault(kind, self.at)
        self.add(kind, attributes, count, self.at, flags, word)
        self.at += count * PAGE

    def add(self, kind, attributes, count, at, flags, word):
        for address in range(at, at + count * PAGE, PAGE) if attributes & EADD else ():
            page = struct.pack("<I", word) * 1024 if kind != 4 else self.tcs(address).ljust(PAGE, b"\0")
            self.pages.append((address + self.delta, flags, page if attributes & EEXTEND else None))

    def tcs(self, address=0):
        save, data = PAGE, (1 + 2 * self.ssa + 16 + 2) * PAGE  # from the TCS
        own = [address + self.delta + n for n in (save, data)]
        return struct.pack("<QQQIIQQQQII", 0, self.flags, own[0], 0, 2, ENTRY + self.delta, 0, own[1], own[1],
                           0xFFFFFFFF, 0xFFFFFFFF)

    def thread(self, stack, more=0, dynamic=False, first=False):
        """stack: pages (that may grow, always there). Returns how to do it again elsewhere."""
        begin = self.at
        measured, plus = (POST_ADD | DYN, 10) if dynamic else (EADD | EEXTEND | more, 0)
        self.region(10, 0, 16, 0)
        if stack[0]:
            grows = POST_ADD | DOWN if dynamic else measured | DOWN | (POST_ADD | POST_REMOVE if first else 0)
            self.region(7 + plus, grows, stack[0], RW, 0xCCCCCCCC)
        self.region(8 + plus, measured, stack[1], RW, 0xCCCCCCCC)
        self.region(10, 0, 16, 0)
        self.region(4 + plus, measured, 1, TCS, 72, self.tcs_at)
        self.region(6 + plus, measured, 2 * self.ssa)
        self.region(10, 0, 16, 0)
        self.region(5 + plus, measured, 3)
        return begin

    def again(self, kind, entries, times):
        """The last `entries` rows, `times` times more."""
        rows = [struct.unpack("<HHIQIIQ", r) for r in self.rows[-entries:]]
        step = sum(r[2] for r in rows) * PAGE
        self.rows.append(struct.pack("<HHIQ16x", kind, entries, times, step))
        for _ in range(times):
            for k, attributes, count, _, word, _, flags in rows:
                self.add(k, attributes, count, self.at, flags, word)
                self.at += count * PAGE

    def measure(self, heap, threads, policy=1, stack=2, xsave=2688, reserved=(0, 0, 0), elrange=(0, 0, 0), overhead=0,
                fips=0):
        """SIZE and MRENCLAVE; threads: the most, and from the start; stack: most pages of one."""
        size = 1 << (self.at - 1).bit_length()
        if size != self.at:
            self.region(10, 0, (size - self.at) // PAGE, 0)
        here = self.first[4]
        save, data = self.first[6] - here, self.first[5] - here + 2 * PAGE
        top = self.first[8] + 2 * PAGE - here
        signed = lambda n: n % 2**64
        thread = [data, signed(top), signed(top), signed(top - stack * PAGE), save + self.ssa * PAGE - 184, 0, 0, xsave,
                  0, 0, 0, save, 0, data - TLS, data + 104] + [0] * 9
        words = [0, size, self.first[1], heap, *reserved, policy, *threads]
        layout = b"".join(self.rows).ljust(43 * 32, b"\0")
        new = struct.pack("<10Q", *words) + struct.pack("<24Q", *thread) + self.tcs()
        new += struct.pack("<II", len(self.rows), 0) + layout + struct.pack("<4QII", *elrange, overhead, fips, 0)
        assert len(new) == 1768
        body, segments, offsets = image()
        body = bytearray(body)
        body[offsets[1] + 64:offsets[1] + 64 + 1768] = new
        body[40:48], body[60:64] = bytes(8), bytes(4)
        pages = []
        for s, at in zip(segments, offsets):
            for address, flags, page in pages_of(s.vaddr, bytes(body[at:at + len(s.data)]), s.size, s.si_flags()):
                pages.append((address + self.delta, flags, page))
        pages += self.pages
        return pages, mrenclave(self.ssa, elrange[2] or size, pages)


def static():
    """It ends where an enclave of 2^18 bytes does: nothing is left to guard."""
    p = Plan()
    p.region(1, EADD, 3)
    p.thread((0, 2))
    return p.measure(3 * PAGE, (1, 1))


def threads():
    """One more kept, two removed after loading, and room for four made later: the tool counts one too many."""
    p = Plan(ssa=3, tcs_at=1904 + 24, delta=0x400000, flags=2)
    p.region(1, EADD, 1)
    p.region(2, EADD | POST_ADD | POST_REMOVE, 1)
    p.region(3, POST_ADD, 2)
    p.thread((2, 2), first=True)
    p.thread((2, 2))
    p.thread((2, 2), EREMOVE)
    p.again(0x1009, 8, 1)
    p.thread((2, 2), dynamic=True)
    p.again(0x1013, 8, 3)
    p.region(20, EADD, 1, RW | X)
    p.first["reserved"] = p.at - PAGE
    p.region(21, EADD | POST_ADD | POST_REMOVE, 1, RW | X)
    p.region(22, POST_ADD, 1)
    # Nodes of 80 bytes, bit arrays of 32 and their bits of 16 each: small regions take 128 bytes.
    node, region = 80, 80 + 32 + 16
    thread = 3 * node + 5 * region
    book = 3 * region + 3 * region + thread * 6 + 8 * node * 3 + 2 * region + node
    overhead = up(book + 32, 0x10000)
    p.region(23, POST_ADD, (overhead + 0x10000) // PAGE)
    return p.measure(2 * PAGE, (5, 4), policy=0, stack=4, xsave=11008, reserved=(p.first["reserved"], 2 * PAGE, 1),
                     elrange=(0x1400000, 0x1000000, 0x1000000), overhead=overhead)


def region():
    """A region that the enclave's own code manages, and room for the signature that the FIPS mode wants."""
    p = Plan(tcs_at=1904 + 16 + 772)
    p.region(1, EADD, 3)
    p.thread((0, 2))
    p.thread((0, 2))
    node, small = 80, 80 + 32 + 16
    thread = 3 * node + 4 * small
    book = small + small + thread * 2 + 7 * node + 2 * small + node
    overhead = up(book + PAGE + 32, 0x10000)
    p.region(23, POST_ADD, (0x200000 + overhead + 0x10000) // PAGE)
    return p.measure(3 * PAGE, (2, 2), overhead=overhead, fips=1)


STATIC = {"StackMaxSize": "0x2000", "HeapMaxSize": "0x3000", "HeapMinSize": "0x3000"}
CONFIGURATIONS = {
    "static": (static, STATIC, ["1.5"]),
    "threads": (threads, {
        "TCSPolicy": 0, "TCSNum": 4, "TCSMaxNum": 5, "TCSMinPool": 1, "StackMaxSize": "0x4000", "HeapMaxSize": "0x4000",
        "HeapInitSize": "0x2000", "ReservedMemMaxSize": "0x3000", "ReservedMemInitSize": "0x2000",
        "ReservedMemMinSize": "0x1000", "ReservedMemExecutable": 1, "EnclaveImageAddress": "0x1400000",
        "ELRangeStartAddress": "0x1000000", "ELRangeSize": "0x1000000", "MiscSelect": 1, "MiscMask": "0xfffffffe",
        "AMX": 1, "EnableAEXNotify": 1}, ["13.3", "11.5"]),
    "region": (region, STATIC | {"TCSNum": 2, "UserRegionSize": "0x200000", "MiscSelect": 1, "EnableIPPFIPS": 1},
               ["3.3"]),
}


def main(folder):
    (folder / "unsigned.so").write_bytes(image()[0])
    cases = []
    for name, (plan, tags, versions) in CONFIGURATIONS.items():
        lines = ["  <%s>%s</%s>\n" % (tag, value, tag) for tag, value in tags.items()]
        (folder / (name + ".xml")).write_text("<EnclaveConfiguration>\n%s</EnclaveConfiguration>\n" % "".join(lines))
        pages, value = plan()
        cases.append({"config": name + ".xml", "mrenclave": value.hex(), "versions": versions, "pages_eadd": len(pages),
                      "pages_eextend": sum(content is not None for _, _, content in pages)})
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
