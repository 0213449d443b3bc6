#!/usr/bin/env python3
"""Writes the small SGX enclaves beside it, and cases.json with what each measures to.

usage: make_enclaves.py FOLDER

The oracle is this file: it knows which pages it means each enclave to have, lists the records for them and hashes the
list with hashlib. It parses nothing, and shares no code with the program. The enclaves are signed with a key that
everyone can compute.
"""
import hashlib
import json
import pathlib
import struct
import sys

PAGE = 4096
R, W, X, TCS, REG = 1, 2, 4, 0x100, 0x200
EADD, EEXTEND, EREMOVE, POST_ADD = 1, 2, 4, 8
MAGIC = 0x86A80294635D0E4C
HEADER = 1904


def prime(name, distance):
    seed = hashlib.shake_256(b"hallmark test key " + name).digest(192)
    return (int.from_bytes(seed, "big") | 3 << 1534 | 1) + distance


P, Q = prime(b"p", 66), prime(b"q", 4668)
N = P * Q
D = pow(3, -1, (P - 1) * (Q - 1))


def up(n, unit=PAGE):
    return (n + unit - 1) // unit * unit


# MRENCLAVE


def record(name, *operands):
    return name.ljust(8, b"\0") + b"".join(operands).ljust(56, b"\0")


def u64(n):
    return struct.pack("<Q", n)


def mrenclave(ssa, size, pages):
    """pages: (offset, flags, content or None) in the order of loading."""
    h = hashlib.sha256(record(b"ECREATE", struct.pack("<I", ssa), u64(size)))
    for offset, flags, content in pages:
        h.update(record(b"EADD", u64(offset), u64(flags)))
        for at in range(0, PAGE if content is not None else 0, 256):
            h.update(record(b"EEXTEND", u64(offset + at)) + content[at:at + 256])
    return h.digest()


def pages_of(address, data, size, flags, relocated=()):
    """Pages of `size` bytes at an address, measured, that begin with `data`; those in `relocated` are writable."""
    first = address // PAGE * PAGE
    raw = b"\0" * (address - first) + data if data else b""
    out = []
    for at in range(0, up(address + max(size, len(data))) - first, PAGE):
        w = W if at < len(raw) and first + at in relocated else 0
        out.append((first + at, flags | w, raw[at:at + PAGE].ljust(PAGE, b"\0")))
    return out


# SIGSTRUCT


