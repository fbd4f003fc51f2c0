"""MLflow sees every replicate, and its failure is nobody else's."""

import dataclasses
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run

from digitbench.data.arrays import TrainingData
from digitbench.params import load_params
from digitbench.tracking import EXPERIMENT, URI_VARIABLE, EvaluationRecords, TrainingRuns
from digitbench.training.replicates import Job
from digitbench.training.trainer import Epoch, Recipe

ROOT = Path(__file__).resolve().parents[2]
EPOCH = Epoch(3, 1, 0.5, 0.8, 0.4, 0.9, seconds=1.0)


@pytest.fixture
def job(small_data: TrainingData, tmp_path: Path) -> Job:
    params = load_params(ROOT / "params.yaml")
    recipe = Recipe(1, 64, 1e-3, "float32", "cpu")
    return Job("mlp", params.mlp, recipe, small_data, tmp_path)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A main repository with a database of its own, seen from a temporary workspace."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "an-experiment")
    monkeypatch.delenv(URI_VARIABLE, raising=False)
    return tmp_path


def recorded(root: Path) -> list[Run]:
    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def test_a_training_and_its_evaluation_are_recorded_in_the_main_repository(
    job: Job, root: Path
) -> None:
    weights, curves = Path("seed-3.safetensors"), Path("mlp.csv")
    weights.write_bytes(b"weights")
    curves.write_text("seed,epoch\n")
    with TrainingRuns(job, (3, 4)) as runs:
        runs.log_epoch(EPOCH)
        runs.log_epoch(dataclasses.replace(EPOCH, epoch=2, validation_accuracy=0.95))
        runs.log_model(3, weights)
        runs.log_curves(curves)
    EvaluationRecords().add(weights, "mlp seed 3", {"accuracy": 0.9})

    by_name = {run.info.run_name: run for run in recorded(root)}
    assert set(by_name) == {"mlp", "mlp seed 3", "mlp seed 4"}
    parent, child = by_name["mlp"], by_name["mlp seed 3"]
    assert {run.info.status for run in by_name.values()} == {"FINISHED"}
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.data.tags["seed"] == "3"
    assert child.data.tags["dvc.stage"] == "train_mlp"
    assert child.data.tags["dvc.exp_name"] == "an-experiment"
    assert child.data.tags["data.sha256"] == job.data.sha256
    assert child.data.params["learning_rate"] == "0.001"
    assert child.data.params["hidden"] == "[256, 128]"
    assert child.data.metrics["validation_accuracy"] == 0.95
    assert child.data.metrics["test_accuracy"] == 0.9
    assert "test_accuracy" not in by_name["mlp seed 4"].data.metrics
    assert (root / "mlartifacts" / child.info.run_id / "artifacts/weights" / weights.name).exists()
    assert (root / "mlartifacts" / parent.info.run_id / "artifacts/curves" / curves.name).exists()


def test_a_model_that_the_run_cache_brought_back_gets_a_run_of_its_own(root: Path) -> None:
    weights = Path("seed-3.safetensors")
    weights.write_bytes(b"restored")
    for _ in range(2):
        EvaluationRecords().add(weights, "mlp seed 3", {"accuracy": 0.9})
    (run,) = recorded(root)
    assert run.info.run_name == "mlp seed 3 (restored)"
    assert run.data.metrics["test_accuracy"] == 0.9


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (RuntimeError, "FAILED")]
)
def test_a_training_that_ends_early_is_marked(
    error: type[BaseException], status: str, job: Job, root: Path
) -> None:
    with pytest.raises(error), TrainingRuns(job, (3,)):
        raise error
    assert {run.info.status for run in recorded(root)} == {status}


def test_a_dead_server_costs_one_warning_and_nothing_else(
    job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(URI_VARIABLE, "http://127.0.0.1:9")  # the discard port: nothing answers
    with TrainingRuns(job, (3,)) as runs:
        runs.log_epoch(EPOCH)
        runs.log_epoch(EPOCH)
    assert capsys.readouterr().err.count("MLflow tracking was lost") == 1


def test_a_failure_in_the_middle_costs_one_warning_and_nothing_else(
    job: Job, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrainingRuns(job, (3,)) as runs:
        monkeypatch.setattr(mlflow.MlflowClient, "log_batch", _fail)
        runs.log_epoch(EPOCH)
        runs.log_epoch(EPOCH)
    assert capsys.readouterr().err.count("MLflow tracking was lost (gone)") == 1


def _fail(*args: object, **kwargs: object) -> None:
    raise ConnectionError("gone")
