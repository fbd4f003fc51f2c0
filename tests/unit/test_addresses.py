"""Where the record of runs lies: addresses, odd names, moved databases, other schemas."""

import dataclasses
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow
import pytest
from mlflow.entities import Experiment
from mlflow.store.db.utils import InitialBase, _get_alembic_config, create_sqlalchemy_engine

from digitbench.errors import DigitbenchError
from digitbench.tracking.address import (
    DATABASE,
    URI_VARIABLE,
    absolute,
    database_file,
    own_database,
    sqlite_uri,
    tracking_uri,
)
from digitbench.tracking.connection import connect, open_client
from digitbench.tracking.database import EXPERIMENT
from digitbench.tracking.registry import ask_registry, find_versions

NAMES = ("My%20Repo", "a?b", "a#b", "a b", "ü", "a;b", "a@b", "a:b", "100%", "a&b=c", "it's", "a+b")


# --- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "file"),
    [
        ("sqlite:///mlflow.db", "{root}/mlflow.db"),
        ("sqlite:///./runs/all.db", "{root}/runs/all.db"),
        ("sqlite:///../all.db", "{root}/../all.db"),
        ("sqlite+pysqlite:///mlflow.db", "{root}/mlflow.db"),
        ("sqlite:///~/all.db", "{home}/all.db"),
        ("sqlite:////srv/all.db", "/srv/all.db"),
        ("sqlite:///all.db?timeout=30", "{root}/all.db"),
    ],
)
def test_a_database_is_found_from_the_projects_root_wherever_a_stage_runs(
    given: str, file: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URI_VARIABLE, given)
    found = tracking_uri()
    assert database_file(found) == Path(file.format(root=root, home=Path.home()))
    assert found.partition("?")[2] == given.partition("?")[2]
    # MLflow hands the address on to what it starts.
    assert absolute(found) == found


def test_the_projects_own_database_is_known_by_whatever_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database_file(tracking_uri()) == own_database() == root / DATABASE
    monkeypatch.setenv(URI_VARIABLE, f"sqlite:///{DATABASE}")
    assert database_file(tracking_uri()) == own_database()


@pytest.mark.parametrize("given", ["file:runs", "file:./runs", "file://./runs", "runs", "./runs"])
def test_so_are_folders(given: str, root: Path) -> None:
    assert absolute(given) == (root / "runs").as_uri()


@pytest.mark.parametrize(
    "given",
    [
        *("http://127.0.0.1:5000", "https://u:p@tracking.example/x", "databricks"),
        *("databricks://profile", "postgresql://u@db/runs", "sqlite://", "sqlite:///:memory:"),
        "sqlite:///file:/srv/all.db?uri=true",
    ],
)
def test_what_names_no_place_on_this_disk_stays(given: str, root: Path) -> None:
    assert absolute(given) == given
    assert database_file(given) is None


@pytest.mark.parametrize(
    "given", ["file://user:secret@[::1", "sqlite:///\udc80", "sqlite:///~no body/x", "~no body/x"]
)
def test_an_address_that_cannot_be_is_one_sentence(given: str) -> None:
    with pytest.raises(DigitbenchError, match=r"^MLFLOW_TRACKING_URI: ") as error:
        absolute(given)
    assert "secret" not in str(error.value)


def test_what_is_no_address_is_told_without_its_password() -> None:
    with pytest.raises(DigitbenchError, match=r"is no address of a database") as error:
        absolute("sqlite:/alice:geheim@mlflow.db")
    assert "sqlite:///" in str(error.value)


# --- a folder's name -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_runs_and_artifacts_lie_in_a_folder_of_any_name_and_nowhere_else(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = root / "projects" / name
    project.mkdir(parents=True)
    shutil.copy(root / DATABASE, project)
    monkeypatch.setenv("DVC_ROOT", str(project))
    client, experiment = connect()
    run = client.create_run(experiment).info
    (root / "weights").write_bytes(b"weights")
    client.log_artifact(run.run_id, str(root / "weights"))
    assert (project / "mlartifacts" / run.run_id / "artifacts" / "weights").is_file()
    assert Path(client.download_artifacts(run.run_id, "weights")).read_bytes() == b"weights"
    assert list(project.parent.iterdir()) == [project]


# --- moved and copied ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A project with a run that has an artifact."""

    root: Path
    run: str

    def artifacts(self) -> Path:
        client, _ = connect()
        assert client.list_artifacts(self.run)
        return Path(unquote(urlsplit(client.get_run(self.run).info.artifact_uri).path))


