"""Files are whole or absent, and the same bytes for the same content."""

import csv
import io
import json
import multiprocessing
import os
import signal
import stat
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digitbench.errors import DigitbenchError
from digitbench.files import (
    HALF,
    sweep,
    write_all,
    write_bytes,
    write_csv,
    write_json,
    write_npy,
    write_npz,
    write_text,
)

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(2)
MATRIX = RNG.random((7, 10)).astype(np.float32)
SEEDS = np.array([3, 1])
HEADER = ("name", "value")
OBJECTS = np.array([{"a": 1}, None], dtype=object)

WRITERS: dict[str, Callable[[Path], None]] = {
    "bytes": lambda path: write_bytes(path, b"\0\r\n\xff"),
    "text": lambda path: write_text(path, "Größe\n− 5 %\n"),
    "json": lambda path: write_json(path, {"b": 1.5, "a": [None, "é"]}),
    "csv": lambda path: write_csv(path, HEADER, [("x, y", 0.1), ("z", None)]),
    "npy": lambda path: write_npy(path, MATRIX),
    "npz": lambda path: write_npz(path, {"probabilities": MATRIX, "seeds": SEEDS}),
}
FRAME = pd.DataFrame({"metric": ["f1, macro", "é"], "value": [0.1 + 0.2, None]})


def rows_that_break() -> Iterator[tuple[object, ...]]:
    yield "first", 1
    raise RuntimeError("no more rows")


# Content that turns out to be unfit, each with what is then raised.
UNFIT: dict[str, tuple[Callable[[Path], None], type[Exception]]] = {
    "json NaN": (lambda path: write_json(path, {"a": 1, "b": float("nan")}), ValueError),
    "json inf": (lambda path: write_json(path, {"a": [{"b": float("-inf")}]}), ValueError),
    "json array": (lambda path: write_json(path, {"a": MATRIX}), TypeError),
    "csv": (lambda path: write_csv(path, HEADER, rows_that_break()), RuntimeError),
    "npy": (lambda path: write_npy(path, OBJECTS), ValueError),
    "npz": (lambda path: write_npz(path, {"good": MATRIX, "bad": OBJECTS}), ValueError),
    "text": (lambda path: write_text(path, "lone \ud800"), UnicodeEncodeError),
}


