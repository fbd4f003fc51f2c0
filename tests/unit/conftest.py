"""A database of MLflow that is already migrated: a fresh one takes seconds."""

import shutil
from pathlib import Path

import mlflow
import pytest

from digitbench.tracking.connection import DATABASE, URI_VARIABLE


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
