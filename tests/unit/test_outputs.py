"""What evaluation writes of architectures: every number by hand or by scikit-learn."""

import json
from collections.abc import Sequence
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from architectures import FULL, MACS, PARAMETERS
from digitbench import files
from digitbench.evaluation.examples import DISPUTED
from digitbench.evaluation.outputs import comparison, model_record
from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.scores import score_replicates
from digitbench.results.metrics import BY_KEY
from digitbench.results.records import ComparisonRecord, ModelRecord, SummaryRecord
from digitbench.statistics.comparison import ONE_SEED_LIMITATION
from digitbench.statistics.summary import Summary

SEEDS = (2, 0, 7)
COUNT = 3000
EYE = np.eye(10, dtype=np.float32)
Predictions = tuple[NDArray[np.float32], NDArray[np.uint8]]  # [S, N, 10], [N]


def predictions(replicates: int) -> Predictions:
    """With some errors."""
    draw = np.random.default_rng(0)
    labels = (np.arange(COUNT) % 10).astype(np.uint8)
    odds = np.exp(draw.normal(size=(replicates, COUNT, 10)) + 4 * EYE[labels])
    return (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32), labels


def perfect(count: int) -> Predictions:
    labels = (np.arange(count) % 10).astype(np.uint8)
    return EYE[labels][np.newaxis].repeat(2, axis=0), labels


def record_of(found: Predictions, seeds: Sequence[int], architecture: str = "mlp") -> ModelRecord:
    models = [
        TrainedModel(architecture, FULL[architecture], seed, Path(f"models/{seed}"), b"x" * 99)
        for seed in seeds
    ]
    return model_record(models, score_replicates(architecture, *found, seeds), *found)


@pytest.fixture(scope="module")
def record() -> ModelRecord:
    return record_of(predictions(3), SEEDS)


def written(record: ModelRecord | ComparisonRecord) -> None:
    """Fit for JSON, and read back as it was."""
    text = json.dumps(record.content(), allow_nan=False).encode()
    assert type(record).parse(text, "test") == record


# --- one architecture ------------------------------------------------------------------------


def test_every_metric_has_its_row_and_its_mean_spread_interval_and_seeds(
    record: ModelRecord,
) -> None:
    assert set(record.metrics) == set(BY_KEY)
    for summary in record.metrics.values():
        assert tuple(summary.per_seed) == record.seeds == SEEDS
        values = list(summary.per_seed.values())
        assert summary.mean == pytest.approx(sum(values) / 3)
        assert summary.std == pytest.approx(np.std(values, ddof=1))
        if summary.std == 0:
            assert summary.ci95_low == summary.ci95_high == summary.mean
            continue
        ends = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert (summary.ci95_low, summary.ci95_high) == pytest.approx(ends)


def test_the_metrics_agree_with_scikit_learn(record: ModelRecord) -> None:
    probabilities, labels = predictions(3)
    averaged = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    for row, seed in enumerate(SEEDS):
        answers = probabilities[row].argmax(axis=1)
        mine = {key: summary.per_seed[seed] for key, summary in record.metrics.items()}
        assert mine["accuracy"] == pytest.approx(accuracy_score(labels, answers))
        assert mine["errors"] == (answers != labels).sum()
        for name, metric in averaged.items():
            assert mine[f"macro_{name}"] == pytest.approx(metric(labels, answers, average="macro"))
            by_digit = [summary.per_seed[seed] for summary in record.per_class(name).values()]
            assert by_digit == pytest.approx(metric(labels, answers, average=None).tolist())
        areas = [roc_auc_score(labels == d, probabilities[row, :, d]) for d in range(10)]
        assert mine["macro_auc"] == pytest.approx(np.mean(areas))


