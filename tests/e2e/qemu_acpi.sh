#!/usr/bin/env bash
# What hallmark reads from Debian's own QEMU is what the guest's firmware measures. Of the ACPI tables the oracle is OVMF's
# log in the memory of a guest with a TPM (swtpm); of the boot items, which firmware measures in a trust domain only,
# QEMU's manual and sources say what they are. All is the same each time, and at once the second time.
here=$(realpath "$(dirname "$0")")
source "$here/common.sh"

for program in qemu-system-x86_64 swtpm swtpm_setup; do
  command -v "$program" >/dev/null || { echo "skipped: there is no $program"; exit 77; }
done
cd "$work"
trap 'kill $(cat tpm*/pid 2>/dev/null) 2>/dev/null || true; rm -rf "$work"' EXIT

machine="-machine q35,smm=off,hpet=off -smp 2 -nodefaults -serial null -cpu Skylake-Server,phys-bits=46"
debian=/usr/share/ovmf/OVMF.fd

"$QEMU_TABLES" "$debian" "" "$machine -m 256M" >first.json
"$QEMU_TABLES" "$debian" cache "$machine -m 256M" >second.json
cmp first.json second.json
"$QEMU_TABLES" "$debian" cache "$machine -m 256M" >third.json
grep -q '"cached": true' third.json
cmp second.json <(sed 's/"cached": true/"cached": false/' third.json)
# QEMU's own complaint is passed on, and kept nowhere.
expect_exit 1 "$QEMU_TABLES" "$debian" cache "$machine -m 256M -device no-such-device" 2>error
grep -q "'no-such-device' is not a valid device model name" error
equal "$(find cache -type f | wc -l)" 1
# One processor more is another machine.
"$QEMU_TABLES" "$debian" cache "${machine/-smp 2/-smp 3} -m 256M" >fourth.json
grep -q '"cached": false' fourth.json
expect_exit 1 cmp -s <(grep etc/acpi/tables first.json) <(grep etc/acpi/tables fourth.json)
# Two at once, into one cache.
rm -r cache
"$QEMU_TABLES" "$debian" cache "$machine -m 256M" >a.json & "$QEMU_TABLES" "$debian" cache "$machine -m 256M" >b.json
wait
cmp <(grep etc/ a.json) <(grep etc/ first.json)
cmp <(grep etc/ b.json) <(grep etc/ first.json)
# A damaged entry is made again.
printf x >>"$(echo cache/*)"
"$QEMU_TABLES" "$debian" cache "$machine -m 256M" >fifth.json
cmp first.json fifth.json

# The boot items: option ROM of -kernel, wait of the boot menu in milliseconds, root buses besides the first.
python3 "$HALLMARK_SOURCE_DIR/tests/cli/made_up_guest.py" program kernel.efi
"$QEMU_TABLES" "$debian" "" "$machine -m 256M -kernel kernel.efi -boot menu=on,splash-time=5000 -device pxb-pcie,bus_nr=80" \
  >items.json
item() { json "['sha384']['$1']" <items.json; }
equal "$(item bootorder)" "$(printf '/rom@genroms/linuxboot_dma.bin\0' | sha384sum | cut -d' ' -f1)"
equal "$(item etc/boot-menu-wait)" "$(printf '\x88\x13' | sha384sum | cut -d' ' -f1)"
equal "$(item etc/extra-pci-roots)" "$(printf '\x01\0\0\0\0\0\0\0' | sha384sum | cut -d' ' -f1)"
equal "$(json "['boot_menu']" <items.json)" 0100
# A kernel changes nothing else.
"$QEMU_TABLES" "$debian" "" "$machine -m 256M -kernel kernel.efi" >kernel.json
cmp <(grep etc/ kernel.json) <(grep etc/ first.json)

# Debian 12's firmware measures no ACPI tables (edk2 does since 202302); that of Debian 13 is a vector.
firmware=${HALLMARK_VECTORS:-}/tdx/debian13_ovmf_2025.02_OVMF.fd
[[ -f $firmware ]] || { echo "skipped: HALLMARK_VECTORS names no firmware that measures ACPI tables"; exit 77; }
tpm() {  # tpm NAME: a fresh TPM at $work/NAME/socket
  local folder=$work/$1
  mkdir "$folder"
  swtpm_setup --tpm2 --tpmstate "$folder" --pcr-banks sha384 >"$folder/setup.log"
  swtpm socket --tpm2 --tpmstate dir="$folder" --ctrl type=unixio,path="$folder/socket" --pid file="$folder/pid" \
    --terminate --daemon
}
with_tpm="-chardev socket,id=tpm,path=/none -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0"
"$QEMU_TABLES" "$firmware" "" "$machine -m 256M $with_tpm" >tables.json
tpm tpm1
"$here/firmware_log.py" "$firmware" 256 "$work/tpm1/socket" "$work" $machine >measured
for item in etc/table-loader etc/acpi/rsdp etc/tpm/log etc/acpi/tables; do
  sed -n "s|.*\"$item\": \"\([0-9a-f]*\)\".*|\1|p" tables.json
done >read
diff read measured

# The command: items and tables of one run, in events. The kernel that it is given is QEMU's too.
export XDG_CACHE_HOME=$work/xdg
measure() { "$HALLMARK" measure tdx --firmware "$firmware" --kernel kernel.efi --cmdline quiet --profile "$1/edk2-202508" \
  --qemu-acpi "$machine -m 256M $2" --json 2>notes; }
event() { python3 -c 'import json,sys
for e in json.load(sys.stdin)["events"]:
    if e["description"] == sys.argv[1]: print(e["provenance"], e["digest"])' "$1"; }
measure qemu-9 "$with_tpm" >guest.json
grep -q 'kernel kernel.efi is added' notes
equal "$(json "['inputs']['memory']" <guest.json)" $((256 << 20))
equal "$(event 'QEMU FW CFG: bootorder' <guest.json)" "computed $(item bootorder)"
equal "$(event 'QEMU FW CFG: BootMenu' <guest.json)" "computed $(printf '\0\0' | sha384sum | cut -d' ' -f1)"
# This QEMU is no release that the profile is of.
equal "$(event 'ACPI DATA: etc/tpm/log' <guest.json)" "assumed $(sed -n 3p measured)"
[[ $(event 'SMBIOS tables' <guest.json) == "assumed "* ]]
grep -q 'rtmr2 is not computed: the machine has a TPM' guest.json
[[ $(json "['registers'].keys()" <guest.json) == *rtmr0*rtmr1* ]]
echo "the firmware measured what hallmark read: $(wc -l <read) items"
