"""Both dvc.yaml tell the truth: what a stage reads and writes, and the same bytes again."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from digitbench.params import ARCHITECTURES, load_study
from imports import closure
from witnesses import WITNESSES, is_witness

from .conftest import AUDIT, ROOT, Project, commit
from .graph import GRAPH, GROUPS, MAIN, STUDIES, TRAININGS, Stage, covering

pytestmark = pytest.mark.pipeline

# Written by the way: the record of runs and what lets a training resume; none is an output.
ASIDE = ("mlflow.db", "mlflow.db.lock", "mlartifacts", ".replicates", ".dvc", ".git")


# --- true: what a stage can import, reads and writes -----------------------------------------


def networks(stage: Stage) -> list[Path]:
    """Modules of the architectures that a stage builds, which it finds by name."""
    return [path for path in map(ROOT.joinpath, stage.code) if path.parent.name == "models"] or [
        path for path in ROOT.glob("src/digitbench/models/[a-z]*.py") if covers(stage, path)
    ]


def covers(stage: Stage, path: Path) -> bool:
    return covering(path.relative_to(ROOT), stage.deps) is not None


@pytest.mark.parametrize("stage", GRAPH.values(), ids=GRAPH)
def test_every_module_that_a_stage_can_import_is_under_a_dependency_or_a_witness(
    stage: Stage,
) -> None:
    start = [ROOT / "src/__main__.py", ROOT / f"src/stages/{stage.program}.py", *networks(stage)]
    modules = closure(start, lambda module: is_witness(module, stage.program))
    decisive = {Path(module) for module in modules if not is_witness(module, stage.program)}
    assert not {path for path in decisive if not covering(path, stage.deps)}, "neither"
    used = {covering(path, stage.deps) for path in decisive}
    assert not stage.code - used, "a dependency that the stage never imports"


def test_no_dependency_is_a_witness_and_every_witness_is_met() -> None:
    for stage in GRAPH.values():
        assert not [path for path in stage.code if is_witness(path.as_posix(), stage.program)]
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("src/**/*.py")]
    for key in WITNESSES:
        stages, _, pattern = key.rpartition(": ")
        assert [file for file in files if is_witness(file, stages or "report")], pattern


def test_no_witness_touches_what_decides_bytes() -> None:
    """Thread counts, determinism, seeds: they are set in training/, which is no witness."""
    decisive = re.compile(
        r"set_num_threads|use_deterministic|manual_seed|set_flush_denormal|CUBLAS|ATEN_|ONEDNN|OMP_"
    )
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("src/**/*.py")
        if decisive.search(path.read_text(encoding="utf-8"))
    }
    assert {"src/digitbench/training/trainer.py"} <= found
    assert not {path for path in found if is_witness(path, "")}


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    for path in ROOT.glob("src/digitbench/*/**/__init__.py"):
        (statement,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(statement, ast.Expr), path


@pytest.fixture(scope="module")
def studied(finished: Project) -> Iterator[Project]:
    """The clone after one study and both groups have run; the main pipeline had run before."""
    targets = [f"{STUDIES}assess@nguyen2026-mlp", *sorted(GROUPS)]
    output = finished.dvc("repro", *targets)
    assert "Running stage 'train_cnn'" not in output, "the main pipeline is up to date"
    commit(finished)  # other tests bring the clone back to its last commit
    yield finished
    finished.run("git", "reset", "-q", "--hard", "HEAD~1")
    finished.restore()


WATCHED = [
    *MAIN,
    *(f"{STUDIES}{name}@nguyen2026{rest}" for name, rest in (("split", ""), ("train", "-mlp"))),
    f"{STUDIES}assess@nguyen2026-mlp",
    f"{STUDIES}usps",
    *sorted(GROUPS),
]


@pytest.mark.parametrize("name", WATCHED)
def test_a_stage_reads_its_dependencies_and_writes_its_outputs(
    name: str, studied: Project, tmp_path: Path
) -> None:
    stage = GRAPH[name]
    notes = studied.within(stage.folder).audited(tmp_path / "log", *stage.command)
    # Outside DVC, which names the repository, the folder of studies is the root of its runs.
    aside = {Path(folder) / name for folder in (".", "studies") for name in ASIDE}
    notes = [
        (kind, path)
        for kind, path in notes
        if not covering(path, frozenset(aside)) and path.suffix != ".pyc"
    ]
    reads = {path for kind, path in notes if kind == "r"}
    reads -= {*stage.params, Path("requirements.lock")}
    # Modules are held by the imports above: a witness may load what can't reach this stage's bytes.
    other = {path for path in reads if path.parts[0] != "src" or path.suffix != ".py"}
    other = {path for path in other if not is_witness(path.as_posix(), stage.program)}
    writes = {path for kind, path in notes if kind == "w" and (studied.root / path).exists()}
    known = stage.deps | stage.outs
    assert not {path for path in other if not covering(path, known)}, "not in deps"
    assert not stage.deps - {covering(path, stage.deps) for path in reads}, "in deps, never read"
    assert not {path for path in writes if not covering(path, stage.outs)}, "not in outs"
    assert not stage.outs - {covering(path, stage.outs) for path in writes}, "never written"


def test_every_stage_declares_the_parameters_it_reads_and_no_others(finished: Project) -> None:
    declared = {shlex.join(s.command): s.params for s in MAIN.values() if s.outs}
    output = finished.run("python", str(AUDIT / "params_read.py"), *declared).stdout
    finished.restore()
    # A section is declared as a whole where every key of it is read, otherwise key by key.
    found = {command: set(keys) for command, keys in json.loads(output.splitlines()[-1]).items()}
    assert found == {
        command: leaves(files[Path("params.yaml")]) for command, files in declared.items()
    }


def leaves(keys: tuple[str, ...]) -> set[str]:
    """Keys of params.yaml with sections replaced by what stands in them."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    expanded = set()
    for key in keys:
        inside = params.get(key)
        expanded |= {f"{key}.{name}" for name in inside} if isinstance(inside, dict) else {key}
    return expanded


