"""Hashes of networks of full size after one epoch; nothing is read, so any machine can compare.

`<ceilings> PYTHONPATH=src:tests python tests/portable.py mlp cnn rnn lstm`, where the ceilings are
those of `training/arithmetic.py`; before `python`, what plays another processor, such as
`qemu-x86_64 -cpu Haswell` or `valgrind --tool=none`.
"""

import hashlib
import sys

import numpy as np

from architectures import FULL, RECIPE, STATISTICS
from digitbench.training.data import TrainingData
from digitbench.training.model import weights_to_bytes
from digitbench.training.trainer import start, train

IMAGES = 64  # of the training and of the validation part; an emulator is slow


def made_up() -> TrainingData:
    """Sparse noise."""
    draw = np.random.default_rng(0)
    size = (2 * IMAGES, 28, 28)
    pixels = draw.integers(0, 256, size) * (draw.random(size) < 0.2)
    labels, index = draw.integers(0, 10, 2 * IMAGES), np.arange(2 * IMAGES)
    return TrainingData(
        index[:IMAGES], index[IMAGES:], STATISTICS, pixels.astype(np.uint8), labels.astype(np.uint8)
    )


def learned(architecture: str) -> str:
    """SHA-256 of the weights."""
    recipe = RECIPE.model_copy(update={"epochs": 1, "batch_size": IMAGES // 2})
    progress = start(architecture, FULL[architecture], recipe, seed=0)
    train(progress, recipe, made_up(), 0, lambda count: None, lambda progress: None)
    return hashlib.sha256(weights_to_bytes(progress.model)).hexdigest()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, learned(name), flush=True)