def sigstruct(enclavehash, *, prodid=3, svn=2, attributes=4, mask=0xFFFFFFFFFFFFFFFF, date=0x20261122):
    n = N.to_bytes(384, "little")
    header = struct.pack("<12sIII16sI", bytes.fromhex("06000000e100000000000100"), 0, 0, date,
                         bytes.fromhex("01010000600000006000000001000000"), 0).ljust(128, b"\0")
    body = (struct.pack("<III", 0, 0xFFFFFFFF, 0) + bytes(16) + struct.pack("<QQQQ", attributes, 3, mask, 0xFFFFFFFFFFFFFF1B) +
            enclavehash + bytes(16) + bytes(16) + struct.pack("<HH", prodid, svn))
    digest_info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(header + body).digest()
    encoded = int.from_bytes(b"\0\1" + b"\xff" * (384 - 3 - len(digest_info)) + b"\0" + digest_info, "big")
    s = pow(encoded, D, N)
    q1, r = divmod(s * s, N)
    numbers = (x.to_bytes(384, "little") for x in (s, q1, r * s // N))
    signature, q1, q2 = numbers
    out = header + n + struct.pack("<I", 3) + signature + body + bytes(12) + q1 + q2
    assert len(out) == 1808
    return out


# The shared object


class Segment:
    def __init__(self, vaddr, data, size, flags):
        self.vaddr, self.data, self.size, self.flags = vaddr, data, size, flags

    def si_flags(self):
        return REG | (R if self.flags & 4 else 0) | (W if self.flags & 2 else 0) | (X if self.flags & 1 else 0)


def code(name, size):
    return hashlib.shake_256(b"code " + name.encode()).digest(size)


def elf(segments, *, relocations=None, note=b"", version=(2 << 32) | (26 << 16) | 100, appended=b""):
    """The file, the offset where each segment's data stands, and the offset of `appended`.

    Segment 0 begins with the file's own first bytes, so that patches of the ELF header are measured.
    """
    strings = b"\0g_global_data\0"
    dynamic = [(5, 0x7000), (6, 0x7100)]  # DT_STRTAB, DT_SYMTAB
    if relocations is not None:
        dynamic += [(22, 0), (7, 0x7200), (8, 24 * len(relocations))]  # DT_TEXTREL, DT_RELA, DT_RELASZ
    dynamic += [(0, 0)]
    names = b"\0.dynstr\0.dynsym\0.rela.dyn\0.note.sgxmeta\0.shstrtab\0"
    rela = b"".join(struct.pack("<QQq", where, kind, 0) for where, kind in relocations or [])
    global_data = segments[-1].vaddr
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 1, global_data, 8)
    segments[-1].data = u64(version) + segments[-1].data[8:]

    count = len(segments) + 1
    body = bytearray(64 + 56 * count)
    place = lambda data: (len(body), body.extend(data))[0]
    offsets = [0]
    place(segments[0].data[len(body):])
    offsets += [place(s.data) for s in segments[1:]]
    dyn_at = place(b"".join(struct.pack("<QQ", *d) for d in dynamic))
    sections = [(0, 0, 0, 0, 0, 0)]  # name, type, address, offset, size, link
    for name, kind, address, data, link in ((".dynstr", 3, 0x7000, strings, 0), (".dynsym", 11, 0x7100, symbols, 1),
                                            (".rela.dyn", 4, 0x7200, rela, 0), (".note.sgxmeta", 7, 0, note, 0),
                                            (".shstrtab", 3, 0, names, 0)):
        sections.append((names.index(name.encode()), kind, address, place(data), len(data), link))
    appended_at = place(appended)
    shoff = place(b"".join(struct.pack("<IIQQQQIIQQ", n, k, 0, a, o, s, l, 0, 1, 0) for n, k, a, o, s, l in sections))

    body[:64] = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0x1000, 64, shoff, 0, 64, 56, count, 64,
                            len(sections), len(sections) - 1)
    for i, s in enumerate(segments):
        struct.pack_into("<IIQQQQQQ", body, 64 + 56 * i, 1, s.flags, offsets[i], s.vaddr, 0, len(s.data), s.size, PAGE)
    struct.pack_into("<IIQQQQQQ", body, 64 + 56 * len(segments), 2, 6, dyn_at, 0x7300, 0, 16 * len(dynamic),
                     16 * len(dynamic), 8)
    return bytes(body), offsets, appended_at


# Metadata


