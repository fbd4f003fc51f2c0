"""Where MLflow is, the tags that every run carries, and how its failure becomes one warning."""

import functools
import hashlib
import logging
import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import requests
from filelock import FileLock

from digitbench.discretion import without_secrets
from digitbench.environment import git_state, hardware, project_root
from digitbench.errors import DigitbenchError
from digitbench.tracking.address import (
    URI_VARIABLE,
    absolute,
    database_file,
    own_database,
    place,
    tracking_uri,
)
from digitbench.tracking.database import (
    EXPERIMENT,
    artifact_location,
    database_lock,
    make_ready,
    tell,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

_SETTINGS = {
    # A server that is gone must cost seconds, not the minutes of MLflow's defaults, nor as long as
    # it asks for.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # What fails is told in one sentence, without MLflow's own traceback before it.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
}
REGISTRY_VARIABLE = "MLFLOW_REGISTRY_URI"
# Bytes: `OK` is what a server of MLflow says of its health.
_LONGEST = 1 << 20
P = ParamSpec("P")


def load_mlflow() -> None:
    """Import MLflow, with settings that it reads once. It takes seconds, and no waiting."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # It announces that it tries again; what came of it is told in one sentence.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    import mlflow  # noqa: F401


def project_lock() -> FileLock:
    """Held by one process at a time: for what two must not do at once.

    Clones that share a database of SQLite share its lock.
    """
    return database_lock(database_file(tracking_uri()) or project_root() / ".mlflow")


def open_client() -> "MlflowClient":
    """A client that gives up on a dead server or database within seconds.

    Raises:
        DigitbenchError: It is no address, or a database can't be opened.
    """
    address, registry = ready_address(), os.environ.get(REGISTRY_VARIABLE)
    import mlflow

    # Not only the client's: while it registers a model MLflow asks the address of the process.
    mlflow.set_tracking_uri(address)
    return mlflow.MlflowClient(address, absolute(registry) if registry else None)


def ready_address() -> str:
    """Where MLflow is, with its database made ready; it may hold a password.

    Raises:
        DigitbenchError: It is no address, or a database can't be opened.
    """
    load_mlflow()
    address = tracking_uri()
    if file := database_file(address):
        make_ready(file, own=file == own_database())
    elif address.startswith(("mysql", "mssql", "postgresql")):
        _ask_once(address)
    elif address.startswith(("http:", "https:")):
        _refuse_endless(address)
    return address


def _ask_once(address: str) -> None:
    """MLflow itself asks ten times, for almost two minutes."""
    from mlflow.store.db.utils import create_sqlalchemy_engine

    try:
        engine = create_sqlalchemy_engine(address)  # type: ignore[no-untyped-call]
        engine.connect().close()
    except ImportError as error:
        raise DigitbenchError(
            f"{URI_VARIABLE} names a database whose driver is not installed ({error}). Install "
            "it into this environment, or name another address."
        ) from None


def _refuse_endless(address: str) -> None:
    """MLflow keeps whatever a server sends: what never ends would take a training's memory.

    Of everything else that may be wrong with a server MLflow tells more.
    """
    with (
        suppress(OSError, ValueError),
        requests.get(f"{address.rstrip('/')}/health", timeout=10, stream=True) as answer,
    ):
        size = 0
        for part in answer.iter_content(1 << 16):
            size += len(part)
            if size > _LONGEST:
                raise DigitbenchError(
                    f"{address} is no server of MLflow: what it sends has no end. Correct or unset "
                    f"{URI_VARIABLE}."
                )


def connect() -> tuple["MlflowClient", str]:
    """A client and the id of this project's experiment.

    The first contact migrates a fresh database; two processes doing so at once can break it, hence
    the lock.
    """
    with project_lock():
        client = open_client()
        experiment = _find_experiment(client)
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
            tell(
                f"the experiment {EXPERIMENT} had been deleted; it is restored with its runs, "
                "because what is deleted takes no new ones."
            )
        return client, str(experiment.experiment_id)


def _find_experiment(client: "MlflowClient") -> "Experiment":
    """The experiment, deleted or not; made where there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return found
    # A server decides itself where artifacts lie.
    address = tracking_uri()
    file = database_file(address) or own_database()
    location = None if address.startswith("http") else artifact_location(file)
    # Without its kind the UI opens an experiment as one about language models.
    kind = {"mlflow.experimentKind": "custom_model_development"}
    with unless_there():
        client.create_experiment(EXPERIMENT, location, kind)
    return _find_experiment(client)


@contextmanager
def unless_there() -> Iterator[None]:
    """For what is created once: another clone may be quicker, and then that is taken."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


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
    """The reason of a failure in one line without secrets; what isn't our own is cut short."""
    text = without_secrets(str(error))
    if isinstance(error, DigitbenchError):
        return text.removesuffix(".")
    text = text.partition("(Background on this error")[0]
    if cause := text.partition("(Caused by ")[2]:
        # urllib3's, behind all that it tried.
        reason = cause.rpartition(": ")[2].rpartition("('")[2].strip("'\")> ")
        text = f"{place()}: {reason}"
    return textwrap.shorten(text, 200, placeholder=" ...") or type(error).__name__


def tell_loss(error: Exception, remedy: str) -> None:
    """Say in one warning that MLflow failed, and what makes the record later.

    Nothing tries to close a run afterwards: on a server that comes back it stays RUNNING.
    """
    print(
        f"Warning: MLflow tracking was lost ({brief(error)}). No result depends on it, but the "
        f"record of this stage is not complete. It can be made later. {remedy}",
        file=sys.stderr,
    )


def soft(remedy: str) -> Callable[[Callable[P, None]], Callable[P, bool]]:
    """Turn a failure of MLflow into that warning; what is called returns whether there was none."""

    def decorate(call: Callable[P, None]) -> Callable[P, bool]:
        @functools.wraps(call)
        def attempt(*args: P.args, **kwargs: P.kwargs) -> bool:
            try:
                call(*args, **kwargs)
            except Exception as error:
                tell_loss(error, remedy)
                return False
            return True

        return attempt

    return decorate