def test_every_variant_of_every_study_is_trained_with_its_own_network() -> None:
    commands = {stage.command[3]: stage for stage in GRAPH.values() if stage.name in TRAININGS}
    for path in sorted(ROOT.glob("studies/*/params.yaml")):
        for name, variant in load_study(path).variants.items():
            stage = commands.pop(f"{path.parent.name}/{name}")
            assert Path(f"src/digitbench/models/{variant.architecture}.py") in stage.deps
            assert stage.params == {path.relative_to(ROOT): ("recipe", f"variants.{name}")}
    assert set(commands) == set(ARCHITECTURES)


# --- the same bytes ---------------------------------------------------------------------------


def test_witnesses_change_no_byte(finished: Project) -> None:
    """Training under other settings of what witnesses decide, its record of runs out of reach."""
    outputs = ["plots/curves/mlp.csv", "data/confusions/mlp.npz"]
    paths = [finished.root / name for name in outputs]
    paths += sorted(finished.root.glob("models/mlp/*.safetensors"))
    before = [path.read_bytes() for path in paths]
    package = "src/digitbench"
    finished.edit(f"{package}/environment.py", r"^def prepare_libraries.*\n", r"\g<0>    return\n")
    finished.edit(f"{package}/environment.py", r"^def fingerprint.*\n", r"\g<0>    return {}\n")
    finished.edit(f"{package}/results/clocks.py", r"^import|^from", r"# edited\n\g<0>")
    for path in paths:
        path.unlink()
    perturbed = {
        **finished.environment,
        **{"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "GLIBC_TUNABLES": ""},
        **{"CUBLAS_WORKSPACE_CONFIG": ":16:8", "PYTHONHASHSEED": "7", "DIGITBENCH_JOBS": "2"},
        **{"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "LC_ALL": "C", "TZ": "Asia/Tokyo"},
    }
    project = Project(finished.root, perturbed)
    assert "Traceback" not in project.run("python", "src", "train", "mlp").stdout
    assert [path.read_bytes() for path in paths] == before
    finished.restore()


def test_a_forced_retrain_changes_no_model_and_skips_evaluation(finished: Project) -> None:
    models = {p: p.read_bytes() for p in finished.root.glob("models/*/*.safetensors")}
    assert len(models) == 2 * len(ARCHITECTURES)
    finished.dvc("repro", "--force", "--single-item", "train_mlp")
    assert {p: p.read_bytes() for p in models} == models
    output = finished.dvc("repro", "report")
    assert "Stage 'evaluate' didn't change, skipping" in output
    assert "Data and pipelines are up to date" in finished.dvc("repro", "report")
    # For Git nothing is new, and of what it knows only clocks, what shows them, and the lock.
    left = finished.run("git", "status", "--porcelain").stdout
    assert re.fullmatch(r"([M ]{2} (dvc\.lock|(metrics/timing|report)/\S+)\n)+", left), left
    finished.restore()
    finished.dvc("checkout", "dvc.yaml")


def test_nothing_unexpected_is_left_for_git(finished: Project) -> None:
    # Once two clocks were left, and nobody knows by what: the difference is told.
    left = finished.run("git", "status", "--porcelain").stdout
    assert left == "", finished.run("git", "diff").stdout


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
    # Accuracy and loss side by side, and a confusion matrix.
    assert page.count("vegaEmbed('#") == 2 * len(ARCHITECTURES)
    assert "<script src" not in page


# --- a study from end to end -------------------------------------------------------------------


def test_a_study_runs_from_end_to_end_and_then_is_up_to_date(studied: Project) -> None:
    again = studied.dvc("repro", f"{STUDIES}assess@nguyen2026-mlp")
    assert "Data and pipelines are up to date" in again
    folder = studied.root / "studies/nguyen2026"
    record: Any = json.loads((folder / "metrics/mlp.json").read_text())
    assert record["seeds"] == [0, 1]
    test, validation, pooled = (
        record["protocols"][protocol] for protocol in ("test", "validation", "pooled")
    )
    assert (test["images"], validation["images"], pooled["images"]) == (200, 120, 240)
    curves = (folder / "plots/curves/mlp.csv").read_text().splitlines()
    assert len(curves) == 1 + 2 * 2
    for seed, line in zip("01", curves[2::2], strict=True):
        accuracy = validation["metrics"]["accuracy"]["per_seed"][seed]
        assert line.split(",")[0] == seed
        assert float(line.split(",")[-1]) == pytest.approx(accuracy)


def test_the_studies_across_networks_hold_every_group(studied: Project) -> None:
    def record(study: str) -> Any:
        return json.loads((studied.root / f"studies/{study}/metrics/{study}.json").read_text())

    usps = record("domain_shift")["domains"]["usps"]
    assert usps["images"] == 60
    assert len(usps["cells"]) == 8
    assert {len(cell["accuracy"]["per_seed"]) for cell in usps["cells"]} == {2}
    assert len(record("robustness")["accuracy"]) == 4
