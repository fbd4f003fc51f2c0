"""The record of runs: where it lies, who else uses it, what it must not tell."""

import dataclasses
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from digitbench.params import ARCHITECTURES
from digitbench.tracking.address import DATABASE, URI_VARIABLE, sqlite_uri
from digitbench.tracking.database import EXPERIMENT

from ..conftest import Project
from ..situation import Situation, environment

# What the stage `report` records, without its drawing: the quickest of all that records.
RECORD = (
    *("python", "-c"),
    "import sys; sys.path[:0] = ['src']; from pathlib import Path; "
    "from digitbench.tracking.runs import record_report; "
    "record_report(Path('report'), Path('metrics/comparison.json'))",
)
DIGITBENCH = ("env", "PYTHONPATH=src", "digitbench")
MODELS = (*DIGITBENCH, "models")
PROMOTE = (*DIGITBENCH, "promote", "mlp")
LOST = "tracking was lost"
SECRETS = ("geheim", "alice")


def in_turn(*changes: Callable[[Project], Project | None]) -> Callable[[Project], Project]:
    def change(project: Project) -> Project:
        for one in changes:
            project = one(project) or project
        return project

    return change


def client_of(project: Project, database: str = DATABASE) -> MlflowClient:
    """One that opens the file anew each time: the next row has another at the same place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
        client = MlflowClient(sqlite_uri(project.root / database))
        client.search_registered_models()
    return client


def files_below(folder: Path) -> dict[str, int]:
    """Files by their size and time of writing."""
    stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {str(path): hash((stat.st_size, stat.st_mtime_ns)) for path, stat in stats.items()}


# --- moved and copied ------------------------------------------------------------------------


def moved(project: Project) -> Project:
    """mlflow/mlflow#3144."""
    return dataclasses.replace(project, root=project.root.rename(project.root.parent / "re named"))


def copied(project: Project) -> Project:
    root = shutil.copytree(project.root, project.root.parent / "copy", symlinks=True)
    (root / "original").write_text(repr(files_below(project.root)))
    return dataclasses.replace(project, root=root)


def everything_lies_here(project: Project, database: str = DATABASE) -> None:
    """Every run's and model's artifacts open, and none is elsewhere."""
    client = client_of(project, database)
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    home = (project.root / database).parent / "mlartifacts"
    assert found.artifact_location == home.as_uri()
    runs = client.search_runs([found.experiment_id])
    assert runs
    for run in runs:
        assert str(run.info.artifact_uri).startswith(home.as_uri())
        if run.info.status == "FINISHED" and not run.data.tags.get("restored"):
            assert client.list_artifacts(run.info.run_id), run.info.run_name
    page = (project.root / "report/index.html").read_bytes()
    of_comparisons = [home / run.info.run_id for run in runs if run.info.run_name == "comparison"]
    kept = [folder / "artifacts/report/index.html" for folder in of_comparisons]
    assert page in [path.read_bytes() for path in kept if path.is_file()]
    for version in client.search_model_versions():
        location = client.get_model_version_download_uri(version.name, version.version)
        assert location.startswith(home.as_uri())
        assert (home / location.removeprefix(f"{home.as_uri()}/")).is_dir()


def moved_for_good(project: Project) -> None:
    everything_lies_here(project)
    assert not (project.root.parent / "project").exists(), "nothing goes to the old place"
    shutil.rmtree(project.root)


def original_is_untouched(project: Project) -> None:
    everything_lies_here(project)
    original = project.root.parent / "project"
    assert repr(files_below(original)) == (project.root / "original").read_text()
    shutil.rmtree(project.root)


# --- addresses -------------------------------------------------------------------------------


def oddly_named(project: Project) -> Project:
    """Nothing is recorded yet in a folder whose name needs quoting in every way."""
    root = project.root.parent / "My%20 Repo" / "ü;a?b#c&d"
    root.parent.mkdir()
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    shutil.copytree(project.root, root, symlinks=True, ignore=ignored)
    return dataclasses.replace(project, root=root)


