"""Which digits the sheets show, held against a search by brute force."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.evaluation import examples as module
from digitbench.evaluation.examples import (
    DISPUTED,
    SAMPLE,
    SHOWN,
    galleries,
    majority,
    wrong_everywhere,
)
from digitbench.params import ARCHITECTURES, load_params
from digitbench.report.sections.errors import errors
from digitbench.report.sections.robustness import robustness
from digitbench.results.records import Results, load_results

ROOT = Path(__file__).resolve().parents[2]
Stacks = dict[str, NDArray[np.float32]]


def probabilities(*rows: dict[int, float]) -> NDArray[np.float32]:
    """[len(rows), 1, 10]: what each replicate gives to one image; the rest is spread evenly."""
    result = np.zeros((len(rows), 1, 10))
    for replicate, given in enumerate(rows):
        result[replicate, 0] = (1 - sum(given.values())) / (10 - len(given))
        for digit, probability in given.items():
            result[replicate, 0, digit] = probability
    return result.astype(np.float32)


def random_stacks(count: int, replicates: int, sharpness: float, seed: int) -> tuple[Stacks, Any]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 10, count)
    stacks = {}
    for name in ARCHITECTURES:
        odds = np.exp(draw.normal(size=(replicates, count, 10)) + sharpness * np.eye(10)[labels])
        stacks[name] = (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32)
    return stacks, labels


# --- the answer of most ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([{4: 0.6}, {4: 0.5}, {9: 1.0}], 4),  # votes count, not confidence
        ([{4: 0.6, 9: 0.3}, {9: 0.9}], 9),  # one vote each: 0.6 against 1.2 and more
        ([{9: 0.6, 4: 0.3}, {4: 0.9}], 4),
        ([{2: 0.4, 7: 0.35}, {7: 0.5, 1: 0.4}, {1: 0.45, 7: 0.4}], 7),  # three ways
        ([{3: 1.0}], 3),
        ([{0: 0.2}, {0: 0.2}, {8: 1.0}], 0),
    ],
)
def test_the_majority_by_hand(rows: list[dict[int, float]], answer: int) -> None:
    assert majority(probabilities(*rows)).tolist() == [answer]


def test_the_majority_by_counting() -> None:
    stacks, _ = random_stacks(300, 6, 1.0, seed=3)
    ties = 0
    for stack in stacks.values():
        found = majority(stack)
        for image in range(300):
            votes = Counter(stack[:, image].argmax(axis=1).tolist())
            most = max(votes.values())
            candidates = [digit for digit, count in votes.items() if count == most]
            ties += len(candidates) > 1
            summed = stack[:, image].astype(np.float64).sum(axis=0)
            assert found[image] == max(candidates, key=lambda digit: summed[digit])
    assert ties > 50, "ties were among them"


def test_nobody_to_ask_is_no_obstacle() -> None:
    assert majority(np.zeros((3, 0, 10), np.float32)).shape == (0,)


# --- hopeless images -------------------------------------------------------------------------


def test_wrong_everywhere_by_brute_force() -> None:
    stacks, labels = random_stacks(400, 2, 0.5, seed=4)
    expected = [
        image
        for image, label in enumerate(labels)
        if all(row.argmax() != label for stack in stacks.values() for row in stack[:, image])
    ]
    assert 10 < len(expected) < 390
    assert wrong_everywhere(stacks, labels).tolist() == expected


# --- the sheets ------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each kind of sheet is given to draw, in place of the drawing."""
    given: dict[str, list[Any]] = {}

    def watch(kind: str) -> None:
        def note(*arguments: Any) -> Figure:
            given.setdefault(kind, []).append(arguments)
            return Figure()

        monkeypatch.setattr(module, kind, note)

    for kind in ("error_grid", "disagreements", "always_wrong", "random_predictions"):
        watch(kind)
    return given


