"""The training loop that papers and their public code write, as a contestant.

torchvision's MNIST with ToTensor and Normalize image by image, a shuffling DataLoader, Adam as it
comes, `loss.item()` after every update, torch's default threads and memory format. Models, sizes
and batch are those of this project.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST, VisionDataset
from torchvision.transforms import Compose, Normalize, ToTensor

from digitbench.params import architecture_params, load_params
from digitbench.training.data import PixelStatistics, load_training_data
from digitbench.training.model import build_model

WORKERS = 2


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


@dataclass(frozen=True)
class Setting:
    """One way of running the loop."""

    architecture: str
    images: int  # of one epoch
    workers: int
    device: str = "cpu"


def train_epoch(
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


def images_per_second(setting: Setting, warm_up_batches: int) -> float:
    """Speed between the last batch of warm-up and the end of the epoch.

    Workers are running by then and have the next batches ready.
    """
    model, optimiser, loader = _prepare(setting)
    batches = iter(loader)
    train_epoch(model, optimiser, islice(batches, warm_up_batches), setting.device)
    began = time.perf_counter()
    train_epoch(model, optimiser, batches, setting.device)
    seconds = time.perf_counter() - began
    return (setting.images - warm_up_batches * _batch_size(loader)) / seconds


def epoch_seconds(setting: Setting) -> float:
    """A whole epoch, in which DataLoader starts its workers; without imports and evaluation."""
    model, optimiser, loader = _prepare(setting)
    began = time.perf_counter()
    train_epoch(model, optimiser, loader, setting.device)
    return time.perf_counter() - began


def new_model(architecture: str) -> nn.Module:
    """The default model with its weights as torch lays them out by default."""
    params = architecture_params(load_params(), architecture)
    return build_model(architecture, params).to(memory_format=torch.contiguous_format)


def _prepare(setting: Setting) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
    params, data = load_params(), load_training_data()
    model = new_model(setting.architecture).to(setting.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=params.learning_rate)
    chosen = slice(setting.images)
    loader: DataLoader[Any] = DataLoader(
        Digits(data.images[chosen], data.labels[chosen], data.statistics),
        batch_size=params.batch_size,
        shuffle=True,
        num_workers=setting.workers,
    )
    return model, optimiser, loader


def _batch_size(loader: Any) -> int:
    return int(loader.batch_size)
