"""The studies' dvc.yaml tell the truth, and a study runs from end to end."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from digitbench.params import RecipeParams, load_study
from digitbench.studies.groups.design import GROUPS, MODEL
from imports import closure

from .conftest import ROOT, Project

pytestmark = pytest.mark.pipeline

STUDY = "studies/nguyen2026"
GRAPHS: dict[str, dict[str, Any]] = {
    path.parent.name: yaml.safe_load(path.read_text())["stages"]
    for path in sorted(ROOT.glob("studies/*/dvc.yaml"))
}
STAGES = [(study, stage) for study, stages in GRAPHS.items() for stage in stages]
ASIDE = ("mlflow.db", "mlartifacts", ".mlflow.lock", ".checkpoints", ".dvc", ".git")


def listed(study: str, stage: str, *kinds: str) -> set[Path]:
    """What a stage lists under the given keys, from the project's root."""
    entries = [entry for kind in kinds for entry in GRAPHS[study][stage].get(kind, [])]
    names = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return {(ROOT / "studies" / study / name).resolve().relative_to(ROOT) for name in names}


def architectures(study: str, stage: str) -> tuple[str, ...]:
    """Those that a stage builds."""
    if stage in ("split", "usps"):
        return ()
    if stage in ("domain_shift", "robustness"):
        return str(MODEL.low), str(MODEL.high)
    variants = load_study(ROOT / "studies" / study / "params.yaml").variants
    name = stage.removeprefix("train_")
    if name in variants:
        return (variants[name].architecture,)
    return tuple(variant.architecture for variant in variants.values())


@pytest.mark.parametrize(("study", "stage"), STAGES)
def test_every_module_that_a_stage_can_import_is_a_dependency(study: str, stage: str) -> None:
    program = shlex.split(GRAPHS[study][stage]["cmd"])[2]
    modules = {path.as_posix() for path in listed(study, stage, "deps") if path.suffix == ".py"}
    assert modules == closure(program, architectures(study, stage))


@pytest.mark.parametrize(
    ("study", "stage"), [entry for entry in STAGES if entry[1].startswith("train_")]
)
def test_training_depends_on_its_own_variant_and_on_the_shared_keys_it_does_not_set(
    study: str, stage: str
) -> None:
    name = stage.removeprefix("train_")
    text = yaml.safe_load((ROOT / "studies" / study / "params.yaml").read_text())
    shared = RecipeParams.model_fields.keys() - text["variants"][name].keys()
    declared = set(GRAPHS[study][stage]["params"])
    assert declared == shared | {"processed", f"variants.{name}"}


@pytest.fixture(scope="module")
def studied(finished: Project) -> Iterator[Project]:
    """The clone after one study has run; the main pipeline had run before."""
    output = finished.dvc("repro", f"{STUDY}/dvc.yaml")
    assert "Running stage 'train_cnn'" not in output, "the main pipeline is up to date"
    yield finished
    finished.restore()
    finished.run("git", "clean", "-qfd", "studies")


def test_a_study_runs_from_end_to_end_and_then_is_up_to_date(studied: Project) -> None:
    again = studied.dvc("repro", f"{STUDY}/dvc.yaml")
    assert "Data and pipelines are up to date" in again
    for name, seeds in (("mlp", "01"), ("cnn", "01")):
        record = json.loads((studied.root / STUDY / f"metrics/{name}.json").read_text())
        assert record["seeds"] == [0, 1]
        test, validation, pooled = (
            record["protocols"][protocol] for protocol in ("test", "validation", "pooled")
        )
        assert (test["images"], validation["images"], pooled["images"]) == (200, 120, 240)
        curves = (studied.root / STUDY / f"plots/curves/{name}.csv").read_text().splitlines()
        assert len(curves) == 1 + 2 * 2
        for seed, line in zip(seeds, curves[2::2], strict=True):
            accuracy = validation["metrics"]["accuracy"]["per_seed"][seed]
            assert line.split(",")[0] == seed
            assert float(line.split(",")[-1]) == pytest.approx(accuracy)


@pytest.fixture(scope="module")
def compared(studied: Project) -> Project:
    """The clone after both studies across networks have run, and with them all they need."""
    output = studied.dvc("repro", "studies/domain_shift/dvc.yaml", "studies/robustness/dvc.yaml")
    assert "pedrogiu13/dvc.yaml:train_cnn" in output
    return studied


def test_the_studies_across_networks_hold_every_group(compared: Project) -> None:
    def record(study: str) -> Any:
        return json.loads((compared.root / f"studies/{study}/metrics/{study}.json").read_text())

    usps = record("domain_shift")["usps"]
    assert usps["images"] == 60
    assert len(usps["cells"]) == 8
    assert {len(cell["accuracy"]["per_seed"]) for cell in usps["cells"]} == {2}
    assert record("robustness").keys() >= GROUPS.keys()


@pytest.mark.parametrize(
    ("study", "stage"),
    [
        *(("nguyen2026", stage) for stage in GRAPHS["nguyen2026"]),
        ("domain_shift", "usps"),
        ("domain_shift", "domain_shift"),
        ("robustness", "robustness"),
    ],
)
def test_a_stage_reads_and_writes_what_it_lists(
    study: str, stage: str, compared: Project, tmp_path: Path
) -> None:
    command = shlex.split(GRAPHS[study][stage]["cmd"])
    notes = compared.within(f"studies/{study}").audited(tmp_path / "log", *command)
    dependencies = listed(study, stage, "deps")
    outputs = listed(study, stage, "outs", "metrics")

    def covered(path: Path, entries: set[Path]) -> Path | None:
        return next((entry for entry in entries if path == entry or entry in path.parents), None)

    # Outside DVC, which names the repository, a study's folder is the root of its runs.
    folder = Path("studies") / study
    own = {folder / name for name in ASIDE}
    notes = [
        (kind, path)
        for kind, path in notes
        if path.parts[0] not in ASIDE and not covered(path, own) and path.suffix != ".pyc"
    ]
    # Keys stand for the folder's own file, other files of parameters are named.
    parameters = listed(study, stage, "params") | {folder / "params.yaml"}
    reads = {path for kind, path in notes if kind == "r"} - parameters
    writes = {path for kind, path in notes if kind == "w" and (compared.root / path).exists()}
    assert not {path for path in reads if not covered(path, dependencies | outputs)}
    assert not dependencies - {covered(path, dependencies) for path in reads}
    assert not {path for path in writes if not covered(path, outputs)}
    assert not outputs - {covered(path, outputs) for path in writes}
