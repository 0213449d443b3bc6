#!/usr/bin/env python3
"""Writes a folder as `hallmark build` leaves it, without building: a tiny SGX stream, a tool, lock, log and record.

    made_up_build.py FOLDER [NAME=VALUE...]

code=TEXT    the first bytes of the enclave's page
tool=TEXT    the content of the other output
kernel=TEXT  the host's kernel
extra=TEXT   one more package in the lock
vectors=FOLDER  adds a Gramine manifest with its libpal, an unsigned SDK enclave with its configuration, and a payload
                of EGo with its base enclave, from there
guest=FOLDER    adds TDX firmware, fw.fd, that boots from a disk as the log grub.bin has it and whose kernel's IMA extends
                RTMR2 as ima.log has it; the same firmware with the unified kernel image uki.efi; with kernel.efi and the
                application on dstack of app-compose.json; and with that application behind the boot that grub.bin has,
                which then extends RTMR3 as own.log has it

The lock and the record are written here from their specifications (specs/formats), not by hallmark.
"""
import hashlib, json, pathlib, struct, sys

folder = pathlib.Path(sys.argv[1])
options = {"code": "enclave", "tool": "#!/bin/sh\n", "kernel": "6.1.0-1-amd64", "extra": "", "vectors": "", "guest": "", "binding": ""}
options |= dict(argument.split("=", 1) for argument in sys.argv[2:])


