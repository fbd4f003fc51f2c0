"""Convolutional network: 3x3 convolutions 32 and 64 by default, as in `nguyen2026` (421,642)."""

from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from digitbench.schema import Rate, Section, Width


class Params(Section):
    """Keys of its section; two poolings at least 7x7 maps, so at most four blocks fit 28x28."""

    channels: tuple[Width, ...] = Field(
        min_length=1, max_length=4, description="a list of 1 to 4 widths, each from 1 to 65,536"
    )
    hidden: Width = Field(description="a whole number from 1 to 65,536")
    dropout_maps: Rate = Field(description="a probability from 0 to below 1")
    dropout: Rate = Field(description="a probability from 0 to below 1")


def build(params: Params, side: int = 28) -> nn.Module:
    """Convolution, 2x2 max-pooling and ReLU per block, then one hidden layer and the output.

    Whole feature maps are dropped after the last convolution, units before the output.
    Maps [B, 1, side, side] to logits [B, 10].
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((1, *params.channels)):
        layers += [nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        side //= 2
    # The published order is convolution, dropout of maps, pooling. The last two commute, and after
    # pooling there is a quarter of the values to drop.
    layers.insert(-1, nn.Dropout2d(params.dropout_maps))
    flat = params.channels[-1] * side * side  # 64 * 7 * 7 = 3,136
    return nn.Sequential(
        *layers,
        FlattenMaps(),
        nn.Linear(flat, params.hidden),
        nn.ReLU(),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden, 10),
    )


class FlattenMaps(nn.Flatten):
    """Maps [B, C, H, W] to [B, H * W * C], the order in which channels-last maps lie in memory.

    ``nn.Flatten`` would copy them there and back: with the order of dropout and pooling, 10 % of a
    training step. The next layer's columns are permuted against the published ones, no more.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Flatten without copying."""
        return maps.permute(0, 2, 3, 1).flatten(1)
