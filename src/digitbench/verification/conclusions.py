"""Whether other bytes would change what is said: the judgement of the review, and the verdicts.

The review's test tells results here from the committed ones; where a single replicate was trained
again, it has to lie where one more training of the committed ones would. All are one family, so
that of a machine that is merely another one at most 5 % of verifications find a change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from digitbench.results.records import ComparisonRecord
from digitbench.results.studies import Row, read_rows
from digitbench.statistics.comparison import holm, pair_verdicts
from digitbench.statistics.estimates import ALPHA, Difference
from digitbench.statistics.seeds import compare
from digitbench.statistics.summary import summarise
from digitbench.verification.mismatch import Level, Mismatch
from digitbench.wording import p_equals, percent


@dataclass(frozen=True)
class Scored:
    """An accuracy of one training on both sides, by seed."""

    place: str
    committed: Mapping[int, float]
    here: Mapping[int, float]
    images: int

    @property
    def p_value(self) -> float | None:
        """Of no change; None where all is the same, or nothing can be said."""
        if all(self.committed.get(seed) == value for seed, value in self.here.items()):
            return None
        if len(self.here) > 1:
            return compare(self.committed, self.here, self.images).p_value
        expected = summarise(self.committed).expected()
        if expected is None:
            return None
        (value,) = self.here.values()
        return Difference(value - expected.value, expected.error, expected.freedom).p_value

    @property
    def open(self) -> bool:
        """Whether nothing can be said: something is another value, and only one seed is known."""
        same = all(self.committed.get(seed) == value for seed, value in self.here.items())
        return not same and self.p_value is None

    def mismatch(self, p: float) -> Mismatch:
        """What is told of a change."""
        committed, here = (
            percent(sum(side.values()) / len(side)) for side in (self.committed, self.here)
        )
        return Mismatch(Level.VERDICTS, f"{self.place} ({p_equals(p)})", committed, here)


def changed_scores(scores: list[Scored]) -> list[Mismatch]:
    """Those that are evidently others."""
    adjusted = holm([scored.p_value for scored in scores])
    return [
        scored.mismatch(p)
        for scored, p in zip(scores, adjusted, strict=True)
        if p is not None and p < ALPHA
    ]


def changed_pairs(there: ComparisonRecord, here: ComparisonRecord, margin: float) -> list[Mismatch]:
    """Pairs of networks of which the report would say something else.

    Args:
        there: Of the commit.
        here: Of this machine.
        margin: Points of accuracy that matter.
    """
    old, new = (_standings(record, margin) for record in (there, here))
    return [
        Mismatch(Level.VERDICTS, f"the report on {pair}", old[pair], new.get(pair, "nothing"))
        for pair in old
        if old[pair] != new.get(pair)
    ]


def _standings(record: ComparisonRecord, margin: float) -> dict[str, str]:
    """By pair, what the second network is against the first."""
    return {
        f"{verdict.pair.second} against {verdict.pair.first}": verdict.standing.value
        for verdict in pair_verdicts([*record.pairs.values()], margin / 100)
    }


def changed_claims(there: Path, here: Path, study: str) -> list[Mismatch]:
    """Published numbers of a study with another verdict, in two files of verdicts."""
    old, new = ({_key(row): row for row in read_rows(path)} for path in (there, here))
    return [
        Mismatch(
            Level.VERDICTS,
            f"{study}: {row.label}, published {row.theirs}",
            row.verdict,
            new[key].verdict if key in new else "none",
        )
        for key, row in old.items()
        if row.study == study and (key not in new or new[key].verdict != row.verdict)
    ]


def _key(row: Row) -> tuple[str, ...]:
    return row.study, row.model, row.metric, row.dataset, row.protocol, row.published, row.place
