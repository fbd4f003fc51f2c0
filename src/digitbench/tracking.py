"""MLflow, as a witness that may fall silent: no call here ever stops a training.

Runs are found by their tags, above all by the SHA-256 of the model file, never by an id kept in an
output: an id would change the hash of what carries it.
"""

import dataclasses
import functools
import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from filelock import FileLock

from digitbench.environment import git_state, hardware, project_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from digitbench.training.replicates import Job
    from digitbench.training.trainer import Epoch

EXPERIMENT = "digitbench"
URI_VARIABLE = "MLFLOW_TRACKING_URI"
# A server that is gone must cost seconds, not the minutes of MLflow's defaults.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

P = ParamSpec("P")
S = TypeVar("S", bound="_Recorder")


class _Recorder:
    """Base of what writes to MLflow: it knows whether tracking was lost."""

    lost = False


def _soft(
    method: Callable[Concatenate[S, P], None],
) -> Callable[Concatenate[S, P], None]:
    """Turn a recorder's first failure into one visible warning, its later calls into nothing."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.lost:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.lost = True
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            print(
                f"Warning: MLflow tracking was lost ({reason}). The stage goes on; "
                "its results are complete, its record in MLflow is not.",
                file=sys.stderr,
            )

    return call


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI where set, otherwise a database in the main repository."""
    return os.environ.get(URI_VARIABLE) or f"sqlite:///{project_root() / 'mlflow.db'}"


def connect() -> tuple["MlflowClient", str]:
    """A client and the id of this project's experiment.

    The first contact migrates a fresh database; two processes doing so at once can break it, hence
    the lock.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    root = project_root()
    with FileLock(root / ".mlflow.lock"):
        client = MlflowClient(tracking_uri())
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return client, found.experiment_id
        # Absolute and in the main repository: artifacts of a temporary workspace would go with it.
        location = None if os.environ.get(URI_VARIABLE) else (root / "mlartifacts").as_uri()
        # Without its kind the UI opens an experiment as one about language models.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return client, client.create_experiment(EXPERIMENT, location, kind)


def run_tags(stage: str) -> dict[str, str]:
    """Tags by which the runs of one stage execution are found again."""
    tags = {"dvc.stage": stage, "hardware": hardware(), **git_state()}
    for path in (Path("params.yaml"), Path("requirements.lock")):
        if path.exists():
            tags[f"{path.name}.sha256"] = file_sha256(path)
    if name := os.environ.get("DVC_EXP_NAME"):
        tags["dvc.exp_name"] = name
    if commit := tags.get("git.commit"):
        tags["mlflow.source.git.commit"] = commit
    return tags


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class TrainingRuns(_Recorder):
    """One parent run for the execution of a training stage, one child run per seed."""

    def __init__(self, job: "Job", seeds: Sequence[int]) -> None:
        self._job = job
        self._seeds = seeds
        self._client: MlflowClient
        self._parent = ""
        self._children: dict[int, str] = {}

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._close("FINISHED")
        else:
            self._close("FAILED" if issubclass(kind, Exception) else "KILLED")

    @_soft
    def log_epoch(self, epoch: "Epoch") -> None:
        """Add one epoch to the curves of its seed."""
        from mlflow.entities import Metric

        now = _milliseconds()
        values = {
            "train_loss": epoch.train_loss,
            "train_accuracy": epoch.train_accuracy,
            "validation_loss": epoch.validation_loss,
            "validation_accuracy": epoch.validation_accuracy,
            "seconds": epoch.seconds,
        }
        self._client.log_batch(
            self._children[epoch.seed],
            metrics=[Metric(name, value, now, epoch.epoch) for name, value in values.items()],
        )

    @_soft
    def log_model(self, seed: int, path: Path) -> None:
        """Keep the weights, and the hash by which `evaluate` will find this run."""
        self._client.log_artifact(self._children[seed], str(path), "weights")
        self._client.set_tag(self._children[seed], "model.sha256", file_sha256(path))

    @_soft
    def log_curves(self, path: Path) -> None:
        """Keep the curves of all seeds with the parent."""
        self._client.log_artifact(self._parent, str(path), "curves")

    @_soft
    def _open(self) -> None:
        from mlflow.entities import Param

        self._client, experiment = connect()
        architecture = self._job.architecture
        tags = run_tags(f"train_{architecture}")
        tags |= {"architecture": architecture, "data.sha256": self._job.data.sha256}
        params = _flat_params(self._job)
        self._parent = self._client.create_run(
            experiment, run_name=architecture, tags=tags
        ).info.run_id
        seeds = ", ".join(str(seed) for seed in self._seeds)
        self._client.log_batch(self._parent, params=[*params, Param("seeds", seeds)])
        for seed in self._seeds:
            child = self._client.create_run(
                experiment,
                run_name=f"{architecture} seed {seed}",
                tags={**tags, "seed": str(seed), "mlflow.parentRunId": self._parent},
            ).info.run_id
            self._client.log_batch(child, params=[*params, Param("seed", str(seed))])
            self._children[seed] = child

    @_soft
    def _close(self, status: str) -> None:
        for run in (*self._children.values(), self._parent):
            self._client.set_terminated(run, status)


class EvaluationRecords(_Recorder):
    """Adds test metrics to the runs that trained the evaluated models."""

    @functools.cached_property
    def _connection(self) -> tuple["MlflowClient", str]:
        return connect()

    @_soft
    def add(self, model: Path, name: str, metrics: Mapping[str, float]) -> None:
        """Find the run by the hash of its model; make one where the run cache trained nothing."""
        from mlflow.entities import Metric

        client, experiment = self._connection
        sha = file_sha256(model)
        runs = [run.info.run_id for run in client.search_runs([experiment], _by_model(sha))]
        if not runs:
            tags = {**run_tags("evaluate"), "model.sha256": sha, "restored": "true"}
            run = client.create_run(experiment, run_name=f"{name} (restored)", tags=tags)
            client.set_terminated(run.info.run_id)
            runs = [run.info.run_id]
        now = _milliseconds()
        values = [Metric(f"test_{key}", value, now, 0) for key, value in metrics.items()]
        for run_id in runs:
            client.log_batch(run_id, metrics=values)


def _by_model(sha: str) -> str:
    return f"tags.`model.sha256` = '{sha}'"


def _flat_params(job: "Job") -> list[Any]:
    from mlflow.entities import Param

    values = {**dataclasses.asdict(job.recipe), **job.params.model_dump(mode="json")}
    return [Param(name, str(value)) for name, value in values.items()]


def _milliseconds() -> int:
    return int(time.time() * 1000)
