"""A question with all that an answer may look at."""

from collections.abc import Mapping
from dataclasses import dataclass

from digitbench.evaluation.summary import Summary, summarise
from digitbench.reporting.wording import points_between
from digitbench.studies.measured import Measured, Record
from digitbench.studies.published import Published, Question


@dataclass(frozen=True)
class Asked:
    """One question of one study."""

    study: str
    published: Published
    question: Question
    measured: Measured

    def parts(self, protocol: str) -> dict[str, Record]:
        """Metrics under one protocol by variant, the most accurate first."""
        records = self.measured.variants.get(self.study, {})
        found = {
            variant: record["protocols"][protocol]
            for variant, record in records.items()
            if protocol in record.get("protocols", {})
        }
        return dict(sorted(found.items(), key=lambda item: -mean(item[1], "accuracy")))


def mean(part: Record, metric: str) -> float:
    """A metric's mean over the seeds."""
    return float(part["metrics"][metric]["mean"])


def paired_difference(first: Mapping[str, float], second: Mapping[str, float]) -> Summary | None:
    """Second minus first over the seeds that both have."""
    shared = {int(seed): second[seed] - first[seed] for seed in first if seed in second}
    return summarise(shared) if shared else None


def difference_text(difference: Summary) -> str:
    """In percentage points, with the interval over seeds."""
    return points_between(difference["mean"], difference["ci95_low"], difference["ci95_high"])
