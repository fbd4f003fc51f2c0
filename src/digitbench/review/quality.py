"""Every comparison of the review, with its verdict: headline metrics, robustness, new domains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digitbench import layout
from digitbench.review.records import Metrics, Summary
from digitbench.review.snapshot import Conditions, Snapshot
from digitbench.review.verdicts import (
    HEADLINE_SHARE,
    Change,
    compare,
    judge,
    not_compared,
)


@dataclass(frozen=True)
class Metric:
    """A metric as it is named to people; shares are shown in percent, losses as they are."""

    key: str
    title: str
    is_share: bool
    higher_is_better: bool


ACCURACY = Metric("accuracy", "accuracy", is_share=True, higher_is_better=True)
OTHERS = (
    Metric("macro_f1", "macro F1", is_share=True, higher_is_better=True),
    Metric("nll", "log loss", is_share=False, higher_is_better=False),
    Metric("brier", "Brier score", is_share=False, higher_is_better=False),
    Metric("ece", "calibration error", is_share=False, higher_is_better=False),
)
TEST_FILES = [path.as_posix() for path in layout.RAW_FILES if path.name.startswith("t10k")]


@dataclass(frozen=True)
class Row:
    """One comparison; the condition is empty for clean test images."""

    architecture: str
    metric: Metric
    condition: str
    change: Change


@dataclass(frozen=True)
class Quality:
    """Families of comparisons; None where one revision has no such file.

    Attributes:
        accuracy: The primary family, one row per architecture that both revisions have.
        others: The other headline metrics of these.
        robustness: Accuracy per corruption, and their mean.
        domains: Accuracy per domain and way of fitting its images to the network.
        added: Architectures that only the later revision has.
        removed: Architectures that only the earlier one has.
    """

    accuracy: Sequence[Row]
    others: Sequence[Row]
    robustness: Sequence[Row] | None
    domains: Sequence[Row] | None
    added: Sequence[str]
    removed: Sequence[str]

    @property
    def headline(self) -> list[Row]:
        """What an exit status depends on."""
        return [*self.accuracy, *self.others]


def compare_quality(before: Snapshot, after: Snapshot) -> Quality:
    """Compare everything that both revisions measured."""
    both = [name for name in after.metrics if name in before.metrics]
    same_files = _same_test_files(before, after)
    return Quality(
        accuracy=_judged(
            [_headline(before, after, name, ACCURACY, same_files) for name in both], HEADLINE_SHARE
        ),
        others=_judged(
            [
                _headline(before, after, name, metric, same_files)
                for name in both
                for metric in OTHERS
            ],
            HEADLINE_SHARE,
        ),
        robustness=_judged_conditions(before.robustness, after.robustness),
        domains=_judged_domains(before.domains, after.domains),
        added=[name for name in after.metrics if name not in before.metrics],
        removed=[name for name in before.metrics if name not in after.metrics],
    )


def _headline(
    before: Snapshot, after: Snapshot, name: str, metric: Metric, same_files: bool
) -> Row:
    old, new = before.metrics[name], after.metrics[name]
    sides = getattr(old, metric.key), getattr(new, metric.key)
    return Row(name, metric, "", _change(*sides, new.images, _obstacle(old, new, same_files)))


def _change(old: Summary | None, new: Summary | None, images: int, obstacle: str) -> Change:
    before = None if old is None else old.per_seed
    after = None if new is None else new.per_seed
    if before is None or after is None:
        missing = [side for side, seen in (("before", before), ("after", after)) if seen is None]
        return not_compared(before, after, f"not measured {' or '.join(missing)}")
    return not_compared(before, after, obstacle) if obstacle else compare(before, after, images)


def _obstacle(old: Metrics, new: Metrics, same_files: bool) -> str:
    """Why results of the two revisions cannot be held against each other; empty if they can."""
    if old.images != new.images:
        return _other_number(old.images, new.images)
    if old.images_per_class != new.images_per_class or not same_files:
        return "tested on other images, which changes results by itself"
    return ""


def _other_number(old: int, new: int) -> str:
    return f"tested on {old:,} images before and {new:,} after, which changes results by itself"


def _same_test_files(before: Snapshot, after: Snapshot) -> bool:
    """Whether the test files that both locks know have the same content."""
    old, new = _hashes(before), _hashes(after)
    return all(old[path] == new[path] for path in TEST_FILES if path in old and path in new)


def _hashes(snapshot: Snapshot) -> dict[str, str]:
    files = [
        file for stage in (snapshot.stages or {}).values() for file in (*stage.deps, *stage.outs)
    ]
    return {file.path: file.md5 for file in files}


def _judged(rows: Sequence[Row], share: float = 1.0) -> list[Row]:
    """One family with its verdicts."""
    judged = judge(
        {index: row.change for index, row in enumerate(rows)},
        {index: row.metric.higher_is_better for index, row in enumerate(rows)},
        share,
    )
    return [
        Row(row.architecture, row.metric, row.condition, judged[index])
        for index, row in enumerate(rows)
    ]


def _judged_conditions(before: Conditions | None, after: Conditions | None) -> list[Row] | None:
    if before is None or after is None:
        return None
    return _judged(_condition_rows(before, after, ""))


def _judged_domains(
    before: Mapping[str, Conditions] | None, after: Mapping[str, Conditions] | None
) -> list[Row] | None:
    if before is None or after is None:
        return None
    rows: list[Row] = []
    for domain in [name for name in after if name in before]:
        rows += _condition_rows(before[domain], after[domain], f"{domain}, ")
    return _judged(rows)


def _condition_rows(before: Conditions, after: Conditions, prefix: str) -> list[Row]:
    obstacle = "" if before.images == after.images else _other_number(before.images, after.images)
    return [
        Row(name, ACCURACY, prefix + kind, _change(old, summaries[name], after.images, obstacle))
        for kind, summaries in after.accuracy.items()
        for name in summaries
        if (old := before.accuracy.get(kind, {}).get(name)) is not None
    ]
