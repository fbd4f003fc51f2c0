"""Every architecture in one row: how tests build it, and its sizes worked out by hand.

A new network is a row in each of the four tables; tests over all architectures then cover it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from digitbench.evaluation.predictions import TrainedModel
from digitbench.models import cnn, lstm, mlp, rnn
from digitbench.schema import Section
from digitbench.training.data import PixelStatistics
from digitbench.training.model import build_model, weights_to_bytes
from digitbench.training.recipe import Augmentation, Recipe

STATISTICS = PixelStatistics(mean=0.13, std=0.31)

# As committed in params.yaml.
FULL: dict[str, Section] = {
    "mlp": mlp.Params(hidden=(256, 128), dropout_hidden=0.0, dropout=0.2),
    "cnn": cnn.Params(channels=(32, 64), hidden=128, dropout_maps=0.5, dropout=0.5),
    "rnn": rnn.Params(hidden=128),
    "lstm": lstm.Params(hidden=128),
}
# For tests that need any network at all, and in whole pipelines: `params.yaml` overridden.
NARROW: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [16], "dropout": 0.5},
    "cnn": {"channels": [4, 8], "hidden": 16},
    "rnn": {"hidden": 16},
    "lstm": {"hidden": 16},
}
SMALL: dict[str, Section] = {
    name: type(section).model_validate(section.model_dump() | NARROW[name])
    for name, section in FULL.items()
}
# Any recipe that is quick.
STILL = Augmentation(rotation=0, shift=0, zoom=0)
RECIPE = Recipe(
    seeds=(0,),
    epochs=2,
    batch_size=64,
    learning_rate=1e-3,
    adam_epsilon=1e-8,
    patience=0,
    initialisation="he",
    augmentation=STILL,
    precision="float32",
    device="cpu",
    arithmetic="native",
)
# Parameters and multiply-accumulates of one image of side s, of the full networks.
PARAMETERS: dict[str, Callable[[int], int]] = {
    "mlp": lambda s: (s * s + 1) * 256 + 257 * 128 + 129 * 10,
    "cnn": lambda s: 10 * 32 + (9 * 32 + 1) * 64 + ((s // 4) ** 2 * 64 + 1) * 128 + 129 * 10,
    "rnn": lambda s: (s + 128 + 2) * 128 + 129 * 10,
    "lstm": lambda s: 4 * (s + 128 + 2) * 128 + 129 * 10,
}
MACS: dict[str, Callable[[int], int]] = {
    "mlp": lambda s: s * s * 256 + 256 * 128 + 128 * 10,
    "cnn": lambda s: (
        s * s * 9 * 1 * 32 + (s // 2) ** 2 * 9 * 32 * 64 + (s // 4) ** 2 * 64 * 128 + 128 * 10
    ),
    "rnn": lambda s: s * (s * 128 + 128 * 128) + 128 * 10,
    "lstm": lambda s: s * 4 * (s * 128 + 128 * 128) + 128 * 10,
}


def untrained(architecture: str, seed: int, name: str) -> TrainedModel:
    """A small network with fresh weights, as the models of a name are kept."""
    torch.manual_seed(seed)
    params = SMALL[architecture]
    weights = weights_to_bytes(build_model(architecture, params))
    path = Path(f"models/{name}/seed-{seed}.safetensors")
    return TrainedModel(architecture, params, seed, path, weights)
