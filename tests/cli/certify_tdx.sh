# A build that makes TDX guests, with logs, a stub and an application on dstack that its recipe names: what is certified
# of them, and verified again.
. "$(dirname "$0")/common.sh"

python3 -c 'import jsonschema' 2>/dev/null || skip "no python3 with jsonschema"
make=$here/made_up_guest.py
field() { python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"; }
flip() { python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[int(sys.argv[2])] ^= 1; open(sys.argv[3], "wb").write(d)' "$@"; }

python3 "$make" firmware fw.fd
python3 "$make" program kernel.efi
zeros=$(printf '0%.0s' {1..96})
hallmark measure tdx --firmware fw.fd --profile qemu-10/edk2-202502 --kernel kernel.efi --cmdline quiet --memory 2G \
  --acpi-digests "$zeros,$zeros,$zeros" --json >answer.json
mapfile -t registers < <(python3 "$make" grub answer.json grub.bin)
printf '2 %s ima-ng sha384:00 boot_aggregate\n' "$zeros" >ima.log
# Its stub is systemd 255, which is measured only as a release that is named.
tail -c +2 "$source_dir/tests/fuzz/corpus/uki/given" >uki.efi
printf '{"manifest_version":2,"name":"a","runner":"docker-compose","no_instance_id":true}' >app-compose.json
printf '3 %s own-event\n' "$zeros" >own.log

python3 "$here/made_up_build.py" build guest=.
valid lock-v1 build/hallmark.lock
valid build-record-v1 build/build-record.json
hallmark key new --type ed25519 --out key >/dev/null
expect_exit 0 hallmark certify build --key key.key -o guest
contains "$stdout" 'warning: out/disk.fd: taken from a log, and as good as who supplied it: rtmr0 ('
field "['payload']" <guest.intoto.json | base64 -d >body
valid certificate-v1 body

# The log's own registers, by made_up_guest.py; RTMR2 goes on with IMA's entry, RTMR3 of the application with its own.
python3 - "${registers[@]}" "$(python3 "$make" dstack app-compose.json ext4)" \
  "$(python3 "$make" dstack app-compose.json zfs)" <<'PY'
import hashlib, json, sys
*registers, ext4, zfs = sys.argv[1:]
boot = registers[:3]
registers[2] = hashlib.sha384(bytes.fromhex(registers[2]) + bytes(48)).hexdigest()
found = {m["subject"]: m for m in json.load(open("body"))["predicate"]["hallmark_measurements"]}
disk, uki = found["out/disk.fd"], found["out/uki.fd"]
assert [disk["registers"][f"rtmr{n}"] for n in range(4)] == registers, disk["registers"]
assert disk["companions"] == {"boot-log": "ref/grub.bin", "runtime-log": "ref/ima.log"}, disk
assert disk["inputs"]["from_log"] == ["rtmr0", "rtmr1", "rtmr2"], disk["inputs"]
assert uki["companions"] == {"uki": "out/uki.efi"} and uki["options"]["stub"] == "257", uki
assert "rtmr1" in uki["registers"] and "from_log" not in uki["inputs"], uki

compose_hash = hashlib.sha256(open("app-compose.json", "rb").read()).hexdigest()
app, disk_app = found["out/app.fd"], found["out/disk-app.fd"]
assert app["companions"] == {"app-compose": "out/app-compose.json", "kernel": "out/kernel.efi"}, app["companions"]
assert app["options"]["dstack"] == "0.5.5" and app["options"]["key-provider"] == '{"name":"none","id":""}', app["options"]
assert app["registers"]["rtmr3"] == ext4, app["registers"]
assert [disk_app["registers"][f"rtmr{n}"] for n in range(3)] == boot, disk_app["registers"]
assert disk_app["registers"]["rtmr3"] == hashlib.sha384(bytes.fromhex(zfs) + bytes(48)).hexdigest()
for guest in app, disk_app:
    assert guest["policy"]["mrconfigid"] == "01" + compose_hash + "00" * 15, guest["policy"]
    assert guest["inputs"]["compose_hash"] == compose_hash and guest["inputs"]["dstack"] == "0.5.5", guest["inputs"]
PY

expect_exit 0 hallmark verify guest.intoto.json --key key.pub --artifact build
contains "$stdout" 'warning: out/disk.fd: taken from a log, and as good as who supplied it: rtmr0 ('
expect_exit 0 hallmark verify guest.intoto.json --key key.pub --artifact build --json
valid verify-v1 "$stdout"
contains "$stdout" 'out/disk.fd: taken from a log'
expect_exit 0 hallmark compare build guest.intoto.json --key key.pub
# Another log is another build, and gives the same firmware other registers.
# Of the last event but one, 29 bytes of data behind a size of four, a byte of the digest; the last has 66 bytes and 40.
flip grub.bin $(($(stat -c %s grub.bin) - 64 - 106 - 29 - 4 - 10)) other.bin
expect_exit 1 hallmark verify guest.intoto.json --key key.pub --artifact build/out/disk.fd \
  --artifact ref/grub.bin=other.bin --artifact ref/ima.log=ima.log
contains "$stdout" 'rtmr1: '
expect_exit 2 hallmark verify guest.intoto.json --key key.pub --artifact build/out/disk.fd --artifact ref/ima.log=ima.log
contains "$stderr" '"out/disk.fd" is measured together with "ref/grub.bin" (boot-log), which was not given'
# Another application is another build, and gives the guest another RTMR3 and another MRCONFIGID.
cp -r build other
sed 's/"a"/"b"/' app-compose.json >other/out/app-compose.json
expect_exit 1 hallmark verify guest.intoto.json --key key.pub --artifact other
contains "$stdout" 'rtmr3: '
