# hallmark measure tdx and replay, on a guest that an independent program made and measured (made_up_guest.py).
. "$(dirname "$0")/common.sh"

make=$source_dir/tests/cli/made_up_guest.py
python3 "$make" firmware fw.fd
python3 "$make" program kernel.efi
printf 'an initrd' >initrd.img
field() { python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."): value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$@"; }

# The firmware alone: MRTD in both orders, and no register that was not computed.
expect_exit 0 hallmark measure tdx --firmware fw.fd --json
cp "$stdout" alone.json
[[ $(field alone.json registers.mrtd) == $(python3 "$make" mrtd fw.fd single-pass) ]]
[[ $(field alone.json mrtd.two_pass) == $(python3 "$make" mrtd fw.fd two-pass) ]]
[[ $(field alone.json registers) == "{'mrtd':"* && $(field alone.json registers) != *rtmr* ]]
expect_exit 0 hallmark measure tdx --firmware fw.fd
contains "$stdout" 'the firmware does not say which release of edk2 it is'
expect_exit 0 hallmark measure tdx --firmware fw.fd --profile qemu-8/edk2-202411 --json
cp "$stdout" two.json
[[ $(field two.json registers.mrtd) == $(python3 "$make" mrtd fw.fd two-pass) ]]
[[ $(field two.json candidates.1.registers.mrtd) == $(python3 "$make" mrtd fw.fd single-pass) ]]

# What is missing leaves out its register, and says what to give.
guest=(--firmware fw.fd --profile qemu-10/edk2-202502 --kernel kernel.efi --initrd initrd.img --cmdline 'console=hvc0')
expect_exit 0 hallmark measure tdx "${guest[@]}" --memory 2G --json
cp "$stdout" guest.json
[[ $(field guest.json registers) == *rtmr1* && $(field guest.json registers) != *rtmr0* ]]
expect_exit 0 hallmark measure tdx "${guest[@]}" --memory 2G
contains "$stdout" 'rtmr0 is not computed: give the ACPI tables (acpi-tables) or their digests'
# Whether this image measures what it boots cannot be seen: that is said, unless the user says it.
contains "$stdout" 'does not show whether this firmware measures in a trust domain'
expect_exit 0 hallmark measure tdx "${guest[@]}" --memory 2G --firmware-measures
not contains "$stdout" 'whether this firmware measures'
contains "$stdout" 'because it was said to'
# Of a guest of GCE, MRTD as its monitor made it once.
expect_exit 0 hallmark measure tdx --firmware fw.fd --profile gce/edk2-202411 --memory 16G --json
cp "$stdout" gce.json
[[ $(field gce.json mrtd.gce_2024_late_accept) != $(field gce.json mrtd.gce_2024_early_accept) ]]
zeros=$(printf '0%.0s' {1..96})
expect_exit 0 hallmark measure tdx "${guest[@]}" --memory 2G --acpi-digests "$zeros,$zeros,$zeros" --json
cp "$stdout" whole.json
[[ $(field whole.json registers) == *rtmr0* ]]
expect_exit 0 hallmark measure tdx "${guest[@]}" --memory 2G --trace
contains "$stderr" 'MEM.PAGE.ADD gpa=0xffff1000'
contains "$stderr" 'RTMR[1] extend'

# A log of that guest agrees; one of a guest with more memory does not, and the answer says how much it has.
python3 "$make" ccel whole.json ccel.bin
whole=("${guest[@]}" --acpi-digests "$zeros,$zeros,$zeros")
expect_exit 0 hallmark replay ccel.bin --json
cp "$stdout" replayed.json
[[ $(field replayed.json registers.rtmr0) == $(field whole.json registers.rtmr0) ]]
[[ $(field replayed.json registers.rtmr1) == $(field whole.json registers.rtmr1) ]]
expect_exit 0 hallmark measure tdx "${whole[@]}" --memory 2G --against ccel.bin
expect_exit 1 hallmark measure tdx "${whole[@]}" --memory 4G --against ccel.bin
contains "$stdout" 'THEY DIFFER'
contains "$stdout" 'number 1 of rtmr0'
contains "$stdout" 'memory: the guest has 2147483648 bytes (2048 MiB), and 4294967296 were given'
expect_exit 1 hallmark measure tdx "${whole[@]/console=hvc0/console=ttyS0}" --memory 2G --against ccel.bin --json
cp "$stdout" other.json
[[ $(field other.json against.first_difference.register) == rtmr2 ]]

