#!/usr/bin/env python3
"""Every schema is a valid one and has an example in examples/ that is valid under it."""
import json, pathlib, sys
import jsonschema

folder = pathlib.Path(sys.argv[1])
schemas = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in folder.glob("*.schema.json")}
bad = 0
for schema in schemas.values():
    jsonschema.Draft202012Validator.check_schema(schema)
examples = sorted((folder / "examples").glob("*.json"))
# These are YAML, which the tests of lib/pin hold to their schemas.
for name in schemas.keys() - {path.stem for path in examples} - {"spec-v1", "lock-v1"}:
    print(f"{name}: has no example")
    bad += 1
for path in examples:
    for error in jsonschema.Draft202012Validator(schemas[path.stem]).iter_errors(json.loads(path.read_text())):
        print(f"{path.name}: {error.json_path}: {error.message}")
        bad += 1
sys.exit(bad > 0)
