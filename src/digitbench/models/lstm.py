"""Long short-term memory: 128 units by default (82,186 parameters).

Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
"""

from pydantic import Field
from torch import nn

from digitbench.schema import Section, Width
from digitbench.training.model import LastStepClassifier


class Params(Section):
    """Keys of its section in `params.yaml`."""

    hidden: Width = Field(description="a whole number from 1 to 65,536")


def build(params: Params, side: int = 28) -> nn.Module:
    """One LSTM layer over the rows, then the output layer.

    Maps [B, 1, side, side] to logits [B, 10].
    """
    return LastStepClassifier(nn.LSTM(side, params.hidden, batch_first=True))