# What cannot be computed is taken from a log of such a boot; RTMR3 from events that the guest's software repeats.
disk=(--firmware fw.fd --profile qemu-10/edk2-202502)
expect_exit 0 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log ccel.bin --json
cp "$stdout" logged.json
for register in rtmr0 rtmr1 rtmr2 rtmr3; do
  [[ $(field logged.json registers.$register) == $(field whole.json registers.$register) ]]
done
printf '3 %s app-id\n' "$zeros" >runtime.log
expect_exit 0 hallmark measure tdx "${whole[@]}" --memory 2G --runtime-log runtime.log --json
cp "$stdout" runtime.json
[[ $(field runtime.json registers.rtmr3) == $(head -c 96 /dev/zero | sha384sum | cut -d' ' -f1) ]]
expect_exit 2 hallmark measure tdx "${whole[@]}" --memory 2G --runtime-log ccel.bin
contains "$stderr" 'has no event of RTMR3'

# RTMR3 of an application on dstack follows from what is known before it runs; what is not known leaves it out.
printf '{"manifest_version":2,"name":"a","runner":"docker-compose","no_instance_id":true}' >app-compose.json
whole+=(--memory 2G --app-compose app-compose.json)
expect_exit 0 hallmark measure tdx "${whole[@]}" --dstack 0.5.5 --mrconfigid dstack-v1 --json
cp "$stdout" app.json
[[ $(field app.json registers.rtmr3) == $(python3 "$make" dstack app-compose.json zfs) ]]
[[ $(field app.json policy.mrconfigid) == 01$(sha256sum app-compose.json | cut -d' ' -f1)$(printf '0%.0s' {1..30}) ]]
expect_exit 0 hallmark measure tdx "${whole[@]/console=hvc0/dstack.storage_fs=ext4}" --dstack 0.5.5 --json
cp "$stdout" ext4.json
[[ $(field ext4.json registers.rtmr3) == $(python3 "$make" dstack app-compose.json ext4) ]]
# Events of its own come behind the boot's, and a log of the whole guest agrees.
python3 "$make" dstack app-compose.json zfs own-event >guest.log
sed 's/^.*\({[^{]*own-event[^}]*}\).*$/[\1]/' guest.log >own.log
expect_exit 0 hallmark measure tdx "${whole[@]}" --dstack 0.5.5 --runtime-log own.log --json
cp "$stdout" own.json
expect_exit 0 hallmark replay guest.log --json
cp "$stdout" replayed.json
[[ $(field own.json registers.rtmr3) == $(field replayed.json registers.rtmr3) ]]
expect_exit 2 hallmark measure tdx "${whole[@]}" --dstack 0.5.5 --runtime-log guest.log
contains "$stderr" 'give only those behind "system-ready"'
sed -i 's/,"no_instance_id":true//' app-compose.json
expect_exit 0 hallmark measure tdx "${whole[@]}" --dstack 0.5.5 --json
cp "$stdout" instance.json
[[ $(field instance.json registers) == *rtmr2* && $(field instance.json registers) != *rtmr3* ]]
contains "$stdout" 'rtmr3 is not computed: give the instance'"'"'s id (instance-id)'
expect_exit 0 hallmark measure tdx "${whole[@]}" --dstack 0.5.5 --instance-id "${zeros:0:40}" --json
cp "$stdout" instance.json
[[ $(field instance.json registers) == *rtmr3* ]]
expect_exit 2 hallmark measure tdx "${whole[@]}"
contains "$stderr" 'give that too (dstack)'
expect_exit 2 hallmark measure tdx --firmware fw.fd --dstack 0.5.5
contains "$stderr" '"dstack" goes with "app-compose"'
expect_exit 2 hallmark measure tdx --firmware fw.fd --mrconfigid dstack-v1
contains "$stderr" 'mrconfigid: "dstack-v1" goes with "app-compose"'
expect_exit 2 hallmark measure tdx "${whole[@]}" --dstack 0.5.5 --mrconfigid dstack-v2
contains "$stderr" 'its version is 1'
# One that names its key provider has version 2; oracle: python3-pycryptodome's keccak.
printf '{"manifest_version":2,"key_provider":"local","key_provider_id":"ABcd"}' >pinned.json
expect_exit 0 hallmark measure tdx --firmware fw.fd --app-compose pinned.json --dstack 0.5.5 --mrconfigid dstack-v2 --json
cp "$stdout" pinned.answer
[[ $(field pinned.answer policy.mrconfigid) == 02e53ec562b050a1147977e1e1e1978fe7ac37eaf66453a18e3b80e657932d1eba$(printf '0%.0s' {1..30}) ]]
expect_exit 3 hallmark measure tdx --firmware fw.fd --app-compose whole.json --dstack 0.5.5
contains "$stderr" 'whole.json: app-compose: manifest_version: is missing'

