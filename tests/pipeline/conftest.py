"""A temporary clone of this project, shrunk: small real digits, narrow networks, one epoch."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock
from numpy.typing import NDArray

from architectures import NARROW
from digitbench.download.digits import encode
from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.execution.store import VARIABLE as STORE_VARIABLE
from digitbench.execution.workers import JOBS_VARIABLE
from digitbench.tracking.recorder import VARIABLE as LIMIT_VARIABLE
from readers import Digits
from receipt_data import receipt
from usps import TEST, TRAIN, spec, usps_file

ROOT = Path(__file__).resolve().parents[2]
AUDIT = Path(__file__).parent / "audit"


@dataclass(frozen=True)
class Project:
    """The clone, and how to run things in it."""

    root: Path
    environment: dict[str, str]
    folder: str = "."

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone; its whole output is shown where it fails."""
        done = subprocess.run(
            command,
            cwd=self.root / self.folder,
            env=self.environment,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        assert not check or done.returncode == 0, f"{command}:\n{done.stdout}"
        return done

    def dvc(self, *arguments: str) -> str:
        """Run dvc and return its output."""
        return self.run("dvc", *arguments).stdout

    def within(self, folder: str) -> "Project":
        """The same clone, with commands run in one of its folders."""
        return dataclasses.replace(self, folder=folder)

    def audited(self, log: Path, *command: str) -> list[tuple[str, Path]]:
        """Run a command; return what its processes read (r), wrote (w) or executed (x) here."""
        environment = {**self.environment, "AUDIT_LOG": str(log), "PYTHONPATH": str(AUDIT)}
        environment.pop(JOBS_VARIABLE)  # worker processes are watched too
        dataclasses.replace(self, environment=environment).run(*command)
        notes = [line.split(" ", 1) for line in log.read_text().splitlines()]
        root = str(self.root)
        return [(kind, Path(path).relative_to(root)) for kind, path in notes if _below(path, root)]

    def restore(self) -> None:
        """Bring tracked files back to the last commit, and the page that DVC keeps."""
        self.run("git", "reset", "-q", "--hard")
        self.dvc("checkout", "--quiet", "--force", "report/index.html")

    def edit(self, name: str, pattern: str, replacement: str) -> None:
        """Change the text of a file in the clone; the pattern must be there."""
        path = self.root / name
        text, count = re.subn(pattern, replacement, path.read_text(), flags=re.MULTILINE)
        assert count, f"{pattern} is not in {name}"
        path.write_text(text)


def _below(path: str, root: str) -> bool:
    return path.startswith(root + os.sep)


def copy_known(root: Path) -> None:
    """Copy what Git knows of this checkout, and what it would take in."""
    files = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True
    )
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)


