"""The IDX format against headers written by hand."""

import struct

import numpy as np
import pytest

from digitbench.download.digits import decode, encode
from digitbench.errors import DigitbenchError

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


def test_magic_numbers_are_those_of_mnist() -> None:
    assert encode(np.zeros((1, 28, 28), np.uint8))[:4] == struct.pack(">I", 2051)
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
