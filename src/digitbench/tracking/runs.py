"""The run of one evaluation: `evaluate` opens it, `report` finds it again.

What the UI says of the experiment, and the columns of its list of runs.

What the stage `report` leaves in MLflow.

Runs of the training stages.

Runs of the stage `evaluate`: test metrics where the models were trained, and one comparison.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from digitbench import files
from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.scores import Scores
from digitbench.tracking.connection import (
    Recorder,
    by_tag,
    connect,
    file_sha256,
    milliseconds,
    run_tags,
    soft,
)
from digitbench.tracking.registry import Candidate, register

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "comparison"
# Hash of metrics/comparison.json, which both stages know.
_TAG = "comparison.sha256"


def create_comparison(client: "MlflowClient", experiment: str, stage: str, record: Path) -> str:
    """A finished run for the evaluation that wrote the record; returns its id."""
    tags = run_tags(stage) | {"architecture": "all", _TAG: file_sha256(record)}
    run = client.create_run(experiment, run_name=NAME, tags=tags).info.run_id
    client.set_terminated(run)
    return str(run)


def find_comparison(client: "MlflowClient", experiment: str, record: Path) -> str | None:
    """The id of the latest such run."""
    found = client.search_runs([experiment], by_tag(_TAG, file_sha256(record)), max_results=1)
    return str(found[0].info.run_id) if found else None


if TYPE_CHECKING:
    from mlflow import MlflowClient

VIEW = "digitbench"
LINK = "#/experiments/{experiment}/runs?viewStateShareKey={view}"
# As the UI names them.
COLUMNS = (
    "tags.`architecture`",
    "tags.`seed`",
    "tags.`experiment`",
    "tags.`commit`",
    "metrics.`test_accuracy`",
)
_NOTE = """\
Every training and evaluation of this project. **[List with the columns to read]({link})**

| Run | What it is |
|---|---|
| `cnn` | one execution of the stage `train_cnn`; its test metrics are means over its seeds |
| `cnn seed 0` | one replicate, below it: curves and weights, test metrics once evaluated |
| `cnn seed 0 (restored)` | a model that DVC's run cache brought back: evaluated, not trained |
| `comparison` | one evaluation of all architectures; its artifacts are metrics and report |

Columns: `architecture`, `seed`, `test_accuracy`, `experiment` (the name of the DVC experiment, or
`workspace`), `commit`. Filters, typed above the list:

- `tags.architecture = 'cnn'`: one architecture
- `tags.architecture = 'cnn' and tags.seed = '0'`: one replicate through time
- `tags.experiment = 'workspace' and tags.commit = '0123abc'`: one state of the project
- `metrics.test_accuracy < 0.98`: what went wrong
- `tags.architecture = 'all'`: the comparisons

The best replicate of each architecture by validation accuracy is a version of the registered
model `digitbench-<architecture>`; the alias `champion` is moved by `digitbench promote` alone.

