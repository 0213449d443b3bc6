#!/usr/bin/env bash
# The example of a TDX guest: built bit-identically by anybody and at any time, certified, verified and rebuilt.
. "$(dirname "$0")/common.sh"

git clone -q "file://$HALLMARK_SOURCE_DIR" "$work/clone"
cd "$work/clone/examples/tdx-uki"
"$HALLMARK" pin
"$HALLMARK" build --repeat 2
uki=hallmark-out/out/uki.efi
firmware=$PWD/hallmark-out/out/OVMF.fd
# Without ACPI tables: all registers but RTMR0.
measure() {  # measure UKI EXPRESSION: of the guest that boots it with the example's firmware
  "$HALLMARK" measure tdx --firmware "$firmware" --uki "$1" --memory 2G --profile qemu-10/edk2-202502 --json | json "$2"
}

# What everyone gets from these versions of the packages. Debian replaces them as it fixes them: then only the rest of
# this test holds, and expected.json is to be made anew.
version() { sed -n "s/^ *- {name: $1, version: \"\{0,1\}\([^,\"]*\).*/\1/p" hallmark.lock; }
same=yes
while read -r package want; do
  have=$(version "$package")
  [[ $have == "$want" ]] || { same=no; echo "expected.json is for $package $want, and Debian has $have"; }
done < <(json "['packages']" <expected.json | python3 -c 'for p in eval(input()).items(): print(*p)')
if [[ $same == yes ]]; then
  while read -r output want; do equal "$(sha "hallmark-out/$output")" "$want"; done < \
    <(json "['outputs']" <expected.json | python3 -c 'for p in eval(input()).items(): print(*p)')
  equal "$(measure "$uki" "['registers']")" "$(json "['registers']" <expected.json)"
fi

# The initrd is what Linux takes for one, with nothing in it but the list.
equal "$(busybox cpio -t <hallmark-out/out/initrd.img 2>"$work/cpio" | sort | xargs)" 'bin bin/busybox dev init proc sys'

"$HALLMARK" key new --out "$work/builder"
"$HALLMARK" certify hallmark-out --key "$work/builder.key" -o "$work/certificate"
"$HALLMARK" verify "$work/certificate.intoto.json" --key "$work/builder.pub" --artifact hallmark-out
"$HALLMARK" rebuild "$work/certificate.intoto.json" --key "$work/builder.pub" --source guest=. --out "$work/rebuilt"
base64 -d < <(json "['payload']" <"$work/certificate.intoto.json") | grep -qF "$(measure "$uki" "['registers']['rtmr1']")"
cmp "$uki" "$work/rebuilt/out/uki.efi"

# ── the time that objcopy writes ──
# It is in RTMR1. Without the normalising step: binutils 2.40 (Debian 12) writes the clock's time, so two builds of one recipe differ;
# 2.44 (Debian 13) writes SOURCE_DATE_EPOCH, so the same files committed at another time differ. With it neither does.
git clone -q "$work/clone" "$work/red"
sed -i 's,out/normalise out/joined.efi $@,cp out/joined.efi $@,' "$work/red/examples/tdx-uki/Makefile"
git -C "$work/red" -c user.name=t -c user.email=t@example.org commit -qam "leave the time in"

rtmr1_of() {  # rtmr1_of CLONE SUITE EPOCH: by the UKI that is built now, with the tools of Debian's release SUITE
  sed -e "s,path: \.,path: $1/examples/tdx-uki," -e "s/trixie/$2/" -e "s/epoch: commit/epoch: $3/" hallmark.yaml \
    >"$work/$1.yaml"
  "$HALLMARK" pin --quiet -f "$work/$1.yaml" -o "$work/$1.lock" >"$work/pinned"
  "$HALLMARK" build --quiet -f "$work/$1.lock" -o "$work/built" >"$work/built.txt"
  measure "$work/built/out/uki.efi" "['registers']['rtmr1']"
  rm -r "$work/built"
}
another_second() { local now; now=$(date +%s); until [[ $(date +%s) != "$now" ]]; do sleep 0.1; done; }
differ() { [[ $1 != "$2" ]] || { echo "both are $1" >&2; return 1; }; }

for clone in clone red; do
  [[ $clone == red ]] && judge=differ || judge=equal
  first=$(rtmr1_of $clone bookworm 1700000000)
  another_second
  second=$(rtmr1_of $clone bookworm 1700000000)
  echo "$clone, Debian 12, one recipe at two times: $first $second"
  $judge "$first" "$second"
  before=$(rtmr1_of $clone trixie 1700000000)
  after=$(rtmr1_of $clone trixie 1800000000)
  echo "$clone, Debian 13, committed at two times:  $before $after"
  $judge "$before" "$after"
done
