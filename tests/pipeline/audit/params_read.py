"""Run the stages whose commands are given and print which parameters each reads, as JSON.

Usage, in a clone: python params_read.py 'python src download' 'python src train mlp' ...
"""

import importlib
import json
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path("src").resolve()))

from digitbench import params as schema

read: set[str] = set()
plain_load = schema.load_params
plain_get = schema.Section.__getattribute__
plain_dump = schema.Section.model_dump


def load(path: Path = schema.PARAMS_FILE) -> schema.Params:
    loaded = plain_load(path)
    read.clear()  # what validation looked at is not what the stage reads
    return loaded


sections = {
    field.annotation: key
    for key, field in schema.Params.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, schema.Section)
}


def get(self: schema.Section, name: str) -> object:
    kind = type(self)
    if kind is schema.Params and name in kind.model_fields and name not in sections.values():
        read.add(name)
    elif kind in sections and name in kind.model_fields:
        read.add(f"{sections[kind]}.{name}")
    return plain_get(self, name)


def dump(self: schema.Section, **options: Any) -> dict[str, Any]:
    for name in type(self).model_fields:
        get(self, name)
    return plain_dump(self, **options)


schema.load_params = load
schema.Section.__getattribute__ = get  # type: ignore[method-assign]
schema.Section.model_dump = dump  # type: ignore[method-assign]

found = {}
for command in sys.argv[1:]:
    stage, *arguments = shlex.split(command)[2:]
    importlib.import_module(f"stages.{stage}").main(*arguments)
    found[command] = sorted(read)
print(json.dumps(found))
