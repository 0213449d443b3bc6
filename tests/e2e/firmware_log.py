#!/usr/bin/env python3
"""Starts QEMU with a TPM and prints the SHA-384 digests of the events "ACPI DATA" that the firmware measured into it.

usage: firmware_log.py FIRMWARE MEMORY_MIB TPM_SOCKET FOLDER ARGUMENT...
The log is looked for in the guest's memory; no guest system is needed. It is complete when all of WANTED events are in it.
"""
import json, socket, struct, subprocess, sys, time

firmware, mebibytes, tpm, folder, *arguments = sys.argv[1:]
WANTED = 4  # etc/table-loader, etc/acpi/rsdp, etc/tpm/log, etc/acpi/tables
SHA384 = 0x000C
SIZES = {0x0004: 20, 0x000B: 32, SHA384: 48, 0x000D: 64}
DEADLINE = time.monotonic() + 300


def acpi_digests(memory, start):
    """Of the log whose Spec ID event begins at `start` (TCG PC Client Platform Firmware Profile, section 10)."""
    found = []
    at = start + 32 + struct.unpack_from("<I", memory, start + 28)[0]
    while at + 12 < len(memory):
        pcr, kind, count = struct.unpack_from("<III", memory, at)
        if pcr > 23 or not 1 <= count <= 4:
            break
        at, digests = at + 12, {}
        for _ in range(count):
            (algorithm,) = struct.unpack_from("<H", memory, at)
            if algorithm not in SIZES:
                return found
            digests[algorithm] = memory[at + 2 : at + 2 + SIZES[algorithm]].hex()
            at += 2 + SIZES[algorithm]
        (size,) = struct.unpack_from("<I", memory, at)
        if memory[at + 4 : at + 4 + size] == b"ACPI DATA":
            found.append(digests.get(SHA384))
        at += 4 + size
    return found


class Monitor:
    def __init__(self, connection):
        self.socket = connection
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self("qmp_capabilities")

    def __call__(self, command, **values):
        self.socket.sendall(json.dumps({"execute": command, "arguments": values}).encode() + b"\n")
        for line in self.lines:
            message = json.loads(line)
            if "event" not in message:
                return message["return"]
        sys.exit("QEMU ended")


image = f"{folder}/memory"
ours, theirs = socket.socketpair()
qemu = subprocess.Popen(
    ["qemu-system-x86_64", "-accel", "tcg", "-m", f"{mebibytes}M", "-bios", firmware, "-display", "none",
     "-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control",
     "-chardev", f"socket,id=tpm,path={tpm}", "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0", *arguments],
    pass_fds=[theirs.fileno()])
theirs.close()
try:
    ask = Monitor(ours)
    while time.monotonic() < DEADLINE:
        ask("pmemsave", val=0, size=int(mebibytes) << 20, filename=image)
        with open(image, "rb") as file:
            memory = file.read()
        start = memory.find(b"Spec ID Event03\0")
        while start >= 0:
            digests = acpi_digests(memory, start - 32)
            if len(digests) == WANTED:
                print("\n".join(digests))
                sys.exit(0)
            start = memory.find(b"Spec ID Event03\0", start + 1)
        time.sleep(0.5)  # the firmware goes on meanwhile
    sys.exit("the firmware's log has not got its ACPI events")
finally:
    qemu.kill()
    qemu.wait()