def sha256(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# SGXS: the records that ECREATE, EADD and EEXTEND hash, so MRENCLAVE is the SHA-256 of the file.
page = options["code"].encode().ljust(4096, b"\0")
stream = b"ECREATE\0" + struct.pack("<IQ", 1, 8192) + bytes(44)
stream += b"EADD\0\0\0\0" + struct.pack("<QQ", 0, 0x205) + bytes(40)
for at in range(0, 4096, 256):
    stream += b"EEXTEND\0" + struct.pack("<Q", at) + bytes(48) + page[at:at + 256]
files = {"out/enclave.sgxs": stream, "out/tool": options["tool"].encode()}
log = b"building\n"

binding = {"report_data": options["binding"]} if options["binding"] else {}
outputs = [{"path": "out/enclave.sgxs", "kind": "sgx"} | binding, {"path": "out/tool", "kind": "file"}]
if options["vectors"]:
    vectors = pathlib.Path(options["vectors"])
    for path, source in (("out/app.manifest.sgx", "gramine/plain.manifest.sgx"), ("out/libpal.so", "gramine/libpal.so"),
                         ("out/enclave.so", "sgx_config/unsigned.so"), ("out/config.xml", "sgx_config/static.xml"),
                         ("out/app", "ego/plain"), ("out/ego-enclave", "ego/base")):
        files[path] = (vectors / source).read_bytes()
    outputs += [{"path": "out/app.manifest.sgx", "kind": "sgx", "libpal": "out/libpal.so", "gramine_version": "1.9"},
                {"path": "out/libpal.so", "kind": "file"},
                {"path": "out/enclave.so", "kind": "sgx", "config": "out/config.xml"},
                {"path": "out/config.xml", "kind": "file"},
                {"path": "out/app", "kind": "sgx", "ego_enclave": "out/ego-enclave"},
                {"path": "out/ego-enclave", "kind": "file"}]
if options["guest"]:
    guest = pathlib.Path(options["guest"])
    for path, source in (("out/disk.fd", "fw.fd"), ("ref/grub.bin", "grub.bin"), ("ref/ima.log", "ima.log"),
                         ("out/uki.fd", "fw.fd"), ("out/uki.efi", "uki.efi"), ("out/app.fd", "fw.fd"),
                         ("out/kernel.efi", "kernel.efi"), ("out/app-compose.json", "app-compose.json"),
                         ("out/disk-app.fd", "fw.fd"), ("ref/own.log", "own.log")):
        files[path] = (guest / source).read_bytes()
    profile = {"memory": "2G", "profile": "qemu-10/edk2-202502"}
    outputs += [{"path": "out/disk.fd", "kind": "tdx", "boot_log": "ref/grub.bin", "runtime_log": "ref/ima.log"} | profile,
                {"path": "ref/grub.bin", "kind": "file"},
                {"path": "ref/ima.log", "kind": "file"},
                {"path": "out/uki.fd", "kind": "tdx", "uki": "out/uki.efi", "stub": "257"} | profile,
                {"path": "out/uki.efi", "kind": "file"},
                {"path": "out/app.fd", "kind": "tdx", "kernel": "out/kernel.efi", "cmdline": "dstack.storage_fs=ext4",
                 "app_compose": "out/app-compose.json", "dstack": "0.5.5", "mrconfigid": "dstack-v1",
                 "key_provider": '{"name":"none","id":""}'} | profile,
                {"path": "out/kernel.efi", "kind": "file"},
                {"path": "out/app-compose.json", "kind": "file"},
                {"path": "out/disk-app.fd", "kind": "tdx", "boot_log": "ref/grub.bin", "runtime_log": "ref/own.log",
                 "app_compose": "out/app-compose.json", "dstack": "0.5.5", "mrconfigid": "dstack-v1"} | profile,
                {"path": "ref/own.log", "kind": "file"}]


def package(name):
    return {"name": name, "version": "12.2.0-14+deb12u1", "arch": "amd64", "suite": "bookworm",
            "path": f"pool/main/{name[0]}/{name}/{name}.deb", "sha256": sha256(name), "size": 100}


packages = [package(name) for name in sorted(filter(None, ["gcc-12", "make", options["extra"]]))]
lock = {
    "hallmark_lock": 1, "name": "sample", "spec_sha256": sha256("specification"),
    "rules": {"tar": "hallmark-tar-1", "root": "debroot-1", "box": "box-1"}, "epoch": 1700000000,
    "sources": [{"name": "enclave", "into": ".",
                 "git": {"url": "https://example.org/enclave.git", "ref": "refs/tags/v1", "commit": "ab" * 20,
                         "tree": "cd" * 20, "committed": 1700000000},
                 "tree_sha256": sha256("tree"), "files": 3, "bytes": 300}],
    "debian": {"arch": "amd64", "keyring_sha256": sha256("keyring"), "requested": ["gcc", "make"],
               "suites": [{"suite": "bookworm", "inrelease_sha256": sha256("InRelease"), "date": "2026-07-11T10:16:37Z",
                           "signers": ["4CB50190207B4758A3F73A796ED0E7B82643E131"],
                           "indexes": [{"file": "main/binary-amd64/Packages", "sha256": sha256("Packages"), "size": 10}]}],
               "packages": packages},
    "root": {"sha256": sha256("root"), "files": 10, "bytes": 1000},
    "build": {"cpus": 1, "env": {}, "steps": ["make"]},
    "outputs": outputs,
}
record = {
    "hallmark_build_record": 1, "lock_sha256": sha256(canonical(lock)), "box": "box-1",
    "fixed": {"hostname": "build", "umask": "0022"},
    "host": {"kernel": options["kernel"], "machine": "x86_64", "cpu_model": "A CPU", "cpus": 2, "backend": "native",
             "root": False},
    "started": "2026-11-22T10:00:00Z", "finished": "2026-11-22T10:01:00Z", "log_sha256": sha256(log),
    "hallmark_version": "0.1.0",
    "outputs": [o | {"sha256": sha256(files[o["path"]]), "size": len(files[o["path"]]),
                 "mode": "0644"} for o in lock["outputs"]],
}

(folder / "out").mkdir(parents=True)
for path, content in files.items():
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_bytes(content)
(folder / "build.log").write_bytes(log)
# JSON is YAML: the lock's text has another form than `hallmark pin` gives it, and the same digest.
(folder / "hallmark.lock").write_text(json.dumps(lock | {"lock_sha256": sha256(canonical(lock))}, indent=1) + "\n")
(folder / "build-record.json").write_text(json.dumps(record, indent=1) + "\n")
