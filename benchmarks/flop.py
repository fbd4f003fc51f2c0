"""Floating-point operations of training, counted."""

import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from digitbench.params import ArchitectureParams
from digitbench.training.model import build_model

COUNTED = (
    "Matrix products and convolutions alone, forward and backward, a multiplication and an "
    "addition as two; biases, activations, pooling, loss and Adam are left out, and so is the "
    "gradient with respect to the pixels, which nobody computes."
)


def training_flop(architecture: str, params: ArchitectureParams) -> int:
    """Operations of learning from one image.

    A real training step on torch's meta device, where nothing is computed and an LSTM runs as the
    matrix products it consists of: the fused one of a CPU is unknown to the counter.
    """
    with torch.device("meta"):
        model = build_model(architecture, params)
        image, label = torch.empty(1, 1, 28, 28), torch.empty(1, dtype=torch.int64)
    counter = FlopCounterMode(display=False)
    with counter:
        cross_entropy(model(image), label).backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())
