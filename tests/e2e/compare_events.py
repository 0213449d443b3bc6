#!/usr/bin/env python3
"""Compares what hallmark says a trust domain measures with what firmware measured into a TPM.

usage: compare_events.py CONSOLE PREDICTED.json [--save LOG] [--tpm] [--skip REGISTER=REASON]...

CONSOLE is what examples/tdx-uki's init wrote: the TPM's event log and its SHA-384 registers. PREDICTED.json is
`hallmark measure tdx ... --json` for the same guest. The same firmware, stub and kernel measure into a TPM where there
is one and into RTMRs in a trust domain; edk2 sends PCR 1 and 7 to RTMR0, 2 to 6 to RTMR1 and 8 to 15 to RTMR2
(OvmfPkg, TdxMeasurementMapPcrToMrIndex). Register by register the events must be equal, by type and digest and in
order, but for what only one of the two worlds has. Each such event is left out by a rule with a name, and printed.

With --tpm the prediction is tdx_tpm_events's, for a machine with a TPM: then nothing is left out, and the PCRs of stub and
kernel and those of boot services must be equal one by one.

The log is believed only as far as the TPM confirms it: folded, it must give the registers that the guest read.
"""
import argparse
import base64
import hashlib
import json
import re
import struct
import sys
from collections import namedtuple

SHA384 = 0x000C
PCR_TO_REGISTER = {1: 'rtmr0', 7: 'rtmr0', **{pcr: 'rtmr1' for pcr in range(2, 7)},
                   **{pcr: 'rtmr2' for pcr in range(8, 16)}}
REGISTERS = ('rtmr0', 'rtmr1', 'rtmr2')
# TCG PC Client Platform Firmware Profile 1.06, section 10.4.1.
TYPES = {0x3: 'EV_NO_ACTION', 0x4: 'EV_SEPARATOR', 0x5: 'EV_ACTION', 0x6: 'EV_EVENT_TAG', 0x8: 'EV_S_CRTM_VERSION',
         0xa: 'EV_PLATFORM_CONFIG_FLAGS', 0xd: 'EV_IPL', 0x80000001: 'EV_EFI_VARIABLE_DRIVER_CONFIG',
         0x80000002: 'EV_EFI_VARIABLE_BOOT', 0x80000003: 'EV_EFI_BOOT_SERVICES_APPLICATION',
         0x80000004: 'EV_EFI_BOOT_SERVICES_DRIVER', 0x80000006: 'EV_EFI_GPT_EVENT', 0x80000007: 'EV_EFI_ACTION',
         0x80000008: 'EV_EFI_PLATFORM_FIRMWARE_BLOB', 0x80000009: 'EV_EFI_HANDOFF_TABLES',
         0x8000000a: 'EV_EFI_PLATFORM_FIRMWARE_BLOB2', 0x8000000b: 'EV_EFI_HANDOFF_TABLES2',
         0x8000000c: 'EV_EFI_VARIABLE_BOOT2', 0x800000e0: 'EV_EFI_VARIABLE_AUTHORITY'}
# etc/tpm/log, as the VMM hands it over: room for the log that firmware without EFI would write, all zeros.
TPM_LOG_DIGEST = hashlib.sha384(bytes(65536)).hexdigest()

Event = namedtuple('Event', 'place type digest text')  # place: the PCR, or the register


class Problem(Exception):
    pass


# ── what the firmware measured ──

def take(log, at, size):
    if at + size > len(log):
        raise Problem(f'the log ends at {len(log):#x}, in the middle of what begins at {at:#x}')
    return log[at:at + size], at + size


def text_of(type_name, data):
    """For people: a variable's name, or the event's data as far as it is text."""
    if type_name.startswith('EV_EFI_VARIABLE') and len(data) >= 32:
        length = min(struct.unpack_from('<Q', data, 16)[0], 64)
        return data[32:32 + 2 * length].decode('utf-16-le', 'replace')
    if type_name == 'EV_EVENT_TAG':  # TCG_PCClientTaggedEvent: u32 id, u32 size, data
        data = data[8:]
    text = data.decode('utf-16-le' if data[1:2] == b'\0' else 'ascii', 'replace')
    return re.sub(r'[^ -~].*', '', text, flags=re.S)[:60]


