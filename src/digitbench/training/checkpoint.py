"""Where a replicate is kept between two epochs, so that a killed training goes on.

A checkpoint is keyed by everything that determines the replicate: resuming it gives the same bytes
as never having stopped, and a changed setting or line of code starts afresh.
"""

import dataclasses
import hashlib
import io
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from digitbench import models
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

    def remove(self) -> None:
        """Called when the replicate is done."""
        self.path.unlink(missing_ok=True)


def replicate_key(
    architecture: str, params: ArchitectureParams, recipe: Recipe, data: TrainingData, seed: int
) -> str:
    """Hash of all that determines the weights: settings, data, code, torch."""
    package = Path(models.__file__).parent
    sources = (Path(trainer.__file__), package / "__init__.py", package / f"{architecture}.py")
    facts = {
        "architecture": architecture,
        "params": params.model_dump(mode="json"),
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "data": data.sha256,
        "code": [hashlib.sha256(source.read_bytes()).hexdigest() for source in sources],
        "torch": version("torch"),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
