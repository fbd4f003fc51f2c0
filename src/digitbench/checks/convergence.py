"""Whether training went far enough, and whether validation speaks for the test set."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from digitbench.checks.catalogue import Check, evident
from digitbench.results.collection import Results
from digitbench.statistics.estimates import Difference
from digitbench.wording import NAMES, p_equals, percent


def _still_falling(results: Results) -> Iterator[str]:
    last_two, p_values = {}, {}
    for name, curves in results.curves.items():
        losses = [group.to_numpy()[-2:] for _, group in curves.groupby("seed")["validation_loss"]]
        if len(losses) < 2 or any(len(each) < 2 for each in losses):
            continue
        table = np.array(losses)  # [S, 2]
        changes = table[:, 1] - table[:, 0]
        error = float(changes.std(ddof=1) / np.sqrt(len(changes)))
        estimate = Difference(float(changes.mean()), error, len(changes) - 1)
        last_two[name] = table.mean(axis=0)
        # One-sided: a rise is no sign of too few epochs.
        p_values[name] = estimate.p_value / 2 if estimate.value < 0 else 1.0
    for name, p in evident(p_values).items():
        before, last = last_two[name]
        yield (
            f"{NAMES[name]}: validation loss {before:.4f} after the last epoch but one, {last:.4f} "
            f"after the last, mean over seeds ({p_equals(p)})."
        )


def _far_apart(results: Results) -> Iterator[str]:
    shares, p_values = {}, {}
    for name, record in results.metrics.items():
        training = results.training[name]
        kept = _kept(results.curves[name], training.recipe.patience)
        validation, test = float(kept["validation_accuracy"].mean()), record.accuracy.mean
        counts = np.array([training.data.validation_images, record.test.images])
        pooled = float(np.average([validation, test], weights=counts))
        error = float(np.sqrt(pooled * (1 - pooled) * (1 / counts).sum()))
        shares[name] = validation, test
        p_values[name] = Difference(validation - test, error, np.inf).p_value
    for name, p in evident(p_values).items():
        validation, test = shares[name]
        yield (
            f"{NAMES[name]}: accuracy {percent(validation)} on validation images, {percent(test)} "
            f"on test images ({p_equals(p)})."
        )


def _kept(curves: pd.DataFrame, patience: int) -> pd.DataFrame:
    """The row of each seed whose weights were kept."""
    by_seed = curves.groupby("seed")
    return curves.loc[by_seed["validation_loss"].idxmin()] if patience else by_seed.tail(1)


STILL_FALLING = Check("DB002", "Loss still falling in the last epoch", Results, _still_falling)
FAR_APART = Check("DB003", "Validation and test far apart", Results, _far_apart)
