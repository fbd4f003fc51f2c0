"""MLflow sees every replicate, and its failure is nobody else's."""

import dataclasses
import json
import subprocess
from contextlib import chdir
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow.entities import Experiment, Run

from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.scores import score
from digitbench.params import load_plan
from digitbench.tracking.address import DATABASE, URI_VARIABLE
from digitbench.tracking.database import EXPERIMENT
from digitbench.tracking.registry import Candidate
from digitbench.tracking.runs import Evaluation, TrainingRuns, record_evaluation, record_report
from digitbench.training.data import PixelStatistics, TrainingData
from digitbench.training.replicates import Job
from digitbench.training.trainer import Epoch

ROOT = Path(__file__).resolve().parents[2]
EPOCH = Epoch(3, 1, 0.5, 0.8, 0.4, 0.9, (1,) * 100, seconds=1.0)
REPORT = Path("report")
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing answers
LOST = "MLflow tracking was lost"


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    with chdir(ROOT):
        plan = load_plan("mlp")
    return Job(**vars(plan), data=small_data)


@pytest.fixture
def models(job: Job) -> list[TrainedModel]:
    """Two models, not yet written."""
    return [
        TrainedModel("mlp", job.params, seed, Path(f"seed-{seed}.safetensors"), b"%d" % seed)
        for seed in (3, 4)
    ]


@pytest.fixture
def record() -> Path:
    """Where evaluation leaves the comparison of architectures, in the temporary workspace."""
    path = Path("metrics/comparison.json")
    path.parent.mkdir()
    path.write_text('{"pairs": {}}')
    return path


@pytest.fixture(autouse=True)
def _in_workspace(root: Path) -> None:
    """Before every fixture that writes."""


def experiment(root: Path) -> tuple[mlflow.MlflowClient, Experiment]:
    client = mlflow.MlflowClient(f"sqlite:///{root / DATABASE}")
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return client, found


def recorded(root: Path) -> list[Run]:
    """Latest first."""
    client, found = experiment(root)
    return list(client.search_runs([found.experiment_id]))


def artifacts(root: Path, run: Run) -> set[str]:
    folder = root / "mlartifacts" / run.info.run_id / "artifacts"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_training_and_its_evaluation_are_recorded_in_the_main_repository(
    job: Job, models: list[TrainedModel], root: Path, record: Path
) -> None:
    curves = Path("mlp.csv")
    curves.write_text("seed,epoch\n")
    with TrainingRuns(job, (3, 4)) as runs:
        runs.log_epoch(EPOCH)
        runs.log_epoch(dataclasses.replace(EPOCH, epoch=2, validation_accuracy=0.95))
        for model in models:
            model.path.write_bytes(model.weights)
            runs.log_model(model.seed, model.path)
        runs.log_curves(curves)
    evaluation = Evaluation()
    evaluation.add(models[0], {"accuracy": 0.9})
    evaluation.add(models[1], {"accuracy": 0.7})
    evaluation.compare({"mlp": 0.8}, record, [])

    by_name = {run.info.run_name: run for run in recorded(root)}
    assert set(by_name) == {"mlp", "mlp seed 3", "mlp seed 4", "comparison"}
    parent, child = by_name["mlp"], by_name["mlp seed 3"]
    assert {run.info.status for run in by_name.values()} == {"FINISHED"}
    assert (
        child.data.tags.items()
        >= {
            "mlflow.parentRunId": parent.info.run_id,
            "seed": "3",
            "dvc.stage": "train_mlp",
            "dvc.exp_name": "an-experiment",
            "data.sha256": job.data.sha256,
        }.items()
    )
    assert child.data.params.items() >= {"learning_rate": "0.001", "hidden": "[256, 128]"}.items()
    assert parent.data.params["seeds"] == "3, 4"
    assert child.data.metrics["validation_accuracy"] == 0.95
    assert child.data.metrics["test_accuracy"] == 0.9
    assert parent.data.metrics == {"test_accuracy": pytest.approx(0.8)}
    assert by_name["comparison"].data.metrics == {"test_accuracy_mlp": 0.8}
    assert artifacts(root, child) == {"weights/seed-3.safetensors"}
    assert artifacts(root, parent) == {"curves/mlp.csv"}
    assert artifacts(root, by_name["comparison"]) == {"metrics/comparison.json"}


