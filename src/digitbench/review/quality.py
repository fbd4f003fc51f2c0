"""What a change did: every comparison of results with its verdict, and what else was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from digitbench import files
from digitbench.results.metrics import ACCURACY, Metric, shown
from digitbench.results.records import DomainAccuracy, ModelRecord
from digitbench.review.revisions import DEFAULT_MARGIN, File, Snapshot, Stage, flatten
from digitbench.statistics.seeds import HEADLINE_SHARE, Change, compare, judge, not_compared
from digitbench.statistics.summary import Summary

CODE = "src/"


@dataclass(frozen=True)
class ValueChange:
    """A named value on both sides; None where it does not exist."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class StageChange:
    """What differs in the record of one stage: paths and names of parameters."""

    stage: str
    presence: str = ""  # "added" or "removed" if only one revision has it
    command: bool = False
    code: tuple[str, ...] = ()
    data: tuple[str, ...] = ()  # dependencies that are not code
    params: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    # Something is a folder on one side and files in it on the other: hashes don't tell.
    regrouped: bool = False


@dataclass(frozen=True)
class CostChange:
    """One kind of cost of one architecture, in the unit that its name tells."""

    architecture: str
    quantity: str
    before: float
    after: float


@dataclass(frozen=True)
class Changes:
    """All of it; None where a revision has no such file."""

    params: Sequence[ValueChange] | None
    stages: Sequence[StageChange] | None
    packages: Sequence[ValueChange] | None
    sizes: Sequence[CostChange]
    times: Sequence[CostChange]
    hardware: tuple[tuple[str, ...], tuple[str, ...]]  # of the times before and after


def collect_changes(before: Snapshot, after: Snapshot) -> Changes:
    """Compare everything but quality."""
    stages = None
    if before.stages is not None and after.stages is not None:
        stages = _stage_changes(before.stages, after.stages)
    return Changes(
        _value_changes(before.params, after.params),
        stages,
        _value_changes(before.packages, after.packages),
        _cost_changes(_sizes(before), _sizes(after)),
        _cost_changes(_times(before), _times(after)),
        (_hardware(before), _hardware(after)),
    )


def _value_changes(
    before: Mapping[Any, Any] | None, after: Mapping[Any, Any] | None
) -> list[ValueChange] | None:
    if before is None or after is None:
        return None
    old, new = flatten(before), flatten(after)
    return [
        ValueChange(name, old.get(name), new.get(name))
        for name in _union(old, new)
        if old.get(name) != new.get(name)
    ]


def _stage_changes(before: Mapping[str, Stage], after: Mapping[str, Stage]) -> list[StageChange]:
    changes = []
    for name in _union(before, after):
        if name not in before or name not in after:
            changes.append(StageChange(name, "added" if name in after else "removed"))
        else:
            changes.append(_stage_change(name, before[name], after[name]))
    return [change for change in changes if change != StageChange(change.stage)]


def _stage_change(name: str, before: Stage, after: Stage) -> StageChange:
    deps, deps_regrouped = _changed_files(before.deps, after.deps)
    outs, outs_regrouped = _changed_files(before.outs, after.outs)
    old, new = (
        {key: value for part in side.params.values() for key, value in part.items()}
        for side in (before, after)
    )
    return StageChange(
        name,
        command=before.cmd != after.cmd,
        code=tuple(path for path in deps if path.startswith(CODE)),
        data=tuple(path for path in deps if not path.startswith(CODE)),
        params=tuple(change.name for change in _value_changes(old, new) or ()),
        outputs=outs,
        regrouped=deps_regrouped or outs_regrouped,
    )


def _changed_files(before: Sequence[File], after: Sequence[File]) -> tuple[tuple[str, ...], bool]:
    """Paths whose hash differs, and whether others are listed as a folder on one side alone."""
    old, new = ({file.path: file.md5 for file in side} for side in (before, after))
    regrouped = {
        path
        for here, there in ((old, new), (new, old))
        for path in here.keys() - there.keys()
        if any(_overlap(PurePosixPath(path), PurePosixPath(other)) for other in there)
    }
    changed = [path for path in _union(old, new) if old.get(path) != new.get(path)]
    return tuple(path for path in changed if path not in regrouped), bool(regrouped)


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


Costs = dict[tuple[str, str], float]  # by architecture and quantity


def _cost_changes(before: Costs, after: Costs) -> list[CostChange]:
    return [
        CostChange(*key, before[key], cost)
        for key, cost in after.items()
        if before.get(key, cost) != cost
    ]


def _sizes(snapshot: Snapshot) -> Costs:
    titles = {"parameters": "parameters", "macs": "MACs per image", "bytes": "bytes"}
    return {
        (name, title): size
        for name, record in snapshot.metrics.items()
        for key, title in titles.items()
        if (size := getattr(record, key)) is not None
    }


def _times(snapshot: Snapshot) -> Costs:
    times = {}
    for name, timing in snapshot.timing.items():
        times[name, "seconds per epoch"] = timing.seconds_per_epoch.median
        times[name, "seconds of the stage"] = timing.stage_seconds
    return times


