"""Experiments: in a temporary copy, and queued with two workers on a fresh database."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import mlflow
import psutil
import pytest
from mlflow.entities import Run
from numpy.typing import NDArray

from digitbench.params import ARCHITECTURES
from digitbench.tracking import EXPERIMENT

from .conftest import Project, make_project

pytestmark = pytest.mark.pipeline


def runs_of(project: Project, experiment: str) -> list[Run]:
    """Recorded runs of one DVC experiment, read from the main repository's database."""
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return list(client.search_runs([found.experiment_id], f"tags.`dvc.exp_name` = '{experiment}'"))


def artifacts(project: Project, run: Run) -> list[str]:
    folder = project.root / "mlartifacts" / run.info.run_id / "artifacts"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_complete(project: Project, experiment: str, epochs: int) -> None:
    """One parent per architecture and one child per seed, with curves, weights, test metrics."""
    runs = {run.info.run_name: run for run in runs_of(project, experiment)}
    assert set(runs) == {
        name for arch in ARCHITECTURES for name in (arch, f"{arch} seed 0", f"{arch} seed 1")
    }
    for architecture in ARCHITECTURES:
        assert artifacts(project, runs[architecture]) == [f"{architecture}.csv"]
        for seed in (0, 1):
            run = runs[f"{architecture} seed {seed}"]
            assert run.info.status == "FINISHED"
            assert run.data.params["epochs"] == str(epochs)
            assert artifacts(project, run) == [f"seed-{seed}.safetensors"]
            assert 0 <= run.data.metrics["test_accuracy"] <= 1


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
    environment = {**finished.environment, "DIGITBENCH_JOBS": "2"}
    client = mlflow.MlflowClient(f"sqlite:///{finished.root / 'mlflow.db'}")
    with subprocess.Popen(
        ["python", "src", "train", "mlp"],
        cwd=finished.root,
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as training:
        checkpoints = finished.root / ".checkpoints"
        deadline = time.monotonic() + 60
        while not list(checkpoints.glob("mlp-*.pt")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        workers = psutil.Process(training.pid).children(recursive=True)
        assert len(workers) >= 2
        training.terminate()
        assert training.wait(timeout=30) != 0
    _, alive = psutil.wait_procs(workers, timeout=20)
    finished.restore()
    shutil.rmtree(checkpoints)
    assert alive == []
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    killed = client.search_runs([experiment.experiment_id], "params.epochs = '1000'")
    assert {run.info.status for run in killed} == {"KILLED"}
    assert len(killed) == 3


def test_two_queued_experiments_share_a_fresh_database(
    tmp_path: Path, digits: tuple[NDArray, NDArray]
) -> None:
    project = make_project(tmp_path / "project", digits)
    project.dvc("exp", "run", "--queue", "-n", "two", "-S", "epochs=2")
    project.dvc("exp", "run", "--queue", "-n", "three", "-S", "epochs=3")
    assert not (project.root / "mlflow.db").exists()
    project.dvc("queue", "start", "-j", "2")
    deadline = time.monotonic() + 280
    while (status := project.dvc("queue", "status")).count("Success") < 2:
        assert "Failed" not in status, project.dvc("queue", "logs", "two")
        assert time.monotonic() < deadline, status
        time.sleep(2)
    assert_complete(project, "two", epochs=2)
    assert_complete(project, "three", epochs=3)
