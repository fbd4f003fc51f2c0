"""Multilayer perceptron: 784-256-128-10 by default, as in `nguyen2026` (235,146 parameters)."""

from itertools import pairwise

from pydantic import Field
from torch import nn

from digitbench.schema import Rate, Section, Width


class Params(Section):
    """Keys of its section in `params.yaml`."""

    hidden: tuple[Width, ...] = Field(
        min_length=1, max_length=16, description="a list of 1 to 16 widths, each from 1 to 65,536"
    )
    dropout_hidden: Rate = Field(description="a probability from 0 to below 1")
    dropout: Rate = Field(description="a probability from 0 to below 1")


def build(params: Params, side: int = 28) -> nn.Module:
    """Hidden layers with ReLU, dropout between them and before the output layer.

    Maps [B, 1, side, side] to logits [B, 10].
    """
    layers: list[nn.Module] = [nn.Flatten()]  # [B, side * side]
    for n_in, n_out in pairwise((side * side, *params.hidden)):
        if params.dropout_hidden and len(layers) > 1:
            layers.append(nn.Dropout(params.dropout_hidden))
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(params.dropout), nn.Linear(params.hidden[-1], 10))
