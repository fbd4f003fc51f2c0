"""What was changed, as far as the repository records it: parameters, stages, packages, cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digitbench.review.records import File, Stage
from digitbench.review.snapshot import Snapshot

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
