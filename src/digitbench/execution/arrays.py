"""The data of a training as one file of a store, for machines that don't have the arrays."""

import io
import json
from dataclasses import asdict

import numpy as np

from digitbench.execution.archive import DamagedError, pack, unpack
from digitbench.training.data import PixelStatistics, TrainingData

# Their types and axes, which the hash of data leaves out.
_ARRAYS: dict[str, tuple[type[np.generic], int]] = {
    "images": (np.uint8, 3),
    "labels": (np.uint8, 1),
    "train_index": (np.int64, 1),
    "validation_index": (np.int64, 1),
}
_STATISTICS = "statistics.json"


def pack_data(data: TrainingData) -> bytes:
    """Equal data give equal bytes."""
    members = {f"{name}.npy": _npy(getattr(data, name)) for name in _ARRAYS}
    return pack({**members, _STATISTICS: json.dumps(asdict(data.statistics)).encode()})


def unpack_data(content: bytes, sha256: str) -> TrainingData:
    """The data of a hash.

    Raises:
        DamagedError: They are others, or not as they were packed.
    """
    members = unpack(content)
    try:
        arrays = {name: np.load(io.BytesIO(members[f"{name}.npy"])) for name in _ARRAYS}
        statistics = PixelStatistics(**json.loads(members[_STATISTICS]))
        data = TrainingData(statistics=statistics, **arrays)
        found = data.sha256
    except Exception as error:  # NumPy raises a dozen kinds
        raise DamagedError(f"not as this version writes it: {error}") from None
    fit = all((arrays[name].dtype, arrays[name].ndim) == kind for name, kind in _ARRAYS.items())
    if found != sha256 or not fit or len(data.images) != len(data.labels):
        raise DamagedError("it is other data")
    return data


def _npy(array: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.save(target, np.ascontiguousarray(array), allow_pickle=False)
    return target.getvalue()
