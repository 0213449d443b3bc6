#!/usr/bin/env python3
"""compare_events.py sees what differs, and nothing else.

The logs of the shared vectors were written by firmware; their registers and events were read by the guest and by an
independent script (vectors.json). The log made here has the layout of the TCG PC Client Platform Firmware Profile.
"""
import base64
import hashlib
import json
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_events  # noqa: E402
from compare_events import Event  # noqa: E402

CODES = {name: code for code, name in compare_events.TYPES.items()}


def sha384(data):
    return hashlib.sha384(data).hexdigest()


SEPARATOR = sha384(bytes(4))


def encode(events):
    spec = b'Spec ID Event03\0' + struct.pack('<IBBBBI', 0, 0, 2, 0, 2, 1) + struct.pack('<HH', 12, 48) + b'\0'
    log = struct.pack('<II20sI', 0, 3, bytes(20), len(spec)) + spec
    for event in events:
        text = event.text.encode()
        log += struct.pack('<IIIH', event.place, CODES[event.type], 1, 12) + bytes.fromhex(event.digest)
        log += struct.pack('<I', len(text)) + text
    return log


def measured():
    """A short boot as firmware logs it with a TPM."""
    return [Event(0, 'EV_S_CRTM_VERSION', sha384(b'version'), 'version'),
            Event(7, 'EV_SEPARATOR', SEPARATOR, ''),
            Event(1, 'EV_PLATFORM_CONFIG_FLAGS', compare_events.TPM_LOG_DIGEST, 'ACPI DATA'),
            Event(1, 'EV_PLATFORM_CONFIG_FLAGS', sha384(b'tables'), 'ACPI DATA'),
            Event(4, 'EV_EFI_BOOT_SERVICES_APPLICATION', sha384(b'kernel'), ''),
            Event(4, 'EV_EFI_ACTION', sha384(b'calling'), 'calling'),
            *(Event(pcr, 'EV_SEPARATOR', SEPARATOR, '') for pcr in range(7)),
            Event(9, 'EV_EVENT_TAG', sha384(b'options'), ''),
            Event(5, 'EV_EFI_ACTION', sha384(b'exit'), 'exit')]


def predicted(separator='rtmr1'):
    """The same boot in a trust domain."""
    return [Event('rtmr0', 'EV_EFI_HANDOFF_TABLES2', sha384(b'hob'), 'TD HOB'),
            Event('rtmr0', 'EV_SEPARATOR', SEPARATOR, 'separator'),
            Event('rtmr0', 'EV_PLATFORM_CONFIG_FLAGS', sha384(b'tables'), 'ACPI DATA: etc/acpi/tables'),
            Event('rtmr1', 'EV_EFI_BOOT_SERVICES_APPLICATION', sha384(b'kernel'), 'kernel'),
            Event('rtmr1', 'EV_EFI_ACTION', sha384(b'calling'), 'calling'),
            Event(separator, 'EV_SEPARATOR', SEPARATOR, 'separator'),
            Event('rtmr1', 'EV_EFI_ACTION', sha384(b'exit'), 'exit'),
            Event('rtmr2', 'EV_EVENT_TAG', sha384(b'options'), 'options')]