@pytest.fixture(params=["new", "old"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A final name, with or without an old file under it."""
    path = tmp_path / "out" / "file"
    path.parent.mkdir()
    if request.param == "old":
        path.write_bytes(b"old")
    return path


def state(path: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in path.parent.iterdir()}


# --- whole or absent -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", UNFIT)
def test_unfit_content_changes_nothing(kind: str, target: Path) -> None:
    write, error = UNFIT[kind]
    before = state(target)
    with pytest.raises(error):
        write(target)
    assert state(target) == before


@pytest.mark.parametrize("step", ["chmod", "replace"])
@pytest.mark.parametrize(
    ("error", "seen"),
    [(OSError("disk gone"), DigitbenchError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_failure_before_the_end_changes_nothing(
    step: str,
    error: BaseException,
    seen: type[BaseException],
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    before = state(target)
    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(seen):
        write_bytes(target, b"new")
    assert state(target) == before


def test_full_disk_changes_nothing(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.FileIO):
        def write(self, content: Any) -> int:
            super().write(content[: len(content) // 2])
            raise OSError(28, "No space left on device")

    before = state(target)
    monkeypatch.setattr(os, "fdopen", FullDisk)
    with pytest.raises(DigitbenchError, match=r"file: cannot be written \(No space left on device"):
        write_bytes(target, b"0123456789")
    assert state(target) == before


def test_name_that_is_a_folder_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inside").mkdir(parents=True)
    with pytest.raises(DigitbenchError, match="directory"):
        write_bytes(folder, b"new")
    assert sorted(tmp_path.rglob("*")) == [folder, folder / "inside"]


@pytest.mark.parametrize("kind", WRITERS)
def test_file_is_complete_before_it_gets_its_name(
    kind: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = target.read_bytes() if target.exists() else None
    seen: list[tuple[bytes, int]] = []
    rename = Path.replace

    def watched(beside: Path, final: Path) -> Path:
        assert beside.parent == final.parent == target.parent  # one file system: atomic
        assert (target.read_bytes() if target.exists() else None) == before
        seen.append((beside.read_bytes(), stat.S_IMODE(beside.stat().st_mode)))
        return rename(beside, final)

    monkeypatch.setattr(Path, "replace", watched)
    WRITERS[kind](target)
    assert seen == [(target.read_bytes(), 0o644)]
    assert list(state(target)) == ["file"]


@pytest.mark.parametrize("umask", [0o077, 0o022, 0])
@pytest.mark.parametrize("kind", WRITERS)
def test_everybody_may_read_the_file(kind: str, umask: int, target: Path) -> None:
    if target.exists():
        target.chmod(0o600)
    previous = os.umask(umask)
    try:
        WRITERS[kind](target)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


# --- what killed writers leave ---------------------------------------------------------------


def write_and_be_killed(path: Path) -> None:
    Path.chmod = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
    write_bytes(path, b"new")


def test_what_a_killed_writer_leaves_is_deleted_and_nothing_else(target: Path) -> None:
    before = state(target)
    writer = multiprocessing.get_context("fork").Process(target=write_and_be_killed, args=(target,))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    (left,) = (path for path in target.parent.iterdir() if path.name.endswith(HALF))
    assert left.read_bytes() == b"new"
    sweep(target.parent.parent)
    assert state(target) == before
    sweep(target.parent.parent, target.parent / "not there")


def test_what_is_being_written_is_never_deleted(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def swept(beside: Path, final: Path) -> Path:
        sweep(beside.parent)
        return rename(beside, final)

    monkeypatch.setattr(Path, "replace", swept)
    write_bytes(target, b"new")
    assert state(target) == {"file": b"new"}


def test_who_is_swept_before_the_lock_begins_again(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = tempfile.mkstemp, []

    def swept(**how: Any) -> tuple[int, str]:
        made.append(make(**how))
        if len(made) == 1:
            sweep(target.parent)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkstemp", swept)
    write_bytes(target, b"new")
    assert len(made) == 2
    assert state(target) == {"file": b"new"}


def test_git_and_dvc_ignore_what_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = tempfile.mkstemp, []
    monkeypatch.setattr(tempfile, "mkstemp", lambda **how: made.append(make(**how)) or made[-1])
    write_bytes(tmp_path / "seed-0.safetensors", b"")
    name = Path(made[0][1]).name
    for ignored in (".gitignore", ".dvcignore"):
        patterns = (ROOT / ignored).read_text(encoding="utf-8").splitlines()
        assert any(fnmatch(name, pattern) for pattern in patterns), ignored


def test_a_file_is_on_the_disk_before_its_name_is_and_the_name_before_all_is_done(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        steps.append("folder" if folder else f"{os.fstat(handle).st_size} bytes")
        sync(handle)

    def renamed(beside: Path, final: Path) -> Path:
        steps.append("name")
        return rename(beside, final)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_bytes(target, b"new")
    assert steps == ["3 bytes", "name", "folder"]


# --- same content, same bytes ----------------------------------------------------------------


def _dated_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("member", b"")
    return content.getvalue()


@pytest.mark.parametrize("kind", WRITERS)
def test_bytes_do_not_depend_on_the_clock(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents, controls = [], []
    for name, clock in (("one", 1.7e9), ("two", 1.7e9 + 3661)):
        monkeypatch.setattr(time, "time", lambda clock=clock: clock)
        WRITERS[kind](tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
        controls.append(_dated_zip())
    assert controls[0] != controls[1], "the clock that zip files are dated by did not move"
    assert contents[0] == contents[1]


# --- content comes back ----------------------------------------------------------------------


def test_npz_holds_the_arrays_and_nothing_else(tmp_path: Path) -> None:
    arrays = {"probabilities": MATRIX, "seeds": SEEDS}
    write_npz(tmp_path / "a.npz", arrays)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert sorted(archive.files) == list(arrays)
        for name, expected in arrays.items():
            np.testing.assert_array_equal(archive[name], expected, strict=True)


def test_npy_can_be_memory_mapped(tmp_path: Path) -> None:
    write_npy(tmp_path / "a.npy", MATRIX)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r", allow_pickle=False)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, MATRIX)


def test_json_keeps_order_letters_and_numbers(tmp_path: Path) -> None:
    content = {"z": 0.1 + 0.2, "a": [1, None, True], "m": {"é": "−"}}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_bytes().decode("utf-8")
    assert list(json.loads(text).items()) == list(content.items())
    assert '"é": "−"' in text
    assert text.endswith("}\n")


def test_files_of_a_stage_are_those_of_the_single_writers(tmp_path: Path) -> None:
    arrays = {"probabilities": MATRIX, "seeds": SEEDS}
    record = {"b": 1.5, "a": [None, "é"]}
    one, other = tmp_path / "one", tmp_path / "other"
    write_all(
        {
            one / "a.json": record,
            one / "b.csv": FRAME,
            one / "deep" / "c.npz": arrays,
            one / "d.png": b"\x89PNG\r\n",
        }
    )
    write_json(other / "a.json", record)
    write_csv(other / "b.csv", ("metric", "value"), [("f1, macro", 0.1 + 0.2), ("é", None)])
    write_npz(other / "deep" / "c.npz", arrays)
    write_bytes(other / "d.png", b"\x89PNG\r\n")
    files = [path.relative_to(one) for path in one.rglob("*") if path.is_file()]
    assert len(files) == 4
    for name in files:
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_csv_gives_every_float_back_exactly_and_nothing_for_a_missing_value(
    tmp_path: Path,
) -> None:
    values = [*RNG.random(200).tolist(), 1e-300, 0.1 + 0.2, 1 / 3, 1e22, 5e-324]
    values += [*RNG.random(50)]  # NumPy's own floats too
    write_csv(tmp_path / "a.csv", HEADER, [*((f"row, {x}", x) for x in values), ("none", None)])
    content = (tmp_path / "a.csv").read_bytes()
    assert b"\r" not in content
    header, *rows, none = csv.reader(io.StringIO(content.decode()))
    assert (header, none) == (list(HEADER), ["none", ""])
    assert [name for name, _ in rows] == [f"row, {x}" for x in values]
    assert [float(value) for _, value in rows] == values


def test_text_keeps_its_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a\nß\r\n")
    assert (tmp_path / "a.txt").read_bytes() == b"a\n\xc3\x9f\r\n"