def project_at(root: Path) -> Project:
    """A clone with the folder of its digits beside it."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DVC_", "GIT_", "MAKE", "MLFLOW_", "PYTHON", "DIGITBENCH_"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        DROP_IN_VARIABLE: str(root.parent / "drop-in"),
        JOBS_VARIABLE: "1",  # two tiny trainings take less time than starting two processes
        STORE_VARIABLE: "off",  # trained again to the same bytes, not kept
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        LIMIT_VARIABLE: "120",  # a machine with much to do takes more than seconds for its database
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return Project(root, environment)


def make_project(root: Path, digits: Digits) -> Project:
    """Shrink a copy of this checkout, and commit it in a repository of its own."""
    copy_known(root)
    # That of the studies stays, as in every clone of somebody who hasn't trained them.
    (root / "dvc.lock").unlink(missing_ok=True)
    # As soon as there is one, the report reads it; this one is of other networks.
    (root / "verifications/receipt.json").write_text(json.dumps(receipt()))
    _shrink(root, root.parent / "drop-in", *digits)
    project = project_at(root)
    project.run("git", "init", "-q", "-b", "main")
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@example.org")
    commit(project)
    return project


def commit(project: Project) -> None:
    """Commit all that is there."""
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "state")


def _shrink(
    root: Path, drop_in: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> None:
    """Small IDX files, a manifest of their hashes, and the committed parameters cut down."""
    drop_in.mkdir()
    contents = {
        "train-images-idx3-ubyte": encode(images[:600]),
        "train-labels-idx1-ubyte": encode(labels[:600]),
        "t10k-images-idx3-ubyte": encode(images[600:800]),
        "t10k-labels-idx1-ubyte": encode(labels[600:800]),
    }
    for name, content in contents.items():
        (drop_in / name).write_bytes(content)
    specs = [spec(name, content) for name, content in contents.items()]
    manifest = {item.name: {"bytes": item.size, "sha256": item.sha256} for item in specs}
    (root / "src/digitbench/download/manifest.json").write_text(json.dumps(manifest))
    params = yaml.safe_load((root / "params.yaml").read_text())
    params |= {"seeds": [0, 1], "epochs": 1, "batch_size": 32}
    for section, values in NARROW.items():
        params[section] |= values
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for path in (root / "studies").glob("*/params.yaml"):
        path.write_text(yaml.safe_dump(_shrunk(yaml.safe_load(path.read_text())), sort_keys=False))
    _shrink_usps(root / "src/digitbench/download/digits.py", drop_in)


def _shrink_usps(module: Path, drop_in: Path) -> None:
    """Two small files of noise in the form of USPS, and their sizes and hashes in the code."""
    text = module.read_text()
    for name, count in ((TRAIN, 40), (TEST, 20)):
        content = usps_file([index % 10 for index in range(count)])
        (drop_in / name).write_bytes(content)
        small = spec(name, content)
        entry = f'"{name}", {small.size}, "{small.sha256}"'
        text, found = re.subn(rf'"{name}",\s*[\d_]+,\s*"[0-9a-f]{{64}}"', entry, text)
        assert found == 1
    module.write_text(text)


def _shrunk(study: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a study with few seeds and epochs and narrow networks."""
    for variant in study["variants"].values():
        for key in ("seeds", "epochs"):
            variant.pop(key, None)
        for architecture in NARROW.keys() & variant:
            variant[architecture] |= NARROW[architecture]
    study["recipe"] |= {"seeds": [0, 1], "epochs": 2, "batch_size": 32}
    return study


SETTLE = """
from dvc.repo import Repo
with Repo() as repo, repo.lock:
    studies = [stage for stage in repo.index.stages if stage.path_in_repo.startswith("studies/")]
    for stage in studies:
        stage.save_deps(allow_missing=True)
    # The lock is written once: for every stage by itself it takes ten times as long.
    studies[0].dvcfile.dump_stages(studies, update_pipeline=False)
"""
CONNECT = """
import sys; sys.path.insert(0, "src")
from digitbench.tracking.connection import connect
connect()
"""


def make_finished(
    place: Path, digits: Digits, variables: Mapping[str, str] = MappingProxyType({}), **params: Any
) -> Project:
    """A clone `project` in a folder, in which the pipeline has run and is committed.

    It ran with these variables and parameters beside those of every small clone. To its lock the
    studies ran elsewhere, on the same data, as they did to whoever ran `make`.
    """
    project = make_project(place / "project", digits)
    file = project.root / "params.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | params, sort_keys=False))
    # A third of a second less for every command; an edit is seen by its hash, not its time.
    project.run("python", "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src")
    kept = with_store(project)
    dataclasses.replace(kept, environment=kept.environment | variables).dvc("repro")
    project.run("python", "-c", SETTLE)
    commit(project)
    project.run("git", "gc", "--quiet")  # half as many files to be copied
    return project


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, digits: Digits) -> Path:
    """Where the finished clone lies that all workers copy; the first to need it makes it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    place = base / "made"
    with FileLock(base / "made.lock"):
        if not (whole := place / "whole").exists():
            shutil.rmtree(place, ignore_errors=True)
            make_finished(place, digits)
            whole.touch()
    return place


def with_store(project: Project) -> Project:
    """The same, whose trained replicates are kept in a folder beside it."""
    address = {STORE_VARIABLE: str(project.root.parent / "store")}
    return dataclasses.replace(project, environment=project.environment | address)


@pytest.fixture(scope="module")
def finished(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone in which the pipeline has run and is committed; tests restore what they change.

    Each file has its own: what one leaves behind in it is nothing that another can stumble over.
    """
    place = tmp_path_factory.mktemp("finished")
    shutil.copytree(made, place, symlinks=True, dirs_exist_ok=True)
    project = project_at(place / "project")
    # The record of runs learns where it lies now; tests begin with nothing left to tell.
    project.run("python", "-c", CONNECT)
    (project.root / "mlflow.db.moved").unlink()
    return project
