"""Whether results come from this code, and how often the test set was looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from digitbench.checks.catalogue import Check
from digitbench.wording import listing

SHOWN = 3


@dataclass(frozen=True)
class Workspace:
    """The files on disk as DVC sees them."""

    stale: Sequence[str]  # stages whose code, parameters or results changed since dvc.lock


@dataclass(frozen=True)
class History:
    """Test results since a branch left the main one."""

    base: str  # the commit where it did
    results: Mapping[str, Sequence[str]]  # commits and experiments by what their networks answered


def _not_from_this_code(workspace: Workspace) -> Iterator[str]:
    if workspace.stale:
        yield f"Those of {_some(workspace.stale)}; what other checks say may be about older ones."


def _several_looks(history: History) -> Iterator[str]:
    if len(history.results) > 1:
        sets = [_some(names) for names in history.results.values()]
        shown = "; ".join(sets[:SHOWN]) + ("; …" if len(sets) > SHOWN else "")
        yield f"{len(sets)} different sets of test results since {history.base[:10]}: {shown}."


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return listing([*names[:SHOWN], f"{more} more"] if more > 0 else names)


NOT_FROM_THIS_CODE = Check("DB006", "Results not from this code", Workspace, _not_from_this_code)
SEVERAL_LOOKS = Check(
    "DB007", "The test set was read by several experiments of this branch", History, _several_looks
)