valid measurement-v1 app.json own.json instance.json

# A boot by shim and GRUB: all registers are what the log adds up to, and who reads the answer is told so.
mapfile -t registers < <(python3 "$make" grub whole.json grub.bin)
expect_exit 0 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log grub.bin --against grub.bin --json
cp "$stdout" grub.json
for n in 0 1 2 3; do [[ $(field grub.json registers.rtmr$n) == "${registers[n]}" ]]; done
[[ $(field grub.json inputs.from_log) == "['rtmr0', 'rtmr1', 'rtmr2']" ]]
expect_exit 0 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log grub.bin
contains "$stdout" 'taken from a log, and as good as who supplied it: rtmr0 ('
contains "$stdout" 'EV_IPL  grub_cmd: linux /vmlinuz root=/dev/vda1  (label)'
contains "$stdout" '"label": the log says so'
not contains "$stdout" 'variable SbatLevel  (label)'
not contains "$stdout" 'the boot log has other digests'
# Of a guest with other memory the HOB is computed, and not as logged.
expect_exit 1 hallmark measure tdx "${disk[@]}" --memory 4G --boot-log grub.bin --against grub.bin
contains "$stdout" 'the boot log has other digests than what was given leads to, and they were not used: TD HOB'
contains "$stdout" 'number 1 of rtmr0'
# Other firmware, and another kind of machine.
expect_exit 2 hallmark measure tdx --firmware fw.fd --profile qemu-10/edk2-202302 --memory 2G --boot-log grub.bin
contains "$stderr" 'boot log: RTMR0 lacks an event "separator" with firmware of edk2-202302'
python3 "$make" tpm tpm.bin
expect_exit 4 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log tpm.bin
contains "$stderr" 'is the log of a machine with a TPM'
expect_exit 0 hallmark replay tpm.bin
contains "$stdout" 'pcr0'
expect_exit 1 hallmark measure tdx "${disk[@]}" --memory 2G --against tpm.bin
contains "$stdout" 'the log is of a machine with a TPM'
expect_exit 1 hallmark measure tdx "${disk[@]}" --memory 2G --against tpm.bin --json
cp "$stdout" tpm.json
valid measurement-v1 tpm.json
# A log without its last record, 64 bytes of filler behind it, is whole records all the same.
head -c $(($(stat -c %s grub.bin) - 64 - 66 - 40)) grub.bin >cut.bin
expect_exit 0 hallmark replay cut.bin
expect_exit 2 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log cut.bin
contains "$stderr" 'RTMR1 lacks the event "Exit Boot Services Returned with Success"'
# What the kernel's IMA extends behind the boot.
printf '2 %s ima-ng sha384:00 boot_aggregate\n' "$zeros" >ima.log
expect_exit 0 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log grub.bin --runtime-log ima.log --json
cp "$stdout" ima.json
[[ $(field ima.json registers.rtmr2) == $(printf '%s%s' "${registers[2]}" "$zeros" | xxd -r -p | sha384sum | cut -d' ' -f1) ]]
printf '1 %s x\n' "$zeros" >firmware.log
expect_exit 2 hallmark measure tdx "${disk[@]}" --memory 2G --boot-log grub.bin --runtime-log firmware.log
contains "$stderr" 'firmware.log: line 1 is of RTMR1, which nothing extends after the boot'
expect_exit 2 hallmark measure tdx "${guest[@]}" --memory 2G --boot-log grub.bin
contains "$stderr" 'a guest boots one thing'

