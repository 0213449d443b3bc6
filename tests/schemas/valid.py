#!/usr/bin/env python3
"""Whether a document is what a schema of specs/schemas says.   usage: valid.py SCHEMA DOCUMENT...   (SCHEMA: "certificate-v1")"""
import json, pathlib, sys
import jsonschema

schemas = pathlib.Path(__file__).resolve().parents[2] / "specs/schemas"
validator = jsonschema.Draft202012Validator(json.loads((schemas / f"{sys.argv[1]}.schema.json").read_text()))
bad = 0
for path in sys.argv[2:]:
    for error in validator.iter_errors(json.loads(pathlib.Path(path).read_text())):
        print(f"{path}: {error.json_path}: {error.message}", file=sys.stderr)
        bad += 1
sys.exit(bad > 0 or len(sys.argv) < 3)
