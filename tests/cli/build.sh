#!/usr/bin/env bash
# hallmark build as far as no package is needed: what it refuses before it fetches or runs anything. Real
# builds are tested in tests/unit/build and end to end.
. "$(dirname "$0")/common.sh"

expect_exit 5 hallmark build
contains "$stderr" hallmark.lock
expect_exit 2 hallmark build --sandbox chroot
contains "$stderr" 'native'
expect_exit 2 hallmark build --repeat 0

# A lock edited by hand.
cp "$source_dir/specs/schemas/lock-v1.example.yaml" good.lock
sed 's/cpus: 2/cpus: 3/' good.lock >edited.lock
expect_exit 3 hallmark build -f edited.lock
contains "$stderr" 'edited.lock: lock_sha256: is '

# A specification beside the lock that the lock was not made from.
cat >good.yaml <<'SPEC'
hallmark: 1
name: demo
sources:
- {name: app, path: .}
toolchain:
  debian:
    suites: [{suite: bookworm}]
    packages: [gcc]
build:
  steps: [make]
outputs:
- {path: out/app}
SPEC
expect_exit 2 hallmark build -f good.lock
contains "$stderr" 'good.yaml'
contains "$stderr" 'hallmark pin'

[[ ! -e hallmark-out ]]