def numbered(count: int) -> NDArray[np.uint8]:
    """Images [count, 28, 28] that tell their index."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 256)
    return images


def index_of(images: NDArray[np.uint8]) -> list[int]:
    return [int(image[0, 0]) * 256 + int(image[0, 1]) for image in images]


def test_error_sheets_hold_every_mistake_of_every_replicate(shown: dict[str, list[Any]]) -> None:
    stacks, labels = random_stacks(300, 3, 1.5, seed=5)
    galleries(stacks, numbered(300), labels)
    for stack, (images, truth, answers, confidence) in zip(
        stacks.values(), shown["error_grid"], strict=True
    ):
        found = list(
            zip(index_of(images), truth.tolist(), answers.tolist(), confidence, strict=True)
        )
        expected = [
            (image, labels[image], row[image].argmax(), row[image].max())
            for row in stack
            for image in range(300)
            if row[image].argmax() != labels[image]
        ]
        assert sorted(found) == sorted(expected)
        assert len(found) > 100


def test_disagreements_are_shown_from_the_surest(shown: dict[str, list[Any]]) -> None:
    stacks, labels = random_stacks(300, 3, 1.5, seed=6)
    galleries(stacks, numbered(300), labels)
    ((images, truth, answers),) = shown["disagreements"]
    voted = {name: majority(stack) for name, stack in stacks.items()}
    differ = [i for i in range(300) if len({int(votes[i]) for votes in voted.values()}) > 1]
    sure = {
        i: np.mean([stack[:, i].mean(axis=0).max() for stack in stacks.values()]) for i in differ
    }
    assert len(differ) > SHOWN
    expected = sorted(differ, key=lambda i: -sure[i])[:SHOWN]
    assert index_of(images) == expected
    np.testing.assert_array_equal(truth, labels[expected])
    assert list(answers) == list(stacks)
    for name, given in answers.items():
        np.testing.assert_array_equal(given, voted[name][expected])


def test_hopeless_images_are_all_shown_and_doubtful_labels_marked(
    shown: dict[str, list[Any]],
) -> None:
    count = DISPUTED[1] + 1
    labels = np.arange(count) % 10
    stack = np.eye(10, dtype=np.float32)[labels][np.newaxis].repeat(2, axis=0)
    hopeless = [7, DISPUTED[0], DISPUTED[1]]
    for image in hopeless:
        stack[:, image] = np.eye(10)[(labels[image] + 1) % 10]
    galleries({"mlp": stack, "cnn": stack.copy()}, numbered(count), labels)
    ((images, truth, answers, disputed),) = shown["always_wrong"]
    assert index_of(images) == hopeless
    np.testing.assert_array_equal(truth, labels[hopeless])
    np.testing.assert_array_equal(answers, (labels[hopeless] + 1) % 10)
    assert disputed.tolist() == [False, True, True]


def test_random_digits_are_a_fixed_sample_with_the_answers_of_the_best(
    shown: dict[str, list[Any]],
) -> None:
    stacks, labels = random_stacks(300, 2, 0.5, seed=7)
    stacks["rnn"] = (0.9 * np.eye(10)[labels] + 0.01).astype(np.float32)[np.newaxis].repeat(2, 0)
    for _ in range(2):
        galleries(stacks, numbered(300), labels)
    (images, truth, answers, confidence), again = shown["random_predictions"]
    np.testing.assert_array_equal(images, again[0])
    index = index_of(images)
    assert len(set(index)) == SAMPLE
    np.testing.assert_array_equal(truth, labels[index])
    np.testing.assert_array_equal(answers, truth)
    np.testing.assert_allclose(confidence, 0.91, rtol=1e-6)


def test_the_sheets_are_those_that_the_report_asks_for(
    digits: tuple[NDArray[np.uint8], NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def picture(_: Results, name: str) -> bytes:
        asked.append(name)
        return b""

    monkeypatch.setattr(Results, "picture", picture)
    monkeypatch.chdir(ROOT)
    results = load_results(load_params())
    errors(results)
    robustness(results)
    stacks, labels = random_stacks(60, 2, 2.0, seed=8)
    sheets = galleries(stacks, digits[0][:60], labels)
    assert set(sheets) == set(asked)
    assert set(sheets) == {
        *(f"errors_{name}" for name in ARCHITECTURES),
        "disagreements",
        "always_wrong",
        "random",
        "corruptions",
    }
    assert all(figure.axes for figure in sheets.values())


def test_models_without_a_mistake_leave_sheets_that_say_so(
    digits: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    images, labels = digits[0][:40], digits[1][:40]
    perfect = np.eye(10, dtype=np.float32)[labels][np.newaxis]
    sheets = galleries({"mlp": perfect, "cnn": perfect}, images, labels)
    said = {
        name: [text.get_text() for axes in sheet.axes for text in axes.texts]
        for name, sheet in sheets.items()
    }
    assert said["errors_mlp"] == said["errors_cnn"] == ["no mistakes"]
    assert "no disagreement" in said["disagreements"]
    assert said["always_wrong"] == ["none"]
