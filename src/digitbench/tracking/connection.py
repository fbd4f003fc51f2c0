"""Where MLflow is, the tags that every run carries, and how its failure becomes one warning."""

import functools
import hashlib
import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from filelock import FileLock

from digitbench.environment import git_state, hardware, project_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "digitbench"
URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE = "mlflow.db"
_SETTINGS = {
    # A server that is gone must cost seconds, not the minutes of MLflow's defaults.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Not a line for every step of a database's migration.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
P = ParamSpec("P")


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI where set, otherwise a database in the main repository."""
    return os.environ.get(URI_VARIABLE) or f"sqlite:///{project_root() / DATABASE}"


def database_lock() -> FileLock:
    """Held by one process at a time: for what two must not do at once."""
    return FileLock(project_root() / ".mlflow.lock")


def open_client() -> "MlflowClient":
    """A client that gives up on a dead server within seconds."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri())


def connect() -> tuple["MlflowClient", str]:
    """A client and the id of this project's experiment.

    The first contact migrates a fresh database; two processes doing so at once can break it, hence
    the lock.
    """
    with database_lock():
        client = open_client()
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return client, found.experiment_id
        # A server decides itself where artifacts lie. Beside a database: absolute and in the main
        # repository, because what lies in a temporary workspace goes with it.
        served = tracking_uri().startswith("http")
        location = None if served else (project_root() / "mlartifacts").as_uri()
        # Without its kind the UI opens an experiment as one about language models.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return client, client.create_experiment(EXPERIMENT, location, kind)


def run_tags(stage: str, folder: Path = Path()) -> dict[str, str]:
    """Tags by which the runs of a stage are found again; its parameters lie in the folder."""
    name = os.environ.get("DVC_EXP_NAME")
    tags = {
        "dvc.stage": stage,
        "experiment": name or "workspace",
        "hardware": hardware(),
        "mlflow.source.name": f"dvc repro {stage}",
        "mlflow.source.type": "LOCAL",
        **git_state(),
    }
    for path in (folder / "params.yaml", Path("requirements.lock")):
        if path.exists():
            tags[f"{path.name}.sha256"] = file_sha256(path)
    if name:
        tags["dvc.exp_name"] = name
    if commit := tags.get("git.commit"):
        tags |= {"commit": commit[:7], "mlflow.source.git.commit": commit}
    return tags


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def by_tag(name: str, value: str) -> str:
    """A filter for runs or versions that carry a tag."""
    return f"tags.`{name}` = '{value}'"


def milliseconds() -> int:
    """Now, as MLflow counts."""
    return int(time.time() * 1000)


def brief(error: Exception) -> str:
    """The reason of a failure in one line of at most 200 characters."""
    return textwrap.shorten(str(error), 200, placeholder=" ...") or type(error).__name__


def soft(call: Callable[P, None]) -> Callable[P, bool]:
    """Turn a failure of MLflow into one warning, and nothing else; returns whether there was none.

    Nothing tries to close a run afterwards: on a server that comes back it stays RUNNING.
    """

    @functools.wraps(call)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            call(*args, **kwargs)
        except Exception as error:
            print(
                f"Warning: MLflow tracking was lost ({brief(error)}). The stage goes on; "
                "its results are complete, its record in MLflow is not.",
                file=sys.stderr,
            )
            return False
        return True

    return attempt
