"""Replicates of several people in one table, and whether equal keys kept their promise."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.results.clocks import TimingRecord
from digitbench.results.records import ModelRecord

KEY, ANSWERS = "key", "predictions_sha256"
IDENTITY = (KEY, "architecture", "seed", ANSWERS)
MACHINE = "machine."  # what begins so is of the fingerprint
Row = dict[str, str]


def export_rows(names: Sequence[str]) -> list[Row]:
    """One row per replicate of the networks, from the results in the current folder.

    Raises:
        DigitbenchError: A file is missing or damaged, or was written before replicates had keys.
    """
    return [row for name in names for row in _rows_of(name)]


def _rows_of(name: str) -> Iterator[Row]:
    record = ModelRecord.read(files.METRICS / f"{name}.json")
    path = files.TIMING / f"{name}.json"
    timing = TimingRecord.read(path)
    answers = _answers(files.PREDICTIONS / f"{name}.npz", record.seeds)
    for seed in record.seeds:
        if seed not in timing.keys:
            raise DigitbenchError(
                f"{path}: no key of seed {seed}, which an earlier version did not write. Run "
                f"`dvc repro --force --single-item train_{name}`."
            )
        content = np.ascontiguousarray(answers[seed]).tobytes()
        yield {
            KEY: timing.keys[seed],
            "architecture": record.architecture,
            "seed": str(seed),
            ANSWERS: hashlib.sha256(content).hexdigest(),
            **{key: repr(metric.per_seed[seed]) for key, metric in record.metrics.items()},
            **{f"{MACHINE}{key}": value for key, value in timing.environment.items()},
        }


def _answers(path: Path, seeds: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """Probabilities [N, 10] by seed."""
    predictions = files.read_arrays(path)
    stack, of_seeds = predictions.get("probabilities"), predictions.get("seeds")
    if of_seeds is None or of_seeds.tolist() != [*seeds]:
        problem = "it is of other seeds than the metrics"
    elif stack is None or stack.dtype != np.float32 or stack.shape[::2] != (len(seeds), 10):
        problem = "it holds no probabilities of ten digits for each seed"
    elif not ((stack >= 0) & (stack <= 1)).all():
        problem = "what it holds are no probabilities"
    else:
        return dict(zip(seeds, stack, strict=True))
    raise DigitbenchError(f"{path}: cannot be used ({problem}). {files.REMEDY}")


def to_csv(rows: Sequence[Row]) -> str:
    """A table with the columns of all rows."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_rows(path: Path) -> list[Row]:
    """The rows of an exported table.

    Raises:
        DigitbenchError: It is missing or something else.
    """
    again = "Export it again."
    text = files.read_bytes(path, again).decode("utf-8", "replace")
    rows = files.read(path, lambda _: list(csv.DictReader(io.StringIO(text))), again)
    if not rows or not set(IDENTITY) <= rows[0].keys():
        problem = "it lacks columns or rows"
    elif not all(set(map(type, (*row, *row.values()))) == {str} for row in rows):
        problem = "a row is longer or shorter than the others"
    elif not all(map(str.isprintable, chain.from_iterable(chain(rows, map(dict.values, rows))))):
        problem = "it holds what can't be read by people"
    elif not all(row[KEY] and row[ANSWERS] and row["seed"].isdecimal() for row in rows):
        problem = "a row lacks its key, its seed or its predictions"
    elif not all(map(_has_numbers, rows)):
        problem = "a metric is no finite number"
    else:
        return rows
    raise DigitbenchError(f"{path}: not a table of `digitbench results export`: {problem}. {again}")


def _has_numbers(row: Row) -> bool:
    """Whether every metric is one, or empty because another table has it."""
    metrics = [row[key] for key in row.keys() - IDENTITY if not key.startswith(MACHINE)]
    try:
        return all(isfinite(float(value)) for value in metrics if value)
    except ValueError:
        return False


@dataclass(frozen=True)
class BrokenPromise:
    """Two replicates with the same key and other predictions."""

    one: Row
    other: Row

    def sentence(self) -> str:
        """What differs, and on which machines."""
        seed, name = self.one["seed"], self.one["architecture"]
        return (
            f"{name} seed {seed} ({self.one[KEY][:12]}): the same key, other predictions. "
            f"One is of {_machine(self.one)}; the other of {_machine(self.other)}. What they "
            "differ in decides bytes and is not in the key, or one of them is damaged."
        )


def merge(tables: Sequence[Sequence[Row]]) -> tuple[list[Row], list[BrokenPromise]]:
    """All rows once, in their order, and what equal keys promised and did not keep."""
    unique = {tuple(sorted(row.items())): row for rows in tables for row in rows}
    by_key: dict[str, list[Row]] = {}
    for row in unique.values():
        by_key.setdefault(row[KEY], []).append(row)
    broken = [
        BrokenPromise(one, other)
        for rows in by_key.values()
        for one, other in combinations(rows, 2)
        if one[ANSWERS] != other[ANSWERS]
    ]
    return list(unique.values()), broken


def _machine(row: Row) -> str:
    told = {key.removeprefix(MACHINE): row[key] for key in row if key.startswith(MACHINE)}
    return ", ".join(f"{key} {value}" for key, value in told.items() if value)