valid measurement-v1 gce.json logged.json runtime.json grub.json ima.json
valid measurement-v1 alone.json two.json guest.json whole.json other.json
valid replay-v1 replayed.json

# Two guests: what differs is given twice, and the answer names the event, its inputs and the cause.
acpi=(--profile qemu-10/edk2-202502 --acpi-digests "$zeros,$zeros,$zeros")
two=(--firmware fw.fd "${acpi[@]}" --kernel kernel.efi --initrd initrd.img)
expect_exit 0 hallmark measure tdx --explain "${two[@]}" --memory 2G --cmdline quiet
contains "$stdout" 'they measure to the same'
expect_exit 1 hallmark measure tdx --explain "${two[@]}" --memory 2G --memory 4G --cmdline quiet --cmdline loud
contains "$stdout" 'rtmr0: event 1'
contains "$stdout" 'rtmr2: event 1'
contains "$stdout" 'computed, text loud initrd=initrd'
contains "$stdout" '- memory: 2147483648 bytes (2048 MiB) in A, 4294967296 bytes (4096 MiB) in B'
contains "$stdout" '- the command line: "quiet initrd=initrd" in A, "loud initrd=initrd" in B'
not contains "$stdout" 'mrtd: record'
expect_exit 1 hallmark measure tdx --explain "${two[@]}" --memory 2G --memory 4G --cmdline quiet --cmdline loud --json
cp "$stdout" explained.json
[[ $(field explained.json details.registers.rtmr2.first_difference.b.inputs.text) == 'loud initrd=initrd' ]]
expect_exit 0 hallmark measure tdx "${two[@]}" --memory 4G --cmdline loud --json
cp "$stdout" loud.json
[[ $(field explained.json b.registers) == $(field loud.json registers) ]]
expect_exit 0 hallmark measure tdx --explain --firmware fw.fd --profile qemu-10/edk2-202502 --memory 2G --json
cp "$stdout" open.json
contains "$stdout" 'give the ACPI tables (acpi-tables)'
# Firmware with another byte; oracle of the number: the 17 records of a page, the next page's own and
# its first chunk come before.
python3 -c 'import sys; d = bytearray(open("fw.fd", "rb").read()); d[0x1000 + 4096 + 300] ^= 1; open("other.fd", "wb").write(d)'
expect_exit 1 hallmark measure tdx --explain --firmware fw.fd --firmware other.fd
contains "$stdout" 'mrtd: record 20: section 0 (BFV), page at 0xffff2000'
contains "$stdout" 'MR.EXTEND gpa=0xffff2100'
contains "$stdout" 'other bytes in 1 page of section 0 (BFV), the first at 0x212c of the image'
contains "$stdout" 'rtmr0 to rtmr3: the firmware does not say which release of edk2 it is'
expect_exit 1 hallmark measure tdx --explain --firmware fw.fd --firmware other.fd "${acpi[@]}" --kernel kernel.efi --json
cp "$stdout" firmware.json
[[ $(field firmware.json details.mrtd.record) == 20 ]]
# The command for images knows firmware by the volume that it begins with, here an empty one.
python3 - <<'PY'
import struct, uuid
header = bytes(16) + uuid.UUID("8c8ce578-8a3d-4f1c-9935-896185c32dd3").bytes_le + struct.pack("<Q4sI", 0x1000, b"_FVH", 0)
tail = struct.pack("<HBBIIQ", 0, 0, 2, 1, 0x1000, 0)
sums = sum(struct.unpack("<36H", header + struct.pack("<HH", 72, 0) + tail))
header += struct.pack("<HH", 72, -sums & 0xffff) + tail
for name in "fw.fd", "other.fd":
    image = open(name, "rb").read()
    open("volume-" + name, "wb").write(header.ljust(0x1000, b"\xff") + image[0x1000:])
