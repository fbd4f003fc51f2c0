"""What a verification came to, and how it is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from digitbench.results.receipts import Outcome
from digitbench.verification.machines import Row
from digitbench.verification.mismatch import Level, Mismatch
from digitbench.wording import count, listing

_TOLD = 5


@dataclass
class Found:
    """What was compared so far, and what differs.

    Attributes:
        expected: Hashes of the commit by path.
        here: Hashes here by path.
        numbers: How many were compared, by kind: curves, metrics.
        places: Where something differs, in the order in which it is computed.
        unexplained: Those of them that no difference of machines explains.
        explained: The first attribute of the machine that differs, with both sides.
        fingerprints: Both, side by side, where bytes differ.
        changed: Conclusions that are others.
        pages: How many pages were made again.
        remarks: Sentences on what else was seen.
        unchecked: What was not looked at.
        problem: Why it ended early.
    """

    expected: dict[str, str] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    places: list[Mismatch] = field(default_factory=list)
    unexplained: list[Mismatch] = field(default_factory=list)
    explained: Row | None = None
    fingerprints: Sequence[Row] = ()
    changed: list[Mismatch] = field(default_factory=list)
    pages: int = 0
    remarks: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    problem: str = ""

    def add(self, mismatch: Mismatch, explanation: Row | None = None) -> None:
        """Note a place that differs, and what of the machine explains it."""
        self.places.append(mismatch)
        if explanation is None:
            self.unexplained.append(mismatch)
        elif self.explained is None:
            self.explained = explanation

    def counted(self, kind: str, number: int) -> None:
        """Note that so many numbers were compared."""
        self.numbers[kind] = self.numbers.get(kind, 0) + number

    @property
    def outcome(self) -> Outcome:
        """What it comes to; a difference that was found is one, whatever ended the rest."""
        if self.unexplained or self.changed:
            return Outcome.NOT_REPRODUCED
        if self.problem:
            return Outcome.UNCHECKED
        return Outcome.OTHER_BYTES if self.places else Outcome.IDENTICAL

    # --- for people --------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """Level by level, then the outcome with its first place."""
        if self.expected or self.places or self.pages:
            yield f"bytes     {self._bytes()}"
            yield f"numbers   {self._numbers()}"
            yield f"verdicts  {self._verdicts()}"
            yield ""
        yield from self._ending()
        if self.fingerprints:
            yield from ("", *_table([("", "committed", "here"), *self.fingerprints]))
        yield from ("", *self.remarks) if self.remarks else ()
        if self.unchecked:
            yield f"Not checked: {'; '.join(self.unchecked)}."

    def _bytes(self) -> str:
        kinds: dict[str, list[bool]] = {}
        for path, value in self.expected.items():
            kind = "replicates" if path.endswith(".safetensors") else "outputs of stages"
            kinds.setdefault(kind, []).append(self.here.get(path) == value)
        told = [f"{sum(same)} of {len(same)} {kind} the same" for kind, same in kinds.items()]
        return "; ".join(told) or "nothing was computed"

    def _numbers(self) -> str:
        other = sum(1 for place in self.places if place.level is Level.NUMBERS)
        told = listing([f"{number:,} {kind}" for kind, number in self.numbers.items() if number])
        if not told:
            return "none was compared"
        return f"{told}: {f'{other:,} others' if other else 'all the same'}"

    def _verdicts(self) -> str:
        if self.changed:
            return f"{count(len(self.changed), 'conclusion')} would be another one"
        pages = f"{count(self.pages, 'page')} say what the committed numbers give"
        if self.problem or self.unexplained:
            return pages if self.pages else "not looked at"
        same = "none would be another one here" if self.places else "what is the same says the same"
        return f"{pages}; {same}" if self.pages else same

    def _ending(self) -> Iterator[str]:
        outcome = self.outcome
        yield f"{outcome.value.capitalize()}."
        if self.problem:
            yield self.problem
        if outcome is Outcome.NOT_REPRODUCED:
            shown = [*self.unexplained, *self.changed]
            yield f"First: {shown[0].told()}"
            yield from (f"Then: {place.told()}" for place in shown[1:_TOLD])
            if len(shown) > _TOLD:
                yield f"And {count(len(shown) - _TOLD, 'more place', 'more places')}."
        elif self.places:
            yield f"First: {self.places[0].told()}"
        if self.explained:
            name, there, here = self.explained
            yield f"Another machine: {name} is {here} here, and was {there}."


def _table(rows: Sequence[Row]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
