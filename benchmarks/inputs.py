"""What is trained on: the committed parameters and MNIST, cut or repeated to a size."""

import dataclasses

import numpy as np

from digitbench.params import Params
from digitbench.training.data import TrainingData
from digitbench.training.recipe import Recipe, settle


def cut(data: TrainingData, images: int, validation_images: int | None = None) -> TrainingData:
    """The first images of the train part, and of the validation part the same share by default."""
    if validation_images is None:
        share = images / len(data.train_index)
        validation_images = round(share * len(data.validation_index))
    return dataclasses.replace(
        data,
        train_index=data.train_index[:images],
        validation_index=data.validation_index[: max(1, validation_images)],
    )


def repeated(data: TrainingData, times: int) -> TrainingData:
    """The train part several times over in memory, not one image referred to several times."""
    train = data.train_index
    images = np.concatenate([data.images[data.validation_index], *[data.images[train]] * times])
    labels = np.concatenate([data.labels[data.validation_index], *[data.labels[train]] * times])
    held_out = len(data.validation_index)
    return dataclasses.replace(
        data,
        images=images,
        labels=labels,
        train_index=np.arange(held_out, len(labels)),
        validation_index=np.arange(held_out),
    )


def recipe(params: Params, epochs: int, **changes: object) -> Recipe:
    """The shared recipe on the CPU; changes are named like its fields."""
    plain = settle(params.model_copy(update={"epochs": epochs, "device": "cpu"}))
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]
