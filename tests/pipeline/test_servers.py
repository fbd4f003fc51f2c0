"""Real servers: runs recorded over HTTP, a server that dies, and a champion that answers."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
import yaml
from mlflow.entities import Run

from digitbench.tracking.address import URI_VARIABLE
from digitbench.tracking.database import EXPERIMENT

from .conftest import Project
from .servers import free_port, kill_group, running, wait_until

pytestmark = pytest.mark.pipeline

COMMAND_LINE = "import sys; sys.path[:0] = ['src']; from digitbench.cli import main; main()"
REPORT = (
    "import sys; sys.path[:0] = ['src']; import stages.report; stages.report.main(); "
    "print(sorted({'torch', 'mlflow'} & set(sys.modules)))"
)
# What training writes, but for its timings.
OUTPUTS = ("models/mlp/seed-0.safetensors", "models/mlp/seed-1.safetensors", "plots/curves/mlp.csv")


@dataclass(frozen=True)
class Server:
    """A tracking server that keeps artifacts itself."""

    address: str
    process: "subprocess.Popen[bytes]"

    def runs(self) -> dict[str, Run]:
        """All runs by name."""
        client = mlflow.MlflowClient(self.address)
        found = client.get_experiment_by_name(EXPERIMENT)
        runs = client.search_runs([found.experiment_id]) if found else []
        return {str(run.info.run_name): run for run in runs}


@dataclass(frozen=True)
class Recorded:
    """A project whose latest training and evaluation a server knows, and what was said."""

    project: Project
    server: Server
    evaluated: str
    reported: str
    promoted: str


@contextmanager
def tracking_server(folder: Path, project: Project) -> Iterator[Server]:
    folder.mkdir()
    address = f"http://127.0.0.1:{(port := free_port())}"
    environment = {**project.environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = ["mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with running(command, folder, environment, f"{address}/health") as process:
        yield Server(address, process)


def copy_of(project: Project, root: Path) -> Project:
    """The same without its record of runs, to do as one likes with."""
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    shutil.copytree(project.root, root, symlinks=True, ignore=ignored)
    return Project(root, dict(project.environment))


def towards(project: Project, address: str) -> Project:
    """The project with its tracking sent to an address."""
    return replace(project, environment={**project.environment, URI_VARIABLE: address})


@pytest.fixture(scope="module")
def recorded(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A CNN that learns something, trained, evaluated and promoted with a server to tell."""
    folder = tmp_path_factory.mktemp("recorded")
    project = copy_of(finished, folder / "project")
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params |= {"epochs": 20}
    params["cnn"] |= {"channels": [8, 8], "hidden": 32}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    with tracking_server(folder / "server", project) as server:
        there = towards(project, server.address)
        there.run("python", "src", "train", "cnn")
        evaluated = there.run("python", "src", "evaluate").stdout
        reported = there.run("python", "-c", REPORT).stdout
        promoted = there.run("python", "-c", COMMAND_LINE, "promote", "cnn").stdout
        yield Recorded(there, server, evaluated, reported, promoted)


def test_a_server_gets_what_the_database_would(recorded: Recorded, tmp_path: Path) -> None:
    assert "lost" not in recorded.evaluated + recorded.reported
    runs = recorded.server.runs()
    # The others were evaluated from files whose training this server never saw.
    assert {"cnn", "cnn seed 0", "cnn seed 1", "comparison", "mlp seed 0 (restored)"} <= set(runs)
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert 0 <= runs["cnn seed 0"].data.metrics["test_accuracy"] <= 1

    client = mlflow.MlflowClient(recorded.server.address)
    for name, folder, kept in (
        ("cnn seed 1", "weights", "weights/seed-1.safetensors"),
        ("cnn", "curves", "curves/cnn.csv"),
    ):
        found = client.list_artifacts(runs[name].info.run_id, folder)
        assert [item.path for item in found] == [kept]
    comparison = runs["comparison"].info.run_id
    for name in ("report/index.html", "report/figures/accuracy.png", "metrics/comparison.json"):
        page = client.download_artifacts(comparison, name, str(tmp_path))
        assert Path(page).read_bytes() == (recorded.project.root / name).read_bytes()
    assert not (recorded.project.root / "mlflow.db").exists()
    assert not (recorded.project.root / "mlartifacts").exists()


def test_report_needs_no_torch(recorded: Recorded) -> None:
    assert recorded.reported.splitlines()[-1] == "['mlflow']"


def test_the_served_champion_answers_like_the_project(recorded: Recorded, tmp_path: Path) -> None:
    project, client = recorded.project, mlflow.MlflowClient(recorded.server.address)
    assert "digitbench-cnn: version 1 is champion now" in recorded.promoted
    version = client.get_model_version_by_alias("digitbench-cnn", "champion")
    with np.load(project.root / "data/predictions/cnn.npz") as arrays:
        row = arrays["seeds"].tolist().index(int(version.tags["seed"]))
        expected, labels = arrays["probabilities"][row], arrays["labels"]
    images = np.load(project.root / "data/processed/test/images.npy")

    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "digitbench").mkdir(parents=True)
    (elsewhere / "digitbench/__init__.py").write_text("raise ImportError('not in a server')")
    environment = {**project.environment, "PYTHONPATH": str(elsewhere)}
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = ["mlflow", "models", "serve", "-m", "models:/digitbench-cnn@champion"]
    command += ["--env-manager", "local", "--port", str(port), "--workers", "1"]
    with running(command, elsewhere, environment, f"{address}/ping"):
        for key, batch in (("inputs", images.tolist()), ("instances", images[:1].tolist())):
            answer = requests.post(f"{address}/invocations", json={key: batch}, timeout=60)
            assert answer.ok, answer.text
            found = np.array(answer.json()["predictions"])
            np.testing.assert_allclose(found, expected[: len(batch)], atol=1e-5)
        refused = requests.post(f"{address}/invocations", json={"inputs": [[1, 2, 3]]}, timeout=60)
    assert refused.status_code == 400
    # Real digits, and a network that has learned them.
    assert (expected.argmax(axis=1) == labels).mean() > 0.7


def test_a_server_killed_during_a_training_costs_one_warning(
    finished: Project, tmp_path: Path
) -> None:
    project = copy_of(finished, tmp_path / "project")
    project.edit("params.yaml", r"^epochs: .*$", "epochs: 60")
    for name in OUTPUTS:
        (project.root / name).unlink()
    with tracking_server(tmp_path / "server", project) as server:
        there = towards(project, server.address)
        with subprocess.Popen(
            ["python", "src", "train", "mlp"],
            cwd=there.root,
            env=there.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as training:

            def saw_an_epoch() -> bool:
                assert training.poll() is None, "it ended before an epoch was seen"
                run = server.runs().get("mlp seed 0")
                return run is not None and "validation_accuracy" in run.data.metrics

            wait_until(saw_an_epoch)
            seen = server.runs()
            kill_group(server.process)
            assert training.poll() is None, "it ended before the server was killed"
            said, _ = training.communicate(timeout=240)
    assert seen["mlp seed 0"].info.status == "RUNNING"
    assert training.returncode == 0, said
    assert said.count("MLflow tracking was lost") == 1, said
    assert "Traceback" not in said
    left = {name: (project.root / name).read_bytes() for name in OUTPUTS}
    # It lost nothing but the record: where no server answers at all, the same bytes come out.
    said = there.run("python", "src", "train", "mlp").stdout
    assert said.count("MLflow tracking was lost") == 1, said
    assert {name: (project.root / name).read_bytes() for name in OUTPUTS} == left
