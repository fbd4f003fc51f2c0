"""Which digits the sheets show, held against a search by brute force."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import readers
from digitbench.evaluation.corruptions import CORRUPTIONS
from digitbench.evaluation.examples import (
    DISPUTED,
    SAMPLE,
    SHOWN,
    majority,
    sheets,
    wrong_everywhere,
)
from digitbench.evaluation.outputs import examples
from digitbench.files import write_all
from digitbench.results.sheets import Sample

ROOT = Path(__file__).resolve().parents[2]


def probabilities(*rows: dict[int, float]) -> NDArray[np.float32]:
    """[len(rows), 1, 10]: what each replicate gives to one image; the rest is spread evenly."""
    result = np.zeros((len(rows), 1, 10))
    for replicate, given in enumerate(rows):
        result[replicate, 0] = (1 - sum(given.values())) / (10 - len(given))
        for digit, probability in given.items():
            result[replicate, 0, digit] = probability
    return result.astype(np.float32)


def random_stacks(
    count: int, replicates: int, sharpness: float, seed: int
) -> tuple[readers.Stacks, Any]:
    labels = np.random.default_rng(seed).integers(0, 10, count, dtype=np.uint8)
    return {
        name: readers.probabilities(replicates, labels, sharpness, seed, row)
        for row, name in enumerate(("mlp", "cnn", "rnn", "lstm"))
    }, labels


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


def numbered(count: int) -> NDArray[np.uint8]:
    """Images [count, 28, 28] that tell their index."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 256)
    return images


def index_of(images: NDArray[np.uint8]) -> list[int]:
    return [int(image[0, 0]) * 256 + int(image[0, 1]) for image in images]


def test_error_sheets_hold_the_surest_mistake_of_every_kind_and_count_them() -> None:
    stacks, labels = random_stacks(300, 3, 1.5, seed=5)
    found = sheets(stacks, numbered(300), labels)
    for name, stack in stacks.items():
        kinds: dict[tuple[int, int], list[tuple[float, int]]] = {}
        for row in stack:
            for image in range(300):
                answer = int(row[image].argmax())
                if answer != labels[image]:
                    mistake = (float(row[image].max()), image)
                    kinds.setdefault((int(labels[image]), answer), []).append(mistake)
        sheet: Any = found[f"errors_{name}"]
        shown = zip(sheet.labels.tolist(), sheet.answers.tolist(), strict=True)
        assert list(shown) == sorted(kinds)
        assert sheet.counts.tolist() == [len(kinds[kind]) for kind in sorted(kinds)]
        assert index_of(sheet.images) == [max(kinds[kind])[1] for kind in sorted(kinds)]
        assert max(sheet.counts) > 1


def test_disagreements_are_shown_from_the_surest() -> None:
    stacks, labels = random_stacks(300, 3, 1.5, seed=6)
    sheet: Any = sheets(stacks, numbered(300), labels)["disagreements"]
    voted = {name: majority(stack) for name, stack in stacks.items()}
    differ = [i for i in range(300) if len({int(votes[i]) for votes in voted.values()}) > 1]
    sure = {
        i: np.mean([stack[:, i].mean(axis=0).max() for stack in stacks.values()]) for i in differ
    }
    assert len(differ) > SHOWN
    expected = sorted(differ, key=lambda i: -sure[i])[:SHOWN]
    assert index_of(sheet.images) == expected
    np.testing.assert_array_equal(sheet.labels, labels[expected])
    assert sheet.architectures.tolist() == list(stacks)
    for answers, votes in zip(sheet.answers, voted.values(), strict=True):
        np.testing.assert_array_equal(answers, votes[expected])


def test_hopeless_images_are_all_shown_and_doubtful_labels_marked() -> None:
    count = DISPUTED[1] + 1
    labels = np.arange(count) % 10
    stack = np.eye(10, dtype=np.float32)[labels][np.newaxis].repeat(2, axis=0)
    hopeless = [7, DISPUTED[0], DISPUTED[1]]
    for image in hopeless:
        stack[:, image] = np.eye(10)[(labels[image] + 1) % 10]
    sheet: Any = sheets({"mlp": stack, "cnn": stack.copy()}, numbered(count), labels)
    sheet = sheet["always_wrong"]
    assert index_of(sheet.images) == hopeless
    np.testing.assert_array_equal(sheet.labels, labels[hopeless])
    np.testing.assert_array_equal(sheet.answers, (labels[hopeless] + 1) % 10)
    assert sheet.disputed.tolist() == [False, True, True]


def test_random_digits_are_a_fixed_sample_with_the_answers_of_the_best() -> None:
    stacks, labels = random_stacks(300, 2, 0.5, seed=7)
    stacks["rnn"] = (0.9 * np.eye(10)[labels] + 0.01).astype(np.float32)[np.newaxis].repeat(2, 0)
    sheet, again = (sheets(stacks, numbered(300), labels)["random"] for _ in range(2))
    np.testing.assert_array_equal(sheet.images, again.images)
    assert isinstance(sheet, Sample)
    index = index_of(sheet.images)
    assert len(set(index)) == SAMPLE
    np.testing.assert_array_equal(sheet.labels, labels[index])
    np.testing.assert_array_equal(sheet.answers, sheet.labels)
    np.testing.assert_allclose(sheet.confidence, 0.91, rtol=1e-6)


def test_the_clean_digit_leads_every_row_of_corruptions() -> None:
    stacks, labels = random_stacks(20, 1, 2.0, seed=8)
    images = np.full((20, 28, 28), 90, np.uint8)
    sheet: Any = sheets(stacks, images, labels)["corruptions"]
    assert list(dict.fromkeys(sheet.corruptions.tolist())) == list(CORRUPTIONS)
    for name, corruption in CORRUPTIONS.items():
        own = sheet.corruptions == name
        assert sheet.strengths[own].tolist() == list(corruption.strengths)
        np.testing.assert_array_equal(sheet.images[own][0], images[0])


def test_sheets_are_written_as_they_are_read_and_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stacks, labels = random_stacks(60, 2, 2.0, seed=8)
    products = examples(stacks, numbered(60), labels)
    write_all(products)
    first = {path: path.read_bytes() for path in products}
    write_all(examples(stacks, numbered(60), labels))
    assert {path: path.read_bytes() for path in products} == first
    for name, sheet in sheets(stacks, numbered(60), labels).items():
        for key, array in type(sheet).read(name).arrays.items():
            np.testing.assert_array_equal(array, sheet.arrays[key], strict=True)
    kept = {path.name for path in (ROOT / "plots/evaluate/examples").iterdir()}
    assert {path.name for path in products} == kept, "those that the report reads"


def test_models_without_a_mistake_leave_empty_sheets() -> None:
    labels = np.arange(40) % 10
    perfect = readers.EYE[labels][np.newaxis]
    found = sheets({"mlp": perfect, "cnn": perfect}, numbered(40), labels)
    empty = ("errors_mlp", "errors_cnn", "disagreements", "always_wrong")
    assert [found[name].images.shape for name in empty] == [(0, 28, 28)] * 4
