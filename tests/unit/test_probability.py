"""Probability scores against scikit-learn, and tables against the figures that they feed."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

import figure_data
from digitbench.evaluation.probability import (
    COVERAGES,
    METRICS,
    brier_score,
    expected_calibration_error,
    macro_auc,
    negative_log_likelihood,
    probability_summaries,
    probability_tables,
)
from digitbench.figures.probability import reliability_diagrams, risk_coverage, roc_curves

SEEDS = (5, 2, 9)
Predictions = tuple[NDArray[np.float32], NDArray[np.int64]]


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    """Probabilities [3, 200, 10], better than chance, and labels [200]."""
    draw = np.random.default_rng(0)
    labels = np.arange(200) % 10
    logits = draw.normal(size=(3, 200, 10)) + 2 * np.eye(10)[labels]
    odds = np.exp(logits)
    return (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32), labels


def test_summaries_are_those_of_every_seed_alone(predictions: Predictions) -> None:
    probabilities, labels = predictions
    summaries = probability_summaries(probabilities, labels, SEEDS)
    direct = {
        "macro_auc": macro_auc,
        "nll": negative_log_likelihood,
        "brier": brier_score,
        "ece": expected_calibration_error,
    }
    assert set(summaries) == set(METRICS) == set(direct)
    for name, metric in direct.items():
        values = [metric(probabilities[row], labels) for row in range(3)]
        assert len(set(values)) == 3, "the seeds can be told apart"
        assert list(summaries[name]["per_seed"].items()) == [
            (str(seed), value) for seed, value in zip(SEEDS, values, strict=True)
        ]
        assert summaries[name]["mean"] == pytest.approx(np.mean(values))
        assert summaries[name]["std"] == pytest.approx(np.std(values, ddof=1))


def test_the_scores_agree_with_scikit_learn(predictions: Predictions) -> None:
    probabilities, labels = predictions
    summaries = probability_summaries(probabilities, labels, SEEDS)
    for row, seed in enumerate(SEEDS):
        one = probabilities[row].astype(np.float64)
        one /= one.sum(axis=1, keepdims=True)
        ours = {name: summary["per_seed"][str(seed)] for name, summary in summaries.items()}
        auc = roc_auc_score(labels, one, multi_class="ovr", average="macro")
        assert ours["macro_auc"] == pytest.approx(auc, abs=1e-6)
        assert ours["nll"] == pytest.approx(log_loss(labels, one), rel=1e-5)
        squares = [((p - np.eye(10)[y]) ** 2).sum() for p, y in zip(one, labels, strict=True)]
        assert ours["brier"] == pytest.approx(np.mean(squares), rel=1e-5)


def test_tables_have_the_columns_that_the_figures_draw(predictions: Predictions) -> None:
    tables = probability_tables(*predictions)
    assert set(tables) == {"roc", "reliability", "coverage"}
    drawn = {
        "roc": figure_data.roc_data(("mlp",))["mlp"],
        "reliability": figure_data.reliability_data([1]),
        "coverage": figure_data.coverage_data([0.1]),
    }
    for kind, example in drawn.items():
        assert set(example.columns) <= set(tables[kind].columns)
    again = {kind: read_back(table) for kind, table in tables.items()}
    lines = [
        len(axes.lines)
        for figure in (
            roc_curves({"mlp": again["roc"]}, {"mlp": 0.99}),
            reliability_diagrams({"mlp": again["reliability"]}),
            risk_coverage({"mlp": again["coverage"]}),
        )
        for axes in figure.axes[:1]
    ]
    assert min(lines) > 0


def read_back(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)))


def test_what_is_written_is_what_is_read(predictions: Predictions) -> None:
    for table in probability_tables(*predictions).values():
        pd.testing.assert_frame_equal(read_back(table), table, rtol=0, atol=0)


def test_the_tables_agree_with_the_predictions(predictions: Predictions) -> None:
    probabilities, labels = predictions
    tables = probability_tables(probabilities, labels)
    correct = probabilities.argmax(axis=2) == labels
    coverage = tables["coverage"]
    assert coverage["coverage"].tolist() == list(COVERAGES)
    assert (COVERAGES[0], COVERAGES[-1], len(COVERAGES)) == (0.5, 1.0, 51)
    everything: Any = coverage.iloc[-1]
    per_seed = correct.mean(axis=1)
    wanted = (per_seed.mean(), per_seed.min(), per_seed.max())
    assert tuple(everything[["accuracy", "low", "high"]]) == pytest.approx(wanted, abs=1e-6)
    assert tables["reliability"]["count"].sum() == correct.size
    filled = tables["reliability"].dropna()
    hits = (filled["count"] * filled["accuracy"]).sum()
    assert hits == pytest.approx(correct.sum(), abs=1e-3)
    last = tables["roc"].groupby("class").tail(1)
    assert last["class"].tolist() == list(range(10))
    assert set(last["true_positive_rate"]) == {1.0}