class Metadata:
    """One copy. Layout items are added with the pages that they mean."""

    def __init__(self, version, size, ssa=1, elrange=None):
        self.version, self.size, self.ssa, self.elrange = version, size, ssa, elrange
        self.layout, self.pages, self.since_mark = [], [], []
        self.tcs = struct.pack("<QQQIIQQQQII", 0, 0, PAGE, 0, 2, 0x1000, 0, 5 * PAGE, 5 * PAGE, 0xFFFFFFFF, 0xFFFFFFFF)
        self.zeros_at, self.tcs_at, self.td_at = HEADER, HEADER + 8, HEADER + 80
        self.td = code("thread data", 100)
        self.patches, self.shared_object = [(60, 2), (40, 8), (62, 2)], None

    def tcs_page(self, rva):
        page = bytearray(self.tcs.ljust(PAGE, b"\0"))
        for at in (16, 48, 56):
            struct.pack_into("<Q", page, at, struct.unpack_from("<Q", page, at)[0] + rva)
        return bytes(page)

    def item(self, kind, attributes, count, rva, fill, content_at, flags, content):
        """content(rva of a page, its number): the page's bytes if it is measured."""
        self.layout.append(struct.pack("<HHIQIIQ", kind, attributes, count, rva, fill, content_at, flags))

        def pages(step):
            if not attributes & EADD or flags == 0:
                return []
            at = [rva + step + PAGE * i for i in range(count)]
            return [(a, flags, content(a, i) if attributes & EEXTEND else None) for i, a in enumerate(at)]

        self.pages += pages(0)
        self.since_mark.append(pages)

    def repeat(self, times, step):
        self.layout.append(struct.pack("<HHIQ16x", 0x1009, len(self.since_mark), times, step))
        for t in range(1, times + 1):
            for pages in self.since_mark:
                self.pages += pages(t * step)
        self.since_mark = []

    def mark(self):
        self.since_mark = []

    def zeros(self, kind, attributes, count, rva, flags=REG | R | W):
        self.item(kind, attributes, count, rva, 0, 0, flags, lambda a, i: bytes(PAGE))

    def filled(self, kind, count, rva, word=0xCCCCCCCC):
        self.item(kind, EADD | EEXTEND, count, rva, word, 0, REG | R | W, lambda a, i: struct.pack("<I", word) * 1024)

    def thread(self, rva):
        """Guard, stack, guard, TCS, two SSA frames, guard, thread data; 12 pages."""
        self.zeros(10, 0, 1, rva, 0)
        self.filled(8, 2, rva + PAGE)
        self.zeros(10, 0, 1, rva + 3 * PAGE, 0)
        self.item(4, EADD | EEXTEND, 1, rva + 4 * PAGE, 72, self.tcs_at, TCS, lambda a, i: self.tcs_page(a))
        self.zeros(6, EADD | EEXTEND, 2, rva + 5 * PAGE)
        self.zeros(10, 0, 1, rva + 7 * PAGE, 0)
        self.item(5, EADD | EEXTEND, 2, rva + 8 * PAGE, len(self.td), self.td_at, REG | R | W,
                  lambda a, i: (self.td if i == 0 else b"").ljust(PAGE, b"\0"))

    def encode(self, signature):
        data = bytearray(8) + self.tcs.ljust(72, b"\0") + self.td
        data += bytes(-len(data) % 16)
        place = lambda d: (HEADER + len(data), data.extend(d))[0]
        dirs = []
        patches = b"".join(struct.pack("<QII16x", at, self.zeros_at, n) for at, n in self.patches)
        for table in (patches, b"".join(self.layout)):
            dirs += [place(table), len(table)]
        if self.elrange:
            dirs += [place(struct.pack("<QQQ", *self.elrange)), 24]
        else:
            dirs += [0, 0]
        if self.shared_object:
            so = place(struct.pack("<QQQ8x", *self.shared_object))
            dirs += [place(struct.pack("<IIII", 0x1002, 32, so, 0)), 16]
        else:
            dirs += [0, 0]
        data += bytes(-len(data) % 16)
        major, minor = self.version
        return struct.pack("<QIIIIIIIIQQQ", MAGIC, minor, major, HEADER + len(data), 1, self.ssa, 2632, 0, 1, self.size,
                           4, 3) + signature + struct.pack("<8I", *dirs) + data


def note(copies, room=64):
    data = b"".join(copies) + bytes(room)
    return struct.pack("<III", 13, len(data), 1) + b"sgx_metadata\0" + data


