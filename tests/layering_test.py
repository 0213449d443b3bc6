#!/usr/bin/env python3
"""layering.py refuses each of the things that it is there to refuse. usage: layering_test.py LAYERING"""
import json, pathlib, subprocess, sys, tempfile

GOOD = {
    "lib/base/bytes.h": "#pragma once\n#include <string>\n",
    "lib/base/bytes.cc": '#include "lib/base/bytes.h"\n',
    "lib/crypto/digest.h": '#pragma once\n#include "lib/base/bytes.h"\n',
    "lib/crypto/digest.cc": '#include <openssl/evp.h>\n#include "lib/crypto/digest.h"\n',
    "tools/hallmark/main.cc": '#include <CLI/CLI.hpp>\n#include "lib/crypto/digest.h"\n',
}
BAD = [
    ("lib/base/bytes.h", '#pragma once\n#include "lib/crypto/digest.h"\n', "is not below the module"),
    ("lib/base/bytes.cc", "#include <openssl/evp.h>\n", "<openssl/evp.h> is for lib/crypto/ alone"),
    ("lib/crypto/digest.cc", "#include <cryptopp/sha.h>\n", "<cryptopp/sha.h> is for lib/crypto/keccak.cc alone"),
    ("lib/crypto/digest.cc", '# include <nlohmann/json.hpp>\n', "is for lib/base/ alone"),
    ("lib/crypto/digest.cc", '#include "tools/hallmark/main.cc"\n', "is not below lib/"),
    ("lib/crypto/digest.cc", '#include "digest.h"\n', "is not the path of a file from the root"),
    ("lib/crypto/digest.cc", "#include <CLI/CLI.hpp>\n", "is for tools/ alone"),
    ("lib/crypto/extra.cc", "", "lib/crypto/extra.cc: is not built"),
    ("lib/other/thing.h", "#pragma once\n", "is in no module"),
    ("lib/base/helper.h", "#pragma once\n", "is not named after the thing in it"),
    ("lib/base/bytes.h", "#include <string>\n", "has no #pragma once"),
]


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / "layers").write_text("base lib/base \ncrypto lib/crypto base\n")
        built = [{"file": str(root / path)} for path in GOOD if path.endswith(".cc")]
        (root / "commands").write_text(json.dumps(built))
        run = subprocess.run([sys.argv[1], root, root / "layers", root / "commands"], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr


status, output = check(GOOD)
assert status == 0, output
for path, text, complaint in BAD:
    status, output = check({**GOOD, path: text})
    assert status == 1 and complaint in output and path in output, (path, text, output)
