"""Both dvc.yaml as DVC resolves them: templates filled in, merge keys merged."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stage:
    """One stage; paths are relative to the project's root."""

    name: str
    folder: str
    command: tuple[str, ...]
    deps: frozenset[Path]
    outs: frozenset[Path]
    params: dict[Path, tuple[str, ...]]

    @property
    def program(self) -> str:
        """The name of its file in src/stages."""
        return self.command[2]

    @property
    def code(self) -> frozenset[Path]:
        """Dependencies that are code."""
        return frozenset(path for path in self.deps if path.parts[0] == "src")


def covering(path: Path, entries: frozenset[Path]) -> Path | None:
    """The entry that is the path or a folder around it."""
    return next((entry for entry in entries if path == entry or entry in path.parents), None)


def _stage(stage: PipelineStage) -> Stage:
    root = str(ROOT)

    def local(path: str) -> Path:
        return Path(os.path.relpath(path, root))

    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    plain = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    return Stage(
        name=stage.addressing,
        folder=os.path.relpath(stage.wdir, root),
        command=tuple(shlex.split(stage.cmd)),
        deps=frozenset(local(dep.fs_path) for dep in plain),
        outs=frozenset(local(out.fs_path) for out in stage.outs),
        params={local(dep.fs_path): tuple(dep.params) for dep in params},
    )


def load() -> dict[str, Stage]:
    """All stages by their address."""
    with Repo(str(ROOT)) as repo:
        stages = [_stage(s) for s in repo.index.stages if isinstance(s, PipelineStage)]
    return {stage.name: stage for stage in stages}


GRAPH = load()
MAIN = {name: stage for name, stage in GRAPH.items() if ":" not in name}
STUDIES = "studies/dvc.yaml:"
TRAININGS = {name for name in GRAPH if name.startswith(("train_", f"{STUDIES}train@"))}
ASSESSMENTS = {name for name in GRAPH if name.startswith(f"{STUDIES}assess@")}
GROUPS = {f"{STUDIES}domain_shift", f"{STUDIES}robustness"}
