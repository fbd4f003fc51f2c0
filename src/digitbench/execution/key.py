"""What determines the bytes of a replicate, as one hash."""

import hashlib
import importlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

from digitbench.training import trainer
from digitbench.training.replicates import Job


def replicate_key(job: Job, seed: int) -> str:
    """Hash of all that determines the weights: settings, data, code, torch."""
    facts = {
        "architecture": job.architecture,
        "params": job.params.model_dump(mode="json"),
        "recipe": job.recipe.model_dump(mode="json", exclude={"seeds"}),
        "seed": seed,
        "data": job.data.sha256,
        "code": [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in _sources(job.architecture)
        ],
        "torch": version("torch"),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _sources(architecture: str) -> list[Path]:
    """The files of the trainer, of the architecture, and of all that they use of the project."""
    waiting = [trainer.__name__, f"digitbench.models.{architecture}"]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found and name.startswith("digitbench."):
            found.add(name)
            members = vars(importlib.import_module(name)).values()
            waiting += [str(getattr(member, "__module__", "")) for member in members]
    return [Path(str(sys.modules[name].__file__)) for name in sorted(found)]
