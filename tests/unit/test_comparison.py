"""The committed comparison: all pairs, the right way round, and fit for JSON."""

import json
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from digitbench.evaluation.outputs import comparison_record
from digitbench.evaluation.scores import score_replicates
from digitbench.statistics.comparison import ONE_SEED_LIMITATION

# From the worst to the best.
SHARPNESS = {"mlp": 1.5, "rnn": 2.0, "lstm": 2.5, "cnn": 3.5}
COUNT = 250


def stacks_for(replicates: int) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.uint8]]:
    """Per architecture one-hot answers [S, N, 10], and labels [N]."""
    draw = np.random.default_rng(1)
    labels = (np.arange(COUNT) % 10).astype(np.uint8)
    noise = {name: draw.normal(size=(replicates, COUNT, 10)) for name in SHARPNESS}
    eye = np.eye(10, dtype=np.float32)
    return {
        name: eye[(noise[name] + sharpness * eye[labels]).argmax(axis=2)]
        for name, sharpness in SHARPNESS.items()
    }, labels


def record_for(seeds: Sequence[int], confused_pairs: int = 5) -> dict[str, Any]:
    stacks, labels = stacks_for(len(seeds))
    scores = {name: score_replicates(name, stack, labels, seeds) for name, stack in stacks.items()}
    return comparison_record(stacks, labels, scores, confused_pairs)


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return record_for((4, 9, 1))


def test_every_pair_is_there_once_and_named_for_its_difference(record: dict[str, Any]) -> None:
    stacks, labels = stacks_for(3)
    accuracy = {name: (s.argmax(axis=2) == labels).mean() for name, s in stacks.items()}
    assert sorted(accuracy, key=accuracy.__getitem__) == list(SHARPNESS)
    expected = {f"{second}_minus_{first}" for first, second in combinations(SHARPNESS, 2)}
    assert set(record["pairs"]) == expected
    for key, pair in record["pairs"].items():
        assert key == f"{pair['second']}_minus_{pair['first']}"
        difference = accuracy[pair["second"]] - accuracy[pair["first"]]
        assert difference > 0
        assert pair["difference"] == pytest.approx(difference)
        assert pair["difference_low"] < difference < pair["difference_high"]
        error = {name: 1 - value for name, value in accuracy.items()}
        reduction = 1 - error[pair["second"]] / error[pair["first"]]
        assert pair["error_reduction"] == pytest.approx(reduction)
        assert pair["limitation"] is None
        assert pair["p_value"] <= pair["p_value_holm"] <= 1


def test_mcnemar_is_told_per_seed_by_its_own_networks(record: dict[str, Any]) -> None:
    stacks, labels = stacks_for(3)
    correct = {name: stack.argmax(axis=2) == labels for name, stack in stacks.items()}
    for pair in record["pairs"].values():
        assert pair["seeds"] == [4, 9, 1]
        assert list(pair["mcnemar"]) == ["4", "9", "1"]
        for row, test in enumerate(pair["mcnemar"].values()):
            first, second = correct[pair["first"]][row], correct[pair["second"]][row]
            only = {int((first & ~second).sum()), int((second & ~first).sum())}
            assert "seed" not in test
            counts = {value for value in test.values() if isinstance(value, int)}
            assert only <= counts


def test_the_most_confused_digits_by_counting() -> None:
    record = record_for((4, 9, 1), confused_pairs=3)
    stacks, labels = stacks_for(3)
    for name, stack in stacks.items():
        answers = stack.argmax(axis=2)
        taken = {
            (a, b): int(((labels == a) & (answers == b)).sum())
            for a, b in permutations(range(10), 2)
        }
        both = {(a, b): taken[a, b] + taken[b, a] for a, b in combinations(range(10), 2)}
        found = record["most_confused"][name]
        assert [item["count"] for item in found] == sorted(both.values(), reverse=True)[:3]
        for item in found:
            a, b = item["first"], item["second"]
            assert item["count"] == both[a, b]
            assert item["rate_first_as_second"] == pytest.approx(taken[a, b] / (3 * COUNT / 10))
            assert item["rate_second_as_first"] == pytest.approx(taken[b, a] / (3 * COUNT / 10))


def test_one_seed_comes_with_its_limitation() -> None:
    for pair in record_for((3,))["pairs"].values():
        assert pair["limitation"] == ONE_SEED_LIMITATION
        assert list(pair["mcnemar"]) == ["3"]
        assert pair["p_value"] == pair["mcnemar"]["3"]["p_value"]


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_record_is_json_as_it_stands(seeds: tuple[int, ...]) -> None:
    record = record_for(seeds)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_models_without_a_mistake_leave_ratios_open_rather_than_broken() -> None:
    _, labels = stacks_for(1)
    perfect = np.eye(10, dtype=np.float32)[labels][np.newaxis].repeat(2, axis=0)
    stacks = {"mlp": perfect, "cnn": perfect.copy()}
    scores = {name: score_replicates(name, stack, labels, (0, 1)) for name, stack in stacks.items()}
    record = comparison_record(stacks, labels, scores, 5)
    pair = record["pairs"]["cnn_minus_mlp"]
    assert (pair["difference"], pair["error_reduction"], pair["p_value_holm"]) == (0, None, 1)
    assert record["most_confused"] == {"mlp": [], "cnn": []}
    json.dumps(record, allow_nan=False)
