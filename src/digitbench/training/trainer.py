"""Training of one replicate: one architecture, one seed, one thread.

Everything random is drawn from generators seeded by (seed, epoch, purpose), so that the data
order of a seed is the same for every architecture, and a run that resumes after any epoch
continues as if it had never stopped.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from digitbench.data.arrays import PixelStatistics, TrainingData
from digitbench.errors import DigitbenchError
from digitbench.models import build_model
from digitbench.params import ArchitectureParams

VALIDATION_BATCH = 1_000
# Purposes of the random streams of a replicate.
_WEIGHTS, _ORDER, _DROPOUT = 0, 1, 2


@dataclass(frozen=True)
class Recipe:
    """What all architectures share."""

    epochs: int
    batch_size: int
    learning_rate: float
    precision: str
    device: str


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch; the training ones are running means while dropout is active."""

    seed: int
    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass
class Progress:
    """All there is to a replicate between two epochs."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)


def resolve_device(device: str) -> str:
    """`auto` becomes cuda where there is a GPU.

    Raises:
        DigitbenchError: cuda is asked for and there is none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise DigitbenchError(
            "params.yaml: device: cuda was asked for, but torch finds no GPU here. Use auto or cpu."
        )
    return device


def start(architecture: str, params: ArchitectureParams, recipe: Recipe, seed: int) -> Progress:
    """A replicate before its first epoch, with torch set up to repeat itself to the bit."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # A debugging aid that comes with the line above; no operation here reads unwritten memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Adam's averages of dead units decay into denormal numbers, which are many times slower.
    torch.set_flush_denormal(True)
    torch.manual_seed(_stream(seed, 0, _WEIGHTS))
    model = build_model(architecture, params).to(recipe.device)
    optimiser = torch.optim.Adam(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True
    )
    return Progress(model, optimiser)


def train(
    progress: Progress,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    on_batch: Callable[[int], None],
    on_epoch: Callable[[Progress], None],
) -> None:
    """Bring a replicate from where it is to the last epoch of the recipe.

    Args:
        progress: Changed in place.
        recipe: Shared settings; its device must be resolved.
        data: Training images and split.
        seed: Names the replicate.
        on_batch: Called with the number of images after each update.
        on_epoch: Called after each epoch, when progress is whole.

    Raises:
        DigitbenchError: The loss is no longer a finite number.
    """
    images, labels = _to_device(data, data.train_index, recipe.device)
    held_out = _to_device(data, data.validation_index, recipe.device)
    for epoch in range(len(progress.history) + 1, recipe.epochs + 1):
        began = time.perf_counter()
        loss, accuracy = _learn(progress, recipe, data, images, labels, (seed, epoch), on_batch)
        if not np.isfinite(loss):
            raise DigitbenchError(
                f"Training of seed {seed} diverged in epoch {epoch} (loss {loss}). "
                f"params.yaml: learning_rate: {recipe.learning_rate:g} is likely too large."
            )
        validation_loss, validation_accuracy = validate(
            progress.model, *held_out, data.statistics, recipe.precision
        )
        seconds = time.perf_counter() - began
        progress.history.append(
            Epoch(seed, epoch, loss, accuracy, validation_loss, validation_accuracy, seconds)
        )
        on_epoch(progress)


def _learn(
    progress: Progress,
    recipe: Recipe,
    data: TrainingData,
    images: Tensor,
    labels: Tensor,
    seed_and_epoch: tuple[int, int],
    on_batch: Callable[[int], None],
) -> tuple[float, float]:
    """One pass over the training part; returns mean loss and accuracy on the way."""
    model, optimiser = progress.model, progress.optimiser
    model.train()
    torch.manual_seed(_stream(*seed_and_epoch, _DROPOUT))
    total_loss = torch.zeros((), dtype=torch.float64, device=recipe.device)
    correct = torch.zeros((), dtype=torch.int64, device=recipe.device)
    for batch in _batches(len(labels), recipe.batch_size, seed_and_epoch, recipe.device):
        target = labels[batch]
        optimiser.zero_grad(set_to_none=True)
        with _autocast(recipe.device, recipe.precision):
            logits = model(standardise(images[batch], data.statistics))  # [B, 10]
            loss = cross_entropy(logits, target)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        # Summed on the device: reading a value back after every batch would stall a GPU.
        total_loss += loss.detach().double() * len(batch)
        correct += (logits.detach().argmax(1) == target).sum()
        on_batch(len(batch))
    return float(total_loss) / len(labels), int(correct) / len(labels)


@torch.no_grad()
def validate(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    statistics: PixelStatistics,
    precision: str,
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of bytes [N, 28, 28] without dropout."""
    model.eval()
    total_loss, correct = 0.0, 0
    for begin in range(0, len(labels), VALIDATION_BATCH):
        batch = slice(begin, begin + VALIDATION_BATCH)
        with _autocast(images.device.type, precision):
            logits = model(standardise(images[batch], statistics)).float()
        total_loss += float(cross_entropy(logits, labels[batch], reduction="sum"))
        correct += int((logits.argmax(1) == labels[batch]).sum())
    return total_loss / len(labels), correct / len(labels)


def standardise(images: Tensor, statistics: PixelStatistics) -> Tensor:
    """Bytes [B, 28, 28] to floats [B, 1, 28, 28], mean 0 and deviation 1 over the training pixels.

    The one channel is given the stride of a last axis: that is how torch is told to keep the maps
    of a convolution channels last, which its own layout can't express for a single channel.
    """
    scaled = images.float().sub_(255 * statistics.mean).mul_(1 / (255 * statistics.std))
    return scaled.unsqueeze(-1).permute(0, 3, 1, 2)


def _batches(
    count: int, batch_size: int, seed_and_epoch: tuple[int, int], device: str
) -> Iterator[Tensor]:
    """Index tensors of one shuffled epoch; the last one may be shorter.

    The permutation is drawn on the CPU, so that the order doesn't depend on the device.
    """
    generator = torch.Generator().manual_seed(_stream(*seed_and_epoch, _ORDER))
    order = torch.randperm(count, generator=generator).to(device)
    yield from torch.split(order, batch_size)


def _stream(seed: int, epoch: int, purpose: int) -> int:
    """Seed of one random stream; NumPy's SeedSequence keeps streams apart."""
    return int(np.random.SeedSequence((seed, epoch, purpose)).generate_state(1, np.uint64)[0] >> 1)


def _to_device(data: TrainingData, index: NDArray[np.int64], device: str) -> tuple[Tensor, Tensor]:
    """One part of the split as bytes [N, 28, 28] and labels [N]; bytes need a quarter of floats."""
    images = torch.from_numpy(data.images[index]).to(device)
    labels = torch.from_numpy(data.labels[index].astype(np.int64)).to(device)
    return images, labels


def _autocast(device: str, precision: str) -> Any:
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16")
