# usage: consumer.sh BUILD
# Installs BUILD into an empty prefix, looks for all that should be there, and builds and runs a project that uses it.
set -Eeuo pipefail
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND" >&2' ERR
build=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/hallmark-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

cmake --install "$build" --prefix "$prefix" >"$work/log"
"$prefix/bin/hallmark" --version
for file in share/man/man1/hallmark.1 share/man/man1/hallmark-measure.1 share/bash-completion/completions/hallmark \
  share/zsh/site-functions/_hallmark share/fish/vendor_completions.d/hallmark.fish include/hallmark/lib/tee/platform.h; do
  [[ -s $prefix/$file ]]
done
# Nothing installed remembers where it was built.
if grep -rlF -- "$(dirname "$(dirname "$build")")/" "$prefix/lib/cmake" "$prefix/include" "$prefix/share"; then exit 1; fi

cmake -S "$here/consumer" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" >>"$work/log"
cmake --build "$work/consumer" >>"$work/log" || { tail -n 40 "$work/log" >&2; exit 1; }

# The smallest enclave: one page. An SGXS file is the very stream that MRENCLAVE hashes, so SHA-256 of the file is the
# expected value. SDM volume 3D, ECREATE, EADD, EEXTEND.
python3 - >"$work/enclave.sgxs" <<'P'
import struct, sys
out = b"ECREATE\0" + struct.pack("<IQ", 1, 0x2000) + bytes(44)
out += b"EADD\0\0\0\0" + struct.pack("<QQ", 0, 0x203) + bytes(40)
for offset in range(0, 4096, 256):
    out += b"EEXTEND\0" + struct.pack("<Q", offset) + bytes(48) + bytes([offset >> 8]) * 256
sys.stdout.buffer.write(out)
P
"$work/consumer/consumer" "$work/enclave.sgxs" | tee "$work/measured"
[[ $(cat "$work/measured") == "mrenclave $(sha256sum "$work/enclave.sgxs" | cut -d' ' -f1)" ]]
