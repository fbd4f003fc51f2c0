"""What the stages leave in MLflow: runs of trainings, their test metrics, and the comparison."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self

from digitbench import files
from digitbench.tracking.connection import (
    by_tag,
    connect,
    file_sha256,
    load_mlflow,
    milliseconds,
    run_tags,
    soft,
    tell_loss,
)
from digitbench.tracking.recorder import Recorder

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from digitbench.evaluation.predictions import TrainedModel
    from digitbench.evaluation.scores import Scores
    from digitbench.tracking.registry import Candidate
    from digitbench.training.replicates import Job
    from digitbench.training.trainer import Epoch

P = ParamSpec("P")
_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
_PARENT = "mlflow.parentRunId"
_MODEL = "model.sha256"
# Key of a replicate that came from the store.
_KEPT = "replicate.kept"
# Hash of metrics/comparison.json, by which `report` finds the run of the evaluation it is about.
_COMPARISON = "comparison.sha256"
_VIEW = "digitbench"
# As the UI names them.
_COLUMNS = [f"tags.`{tag}`" for tag in ("architecture", "seed", "experiment", "commit")]
_COLUMNS.append("metrics.`test_accuracy`")


class TrainingRuns:
    """One parent run for the execution of a training stage, one child run per seed.

    Everything is written by one thread, in order: importing MLflow and waiting for a server take
    no time from training, and a server that doesn't answer is waited for once. Leaving the context
    waits for what is still to be written, for as long as MLflow is waited for at all.
    """

    def __init__(self, job: "Job", seeds: Sequence[int]) -> None:
        self._job = job
        self._seeds = seeds
        self._client: MlflowClient
        self._parent = ""
        self._children: dict[int, str] = {}
        self._lost = False
        self._recorder = Recorder()

    def __enter__(self) -> Self:
        self._later(self._open)
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
        last = self._later(self._close, status)
        with self._recorder:
            self._softly(self._recorder.result, last)

    def log_epoch(self, epoch: "Epoch") -> None:
        """Add one epoch to the curves of its seed."""
        self._later(self._log_epoch, epoch, milliseconds())

    def log_kept(self, seed: int, key: str) -> None:
        """Say that a replicate was not trained now: the store had it."""
        self._later(self._log_kept, seed, key)

    def log_model(self, seed: int, path: Path) -> None:
        """Keep the weights, and the hash by which `evaluate` will find this run."""
        self._later(self._log_model, seed, path)

    def log_curves(self, path: Path) -> None:
        """Keep the curves of all seeds with the parent."""
        self._later(lambda: self._client.log_artifact(self._parent, str(path), "curves"))

    def _later(self, call: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> Future[None]:
        return self._recorder.later(self._softly, call, *args, **kwargs)

    def _softly(self, call: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self._lost:
            return
        try:
            call(*args, **kwargs)
        except Exception as error:
            # What was given up may fail while the stage ends: that is no news.
            if not self._lost:
                self._lost = True
                again = f"{self._job.remedy} What the store keeps is not trained again."
                tell_loss(error, again)

    def _open(self) -> None:
        job = self._job
        self._client, experiment = connect()
        name = f"{job.study} {job.name}".strip()
        stage = f"train@{job.study}-{job.name}" if job.study else f"train_{job.name}"
        tags = run_tags(stage, job.folder)
        tags |= {"architecture": job.architecture, "data.sha256": job.data.sha256}
        if job.study:
            tags["study"] = job.study
        params = _flat_params(job)
        run = self._client.create_run(experiment, run_name=name, tags=tags)
        self._parent = run.info.run_id
        self._log_params(self._parent, {**params, "seeds": ", ".join(map(str, self._seeds))})
        for seed in self._seeds:
            of_seed = {**tags, "seed": str(seed), _PARENT: self._parent}
            run = self._client.create_run(experiment, run_name=f"{name} seed {seed}", tags=of_seed)
            self._children[seed] = run.info.run_id
            self._log_params(run.info.run_id, {**params, "seed": str(seed)})

    def _log_params(self, run: str, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        self._client.log_batch(run, params=[Param(name, value) for name, value in params.items()])

    def _log_epoch(self, epoch: "Epoch", when: int) -> None:
        values = {name: getattr(epoch, name) for name in _CURVES}
        _log_metrics(self._client, self._children[epoch.seed], values, when, epoch.epoch)

    def _log_kept(self, seed: int, key: str) -> None:
        self._client.set_tag(self._children[seed], _KEPT, key)

    def _log_model(self, seed: int, path: Path) -> None:
        self._client.log_artifact(self._children[seed], str(path), "weights")
        self._client.set_tag(self._children[seed], _MODEL, file_sha256(path))

    def _close(self, status: str) -> None:
        for run in (*self._children.values(), self._parent):
            self._client.set_terminated(run, status)


def _flat_params(job: "Job") -> dict[str, str]:
    recipe = job.recipe.model_dump(mode="json", exclude={"seeds"})
    recipe |= {f"augmentation.{key}": value for key, value in recipe.pop("augmentation").items()}
    values = {**recipe, **job.params.model_dump(mode="json")}
    return {name: str(value) for name, value in values.items()}


def _log_metrics(
    client: "MlflowClient", run: str, values: Mapping[str, float], when: int = 0, step: int = 0
) -> None:
    from mlflow.entities import Metric

    when = when or milliseconds()
    metrics = [Metric(name, value, when, step) for name, value in values.items()]
    client.log_batch(run, metrics=metrics)


@soft("Run `dvc repro --force --single-item evaluate`.")
def record_evaluation(
    trained: Mapping[str, Sequence["TrainedModel"]],
    scores: Mapping[str, Mapping[int, "Scores"]],
    candidates: Sequence["Candidate"],
) -> None:
    """Tell MLflow of every replicate, of the comparison that was written, and of the candidates."""
    means = {item.model.architecture: fmean(item.accuracy.values()) for item in candidates}
    details = [files.METRICS / f"{name}.json" for name in (*trained, "robustness", "domains")]
    # It loads torch, which the stage `report` has no need of.
    from digitbench.tracking.registry import exported

    load_mlflow()
    with Recorder() as recorder:
        evaluation = recorder.ask(Evaluation)
        for model in (model for replicates in trained.values() for model in replicates):
            headline = scores[model.architecture][model.seed].headline
            recorder.ask(evaluation.add, model, headline)
        recorder.ask(evaluation.compare, means, files.METRICS / "comparison.json", details)
        for candidate in candidates:
            if not recorder.ask(evaluation.knows, candidate):
                # Work, not waiting; and torch is nothing for a thread that may be left behind.
                with exported(candidate) as graph:
                    recorder.ask(evaluation.register, candidate, graph)


class Evaluation:
    """What one execution of `evaluate` tells MLflow; a failure is an exception."""

    def __init__(self) -> None:
        self._client, self._experiment = connect()
        self._latest: dict[str, str] = {}  # latest run by hash of the model
        self._parents: set[str] = set()

    def add(self, model: "TrainedModel", metrics: Mapping[str, float]) -> None:
        """Give test metrics to the runs that trained a model, found by the hash of its weights.

        Where the run cache brought the model back, there is none, and one is made.
        """
        client, experiment = self._client, self._experiment
        runs = list(client.search_runs([experiment], by_tag(_MODEL, model.sha256)))
        if not runs:
            tags = run_tags("evaluate") | {_MODEL: model.sha256, "restored": "true"}
            tags |= {"architecture": model.architecture, "seed": str(model.seed)}
            name = f"{model.architecture} seed {model.seed} (restored)"
            runs = [client.create_run(experiment, run_name=name, tags=tags)]
            client.set_terminated(runs[0].info.run_id)
        for run in runs:
            _log_metrics(client, run.info.run_id, {f"test_{key}": metrics[key] for key in metrics})
            if parent := run.data.tags.get(_PARENT):
                self._parents.add(parent)
        self._latest[model.sha256] = runs[0].info.run_id

    def compare(self, means: Mapping[str, float], record: Path, details: Iterable[Path]) -> None:
        """Give means over their seeds to the parents of these runs, and make the comparison.

        It has the mean test accuracy by architecture, metrics/comparison.json and other files.
        """
        client, experiment = self._client, self._experiment
        for parent in sorted(self._parents):
            children = client.search_runs([experiment], by_tag(_PARENT, parent))
            scores = [child.data.metrics for child in children]
            tested = {name for found in scores for name in found if name.startswith("test_")}
            seeds = {name: [found[name] for found in scores if name in found] for name in tested}
            _log_metrics(client, parent, {name: fmean(values) for name, values in seeds.items()})
        run = _create_comparison(client, experiment, "evaluate", record)
        _log_metrics(client, run, {f"test_accuracy_{name}": means[name] for name in means})
        for path in (record, *details):
            client.log_artifact(run, str(path), path.parent.name)

    def knows(self, candidate: "Candidate") -> bool:
        """Whether its weights are registered; if so, they learn of further seeds."""
        from digitbench.tracking.registry import renew

        return renew(self._client, candidate)

    def register(self, candidate: "Candidate", graph: Path) -> None:
        """Make a version of a model that was added before, of its exported graph."""
        from digitbench.tracking.registry import register

        run = self._latest[candidate.model.sha256]
        register(self._client, self._experiment, run, candidate, graph)


def _create_comparison(client: "MlflowClient", experiment: str, stage: str, record: Path) -> str:
    """A finished run for the evaluation that wrote the record; returns its id."""
    tags = run_tags(stage) | {"architecture": "all", _COMPARISON: file_sha256(record)}
    run = client.create_run(experiment, run_name="comparison", tags=tags).info.run_id
    client.set_terminated(run)
    return str(run)


@soft("Run `dvc repro --force --single-item report`.")
def record_report(report: Path, record: Path) -> None:
    """Keep the report's folder with the evaluation it is about; describe the experiment.

    The run is found by the hash of the record, metrics/comparison.json. Where DVC's run cache
    brought the evaluation back, there is none, and one is made.
    """
    load_mlflow()
    with Recorder() as recorder:
        recorder.ask(_record_report, report, record)


def _record_report(report: Path, record: Path) -> None:
    client, experiment = connect()
    _describe(client, experiment)
    same = by_tag(_COMPARISON, file_sha256(record))
    found = [run.info.run_id for run in client.search_runs([experiment], same, max_results=1)]
    run = found[0] if found else _create_comparison(client, experiment, "report", record)
    client.log_artifacts(run, str(report), report.name)


def _describe(client: "MlflowClient", experiment: str) -> None:
    """Write the description and the view it links to, where there is none: people may edit both.

    The view is stored as the UI does it when somebody shares one; MLflow has no call for that, and
    a UI that no longer reads it shows its own columns.
    """
    note = Path(__file__).with_name("experiment.md").read_text(encoding="utf-8")
    link = f"#/experiments/{experiment}/runs?viewStateShareKey={_VIEW}"
    view = {"selectedColumns": _COLUMNS, "columnOrder": _COLUMNS}
    wanted = {
        "mlflow.note.content": note.format(link=link),
        f"mlflow.sharedViewState.{_VIEW}": json.dumps(view),
    }
    present = client.get_experiment(experiment).tags
    for key in wanted.keys() - present.keys():
        client.set_experiment_tag(experiment, key, wanted[key])
