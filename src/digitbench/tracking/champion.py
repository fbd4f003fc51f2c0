"""The registry as commands use it: here, other than in a stage, a failure is an error."""

import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from digitbench.environment import project_root
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES
from digitbench.tracking.connection import DATABASE, URI_VARIABLE, open_client
from digitbench.tracking.registry import CHAMPION, Version, find_versions, registered_name

if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextmanager
def open_registry() -> Iterator["MlflowClient"]:
    """A client whose failures are told in a sentence.

    Raises:
        DigitbenchError: There is no database yet, or nothing answers.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    served = os.environ.get(URI_VARIABLE)
    if not served and not (project_root() / DATABASE).exists():
        raise DigitbenchError(
            f"There is no {DATABASE} in this folder, so no model is registered. Run `dvc repro` "
            f"in the project's root folder, or set {URI_VARIABLE} to a server."
        )
    try:
        yield open_client()
    except (MlflowException, SQLAlchemyError) as error:
        place = f"the MLflow that {URI_VARIABLE} names" if served else DATABASE
        reason = textwrap.shorten(str(error), 200, placeholder=" ...")
        raise DigitbenchError(
            f"The registry in {place} does not answer ({reason}). "
            "Check that it runs and that the address is right."
        ) from None


def existing_versions(client: "MlflowClient", architecture: str) -> list[Version]:
    """The versions of an architecture, latest first; at least one.

    Raises:
        DigitbenchError: There is no such architecture, or nothing is registered.
    """
    if architecture not in ARCHITECTURES:
        raise DigitbenchError(
            f"{architecture!r} is not an architecture; known are {', '.join(ARCHITECTURES)}."
        )
    versions = find_versions(client, architecture)
    if not versions:
        raise DigitbenchError(
            f"No version of {registered_name(architecture)} is registered yet. `dvc repro` "
            "registers one when it evaluates."
        )
    return versions


def choose_version(versions: Sequence[Version], number: int | None) -> Version:
    """The version of that number, by default the latest.

    Raises:
        DigitbenchError: There is none.
    """
    if number is None:
        return versions[0]
    for version in versions:
        if version.number == number:
            return version
    raise DigitbenchError(
        f"{registered_name(versions[0].architecture)} has no version {number}; there are "
        f"{', '.join(str(version.number) for version in reversed(versions))}."
    )


def move_champion(client: "MlflowClient", version: Version) -> None:
    """Let the alias point to a version."""
    name = registered_name(version.architecture)
    client.set_registered_model_alias(name, CHAMPION, str(version.number))
