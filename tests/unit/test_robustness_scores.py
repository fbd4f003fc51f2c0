import pandas as pd
import pytest

from digitbench.errors import DigitbenchError
from digitbench.evaluation.corruptions import robustness_score, robustness_table

CLEAN = 0.99


@pytest.fixture
def results() -> pd.DataFrame:
    """Return two models; shift has two strengths and blur has one, besides strength 0."""
    accuracies = {
        ("mlp", 0): {("shift", 1): 0.8, ("shift", 2): 0.4, ("blur", 1.0): 0.9},
        ("mlp", 1): {("shift", 1): 0.6, ("shift", 2): 0.2, ("blur", 1.0): 0.8},
        ("cnn", 0): {("shift", 1): 1.0, ("shift", 2): 0.8, ("blur", 1.0): 0.5},
    }
    rows = [
        (*model, *condition, accuracy)
        for model, conditions in accuracies.items()
        for condition, accuracy in ({("shift", 0): CLEAN, ("blur", 0): CLEAN} | conditions).items()
    ]
    return pd.DataFrame(
        rows, columns=["architecture", "seed", "corruption", "strength", "accuracy"]
    )


def test_table_averages_non_zero_strengths(results: pd.DataFrame) -> None:
    table = robustness_table(results)
    means = table.set_index(["architecture", "seed", "corruption"])["mean_accuracy"].to_dict()
    assert means == pytest.approx(
        {
            ("mlp", 0, "shift"): 0.6,
            ("mlp", 0, "blur"): 0.9,
            ("mlp", 1, "shift"): 0.4,
            ("mlp", 1, "blur"): 0.8,
            ("cnn", 0, "shift"): 0.9,
            ("cnn", 0, "blur"): 0.5,
        }
    )


def test_score_weighs_corruptions_and_not_conditions(results: pd.DataFrame) -> None:
    score = robustness_score(results)
    assert list(score["architecture"]) == ["mlp", "mlp", "cnn"]
    assert list(score["seed"]) == [0, 1, 0]
    # A mean over the three conditions of the first model would be 0.7.
    assert list(score["mean_accuracy"]) == pytest.approx([0.75, 0.6, 0.7])


def test_score_ignores_the_clean_accuracy_and_other_columns(results: pd.DataFrame) -> None:
    changed = results.assign(loss=1.0)
    changed.loc[changed["strength"] == 0, "accuracy"] = 0.0
    pd.testing.assert_frame_equal(robustness_score(changed), robustness_score(results))


def test_missing_condition_is_refused_by_model(results: pd.DataFrame) -> None:
    with pytest.raises(DigitbenchError, match=r"cnn, seed 0 cover 4 of 5"):
        robustness_score(results.iloc[:-1])


def test_doubled_condition_is_refused(results: pd.DataFrame) -> None:
    doubled = pd.concat([results, results.iloc[[7]]])
    with pytest.raises(DigitbenchError, match=r"twice.*mlp, seed 1"):
        robustness_table(doubled)


def test_missing_accuracy_is_refused_and_not_skipped(results: pd.DataFrame) -> None:
    results.loc[3, "accuracy"] = float("nan")
    with pytest.raises(DigitbenchError, match=r"1 rows.*mlp, seed 0"):
        robustness_table(results)


def test_missing_column_is_named(results: pd.DataFrame) -> None:
    with pytest.raises(DigitbenchError, match="lack the columns strength"):
        robustness_table(results.drop(columns="strength"))


def test_clean_rows_alone_are_refused(results: pd.DataFrame) -> None:
    with pytest.raises(DigitbenchError, match="no row of non-zero strength"):
        robustness_table(results[results["strength"] == 0])
