"""Long short-term memory: 128 units by default (82,186 parameters).

Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
"""

from torch import nn

from digitbench.params import LstmParams
from digitbench.training.model import LastStepClassifier


def build(params: LstmParams, side: int = 28) -> nn.Module:
    """One LSTM layer over the rows, then the output layer.

    Maps [B, 1, side, side] to logits [B, 10].
    """
    return LastStepClassifier(nn.LSTM(side, params.hidden, batch_first=True))
