"""What is in a store: told, verified, thinned out, carried to another."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pygit2

from digitbench.errors import DigitbenchError
from digitbench.execution.archive import DamagedError, pack, unpack
from digitbench.execution.arrays import unpack_data
from digitbench.execution.keeper import store_address
from digitbench.execution.store import DATA, FINISHED, VARIABLE, Entry, Kept, Store, parse
from digitbench.files import TIMING, read_bytes, write_bytes
from digitbench.results.clocks import TimingRecord


@dataclass(frozen=True)
class Item:
    """A finished entry that was read."""

    entry: Entry
    kept: Kept | None  # None: damaged
    problem: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        """Network, seed, epochs, size, day, machine, key."""
        entry = self.entry
        where = (f"{entry.bytes / 1e6:.1f} MB", entry.written.date().isoformat())
        if self.kept is None:
            return ("damaged", "", "", *where, self.problem, entry.key[:12])
        facts = self.kept.about["facts"]
        machine = self.kept.environment.get("hardware", "")
        epochs = str(len(self.kept.replicate.history))
        return (facts["architecture"], str(facts["seed"]), epochs, *where, machine, entry.key[:12])


def open_store() -> Store:
    """The store that the environment names, or the project's.

    Raises:
        DigitbenchError: It is turned off.
    """
    address = store_address()
    if address is None:
        raise DigitbenchError(f"{VARIABLE} turns the store off. Unset it, or set another address.")
    return Store(address)


def inventory(store: Store) -> Iterator[Item]:
    """Every finished entry, read and verified."""
    for entry in store.entries():
        if entry.kind != FINISHED:
            continue
        try:
            yield Item(entry, parse(store.read(entry), entry.key))
        except DamagedError as error:
            yield Item(entry, None, str(error))


def damaged_data(store: Store) -> tuple[list[str], int]:
    """Hashes of training data that are not what they say, and how many there are in all."""
    entries = [entry for entry in store.entries() if entry.kind == DATA]
    damaged = []
    for entry in entries:
        try:
            unpack_data(store.read(entry), entry.key)
        except DamagedError:
            damaged.append(entry.key)
    return damaged, len(entries)


def too_old(entries: Collection[Entry], before: datetime) -> set[Entry]:
    """Those that were written before a moment."""
    return {entry for entry in entries if entry.written < before}


def too_much(entries: Collection[Entry], limit: int) -> set[Entry]:
    """The oldest of them, without which the others take at most so many bytes."""
    surplus = sum(entry.bytes for entry in entries) - limit
    found = set()
    for entry in sorted(entries, key=lambda entry: entry.written):
        if surplus <= 0:
            break
        found.add(entry)
        surplus -= entry.bytes
    return found


def unneeded(entries: Collection[Entry], folder: Path) -> set[Entry]:
    """Finished ones that no commit, experiment or file on disk names, and data, which are put anew.

    Raises:
        DigitbenchError: The folder is not in a Git repository.
    """
    needed = needed_keys(folder)
    unnamed = {entry for entry in entries if entry.kind == FINISHED and entry.key not in needed}
    return unnamed | {entry for entry in entries if entry.kind == DATA}


def needed_keys(folder: Path) -> set[str]:
    """Keys in the records of timings of every commit that a branch, tag or experiment reaches.

    Raises:
        DigitbenchError: The folder is not in a Git repository.
    """
    try:
        repository = pygit2.Repository(str(folder))
    except pygit2.GitError:
        raise DigitbenchError(
            f"{folder}: no Git repository, so nobody knows what is needed."
        ) from None
    walker = repository.walk(None)
    for name in repository.references:
        walker.push(repository.references[name].peel(pygit2.Commit).id)
    files = [*folder.glob(f"{TIMING}/*.json"), *folder.glob(f"studies/*/{TIMING}/*.json")]
    records = {path.read_bytes() for path in files}
    seen: set[pygit2.Oid] = set()
    for commit in walker:
        records.update(_timings(commit.tree, seen))
    return {key for record in records for key in _keys(record)}


def _timings(tree: pygit2.Tree, seen: set[pygit2.Oid]) -> Iterator[bytes]:
    """Records of timings in a tree of the project; what was seen is not looked into again."""
    studies = _folder(tree, "studies")
    for root in (tree, *(item for item in studies or () if isinstance(item, pygit2.Tree))):
        timing = _folder(root, TIMING.as_posix())
        if timing is not None and timing.id not in seen:
            seen.add(timing.id)
            yield from (item.data for item in timing if isinstance(item, pygit2.Blob))


def _folder(tree: pygit2.Tree, path: str) -> pygit2.Tree | None:
    try:
        found = tree[path]
    except KeyError:
        return None
    return found if isinstance(found, pygit2.Tree) else None


def _keys(record: bytes) -> Iterator[str]:
    try:
        yield from TimingRecord.parse(record, "a record of timings").keys.values()
    except DigitbenchError:  # the clock of `evaluate`, or a schema of long ago
        return


def export(store: Store, file: Path, keys: Sequence[str]) -> int:
    """Write finished entries into one file; returns how many.

    Args:
        store: From where.
        file: Where to.
        keys: Beginnings of keys; none: all.

    Raises:
        DigitbenchError: Nothing begins with one of them, or the file cannot be written.
    """
    found = [item for item in inventory(store) if item.kept]
    for key in keys:
        if not any(item.entry.key.startswith(key) for item in found):
            raise DigitbenchError(f"{key}: no whole entry of {store.address} begins with it.")
    chosen = [item.entry for item in found if item.entry.key.startswith(tuple(keys) or "")]
    write_bytes(file, pack({f"{entry.key}.zip": store.read(entry) for entry in chosen}))
    return len(chosen)


def take_in(store: Store, file: Path) -> int:
    """Take in what another store exported; returns how many.

    Raises:
        DigitbenchError: The file cannot be read, or is damaged; then nothing was taken in.
    """
    try:
        entries = unpack(read_bytes(file, "Export it again."))
        for name, content in entries.items():
            parse(content, Path(name).stem)
        for name, content in entries.items():
            store.adopt(content, Path(name).stem)
    except DamagedError as error:
        raise DigitbenchError(f"{file}: damaged ({error}). Export it again.") from None
    return len(entries)