class Enclave:
    """Segments, metadata copies, and what the loader makes of them."""

    def __init__(self, segments, copies, relocations=None, appended=None):
        self.segments, self.copies, self.relocations = segments, copies, relocations
        self.appended = appended  # segments of a second shared object and where it is loaded
        self.sign = lambda m, value: sigstruct(value)
        self.behind = {}  # segment number -> a page of zeros that metadata 1.3 adds before it

    def relocated(self):
        pages = set()
        for where, kind in self.relocations or []:
            if kind != 0:
                pages |= {where // PAGE * PAGE, (where + 7) // PAGE * PAGE}
        return pages

    def file(self, notes):
        second = elf(self.appended[0])[0] if self.appended else b""
        out, offsets, at = elf(self.segments, relocations=self.relocations, note=notes, appended=second)
        if self.appended:
            for m in self.copies:
                m.shared_object = (at, self.appended[1], len(second))
        return out, offsets, second

    def values(self):
        """What each copy measures to; the file's own header is part of segment 0, so it is laid out first."""
        size = len(note([m.encode(bytes(1808)) for m in self.copies]))
        out, offsets, second = self.file(bytes(size))
        size = len(note([m.encode(bytes(1808)) for m in self.copies]))
        out, offsets, second = self.file(bytes(size))
        result = []
        for m in self.copies:
            image = bytearray(out)
            for at, n in m.patches:
                image[at:at + n] = bytes(n)
            pages = []
            for i, s in enumerate(self.segments):
                if m.version == (1, 3) and i in self.behind:
                    pages.append(self.behind[i])
                data = bytes(image[offsets[i]:offsets[i] + len(s.data)])
                pages += pages_of(s.vaddr, data, s.size, s.si_flags(), self.relocated())
            if self.appended:
                for s, at in zip(self.appended[0], elf(self.appended[0])[1]):
                    pages += pages_of(s.vaddr + self.appended[1], second[at:at + len(s.data)], s.size, s.si_flags())
            if m.version == (1, 3) and len(self.segments) in self.behind:
                pages.append(self.behind[len(self.segments)])
            pages += m.pages
            if m.elrange:
                delta = m.elrange[0] - m.elrange[1]
                pages = [(a + delta, f, c) for a, f, c in pages]
            result.append((m, mrenclave(m.ssa, m.elrange[2] if m.elrange else m.size, pages), pages))
        return result

    def build(self):
        values = self.values()
        copies = [m.encode(self.sign(m, value)) for m, value, _ in values]
        return self.file(note(copies))[0], values


def segments(name="plain"):
    return [Segment(0, bytes(512) + code(name, 600), 1112, 5), Segment(0x2000, code(name + " data", 300), 0x2100, 6)]


# The cases


def plain(versions=((2, 4), (2, 1), (1, 4)), **more):
    copies = []
    for version in versions:
        m = Metadata(version, 0x40000, **more)
        m.zeros(1, EADD, 3, 0x5000)
        if version[0] % 10 > 1:
            m.zeros(3, POST_ADD, 4, 0x8000)
        m.thread(0xC000)
        m.mark()
        m.thread(0x18000)
        m.repeat(1, 0xC000)
        m.zeros(10, 0, 1, 0x30000, 0)
        copies.append(m)
    return Enclave(segments(), copies)


def small():
    m = Metadata((3, 0), 0x10000)
    m.item(4, EADD | EEXTEND, 1, 0x5000, 72, m.tcs_at, TCS, lambda a, i: m.tcs_page(a))
    m.zeros(6, EADD | EEXTEND, 2, 0x6000)
    return Enclave(segments("small"), [m])


def elrange():
    return plain(((13, 3), (11, 5)), elrange=(0x1000000, 0, 0x4000000))


def textrel():
    e = plain(((2, 4),))
    e.segments = [Segment(0, bytes(512) + code("text", 2 * PAGE), 0x3800, 5), Segment(0x4000, code("d", 200), 200, 6)]
    # The first one crosses into the next page, the second does nothing, the last is in a page of zeros.
    e.relocations = [(0xFFC, 8), (0x2100, 0), (0x3600, 8)]
    return e


def unaligned():
    e = plain(((1, 5),))
    e.segments = [Segment(0, bytes(512) + code("low", 100), 612, 4), Segment(0x1F80, code("across", 400), 500, 5),
                  Segment(0x3010, code("fits", 16), 0x20, 6)]
    return e


def page_behind():
    """Metadata 1.3: both places where the loader adds a page of zeros behind the segment with the highest address."""
    e = plain(((1, 3),))
    e.segments = [Segment(0, bytes(512) + code("low", 100), 612, 5), Segment(0x1010, code("middle", 32), 32, 4),
                  Segment(0x3010, code("high", 48), 48, 6)]
    e.behind = {2: (0x2000, REG | R, bytes(PAGE)), 3: (0x4000, REG | R | W, bytes(PAGE))}
    return e


def shared_object():
    e = plain(((3, 3), (1, 5)))
    for m in e.copies:
        m.size = 0x80000
    e.appended = ([Segment(0, bytes(512) + code("second", 200), 712, 5), Segment(0x1000, code("so", 64), 64, 6)], 0x40000)
    return e


def code_changed():
    out, values = small().build()
    out = bytearray(out)
    out[520] ^= 1
    e = small()
    e.segments[0].data = bytes(e.segments[0].data[:520]) + bytes([e.segments[0].data[520] ^ 1]) + e.segments[0].data[521:]
    return bytes(out), e.values()


def hash_changed():
    out, values = small().build()
    return out.replace(values[0][1], bytes([values[0][1][0] ^ 1]) + values[0][1][1:]), values


def quotient_changed():
    e = small()
    e.sign = lambda m, value: sigstruct(value)[:1100] + bytes([sigstruct(value)[1100] ^ 1]) + sigstruct(value)[1101:]
    return e.build()


def copies_differ():
    e = plain(((2, 4), (1, 4)))
    e.copies[1].zeros(2, EADD, 1, 0x31000)
    return e.build()


def debug():
    e = small()
    e.sign = lambda m, value: sigstruct(value, attributes=6, svn=0)
    return e.build()


def debug_launchable():
    e = plain(((2, 4), (1, 4)))
    e.sign = lambda m, value: sigstruct(value, mask=0xFFFFFFFFFFFFFFFD, svn=m.version[0])
    return e.build()


def executable_heap():
    e = small()
    e.copies[0].zeros(1, EADD, 4, 0x8000, REG | R | W | X)
    return e.build()


def sgxs(unmeasured=False):
    pages = [(0, REG | R | X, code("stream", PAGE)), (0x1000, REG | R | W, bytes(PAGE)), (0x2000, TCS, bytes(PAGE)),
             (0x4000, REG | R | W, None)]
    out = record(b"ECREATE", struct.pack("<I", 1), u64(0x8000))
    measured = out
    for offset, flags, content in pages:
        r = record(b"EADD", u64(offset), u64(flags))
        out, measured = out + r, measured + r
        for at in range(0, PAGE if content is not None else 0, 256):
            skip = unmeasured and at == 512
            r = record(b"UNMEASRD" if skip else b"EEXTEND", u64(offset + at)) + content[at:at + 256]
            out += r
            measured += b"" if skip else r
    return out, hashlib.sha256(measured).digest()


def main(folder):
    cases = []

    def write(name, data):
        (folder / name).write_bytes(data)

    def enclave(name, built, state, problems=(), warnings=()):
        data, values = built.build() if isinstance(built, Enclave) else built
        write(name, data)
        cases.append({"file": name, "state": state, "mrenclave": values[0][1].hex(), "problems": list(problems),
                      "warnings": list(warnings),
                      "metadata": [{"version": "%d.%d" % m.version, "computed": value.hex(), "pages_eadd": len(pages),
                                    "pages_eextend": sum(c is not None for _, _, c in pages)} for m, value, pages in values]})

    enclave("plain.so", plain(), "equal")
    enclave("small.so", small(), "equal")
    enclave("elrange.so", elrange(), "equal")
    enclave("textrel.so", textrel(), "equal")
    enclave("unaligned.so", unaligned(), "equal")
    enclave("page-behind.so", page_behind(), "equal")
    enclave("shared-object.so", shared_object(), "equal")
    enclave("code-changed.so", code_changed(), "mismatch", ["the code was changed under a valid signature"])
    enclave("hash-changed.so", hash_changed(), "mismatch", ["the embedded hash was changed"])
    enclave("quotient-changed.so", quotient_changed(), "mismatch", ["q1 or q2 in SIGSTRUCT does not belong"])
    enclave("copies-differ.so", copies_differ(), "mismatch", ["metadata 1.4 measures to"])
    enclave("debug.so", debug(), "equal", [], ["a debug enclave", "ISVSVN is 0"])
    enclave("debug-launchable.so", debug_launchable(), "equal", [], ["metadata 1.4 differs", "debug-launchable"])
    enclave("executable-heap.so", executable_heap(), "equal", [], ["4 executable pages"])

    for name, unmeasured in (("stream", False), ("unmeasured", True)):
        data, value = sgxs(unmeasured)
        write(name + ".sgxs", data)
        warnings = ["1 executable pages", "3 chunks of 256 bytes"] if unmeasured else []
        cases.append({"file": name + ".sgxs", "state": "computed", "mrenclave": value.hex(), "problems": [],
                      "warnings": warnings})
        write(name + ".sig", sigstruct(value))
        cases.append({"file": name + ".sgxs", "sig": name + ".sig", "state": "equal", "mrenclave": value.hex(),
                      "problems": [], "warnings": warnings})
    cases.append({"file": "stream.sgxs", "sig": "unmeasured.sig", "state": "mismatch",
                  "mrenclave": sgxs()[1].hex(), "problems": ["the code was changed under a valid signature"], "warnings": []})
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
