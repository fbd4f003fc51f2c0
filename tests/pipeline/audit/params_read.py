"""Run the stages whose commands are given and print which parameters each reads, as JSON.

Usage, in a clone: python params_read.py 'python src download' 'python src train mlp' ...
"""

import importlib
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path("src").resolve()))

from digitbench import params
from digitbench.schema import Section

read: set[str] = set()
# What the sections of the file are called, by identity; kept alive, so that none is used twice.
owners: dict[int, tuple[Section, str]] = {}
plain_load = params.load_params
plain_get = Section.__getattribute__
plain_dump = Section.model_dump


def load(
    path: Path = params.PARAMS_FILE, networks: Sequence[str] = params.ARCHITECTURES
) -> params.Params:
    loaded = plain_load(path, networks)
    owners[id(loaded)] = loaded, ""
    for name, value in loaded.__dict__.items():
        if isinstance(value, Section):
            owners[id(value)] = value, f"{name}."
    read.clear()  # what validation looked at is not what the stage reads
    return loaded


def get(self: Section, name: str) -> object:
    value = plain_get(self, name)
    if id(self) in owners and name in type(self).model_fields:
        if isinstance(value, Section):  # its own keys count, when they are read
            owners.setdefault(id(value), (value, f"{owners[id(self)][1]}{name}."))
        else:
            read.add(f"{owners[id(self)][1]}{name}")
    return value


def dump(self: Section, **options: Any) -> dict[str, Any]:
    for name in type(self).model_fields:
        get(self, name)
    return plain_dump(self, **options)


params.load_params = load
Section.__getattribute__ = get  # type: ignore[method-assign]
Section.model_dump = dump  # type: ignore[method-assign]

found = {}
for command in sys.argv[1:]:
    stage, *arguments = shlex.split(command)[2:]
    importlib.import_module(f"stages.{stage}").main(*arguments)
    found[command] = sorted(read)
print(json.dumps(found))
