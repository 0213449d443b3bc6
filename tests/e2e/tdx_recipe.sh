#!/usr/bin/env bash
# Guests for TDX whose recipe names logs, a stub and an application on dstack: pinned, built, certified, verified and
# rebuilt from the certificate. The guests are made up (tests/cli/made_up_guest.py); the sandbox and the packages are not.
. "$(dirname "$0")/common.sh"

make=$HALLMARK_SOURCE_DIR/tests/cli/made_up_guest.py
mkdir "$work/guest"
cd "$work/guest"
python3 "$make" firmware fw.fd
python3 "$make" program kernel.efi
zeros=$(printf '0%.0s' {1..96})
"$HALLMARK" measure tdx --firmware fw.fd --profile qemu-10/edk2-202502 --kernel kernel.efi --memory 2G \
  --acpi-digests "$zeros,$zeros,$zeros" --json >"$work/answer.json"
mapfile -t registers < <(python3 "$make" grub "$work/answer.json" ccel.bin)
tail -c +2 "$HALLMARK_SOURCE_DIR/tests/fuzz/corpus/uki/given" >uki.efi
printf '3 %s own-event\n' "$zeros" >own.log
printf '{"manifest_version":2,"name":"a","runner":"docker-compose","no_instance_id":true}' >app-compose.json
cat >hallmark.yaml <<'YAML'
hallmark: 1
name: guests
sources:
- {name: guest, into: ., path: .}
toolchain:
  debian:
    suites: [{suite: bookworm}]
    packages: [coreutils, dash]
build:
  steps:
  - mkdir out; cp fw.fd out/disk.fd; cp fw.fd out/uki.fd; cp uki.efi out/
outputs:
- path: out/disk.fd
  kind: tdx
  boot_log: ccel.bin
  runtime_log: own.log
  app_compose: app-compose.json
  dstack: 0.5.5
  key_provider: '{"name":"none","id":""}'
  mrconfigid: dstack-v1
  memory: 2G
  profile: qemu-10/edk2-202502
- {path: out/uki.fd, kind: tdx, uki: out/uki.efi, stub: "257", app_compose: app-compose.json, dstack: 0.5.5, memory: 2G, profile: qemu-10/edk2-202502}
- {path: out/uki.efi}
- {path: ccel.bin}
- {path: own.log}
- {path: app-compose.json}
YAML
echo hallmark-out >.gitignore
git init -q .
git add .
git -c user.name=t -c user.email=t@example.org commit -qm guests

"$HALLMARK" pin
"$HALLMARK" build
"$HALLMARK" key new --out "$work/builder"
"$HALLMARK" certify hallmark-out --key "$work/builder.key" -o "$work/certificate"
"$HALLMARK" verify "$work/certificate.intoto.json" --key "$work/builder.pub" --artifact hallmark-out
"$HALLMARK" rebuild "$work/certificate.intoto.json" --key "$work/builder.pub" --source guest=. --out "$work/rebuilt"

# What was certified is what made_up_guest.py computes: the boot as it was logged, then dstack's events and the guest's
# own; and MRCONFIGID by the application.
json "['payload']" <"$work/certificate.intoto.json" | base64 -d >"$work/body"
python3 - "$work/body" "$(python3 "$make" dstack app-compose.json zfs)" "${registers[@]}" <<'PY'
import hashlib, json, sys
body, app, *boot = sys.argv[1:]
found = {m["subject"]: m for m in json.load(open(body))["predicate"]["hallmark_measurements"]}
disk, uki = found["out/disk.fd"], found["out/uki.fd"]
assert [disk["registers"][f"rtmr{n}"] for n in range(3)] == boot[:3], disk["registers"]
assert disk["registers"]["rtmr3"] == hashlib.sha384(bytes.fromhex(app) + bytes(48)).hexdigest(), disk["registers"]
assert uki["registers"]["rtmr3"] == app, uki["registers"]
compose = hashlib.sha256(open("app-compose.json", "rb").read()).hexdigest()
assert disk["policy"]["mrconfigid"] == "01" + compose + "00" * 15, disk["policy"]
PY

# Another application is another guest.
sed -i 's/"a"/"b"/' app-compose.json
git -c user.name=t -c user.email=t@example.org commit -qam another
"$HALLMARK" pin -o "$work/another.lock"
"$HALLMARK" build -f "$work/another.lock" -o "$work/another"
expect_exit 1 "$HALLMARK" compare "$work/another" "$work/certificate.intoto.json" --key "$work/builder.pub"
