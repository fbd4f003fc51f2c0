"""The three protocols of a study, against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from digitbench.params import SplitParams, load_study
from digitbench.studies.protocol import assess, kept_epoch
from digitbench.training.data import (
    PixelStatistics,
    pixel_statistics,
    random_split,
    split_and_scale,
)

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


def test_a_protocol_replayed_on_a_tiny_set_gives_what_is_worked_out_by_hand() -> None:
    nguyen = load_study(ROOT / "studies/nguyen2026/params.yaml").variants["mlp"]
    variant = nguyen.model_copy(update={"seeds": (7,)})
    # First epoch: both nines are called 4. Second: one of them. Test set: one 3 is called 5.
    epochs = np.stack([matrix((9, 4), (9, 4)), matrix((9, 4))])
    stack = probabilities({3: 5})[None]
    record = assess("mlp", variant, stack, LABELS, {7: epochs}, {7: [0.5, 0.6]})

    assert record["parameters"] == 235_146
    assert record["epochs"] == {"run": {"7": 2}, "kept": {"7": 2}}, "no patience: the last epoch"
    test, validation, pooled = (
        record["protocols"][name] for name in ("test", "validation", "pooled")
    )
    assert (test["images"], validation["images"], pooled["images"]) == (20, 20, 40)

    def metric(protocol: dict[str, dict[str, dict[str, float]]], name: str) -> float:
        return protocol["metrics"][name]["mean"]

    assert metric(test, "accuracy") == metric(validation, "accuracy") == pytest.approx(19 / 20)
    # Recall is 1 but for the nines: 1 of 4 over both epochs, 1 of 2 in the last.
    assert metric(pooled, "macro_recall") == pytest.approx((9 + 1 / 4) / 10)
    assert metric(validation, "macro_recall") == pytest.approx((9 + 1 / 2) / 10)
    # Precision is 1 but for the fours: 4 right of 7 called four.
    assert metric(pooled, "macro_precision") == pytest.approx((9 + 4 / 7) / 10)
    # F1 of the fours 2*4/(4+7), of the nines 2*1/(4+1).
    assert metric(pooled, "macro_f1") == pytest.approx((8 + 8 / 11 + 2 / 5) / 10)
    assert pooled["confusion"]["7"][9][4] == 3
    assert "macro_auc" in test["metrics"]


def test_with_patience_the_matrix_of_the_best_epoch_counts() -> None:
    pedrogiu = load_study(ROOT / "studies/pedrogiu13/params.yaml").variants["mlp"]
    variant = pedrogiu.model_copy(update={"seeds": (0,)})
    epochs = np.stack([matrix((9, 4)), matrix(), matrix((9, 4), (1, 7))])
    stack = probabilities({})[None]
    record = assess("mlp", variant, stack, LABELS, {0: epochs}, {0: [0.3, 0.1, 0.2]})
    assert record["epochs"] == {"run": {"0": 3}, "kept": {"0": 2}}
    assert record["protocols"]["validation"]["metrics"]["accuracy"]["mean"] == 1


@pytest.mark.parametrize(
    ("losses", "patience", "expected"),
    [([0.3, 0.2, 0.4], 2, 2), ([0.3, 0.2, 0.4], 0, 3), ([0.2, 0.2], 1, 1), ([0.5], 5, 1)],
)
def test_the_epoch_that_training_kept(losses: list[float], patience: int, expected: int) -> None:
    assert kept_epoch(losses, patience) == expected


def test_a_random_split_is_a_partition_that_its_seed_fixes() -> None:
    train, held_out = random_split(1_000, 0.2, seed=3)
    assert (len(train), len(held_out)) == (800, 200)
    assert sorted([*train, *held_out]) == list(range(1_000))
    assert (np.diff(train) > 0).all()
    assert (np.diff(held_out) > 0).all()
    again, other = random_split(1_000, 0.2, seed=3), random_split(1_000, 0.2, seed=4)
    assert (again[1] == held_out).all()
    assert (other[1] != held_out).any()


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_a_study_scales_pixels_as_its_paper_does(method: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (500, 28, 28), dtype=np.uint8)
    labels = (np.arange(500) % 10).astype(np.uint8)

    def split(pixels: str) -> tuple[NDArray[np.int64], NDArray[np.int64], PixelStatistics]:
        settings = {"method": method, "validation_share": 0.1, "seed": 0, "pixels": pixels}
        return split_and_scale(images, labels, SplitParams.model_validate(settings))

    train, held_out, unit = split("unit")
    assert unit == PixelStatistics(mean=0, std=1)
    assert split("standardised")[2] == pixel_statistics(images[train])
    counts = np.bincount(labels[held_out])
    assert counts.sum() == 50
    assert (set(counts) == {5}) == (method == "stratified")
