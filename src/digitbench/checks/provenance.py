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


NOT_FROM_THIS_CODE = Check(
    "DB006",
    "Results not from this code",
    "Code, parameters or results of a stage differ from what `dvc.lock` says it ran with.",
    "A number that this code doesn't give can't be repeated, and a reader of the code is misled.",
    "Run `dvc repro`, then `make readme`, and commit what they change.",
    Workspace,
    _not_from_this_code,
)
SEVERAL_LOOKS = Check(
    "DB007",
    "The test set was read by several experiments of this branch",
    "Counted are different answers on the test images, by `dvc.lock`: in the commits since the "
    "branch left the main one, in the workspace, and in the experiments that DVC keeps on these "
    "commits. What the main branch had doesn't count. Experiments on the commit where the branch "
    "began count, also those of another branch that began there; removed ones don't.",
    "Whoever chooses among experiments by their test accuracy chooses luck too: the best of "
    "several equal ones looks better than it is, and its interval knows nothing of that.",
    "Choose by validation accuracy and read the test set once, at the end. Where that is too late, "
    "say among how many experiments was chosen.",
    History,
    _several_looks,
)
