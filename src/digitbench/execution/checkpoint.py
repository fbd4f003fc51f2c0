"""A replicate between two epochs, on disk, so that a killed training goes on.

Resuming gives the same bytes as never having stopped.
"""

import dataclasses
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import torch

from digitbench.files import write_bytes
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
