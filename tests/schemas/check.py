#!/usr/bin/env python3
"""Every schema is a valid one, and every example in examples/ is valid under the schema of its name."""
import json, pathlib, sys
import jsonschema

folder = pathlib.Path(sys.argv[1])
schemas = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in folder.glob("*.schema.json")}
bad = 0
for schema in schemas.values():
    jsonschema.Draft202012Validator.check_schema(schema)
examples = sorted((folder / "examples").glob("*.json"))
for path in examples:
    for error in jsonschema.Draft202012Validator(schemas[path.stem]).iter_errors(json.loads(path.read_text())):
        print(f"{path.name}: {error.json_path}: {error.message}")
        bad += 1
sys.exit(bad > 0 or not examples)
