"""The run of one evaluation: `evaluate` opens it, `report` finds it again."""

from pathlib import Path
from typing import TYPE_CHECKING

from digitbench.tracking.connection import by_tag, file_sha256, run_tags

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
