"""Raw digits: the IDX format against headers written by hand, and USPS from files and folders."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from digitbench.download import digits
from digitbench.download.digits import decode, encode
from digitbench.download.folder import DropIn
from digitbench.download.sources import fetch_all
from digitbench.errors import DigitbenchError
from usps import TEST, TRAIN, usps_file

# --- IDX --------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5,), (3, 4), (6, 28, 28), (2, 3, 4, 5), (0,), (0, 28, 28)])
def test_round_trip(shape: tuple[int, ...]) -> None:
    array = RNG.integers(0, 256, shape, dtype=np.uint8)
    back = decode(encode(array), "some")
    assert back.dtype == np.uint8
    assert back.shape == shape
    np.testing.assert_array_equal(back, array)


def test_view_that_is_not_contiguous_is_written_in_its_own_order() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(4, 6)
    np.testing.assert_array_equal(decode(encode(array.T[::2]), "some"), array.T[::2])


def test_bytes_are_those_of_the_format() -> None:
    array = np.array([[[1, 2, 3], [4, 5, 255]]], dtype=np.uint8)
    by_hand = struct.pack(">BBBBIII", 0, 0, 8, 3, 1, 2, 3) + bytes([1, 2, 3, 4, 5, 255])
    assert encode(array) == by_hand
    np.testing.assert_array_equal(decode(by_hand, "some"), array)
    assert encode(np.zeros((1, 28, 28), np.uint8))[:4] == struct.pack(">I", 2051), "as MNIST's"
    assert encode(np.zeros(1, np.uint8))[:4] == struct.pack(">I", 2049)


def test_decoded_array_cannot_be_written_to() -> None:
    array = decode(encode(np.zeros(3, np.uint8)), "some")
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


WHOLE = encode(np.arange(12, dtype=np.uint8).reshape(3, 4))


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_truncated_at_any_place_is_refused(length: int) -> None:
    with pytest.raises(DigitbenchError, match=r"^raw/some: .*run the stage `download` again"):
        decode(WHOLE[:length], "raw/some")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE + b"\0", "25 bytes don't fit its header"),
        (WHOLE + WHOLE, "don't fit its header"),
        (b"\1" + WHOLE[1:], "not an IDX file"),
        (b"\0\1" + WHOLE[2:], "not an IDX file"),
        (b"\0\0\x0d" + WHOLE[3:], "not an IDX file"),  # floats
        (b"\0\0\x09" + WHOLE[3:], "not an IDX file"),  # signed bytes
        (b"\0\0\x08\0", "don't fit its header"),  # no axes
        (b"\0\0\x08\0" + b"\7", "don't fit its header"),
        (struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3) + bytes(9), "don't fit its header"),
        (b"\x1f\x8b\x08\x00 gzip", "not an IDX file"),
        (b"<!DOCTYPE html><title>sign in</title>", "not an IDX file"),
    ],
)
def test_anything_else_is_refused_with_its_name(content: bytes, reason: str) -> None:
    with pytest.raises(DigitbenchError, match=rf"^some: .*{reason}.*again"):
        decode(content, "some")


# --- USPS -------------------------------------------------------------------------------------


def _fill(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def _flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def test_parse_maps_black_to_0_and_white_to_255_row_by_row() -> None:
    pixels = np.full((2, 256), -1.0)
    pixels[0, 1] = 1.0  # first row, second column
    pixels[1, 16] = 0.2  # second row, first column
    images, labels = digits.parse_usps(usps_file([6, 5], pixels), "a file")
    expected = np.zeros((2, 16, 16), np.uint8)
    expected[0, 0, 1] = 255
    expected[1, 1, 0] = 153  # 0.6 * 255
    np.testing.assert_array_equal(images, expected)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert labels.tolist() == [6, 5]


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b"6 one two\n"),
        gzip.compress(b"6 0.5 0.5\n"),
        gzip.compress(b"6 0.5\n6\n"),
        usps_file([10], np.zeros((1, 256))),
        usps_file([4], np.full((1, 256), 1.5)),
        usps_file([4], np.zeros((1, 256)))[:-20],
    ],
    ids=["no gzip", "words", "short", "ragged", "label", "pixel", "cut"],
)
def test_parse_refuses_other_content(content: bytes) -> None:
    with pytest.raises(DigitbenchError, match=r"USPS \(ESL, unsmoothed\)"):
        digits.parse_usps(content, "a file")


def test_loading_joins_training_and_test_images_in_this_order(
    usps: dict[str, bytes], tmp_path: Path
) -> None:
    images, labels = digits.load_usps(_fill(tmp_path / "usps", usps))
    assert images.shape == (5, 16, 16)
    assert labels.tolist() == [3, 0, 9, 7, 1]
    np.testing.assert_array_equal(images[3:], digits.parse_usps(usps[TEST], "a file")[0])


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_a_damaged_file_is_named_with_the_stage_to_run(
    damage: str, usps: dict[str, bytes], tmp_path: Path
) -> None:
    folder = _fill(tmp_path / "usps", usps)
    path = folder / TEST
    if damage == "missing":
        path.unlink()
    else:
        content = usps[TEST]
        path.write_bytes(_flipped(content) if damage == "flipped" else content[:-1])
    with pytest.raises(DigitbenchError, match=r"zip\.test\.gz: .*download"):
        digits.load_usps(folder)


def test_usps_that_cannot_be_had_names_files_hashes_variable_and_variant(
    usps: dict[str, bytes], tmp_path: Path
) -> None:
    spoiled = {name: _flipped(content) for name, content in usps.items()}
    drop_in = DropIn(_fill(tmp_path / "own" / "usps", spoiled).parent)
    with pytest.raises(DigitbenchError) as caught:
        fetch_all(digits.FILES, [drop_in], tmp_path / "t", print, dataset=digits.VARIANT)
    hashes = [spec.sha256 for spec in digits.FILES]
    for part in (digits.VARIANT, "DIGITBENCH_DATA_DIR", TRAIN, TEST, *hashes):
        assert part in str(caught.value)
    assert not (tmp_path / "t").exists()
