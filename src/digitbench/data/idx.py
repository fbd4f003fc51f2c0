"""The IDX format of the MNIST files: a magic number, the sizes, then bytes (LeCun et al., 1998)."""

import struct
from math import prod

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError

_UNSIGNED_BYTE = 0x08


def decode(content: bytes, name: str) -> NDArray[np.uint8]:
    """Read-only array of unsigned bytes with as many axes as the header says.

    Raises:
        DigitbenchError: The header or the length is not that of an IDX file of bytes.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise DigitbenchError(
            f"{name}: not an IDX file of bytes. Delete it and run the stage `download` again."
        )
    axes = content[3]
    start = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", content[4:start]) if len(content) >= start else ()
    if not shape or len(content) - start != prod(shape):
        raise DigitbenchError(
            f"{name}: {len(content):,} bytes don't fit its header. "
            "Delete it and run the stage `download` again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def encode(array: NDArray[np.uint8]) -> bytes:
    """The bytes of an IDX file holding the array."""
    header = bytes([0, 0, _UNSIGNED_BYTE, array.ndim]) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + np.ascontiguousarray(array, dtype=np.uint8).tobytes()
