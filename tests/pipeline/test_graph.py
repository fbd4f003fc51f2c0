"""dvc.yaml tells the truth: stages are watched at work and compared with what it says of them."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from digitbench.params import ARCHITECTURES
from imports import closure

from .conftest import AUDIT, ROOT, Project

pytestmark = pytest.mark.pipeline

GRAPH: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# Written by the way: the record of runs and what lets a training resume; none is an output.
ASIDE = ("mlflow.db", "mlartifacts", ".mlflow.lock", ".checkpoints", ".dvc", ".git")


def listed(stage: str, *kinds: str) -> set[str]:
    """The paths that a stage lists under the given keys."""
    entries = [entry for kind in kinds for entry in GRAPH[stage].get(kind, [])]
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def covered(path: Path, entries: set[str]) -> str | None:
    """The entry that is the path or a folder around it."""
    return next((e for e in entries if path == Path(e) or Path(e) in path.parents), None)


@pytest.fixture(scope="module")
def watched(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What each stage reads and writes, by stage; each is run once."""
    seen: dict[str, list[tuple[str, Path]]] = {}

    def watch(stage: str) -> list[tuple[str, Path]]:
        if stage not in seen:
            log = tmp_path_factory.mktemp("audit") / "log"
            seen[stage] = finished.audited(log, *shlex.split(GRAPH[stage]["cmd"]))
        return seen[stage]

    yield watch
    finished.restore()


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_reads_its_dependencies_and_nothing_else(stage: str, watched: Any) -> None:
    dependencies, outputs = listed(stage, "deps"), listed(stage, "outs", "metrics")
    reads = {path for kind, path in watched(stage) if kind == "r" and path.suffix != ".pyc"}
    reads = {path for path in reads if path.parts[0] not in (*ASIDE, "requirements.lock")}
    undeclared = {
        path
        for path in reads
        if not covered(path, dependencies | outputs) and path != Path("params.yaml")
    }
    assert not undeclared, "read, but not in deps"
    unread = dependencies - {covered(path, dependencies) for path in reads}
    assert not unread, "in deps, but never read"


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_writes_its_outputs_and_nothing_else(
    stage: str, watched: Any, finished: Project
) -> None:
    outputs = listed(stage, "outs", "metrics")
    writes = {
        path
        for kind, path in watched(stage)
        if kind == "w" and path.parts[0] not in ASIDE and (finished.root / path).exists()
    }
    assert not {path for path in writes if not covered(path, outputs)}, "written, but not listed"
    assert not outputs - {covered(path, outputs) for path in writes}, "listed, but not written"


@pytest.mark.parametrize("stage", GRAPH)
def test_every_module_that_a_stage_can_import_is_a_dependency(stage: str) -> None:
    name, *architectures = stage.split("_")
    if stage == "evaluate":
        architectures = list(ARCHITECTURES)
    modules = {entry for entry in listed(stage, "deps") if entry.endswith(".py")}
    assert modules == closure(name, tuple(architectures))


def test_every_stage_declares_the_parameters_it_reads_and_no_others(finished: Project) -> None:
    declared = {entry["cmd"]: set(entry["params"]) for entry in GRAPH.values()}
    output = finished.run("python", str(AUDIT / "params_read.py"), *declared).stdout
    finished.restore()
    # A section is declared as a whole where every key of it is read, otherwise key by key.
    found = {command: set(keys) for command, keys in json.loads(output.splitlines()[-1]).items()}
    assert found == {command: leaves(keys) for command, keys in declared.items()}


def leaves(keys: set[str]) -> set[str]:
    """Keys of params.yaml with sections replaced by what stands in them."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    expanded = set()
    for key in keys:
        inside = params.get(key)
        expanded |= {f"{key}.{name}" for name in inside} if isinstance(inside, dict) else {key}
    return expanded


def changed(project: Project) -> set[str]:
    """The stages that would run again."""
    lines = project.dvc("status", *GRAPH).splitlines()
    return {line.removesuffix(":") for line in lines if line.endswith(":") and line[0] != "\t"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_changing_one_architecture_leaves_the_others_up_to_date(
    architecture: str, finished: Project
) -> None:
    assert changed(finished) == set()
    others = {f"train_{name}" for name in ARCHITECTURES if name != architecture}
    finished.edit("params.yaml", rf"(?s)(^{architecture}:.*?hidden:\s+(?:- )?)\d+", r"\g<1>24")
    by_value = changed(finished)
    finished.restore()
    finished.edit(f"src/digitbench/models/{architecture}.py", r"\Z", "# changed\n")
    by_code = changed(finished)
    finished.restore()
    for stages in (by_value, by_code):
        assert f"train_{architecture}" in stages
        assert not stages & {"download", "preprocess", *others}


def test_a_forced_retrain_changes_no_model_and_skips_evaluation(finished: Project) -> None:
    before = (finished.root / "dvc.lock").read_text()
    models = {p: p.read_bytes() for p in finished.root.glob("models/*/*.safetensors")}
    assert len(models) == 2 * len(ARCHITECTURES)
    finished.dvc("repro", "--force", "--single-item", "train_mlp")
    assert {p: p.read_bytes() for p in models} == models
    output = finished.dvc("repro")
    assert "Stage 'evaluate' didn't change, skipping" in output
    assert "Data and pipelines are up to date" in finished.dvc("repro")
    model_hashes = yaml.safe_load(before)["stages"]["evaluate"]["deps"]
    after = yaml.safe_load((finished.root / "dvc.lock").read_text())
    assert after["stages"]["evaluate"]["deps"] == model_hashes
    finished.restore()
    finished.dvc("checkout", "dvc.yaml")


def test_nothing_unexpected_is_left_for_git(finished: Project) -> None:
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_a_missing_model_is_named_with_the_stage_to_run(finished: Project) -> None:
    path = finished.root / "models/cnn/seed-1.safetensors"
    content = path.read_bytes()
    path.unlink()
    try:
        done = finished.run("python", "src", "evaluate", check=False)
    finally:
        path.write_bytes(content)
    assert done.returncode == 1
    assert "models/cnn/seed-1.safetensors" in done.stdout
    assert "train_cnn" in done.stdout
    assert "Traceback" not in done.stdout


def test_plots_open_offline(finished: Project, tmp_path: Path) -> None:
    finished.dvc("plots", "show", "-o", str(tmp_path))
    page = (tmp_path / "index.html").read_text()
    assert page.count("vegaEmbed('#") == 3 * len(ARCHITECTURES)
    assert "<script src" not in page
