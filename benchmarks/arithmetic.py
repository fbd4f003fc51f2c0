"""What it costs to compute with the instructions that x86 processors share, and no others."""

import os
from functools import partial
from typing import Any
from unittest.mock import patch

from benchmarks.ours import cut, recipe, update_cost
from benchmarks.results import spread
from benchmarks.scale import Say, Scale, run_afresh
from digitbench.training.arithmetic import CEILINGS
from digitbench.training.data import load_training_data

# Changes of the recipe. What auto comes to here, the same without bfloat16, and portable.
KINDS: dict[str, dict[str, str]] = {
    "native": {},
    "native_float32": {"precision": "float32"},
    "portable": {"precision": "float32", "arithmetic": "portable"},
}


def arithmetic(scale: Scale, say: Say) -> dict[str, Any]:
    """Images learned from per second by one replicate alone, on one thread, in its updates.

    Native is what `precision: auto` comes to here; native float32 is without bfloat16; portable is
    float32 under the ceilings of training/arithmetic.py. Each in a process of its own, in turn;
    relative: over native, round by round. CPU.
    """
    calls = {
        (name, kind): partial(_speed, name, kind, scale)
        for name in scale.architectures
        for kind in KINDS
    }
    rounds = scale.in_turn(calls)
    measured: dict[str, Any] = {name: {} for name in scale.architectures}
    for (name, kind), speeds in rounds.items():
        relative = spread(speeds, rounds[name, "native"])
        measured[name][kind] = {"images_per_second": spread(speeds), "relative": relative}
        say(f"{name}, {kind}: {relative['median']:.2f} times the speed of native")
    precision = recipe(epochs=1).precision
    return {"images": scale.update_images, "precision": precision, "architectures": measured}


def _speed(name: str, kind: str, scale: Scale) -> float:
    # Read by libraries when they are loaded, which is in the process that begins here.
    ceilings = CEILINGS if kind == "portable" else {}
    with patch.dict(os.environ, ceilings):
        return float(run_afresh(_images_per_second, name, KINDS[kind], scale))


def _images_per_second(name: str, changes: dict[str, str], scale: Scale) -> float:
    settings = recipe(epochs=1, **changes).resolved()
    data = cut(load_training_data(), scale.data_images)
    return 1 / update_cost(name, settings, data, scale.update_images)[1]
