"""Replicates kept by their key: finished ones, which are never trained twice, and unfinished ones.

Beside them the data that they are trained on, for machines that don't have it. A folder, or any
address that fsspec knows. An entry is one file, written whole under its key, so that many may write
at once; it is verified whenever it is read.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import fsspec
import safetensors.torch
import torch
from fsspec.implementations.local import LocalFileSystem
from pydantic import TypeAdapter

from digitbench.errors import DigitbenchError
from digitbench.execution.archive import DamagedError, pack, unpack
from digitbench.execution.arrays import pack_data, unpack_data
from digitbench.execution.key import key_of
from digitbench.files import sweep, write_bytes
from digitbench.training.data import CLASSES, TrainingData
from digitbench.training.replicates import Replicate
from digitbench.training.trainer import Epoch, Progress

VARIABLE = "DIGITBENCH_STORE"
OFF = "off"
FOLDER = ".replicates"
FINISHED, UNFINISHED, DATA = "finished", "unfinished", "data"
WEIGHTS, HISTORY, ABOUT = "weights.safetensors", "history.json", "about.json"
_HISTORY = TypeAdapter(list[Epoch])
MODEL, OPTIMISER, BEST = (f"{name}.safetensors" for name in ("model", "optimiser", "best"))


@dataclass(frozen=True)
class Trained:
    """A replicate, and how it came about.

    Attributes:
        replicate: What was trained.
        environment: Fingerprint of the machine.
        at_once: How many were trained beside it, itself included: its clock depends on that.
    """

    replicate: Replicate
    environment: Mapping[str, str]
    at_once: int


@dataclass(frozen=True)
class Kept:
    """A finished replicate, and where it comes from."""

    replicate: Replicate
    about: Mapping[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """Of the machine that trained it."""
        return dict(self.about["environment"])

    @property
    def at_once(self) -> int:
        """How many were trained beside it, itself included."""
        return int(self.about["at_once"])

    @property
    def seconds(self) -> float:
        """Its share of the time in which they were trained."""
        return sum(epoch.seconds for epoch in self.replicate.history) / self.at_once


@dataclass(frozen=True)
class Entry:
    """A file of the store as a listing shows it."""

    key: str
    kind: str  # finished, unfinished or data
    bytes: int
    written: datetime


@dataclass(frozen=True)
class Store:
    """Replicates at an address; a failure of the place is an OSError or the like."""

    address: str

    # --- finished ----------------------------------------------------------------------------

    def get(self, key: str) -> Kept | None:
        """What is kept under a key; None where nothing is.

        Raises:
            DamagedError: There is something, and it isn't what was written.
        """
        content = self._read(FINISHED, key)
        return None if content is None else parse(content, key)

    def put(self, facts: Mapping[str, Any], trained: Trained) -> None:
        """Publish a finished replicate under the key of the facts that determine it."""
        how = {"environment": trained.environment, "at_once": trained.at_once}
        about = {"schema": 1, "facts": facts, **how}
        history = [dataclasses.asdict(epoch) for epoch in trained.replicate.history]
        members = {
            WEIGHTS: trained.replicate.weights,
            HISTORY: json.dumps(history).encode(),
            ABOUT: json.dumps(about, sort_keys=True).encode(),
        }
        self._write(FINISHED, key_of(dict(facts)), pack(members))

    # --- unfinished --------------------------------------------------------------------------

    def save(self, key: str, progress: Progress) -> None:
        """Keep the latest whole epoch of a replicate in place of the one before."""
        state = progress.optimiser.state_dict()["state"]
        tensors = {
            f"{index}.{name}": value
            for index, of_one in state.items()
            for name, value in of_one.items()
        }
        members = {
            MODEL: _tensors(progress.model.state_dict()),
            OPTIMISER: _tensors(tensors),
            HISTORY: json.dumps([dataclasses.asdict(epoch) for epoch in progress.history]).encode(),
            ABOUT: json.dumps({"key": key}).encode(),
        }
        if progress.best is not None:
            members[BEST] = _tensors(progress.best)
        self._write(UNFINISHED, key, pack(members))

    def restore(self, key: str, progress: Progress) -> None:
        """Bring a fresh replicate to the kept state; nothing there changes nothing.

        Raises:
            DamagedError: There is something, and it isn't what was written; half of it may be in
                the replicate.
        """
        content = self._read(UNFINISHED, key)
        if content is None:
            return
        members = unpack(content)
        try:
            if json.loads(members[ABOUT])["key"] != key:
                raise DamagedError("it is of another key")
            _restore(members, progress)
        except DamagedError:
            raise
        except Exception as error:  # torch raises a dozen kinds
            raise _unfit(error) from None

    def forget(self, key: str) -> None:
        """Drop the unfinished half, once the replicate is finished."""
        self.remove(UNFINISHED, key)

    # --- data --------------------------------------------------------------------------------

    def get_data(self, sha256: str) -> TrainingData | None:
        """The data of a hash; None where it isn't.

        Raises:
            DamagedError: There is something, and it isn't what was written.
        """
        content = self._read(DATA, sha256)
        return None if content is None else unpack_data(content, sha256)

    def put_data(self, data: TrainingData) -> None:
        """Keep what replicates are trained on."""
        self._write(DATA, data.sha256, pack_data(data))

    # --- files -------------------------------------------------------------------------------

    def entries(self) -> Iterator[Entry]:
        """All of it, in the order of keys."""
        for kind in (FINISHED, UNFINISHED, DATA):
            folder = f"{self._root}/{kind}"
            found = self._files.find(folder, detail=True) if self._files.exists(folder) else {}
            for path, info in sorted(found.items()):
                if path.endswith(".zip"):
                    yield Entry(Path(path).stem, kind, int(info["size"]), _moment(info))

    def read(self, entry: Entry) -> bytes:
        """The file of an entry."""
        content: bytes = self._files.cat_file(self._path(entry.kind, entry.key))
        return content

    def adopt(self, content: bytes, key: str) -> None:
        """Take in a file of another store.

        Raises:
            DamagedError: It isn't what that store wrote.
        """
        parse(content, key)
        self._write(FINISHED, key, content)

    def remove(self, kind: str, key: str) -> None:
        """Delete the file of an entry, if it is there."""
        path = self._path(kind, key)
        if self._files.exists(path):
            self._files.rm_file(path)

    def sweep(self) -> None:
        """Delete what killed writers left half-written; an object store has none of that."""
        if isinstance(self._files, LocalFileSystem):
            sweep(Path(self._root))

    def _read(self, kind: str, key: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(self._path(kind, key))
        except FileNotFoundError:
            return None
        return content

    def _write(self, kind: str, key: str, content: bytes) -> None:
        path = self._path(kind, key)
        if isinstance(self._files, LocalFileSystem):
            write_bytes(Path(path), content)
            return
        # An object store shows a file when it is whole; elsewhere the checksums tell.
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, content)

    def _path(self, kind: str, key: str) -> str:
        return f"{self._root}/{kind}/{key[:2]}/{key}.zip"

    @property
    def _root(self) -> str:
        return self._place[1]

    @property
    def _files(self) -> fsspec.AbstractFileSystem:
        return self._place[0]

    @cached_property
    def _place(self) -> tuple[fsspec.AbstractFileSystem, str]:
        """The file system of the address, and the path in it.

        Raises:
            DigitbenchError: No file system of that kind is known or installed.
        """
        try:
            files, root = fsspec.core.url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise DigitbenchError(
                f"{VARIABLE}: {self.address} is no address of a store ({error}). Set a folder or "
                f"an address that fsspec knows, or `{OFF}`."
            ) from None
        return files, root.rstrip("/")


def _restore(members: Mapping[str, bytes], progress: Progress) -> None:
    def load(content: bytes) -> dict[str, torch.Tensor]:
        tensors = safetensors.torch.load(content)
        for name, tensor in tensors.items():
            if not torch.isfinite(tensor).all():
                raise ValueError(f"{name} has values that are no numbers")
        return tensors

    progress.model.load_state_dict(load(members[MODEL]))
    state: dict[int, dict[str, Any]] = {}
    for name, value in load(members[OPTIMISER]).items():
        index, _, what = name.partition(".")
        state.setdefault(int(index), {})[what] = value
    groups = progress.optimiser.state_dict()["param_groups"]
    progress.optimiser.load_state_dict({"state": state, "param_groups": groups})
    _lay_out_like_parameters(progress.optimiser)
    progress.history[:] = _history(members[HISTORY])
    progress.best = load(members[BEST]) if BEST in members else None


def _unfit(error: Exception) -> DamagedError:
    reason = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
    return DamagedError(f"not as this version writes it: {reason}")


def parse(content: bytes, key: str) -> Kept:
    """A finished replicate from the file of its entry.

    Raises:
        DamagedError: It is not what was written, or not of this key.
    """
    members = unpack(content)
    try:
        about = json.loads(members[ABOUT])
        history = tuple(_history(members[HISTORY]))
        if key_of(about["facts"]) != key:
            raise DamagedError("it is of another key")
        kept = Kept(Replicate(about["facts"]["seed"], members[WEIGHTS], history), about)
        if kept.at_once < 1 or not kept.environment:
            raise DamagedError("it doesn't say where it was trained")
    except DamagedError:
        raise
    except Exception as error:  # also where JSON is nested too deep
        raise _unfit(error) from None
    return kept


def _history(content: bytes) -> list[Epoch]:
    history = _HISTORY.validate_json(content, strict=True)
    for epoch in history:
        numbers = epoch.train_loss, epoch.validation_loss, epoch.seconds
        shares = epoch.train_accuracy, epoch.validation_accuracy
        if not all(0 <= number < inf for number in numbers) or not all(0 <= x <= 1 for x in shares):
            raise ValueError(f"epoch {epoch.epoch} has numbers that none can have")
        if len(epoch.validation_confusion) != CLASSES**2:
            raise ValueError(f"epoch {epoch.epoch} has no confusion counts")
    return history


def _tensors(named: Mapping[str, Any]) -> bytes:
    return safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in named.items()}
    )


def _lay_out_like_parameters(optimiser: torch.optim.Optimizer) -> None:
    """The fused Adam walks through parameters and their averages in the order of memory."""
    for parameter, state in optimiser.state.items():
        for name, value in state.items():
            if value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)


def _moment(info: Mapping[str, Any]) -> datetime:
    """When a file was written: each file system calls it its own way."""
    for name in ("mtime", "modified", "LastModified", "last_modified", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
    return datetime.fromtimestamp(0, UTC)
