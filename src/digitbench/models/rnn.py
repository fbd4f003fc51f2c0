"""Plain recurrent network (Elman, 1990): tanh, 128 units by default (21,514 parameters)."""

from torch import nn

from digitbench.models.recurrent import LastStepClassifier
from digitbench.params import RnnParams


def build(params: RnnParams, side: int = 28) -> nn.Module:
    """One recurrent layer over the rows, then the output layer.

    Maps [B, 1, side, side] to logits [B, 10].
    """
    return LastStepClassifier(nn.RNN(side, params.hidden, nonlinearity="tanh", batch_first=True))
