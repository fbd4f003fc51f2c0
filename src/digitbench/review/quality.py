"""What a change did: every comparison of results with its verdict, and what else was changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from digitbench import files
from digitbench.results.metrics import ACCURACY, Metric, shown
from digitbench.results.records import DomainAccuracy, ModelRecord
from digitbench.review.revisions import File, Snapshot, Stage
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
    """What differs in the record of one stage.

    Attributes:
        stage: Its name.
        presence: "added" or "removed" if only one revision has it, else empty.
        command: Whether the command differs.
        code: Source files that differ.
        data: Other dependencies that differ.
        params: Parameters that differ.
        outputs: Outputs that differ.
        regrouped: Whether one side lists a folder and the other what is in it, whose content
            cannot be compared by their hashes.
    """

    stage: str
    presence: str = ""
    command: bool = False
    code: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
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
    """All of it; None where a revision has no such file.

    Attributes:
        params: Values of params.yaml that differ.
        stages: Stages whose record in dvc.lock differs.
        packages: Locked versions that differ.
        sizes: Parameters, multiply-accumulates and bytes that differ.
        times: Durations that differ.
        hardware: What the times before and after were taken on.
    """

    params: Sequence[ValueChange] | None
    stages: Sequence[StageChange] | None
    packages: Sequence[ValueChange] | None
    sizes: Sequence[CostChange]
    times: Sequence[CostChange]
    hardware: tuple[tuple[str, ...], tuple[str, ...]]


def collect_changes(before: Snapshot, after: Snapshot) -> Changes:
    """Compare everything but quality."""
    params = packages = stages = None
    if before.params is not None and after.params is not None:
        params = _value_changes(flatten(before.params), flatten(after.params))
    if before.packages is not None and after.packages is not None:
        packages = _value_changes(before.packages, after.packages)
    if before.stages is not None and after.stages is not None:
        stages = _stage_changes(before.stages, after.stages)
    hardware = [
        tuple(sorted({timing.hardware for timing in side.timing.values()}))
        for side in (before, after)
    ]
    return Changes(
        params,
        stages,
        packages,
        _cost_changes(_sizes(before), _sizes(after)),
        _cost_changes(_times(before), _times(after)),
        (hardware[0], hardware[1]),
    )


def flatten(content: Mapping[Any, Any], prefix: str = "") -> dict[str, str]:
    """Nested keys joined with dots, values as text; a list is one value."""
    flat: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            flat[f"{prefix}{key}"] = text
    return flat


def _value_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[ValueChange]:
    return [
        ValueChange(name, before.get(name), after.get(name))
        for name in _union(before, after)
        if before.get(name) != after.get(name)
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
        {key: text for part in side.params.values() for key, text in flatten(part).items()}
        for side in (before, after)
    )
    return StageChange(
        name,
        command=before.cmd != after.cmd,
        code=tuple(path for path in deps if path.startswith(CODE)),
        data=tuple(path for path in deps if not path.startswith(CODE)),
        params=tuple(change.name for change in _value_changes(old, new)),
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
    return {
        (name, title): size
        for name, record in snapshot.metrics.items()
        for title, size in (
            ("parameters", record.parameters),
            ("MACs per image", record.macs),
            ("bytes", record.bytes),
        )
        if size is not None
    }


def _times(snapshot: Snapshot) -> Costs:
    return {
        (name, title): seconds
        for name, record in snapshot.timing.items()
        for title, seconds in (
            ("seconds per epoch", record.seconds_per_epoch.median),
            ("seconds of the stage", record.stage_seconds),
        )
    }


def _union(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Keys of both in the order of the later side, then those that it lost."""
    return [*after, *(key for key in before if key not in after)]


# The test set as dvc.lock lists it: a folder, in older commits single files.
TEST_FILES = (
    files.TEST.as_posix(),
    "data/raw/t10k-images-idx3-ubyte",
    "data/raw/t10k-labels-idx1-ubyte",
)


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
    obstacles = {
        name: _obstacle(before.metrics[name], record, _same_test_files(before, after))
        for name, record in after.metrics.items()
        if name in before.metrics
    }

    def rows(metrics: Sequence[Metric]) -> list[Row]:
        changes = [
            Row(name, metric, "", _headline(before, after, name, metric, obstacle))
            for name, obstacle in obstacles.items()
            for metric in metrics
        ]
        return _judged(changes, HEADLINE_SHARE)

    robustness = domains = None
    if before.robustness is not None and after.robustness is not None:
        robustness = _judged(_condition_rows(before.robustness, after.robustness))
    if before.domains is not None and after.domains is not None:
        both = [name for name in after.domains if name in before.domains]
        domains = _judged(
            [
                replace(row, condition=f"{name}, {row.condition}")
                for name in both
                for row in _condition_rows(before.domains[name], after.domains[name])
            ]
        )
    return Quality(
        rows([ACCURACY]),
        rows([metric for metric in shown("review") if metric != ACCURACY]),
        robustness,
        domains,
        added=[name for name in after.metrics if name not in before.metrics],
        removed=[name for name in before.metrics if name not in after.metrics],
    )


def _headline(
    before: Snapshot, after: Snapshot, name: str, metric: Metric, obstacle: str
) -> Change:
    old, new = before.metrics[name], after.metrics[name]
    sides = old.metrics.get(metric.key), new.metrics.get(metric.key)
    return _change(*sides, new.test.images, obstacle)


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
        return "tested on other images, which changes results by itself"
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


def _judged(rows: Sequence[Row], share: float = 1.0) -> list[Row]:
    """One family with its verdicts."""
    judged = judge(
        {index: row.change for index, row in enumerate(rows)},
        {index: row.metric.higher_is_better for index, row in enumerate(rows)},
        share,
    )
    return [replace(row, change=judged[index]) for index, row in enumerate(rows)]


def _condition_rows(before: DomainAccuracy, after: DomainAccuracy) -> list[Row]:
    obstacle = "" if before.images == after.images else _other_number(before.images, after.images)
    return [
        Row(name, ACCURACY, kind, _change(old, summary, after.images, obstacle))
        for kind, summaries in after.accuracy.items()
        for name, summary in summaries.items()
        if (old := before.accuracy.get(kind, {}).get(name)) is not None
    ]
