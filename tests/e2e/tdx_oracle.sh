#!/usr/bin/env bash
# An oracle for RTMR0 to RTMR2 that is not ours: Debian's firmware with a TPM, in an emulated machine without any TEE.
# The guest of examples/tdx-uki boots from two generations of firmware, as kernel and initrd and as UKIs of two stubs; the
# firmware, the stub and the kernel write into the TPM's log what they would extend the RTMRs with, and compare_events.py
# holds hallmark's prediction against it. What it leaves out, and why, is printed.
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
processes=()
end() {
  # A TPM ends with its machine; its number may be another's by now.
  for process in "${processes[@]}"; do
    [[ $(cat "/proc/$process/comm" 2>/dev/null) != swtpm ]] || kill "$process" || true
  done
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap end EXIT

# ── what is booted: the example as it is (Debian 13), and the same recipe with the packages of Debian 12 ──
git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
for suite in trixie bookworm; do
  sed -e "s/trixie/$suite/" -e "s,path: \.,path: clone/examples/tdx-uki," "$work/clone/examples/tdx-uki/hallmark.yaml" \
    >"$work/$suite.yaml"
  "$HALLMARK" pin --quiet -f "$work/$suite.yaml" -o "$work/$suite.lock"
  "$HALLMARK" build --quiet -f "$work/$suite.lock" -o "$work/$suite"
done
new=$work/trixie/out old=$work/bookworm/out

# ── the machine ──
memory=2G bytes=$((2 << 30)) cpus=2
machine=(-machine "q35,smm=off,hpet=off" -accel tcg -cpu "Skylake-Server,phys-bits=46" -m "$memory" -smp "$cpus"
  -nodefaults -display none -no-reboot)
[[ $(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p') -lt 10 ]] && vmm=qemu-9 || vmm=qemu-10
declare -A edk2=([$new]=edk2-202502 [$old]=edk2-202211)
firmwares=("$new" "$old")
# By hand, another firmware can be held against its profile: ORACLE_FIRMWARE=FOLDER:edk2-202508, with an OVMF.fd in it.
if [[ -n ${ORACLE_FIRMWARE:-} ]]; then
  firmwares=("${ORACLE_FIRMWARE%:*}")
  edk2[${ORACLE_FIRMWARE%:*}]=${ORACLE_FIRMWARE##*:}
fi

# start_tpm FOLDER: a TPM that ends with the machine that uses it; `tpm` becomes that machine's options.
start_tpm() {
  mkdir -p "$1/tpm"
  swtpm_setup --tpm2 --tpmstate "$1/tpm" --pcr-banks sha384 >"$1/tpm.log"
  swtpm socket --tpm2 --tpmstate dir="$1/tpm" --ctrl type=unixio,path="$1/tpm.socket" --pid file="$1/tpm.pid" \
    --terminate --daemon
  processes+=("$(cat "$1/tpm.pid")")
  tpm=(-chardev "socket,id=tpm,path=$1/tpm.socket" -tpmdev "emulator,id=tpm0,chardev=tpm" -device "tpm-crb,tpmdev=tpm0")
}

# Under emulation with several processors a guest's kernel now and then panics of itself. What was measured is then as
# good as ever, and not written out: such a guest, and no other, is booted again.
boot() {  # boot NAME OPTION…: with $firmware; the guest's console becomes $work/NAME/console
  local folder=$work/$1 began=$SECONDS
  shift
  for _ in 1 2 3; do
    rm -rf "$folder"
    start_tpm "$folder"
    timeout 300 qemu-system-x86_64 "${machine[@]}" "${tpm[@]}" -bios "$firmware/OVMF.fd" -serial file:"$folder/console" "$@" \
      >"$folder/qemu.log" 2>&1 </dev/null || true
    if grep -q 'the guest is done' "$folder/console"; then
      echo "  booted in $((SECONDS - began)) s"
      return
    fi
    grep -q 'Kernel panic' "$folder/console" || break
    echo "  the guest's kernel panicked"
  done
  echo "$folder: the guest did not finish" >&2
  tail "$folder/qemu.log" "$folder/console" >&2
  return 1
}

failed=()
compare() {  # compare NAME OPTION…: the log of NAME with the prediction for the guest that the options describe
  local name=$1
  shift
  "$HALLMARK" measure tdx --profile "$profile" --firmware "$firmware/OVMF.fd" --memory $memory --vcpus $cpus \
    "${measures[@]}" --acpi-digests "$acpi" "$@" --json >"$work/$name/predicted.json"
  "$here/compare_events.py" "$work/$name/console" "$work/$name/predicted.json" "${skip[@]}" || failed+=("$name")
}
# What the boot measures into a TPM, by the same code: that of software which knows nothing else too.
compare_tpm() {  # compare_tpm NAME FILE…
  local name=$1
  shift
  "$TDX_TPM_EVENTS" "$profile" $bytes "$@" >"$work/$name/tpm.json"
  "$here/compare_events.py" "$work/$name/console" "$work/$name/tpm.json" --tpm || failed+=("$name")
}

command_line=$(cat "$new/cmdline")
for firmware in "${firmwares[@]}"; do
  profile=$vmm/${edk2[$firmware]}
  skip=()
  # Debian 12's measures into a TPM as predicted, and in a trust domain nothing.
  measures=()
  [[ ${edk2[$firmware]} != edk2-202211 ]] || measures=(--firmware-measures)
  # The same machine's ACPI tables, the TPM's among them, as hallmark reads them from QEMU. By the driver of --qemu-acpi,
  # which itself leaves out RTMR2 of a machine with a TPM.
  "$QEMU_TABLES" "$firmware/OVMF.fd" "" "${machine[*]} -serial null -chardev socket,id=tpm,path=/none -tpmdev \
    emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0" >"$work/acpi.json"
  acpi=$(json "['sha384']" <"$work/acpi.json" |
    python3 -c 'items = eval(input()); print(*(items["etc/" + i] for i in ("table-loader", "acpi/rsdp", "acpi/tables")), sep=",")')
  name=direct-${edk2[$firmware]}
  echo "$name: kernel, initrd and command line of Debian 13"
  boot "$name" -kernel "$new/vmlinuz" -initrd "$new/initrd.img" -append "$command_line"
  compare "$name" --kernel "$new/vmlinuz" --initrd "$new/initrd.img" --cmdline "$command_line"
  compare_tpm "$name" "$new/vmlinuz" "$new/initrd.img" "$command_line"

  name=uki257-${edk2[$firmware]}
  echo "$name: the UKI of Debian 13"
  boot "$name" -kernel "$new/uki.efi"
  compare "$name" --uki "$new/uki.efi"
  compare_tpm "$name" "$new/uki.efi"

  name=uki252-${edk2[$firmware]}
  echo "$name: the UKI of Debian 12"
  boot "$name" -kernel "$old/uki.efi"
  skip=(--skip "rtmr2=stub 252 and kernel 6.1 measure into a TPM, as seen below, and in a trust domain nothing")
  compare "$name" --uki "$old/uki.efi"
  compare_tpm "$name" "$old/uki.efi"
done
# The comparison can say no: another guest's prediction is not this one's.
expect_exit 1 "$here/compare_events.py" "$work/direct-${edk2[$firmware]}/console" \
  "$work/uki257-${edk2[$firmware]}/predicted.json" >"$work/other"
[[ ${#failed[@]} == 0 ]] || { echo "predicted otherwise than measured: ${failed[*]}" >&2; exit 1; }