def _hardware(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(sorted({timing.hardware for timing in snapshot.timing.values()}))


def _union(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Keys of both in the order of the later side, then those that it lost."""
    return [*after, *(key for key in before if key not in after)]


# The test set as dvc.lock lists it: a folder, in older commits single files.
TEST_FILES = (
    files.TEST.as_posix(),
    "data/raw/t10k-images-idx3-ubyte",
    "data/raw/t10k-labels-idx1-ubyte",
)


OTHER_IMAGES = "tested on other images, which changes results by itself"


@dataclass(frozen=True)
class Row:
    """One comparison; the condition is empty for clean test images."""

    architecture: str
    metric: Metric
    condition: str
    change: Change


@dataclass(frozen=True)
class Quality:
    """Families of comparisons; None where one revision has no such file."""

    accuracy: Sequence[Row]  # the primary family, a row per architecture that both revisions have
    others: Sequence[Row]  # the other headline metrics of these
    robustness: Sequence[Row] | None  # accuracy per corruption, and their mean
    domains: Sequence[Row] | None  # accuracy per domain and way of fitting its images
    added: Sequence[str]  # architectures that only the later revision has
    removed: Sequence[str]
    identical: bool  # every result, also what is not compared here, is the same
    margin: float  # of the primary family, a fraction

    @property
    def headline(self) -> list[Row]:
        """What an exit status depends on."""
        return [*self.accuracy, *self.others]


def compare_quality(
    before: Snapshot, after: Snapshot, margin: float = DEFAULT_MARGIN / 100
) -> Quality:
    """Compare everything that both revisions measured.

    Args:
        before: One revision.
        after: The other.
        margin: Difference of accuracy that matters, a fraction.
    """
    both = [name for name in after.metrics if name in before.metrics]
    robustness = domains = None
    if before.robustness is not None and after.robustness is not None:
        other = "" if _same_test_files(before, after) else OTHER_IMAGES
        robustness = _judged(_condition_rows(before.robustness, after.robustness, other))
    if before.domains is not None and after.domains is not None:
        domains = _judged(
            [
                replace(row, condition=f"{name}, {row.condition}")
                for name in after.domains
                if name in before.domains
                for row in _condition_rows(before.domains[name], after.domains[name])
            ]
        )
    others = [metric for metric in shown("review") if metric != ACCURACY]
    return Quality(
        _judged(_headline(before, after, both, [ACCURACY]), HEADLINE_SHARE, margin),
        _judged(_headline(before, after, both, others), HEADLINE_SHARE),
        robustness,
        domains,
        added=[name for name in after.metrics if name not in before.metrics],
        removed=[name for name in before.metrics if name not in after.metrics],
        identical=_results(before) == _results(after) and _same_test_files(before, after),
        margin=margin,
    )


def _results(snapshot: Snapshot) -> tuple[object, ...]:
    scored = {name: record.protocols for name, record in snapshot.metrics.items()}
    return scored, snapshot.robustness, snapshot.domains


def _headline(
    before: Snapshot, after: Snapshot, names: Sequence[str], metrics: Sequence[Metric]
) -> list[Row]:
    rows = []
    for name in names:
        old, new = before.metrics[name], after.metrics[name]
        obstacle = _obstacle(old, new, _same_test_files(before, after))
        for metric in metrics:
            sides = old.metrics.get(metric.key), new.metrics.get(metric.key)
            rows.append(Row(name, metric, "", _change(*sides, new.test.images, obstacle)))
    return rows


def _change(old: Summary | None, new: Summary | None, images: int, obstacle: str) -> Change:
    before, after = (None if side is None else side.per_seed for side in (old, new))
    if before is None or after is None:
        missing = [side for side, seen in (("before", before), ("after", after)) if seen is None]
        return not_compared(before, after, f"not measured {' or '.join(missing)}")
    return not_compared(before, after, obstacle) if obstacle else compare(before, after, images)


def _obstacle(old: ModelRecord, new: ModelRecord, same_files: bool) -> str:
    """Why results of the two revisions cannot be held against each other; empty if they can."""
    if old.test.images != new.test.images:
        return _other_number(old.test.images, new.test.images)
    if old.images_per_class != new.images_per_class or not same_files:
        return OTHER_IMAGES
    return ""


def _other_number(old: int, new: int) -> str:
    return f"tested on {old:,} images before and {new:,} after, which changes results by itself"


def _same_test_files(before: Snapshot, after: Snapshot) -> bool:
    """Whether the test files that both locks know have the same content."""
    old, new = (
        {
            file.path: file.md5
            for stage in (side.stages or {}).values()
            for file in (*stage.deps, *stage.outs)
        }
        for side in (before, after)
    )
    return all(old[path] == new[path] for path in TEST_FILES if path in old and path in new)


def _judged(rows: Sequence[Row], share: float = 1.0, margin: float | None = None) -> list[Row]:
    """One family with its verdicts."""
    judged = judge(
        {index: row.change for index, row in enumerate(rows)},
        {index: row.metric.higher_is_better for index, row in enumerate(rows)},
        share,
        margin,
    )
    return [replace(row, change=judged[index]) for index, row in enumerate(rows)]


def _condition_rows(before: DomainAccuracy, after: DomainAccuracy, obstacle: str = "") -> list[Row]:
    if before.images != after.images:
        obstacle = _other_number(before.images, after.images)
    return [
        Row(name, ACCURACY, kind, _change(old, summary, after.images, obstacle))
        for kind, summaries in after.accuracy.items()
        for name, summary in summaries.items()
        if (old := before.accuracy.get(kind, {}).get(name)) is not None
    ]
