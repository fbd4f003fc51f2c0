"""Runs of the training stages."""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from digitbench.tracking.connection import connect, file_sha256, milliseconds, run_tags
from digitbench.tracking.soft import Recorder, soft

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from digitbench.training.replicates import Job
    from digitbench.training.trainer import Epoch


class TrainingRuns:
    """One parent run for the execution of a training stage, one child run per seed.

    Everything is written by one thread, in order: importing MLflow and waiting for a server take
    no time from training. Leaving the context waits for what is still to be written.
    """

    def __init__(self, job: "Job", seeds: Sequence[int]) -> None:
        self._runs = _Runs(job, seeds)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mlflow")

    def __enter__(self) -> Self:
        self._later(self._runs.open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        status = "FINISHED"
        if kind is not None:
            status = "FAILED" if issubclass(kind, Exception) else "KILLED"
        self._later(self._runs.close, status)
        self._thread.shutdown()

    def log_epoch(self, epoch: "Epoch") -> None:
        """Add one epoch to the curves of its seed."""
        self._later(self._runs.log_epoch, epoch, milliseconds())

    def log_model(self, seed: int, path: Path) -> None:
        """Keep the weights, and the hash by which `evaluate` will find this run."""
        self._later(self._runs.log_model, seed, path)

    def log_curves(self, path: Path) -> None:
        """Keep the curves of all seeds with the parent."""
        self._later(self._runs.log_curves, path)

    def _later(self, call: Callable[..., None], *arguments: Any) -> None:
        self._thread.submit(call, *arguments)


class _Runs(Recorder):
    """The calls to MLflow."""

    def __init__(self, job: "Job", seeds: Sequence[int]) -> None:
        self._job = job
        self._seeds = seeds
        self._client: MlflowClient
        self._parent = ""
        self._children: dict[int, str] = {}

    @soft
    def open(self) -> None:
        from mlflow.entities import Param

        job = self._job
        self._client, experiment = connect()
        name = f"{job.study} {job.name}".strip()
        tags = run_tags(f"train_{job.name}")
        tags |= {"architecture": job.architecture, "data.sha256": job.data.sha256}
        if job.study:
            tags["study"] = job.study
        params = _flat_params(job)
        self._parent = self._client.create_run(experiment, run_name=name, tags=tags).info.run_id
        seeds = ", ".join(str(seed) for seed in self._seeds)
        self._client.log_batch(self._parent, params=[*params, Param("seeds", seeds)])
        for seed in self._seeds:
            child = self._client.create_run(
                experiment,
                run_name=f"{name} seed {seed}",
                tags={**tags, "seed": str(seed), "mlflow.parentRunId": self._parent},
            ).info.run_id
            self._client.log_batch(child, params=[*params, Param("seed", str(seed))])
            self._children[seed] = child

    @soft
    def log_epoch(self, epoch: "Epoch", when: int) -> None:
        from mlflow.entities import Metric

        values = {
            "train_loss": epoch.train_loss,
            "train_accuracy": epoch.train_accuracy,
            "validation_loss": epoch.validation_loss,
            "validation_accuracy": epoch.validation_accuracy,
            "seconds": epoch.seconds,
        }
        self._client.log_batch(
            self._children[epoch.seed],
            metrics=[Metric(name, value, when, epoch.epoch) for name, value in values.items()],
        )

    @soft
    def log_model(self, seed: int, path: Path) -> None:
        self._client.log_artifact(self._children[seed], str(path), "weights")
        self._client.set_tag(self._children[seed], "model.sha256", file_sha256(path))

    @soft
    def log_curves(self, path: Path) -> None:
        self._client.log_artifact(self._parent, str(path), "curves")

    @soft
    def close(self, status: str) -> None:
        for run in (*self._children.values(), self._parent):
            self._client.set_terminated(run, status)


def _flat_params(job: "Job") -> list[Any]:
    from mlflow.entities import Param

    recipe = dataclasses.asdict(job.recipe)
    recipe |= {f"augmentation.{key}": value for key, value in recipe.pop("augmentation").items()}
    values = {**recipe, **job.params.model_dump(mode="json")}
    return [Param(name, str(value)) for name, value in values.items()]