PY
expect_exit 1 hallmark measure --explain volume-fw.fd volume-other.fd
contains "$stdout" 'mrtd: record 20: section 0 (BFV), page at 0xffff2000'
expect_exit 1 hallmark measure tdx --explain --firmware fw.fd --profile qemu-8/edk2-202502 --profile qemu-10/edk2-202502
contains "$stdout" 'the order in which the monitor adds and extends pages: two-pass in A, single-pass in B'
valid explanation-v1 explained.json open.json firmware.json
expect_exit 2 hallmark measure tdx --firmware fw.fd --memory 2G --memory 4G
contains "$stderr" '--memory: is given 2 times, for one guest'
expect_exit 2 hallmark measure tdx --explain --firmware fw.fd --memory 2G --memory 4G --memory 8G
contains "$stderr" 'for two guests'
expect_exit 2 hallmark measure tdx --explain --firmware fw.fd --against ccel.bin

# What has no value, and what is no guest.
expect_exit 2 hallmark measure tdx
contains "$stderr" '--firmware is required'
expect_exit 2 hallmark measure tdx --firmware fw.fd --memory 2
contains "$stderr" 'memory: "2" is no size such as 2G or 512M'
expect_exit 2 hallmark measure tdx --firmware fw.fd --profile qemu-77
contains "$stderr" 'with a monitor of qemu-8'
expect_exit 2 hallmark measure tdx --firmware fw.fd --tdattributes 0x1
contains "$stderr" '(DEBUG); to measure one all the same, ask for it'
expect_exit 0 hallmark measure tdx --firmware fw.fd --tdattributes 0x1 --allow-debug
contains "$stdout" 'TDATTRIBUTES allow debugging'
expect_exit 2 hallmark measure tdx --firmware fw.fd other
expect_exit 2 hallmark measure tdx --firmware fw.fd --initrd initrd.img
contains "$stderr" '"initrd" goes with "kernel"'
expect_exit 5 hallmark measure tdx --firmware none
head -c 60000 fw.fd >short.fd
expect_exit 4 hallmark measure tdx --firmware short.fd
tail -c 61440 fw.fd >code.fd
expect_exit 3 hallmark measure tdx --firmware code.fd
contains "$stderr" 'give that too (vars)'
head -c 4096 fw.fd >vars.fd
expect_exit 0 hallmark measure tdx --firmware code.fd --vars vars.fd --json
cp "$stdout" joined.json
[[ $(field joined.json registers.mrtd) == $(field alone.json registers.mrtd) ]]
expect_exit 4 hallmark replay kernel.efi
contains "$stderr" 'is no event log'
head -c 200 ccel.bin >cut.bin
expect_exit 3 hallmark replay cut.bin
contains "$stderr" 'record 2: event log: digests.digest at 0x9a: needs 48 bytes, 46 left'
