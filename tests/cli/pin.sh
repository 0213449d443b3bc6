#!/usr/bin/env bash
# hallmark pin as far as no Debian mirror is needed: what it refuses before it looks for packages. The
# whole of it is tested end to end.
. "$(dirname "$0")/common.sh"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org GIT_CONFIG_NOSYSTEM=1

cat >hallmark.yaml <<'SPEC'
hallmark: 1
name: demo
sources:
- {name: app, path: .}
toolchain:
  debian:
    keyring: keys.gpg
    suites: [{suite: bookworm, mirrors: ["file:///nowhere"]}]
    packages: [gcc]
build:
  steps: [make]
outputs:
- {path: out/app}
SPEC

# No specification, and one with a typing error: file, line and field.
expect_exit 5 hallmark pin -f nothing.yaml
contains "$stderr" nothing.yaml
sed 's/steps/stesp/' hallmark.yaml >typo.yaml
expect_exit 3 hallmark pin -f typo.yaml
contains "$stderr" 'typo.yaml:11: build: has no "steps" (there is "stesp")'
sed 's/out.app}/out\/app, kind: sgxx}/' hallmark.yaml >kind.yaml
expect_exit 2 hallmark pin -f kind.yaml
contains "$stderr" 'kind.yaml: outputs[0].kind: no kind of output is called "sgxx", did you mean "sgx"?'

# A folder that no commit holds.
expect_exit 2 hallmark pin
contains "$stderr" 'source app: '
contains "$stderr" 'is not in a git work tree'
git init -q .
git add hallmark.yaml
git commit -qm first
expect_exit 2 hallmark pin
contains "$stderr" 'has changes that no commit holds: kind.yaml, typo.yaml; commit it, or pin the folder as it stands with --allow-dirty'
rm kind.yaml typo.yaml

# A private key, wherever it hides.
mkdir -p deep/er
openssl genpkey -algorithm ED25519 -out deep/er/signing.pem 2>/dev/null
git add deep
git commit -qm oops
expect_exit 1 hallmark pin
contains "$stderr" 'source app: deep/er/signing.pem: holds a private key (PRIVATE KEY) in line 1'
expect_exit 1 hallmark pin --allow-dirty
contains "$stderr" 'deep/er/signing.pem'
git rm -q -r deep
git commit -qm better

# The source is fine now; what is missing is the keyring. No lock was made on the way.
expect_exit 5 hallmark pin
contains "$stderr" 'keys.gpg'
[[ ! -e hallmark.lock ]]
expect_exit 5 hallmark pin --check
contains "$stderr" 'hallmark.lock'
expect_exit 2 hallmark pin --check --update
expect_exit 2 hallmark pin --update gcc
contains "$stderr" 'there is no lock yet'

# A lock edited by hand, and one with merge conflicts.
cp "$source_dir/specs/schemas/lock-v1.example.yaml" hallmark.lock
sed -i 's/cpus: 2/cpus: 3/' hallmark.lock
expect_exit 3 hallmark pin
contains "$stderr" 'hallmark.lock: lock_sha256: is '
contains "$stderr" 'the lock was edited after pin made it'
expect_exit 1 hallmark pin --check
contains "$stdout" 'hallmark.lock does not hold'
contains "$stdout" 'lock_sha256'
printf '<<<<<<< ours\n' | cat - hallmark.lock >conflict
expect_exit 3 hallmark pin -o conflict
contains "$stderr" 'conflict: has merge conflicts in it'
