"""What an image costs, counted: parameters and multiply-accumulates, layer by layer.

Multiply-accumulates (MACs) are those of matrix products and convolutions, as torch counts them
while an image passes through; biases, activations, pooling and the LSTM's products of gates
are left out, as is usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from digitbench.models import build_model
from digitbench.params import ArchitectureParams

SIDES = (28, 56, 112)


@dataclass(frozen=True)
class LayerCost:
    """One row of an architecture's table, for one image."""

    name: str
    output_shape: tuple[int, ...]  # without the batch
    parameters: int
    macs: int  # counted
    formula_macs: int  # by the closed formula, see `formula_macs`


@dataclass(frozen=True)
class Growth:
    """Cost of an architecture that is built for images of side x side pixels."""

    side: int
    parameters: int
    macs: int
    formula_macs: int


def layer_table(
    architecture: str, params: ArchitectureParams, side: int = 28
) -> tuple[LayerCost, ...]:
    """The layers in the order in which an image passes them.

    The model stands on torch's meta device: nothing is computed, and the LSTM runs as the matrix
    products it consists of. On a CPU it is one fused operation that the counter doesn't know.
    """
    with torch.device("meta"):
        model = build_model(architecture, params, side).eval()
        image = torch.empty(1, 1, side, side)
    rows: list[LayerCost] = []
    counter = FlopCounterMode(display=False)

    def add_row(layer: nn.Module, inputs: Any, output: Any) -> None:
        # A recurrent layer also returns its state; its outputs [1, steps, hidden] come first.
        first: Tensor = output[0] if isinstance(output, tuple) else output
        macs = counter.get_total_flops() // 2 - sum(row.macs for row in rows)
        rows.append(
            LayerCost(
                name=_describe(layer),
                output_shape=tuple(first.shape[1:]),
                parameters=sum(parameter.numel() for parameter in layer.parameters()),
                macs=macs,
                formula_macs=formula_macs(layer, first.numel()),
            )
        )

    for layer in model.modules():
        if not any(layer.children()):
            layer.register_forward_hook(add_row)
    with torch.no_grad(), counter:
        model(image)
    return tuple(rows)


def growth(
    architecture: str, params: ArchitectureParams, sides: Sequence[int] = SIDES
) -> tuple[Growth, ...]:
    """How parameters and multiply-accumulates grow with the side of the image."""
    return tuple(_total(side, layer_table(architecture, params, side)) for side in sides)


def formula_macs(layer: nn.Module, outputs: int) -> int:
    """Multiply-accumulates of one image by the closed formula; 0 for layers without weights.

    Linear n_in * n_out and convolution H * W * K^2 * C_in * C_out as in `nguyen2026`, H and W being
    those of the output; recurrent steps * gates * hidden * (n_in + hidden).

    Args:
        layer: Of a kind that the architectures use.
        outputs: Number of values it gives for one image, over all positions or steps.
    """
    match layer:
        case nn.Linear():
            return outputs * layer.in_features
        case nn.Conv2d():
            return outputs * prod(layer.kernel_size) * layer.in_channels
        case nn.RNN():
            return outputs * (layer.input_size + layer.hidden_size)
        case nn.LSTM():
            return outputs * 4 * (layer.input_size + layer.hidden_size)
        case _:
            return 0


def _total(side: int, rows: Sequence[LayerCost]) -> Growth:
    return Growth(
        side=side,
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        formula_macs=sum(row.formula_macs for row in rows),
    )


def _describe(layer: nn.Module) -> str:
    """The layer in the words of a table."""
    match layer:
        case nn.Linear():
            return f"linear, {layer.in_features:,} → {layer.out_features:,}"
        case nn.Conv2d():
            kernel = "×".join(map(str, layer.kernel_size))
            return f"convolution {kernel}, {layer.in_channels:,} → {layer.out_channels:,}"
        case nn.RNN() | nn.LSTM():
            return (
                f"{layer.mode.removesuffix('_TANH')}, {layer.input_size:,} → {layer.hidden_size:,}"
            )
        case nn.MaxPool2d():
            return f"max-pooling {layer.kernel_size}×{layer.kernel_size}"
        case nn.Dropout2d():
            return f"dropout of maps, {layer.p:g}"
        case nn.Dropout():
            return f"dropout, {layer.p:g}"
        case nn.Flatten():
            return "flatten"
        case _:
            return type(layer).__name__
