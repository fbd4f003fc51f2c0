"""How a study splits and scores, against numbers worked out by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from digitbench.params import load_plan
from digitbench.results.records import ModelRecord
from digitbench.studies.protocol import assess, kept_epoch
from digitbench.training.data import UNIT, Split, SplitParams, pixel_statistics, split_images

ROOT = Path(__file__).resolve().parents[2]
LABELS = np.arange(20, dtype=np.uint8) % 10


def matrix(*wrong: tuple[int, int]) -> NDArray[np.int64]:
    """Two images of each class; the given (true, predicted) cases go wrong."""
    counts = np.diag(np.full(10, 2))
    for true, predicted in wrong:
        counts[true, true] -= 1
        counts[true, predicted] += 1
    return counts


def probabilities(wrong: dict[int, int]) -> NDArray[np.float32]:
    """Sure of every image of LABELS, wrong about those given by place."""
    predicted = LABELS.copy()
    for place, answer in wrong.items():
        predicted[place] = answer
    return np.eye(10, dtype=np.float32)[predicted]


@pytest.fixture
def assessed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Assesses a variant of one seed."""
    monkeypatch.chdir(ROOT / "studies")

    def assess_one(
        name: str, wrong: dict[int, int], epochs: list[NDArray[np.int64]], losses: list[float]
    ) -> ModelRecord:
        plan = load_plan(name)
        plan = replace(plan, recipe=plan.recipe.model_copy(update={"seeds": (7,)}))
        stack = probabilities(wrong)[None]
        return assess(plan, stack, LABELS, {7: np.stack(epochs)}, {7: losses})

    return assess_one


def test_a_protocol_replayed_on_a_tiny_set_gives_what_is_worked_out_by_hand(assessed: Any) -> None:
    # First epoch: both nines are called 4. Second: one of them. Test set: one 3 is called 5.
    epochs = [matrix((9, 4), (9, 4)), matrix((9, 4))]
    record = assessed("nguyen2026/mlp", {3: 5}, epochs, [0.5, 0.6])
    assert record.parameters == 235_146
    assert (record.epochs.run, record.epochs.kept) == ({7: 2}, {7: 2}), "no patience: the last"
    assert {key: part.images for key, part in record.protocols.items()} == {
        "test": 20,
        "validation": 20,
        "pooled": 40,
    }
    means = {
        (key, name): metric.mean
        for key, part in record.protocols.items()
        for name, metric in part.metrics.items()
    }
    assert means["test", "accuracy"] == means["validation", "accuracy"] == pytest.approx(19 / 20)
    # Recall is 1 but for the nines: 1 of 4 over both epochs, 1 of 2 in the last.
    assert means["pooled", "macro_recall"] == pytest.approx((9 + 1 / 4) / 10)
    assert means["validation", "macro_recall"] == pytest.approx((9 + 1 / 2) / 10)
    # Precision is 1 but for the fours: 4 right of 7 called four.
    assert means["pooled", "macro_precision"] == pytest.approx((9 + 4 / 7) / 10)
    # F1 of the fours 2*4/(4+7), of the nines 2*1/(4+1).
    assert means["pooled", "macro_f1"] == pytest.approx((8 + 8 / 11 + 2 / 5) / 10)
    assert record.protocols["pooled"].confusion.per_seed[7][9][4] == 3
    assert ("test", "macro_auc") in means


def test_with_patience_the_matrix_of_the_best_epoch_counts(assessed: Any) -> None:
    epochs = [matrix((9, 4)), matrix(), matrix((9, 4), (1, 7))]
    record = assessed("pedrogiu13/mlp", {}, epochs, [0.3, 0.1, 0.2])
    assert (record.epochs.run, record.epochs.kept) == ({7: 3}, {7: 2})
    assert record.protocols["validation"].metrics["accuracy"].mean == 1


@pytest.mark.parametrize(
    ("losses", "patience", "expected"),
    [([0.3, 0.2, 0.4], 2, 2), ([0.3, 0.2, 0.4], 0, 3), ([0.2, 0.2], 1, 1), ([0.5], 5, 1)],
)
def test_the_epoch_that_training_kept(losses: list[float], patience: int, expected: int) -> None:
    assert kept_epoch(losses, patience) == expected


IMAGES = np.random.default_rng(0).integers(0, 256, (500, 28, 28), dtype=np.uint8)
SPLIT = {"method": "random", "validation_share": 0.2, "seed": 3, "pixels": "unit"}


def split(**changes: Any) -> Split:
    labels = (np.arange(500) % 10).astype(np.uint8)
    return split_images(IMAGES, labels, SplitParams.model_validate({**SPLIT, **changes}))


def test_a_random_split_is_a_partition_that_its_seed_fixes() -> None:
    first, again, other = split(), split(), split(seed=4)
    train, held_out = first.train_index, first.validation_index
    assert (len(train), len(held_out)) == (400, 100)
    assert sorted([*train, *held_out]) == list(range(500))
    assert (np.diff(train) > 0).all()
    assert (np.diff(held_out) > 0).all()
    assert (again.validation_index == held_out).all()
    assert (other.validation_index != held_out).any()


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_a_study_scales_pixels_as_its_paper_does(method: str) -> None:
    assert split(method=method).statistics == UNIT
    scaled = split(method=method, pixels="standardised")
    assert scaled.statistics == pixel_statistics(IMAGES[scaled.train_index])
    counts = np.bincount(scaled.validation_index % 10)
    assert counts.sum() == 100
    assert (set(counts) == {10}) == (method == "stratified")
