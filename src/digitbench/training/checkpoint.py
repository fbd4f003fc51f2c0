"""Where a replicate is kept between two epochs, so that a killed training goes on.

A checkpoint is keyed by everything that determines the replicate: resuming it gives the same bytes
as never having stopped, and a changed setting or line of code starts afresh.
"""

import dataclasses
import hashlib
import importlib
import io
import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from digitbench.data.arrays import TrainingData
from digitbench.outputs import write_bytes
from digitbench.params import ArchitectureParams
from digitbench.training import trainer
from digitbench.training.recipe import Recipe
from digitbench.training.trainer import Epoch, Progress


@dataclass(frozen=True)
class Checkpoint:
    """One file that holds the latest whole epoch of one replicate."""

    path: Path

    def save(self, progress: Progress) -> None:
        """Replace the file by the present state, atomically."""
        content = io.BytesIO()
        torch.save(
            {
                "model": progress.model.state_dict(),
                "optimiser": progress.optimiser.state_dict(),
                "history": [dataclasses.astuple(epoch) for epoch in progress.history],
                "best": progress.best,
            },
            content,
        )
        state = content.getvalue()
        write_bytes(self.path, hashlib.sha256(state).digest() + state)

    def restore(self, progress: Progress) -> None:
        """Bring a fresh replicate to the saved state; a missing or damaged file changes nothing."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return
        digest, packed = content[:32], content[32:]
        if hashlib.sha256(packed).digest() != digest:
            return
        state = torch.load(io.BytesIO(packed), weights_only=True)
        progress.model.load_state_dict(state["model"])
        progress.optimiser.load_state_dict(state["optimiser"])
        progress.history[:] = [Epoch(*values) for values in state["history"]]
        progress.best = state["best"]

    def remove(self) -> None:
        """Called when the replicate is done."""
        self.path.unlink(missing_ok=True)


def replicate_key(
    architecture: str, params: ArchitectureParams, recipe: Recipe, data: TrainingData, seed: int
) -> str:
    """Hash of all that determines the weights: settings, data, code, torch."""
    facts = {
        "architecture": architecture,
        "params": params.model_dump(mode="json"),
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "data": data.sha256,
        "code": [hashlib.sha256(path.read_bytes()).hexdigest() for path in _sources(architecture)],
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
