"""Multilayer perceptron: 784-256-128-10 by default, as in `nguyen2026` (235,146 parameters)."""

from itertools import pairwise

from torch import nn

from digitbench.params import MlpParams


def build(params: MlpParams, side: int = 28) -> nn.Module:
    """Hidden layers with ReLU, dropout between them and before the output layer.

    Maps [B, 1, side, side] to logits [B, 10].
    """
    layers: list[nn.Module] = [nn.Flatten()]  # [B, side * side]
    for n_in, n_out in pairwise((side * side, *params.hidden)):
        if params.dropout_hidden and len(layers) > 1:
            layers.append(nn.Dropout(params.dropout_hidden))
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(params.dropout), nn.Linear(params.hidden[-1], 10))