def read_log(log):
    """The events of a TCG2 log in its crypto-agile form, those that are not extended left out."""
    _, at = take(log, 0, 8 + 20)
    size, at = take(log, at, 4)
    spec, at = take(log, at, struct.unpack('<I', size)[0])
    if spec[:16] != b'Spec ID Event03\0':
        raise Problem('the log does not begin with Spec ID Event03')
    algorithms, _ = take(spec, 28, 4 * struct.unpack_from('<I', spec, 24)[0])
    sizes = dict(struct.iter_unpack('<HH', algorithms))
    events = []
    while at < len(log):
        head, at = take(log, at, 12)
        pcr, type_code, count = struct.unpack('<III', head)
        digest = None
        for _ in range(count):
            algorithm, at = take(log, at, 2)
            algorithm = struct.unpack('<H', algorithm)[0]
            if algorithm not in sizes:
                raise Problem(f'event {len(events)} has a digest of unlisted algorithm {algorithm:#x}')
            value, at = take(log, at, sizes[algorithm])
            if algorithm == SHA384:
                digest = value.hex()
        size, at = take(log, at, 4)
        data, at = take(log, at, struct.unpack('<I', size)[0])
        type_name = TYPES.get(type_code, f'{type_code:#x}')
        if type_name == 'EV_NO_ACTION':
            continue
        if digest is None:
            raise Problem(f'event {len(events)} has no SHA-384 digest: the TPM needs its sha384 bank')
        events.append(Event(pcr, type_name, digest, text_of(type_name, data)))
    return events


def fold(events):
    pcrs = {pcr: bytes(48) for pcr in range(16)}
    for event in events:
        pcrs[event.place] = hashlib.sha384(pcrs[event.place] + bytes.fromhex(event.digest)).digest()
    return {pcr: value.hex() for pcr, value in pcrs.items()}


def read_console(text):
    """The log and the registers that the guest printed."""
    text = text.replace('\r', '')
    block = re.search(r'-----BEGIN TPM LOG-----\n(.*?)-----END TPM LOG-----', text, re.S)
    pcrs = {int(pcr): value.lower() for pcr, value in re.findall(r'^PCR (\d+) ([0-9A-Fa-f]{96})$', text, re.M)}
    if not block or sorted(pcrs) != list(range(16)):
        raise Problem('the guest printed no complete log and registers')
    return base64.b64decode(block[1], validate=False), pcrs


def confirm(events, pcrs):
    """PCR 10 is Linux IMA's, which keeps a log of its own."""
    for pcr, value in fold(events).items():
        if pcr != 10 and pcrs[pcr] != value:
            raise Problem(f'PCR {pcr} is {pcrs[pcr]}, and the log gives {value}')


# ── what hallmark predicts ──

def read_predicted(report):
    events = []
    for event in report['events']:
        events.append(Event(event['register'], event['type'], event['digest'], event['description']))
    return events


# ── what only one of the two has ──

def in_td_only(event):
    if event.place != 'rtmr0':
        return None
    if event.type == 'EV_EFI_HANDOFF_TABLES2':
        return 'the TD HOB: only a trust domain is handed one'
    if event.type == 'EV_EFI_PLATFORM_FIRMWARE_BLOB2':
        return 'the configuration volume: with a TPM, PCR 0 has the firmware and no variables'
    if event.type == 'EV_PLATFORM_CONFIG_FLAGS' and 'fw_cfg' in event.text.lower().replace(' ', '_'):
        return 'a fw_cfg item: edk2 measures them in a trust domain only (QemuFwCfgCacheInit.c)'
    return None


