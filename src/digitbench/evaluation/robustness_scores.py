"""Summaries of accuracies under corruption, one figure per training seed.

Kept apart from the corruptions so that a report can summarise without importing torch.
"""

import pandas as pd

from digitbench.errors import DigitbenchError

_MODEL = ["architecture", "seed"]
_CONDITION = ["corruption", "strength"]
_COLUMNS = [*_MODEL, *_CONDITION, "accuracy"]


def _check_complete(results: pd.DataFrame) -> None:
    """Refuse results whose means would not be over the same conditions for every model."""
    missing = [column for column in _COLUMNS if column not in results.columns]
    if missing:
        raise DigitbenchError(
            f"The robustness results lack the columns {', '.join(missing)}; "
            f"they need {', '.join(_COLUMNS)}."
        )
    gaps = results[results[_COLUMNS].isna().any(axis=1)]
    if len(gaps):
        raise DigitbenchError(
            f"{len(gaps)} rows of the robustness results hold no value, the first for "
            f"{_name_model(gaps)}; evaluate that model again."
        )
    doubled = results[results.duplicated([*_MODEL, *_CONDITION])]
    if len(doubled):
        raise DigitbenchError(
            f"{len(doubled)} conditions occur twice in the robustness results, the first for "
            f"{_name_model(doubled)}; keep one row per condition."
        )
    conditions = len(results[_CONDITION].drop_duplicates())
    counts = results.groupby(_MODEL, as_index=False, sort=False, observed=True).size()
    short = counts[counts["size"] < conditions]
    if len(short):
        raise DigitbenchError(
            f"The robustness results of {_name_model(short)} cover {short['size'].iloc[0]} of "
            f"{conditions} conditions; evaluate every model under the same conditions."
        )


def _name_model(rows: pd.DataFrame) -> str:
    return f"{rows['architecture'].iloc[0]}, seed {rows['seed'].iloc[0]}"


def robustness_table(results: pd.DataFrame) -> pd.DataFrame:
    """Average the accuracy over the non-zero strengths of each corruption.

    Args:
        results: One row per architecture, seed, corruption and strength, with the column
            `accuracy`. Rows of strength 0 (clean images) may be there and are left out.

    Returns:
        One row per architecture, seed and corruption, in order of first appearance, with the
        column `mean_accuracy`.

    Raises:
        DigitbenchError: Columns, values or conditions are missing, a condition occurs twice, or
            no row has a non-zero strength.
    """
    _check_complete(results)
    corrupted = results[results["strength"] != 0]
    if corrupted.empty:
        raise DigitbenchError(
            "The robustness results hold no row of non-zero strength; evaluate some corruption."
        )
    grouped = corrupted.groupby([*_MODEL, "corruption"], as_index=False, sort=False, observed=True)
    return grouped.agg(mean_accuracy=("accuracy", "mean"))


def robustness_score(results: pd.DataFrame) -> pd.DataFrame:
    """Average `robustness_table` over the corruptions, each with equal weight.

    A mean over all conditions would weigh a corruption by its number of strengths instead.

    Args:
        results: As for `robustness_table`.

    Returns:
        One row per architecture and seed, in order of first appearance, with the column
        `mean_accuracy`: the sample over seeds that an interval is made of.

    Raises:
        DigitbenchError: As for `robustness_table`.
    """
    table = robustness_table(results)
    grouped = table.groupby(_MODEL, as_index=False, sort=False, observed=True)
    return grouped.agg(mean_accuracy=("mean_accuracy", "mean"))
