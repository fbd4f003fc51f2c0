"""Runs of the stage `evaluate`: test metrics where the models were trained, and one comparison."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from digitbench import layout
from digitbench.evaluation.classification import Scores
from digitbench.evaluation.trained import TrainedModel
from digitbench.tracking.candidate import Candidate
from digitbench.tracking.comparison import create_comparison
from digitbench.tracking.connection import by_tag, connect, milliseconds, run_tags
from digitbench.tracking.registration import register
from digitbench.tracking.soft import Recorder, soft

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
    details = [layout.METRICS / f"{name}.json" for name in (*trained, "robustness", "domains")]
    records.compare(means, layout.METRICS / "comparison.json", details)
    for candidate in candidates:
        records.register(candidate)