def from_tpm(events, predicted):
    """The events as a trust domain has them: [register, event], and what was left out: [event, why]."""
    kept, left_out = [], []
    separators = [i for i, e in enumerate(events) if e.type == 'EV_SEPARATOR' and e.place <= 6]
    # One after the other, PCR 0 to 6, when the firmware is ready to boot: any other picture is a fault.
    if [events[i].place for i in separators] != list(range(7)) or separators[-1] - separators[0] != 6:
        raise Problem(f'the separators of PCR 0 to 6 do not stand together once: {separators}')
    # A trust domain has one for them all. Which register it extends cannot be seen in TPM mode (RTMR0 before
    # edk2-stable202411, RTMR1 since); that there is one, and where in its register, can.
    separators_of = {r: [e for e in predicted if e.place == r and e.type == 'EV_SEPARATOR'] for r in REGISTERS}
    chosen = 1 if len(separators_of['rtmr0']) > 1 else 2
    tpm_log_predicted = any(e.digest == TPM_LOG_DIGEST for e in predicted)
    for i, event in enumerate(events):
        why = None
        if event.place == 0:
            why = 'PCR 0: the firmware itself, which is in MRTD'
        elif i in separators and event.place != chosen:
            why = 'one separator a PCR: a trust domain has one'
        elif event.digest == TPM_LOG_DIGEST and not tpm_log_predicted:
            why = 'etc/tpm/log: there is none without a TPM'
        elif event.place not in PCR_TO_REGISTER:
            raise Problem(f'an event of PCR {event.place}')
        if why:
            left_out.append((event, why))
        else:
            kept.append(event._replace(place=PCR_TO_REGISTER[event.place]))
    return kept, left_out


# ── the comparison ──

def line(event):
    return f'{event.type} {(event.digest or "no digest")[:16]} {event.text}' if event else 'nothing'


def same_events(register, want, have, say):
    alike = [w[1:3] == h[1:3] for w, h in zip(want, have)] + [False] * abs(len(want) - len(have))
    if all(alike):
        say(f'  {register}: {len(want)} events are equal')
        return True
    say(f'  {register}: event {alike.index(False)} differs (of {len(want)} measured and {len(have)} predicted)')
    for i, same in enumerate(alike):
        say(f'    {"=" if same else "!"} measured  {line(want[i] if i < len(want) else None)}')
        if not same:
            say(f'      predicted {line(have[i] if i < len(have) else None)}')
    return False


def compare_pcrs(events, predicted, say=print):
    """The same for a prediction of PCRs ("rtmr4" is PCR 4), in which nothing is left out."""
    equal = True
    for pcr in (4, 5, 8, 9, 11, 12, 13, 14, 15):
        want = [e for e in events if e.place == pcr]
        have = [e for e in predicted if e.place == f'rtmr{pcr}']
        if want or have:
            equal = same_events(f'PCR {pcr}', want, have, say) and equal
    return equal


def compare(events, predicted, skip=(), say=print):
    """True if the registers that are not skipped are made of the same events."""
    if unknown := {e.place for e in predicted} - set(REGISTERS) - {'rtmr3'}:
        raise Problem(f'an event of register {unknown}')
    measured, left_out = from_tpm(events, predicted)
    for event, why in left_out:
        say(f'  left out of the firmware\'s log: PCR {event.place} {line(event)}: {why}')
    equal = True
    for register in REGISTERS:
        want = [e for e in measured if e.place == register]
        have = []
        for event in (e for e in predicted if e.place == register):
            why = in_td_only(event)
            if why:
                say(f'  left out of the prediction: {register} {line(event)}: {why}')
            else:
                have.append(event)
        if register in skip:
            say(f'  {register}: not compared: {skip[register]}')
            continue
        equal = same_events(register, want, have, say) and equal
    return equal


def main():
    parser = argparse.ArgumentParser(description='compare predicted events with a TPM\'s log')
    parser.add_argument('console')
    parser.add_argument('predicted')
    parser.add_argument('--save', help='write the log, as the firmware made it, to this file')
    parser.add_argument('--tpm', action='store_true', help='PREDICTED.json is of PCRs')
    parser.add_argument('--skip', action='append', default=[], metavar='REGISTER=REASON')
    arguments = parser.parse_args()
    try:
        with open(arguments.console, encoding='latin-1', newline='') as file:
            log, pcrs = read_console(file.read())
        if arguments.save:
            with open(arguments.save, 'wb') as file:
                file.write(log)
        events = read_log(log)
        confirm(events, pcrs)
        with open(arguments.predicted, encoding='utf-8') as file:
            predicted = read_predicted(json.load(file))
        if arguments.tpm:
            return 0 if compare_pcrs(events, predicted) else 1
        return 0 if compare(events, predicted, dict(s.split('=', 1) for s in arguments.skip)) else 1
    except Problem as problem:
        print(f'compare_events: {problem}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
