"""What an image costs, counted: parameters and multiply-accumulates, layer by layer.

Multiply-accumulates (MACs) are those of matrix products and convolutions, as torch counts them
while an image passes through; biases, activations, pooling and the LSTM's products of gates
are left out, as is usual.

And what it takes in time, on one thread of the CPU: one image at a time, and many in batches.
Measured is the way from standardised pixels to logits, in float32, as evaluation computes it. The
figures belong to the machine and to the moment: keep them apart from everything that is hashed.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from digitbench.results.clocks import Latency, Quartiles
from digitbench.results.records import Layer
from digitbench.schema import Section
from digitbench.training.model import build_model

SIDES = (28, 56, 112)


@dataclass(frozen=True)
class Growth:
    """Cost of an architecture that is built for images of side x side pixels."""

    side: int
    parameters: int
    macs: int
    formula_macs: int


def layer_table(architecture: str, params: Section, side: int = 28) -> tuple[Layer, ...]:
    """The layers in the order in which an image passes them.

    The model stands on torch's meta device: nothing is computed, and the LSTM runs as the matrix
    products it consists of. On a CPU it is one fused operation that the counter doesn't know.
    """
    with torch.device("meta"):
        model = build_model(architecture, params, side).eval()
        image = torch.empty(1, 1, side, side)
    rows: list[Layer] = []
    counter = FlopCounterMode(display=False)

    def add_row(layer: nn.Module, inputs: Any, output: Any) -> None:
        # A recurrent layer also returns its state; its outputs [1, steps, hidden] come first.
        first: Tensor = output[0] if isinstance(output, tuple) else output
        macs = counter.get_total_flops() // 2 - sum(row.macs for row in rows)
        rows.append(
            Layer(
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


def growth(architecture: str, params: Section, sides: Sequence[int] = SIDES) -> tuple[Growth, ...]:
    """How parameters and multiply-accumulates grow with the side of the image."""
    tables = {side: layer_table(architecture, params, side) for side in sides}
    return tuple(
        Growth(
            side=side,
            parameters=sum(row.parameters for row in rows),
            macs=sum(row.macs for row in rows),
            formula_macs=sum(row.formula_macs for row in rows),
        )
        for side, rows in tables.items()
    )


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


# 100 maps at a time still fit into the cache; 500 take the CNN twice as long per image.
BATCH_SIZE = 100
SINGLE_IMAGES = 500
PASSES = 9
WARM_UP = 20


def measure_latency(network: nn.Module, images: Tensor) -> Latency:
    """Time a model on images, one thread, in evaluation mode; takes a second or two for the CNN.

    Args:
        network: Left in the mode in which it came, as is the number of threads.
        images: Standardised images [N, 1, side, side] on the CPU; N = 1,000 gives steady figures.

    Returns:
        Quartiles over images for the time of one, over passes for the throughput.
    """
    singles = torch.split(images[:SINGLE_IMAGES], 1)
    batches = torch.split(images, BATCH_SIZE)
    with _inference(network):
        _seconds(network, [singles[:1]] * WARM_UP)
        one_by_one = _seconds(network, ([image] for image in singles))
        # The first pass allocates memory for whole batches.
        in_batches = _seconds(network, [batches] * (1 + PASSES))[1:]
    return Latency(
        milliseconds_per_image=_quartiles(1_000 * one_by_one),
        images_per_second=_quartiles(len(images) / in_batches),
        single_images=len(singles),
        images=len(images),
        batch_size=min(BATCH_SIZE, len(images)),
        passes=PASSES,
    )


@contextmanager
def _inference(network: nn.Module) -> Iterator[None]:
    """One thread, no dropout, no gradients; mode and threads are put back whatever happens."""
    training, threads = network.training, torch.get_num_threads()
    network.eval()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
        network.train(training)


def _seconds(network: nn.Module, passes: Iterable[Sequence[Tensor]]) -> NDArray[np.float64]:
    """Duration of each pass, a pass being a few batches one after another."""
    durations = []
    for batches in passes:
        began = time.perf_counter()
        for batch in batches:
            network(batch)
        durations.append(time.perf_counter() - began)
    return np.array(durations)


def _quartiles(values: NDArray[np.float64]) -> Quartiles:
    q1, median, q3 = np.percentile(values, (25, 50, 75))
    return Quartiles(median=float(median), q1=float(q1), q3=float(q3))
