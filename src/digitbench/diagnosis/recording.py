"""Whether MLflow can record runs: its database or server, and who holds the lock."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import requests

from digitbench.diagnosis.locks import holders, is_held
from digitbench.diagnosis.symptoms import Probe, Symptom, fine, problem, warning
from digitbench.tracking.address import URI_VARIABLE, database_file, own_database, tracking_uri
from digitbench.tracking.connection import project_lock
from digitbench.tracking.database import migrations

# Seconds. A stage waits longer, but somebody who asks what is wrong shouldn't.
PATIENCE = 2
ASIDE = "Move it aside; the next stage makes a new one."


def _lock(project: Path) -> Iterator[Symptom]:
    path = Path(project_lock().lock_file)
    if not path.exists():
        yield fine("nobody holds the lock")
    elif not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
        what = f"{path} can't be used as a lock, so that no run is recorded"
        yield problem(what, "Delete it, or allow reading and writing there.")
    elif is_held(path):
        what = f"{path} is held by {holders(path)}"
        yield warning(what, "Let that end, or end it; stages that record runs wait for it.")
    else:
        yield fine("nobody holds the lock")


def _mlflow(project: Path) -> Iterator[Symptom]:
    address = tracking_uri()
    if file := database_file(address):
        yield from _database(file) if file.exists() else [_absent(file)]
    elif address.startswith(("http:", "https:")):
        yield _server(address)
    else:
        yield fine(f"{address}, which was not asked")


def _absent(file: Path) -> Symptom:
    if file.parent.is_dir():
        return fine(f"{file} is not there yet; the first stage makes it")
    what = f"{file}: there is no such folder, so that no run is recorded"
    return problem(what, f"Make it, or set {URI_VARIABLE} to another place.")


def _database(file: Path) -> Iterator[Symptom]:
    if not os.access(file, os.R_OK | os.W_OK):
        what = f"{file} can't be read and written, so that no run is recorded"
        yield problem(what, "Allow reading and writing there.")
        return
    address = f"file:{quote(str(file))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, timeout=PATIENCE, uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            revision = _revision(database) if "alembic_version" in tables else None
            damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        what = f"{file} doesn't open within {PATIENCE} s ({error}); {holders(file)} has it open"
        yield problem(what, "Let that end, or end it; then look again.")
        return
    except sqlite3.DatabaseError as error:
        yield problem(f"{file} is no database that SQLite can read ({error})", ASIDE)
        return
    if damage != "ok":
        yield problem(f"{file} is damaged ({damage})", ASIDE)
    elif tables and revision is None:
        what = f"{file} holds tables of another program"
        yield problem(what, f"Set {URI_VARIABLE} to another place, or move the file aside.")
    else:
        yield _schema(file, revision)


def _revision(database: sqlite3.Connection) -> str | None:
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _schema(file: Path, revision: str | None) -> Symptom:
    known, here = migrations(), f"MLflow {version('mlflow')}"
    if revision in (None, known.get_current_head()):
        return fine(f"{file}, of this {here}")
    if revision not in {script.revision for script in known.walk_revisions()}:
        what = f"{file} was written by a newer MLflow than the one installed here, {here}"
        return problem(what, f"Use the environment that wrote it. Or: {ASIDE.lower()}")
    what = f"{file} was written by an older MLflow than the one installed here, {here}"
    if file == own_database():
        return warning(what, "The next stage upgrades it, and keeps a copy beside it.")
    return problem(what, "Have whoever keeps it upgrade it: `mlflow db upgrade`.")


def _server(address: str) -> Symptom:
    try:
        answer = requests.get(f"{address.rstrip('/')}/health", timeout=PATIENCE, stream=True)
        with answer:
            said = next(answer.iter_content(100), b"")
    except (OSError, ValueError) as error:
        what = f"{address} doesn't answer ({type(error).__name__}), so that no run is recorded"
        return problem(what, f"Start the server, or correct or unset {URI_VARIABLE}.")
    if answer.ok and said.strip() == b"OK":
        return fine(f"{address} answers")
    what = f"{address} is no server of MLflow, or asks for a log-in (HTTP {answer.status_code})"
    return problem(what, f"Correct or unset {URI_VARIABLE}.")


LOCK = Probe("mlflow lock", _lock)
MLFLOW = Probe("mlflow", _mlflow)
