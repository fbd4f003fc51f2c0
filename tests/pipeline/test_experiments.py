"""Experiments: in a temporary copy, and queued with two workers on a fresh database."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import mlflow
import psutil
import pytest
from mlflow.entities import Run

from digitbench.params import ARCHITECTURES
from digitbench.tracking.database import EXPERIMENT
from readers import Digits

from .conftest import ROOT, Project, make_project
from .servers import wait_until

pytestmark = pytest.mark.pipeline


def runs_of(project: Project, experiment: str) -> list[Run]:
    """Recorded runs of one DVC experiment, read from the main repository's database."""
    return search(project, f"tags.`dvc.exp_name` = '{experiment}'")


def search(project: Project, condition: str) -> list[Run]:
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return list(client.search_runs([found.experiment_id], condition))


def artifacts(project: Project, run: Run) -> list[str]:
    folder = project.root / "mlartifacts" / run.info.run_id / "artifacts"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_complete(project: Project, experiment: str, epochs: int) -> None:
    """One parent per architecture and one child per seed, with curves, weights, test metrics.

    And one comparison, with the report.
    """
    runs = {run.info.run_name: run for run in runs_of(project, experiment)}
    assert set(runs) == {"comparison"} | {
        name for arch in ARCHITECTURES for name in (arch, f"{arch} seed 0", f"{arch} seed 1")
    }
    assert {"comparison.json", "index.html", "report.md"} <= {
        *artifacts(project, runs["comparison"])
    }
    for architecture in ARCHITECTURES:
        assert artifacts(project, runs[architecture]) == [f"{architecture}.csv"]
        for seed in (0, 1):
            run = runs[f"{architecture} seed {seed}"]
            assert run.info.status == "FINISHED"
            assert run.data.params["epochs"] == str(epochs)
            assert artifacts(project, run) == [f"seed-{seed}.safetensors"]
            assert 0 <= run.data.metrics["test_accuracy"] <= 1


def hidden_of_mlp(project: Project, experiment: str) -> set[str]:
    runs = runs_of(project, experiment)
    return {run.data.params["hidden"] for run in runs if run.data.tags["architecture"] == "mlp"}


def span(project: Project, experiment: str) -> tuple[int, int]:
    """First start and last end of an experiment's trainings, in milliseconds."""
    runs = [run.info for run in runs_of(project, experiment)]
    return min(run.start_time for run in runs), max(run.end_time or 0 for run in runs)


def test_a_temporary_run_executes_the_copys_code_and_records_in_the_main_repository(
    finished: Project, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    command = ("dvc", "exp", "run", "--temp", "-n", "longer", "-S", "epochs=2")
    touched = finished.audited(log, *command)
    code = {path for kind, path in touched if kind == "x"}
    assert {"__main__.py", "trainer.py", "cnn.py"} <= {path.name for path in code}
    assert {path.parts[:3] for path in code} == {(".dvc", "tmp", "exps")}
    assert_complete(finished, "longer", epochs=2)

    diff = json.loads(finished.dvc("exp", "diff", "HEAD", "longer", "--json"))
    assert diff["params"]["params.yaml"]["epochs"] == {"old": 1, "new": 2, "diff": 1}
    assert any(path.startswith("metrics/summary/") for path in diff["metrics"])
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_a_terminated_training_leaves_no_workers_and_a_killed_run(finished: Project) -> None:
    finished.edit("params.yaml", r"^epochs: .*$", "epochs: 1000")
    environment = {**finished.environment, "DIGITBENCH_JOBS": "2", "DIGITBENCH_STORE": ""}
    with subprocess.Popen(
        ["python", "src", "train", "mlp"],
        cwd=finished.root,
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as training:
        store = finished.root / ".replicates"
        wait_until(lambda: any(store.glob("unfinished/*/*.zip")))
        workers = psutil.Process(training.pid).children(recursive=True)
        assert len(workers) >= 2
        training.terminate()
        assert training.wait(timeout=30) != 0
    _, alive = psutil.wait_procs(workers, timeout=20)
    finished.restore()
    shutil.rmtree(store)
    assert alive == []
    killed = search(finished, "params.epochs = '1000'")
    assert {run.info.status for run in killed} == {"KILLED"}
    assert len(killed) == 3


def way_back() -> list[list[str]]:
    """The commands that the guide gives for it."""
    guide = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    block = guide.partition("The way back")[2].split("```")[1]
    return [shlex.split(line[2:]) for line in block.splitlines() if line.startswith("$ ")]


def test_the_documented_way_back_undoes_a_failed_experiment(finished: Project) -> None:
    models = {path: path.read_bytes() for path in finished.root.glob("models/*/*.safetensors")}
    # One network fails and another is trained, in whatever order: lock and outputs are half-way.
    finished.edit("src/digitbench/models/cnn.py", r"\Z", "raise RuntimeError('does not work')\n")
    command = ("dvc", "exp", "run", "--keep-going", "-n", "broken", "-S", "mlp.dropout=0.3")
    assert "does not work" in finished.run(*command, check=False).stdout
    assert "broken" not in finished.dvc("exp", "list", "--name-only")
    changed = finished.run("git", "status", "--porcelain").stdout
    assert {"params.yaml", "dvc.lock", "plots/curves/cnn.csv"} <= set(changed.split())
    assert {path for path in models if path.exists()} < set(models)

    commands = way_back()
    assert commands[-1] == ["dvc", "repro", "--dry"]
    output = [finished.run(*command).stdout for command in commands][-1]
    assert output.strip().endswith("Data and pipelines are up to date.")
    assert finished.run("git", "status", "--porcelain").stdout == ""
    assert {path: path.read_bytes() for path in models} == models


def test_two_queued_experiments_share_a_fresh_database(tmp_path: Path, digits: Digits) -> None:
    project = make_project(tmp_path / "project", digits)
    project.dvc("exp", "run", "--queue", "-n", "two", "-S", "epochs=2")
    project.dvc(
        "exp", "run", "--queue", "-n", "three", "-S", "epochs=3", "-S", "mlp.hidden=[12,20]"
    )
    assert not (project.root / "mlflow.db").exists()
    project.dvc("queue", "start", "-j", "2")

    def both_are_done() -> bool:
        status = project.dvc("queue", "status")
        assert "Failed" not in status, project.dvc("queue", "logs", "two")
        return status.count("Success") == 2

    wait_until(both_are_done, 600, pause=2)
    assert_complete(project, "two", epochs=2)
    assert_complete(project, "three", epochs=3)
    hidden = {name: hidden_of_mlp(project, name) for name in ("two", "three")}
    assert hidden == {"two": {"[16]"}, "three": {"[12, 20]"}}
    spans = [span(project, name) for name in ("two", "three")]
    assert max(start for start, _ in spans) < min(end for _, end in spans), "side by side"