def lies_in_the_odd_folder(project: Project) -> None:
    everything_lies_here(project)
    assert list(project.root.parent.iterdir()) == [project.root]
    beside = {path.name for path in project.root.parent.parent.iterdir()}
    assert not [name for name in beside if "%25" in name or name == "My Repo"]
    shutil.rmtree(project.root.parent)


def long_tmpdir(project: Project) -> Project:
    folder = project.root / ".dvc" / "tmp" / ("x" * 120)
    folder.mkdir(parents=True)
    return environment(TMPDIR=str(folder))(project)


def without_registered_models(project: Project) -> None:
    client = client_of(project)
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)


def registered_from_the_workspace_that_is_gone(project: Project) -> None:
    client = client_of(project)
    for name in ARCHITECTURES:
        (version,) = client.search_model_versions(f"name = 'digitbench-{name}'")
        assert version.tags["experiment"] == "relative"
    everything_lies_here(project)
    assert not [*project.root.rglob("**/exps/**/mlflow.db")]


# --- secrets ---------------------------------------------------------------------------------

REFUSING_DRIVER = """
import types
apilevel, threadsafety, paramstyle = "2.0", 1, "pyformat"
class Error(Exception): pass
class OperationalError(Error): pass
class ProgrammingError(Error): pass
class InterfaceError(Error): pass
class InternalError(Error): pass
VERSION = (1, 1, 0, "final")
constants = types.SimpleNamespace(CLIENT=types.SimpleNamespace(FOUND_ROWS=2))
def connect(**given):
    raise OperationalError(1045, f"Access denied for user '{given['user']}'@'localhost' "
        f"(mysql://{given['user']}:{given['password']}@127.0.0.1)")
"""


def refusing_database(project: Project) -> Project:
    drivers = project.root / ".git" / "drivers"
    drivers.mkdir()
    (drivers / "pymysql.py").write_text(REFUSING_DRIVER)
    address = {URI_VARIABLE: "mysql+pymysql://alice:geheim%2F1@127.0.0.1:9/runs"}
    return dataclasses.replace(project, environment={**project.environment, **address})


def secrets_all_around(project: Project) -> Project:
    """A remote with a token, a proxy with a password, a server's user and password."""
    project.run("git", "remote", "add", "origin", "https://alice:geheim@git.example/digits.git")
    return environment(
        HTTPS_PROXY="http://alice:geheim@proxy.example:3128",
        MLFLOW_TRACKING_USERNAME="alice",
        MLFLOW_TRACKING_PASSWORD="geheim",
        MLFLOW_TRACKING_URI="sqlite:///mlflow.db?timeout=15",
    )(project)


def no_file_tells_a_secret(project: Project) -> None:
    everything_lies_here(project)
    configured, code = project.root / ".git/config", project.root / "tests"
    for path in project.root.rglob("*"):
        if path.is_file() and path != configured and not path.is_relative_to(code):
            assert b"geheim" not in path.read_bytes(), path


# --- what has become of the database ---------------------------------------------------------