@pytest.fixture
def recorded(root: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    project = root / "project"
    project.mkdir()
    shutil.copy(root / DATABASE, project)
    monkeypatch.setenv("DVC_ROOT", str(project))
    client, experiment = connect()
    run = client.create_run(experiment).info.run_id
    (root / "weights").write_bytes(b"weights")
    client.log_artifact(run, str(root / "weights"))
    return Recorded(project, run)


def experiment() -> Experiment:
    client, number = connect()
    return client.get_experiment(number)


def at(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on in the project's folder, without what this process had opened elsewhere."""
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.delenv(URI_VARIABLE, raising=False)


def test_a_project_that_moves_there_and_back_keeps_its_artifacts(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one that a container sees at another place than its host."""
    elsewhere = recorded.root.with_name("elsewhere")
    for here, there in ((recorded.root, elsewhere), (elsewhere, recorded.root)):
        here.rename(there)
        at(there, monkeypatch)
        capsys.readouterr()
        assert recorded.artifacts().is_relative_to(there)
        assert capsys.readouterr().err.count(f"comes from {here}: it keeps") == 1
        assert experiment().artifact_location == (there / "mlartifacts").as_uri()
        assert capsys.readouterr().err == ""
        assert (there / f"{DATABASE}.moved").exists()


def texts(database: Path) -> list[str]:
    """Whatever any table holds."""
    with closing(sqlite3.connect(database)) as opened:
        tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        rows = [row for (table,) in tables for row in opened.execute(f'SELECT * FROM "{table}"')]
    return [value for row in rows for value in row if isinstance(value, str)]


def test_no_table_names_the_place_that_a_project_was_moved_from(
    recorded: Recorded, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of experiments, runs, logged models, nor versions; from and to any name."""
    client, number = connect()
    logged = client.create_logged_model(number, "mlp", recorded.run)
    client.log_model_artifacts(logged.model_id, str(root / "workspace"))
    client.create_registered_model("digitbench-mlp")
    client.create_model_version("digitbench-mlp", f"models:/{logged.model_id}", recorded.run)
    here = recorded.root
    for name in NAMES:
        there = here.with_name(name)
        here.rename(there)
        at(there, monkeypatch)
        assert recorded.artifacts().is_relative_to(there)
        found = texts(there / DATABASE)
        assert (there / "mlartifacts").as_uri() in found
        for past in (str(here), here.as_uri()):
            assert not [text for text in found if text == past or f"{past}/" in text]
        here = there


def test_a_copy_keeps_its_own_even_where_the_artifacts_stayed_behind(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = recorded.root.with_name("copy")
    copy.mkdir()
    shutil.copy(recorded.root / DATABASE, copy)
    at(copy, monkeypatch)
    assert experiment().artifact_location == (copy / "mlartifacts").as_uri()
    assert f"kept in {recorded.root / 'mlartifacts'} was not copied" in capsys.readouterr().err
    at(recorded.root, monkeypatch)
    assert recorded.artifacts().is_relative_to(recorded.root)


def test_a_place_that_somebody_chose_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = (root / "large-disk" / "artifacts").as_uri()
    mlflow.MlflowClient(sqlite_uri(root / DATABASE)).create_experiment(EXPERIMENT, chosen)
    assert experiment().artifact_location == chosen
    assert capsys.readouterr().err == ""


def test_artifacts_of_clones_that_share_a_database_lie_beside_it(
    recorded: Recorded, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = root / "shared" / DATABASE
    shared.parent.mkdir()
    shutil.copy(root / DATABASE, shared)
    monkeypatch.setenv(URI_VARIABLE, f"sqlite:///{shared}")
    assert experiment().artifact_location == (shared.parent / "mlartifacts").as_uri()
    # One whose experiment an earlier version made in a clone, which is still there.
    shutil.copy(recorded.root / DATABASE, shared)
    assert experiment().artifact_location == (recorded.root / "mlartifacts").as_uri()


# --- other versions, other people ------------------------------------------------------------


def of_revision(path: Path, revision: str) -> None:
    """A database as an older MLflow left it, with this project's experiment."""
    from alembic import command

    engine = create_sqlalchemy_engine(sqlite_uri(path))
    InitialBase.metadata.create_all(engine)
    config = _get_alembic_config(sqlite_uri(path))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (7, ?, ?, 'active')",
            (EXPERIMENT, (path.parent / "mlartifacts").as_uri()),
        )


def schema(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_the_own_database_of_an_older_mlflow_is_upgraded_after_a_copy(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    current, older = schema(root / DATABASE), "bf29a5ff90ea"
    (root / DATABASE).unlink()
    of_revision(root / DATABASE, older)
    assert experiment().experiment_id == "7"
    assert schema(root / DATABASE) == current
    assert schema(root / f"{DATABASE}.{older}") == older
    assert f"was upgraded to MLflow {mlflow.__version__}" in capsys.readouterr().err


def set_schema(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_somebody_elses_is_upgraded_by_whoever_keeps_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = root / "it's shared.db"
    shutil.copy(root / DATABASE, shared)
    set_schema(shared, "bf29a5ff90ea")
    monkeypatch.setenv(URI_VARIABLE, f"sqlite:///{shared}")
    with pytest.raises(
        DigitbenchError, match=r"older MLflow.*mlflow db upgrade '.*%27s shared.db'"
    ):
        open_client()
    assert schema(shared) == "bf29a5ff90ea"


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(root: Path) -> None:
    """Of a schema that it isn't: the first migration stumbles."""
    set_schema(root / DATABASE, "bf29a5ff90ea")
    before = (root / DATABASE).read_bytes()
    with pytest.raises(DigitbenchError, match=r"can't upgrade it \(.*move the file aside|Move"):
        connect()
    assert schema(root / DATABASE) == "bf29a5ff90ea"
    with closing(sqlite3.connect(root / DATABASE)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len((root / DATABASE).read_bytes()) == len(before)


def test_a_newer_one_is_left_alone(root: Path) -> None:
    set_schema(root / DATABASE, "ffffffffffff")
    before = (root / DATABASE).read_bytes()
    with pytest.raises(DigitbenchError, match=r"newer MLflow.*Use the environment that wrote it"):
        open_client()
    assert (root / DATABASE).read_bytes() == before


@pytest.mark.parametrize("content", ["text that is no database", None])
def test_a_database_that_cant_be_opened_is_told_at_once(content: str | None, root: Path) -> None:
    (root / DATABASE).unlink()
    if content is None:
        (root / DATABASE).mkdir()
    else:
        (root / DATABASE).write_text(content)
    with pytest.raises(DigitbenchError, match=r"mlflow\.db: this database can't be used \("):
        connect()


def test_who_is_stopped_while_a_database_is_made_leaves_no_half_of_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / DATABASE).unlink()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.store.db.utils._upgrade_db", stop)
        with pytest.raises(KeyboardInterrupt):
            connect()
    assert not (root / DATABASE).exists()
    assert experiment().name == EXPERIMENT
    assert {path.name for path in root.glob(f"{DATABASE}*")} == {DATABASE, f"{DATABASE}.lock"}


def test_an_empty_file_becomes_a_database(root: Path) -> None:
    """What is left where the disk was full."""
    (root / DATABASE).write_bytes(b"")
    assert experiment().name == EXPERIMENT


def test_a_deleted_experiment_is_restored(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client, number = connect()
    client.delete_experiment(number)
    assert experiment().lifecycle_stage == "active"
    assert "it is restored" in capsys.readouterr().err


def test_what_another_clone_created_a_moment_before_is_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = connect()
    find, asked = mlflow.MlflowClient.get_experiment_by_name, []

    def too_early(client: mlflow.MlflowClient, name: str) -> Experiment | None:
        asked.append(name)
        return None if len(asked) == 1 else find(client, name)

    monkeypatch.setattr(mlflow.MlflowClient, "get_experiment_by_name", too_early)
    assert connect()[1] == number
    assert len(asked) == 2


def test_the_registry_names_a_database_that_isnt_there_and_makes_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URI_VARIABLE, "sqlite:///runs/typo.db")
    told = rf"no typo\.db in .*/runs, which {URI_VARIABLE}"
    with pytest.raises(DigitbenchError, match=told):
        ask_registry(lambda client: find_versions(client, "mlp"))
    assert not (root / "runs").exists()


def test_a_missing_driver_is_told_in_a_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URI_VARIABLE, "mysql+nowhere://alice:geheim@127.0.0.1/runs")
    with pytest.raises(DigitbenchError) as error:
        ask_registry(lambda client: find_versions(client, "mlp"))
    assert "geheim" not in str(error.value)


def test_a_registry_of_its_own_counts_from_the_root_too(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(root / DATABASE, root / "registry.db")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///registry.db")
    open_client().create_registered_model("somebody's")
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")
    there = mlflow.MlflowClient(sqlite_uri(root / "registry.db"))
    assert [model.name for model in there.search_registered_models()] == ["somebody's"]
    assert not Path("registry.db").exists()
