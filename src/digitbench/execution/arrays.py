"""The data of a training as one file of a store, for machines that don't have the arrays."""

import io
import json
from dataclasses import asdict

import numpy as np

from digitbench.execution.archive import DamagedError, pack, unpack
from digitbench.training.data import PixelStatistics, TrainingData

_ARRAYS = ("images", "labels", "train_index", "validation_index")
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
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"not as this version writes it: {error}") from None
    data = TrainingData(statistics=statistics, **arrays)
    if data.sha256 != sha256:
        raise DamagedError("it is other data")
    return data


def _npy(array: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.save(target, np.ascontiguousarray(array), allow_pickle=False)
    return target.getvalue()
