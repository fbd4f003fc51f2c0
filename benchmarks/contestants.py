"""Who else is measured: the loop that papers write, and scikit-learn's perceptron.

The papers' loop is what they and their public code write: torchvision's MNIST with ToTensor and
Normalize image by image, a shuffling DataLoader, Adam as it comes, `loss.item()` after every
update, torch's default threads and memory format. Models, sizes and batch are those of this
project.
"""

import time
import warnings
from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST, VisionDataset
from torchvision.transforms import Compose, Normalize, ToTensor

from digitbench.models import mlp
from digitbench.params import load_params
from digitbench.training.data import PixelStatistics, load_training_data
from digitbench.training.model import build_model

LOOP_WORKERS = 2
PERCEPTRON_WARM_UP = 640  # images


class Digits(MNIST):  # type: ignore[misc]
    """torchvision's MNIST, given its arrays instead of files; items are made by its own code."""

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.uint8], statistics: PixelStatistics
    ) -> None:
        """Images [N, 28, 28] and labels [N]."""
        normalise = Normalize((statistics.mean,), (statistics.std,))
        VisionDataset.__init__(self, transform=Compose([ToTensor(), normalise]))
        self.data = torch.from_numpy(np.array(images))
        self.targets = torch.from_numpy(labels.astype(np.int64))


def papers_epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batches: Iterable[tuple[Tensor, Tensor]],
    device: str,
) -> float:
    """Learn from every batch; returns the mean loss of the batches."""
    criterion = nn.CrossEntropyLoss()
    losses: list[float] = []
    model.train()
    for images, labels in batches:
        images, labels = images.to(device), labels.to(device)
        optimiser.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def papers_speed(
    architecture: str, images: int, device: str, workers: int, warm_up_batches: int = 0
) -> float:
    """Images per second in an epoch of so many, without imports and evaluation.

    From the last batch of warm-up, when workers run and have the next batches ready; without one
    from the start, when DataLoader has yet to start them.
    """
    model, optimiser, loader = papers_setting(architecture, images, device, workers)
    began = time.perf_counter()
    batches = iter(loader)
    if warm_up_batches:
        papers_epoch(model, optimiser, islice(batches, warm_up_batches), device)
        began = time.perf_counter()
    papers_epoch(model, optimiser, batches, device)
    seconds = time.perf_counter() - began
    return (images - warm_up_batches * int(loader.batch_size)) / seconds


def papers_setting(
    architecture: str, images: int, device: str, workers: int
) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
    """The default model, its weights as torch lays them out by default; Adam; MNIST's loader."""
    params, data = load_params(), load_training_data()
    model = build_model(architecture, params.network(architecture))
    model = model.to(memory_format=torch.contiguous_format).to(device)
    loader: DataLoader[Any] = DataLoader(
        Digits(data.images[:images], data.labels[:images], data.statistics),
        batch_size=params.batch_size,
        shuffle=True,
        num_workers=workers,
    )
    return model, torch.optim.Adam(model.parameters(), lr=params.learning_rate), loader


def perceptron_speed(images: int) -> float:
    """Images per second of scikit-learn's multilayer perceptron, in one epoch of Adam.

    Standardised pixels that are ready in memory; no dropout, no penalty. A short fit comes first.
    """
    params, data = load_params(), load_training_data()
    sizes = cast(mlp.Params, params.network("mlp"))
    pixels = data.images[:images].reshape(-1, 28 * 28).astype(np.float32) / 255
    pixels = (pixels - np.float32(data.statistics.mean)) / np.float32(data.statistics.std)
    labels = np.array(data.labels[:images])
    for count in (min(PERCEPTRON_WARM_UP, images), images):
        model = MLPClassifier(
            sizes.hidden,
            alpha=0,
            batch_size=min(params.batch_size, count),
            learning_rate_init=params.learning_rate,
            max_iter=1,
            random_state=0,
        )
        began = time.perf_counter()
        # One epoch is what was asked for.
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            model.fit(pixels[:count], labels[:count])
        seconds = time.perf_counter() - began
    return images / seconds
