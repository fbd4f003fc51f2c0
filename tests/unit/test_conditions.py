"""Accuracy on corrupted and foreign digits, held against a plain recomputation."""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from digitbench.download import digits
from digitbench.download.digits import FileSpec
from digitbench.errors import DigitbenchError
from digitbench.evaluation.corruptions import CORRUPTIONS, corrupt
from digitbench.evaluation.domains import (
    CORRUPTION_SEED,
    MAPPINGS,
    domain_results,
    load_domains,
    random_subset,
    robustness_accuracies,
    robustness_record,
)
from digitbench.files import write_npz

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]
SEEDS = (3, 11, 4)
ARCHITECTURES = ("mlp", "lstm")
STRENGTHS = [(name, s) for name, item in CORRUPTIONS.items() for s in item.strengths]


def one_hot(answers: NDArray[np.integer]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.eye(10, dtype=np.float32)[answers]
    return result


def reading(images: NDArray[np.uint8], architecture: str, seed: int) -> NDArray[np.int64]:
    """An answer per image that depends on every pixel and on the model."""
    weights = np.random.default_rng([seed, len(architecture)]).integers(1, 99, (28, 28))
    answers: NDArray[np.int64] = (images.astype(np.int64) * weights).sum(axis=(1, 2)) % 10
    return answers


class Reader:
    """Stands for the trained models, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint8]] = []

    def __call__(self, images: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
        self.seen.append(images)
        return {
            name: np.stack([one_hot(reading(images, name, seed)) for seed in SEEDS])
            for name in ARCHITECTURES
        }


# --- the part of the test set ----------------------------------------------------------------


def test_a_random_part_repeats_nothing_and_keeps_images_with_their_labels() -> None:
    labels = np.arange(1000) % 10
    images = np.zeros((1000, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(1000), 256)
    first, again = (random_subset(images, labels, 400) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    index = first[0][:, 0, 0].astype(int) * 256 + first[0][:, 0, 1]
    assert len(set(index.tolist())) == 400
    np.testing.assert_array_equal(first[1], labels[index])
    assert 150 < (index < 500).sum() < 250, "either half has its share"


def test_a_part_as_large_as_the_whole_is_the_whole(digits: Digits) -> None:
    images, labels = digits[0][:50], digits[1][:50]
    for count in (50, 60):
        part, of_part = random_subset(images, labels, count)
        assert sorted(image.tobytes() for image in part) == sorted(i.tobytes() for i in images)
        np.testing.assert_array_equal(np.bincount(of_part), np.bincount(labels))


# --- corruptions -----------------------------------------------------------------------------


def test_every_accuracy_is_that_of_the_corrupted_images(digits: Digits) -> None:
    images, labels = digits[0][:40], digits[1][:40]
    table = robustness_accuracies(Reader(), images, labels, SEEDS)
    assert len(table) == len(ARCHITECTURES) * len(SEEDS) * len(STRENGTHS)
    found = table.set_index(["architecture", "seed", "corruption", "strength"])["accuracy"]
    assert found.index.is_unique
    for corruption, strength in STRENGTHS:
        shown = corrupt(images, corruption, strength, CORRUPTION_SEED)
        for name in ARCHITECTURES:
            for seed in SEEDS:
                hits = [a == b for a, b in zip(reading(shown, name, seed), labels, strict=True)]
                assert found[name, seed, corruption, strength] == sum(hits) / 40


def test_strength_0_is_the_clean_accuracy_whatever_the_corruption(digits: Digits) -> None:
    images, labels = random_subset(*digits, 60)
    known = {i.tobytes(): label for i, label in zip(images, labels, strict=True)}

    def oracle(shown: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        answers = np.array([known.get(image.tobytes(), 10) % 10 for image in shown])
        off_by_one = np.where(np.arange(len(shown)) % len(labels) < 15, (answers + 1) % 10, answers)
        return {"cnn": one_hot(np.stack([answers, off_by_one]))}

    table = robustness_accuracies(oracle, images, labels, (0, 1))
    clean = table[table["strength"] == 0]
    assert len(clean) == 2 * len(CORRUPTIONS)
    assert set(clean.loc[clean["seed"] == 0, "accuracy"]) == {1.0}
    assert set(clean.loc[clean["seed"] == 1, "accuracy"]) == {0.75}
    strongest = table[(table["seed"] == 0) & (table["strength"] > 0)]
    assert strongest["accuracy"].max() < 0.5, "the oracle knows clean images alone"


def test_every_model_sees_the_same_corrupted_images(digits: Digits) -> None:
    reader = Reader()
    for _ in range(2):
        robustness_accuracies(reader, digits[0][:5], digits[1][:5], SEEDS)
    first, second = reader.seen
    np.testing.assert_array_equal(first, second)
    assert len(first) == 5 * len(STRENGTHS)


def test_the_record_holds_means_over_strengths_then_over_corruptions() -> None:
    draw = np.random.default_rng(1)
    rows = [
        (name, seed, corruption, strength, draw.uniform())
        for name in ARCHITECTURES
        for seed in SEEDS
        for corruption, strength in STRENGTHS
    ]
    columns = ["architecture", "seed", "corruption", "strength", "accuracy"]
    table = pd.DataFrame(rows, columns=columns)
    record = robustness_record(table, 123)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert set(record) == {"images", "units", *ARCHITECTURES}
    assert record["images"] == 123
    assert record["units"] == {name: item.unit for name, item in CORRUPTIONS.items()}
    for name in ARCHITECTURES:
        assert set(record[name]) == {"mean", *CORRUPTIONS}
        by_seed: dict[str, list[float]] = {str(seed): [] for seed in SEEDS}
        for corruption in CORRUPTIONS:
            for seed in SEEDS:
                accuracies = [
                    row[4] for row in rows if row[:3] == (name, seed, corruption) and row[3] != 0
                ]
                mean = sum(accuracies) / len(accuracies)
                by_seed[str(seed)].append(mean)
                assert record[name][corruption]["per_seed"][str(seed)] == pytest.approx(mean)
        overall = {seed: sum(means) / len(CORRUPTIONS) for seed, means in by_seed.items()}
        summary = record[name]["mean"]
        assert list(summary["per_seed"]) == [str(seed) for seed in SEEDS]
        assert summary["per_seed"] == pytest.approx(overall)
        values = list(overall.values())
        low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert (summary["ci95_low"], summary["ci95_high"]) == pytest.approx((low, high))


# --- new domains -----------------------------------------------------------------------------


@pytest.fixture
def foreign() -> dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    draw = np.random.default_rng(2)
    return {
        "first": (draw.integers(0, 256, (30, 8, 8), np.uint8), draw.integers(0, 10, 30)),
        "second": (draw.integers(0, 256, (17, 16, 16), np.uint8), draw.integers(0, 10, 17)),
    }


def test_domain_accuracies_and_confusions_are_those_of_the_answers(
    foreign: dict[str, Any],
) -> None:
    record, confusion = domain_results(Reader(), foreign, SEEDS)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    keys = ["domain", "mapping", "architecture"]
    cells = confusion.set_index([*keys, "actual", "predicted"])["count"].sort_index()
    assert cells.index.is_unique
    assert len(cells) == len(foreign) * len(MAPPINGS) * len(ARCHITECTURES) * 100
    for domain, (images, labels) in foreign.items():
        assert record[domain]["images"] == len(labels)
        assert set(record[domain]) == {"images", *MAPPINGS}
        for mapping, bring in MAPPINGS.items():
            assert set(record[domain][mapping]) == set(ARCHITECTURES)
            for name in ARCHITECTURES:
                answers = [reading(bring(images), name, seed) for seed in SEEDS]
                hits = [float((a == labels).mean()) for a in answers]
                summary = record[domain][mapping][name]
                assert list(summary["per_seed"].items()) == [
                    (str(seed), pytest.approx(hit)) for seed, hit in zip(SEEDS, hits, strict=True)
                ]
                counts = cells[domain, mapping, name]
                assert counts.sum() == len(SEEDS) * len(labels)
                diagonal = sum(counts[digit, digit] for digit in range(10))
                assert diagonal / counts.sum() == pytest.approx(summary["mean"])
                truth = np.tile(labels, len(SEEDS))
                pairs = Counter(zip(truth.tolist(), np.concatenate(answers).tolist(), strict=True))
                assert {cell: count for cell, count in counts.items() if count} == pairs


def usps_file(labels: list[int]) -> bytes:
    lines = [f"{label} " + " ".join(["-1"] * 255 + ["1"]) for label in labels]
    return gzip.compress("\n".join(lines).encode())


def put_optical(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """What the stage `download` leaves there."""
    images, labels = digits.optical_digits()
    write_npz(folder / digits.FILE, {"images": images, "labels": labels})
    return images, labels


def test_domains_are_loaded_as_asked_and_usps_is_named_with_its_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"zip.train.gz": usps_file([7, 1]), "zip.test.gz": usps_file([0])}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    images, labels = put_optical(tmp_path)
    specs = [FileSpec(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in contents.items()]
    monkeypatch.setattr(digits, "FILES", specs)
    (foreign, of_usps), (near, of_optical) = load_domains(("usps", "optical"), tmp_path).items()
    assert "USPS" in foreign
    assert "unsmoothed" in foreign
    assert of_usps[1].tolist() == [7, 1, 0]
    assert near == digits.NAME
    np.testing.assert_array_equal(of_optical[0], images)
    np.testing.assert_array_equal(of_optical[1], labels)
    assert load_domains((), tmp_path / "nowhere") == {}


def flipped(content: bytes, place: int) -> bytes:
    """The content with 50 bytes turned over."""
    wrong = bytes(255 - byte for byte in content[place : place + 50])
    return content[:place] + wrong + content[place + 50 :]


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "half", "text", "start", "middle", "no labels"]
)
def test_missing_or_damaged_optical_digits_are_named(damage: str, tmp_path: Path) -> None:
    images, _ = put_optical(tmp_path)
    path = tmp_path / digits.FILE
    good = path.read_bytes()
    start, middle = 45, len(good) // 2  # the first bytes of the compressed images; some later ones
    if damage == "missing":
        path.unlink()
    elif damage == "no labels":
        write_npz(path, {"images": images})
    else:
        broken = {
            "empty": b"",
            "half": good[:middle],
            "text": b"<html>not here</html>",
            "start": flipped(good, start),
            "middle": flipped(good, middle),
        }
        path.write_bytes(broken[damage])
    with pytest.raises(DigitbenchError, match=rf"{digits.FILE}: .*dvc repro .*download"):
        load_domains(("optical",), tmp_path)


@pytest.mark.parametrize("broken", ["zip.train.gz", "zip.test.gz"])
@pytest.mark.parametrize("content", [None, usps_file([5])], ids=["missing", "other"])
def test_missing_or_other_usps_files_are_named(
    broken: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = usps_file([1])
    specs = [FileSpec(s.name, len(good), hashlib.sha256(good).hexdigest()) for s in digits.FILES]
    monkeypatch.setattr(digits, "FILES", specs)
    for spec in specs:
        (tmp_path / spec.name).write_bytes(good)
    if content is None:
        (tmp_path / broken).unlink()
    else:
        (tmp_path / broken).write_bytes(content)
    with pytest.raises(DigitbenchError, match=rf"{broken}: .*dvc repro .*download"):
        load_domains(("usps",), tmp_path)
