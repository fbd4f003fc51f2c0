"""What evaluation writes of architectures: every number by hand or that of the scores."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from architectures import FULL, MACS, PARAMETERS
from digitbench import files
from digitbench.evaluation.examples import DISPUTED
from digitbench.evaluation.outputs import comparison, model_record
from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.probability import probability_summaries
from digitbench.evaluation.scores import (
    most_confused,
    per_class_summaries,
    score_replicates,
    sum_confusion,
    summarise_scores,
)
from digitbench.results.metrics import BY_KEY
from digitbench.results.records import ComparisonRecord, ModelRecord, SummaryRecord
from digitbench.statistics.comparison import ONE_SEED_LIMITATION, compare_all
from digitbench.statistics.summary import Summary, summarise
from readers import EYE, Stacks, probabilities

SEEDS = (2, 0, 7)
COUNT = 3000
Predictions = tuple[NDArray[np.float32], NDArray[np.uint8]]  # [S, N, 10], [N]


def labels_of(count: int) -> NDArray[np.uint8]:
    return (np.arange(count) % 10).astype(np.uint8)


def predictions(replicates: int) -> Predictions:
    """With some errors."""
    labels = labels_of(COUNT)
    return probabilities(replicates, labels, 4, 0), labels


def perfect(count: int) -> Predictions:
    labels = labels_of(count)
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


def test_every_metric_has_its_row_and_is_that_of_the_scores(record: ModelRecord) -> None:
    stack, labels = predictions(3)
    scores = score_replicates("mlp", stack, labels, SEEDS)
    wrong = (stack.argmax(axis=2) != labels).sum(axis=1).tolist()
    expected = summarise_scores(scores) | probability_summaries(stack, labels, SEEDS)
    expected["errors"] = summarise(dict(zip(SEEDS, wrong, strict=True)))
    expected["errors_disputed"] = record.metrics["errors_disputed"]  # by hand below
    assert record.seeds == SEEDS
    assert record.metrics == expected
    assert set(record.metrics) == set(BY_KEY)
    for name, by_digit in per_class_summaries(scores).items():
        assert record.per_class(name) == by_digit


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


def stacks_for(replicates: int) -> tuple[Stacks, NDArray[np.uint8]]:
    """Per architecture one-hot answers [S, N, 10], and labels [N]."""
    labels = labels_of(250)
    return {
        name: EYE[probabilities(replicates, labels, sharpness, 1, row).argmax(axis=2)]
        for row, (name, sharpness) in enumerate(SHARPNESS.items())
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


def test_every_pair_is_there_once_and_found_in_either_order() -> None:
    stacks, labels = stacks_for(3)
    record = compared(stacks, labels, (4, 9, 1))
    correct = {name: stack.argmax(axis=2) == labels for name, stack in stacks.items()}
    assert sorted(correct, key=lambda name: correct[name].mean()) == list(SHARPNESS)
    pairs = compare_all(correct, (4, 9, 1))
    assert record.pairs == {f"{pair.second}_minus_{pair.first}": pair for pair in pairs}
    for pair in record.pairs.values():
        assert pair.difference > 0
        assert record.pair(pair.second, pair.first) is record.pair(pair.first, pair.second) is pair
    with pytest.raises(KeyError, match="cnn and gru were not compared"):
        record.pair("cnn", "gru")


def test_the_most_confused_digits_are_those_of_the_counts_over_replicates() -> None:
    stacks, labels = stacks_for(3)
    record = compared(stacks, labels, (4, 9, 1))
    for name, stack in stacks.items():
        scores = score_replicates(name, stack, labels, (4, 9, 1))
        expected = most_confused(sum_confusion(list(scores.values())), 3)
        assert len(expected) == 3
        assert record.most_confused[name] == expected


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
