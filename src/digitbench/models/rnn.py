"""Plain recurrent network: tanh, 128 units by default (21,514 parameters)."""

import torch
from pydantic import Field
from torch import Tensor, nn

from digitbench.schema import Section, Width
from digitbench.training.model import LastStepClassifier


class Params(Section):
    """Keys of its section in `params.yaml`."""

    hidden: Width = Field(description="a whole number from 1 to 65,536")


def build(params: Params, side: int = 28) -> nn.Module:
    """One recurrent layer over the rows, then the output layer.

    Maps [B, 1, side, side] to logits [B, 10].
    """
    recurrent = Float32RNN(side, params.hidden, nonlinearity="tanh", batch_first=True)
    return LastStepClassifier(recurrent)


class Float32RNN(nn.RNN):
    """``torch.nn.RNN`` that computes in float32 on a processor, also under autocast.

    Its product per step is so small that bfloat16 costs more in conversions than it saves: a
    training step took 4.6 ms instead of 3.6 with AMX.
    """

    def forward(self, rows: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """All states [B, T, hidden] and the last [1, B, hidden] of rows [B, T, side]."""
        with torch.autocast("cpu", enabled=False):
            states, last = super().forward(rows.float(), state)
        return states, last
