# hallmark measure on the small enclaves whose values an independent program computed (tests/vectors/sgx).
. "$(dirname "$0")/common.sh"

made=$source_dir/tests/vectors/sgx
cp "$made"/*.so "$made"/*.sgxs "$made"/*.sig .

# What the maker says, and the three answers a script can tell apart.
mrenclave() { python3 -c 'import json, sys; print(json.load(sys.stdin)["registers"]["mrenclave"])'; }
[[ $(hallmark measure plain.so --json | mrenclave) == $(python3 -c "
import json; print(next(c['mrenclave'] for c in json.load(open('$made/cases.json')) if c['file'] == 'plain.so'))") ]]
expect_exit 0 hallmark measure plain.so
contains "$stdout" 'equal: this is the signed value, and the signature holds'
expect_exit 1 hallmark measure code-changed.so
contains "$stdout" 'the code was changed under a valid signature'
expect_exit 1 hallmark measure hash-changed.so
contains "$stdout" 'the embedded hash was changed'
expect_exit 0 hallmark measure debug-launchable.so
contains "$stdout" 'what to worry about'

# Of a stream, the signature beside it is used, and another one when it is named. sha256sum is the oracle.
expect_exit 0 hallmark measure stream.sgxs
contains "$stderr" 'using the signature beside it, stream.sig'
contains "$stdout" "$(sha256sum <stream.sgxs | cut -c-64)"
expect_exit 1 hallmark measure stream.sgxs --sig unmeasured.sig
expect_exit 1 hallmark measure stream.sgxs --sigstruct unmeasured.sig
mv stream.sig elsewhere.sig
expect_exit 0 hallmark measure stream.sgxs
contains "$stdout" 'computed: there is no signed value to compare with'

# Not signed yet: with its configuration, and with no other companion. The maker's value is the oracle.
configured=$source_dir/tests/vectors/sgx_config
cp "$configured"/unsigned.so "$configured"/*.xml .
expect_exit 4 hallmark measure unsigned.so
contains "$stderr" 'this enclave is not signed, and is measured along with its configuration (--config)'
expect_exit 0 hallmark measure unsigned.so --config threads.xml
contains "$stdout" 'computed: there is no signed value to compare with'
contains "$stdout" "$(python3 -c "
import json; print(next(c['mrenclave'] for c in json.load(open('$configured/cases.json')) if c['config'] == 'threads.xml'))")"
contains "$stdout" 'ELRangeStartAddress'
expect_exit 2 hallmark measure stream.sgxs --config threads.xml
contains "$stderr" 'an SGXS stream is measured without "config"'
expect_exit 4 hallmark measure plain.so --config threads.xml
contains "$stderr" 'g_global_data has 8 bytes, which is that of no SDK known here'
sed 's/TCSNum>4/TCSNum>0/' threads.xml >wrong.xml
expect_exit 3 hallmark measure unsigned.so --config wrong.xml
contains "$stderr" 'wrong.xml: configuration: line 3: TCSNum: is 0, allowed are 1 to 4294967295'

# A payload of EGo says what it measures to, and nobody checked it; an Open Enclave image that is not signed does not.
for file in plain unsigned ego needs-module; do cp "$source_dir/tests/vectors/open_enclave/$file" "oe-$file"; done
expect_exit 0 hallmark measure oe-plain
contains "$stdout" 'equal:'
expect_exit 0 hallmark measure oe-unsigned
contains "$stdout" 'computed:'
expect_exit 1 hallmark measure oe-ego
contains "$stdout" 'embedded: the image says so, and it could not be recomputed'
# With its base enclave the value is recomputed. Open Enclave's own loader, as EGo has it, is the oracle.
for file in base other-base plain; do cp "$source_dir/tests/vectors/ego/$file" "ego-$file"; done
expect_exit 1 hallmark measure ego-plain
contains "$stdout" 'embedded: the image says so'
expect_exit 0 hallmark measure ego-plain --ego-enclave ego-base
contains "$stdout" 'equal: this is the signed value'
contains "$stdout" '6486e29f4abde292d744a9cc9d1bad26b36866c416db289c77003326cc07b6bc'
expect_exit 1 hallmark measure ego-plain --ego-enclave ego-other-base
contains "$stdout" 'the code was changed under a valid signature'
expect_exit 1 hallmark measure --explain ego-plain ego-plain --ego-enclave ego-base --ego-enclave ego-other-base
contains "$stdout" 'segment at 0x0: other bytes in 1 page'
expect_exit 2 hallmark measure oe-plain --ego-enclave ego-base
contains "$stderr" 'an Open Enclave image is measured without "ego-enclave"'
expect_exit 4 hallmark measure ego-plain --ego-enclave ego-plain
contains "$stderr" 'the base enclave: is itself a payload for EGo'
# What an image needs is measured with it.
cp "$source_dir"/tests/vectors/ego/{libmodule.so,image-with-module,with-module,needing-base} .
expect_exit 0 hallmark measure image-with-module --module libmodule.so
contains "$stdout" 'equal: this is the signed value'
expect_exit 4 hallmark measure with-module --ego-enclave needing-base
contains "$stderr" 'the base enclave: needs the module "libmodule.so"'
expect_exit 0 hallmark measure with-module --ego-enclave needing-base --module libmodule.so
expect_exit 2 hallmark measure oe-plain --module libmodule.so
contains "$stderr" 'needs no module'
expect_exit 4 hallmark measure oe-needs-module
contains "$stderr" 'needs the module "libmodule.so"'

# A manifest of Gramine is measured with libpal, and the signature beside it is used.
cp "$source_dir"/tests/vectors/gramine/*.{sgx,sig} "$source_dir/tests/vectors/gramine/libpal.so" .
expect_exit 2 hallmark measure plain.manifest.sgx
contains "$stderr" 'libpal'
expect_exit 0 hallmark measure plain.manifest.sgx --libpal libpal.so
contains "$stdout" 'computed:'
expect_exit 0 hallmark measure signed.manifest.sgx --libpal libpal.so --gramine-version 1.6.2
contains "$stdout" 'equal:'
expect_exit 4 hallmark measure signed.manifest.sgx --libpal libpal.so --gramine-version 1.4
contains "$stderr" 'not one of 1.5'
expect_exit 2 hallmark measure plain.so --libpal libpal.so

# The document is what its schema and the example say.
hallmark measure unsigned.so --config region.xml --json --quiet >"$work/unsigned.so.json"
for file in plain.so code-changed.so stream.sgxs unmeasured.sgxs oe-plain oe-unsigned oe-ego; do
  hallmark measure "$file" --json --quiet >"$work/$file.json" || true
done
hallmark measure signed.manifest.sgx --libpal libpal.so --json --quiet >"$work/manifest.json"
hallmark measure with-module --ego-enclave needing-base --module libmodule.so --json --quiet >"$work/ego.json"
[[ $(ls "$work"/*.json | wc -l) == 10 ]]
valid measurement-v1 "$work"/*.json
is_example "$source_dir/specs/schemas/examples/measurement-v1.json" "$work/plain.so.json"

# Two traces differ first in the page that differs: the one with the changed byte.
hallmark measure --trace small.so 2>a >/dev/null
hallmark measure --trace code-changed.so 2>b >/dev/null || true
not diff a b >changes
contains a 'ECREATE ssa_frame_pages=1 size=0x10000'
contains a 'EADD offset=0x5000 flags=0x100 chunks=16 sha256='
[[ $(grep -c '^[<>]' changes) == 2 ]]
contains changes '< EADD offset=0x0 flags=0x205 chunks=16 sha256='

# The same as a sentence; equal enclaves are said to be equal.
expect_exit 1 hallmark measure --explain small.so code-changed.so
contains "$stdout" 'they part at record'
contains "$stdout" 'in segment at 0x0'
contains "$stdout" 'other bytes in 1 page, the first at 0x208'
expect_exit 1 hallmark measure --explain small.so code-changed.so --json
is_example "$source_dir/specs/schemas/examples/explanation-v1.json" "$stdout"
expect_exit 0 hallmark measure --explain small.so small.so
contains "$stdout" 'they measure to the same'
expect_exit 1 hallmark measure --explain unsigned.so unsigned.so --config static.xml --config threads.xml --json
valid explanation-v1 "$stdout"
contains "$stdout" 'threads: 1 in A, 4 in B'
expect_exit 2 hallmark measure --explain small.so
expect_exit 2 hallmark measure small.so code-changed.so
expect_exit 2 hallmark measure unsigned.so --config static.xml --config threads.xml
contains "$stderr" '--config: is given 2 times, for one image'

# Damaged, unknown, absent.
head -c 1000 small.so >short.so
expect_exit 3 hallmark measure short.so
contains "$stderr" 'measuring short.so: ELF'
expect_exit 2 hallmark measure small.so --sig elsewhere.sig
contains "$stderr" 'carries its own SIGSTRUCT'
expect_exit 3 hallmark measure stream.sgxs --sig small.so
expect_exit 4 hallmark measure elsewhere.sig
expect_exit 4 hallmark measure "$HALLMARK"
contains "$stderr" 'without enclave metadata'
expect_exit 5 hallmark measure nowhere.so
mkfifo pipe
expect_exit 5 timeout 10 "$HALLMARK" measure pipe
contains "$stderr" 'is not a regular file'
expect_exit 5 hallmark measure /dev/null
# A name with a control character reaches the terminal escaped.
cp small.so $'bad\e[31m.so'
expect_exit 0 hallmark measure $'bad\e[31m.so'
not grep -q $'\e' "$stdout"
