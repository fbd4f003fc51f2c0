"""Where the files of a pipeline lie, and how they are read and written.

A file is written whole or not at all, and the same content gives the same bytes. One that can't be
read is named in one sentence, with what makes it again.
"""

import csv
import fcntl
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import filter as matching
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError

if TYPE_CHECKING:
    import pandas as pd

# Relative to the root of the main pipeline, or to the folder of a study.
RAW = Path("data/raw/mnist")
RAW_DOMAINS = Path("data/raw/domains")
TRAIN = Path("data/processed/train")
TEST = Path("data/processed/test")
SPLIT = Path("data/processed/split")
PREDICTIONS = Path("data/predictions")
MODELS = Path("models")
CONFUSIONS = Path("data/confusions")
METRICS = Path("metrics")
TIMING = METRICS / "timing"
TRAININGS = METRICS / "training"
SUMMARY = METRICS / "summary"
PLOTS = Path("plots")
CURVES = PLOTS / "curves"
EVALUATION = PLOTS / "evaluate"
CLASS_COUNTS = PLOTS / "preprocess" / "classes.csv"
CLASS_FIGURE = PLOTS / "preprocess" / "classes.png"
SAMPLES_FIGURE = PLOTS / "preprocess" / "samples.png"
REPORT = Path("report")
# Folders of a project that are written to.
WRITTEN = ("data", "models", "metrics", "plots", "report", "studies", "benchmarks")
# As a file ends that isn't whole yet; Git and DVC ignore it.
HALF = ".half"

REMEDY = "Run `dvc repro`, which makes it."

T = TypeVar("T")

# SHA-256 of what this process wrote, by path.
_written: dict[Path, str] = {}


def model_file(name: str, seed: int) -> Path:
    """Final weights of one replicate."""
    return MODELS / name / f"seed-{seed}.safetensors"


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the final name, then rename: a reader never sees half a file.

    It is on the disk when this returns, should the machine then lose its power.

    Raises:
        DigitbenchError: It can't be written; what was there before is kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = _begun(path)
        _fill_and_rename(handle, beside, path, content)
        _settle(path.parent)
        _written[path] = hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise DigitbenchError(
            f"{path}: cannot be written ({error.strerror or error}). Nothing half-written was "
            "kept; make room, or allow writing there, and run the same again."
        ) from None


def check_written() -> None:
    """Make sure that the outputs of this process are still what it wrote.

    DVC takes for an output whatever is there when a stage ends.

    Raises:
        DigitbenchError: Something else changed one; the text names it.
    """
    # Those of a pipeline are relative; in a store another writer may have been later.
    for path, sha256 in _written.items():
        if path.is_absolute():
            continue
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise DigitbenchError(
                f"{path}: something else changed it while this ran. Run `dvc repro` again."
            )


def _begun(path: Path) -> tuple[int, Path]:
    """A new file beside a path, locked while it is open: others see that its writer lives."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=HALF)
        with suppress(OSError):  # where there are no locks, nobody can get one and delete it
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Who sweeps may have had the lock in between, and has deleted it then.
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)


def _fill_and_rename(handle: int, beside: Path, path: Path, content: bytes) -> None:
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
            beside.chmod(0o644)
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _settle(folder: Path) -> None:
    """Have a new name in a folder on the disk, where the file system can do that."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def sweep(*folders: Path) -> None:
    """Delete what killed writers left in folders and below; what can't be deleted stays."""
    for folder in folders:
        for path in abandoned(folder):
            with suppress(OSError):
                path.unlink()


def abandoned(folder: Path, below: bool = True) -> Iterator[Path]:
    """Half-written files in a folder, and below it, whose writer has ended; locked meanwhile."""
    for place, folders, names in os.walk(folder):
        if not below:
            folders.clear()
        for name in matching(names, f".*{HALF}"):
            path = Path(place, name)
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                yield path


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


def read(path: Path, load: Callable[[Path], T], remedy: str = REMEDY) -> T:
    """What `load` makes of a file.

    Raises:
        DigitbenchError: The file is missing or damaged; the text names it and what to do.
    """
    try:
        return load(path)
    except DigitbenchError:
        raise
    except Exception as error:  # libraries have two dozen kinds for what they can't make sense of
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        reason = reason or type(error).__name__
        raise DigitbenchError(f"{path}: cannot be read ({reason}). {remedy}") from None


def read_bytes(path: Path, remedy: str = REMEDY) -> bytes:
    """The whole of a file; errors as in `read`."""
    return read(path, Path.read_bytes, remedy)


def read_json(path: Path, remedy: str = REMEDY) -> Any:
    """The content of a JSON file; errors as in `read`."""
    return read(path, lambda file: json.loads(file.read_bytes()), remedy)


def read_csv(path: Path, remedy: str = REMEDY) -> "pd.DataFrame":
    """A table, floats as they were written; errors as in `read`."""
    # Costs half a second, which what reads no table doesn't need to wait for.
    import pandas as pd

    return read(path, pd.read_csv, remedy)


def read_array(path: Path, remedy: str = REMEDY) -> NDArray[Any]:
    """A memory-mapped, read-only array; errors as in `read`."""
    return read(path, lambda file: np.load(file, mmap_mode="r", allow_pickle=False), remedy)


def read_arrays(path: Path, remedy: str = REMEDY) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name; errors as in `read`."""

    def load(file: Path) -> dict[str, NDArray[Any]]:
        with np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        # NumPy hands out bytes where a member isn't in its format.
        if strange := [name for name, array in found.items() if isinstance(array, bytes)]:
            raise ValueError(f"{strange[0]} is no array")
        return found

    return read(path, load, remedy)