def test_the_columns_of_the_list_are_short(
    job: Job, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("init -q", "-c user.name=t -c user.email=t@t commit -q --allow-empty -m one"):
        subprocess.run(["git", *command.split()], check=True)
    with TrainingRuns(job, ()):
        pass
    monkeypatch.delenv("DVC_EXP_NAME")
    with TrainingRuns(dataclasses.replace(job, study="toyobo2025"), ()):
        pass
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    later, earlier = (run.data.tags for run in recorded(root))
    assert (earlier["architecture"], earlier["experiment"]) == ("mlp", "an-experiment")
    assert (later["experiment"], later["commit"]) == ("workspace", commit[:7])
    assert (later["study"], later["dvc.stage"]) == ("toyobo2025", "train@toyobo2025-mlp")


def test_a_model_that_the_run_cache_brought_back_gets_a_run_of_its_own(
    models: list[TrainedModel], root: Path
) -> None:
    for _ in range(2):
        Evaluation().add(models[0], {"accuracy": 0.9})
    (run,) = recorded(root)
    assert run.info.run_name == "mlp seed 3 (restored)"
    assert (run.data.tags["architecture"], run.data.tags["seed"]) == ("mlp", "3")
    assert run.data.metrics["test_accuracy"] == 0.9


def test_the_report_is_kept_with_the_latest_run_of_its_evaluation(root: Path, record: Path) -> None:
    REPORT.joinpath("figures").mkdir(parents=True)
    REPORT.joinpath("index.html").write_text("<p>")
    REPORT.joinpath("figures/cost.png").write_bytes(b"png")
    pages, alone = {"report/index.html", "report/figures/cost.png"}, {"metrics/comparison.json"}
    evaluation = Evaluation()
    for means in ({"mlp": 0.1}, {"mlp": 0.2}):
        evaluation.compare(means, record, [])
    assert record_report(REPORT, record)
    assert [artifacts(root, run) for run in recorded(root)] == [alone | pages, alone]

    record.write_text("{}")  # an evaluation that the run cache brought back
    assert record_report(REPORT, record)
    assert record_report(REPORT, record)
    latest, *before = recorded(root)
    assert len(before) == 2
    assert latest.data.tags["dvc.stage"] == "report"
    assert artifacts(root, latest) == pages


def test_the_experiment_says_what_stands_in_it_until_somebody_else_does(
    root: Path, record: Path
) -> None:
    REPORT.mkdir()
    record_report(REPORT, record)
    client, found = experiment(root)
    note, number = found.tags["mlflow.note.content"], found.experiment_id
    assert f"(#/experiments/{number}/runs?viewStateShareKey=digitbench)" in note
    view = json.loads(found.tags["mlflow.sharedViewState.digitbench"])
    assert "tags.`architecture`" in view["selectedColumns"]
    # Every filter it recommends is one that MLflow understands.
    filters = [line.split("`")[1] for line in note.splitlines() if line.startswith("- `")]
    assert len(filters) == 5
    for text in filters:
        client.search_runs([number], text)

    client.set_experiment_tag(number, "mlflow.note.content", "mine")
    record_report(REPORT, record)
    assert client.get_experiment(number).tags["mlflow.note.content"] == "mine"


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (RuntimeError, "FAILED")]
)
def test_a_training_that_ends_early_is_marked(
    error: type[BaseException], status: str, job: Job, root: Path
) -> None:
    with pytest.raises(error), TrainingRuns(job, (3,)):
        raise error
    assert {run.info.status for run in recorded(root)} == {status}


def test_a_dead_server_costs_each_stage_one_warning_and_nothing_else(
    job: Job,
    models: list[TrainedModel],
    record: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(URI_VARIABLE, NOBODY)
    with TrainingRuns(job, (3,)) as runs:
        runs.log_epoch(EPOCH)
        runs.log_epoch(EPOCH)
    assert capsys.readouterr().err.count(LOST) == 1
    perfect = score(np.eye(10, dtype=np.float32), np.arange(10))
    images = np.zeros((10, 28, 28), np.uint8)
    candidate = Candidate(models[0], PixelStatistics(0.1, 0.3), 0.9, {3: 1.0, 4: 1.0}, images)
    record_evaluation({"mlp": models}, {"mlp": {3: perfect, 4: perfect}}, [candidate])
    assert capsys.readouterr().err.count(LOST) == 1
    record_report(REPORT, record)
    assert capsys.readouterr().err.count(LOST) == 1


def test_a_failure_in_the_middle_costs_one_warning_and_nothing_else(
    job: Job, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(mlflow.MlflowClient, "set_tag", fail)
    weights = root / "weights"
    weights.write_bytes(b"weights")
    with TrainingRuns(job, (3,)) as runs:
        runs.log_model(3, weights)
        runs.log_epoch(EPOCH)
        runs.log_epoch(EPOCH)
    assert capsys.readouterr().err.count(f"{LOST} (gone)") == 1
