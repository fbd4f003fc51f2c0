import numpy as np
import pytest

from digitbench.errors import DigitbenchError
from digitbench.evaluation.scores import check_replicate, check_replicates
from digitbench.statistics.comparison import check_correctness

VALID = np.array([[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]], dtype=np.float32)
LABELS = np.array([0, 1, 1])


def test_valid_predictions_pass() -> None:
    check_replicate(VALID, LABELS)
    check_replicates(VALID[np.newaxis], LABELS)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (VALID[np.newaxis], LABELS, "non-empty"),
        (VALID[:0], LABELS[:0], "non-empty"),
        (VALID, LABELS[:2], "3 images"),
        (VALID, np.array([0, 1, 2]), r"0\.\.1"),
        (VALID, np.array([0, 1, -1]), r"0\.\.1"),
        (VALID, LABELS.astype(float), r"0\.\.1"),
        (VALID * 2, LABELS, "not logits"),
        (np.array([[1.5, -0.5]]), np.array([0]), "not logits"),
        (np.array([[np.nan, 1.0]]), np.array([0]), "not logits"),
    ],
)
def test_broken_predictions_are_named(
    probabilities: np.ndarray, labels: np.ndarray, message: str
) -> None:
    with pytest.raises(DigitbenchError, match=message):
        check_replicate(probabilities, labels)


def test_missing_replicate_axis_is_named() -> None:
    with pytest.raises(DigitbenchError, match=r"\[S, N, K\]"):
        check_replicates(VALID, LABELS)


CORRECT = np.array([[True, False, True], [True, True, False]])


@pytest.mark.parametrize(
    ("second", "seeds", "message"),
    [
        (CORRECT[:, :2], (1, 2), "differ in seeds or test images"),
        (CORRECT[:1], (1, 2), "differ in seeds or test images"),
        (CORRECT.astype(int), (1, 2), "must be boolean"),
        (CORRECT, (1, 2, 3), "3 seeds"),
        (CORRECT, (1, 1), "distinct"),
        (CORRECT, (), "distinct"),
    ],
)
def test_incomparable_architectures_are_named(
    second: np.ndarray, seeds: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DigitbenchError, match=message):
        check_correctness({"mlp": CORRECT, "cnn": second}, seeds)


def test_single_image_cannot_be_compared() -> None:
    with pytest.raises(DigitbenchError, match="images >= 2"):
        check_correctness({"mlp": CORRECT[:, :1]}, (1, 2))
