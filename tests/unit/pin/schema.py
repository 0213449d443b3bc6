#!/usr/bin/env python3
"""usage: schema.py SCHEMA YAML...     Each YAML document must be what the schema says."""
import json, sys
import jsonschema, yaml

class Loader(yaml.SafeLoader):
    """Times stay text."""
Loader.yaml_implicit_resolvers = {k: [(t, r) for t, r in v if t != "tag:yaml.org,2002:timestamp"]
                                  for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}

schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
for name in sys.argv[2:]:
    jsonschema.Draft202012Validator(schema).validate(yaml.load(open(name), Loader))
