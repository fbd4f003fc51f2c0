"""Run the stages whose commands are given and print which root parameters each reads, as JSON.

Usage, in a clone: python params_read.py 'python src download' 'python src train mlp' ...
"""

import importlib
import json
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path("src").resolve()))

from digitbench import params as schema

read: set[str] = set()
plain_load = schema.load_params
plain_get = schema.Section.__getattribute__


def load() -> schema.Params:
    loaded = plain_load()
    read.clear()  # what validation looked at is not what the stage reads
    return loaded


def get(self: schema.Section, name: str) -> object:
    if type(self) is schema.Params and name in schema.Params.model_fields:
        read.add(name)
    return plain_get(self, name)


schema.load_params = load
schema.Section.__getattribute__ = get  # type: ignore[method-assign]

found = {}
for command in sys.argv[1:]:
    stage, *arguments = shlex.split(command)[2:]
    importlib.import_module(f"stages.{stage}").main(*arguments)
    found[command] = sorted(read)
print(json.dumps(found))
