#!/usr/bin/env bash
# The ACPI tables that hallmark reads from Debian's own QEMU are the ones that the guest's firmware measures: the oracle is
# OVMF's log in the memory of a guest with a TPM (swtpm). They are the same each time, and at once the second time.
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
tpm tpm1
"$QEMU_TABLES" "$firmware" "" "$machine -m 256M -chardev socket,id=tpm,path=$work/tpm1/socket -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0" >tables.json
tpm tpm2
"$here/firmware_log.py" "$firmware" 256 "$work/tpm2/socket" "$work" $machine >measured
for item in etc/table-loader etc/acpi/rsdp etc/tpm/log etc/acpi/tables; do
  sed -n "s|.*\"$item\": \"\([0-9a-f]*\)\".*|\1|p" tables.json
done >read
diff read measured
echo "the firmware measured what hallmark read: $(wc -l <read) items"
