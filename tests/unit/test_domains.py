"""Digits of other origin: how they are brought to 28 x 28, loaded and told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix

from digitbench.download import digits
from digitbench.download.digits import DOMAINS, optical_digits
from digitbench.errors import DigitbenchError
from digitbench.evaluation.domains import MAPPINGS, box20, domain_results, load_domains, stretch
from digitbench.files import write_npz
from digitbench.statistics.summary import summarise
from readers import readers, reading

SEEDS = (3, 11, 4)
ARCHITECTURES = ("mlp", "lstm")
Foreign = dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]


def _pillow_cubic(image: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    resized = Image.fromarray(image.astype(np.float32)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    return np.clip(np.asarray(resized, np.float64), 0, 255)


@pytest.mark.parametrize(
    ("name", "border", "shape"),
    [
        ("stretch", 0, (16, 16)),
        ("stretch", 0, (40, 40)),
        ("stretch", 0, (10, 20)),
        ("box", 4, (16, 16)),
        ("box", 4, (40, 40)),
    ],
)
def test_mappings_are_pillows_cubic_resize_clipped_within_a_black_border(
    name: str, border: int, shape: tuple[int, int]
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, *shape), dtype=np.uint8)
    inner = np.stack([_pillow_cubic(image, 28 - 2 * border) for image in images])
    expected = np.pad(inner, ((0, 0), (border, border), (border, border)))
    result = MAPPINGS[name](images)
    assert np.abs(result - expected).max() < 0.6
    np.testing.assert_array_equal(MAPPINGS[name](images.astype(np.float64)), result)


@pytest.mark.parametrize("grey", [0, 93, 255])
@pytest.mark.parametrize("side", [8, 16, 40])
def test_constant_images_stay_constant_in_the_field_of_mnist(grey: int, side: int) -> None:
    constant = np.full((2, side, side), grey, np.uint8)
    inner = {"stretch": stretch(constant), "box": box20(constant)[:, 4:24, 4:24]}
    assert {images.shape for images in (stretch(constant), box20(constant))} == {(2, 28, 28)}
    for images in inner.values():
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, grey)


def test_box_refuses_an_oblong() -> None:
    with pytest.raises(DigitbenchError, match="10 x 20 pixels would be distorted"):
        box20(np.zeros((1, 10, 20), np.uint8))


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((1, 16, 16), -1.0), "grey levels"),
        (np.full((1, 16, 16), 256.0), "grey levels"),
        (np.full((1, 16, 16), np.nan), "grey levels"),
        (np.zeros((16, 16), np.uint8), r"\[N, height, width\]"),
    ],
)
def test_other_images_are_refused(name: str, images: NDArray[Any], message: str) -> None:
    with pytest.raises(DigitbenchError, match=message):
        MAPPINGS[name](images)


def test_optical_digits_span_the_grey_levels_and_keep_their_order() -> None:
    images, labels = optical_digits()
    assert images.dtype == np.uint8
    assert images.shape == (1797, 8, 8)
    assert (images.min(), images.max(), len(np.unique(images))) == (0, 255, 17)
    np.testing.assert_allclose(images / 255 * 16, load_digits().images, atol=0.04)
    np.testing.assert_array_equal(labels, load_digits().target)


# --- accuracy --------------------------------------------------------------------------------


@pytest.fixture
def foreign() -> Foreign:
    draw = np.random.default_rng(2)
    return {
        "first": (draw.integers(0, 256, (30, 8, 8), np.uint8), draw.integers(0, 10, 30)),
        "second": (draw.integers(0, 256, (17, 16, 16), np.uint8), draw.integers(0, 10, 17)),
    }


def test_domain_accuracies_and_confusions_are_those_of_the_answers(
    foreign: Foreign,
) -> None:
    record, confusion = domain_results(readers(dict.fromkeys(ARCHITECTURES, SEEDS)), foreign, SEEDS)
    assert list(record.domains) == list(foreign)
    keys = ["domain", "mapping", "architecture"]
    cells = confusion.set_index([*keys, "actual", "predicted"])["count"].sort_index()
    assert cells.index.is_unique
    assert len(cells) == len(foreign) * len(MAPPINGS) * len(ARCHITECTURES) * 100
    for domain, (images, labels) in foreign.items():
        assert record.domains[domain].images == len(labels)
        assert list(record.domains[domain].accuracy) == list(MAPPINGS)
        for mapping, bring in MAPPINGS.items():
            assert list(record.domains[domain].accuracy[mapping]) == list(ARCHITECTURES)
            for name in ARCHITECTURES:
                given = [reading(bring(images), name, seed) for seed in SEEDS]
                hits = [float((a == labels).mean()) for a in given]
                summary = record.domains[domain].accuracy[mapping][name]
                assert summary == summarise(dict(zip(SEEDS, hits, strict=True)))
                counts = confusion_matrix(
                    np.tile(labels, len(SEEDS)), np.concatenate(given), labels=range(10)
                )
                np.testing.assert_array_equal(cells[domain, mapping, name].unstack(), counts)


# --- loading ---------------------------------------------------------------------------------


def put_optical(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """What the stage `download` leaves there."""
    DOMAINS["optical"].fetch(folder, None, 1)
    return optical_digits()


def test_domains_are_loaded_as_asked_and_usps_is_named_with_its_variant(
    usps: dict[str, bytes], tmp_path: Path
) -> None:
    for name, content in usps.items():
        (tmp_path / name).write_bytes(content)
    images, labels = put_optical(tmp_path)
    (foreign, of_usps), (near, of_optical) = load_domains(("usps", "optical"), tmp_path).items()
    assert "USPS" in foreign
    assert "unsmoothed" in foreign
    assert of_usps[1].tolist() == [3, 0, 9, 7, 1]
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