def test_confusion_adds_up_over_replicates(record: ModelRecord) -> None:
    counts, rates = np.array(record.test.confusion.total), np.array(record.test.confusion.rates)
    assert (record.test.images, counts.sum()) == (COUNT, 3 * COUNT)
    assert record.images_per_class == (COUNT // 10,) * 10
    assert counts.sum() - np.trace(counts) == sum(record.metrics["errors"].per_seed.values())
    np.testing.assert_allclose(rates, counts / (3 * COUNT / 10))


@pytest.mark.parametrize("architecture", FULL)
def test_sizes_are_those_counted_by_hand(architecture: str) -> None:
    record = record_of(predictions(1), (0,), architecture)
    assert (record.parameters, record.macs) == (
        PARAMETERS[architecture](28),
        MACS[architecture](28),
    )
    assert (record.architecture, record.bytes) == (architecture, 99)
    assert sum(layer.parameters for layer in record.layers) == record.parameters
    assert sum(layer.macs for layer in record.layers) == record.macs


def misread(found: Predictions, replicate: int, *images: int) -> None:
    stack, labels = found
    for image in images:
        stack[replicate, image] = EYE[(labels[image] + 1) % 10]


def test_errors_on_disputed_labels_by_hand() -> None:
    found = perfect(10_000)
    first, second, last = DISPUTED[0], DISPUTED[1], DISPUTED[-1]
    misread(found, 0, first, last, 3, 4)
    misread(found, 1, second, first + 1, last - 1)
    metrics = record_of(found, (5, 6)).metrics
    assert metrics["errors"].per_seed == {5: 4, 6: 3}
    assert metrics["errors_disputed"].per_seed == {5: 2, 6: 1}
    assert metrics["errors_disputed"].mean == 1.5


def test_disputed_images_beyond_the_set_dont_count() -> None:
    for count, expected in ((DISPUTED[1], 1), (DISPUTED[1] + 1, 2)):
        stack, labels = perfect(count)
        record = record_of((np.roll(stack, 1, axis=2), labels), (0, 1))  # everything is wrong
        assert record.metrics["errors_disputed"].per_seed == {0: expected, 1: expected}


def test_the_headline_is_the_record_rounded(record: ModelRecord) -> None:
    headline = SummaryRecord.of(record).model_dump()
    accuracy, metrics = record.accuracy, record.metrics
    pairs = {
        "accuracy": accuracy.mean,
        "std": accuracy.std,
        "ci95_low": accuracy.ci95_low,
        "ci95_high": accuracy.ci95_high,
        **{key: metrics[key].mean for key in ("macro_f1", "nll", "ece")},
    }
    for key, value in pairs.items():
        assert headline[key] == pytest.approx(value, abs=0.5e-5)
        assert len(str(headline[key]).partition(".")[2]) <= 5
    assert (headline["seeds"], headline["parameters"]) == (3, PARAMETERS["mlp"](28))
    assert set(headline) == {*pairs, "seeds", "parameters"}


def test_one_seed_or_no_error_leaves_no_gap_in_the_file(record: ModelRecord) -> None:
    single = record_of(predictions(1), (4,))
    for item in (record, single, record_of(perfect(20), (0, 1))):
        written(item)
    for summary in single.metrics.values():
        assert summary == Summary(summary.mean, None, None, None, {4: summary.mean})
    headline = SummaryRecord.of(single)
    assert (headline.std, headline.ci95_low, headline.ci95_high) == (None, None, None)
    assert headline.seeds == 1


# --- the comparison --------------------------------------------------------------------------

# From the worst to the best.
SHARPNESS = {"mlp": 1.5, "rnn": 2.0, "lstm": 2.5, "cnn": 3.5}
Stacks = dict[str, NDArray[np.float32]]


def stacks_for(replicates: int) -> tuple[Stacks, NDArray[np.uint8]]:
    """Per architecture one-hot answers [S, N, 10], and labels [N]."""
    draw = np.random.default_rng(1)
    labels = (np.arange(250) % 10).astype(np.uint8)
    noise = {name: draw.normal(size=(replicates, 250, 10)) for name in SHARPNESS}
    return {
        name: EYE[(noise[name] + sharpness * EYE[labels]).argmax(axis=2)]
        for name, sharpness in SHARPNESS.items()
    }, labels


def compared(
    stacks: Stacks, labels: NDArray[np.uint8], seeds: Sequence[int], confused_pairs: int = 3
) -> ComparisonRecord:
    scores = {name: score_replicates(name, stack, labels, seeds) for name, stack in stacks.items()}
    ((path, content),) = comparison(stacks, labels, scores, confused_pairs).items()
    assert path == files.METRICS / "comparison.json"
    record = ComparisonRecord.parse(json.dumps(content, allow_nan=False).encode(), str(path))
    written(record)
    return record


def test_every_pair_is_there_once_with_its_difference_and_its_own_networks() -> None:
    stacks, labels = stacks_for(3)
    record = compared(stacks, labels, (4, 9, 1))
    correct = {name: stack.argmax(axis=2) == labels for name, stack in stacks.items()}
    accuracy = {name: right.mean() for name, right in correct.items()}
    assert sorted(accuracy, key=accuracy.__getitem__) == list(SHARPNESS)
    expected = {f"{second}_minus_{first}" for first, second in combinations(SHARPNESS, 2)}
    assert set(record.pairs) == expected
    for key, pair in record.pairs.items():
        assert key == f"{pair.second}_minus_{pair.first}"
        assert record.pair(pair.second, pair.first) is record.pair(pair.first, pair.second) is pair
        difference = accuracy[pair.second] - accuracy[pair.first]
        assert 0 < difference == pytest.approx(pair.difference)
        assert pair.difference_low < difference < pair.difference_high
        reduction = 1 - (1 - accuracy[pair.second]) / (1 - accuracy[pair.first])
        assert pair.error_reduction == pytest.approx(reduction)
        assert pair.limitation is None
        assert pair.p_value <= pair.p_value_holm <= 1
        assert pair.seeds == tuple(test.seed for test in pair.mcnemar) == (4, 9, 1)
        for row, test in enumerate(pair.mcnemar):
            first, second = correct[pair.first][row], correct[pair.second][row]
            assert (test.n10, test.n01) == ((first & ~second).sum(), (second & ~first).sum())
    with pytest.raises(KeyError, match="cnn and gru were not compared"):
        record.pair("cnn", "gru")


def test_the_most_confused_digits_by_counting() -> None:
    stacks, labels = stacks_for(3)
    record = compared(stacks, labels, (4, 9, 1))
    for name, stack in stacks.items():
        answers = stack.argmax(axis=2)
        taken = {
            (a, b): int(((labels == a) & (answers == b)).sum())
            for a, b in permutations(range(10), 2)
        }
        both = {(a, b): taken[a, b] + taken[b, a] for a, b in combinations(range(10), 2)}
        found = record.most_confused[name]
        assert [item.count for item in found] == sorted(both.values(), reverse=True)[:3]
        for item in found:
            a, b = item.first, item.second
            assert item.count == both[a, b]
            assert item.rate_first_as_second == pytest.approx(taken[a, b] / 75)
            assert item.rate_second_as_first == pytest.approx(taken[b, a] / 75)


def test_one_seed_comes_with_its_limitation() -> None:
    for pair in compared(*stacks_for(1), (3,)).pairs.values():
        assert pair.limitation == ONE_SEED_LIMITATION
        assert [test.seed for test in pair.mcnemar] == [3]
        assert pair.p_value == pair.mcnemar[0].p_value


def test_models_without_a_mistake_leave_ratios_open_rather_than_broken() -> None:
    stack, labels = perfect(250)
    record = compared({"mlp": stack, "cnn": stack.copy()}, labels, (0, 1))
    pair = record.pairs["cnn_minus_mlp"]
    assert (pair.difference, pair.error_reduction, pair.p_value_holm) == (0, None, 1)
    assert record.most_confused == {"mlp": (), "cnn": ()}
