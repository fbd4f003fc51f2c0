"""Where MLflow is: its address, and the file where that is a database of SQLite."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from digitbench.discretion import without_secrets
from digitbench.environment import project_root
from digitbench.errors import DigitbenchError, brief

URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE = "mlflow.db"


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI where set, otherwise a database in the main repository.

    It may hold a password: what is printed goes through `without_secrets`.

    Raises:
        DigitbenchError: It is no address.
    """
    given = os.environ.get(URI_VARIABLE)
    return absolute(given) if given else sqlite_uri(own_database())


def place() -> str:
    """What a run or a command waits for, in legible words and without a password."""
    file = database_file(address := tracking_uri())
    return brief(f"{file} or {file.name}.lock" if file else without_secrets(address))


def own_database() -> Path:
    """The database that the project has where no address is given."""
    return project_root() / DATABASE


def absolute(address: str) -> str:
    """The same address; a relative path counts from the project's root, ``~`` is the user's home.

    MLflow counts from the current folder, which in a temporary workspace goes with its runs.

    Raises:
        DigitbenchError: It is no address.
    """
    if address.startswith("sqlite"):
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            address.encode()
            url = make_url(address)
        except (ArgumentError, ValueError):
            raise DigitbenchError(
                f"{URI_VARIABLE}: {without_secrets(address)} is no address of a database; "
                "one of SQLite is sqlite:///, followed by the path of its file."
            ) from None
        name = url.database
        if url.host or not name or name == ":memory:" or name.startswith("file:"):
            return address
        parameters = address.partition("?")[1:]
        return sqlite_uri(_from_root(name)) + "".join(parameters)
    if address.startswith("file:"):
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise DigitbenchError(
                f"{URI_VARIABLE}: {without_secrets(address)} is no address of a folder ({error})."
            ) from None
        return _from_root(unquote(parts.netloc + parts.path)).as_uri()
    if ":" not in address and address != "databricks":
        return _from_root(address).as_uri()
    return address


def sqlite_uri(path: Path) -> str:
    """The address of a file, whatever characters its path has.

    With the driver's name, because MLflow takes what follows a bare ``sqlite:///`` for a path and
    makes a folder of that name: another one where a character is quoted.
    """
    from sqlalchemy import URL

    url = URL.create("sqlite+pysqlite", database=str(path))
    return url.render_as_string(hide_password=False)


def database_file(address: str) -> Path | None:
    """The file of an absolute address, if it is one of SQLite."""
    if not address.startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url

    path = Path(make_url(address).database or "")
    return path if path.is_absolute() else None


def _from_root(path: str) -> Path:
    try:
        return project_root() / Path(path).expanduser()
    except RuntimeError:
        raise DigitbenchError(f"{URI_VARIABLE}: {path}: there is no such user.") from None
