#!/usr/bin/env python3
"""Makes a small TDX guest and computes what it measures to, without any of hallmark's code.

usage: made_up_guest.py firmware OUT        an image with a BFV, a TD_HOB and TempMem, of no release
       made_up_guest.py program OUT         a PE image with the header of a Linux kernel
       made_up_guest.py mrtd FIRMWARE ORDER MRTD of that image, ORDER is single-pass or two-pass
       made_up_guest.py ccel ANSWER OUT     a log with the events of `hallmark measure tdx --json`
       made_up_guest.py dstack COMPOSE FS   RTMR3 of an application on dstack 0.5.5 without keys and instance id;
                        with a NAME behind  its log, and an event of that name at its end
       made_up_guest.py grub ANSWER OUT     a log of its firmware that boots from a disk by shim and GRUB; prints the
                                            registers that it adds up to, one a line
       made_up_guest.py tpm OUT             a log of a machine with a TPM, of which only the beginning is there
"""
import hashlib
import json
import struct
import sys
import uuid

PAGE = 4096
SECTIONS = [  # data offset, raw size, address, memory size, type, attributes
    (0x1000, 0xf000, 0xffff1000, 0xf000, 0, 1),
    (0, 0, 0x809000, 0x2000, 2, 0),
    (0, 0, 0x810000, 0x10000, 3, 0),
]


def guid(text):
    return uuid.UUID(text).bytes_le


def firmware():
    image = bytearray(bytes(i * 7 % 251 for i in range(0x10000)))
    image[0:0x1000] = bytes(0x1000)
    descriptor = 0xf800
    image[descriptor - 16:descriptor] = guid('e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae')
    table = b'TDVF' + struct.pack('<III', 16 + 32 * len(SECTIONS), 1, len(SECTIONS))
    table += b''.join(struct.pack('<IIQQII', *s) for s in SECTIONS)
    image[descriptor:descriptor + len(table)] = table
    entry = struct.pack('<IH', len(image) - descriptor, 4 + 18) + guid('e47a6535-984a-4798-865e-4685a7bf8ec2')
    footer = struct.pack('<H', len(entry) + 18) + guid('96b582de-1fb2-45f7-baea-a366c55a082d')
    image[len(image) - 32 - len(entry) - len(footer):len(image) - 32] = entry + footer
    return bytes(image)