class Comparison(unittest.TestCase):
    def compare(self, events, prediction, skip=()):
        said = []
        return compare_events.compare(events, prediction, skip, said.append), '\n'.join(said)

    def test_equal(self):
        for separator in ('rtmr0', 'rtmr1'):
            equal, said = self.compare(measured(), predicted(separator))
            self.assertTrue(equal, said)
            self.assertIn('etc/tpm/log', said)
            self.assertIn('TD HOB', said)

    def test_every_change_is_seen(self):
        for i, event in enumerate(predicted()):
            if event.type == 'EV_EFI_HANDOFF_TABLES2':
                continue
            for other in ([], [event._replace(digest=sha384(b'other'))], [event._replace(type='EV_ACTION')],
                          [event._replace(digest=None)], [event, event]):
                changed = predicted()
                changed[i:i + 1] = other
                equal, said = self.compare(measured(), changed)
                self.assertFalse(equal, (i, other))
                self.assertIn(f'{event.place}: event', said)

    def test_order_counts(self):
        changed = predicted()
        changed[3], changed[4] = changed[4], changed[3]
        self.assertFalse(self.compare(measured(), changed)[0])

    def test_no_separator_anywhere(self):
        changed = [e for i, e in enumerate(predicted()) if i != 5]
        self.assertFalse(self.compare(measured(), changed)[0])

    def test_skipped_register(self):
        changed = predicted()[:-1]
        self.assertFalse(self.compare(measured(), changed)[0])
        equal, said = self.compare(measured(), changed, {'rtmr2': 'why not'})
        self.assertTrue(equal)
        self.assertIn('rtmr2: not compared: why not', said)

    def test_pcrs(self):
        twin = [e._replace(place=f'rtmr{e.place}') for e in measured() if e.place >= 4]
        self.assertTrue(compare_events.compare_pcrs(measured(), twin, lambda _: None))
        for i, event in enumerate(twin):
            changed = twin[:i] + twin[i + 1:]
            self.assertEqual(compare_events.compare_pcrs(measured(), changed, lambda _: None),
                             event.place in ('rtmr6', 'rtmr7'))

    def test_a_separator_too_few_in_the_log(self):
        events = measured()
        del events[8]
        with self.assertRaises(compare_events.Problem):
            self.compare(events, predicted())


class Log(unittest.TestCase):
    def test_round_trip(self):
        read = compare_events.read_log(encode(measured()))
        self.assertEqual([e[:3] for e in read], [e[:3] for e in measured()])

    def test_cut_anywhere(self):
        log = encode(measured()[:2])
        whole = {len(encode(measured()[:n])) for n in range(3)}
        for size in range(len(log)):
            if size not in whole:
                with self.assertRaises(compare_events.Problem):
                    compare_events.read_log(log[:size])

    def test_console(self):
        log, pcrs = encode(measured()), compare_events.fold(measured())
        text = '\r\n[ 1.0] noise\r\n-----BEGIN TPM LOG-----\r\n' + base64.encodebytes(log).decode().replace('\n', '\r\n')
        text += '-----END TPM LOG-----\r\n' + ''.join(f'PCR {p} {v.upper()}\r\n' for p, v in pcrs.items())
        read, registers = compare_events.read_console(text)
        self.assertEqual(read, log)
        compare_events.confirm(compare_events.read_log(read), registers)
        with self.assertRaises(compare_events.Problem):
            compare_events.confirm(compare_events.read_log(read), {**registers, 9: '00' * 48})
        with self.assertRaises(compare_events.Problem):
            compare_events.read_console(text.replace('PCR 15', 'PCR 16'))


@unittest.skipUnless('HALLMARK_VECTORS' in os.environ, 'HALLMARK_VECTORS names no folder')
class Vectors(unittest.TestCase):
    def test_logs_of_real_firmware(self):
        folder = os.path.join(os.environ['HALLMARK_VECTORS'], 'tdx')
        with open(os.path.join(folder, 'vectors.json'), encoding='utf-8') as file:
            logs = [v for v in json.load(file) if v['file'].startswith('tpmlog_')]
        self.assertGreaterEqual(len(logs), 6)
        for vector in logs:
            with self.subTest(vector['file']):
                with open(os.path.join(folder, vector['file']), 'rb') as file:
                    events = compare_events.read_log(file.read())
                want = vector['expected']
                compare_events.confirm(events, {int(p): v for p, v in want['pcr_sha384'].items()})
                self.assertEqual([(e.place, e.type, e.digest) for e in events],
                                 [(e['pcr'], e['type'], e['digest']) for e in want['events'] if e['digest']])
                # What a trust domain would measure, from the log itself: equal; and each event of it counts.
                twin, _ = compare_events.from_tpm(events, [])
                self.assertTrue(compare_events.compare(events, twin, say=lambda _: None))
                for i in range(len(twin)):
                    self.assertFalse(compare_events.compare(events, twin[:i] + twin[i + 1:], say=lambda _: None))


if __name__ == '__main__':
    unittest.main()
