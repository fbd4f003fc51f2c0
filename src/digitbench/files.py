"""Where the files of the pipeline lie, relative to the folder of ``dvc.yaml``.

Writing files so that each is either whole or absent, and the same bytes for the same content.
"""

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAW = Path("data/raw")
RAW_DOMAINS = RAW / "domains"
PROCESSED = Path("data/processed")
PREDICTIONS = Path("data/predictions")
MODELS = Path("models")
METRICS = Path("metrics")
TIMING = METRICS / "timing"
SUMMARY = METRICS / "summary"
PLOTS = Path("plots")
CURVES = PLOTS / "curves"
CONFUSIONS = Path("data/confusions")
EVALUATION = PLOTS / "evaluate"
REPORT = Path("report")

RAW_FILES = (
    RAW / "train-images-idx3-ubyte",
    RAW / "train-labels-idx1-ubyte",
    RAW / "t10k-images-idx3-ubyte",
    RAW / "t10k-labels-idx1-ubyte",
)
TRAIN_IMAGES = PROCESSED / "train_images.npy"
TRAIN_LABELS = PROCESSED / "train_labels.npy"
TEST_IMAGES = PROCESSED / "test_images.npy"
TEST_LABELS = PROCESSED / "test_labels.npy"
TRAIN_INDEX = PROCESSED / "train_index.npy"
VALIDATION_INDEX = PROCESSED / "validation_index.npy"
STATISTICS = PROCESSED / "statistics.json"
CLASS_COUNTS = PLOTS / "preprocess" / "classes.csv"
CLASS_FIGURE = PLOTS / "preprocess" / "classes.png"
SAMPLES_FIGURE = PLOTS / "preprocess" / "samples.png"


def model_file(architecture: str, seed: int) -> Path:
    """Final weights of one replicate."""
    return MODELS / architecture / f"seed-{seed}.safetensors"


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the final name, then rename: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        beside.chmod(0o644)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_text(path: Path, content: str) -> None:
    """UTF-8 with newline endings on every system."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Indented JSON in the order given; NaN is refused because JSON has none."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Comma-separated values with a header line; floats in their shortest exact form."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_all(contents: Mapping[Path, Any]) -> None:
    """Write each content in the format of its path: .json, .csv (a data frame), .npz, .png."""
    for path, content in contents.items():
        if path.suffix == ".json":
            write_json(path, content)
        elif path.suffix == ".csv":
            write_text(path, content.to_csv(index=False, lineterminator="\n"))
        elif path.suffix == ".npz":
            write_npz(path, content)
        else:
            write_bytes(path, content)


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """One array in NumPy's format, which carries no clock and can be memory-mapped."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    write_bytes(path, content.getvalue())


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Named arrays, compressed; NumPy stamps the members with a fixed date."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **dict(arrays))
    write_bytes(path, content.getvalue())
