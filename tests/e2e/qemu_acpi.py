#!/usr/bin/env python3
"""Prints the SHA-384 of what a QEMU machine hands to its firmware as ACPI tables.

usage: qemu_acpi.py QEMU ARGUMENT...        with a -serial file:… that does not exist yet

QEMU makes the tables when the firmware reads them, after the firmware has placed the devices. So the machine runs until
its serial line shows that the firmware has got to the console, which is later; then it is stopped, and the items are
read out of the fw_cfg device by QEMU's test protocol (docs/specs/fw_cfg, qtest). The answer is what `hallmark measure
tdx --acpi-digests` takes: of etc/table-loader, etc/acpi/rsdp and etc/acpi/tables.
"""
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

ITEMS = ('etc/table-loader', 'etc/acpi/rsdp', 'etc/acpi/tables')
DIRECTORY = 0x19
DMA_READ, DMA_SELECT = 0x02, 0x08
REQUEST_AT, DATA_AT = 0x1000, 0x100000  # in memory that nobody needs any more


class Qtest:
    def __init__(self, connection):
        self.file = connection.makefile('rw')

    def ask(self, command):
        self.file.write(command + '\n')
        self.file.flush()
        while True:
            answer = self.file.readline()
            if answer.startswith('OK'):
                return answer[2:].strip()
            if not answer.startswith('IRQ'):
                raise RuntimeError(f'qtest: {command}: {answer}')

    def item(self, key, size):
        request = struct.pack('>IIQ', key << 16 | DMA_SELECT | DMA_READ, size, DATA_AT)
        self.ask(f'write {REQUEST_AT:#x} {len(request)} 0x{request.hex()}')
        self.ask('outl 0x514 0x0')
        self.ask(f'outl 0x518 {int.from_bytes(struct.pack(">I", REQUEST_AT), "little"):#x}')
        return bytes.fromhex(self.ask(f'read {DATA_AT:#x} {size}')[2:])


def main():
    serial = next(a[len('file:'):] for a in sys.argv if a.startswith('file:'))
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(folder + '/qtest')
        listener.listen()
        listener.settimeout(60)
        machine = subprocess.Popen([*sys.argv[1:], '-qtest', f'unix:{folder}/qtest', '-qtest-log', 'none',
                                    '-qmp', f'unix:{folder}/qmp,server=on,wait=off'], stdin=subprocess.DEVNULL)
        try:
            qtest = Qtest(listener.accept()[0])
            end = time.monotonic() + 300
            while not os.path.exists(serial) or os.path.getsize(serial) == 0:
                if machine.poll() is not None or time.monotonic() > end:
                    raise RuntimeError('the firmware did not get to the console')
                time.sleep(0.1)
            monitor = socket.socket(socket.AF_UNIX)
            monitor.connect(folder + '/qmp')
            monitor = monitor.makefile('rw')
            monitor.readline()
            for command in ('qmp_capabilities', 'stop'):
                monitor.write(json.dumps({'execute': command}) + '\n')
                monitor.flush()
                while 'return' not in json.loads(monitor.readline()):
                    pass
            count = struct.unpack('>I', qtest.item(DIRECTORY, 4))[0]
            files = {}
            for entry in struct.iter_unpack('>IHH56s', qtest.item(DIRECTORY, 4 + 64 * count)[4:]):
                files[entry[3].rstrip(b'\0').decode()] = entry[1], entry[0]
            print(','.join(hashlib.sha384(qtest.item(*files[name])).hexdigest() for name in ITEMS))
        finally:
            machine.kill()
            machine.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())