A run that stays `RUNNING` lost this record on its way, or its process was killed. The stage says
which: where it lost the record, it finished all the same and its files are complete.
"""


def describe(client: "MlflowClient", experiment: str) -> None:
    """Write the description and the view it links to, where there is none: people may edit both.

    The view is stored as the UI does it when somebody shares one; MLflow has no call for that, and
    a UI that no longer reads it shows its own columns.
    """
    note = _NOTE.format(link=LINK.format(experiment=experiment, view=VIEW))
    wanted = {
        "mlflow.note.content": note,
        f"mlflow.sharedViewState.{VIEW}": json.dumps(
            {"selectedColumns": COLUMNS, "columnOrder": COLUMNS}
        ),
    }
    present = client.get_experiment(experiment).tags
    for key, value in wanted.items():
        if key not in present:
            client.set_experiment_tag(experiment, key, value)


class ReportRecord(Recorder):
    """The report, kept with the run of the evaluation it is about."""

    @soft
    def keep(self, report: Path, record: Path) -> None:
        """Upload the report; say in the experiment what stands there.

        Where DVC's run cache brought the evaluation back, it has no run, and one is made.

        Args:
            report: The folder.
            record: metrics/comparison.json, by whose hash the run is found.
        """
        client, experiment = connect()
        describe(client, experiment)
        run = find_comparison(client, experiment, record)
        if run is None:
            run = create_comparison(client, experiment, "report", record)
        client.log_artifacts(run, str(report), report.name)


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


if TYPE_CHECKING:
    from mlflow import MlflowClient

_PREFIX = "test_"
_PARENT = "mlflow.parentRunId"


class EvaluationRecords(Recorder):
    """What one execution of `evaluate` tells MLflow."""

    def __init__(self) -> None:
        self._latest: dict[str, str] = {}  # latest run by hash of the model
        self._parents: set[str] = set()

    @functools.cached_property
    def _connection(self) -> tuple["MlflowClient", str]:
        return connect()

    @soft
    def add(self, model: TrainedModel, metrics: Mapping[str, float]) -> None:
        """Give test metrics to the runs that trained a model, found by the hash of its weights.

        Where the run cache brought the model back, there is none, and one is made.
        """
        client, experiment = self._connection
        runs = list(client.search_runs([experiment], by_tag("model.sha256", model.sha256)))
        if not runs:
            tags = run_tags("evaluate") | {"model.sha256": model.sha256, "restored": "true"}
            tags |= {"architecture": model.architecture, "seed": str(model.seed)}
            name = f"{model.architecture} seed {model.seed} (restored)"
            runs = [client.create_run(experiment, run_name=name, tags=tags)]
            client.set_terminated(runs[0].info.run_id)
        for run in runs:
            self._log(run.info.run_id, {f"{_PREFIX}{key}": v for key, v in metrics.items()})
            if parent := run.data.tags.get(_PARENT):
                self._parents.add(parent)
        self._latest[model.sha256] = runs[0].info.run_id

    @soft
    def compare(self, means: Mapping[str, float], record: Path, details: Sequence[Path]) -> None:
        """Give means over their seeds to the parents of these runs, and open the comparison.

        Args:
            means: Mean test accuracy by architecture.
            record: metrics/comparison.json.
            details: The other files to keep with it.
        """
        client, experiment = self._connection
        for parent in sorted(self._parents):
            children = client.search_runs([experiment], by_tag(_PARENT, parent))
            scores = [child.data.metrics for child in children]
            names = {name for found in scores for name in found if name.startswith(_PREFIX)}
            values = {name: [found[name] for found in scores if name in found] for name in names}
            self._log(parent, {name: fmean(of_seeds) for name, of_seeds in values.items()})
        run = create_comparison(client, experiment, "evaluate", record)
        self._log(run, {f"{_PREFIX}accuracy_{name}": mean for name, mean in means.items()})
        for path in (record, *details):
            client.log_artifact(run, str(path), path.parent.name)

    @soft
    def register(self, candidate: Candidate) -> None:
        """Make a version of a model that was added before."""
        client, experiment = self._connection
        register(client, experiment, self._latest[candidate.model.sha256], candidate)

    def _log(self, run: str, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = milliseconds()
        metrics = [Metric(name, value, now, 0) for name, value in values.items()]
        self._connection[0].log_batch(run, metrics=metrics)


def record_evaluation(
    trained: Mapping[str, Sequence[TrainedModel]],
    scores: Mapping[str, Mapping[int, Scores]],
    candidates: Sequence[Candidate],
) -> None:
    """Tell MLflow of every replicate, of the comparison that was written, and of the candidates."""
    records = EvaluationRecords()
    for model in (model for replicates in trained.values() for model in replicates):
        records.add(model, scores[model.architecture][model.seed].headline)
    means = {item.model.architecture: fmean(item.accuracy.values()) for item in candidates}
    details = [files.METRICS / f"{name}.json" for name in (*trained, "robustness", "domains")]
    records.compare(means, files.METRICS / "comparison.json", details)
    for candidate in candidates:
        records.register(candidate)
