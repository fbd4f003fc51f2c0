"""Which replicate of an architecture goes to the registry: decided without the test set."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from digitbench.errors import DigitbenchError


@dataclass(frozen=True)
class Choice:
    """A replicate and the validation accuracy that spoke for it."""

    seed: int
    validation_accuracy: float


def best_on_validation(curves: pd.DataFrame) -> Choice:
    """The highest validation accuracy after the last epoch; among equals the lowest seed.

    Args:
        curves: One row per seed and epoch, with seed, epoch and validation_accuracy.
    """
    last = curves.loc[curves.groupby("seed")["epoch"].idxmax()]
    best = last.sort_values(["validation_accuracy", "seed"], ascending=[False, True]).iloc[0]
    return Choice(int(best["seed"]), float(best["validation_accuracy"]))


def load_curves(path: Path, seeds: Collection[int]) -> pd.DataFrame:
    """Curves as a training stage wrote them.

    Args:
        path: Named after the architecture.
        seeds: Those that were trained.

    Raises:
        DigitbenchError: They can't be read, or are of other seeds; the text names the stage to run
            again.
    """
    try:
        curves = pd.read_csv(path)[["seed", "epoch", "validation_accuracy"]]
    except (OSError, ValueError, KeyError) as error:
        raise _unusable(path, f"cannot be read ({error})") from None
    if set(curves["seed"]) != set(seeds):
        raise _unusable(path, "are of other seeds than the models")
    return curves


def _unusable(path: Path, reason: str) -> DigitbenchError:
    return DigitbenchError(
        f"{path}: the curves {reason}. Run `dvc repro --force --single-item train_{path.stem}`."
    )
