"""A migrated database of MLflow, which takes seconds to make, and studies that need no training."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import torch

import studies_data
from digitbench.download import digits
from digitbench.results.studies import SUMMARY, Row, read_rows
from digitbench.studies.ours import Measured, load_measured
from digitbench.studies.published import Published, load_all
from digitbench.studies.verdicts import all_rows
from digitbench.tracking.address import DATABASE, URI_VARIABLE
from usps import TEST, TRAIN, spec, usps_file

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / DATABASE
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def root(migrated_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A main repository with a database of its own, seen from a temporary workspace."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    shutil.copy(migrated_database, tmp_path)
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "an-experiment")
    monkeypatch.delenv(URI_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def address_of_runs() -> Iterator[None]:
    """MLflow keeps it for the process, and in the environment of what that starts."""
    before = os.environ.get(URI_VARIABLE)
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture
def threads() -> Iterator[None]:
    """Gives torch back the number of threads that predicting changes."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_thread(threads: None) -> None:
    """As in training: the number of threads decides how sums are rounded."""
    torch.set_num_threads(1)


@pytest.fixture
def usps(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Two small files in place of the originals, which their hashes then stand for."""
    contents = {TRAIN: usps_file([3, 0, 9]), TEST: usps_file([7, 1])}
    monkeypatch.setattr(digits, "FILES", tuple(spec(*item) for item in contents.items()))
    return contents


@pytest.fixture(scope="session")
def studies() -> dict[str, Published]:
    """What the papers report."""
    return load_all(ROOT)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented metrics of the studies beside the committed ones of the main comparison."""
    folder = tmp_path_factory.mktemp("project")
    studies_data.write_metrics(folder)
    for part in ("metrics", "plots"):
        shutil.copytree(ROOT / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def measured(project: Path, studies: dict[str, Published]) -> Measured:
    return load_measured(project, studies)


@pytest.fixture(scope="module")
def rows(studies: dict[str, Published], measured: Measured) -> list[Row]:
    return all_rows(studies, measured)


@pytest.fixture(scope="session")
def committed() -> list[Row]:
    """The rows of the committed table."""
    return read_rows(ROOT / SUMMARY)
