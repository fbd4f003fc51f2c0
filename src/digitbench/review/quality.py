"""What was changed, as far as the repository records it: parameters, stages, packages, cost.

Every comparison of the review, with its verdict: headline metrics, robustness, new domains.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digitbench import files
from digitbench.results.revision import File, Metrics, Stage, Summary
from digitbench.review.revisions import Conditions, Snapshot
from digitbench.statistics.seeds import HEADLINE_SHARE, Change, compare, judge, not_compared

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
    """

    stage: str
    presence: str = ""
    command: bool = False
    code: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return self == StageChange(self.stage)


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
    return Changes(
        params=params,
        stages=stages,
        packages=packages,
        sizes=_size_changes(before, after),
        times=_time_changes(before, after),
        hardware=(_hardware(before), _hardware(after)),
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
    return [change for change in changes if not change.is_empty]


def _stage_change(name: str, before: Stage, after: Stage) -> StageChange:
    files = _changed_files(before.deps, after.deps)
    params = _value_changes(
        *(
            {key: text for part in side.params.values() for key, text in flatten(part).items()}
            for side in (before, after)
        )
    )
    return StageChange(
        name,
        command=before.cmd != after.cmd,
        code=tuple(path for path in files if path.startswith(CODE)),
        data=tuple(path for path in files if not path.startswith(CODE)),
        params=tuple(change.name for change in params),
        outputs=_changed_files(before.outs, after.outs),
    )


def _changed_files(before: Sequence[File], after: Sequence[File]) -> tuple[str, ...]:
    old, new = ({file.path: file.md5 for file in side} for side in (before, after))
    return tuple(path for path in _union(old, new) if old.get(path) != new.get(path))


def _size_changes(before: Snapshot, after: Snapshot) -> list[CostChange]:
    quantities = {"parameters": "parameters", "macs": "MACs per image", "bytes": "bytes"}
    return [
        CostChange(name, title, getattr(before.metrics[name], key), getattr(record, key))
        for name, record in after.metrics.items()
        if name in before.metrics
        for key, title in quantities.items()
        if getattr(before.metrics[name], key) != getattr(record, key)
    ]


def _time_changes(before: Snapshot, after: Snapshot) -> list[CostChange]:
    changes = []
    for name in [name for name in after.timing if name in before.timing]:
        old, new = before.timing[name], after.timing[name]
        changes += [
            CostChange(
                name,
                "seconds per epoch",
                old.seconds_per_epoch.median,
                new.seconds_per_epoch.median,
            ),
            CostChange(name, "seconds of the stage", old.stage_seconds, new.stage_seconds),
        ]
    return [change for change in changes if change.before != change.after]


def _hardware(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(sorted({timing.environment.hardware for timing in snapshot.timing.values()}))


def _union(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Keys of both in the order of the later side, then those that it lost."""
    return [*after, *(key for key in before if key not in after)]


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
TEST_FILES = [files.TEST.as_posix()]


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
    before, after = (
        None if side is None else {int(seed): value for seed, value in side.per_seed.items()}
        for side in (old, new)
    )
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