def program():
    header = bytearray(0x200)
    header[0:2] = b'MZ'
    struct.pack_into('<I', header, 0x3c, 0x80)
    header[0x80:0x84] = b'PE\0\0'
    struct.pack_into('<HHIIIHH', header, 0x84, 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = 0x98
    struct.pack_into('<H', header, optional, 0x20b)
    struct.pack_into('<II', header, optional + 32, 0x1000, 0x200)  # alignments
    struct.pack_into('<II', header, optional + 56, 0x2000, 0x200)  # SizeOfImage, SizeOfHeaders
    struct.pack_into('<H', header, optional + 68, 10)  # an EFI application
    struct.pack_into('<I', header, optional + 108, 16)
    struct.pack_into('<8sIIII', header, optional + 240, b'.text', 0x100, 0x1000, 0x200, 0x200)
    # The setup header of a Linux kernel, protocol 2.15: a version that measures without a TPM.
    header[0x1f1] = 1
    body = bytearray(bytes(range(256)) * 2)
    body[2:6] = b'HdrS'
    struct.pack_into('<H', body, 6, 0x20f)
    struct.pack_into('<H', body, 0xe, 0x80)
    body[0x80:0x90] = b'6.12.0 made up\0\0'
    return bytes(header) + bytes(body)


def mrtd(image, order):
    records = []
    for data, raw, address, size, _, attributes in SECTIONS:
        content = image[data:data + raw] + bytes(size - raw)
        add = [b'MEM.PAGE.ADD'.ljust(16, b'\0') + struct.pack('<Q', address + p) + bytes(104) for p in range(0, size, PAGE)]
        extend = [b''.join(b'MR.EXTEND'.ljust(16, b'\0') + struct.pack('<Q', address + p + c) + bytes(104) +
                           content[p + c:p + c + 256] for c in range(0, PAGE, 256)) for p in range(0, size, PAGE)]
        if not attributes & 1:
            records += add
        elif order == 'single-pass':
            records += [a + e for a, e in zip(add, extend)]
        else:
            records += add + extend
    return hashlib.sha384(b''.join(records)).hexdigest()


TYPES = {'EV_NO_ACTION': 3, 'EV_SEPARATOR': 4, 'EV_EVENT_TAG': 6, 'EV_S_CRTM_VERSION': 8, 'EV_PLATFORM_CONFIG_FLAGS': 10,
         'EV_IPL': 13, 'EV_EFI_VARIABLE_DRIVER_CONFIG': 0x80000001, 'EV_EFI_VARIABLE_BOOT': 0x80000002,
         'EV_EFI_BOOT_SERVICES_APPLICATION': 0x80000003, 'EV_EFI_GPT_EVENT': 0x80000006, 'EV_EFI_ACTION': 0x80000007,
         'EV_EFI_HANDOFF_TABLES2': 0x8000000b, 'EV_EFI_VARIABLE_AUTHORITY': 0x800000e0}


def sha384(data):
    return hashlib.sha384(data).digest()


def variable(name, value=b''):
    return guid('8be4df61-93ca-11d2-aa0d-00e098032b8c') + struct.pack('<QQ', len(name), len(value)) + \
        name.encode('utf-16-le') + value


def log(first, events):
    """Events are (index, type, digest, data); the first record's index is `first`."""
    spec = b'Spec ID Event03\0' + struct.pack('<IBBBBI', 0, 0, 2, 0, 2, 1) + struct.pack('<HH', 0xc, 48) + b'\0'
    out = struct.pack('<II20sI', first, 3, bytes(20), len(spec)) + spec
    for index, kind, digest, data in events:
        out += struct.pack('<III', index, TYPES[kind], 1) + struct.pack('<H', 0xc) + digest
        out += struct.pack('<I', len(data)) + data
    return out + b'\xff' * 64


def as_logged(event):
    """An event of an answer, with what its program writes beside the digest."""
    said = event['description']
    what, _, name = said.partition(': ')
    data = {'separator': bytes(4), 'ACPI DATA': b'ACPI DATA', 'action': name.encode(), 'TD HOB': b'\x08TdxTable'}.get(what, b'')
    if said.startswith('variable '):
        data = variable(said[len('variable '):])
    return int(event['register'][4]) + 1, event['type'], bytes.fromhex(event['digest'] or '00' * 48), data


def ccel(answer):
    return log(1, [as_logged(event) for event in answer['events']])


def grub(answer):
    firmware = [e for e in map(as_logged, answer['events']) if e[0] == 1 and e[1] != 'EV_EFI_VARIABLE_BOOT']
    data = lambda index, kind, data: (index, kind, sha384(data), data)
    boot = [(1, 'EV_EFI_VARIABLE_BOOT', sha384(bytes([7, 0])), variable('BootOrder', bytes([7, 0]))),
            (1, 'EV_EFI_VARIABLE_BOOT', sha384(b'a disk'), variable('Boot0007', b'a disk')),
            data(2, 'EV_EFI_ACTION', b'Calling EFI Application from Boot Option'), data(2, 'EV_SEPARATOR', bytes(4)),
            data(2, 'EV_EFI_GPT_EVENT', b'EFI PART'), (2, 'EV_EFI_BOOT_SERVICES_APPLICATION', sha384(b'shim'), b'a path'),
            data(1, 'EV_EFI_VARIABLE_AUTHORITY', variable('SbatLevel', b'sbat,1,2024010100\n')),
            (2, 'EV_EFI_BOOT_SERVICES_APPLICATION', sha384(b'grub'), b'a path'),
            (3, 'EV_IPL', sha384(b'linux /vmlinuz root=/dev/vda1'), b'grub_cmd: linux /vmlinuz root=/dev/vda1\0'),
            (3, 'EV_IPL', sha384(b'a kernel'), b'/vmlinuz\0'),
            data(2, 'EV_EFI_ACTION', b'Exit Boot Services Invocation'),
            data(2, 'EV_EFI_ACTION', b'Exit Boot Services Returned with Success')]
    registers = {1: bytes(48), 2: bytes(48), 3: bytes(48), 4: bytes(48)}
    for index, _, digest, _ in firmware + boot:
        registers[index] = sha384(registers[index] + digest)
    return log(1, firmware + boot), [value.hex() for value in registers.values()]


def tpm():
    digest = sha384(bytes(4))
    return log(0, [(0, 'EV_S_CRTM_VERSION', digest, b''), (4, 'EV_SEPARATOR', digest, bytes(4))])


def dstack(compose, file_system, own=None):
    compose_hash = hashlib.sha256(compose).digest()
    events = [('system-preparing', b''), ('app-id', compose_hash[:20]), ('compose-hash', compose_hash), ('instance-id', b''),
              ('boot-mr-done', b''), ('key-provider', b'{"name":"none","id":""}'),
              ('storage-fs', file_system.encode()), ('system-ready', b'')]
    if own:
        return json.dumps([{'imr': 3, 'event_type': 0x08000001, 'digest': '', 'event': name, 'event_payload': payload.hex()}
                           for name, payload in events + [(own, b'payload')]])
    register = bytes(48)
    for name, payload in events:
        digest = hashlib.sha384(struct.pack('<I', 0x08000001) + b':' + name.encode() + b':' + payload).digest()
        register = hashlib.sha384(register + digest).digest()
    return register.hex()


def main():
    verb, *arguments = sys.argv[1:]
    if verb == 'firmware':
        open(arguments[0], 'wb').write(firmware())
    elif verb == 'program':
        open(arguments[0], 'wb').write(program())
    elif verb == 'mrtd':
        print(mrtd(open(arguments[0], 'rb').read(), arguments[1]))
    elif verb == 'dstack':
        print(dstack(open(arguments[0], 'rb').read(), *arguments[1:]))
    elif verb == 'ccel':
        open(arguments[1], 'wb').write(ccel(json.load(open(arguments[0]))))
    elif verb == 'grub':
        content, registers = grub(json.load(open(arguments[0])))
        open(arguments[1], 'wb').write(content)
        print('\n'.join(registers))
    elif verb == 'tpm':
        open(arguments[0], 'wb').write(tpm())
    else:
        sys.exit(__doc__)


main()