def changed(statement: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        with closing(sqlite3.connect(project.root / DATABASE)) as database, database:
            database.execute(statement)

    return change


def no_database(project: Project) -> None:
    (project.root / DATABASE).write_text("what a full disk left of it")


def deleted_experiment(project: Project) -> None:
    client = client_of(project)
    found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    client.delete_experiment(found.experiment_id)


def unregistered(project: Project) -> None:
    for path in project.root.glob("mlflow.db*"):
        path.unlink()


# --- two clones ------------------------------------------------------------------------------


def two_clones(project: Project) -> Project:
    """Both start at once, on a database that isn't there yet."""
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    for name in ("first", "second"):
        shutil.copytree(project.root, project.root / name, symlinks=True, ignore=ignored)
    return environment(MLFLOW_TRACKING_URI=sqlite_uri(project.root / "shared" / DATABASE))(project)


def both_are_recorded(project: Project) -> None:
    everything_lies_here(project, f"shared/{DATABASE}")
    for name in ("first", "second"):
        assert not (project.root / name / "mlartifacts").exists()


BOTH = " & ".join(f"(cd {name} && {shlex.join(RECORD)})" for name in ("first", "second"))


SITUATIONS = [
    Situation(
        "project renamed",
        (RECORD, PROMOTE),
        moved,
        says=("is champion now",),
        never=(LOST,),
        after=moved_for_good,
    ),
    Situation(
        "project copied, the original in use",
        (RECORD,),
        copied,
        says=("MLflow: mlflow.db comes from", "/copy/mlartifacts from now on"),
        never=(LOST,),
        after=original_is_untouched,
    ),
    Situation(
        "a folder's name that needs quoting, and nothing recorded yet",
        (RECORD,),
        oddly_named,
        never=(LOST,),
        after=lies_in_the_odd_folder,
    ),
    Situation(
        # mlflow#7378; and while it registered a model, MLflow asked for another address.
        "a relative address in a temporary workspace",
        (("dvc", "exp", "run", "--temp", "-n", "relative", "-f", "-s", "evaluate"), PROMOTE),
        in_turn(without_registered_models, environment(MLFLOW_TRACKING_URI="sqlite:///mlflow.db")),
        says=("is champion now",),
        never=(LOST,),
        after=registered_from_the_workspace_that_is_gone,
    ),
    Situation(
        # A batch system's; a socket's path may have 107 characters.
        "a long TMPDIR, two trainings at once",
        (("dvc", "repro", "-f", "-s", "train_mlp"),),
        in_turn(long_tmpdir, environment(DIGITBENCH_JOBS="2")),
        never=(LOST,),
    ),
    Situation(
        # zenml#2443
        "a dead server, its password in the address",
        (RECORD,),
        environment(
            MLFLOW_TRACKING_URI="http://alice:geheim@127.0.0.1:9",
            MLFLOW_TRACKING_USERNAME="alice",
            MLFLOW_TRACKING_PASSWORD="geheim",
        ),
        says=(LOST, "http://***@127.0.0.1:9"),
        never=SECRETS,
    ),
    Situation(
        "a database that refuses, its password in the address",
        (("env", "PYTHONPATH=src:.git/drivers", *MODELS[2:]),),
        refusing_database,
        status=2,
        says=("does not answer", "Access denied for user '***'"),
        never=(*SECRETS, "will be retried"),
    ),
    Situation(
        # mlflow#2282
        "secrets in remote, proxy and server",
        (RECORD,),
        secrets_all_around,
        never=(*SECRETS, LOST),
        after=no_file_tells_a_secret,
    ),
    Situation(
        "the database is no database",
        (MODELS,),
        no_database,
        status=2,
        says=("mlflow.db: this database can't be used (file is not a database)",),
        never=("will be retried",),
    ),
    Situation(
        # mlflow#6703
        "the database of a newer MLflow",
        (MODELS,),
        changed("UPDATE alembic_version SET version_num = 'ffffffffffff'"),
        status=2,
        says=("written by a newer MLflow", "move the file aside"),
        never=("db upgrade",),
    ),
    Situation(
        # mlflow#2690
        "the experiment was deleted",
        (RECORD,),
        deleted_experiment,
        says=("the experiment digitbench had been deleted; it is restored",),
        never=(LOST,),
        after=everything_lies_here,
    ),
    Situation(
        # hydraflow#245
        "two clones on one fresh database",
        (("sh", "-c", f"{BOTH}; status=$?; wait; exit $status"),),
        two_clones,
        never=(LOST,),
        after=both_are_recorded,
    ),
    Situation(
        "models came by `dvc pull`, nothing is registered",
        (PROMOTE,),
        unregistered,
        status=2,
        says=("dvc repro --force --single-item evaluate",),
    ),
]
