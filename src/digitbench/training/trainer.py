"""Training of one replicate: one architecture, one seed, one thread.

Everything random is drawn from generators seeded by (seed, epoch, purpose), so that the data
order of a seed is the same for every architecture, and a run that resumes after any epoch
continues as if it had never stopped.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from digitbench.errors import DigitbenchError
from digitbench.schema import Section
from digitbench.training.data import CLASSES, PixelStatistics, TrainingData
from digitbench.training.model import build_model
from digitbench.training.pixels import draw_movements, move, standardise
from digitbench.training.recipe import Recipe

# Larger batches leave the processor's cache and cost memory.
VALIDATION_BATCH = 250
# Batches standardised at a time: the cost of a call is shared, the floats of an epoch aren't kept.
_BATCHES_AT_ONCE = 16
# Purposes of the random streams of a replicate.
_WEIGHTS, _ORDER, _DROPOUT, _MOVEMENTS = 0, 1, 2, 3


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch; the training ones are running means while dropout is active."""

    seed: int
    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    # Counts of true class 0 predicted as 0, 1, ..., then of true class 1, and so on.
    validation_confusion: tuple[int, ...]
    seconds: float


@dataclass
class Progress:
    """All there is to a replicate between two epochs."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)
    # Weights after the best epoch so far; kept for early stopping only.
    best: dict[str, Tensor] | None = None


def best_epoch(validation_losses: Sequence[float]) -> int:
    """The epoch, counted from 1, with the lowest loss; the first of equals."""
    return 1 + min(range(len(validation_losses)), key=validation_losses.__getitem__)


def start(architecture: str, params: Section, recipe: Recipe, seed: int) -> Progress:
    """A replicate before its first epoch, with torch set up to repeat itself to the bit."""
    # cuBLAS repeats itself to the bit only with a fixed workspace.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # A debugging aid that comes with the line above; no operation here reads unwritten memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Adam's averages of dead units decay into denormal numbers, which are many times slower.
    torch.set_flush_denormal(True)
    torch.manual_seed(_stream(seed, 0, _WEIGHTS))
    model = build_model(architecture, params, initialisation=recipe.initialisation)
    model = model.to(recipe.device)
    optimiser = torch.optim.Adam(
        model.parameters(),
        lr=recipe.learning_rate,
        betas=(0.9, 0.999),
        eps=recipe.adam_epsilon,
        fused=True,
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
    """Bring a replicate from where it is to the end of the recipe.

    With early stopping, its weights are those of the best epoch afterwards, else of the last.

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
    while not finished(progress, recipe):
        epoch = len(progress.history) + 1
        began = time.perf_counter()
        loss, accuracy = _learn(progress, recipe, data, images, labels, (seed, epoch), on_batch)
        if not np.isfinite(loss):
            raise DigitbenchError(
                f"Training of seed {seed} diverged in epoch {epoch} (loss {loss}). "
                f"params.yaml: learning_rate: {recipe.learning_rate:g} is likely too large."
            )
        validation = validate(progress.model, *held_out, data.statistics, recipe.precision)
        seconds = time.perf_counter() - began
        progress.history.append(Epoch(seed, epoch, loss, accuracy, *validation, seconds))
        _keep_best(progress, recipe)
        on_epoch(progress)
    if progress.best is not None:
        progress.model.load_state_dict(progress.best)


def finished(progress: Progress, recipe: Recipe) -> bool:
    """Whether the last epoch is reached, or the best one lies as far back as patience goes."""
    done = len(progress.history)
    if done in (0, recipe.epochs) or not recipe.patience:
        return done == recipe.epochs
    return done - _best_so_far(progress) >= recipe.patience


def _keep_best(progress: Progress, recipe: Recipe) -> None:
    if recipe.patience and _best_so_far(progress) == len(progress.history):
        state = progress.model.state_dict()
        progress.best = {name: tensor.clone() for name, tensor in state.items()}


def _best_so_far(progress: Progress) -> int:
    return best_epoch([epoch.validation_loss for epoch in progress.history])


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
    order = _order(len(labels), seed_and_epoch, recipe.device)
    movements = _movements(len(labels), images.shape[-1], seed_and_epoch, recipe)
    # One array for the epoch: small ones, kept between the large ones of each step, would leave the
    # heap in pieces and double the memory of a replicate.
    outputs = torch.empty(len(labels), CLASSES, device=recipe.device)
    batches = _batches(images[order], labels[order], movements, recipe, data.statistics)
    for (batch, target), kept in zip(batches, torch.split(outputs, recipe.batch_size), strict=True):
        optimiser.zero_grad(set_to_none=True)
        with _autocast(recipe.device, recipe.precision):
            logits = model(batch)  # [B, 10]
            loss = cross_entropy(logits, target)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        # For the end of the epoch: reading a value after every batch would stall a GPU.
        kept.copy_(logits.detach())
        on_batch(len(target))
    return _loss_and_accuracy(outputs, labels[order])


@torch.no_grad()
def validate(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    statistics: PixelStatistics,
    precision: str,
) -> tuple[float, float, tuple[int, ...]]:
    """Mean cross-entropy, accuracy and confusion of bytes [N, 28, 28] without dropout."""
    model.eval()
    outputs = []
    for batch in torch.split(images, VALIDATION_BATCH):
        with _autocast(images.device.type, precision):
            outputs.append(model(standardise(batch, statistics)))
    logits = torch.cat(outputs)
    # One number per pair of true and predicted class, counted on the CPU, where order can't matter.
    pairs = (labels * CLASSES + logits.argmax(1)).cpu()
    confusion = torch.bincount(pairs, minlength=CLASSES**2)
    return *_loss_and_accuracy(logits, labels), tuple(confusion.tolist())


def _loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and share of right answers of logits [N, 10], summed in float64."""
    loss = cross_entropy(logits.double(), labels)
    return float(loss), float((logits.argmax(1) == labels).double().mean())


def _order(count: int, seed_and_epoch: tuple[int, int], device: str) -> Tensor:
    """The shuffled order of one epoch, drawn on the CPU so that it doesn't depend on the device."""
    generator = torch.Generator().manual_seed(_stream(*seed_and_epoch, _ORDER))
    return torch.randperm(count, generator=generator).to(device)


def _movements(
    count: int, side: int, seed_and_epoch: tuple[int, int], recipe: Recipe
) -> Tensor | None:
    """Movements [N, 4] of the images of one epoch, in the order in which they are learned from."""
    if not recipe.augmentation.moves:
        return None
    generator = torch.Generator().manual_seed(_stream(*seed_and_epoch, _MOVEMENTS))
    return draw_movements(recipe.augmentation, count, side, generator).to(recipe.device)


def _batches(
    images: Tensor,
    labels: Tensor,
    movements: Tensor | None,
    recipe: Recipe,
    statistics: PixelStatistics,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Standardised images [B, 1, 28, 28] and labels [B], in order; the last may be shorter."""
    block = recipe.batch_size * _BATCHES_AT_ONCE
    for first in range(0, len(labels), block):
        part = slice(first, first + block)
        pixels = images[part] if movements is None else move(images[part], movements[part])
        batches = torch.split(standardise(pixels, statistics), recipe.batch_size)
        yield from zip(batches, torch.split(labels[part], recipe.batch_size), strict=True)


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
