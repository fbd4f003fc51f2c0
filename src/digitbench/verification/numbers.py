"""Numbers beside each other: curves epoch by epoch, records value by value, weights by tensor."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from digitbench.verification.claims import Training
from digitbench.verification.mismatch import Level, Mismatch

PER_SEED = "per_seed"


def curve_mismatch(there: Training, here: Training, seed: int) -> Mismatch | None:
    """The first epoch of a replicate that has another figure; losses come before accuracies."""
    where = f"{there.stage}, seed {seed}"
    for epoch in there.epochs(seed):
        old, new = there.curves[seed, epoch], here.curves.get((seed, epoch))
        if new is None:
            return Mismatch(Level.NUMBERS, f"{where}, epoch {epoch}", "trained", "not trained")
        for name in sorted(old, key=lambda name: not name.endswith("loss")):
            if old[name] != new.get(name):
                place = f"{where}, epoch {epoch}, {name}"
                return Mismatch(Level.NUMBERS, place, old[name], str(new.get(name)))
    return None


def tensor_mismatch(there: bytes, here: bytes, place: str) -> Mismatch:
    """The first tensor that differs between two files of weights."""
    old, new = safetensors.numpy.load(there), safetensors.numpy.load(here)
    for name in old:
        if name not in new or old[name].shape != new[name].shape:
            return Mismatch(Level.BYTES, f"{place}, {name}", "a tensor", "none of its shape")
        if not np.array_equal(old[name], new[name], equal_nan=True):
            cell = tuple(map(int, np.argwhere(old[name] != new[name])[0]))
            index = ", ".join(map(str, cell))
            values = (repr(float(side[cell])) for side in (old[name], new[name]))
            return Mismatch(Level.BYTES, f"{place}, {name}[{index}]", *values)
    return Mismatch(Level.BYTES, place, "these tensors", "the same tensors in other bytes")


def values(content: Any, whole: bool, path: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers and texts of a record by path; of a part of the seeds those alone that have a seed.

    Args:
        content: The record, or a part of it.
        whole: Whether it is of all seeds.
        path: To that part.
    """
    if isinstance(content, Mapping):
        for key, inside in content.items():
            yield from values(inside, whole or key == PER_SEED, f"{path}.{key}" if path else key)
    elif isinstance(content, list):
        for index, inside in enumerate(content):
            yield from values(inside, whole, f"{path}[{index}]")
    elif whole:
        yield path, content


def record_mismatches(file: str, there: Any, here: Any, whole: bool) -> tuple[int, list[Mismatch]]:
    """How many values were compared, and those that differ.

    Args:
        file: Path of the record.
        there: Its content in the commit.
        here: Its content now.
        whole: Whether it is of all seeds; else the values of the seeds that it is of.
    """
    old, new = dict(values(there, whole)), dict(values(here, whole))
    paths = dict.fromkeys((*old, *new)) if whole else [path for path in old if path in new]
    found = [
        Mismatch(Level.NUMBERS, f"{file}: {path}", str(old.get(path)), str(new.get(path)))
        for path in paths
        if old.get(path) != new.get(path)
    ]
    return len(paths), found
