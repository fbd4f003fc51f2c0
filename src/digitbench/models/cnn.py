"""Convolutional network: 3x3 convolutions 32 and 64 by default, as in `nguyen2026` (421,642)."""

from itertools import pairwise

from torch import nn

from digitbench.params import CnnParams


def build(params: CnnParams, side: int = 28) -> nn.Module:
    """Convolution, 2x2 max-pooling and ReLU per block, then one hidden layer and the output.

    Whole feature maps are dropped after the last convolution, units before the output.
    Maps [B, 1, side, side] to logits [B, 10].
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((1, *params.channels)):
        layers += [nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        side //= 2
    # Published order: convolution, dropout of maps, pooling, ReLU.
    layers.insert(-2, nn.Dropout2d(params.dropout_maps))
    flat = params.channels[-1] * side * side  # 64 * 7 * 7 = 3,136
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(flat, params.hidden),
        nn.ReLU(),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden, 10),
    )
