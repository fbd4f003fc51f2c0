"""The checks in the modules of this folder, found by name, and what they find."""

import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

from digitbench import checks
from digitbench.errors import DigitbenchError
from digitbench.statistics.comparison import holm
from digitbench.statistics.estimates import ALPHA
from digitbench.wording import count, listing

PAGE = "docs/checks.md"
E = TypeVar("E")


@dataclass(frozen=True)
class Check(Generic[E]):
    """One thing that weakens a conclusion; the page tells why and what to do.

    Attributes:
        code: Never given to another check, so that it can be muted.
        evidence: What it looks at. Only checks of Results run in the report, which must not look
            at Git or the workspace.
        look: One sentence for each case.
    """

    code: str
    title: str
    evidence: type[E]
    look: Callable[[E], Iterable[str]]


@dataclass(frozen=True)
class Finding:
    """A case in which a check fired."""

    check: Check[Any]
    text: str


@dataclass(frozen=True)
class Examination:
    """What the checks found that had their evidence and were not muted."""

    made: tuple[str, ...]
    muted: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """How many checks were made, and what is explained where."""
        fired = {finding.check.code for finding in self.findings}
        muted = f", without the muted {listing(self.muted)}" if self.muted else ""
        found = listing(sorted(fired)) or "none"
        made = f"{count(len(self.made), 'check')} of the method"
        was = "was" if len(self.made) == 1 else "were"
        return (
            f"{made} {was} made{muted}; fired: {found}. {PAGE}"
            " says how each sees it, why it matters and what to do."
        )


def catalogue() -> list[Check[Any]]:
    """All checks in the order of their codes."""
    names = [f"{checks.__name__}.{found.name}" for found in pkgutil.iter_modules(checks.__path__)]
    values = [value for name in names for value in vars(import_module(name)).values()]
    return sorted((v for v in values if isinstance(v, Check)), key=lambda check: check.code)


def examine(evidence: Sequence[object], mute: Iterable[str]) -> Examination:
    """Make every check that has its evidence and is not muted.

    Raises:
        DigitbenchError: What is muted is not a check.
    """
    known = catalogue()
    muted = sorted(set(mute))
    if unknown := set(muted) - {check.code for check in known}:
        raise DigitbenchError(
            f"{listing(sorted(unknown))}: no such check can be muted (checks.mute in params.yaml, "
            f"or --mute); known are {', '.join(check.code for check in known)}."
        )
    made = [
        (check, item)
        for check in known
        for item in evidence
        if check.code not in muted and isinstance(item, check.evidence)
    ]
    return Examination(
        tuple(check.code for check, _ in made),
        tuple(muted),
        tuple(Finding(check, text) for check, item in made for text in check.look(item)),
    )


def evident(p_values: Mapping[str, float]) -> dict[str, float]:
    """By architecture, the p-values that are below 5 % after Holm's adjustment over all of them.

    So a check that uses it fires by chance in at most one of twenty reports.
    """
    adjusted = zip(p_values, holm(list(p_values.values())), strict=True)
    return {name: p for name, p in adjusted if p < ALPHA}
