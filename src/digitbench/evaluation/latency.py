"""How long inference takes on one thread of the CPU: one image at a time, and many in batches.

Measured is the way from standardised pixels to logits, in float32, as evaluation computes it. The
figures belong to the machine and to the moment: keep them apart from everything that is hashed.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# 100 maps at a time still fit into the cache; 500 take the CNN twice as long per image.
BATCH_SIZE = 100
SINGLE_IMAGES = 500
PASSES = 9
WARM_UP = 20


@dataclass(frozen=True)
class Quartiles:
    """Median and interquartile range of repeated measurements."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Latency:
    """Speed of one model and what it was measured on."""

    milliseconds_per_image: Quartiles  # images one by one
    images_per_second: Quartiles  # all images in batches of `batch_size`
    single_images: int
    images: int
    batch_size: int
    passes: int


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
