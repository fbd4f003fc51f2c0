"""A database of SQLite, made ready before MLflow opens it.

MLflow tries for minutes to open what can't be opened, leaves an older schema to the user, takes a
newer one for an older one, and keeps writing artifacts to where a project was before it was moved.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from digitbench.errors import DigitbenchError, brief
from digitbench.tracking.address import sqlite_uri

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

EXPERIMENT = "digitbench"
ARTIFACTS = "mlartifacts"
# Where MLflow keeps absolute locations; `mlruns` is its own folder for who chooses none.
_FOLDERS = (ARTIFACTS, "mlruns")
_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def database_lock(path: Path) -> FileLock:
    """Held by one process at a time, of whatever clone: for what two must not do at once.

    A thread may take it again while it has it.
    """
    return FileLock(f"{path}.lock", is_singleton=True)


def artifact_location(path: Path) -> str:
    """Artifacts lie beside the database: what lies in a temporary workspace goes with it."""
    return (path.parent / ARTIFACTS).as_uri()


def make_ready(path: Path, *, own: bool) -> None:
    """Bring a database to this MLflow's schema, and its artifacts' locations here.

    Where there is none, one is made. What is changed is told in a sentence, and a copy of the file
    is kept beside it. A database that isn't the project's own is upgraded by whoever keeps it.

    Raises:
        DigitbenchError: It can't be opened, or has a schema that can't be brought to this one.
    """
    if not path.exists():
        with database_lock(path):
            if not path.exists():
                _create(path)
        return
    if _is_current(path) and not _former_location(path, own):
        return
    with database_lock(path):
        if not _is_current(path):
            _upgrade(path, own)
        if former := _former_location(path, own):
            _relocate(path, former)


def _create(path: Path) -> None:
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    aside = _aside(path)
    engine = create_sqlalchemy_engine(sqlite_uri(aside))  # type: ignore[no-untyped-call]
    _initialize_tables(engine)  # type: ignore[no-untyped-call]
    engine.dispose()
    aside.replace(path)


def _aside(path: Path) -> Path:
    """Where a schema is made: what MLflow is stopped in the middle of, it can't use nor mend."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    return aside


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path, timeout=20)) as database, database:
            yield database
    except sqlite3.Error as error:
        raise DigitbenchError(
            f"{path}: this database can't be used ({error}). Mend it or move it aside; where "
            "there is none, the next stage makes a new one."
        ) from None


def _schema(path: Path) -> str | None:
    """None in a database that MLflow hasn't filled yet."""
    with _opened(path) as database:
        found = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        if not database.execute(found).fetchone():
            return None
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def _is_current(path: Path) -> bool:
    return _schema(path) in (None, migrations().get_current_head())


def migrations() -> "ScriptDirectory":
    """The schemas that this MLflow knows, from the first to its own."""
    import mlflow
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))


def _upgrade(path: Path, own: bool) -> None:
    here = f"MLflow {version('mlflow')}"
    schema = str(_schema(path))
    if schema not in {script.revision for script in migrations().walk_revisions()}:
        raise DigitbenchError(
            f"{path}: it was written by a newer MLflow than the one installed here, {here}. Use "
            "the environment that wrote it, or move the file aside; the next stage makes a new one."
        )
    command = ["mlflow", "db", "upgrade"]
    if not own:
        raise DigitbenchError(
            f"{path}: it was written by an older MLflow than the one installed here, {here}. Keep "
            f"a copy, then run `{' '.join(command)} '{sqlite_uri(path)}'`; older ones can't use it "
            "any more."
        )
    aside = _aside(path)
    _copy(path, aside)
    command = [sys.executable, "-m", *command, sqlite_uri(aside)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        aside.unlink()
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DigitbenchError(
            f"{path}: it was written by an older MLflow, and {here} can't upgrade it ({reason}). "
            "Move the file aside; the next stage makes a new one."
        )
    copy = _keep_copy(path, schema)
    aside.replace(path)
    tell(f"{path.name} was upgraded to {here}; as it was before, it is kept in {copy.name}.")


def _former_location(path: Path, own: bool) -> str | None:
    """Where the experiment keeps its artifacts, if that is a place the database was moved from.

    A location of another name, or on a server, was chosen by somebody. So was one that is still in
    use by a database that several clones share.
    """
    if _schema(path) is None:
        return None
    with _opened(path) as database:
        found = "SELECT artifact_location FROM experiments WHERE name = ?"
        location = (database.execute(found, (EXPERIMENT,)).fetchone() or ("",))[0]
    home = path.parent / ARTIFACTS
    if location == home.as_uri() or not location.startswith("file:"):
        return None
    there = _folder(location)
    moved = there.name == ARTIFACTS and (own or home.is_dir() or not there.is_dir())
    return location if moved else None


def _folder(location: str) -> Path:
    return Path(unquote(urlsplit(location).path))


def _relocate(path: Path, former: str) -> None:
    before, now = _folder(former).parent, path.parent
    copy = _keep_copy(path, "moved")
    with _opened(path) as database:
        for folder in _FOLDERS:
            for old, new in (
                ((before / folder).as_uri(), (now / folder).as_uri()),
                (str(before / folder), str(now / folder)),
            ):
                for table, column in _LOCATIONS:
                    database.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                    )
    kept = ""
    if not (now / ARTIFACTS).is_dir() and _folder(former).is_dir():
        kept = f" What was kept in {_folder(former)} was not copied along."
    tell(
        f"{path.name} comes from {before}: it keeps its artifacts in {now / ARTIFACTS} from now "
        f"on; as it was before, it is kept in {copy.name}.{kept}"
    )


def _keep_copy(path: Path, ending: str) -> Path:
    copy = path.with_name(f"{path.name}.{ending}")
    _copy(path, copy)
    return copy


def _copy(path: Path, to: Path) -> None:
    with _opened(path) as source, _opened(to) as target:
        source.backup(target)


def tell(sentence: str) -> None:
    """Say what was done to the record, beside the results."""
    print(f"MLflow: {brief(sentence)}", file=sys.stderr)
