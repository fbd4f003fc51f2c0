"""A store whose failure costs one sentence and a training, never a result."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from digitbench.environment import path_from, project_root
from digitbench.execution.archive import DamagedError
from digitbench.execution.store import FOLDER, OFF, VARIABLE, Kept, Store
from digitbench.training.replicates import Replicate
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

    def find(self, key: str) -> Kept | None:
        """What is kept under a key and whole."""
        return self._softly(lambda store: store.get(key))

    def finish(
        self,
        facts: Mapping[str, Any],
        replicate: Replicate,
        at_once: int,
        environment: Mapping[str, str],
    ) -> None:
        """Keep a finished replicate; arguments as of `Store.put`."""
        self._softly(lambda store: store.put(facts, replicate, at_once, environment))

    def save(self, key: str, progress: Progress) -> None:
        """Keep the latest whole epoch."""
        self._softly(lambda store: store.save(key, progress))

    def resume(self, key: str, progress: Progress) -> None:
        """Bring a fresh replicate to where it was left, if it was begun."""
        self._softly(lambda store: store.restore(key, progress))

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
                f"a replicate kept in {self._store.address} is damaged ({error}); it is trained "
                "again and replaced"
            )
        except Exception as error:  # whatever a file system's driver raises
            reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
            self.problems.append(
                f"the store {self._store.address} is not used ({reason}); training goes on without "
                "it"
            )
            self._store, self.lost = None, True
        return None
