"""A store whose failure costs one sentence and a training, never a result."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from digitbench.environment import path_from, project_root
from digitbench.errors import brief
from digitbench.execution.archive import DamagedError
from digitbench.execution.store import FOLDER, OFF, VARIABLE, Kept, Store, Trained
from digitbench.training.trainer import Progress

T = TypeVar("T")


def store_address() -> str | None:
    """The folder or address that the environment names, else one of the project; None: no store.

    Relative folders count from the project's root, which temporary copies share.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked == OFF:
        return None
    if "://" in asked:
        return asked
    return str(path_from(VARIABLE) or project_root() / FOLDER)


class Keeper:
    """Looks replicates up and keeps them, as long as the store answers.

    Attributes:
        problems: What went wrong, a sentence each.
        lost: Whether there was a store and it failed.
    """

    def __init__(self, address: str | None) -> None:
        """Take an address of a store, or None to keep nothing."""
        self._store = Store(address) if address else None
        self.problems: list[str] = []
        self.lost = False

    def sweep(self) -> None:
        """Delete what killed writers left half-written."""
        self._softly(lambda store: store.sweep())

    def find(self, key: str) -> Kept | None:
        """What is kept under a key and whole."""
        return self._softly(lambda store: store.get(key))

    def finish(self, facts: Mapping[str, Any], trained: Trained) -> None:
        """Keep a finished replicate."""
        self._softly(lambda store: store.put(facts, trained))

    def save(self, key: str, progress: Progress) -> None:
        """Keep the latest whole epoch."""
        self._softly(lambda store: store.save(key, progress))

    def resume(self, key: str, begin: Callable[[], Progress]) -> Progress:
        """A replicate where it was left, if it was begun; else at its beginning.

        Args:
            key: Its key.
            begin: Makes a fresh one.
        """
        progress, before = begin(), len(self.problems)
        self._softly(lambda store: store.restore(key, progress))
        # Half of what was damaged may be in it.
        return progress if len(self.problems) == before else begin()

    def forget(self, key: str) -> None:
        """Drop the unfinished half."""
        self._softly(lambda store: store.forget(key))

    def _softly(self, call: Callable[[Store], T]) -> T | None:
        if self._store is None:
            return None
        try:
            return call(self._store)
        except DamagedError as error:
            self.problems.append(
                brief(
                    f"a replicate kept in {self._store.address} is damaged ({error}); it is "
                    "trained again and replaced"
                )
            )
        except Exception as error:  # whatever a file system's driver raises
            reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
            self.problems.append(
                brief(
                    f"the store {self._store.address} is not used ({reason}); training goes on "
                    "without it"
                )
            )
            self._store, self.lost = None, True
        return None
