"""Machines with nothing in common but a store train the pipeline, to the bytes of one machine."""

import dataclasses
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from digitbench.params import ARCHITECTURES
from readers import Digits

from .conftest import Project, make_project

pytestmark = pytest.mark.pipeline
TRAININGS = [f"train_{name}" for name in ARCHITECTURES]


def until(happened: Callable[[], object]) -> None:
    """Wait for what must happen."""
    last = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < last, "it doesn't happen"
        time.sleep(0.05)


@contextmanager
def background(project: Project, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended as a person does it."""
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@contextmanager
def worker(project: Project, scheduler: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """One that runs the code of a clone of its own, and is ready."""
    place = project.root.parent / f"worker-{time.monotonic_ns()}"
    project.run("git", "clone", "-q", str(project.root), str(place))
    environment = project.environment | {"PYTHONPATH": str(place / "src"), **variables}
    machine = dataclasses.replace(project, root=place, environment=environment)
    with background(machine, "digitbench", "worker", scheduler, "--jobs", "1") as process:
        assert process.stdout is not None
        assert "1 process on 127.0.0.1" in process.stdout.readline()
        yield process


def kill_all(process: subprocess.Popen[str]) -> None:
    """As if its machine were switched off."""
    for each in (*psutil.Process(process.pid).children(recursive=True), process):
        each.kill()


def weights(project: Project) -> dict[str, bytes]:
    paths = project.root.glob("models/*/*.safetensors")
    return {path.relative_to(project.root).as_posix(): path.read_bytes() for path in paths}


def test_a_lost_a_late_and_an_unequal_worker_change_no_byte(tmp_path: Path, digits: Digits) -> None:
    project = make_project(tmp_path / "project", digits)
    project.dvc("repro", *TRAININGS)
    alone, store, file = weights(project), tmp_path / "store", tmp_path / "scheduler.json"
    shared = {"DIGITBENCH_STORE": str(store)}
    project = dataclasses.replace(project, environment=project.environment | shared)
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with ExitStack() as running:
        command = ("dask", "scheduler", *options, "--scheduler-file", str(file))
        running.enter_context(background(project, *command))
        until(lambda: file.exists() and file.read_text().endswith("}"))
        scheduler = json.loads(file.read_text())["address"]
        lost = running.enter_context(worker(project, scheduler))
        running.enter_context(worker(project, scheduler))
        running.enter_context(worker(project, scheduler, ATEN_CPU_CAPABILITY="default"))
        with subprocess.Popen(
            ["dvc", "repro", "--force", "--single-item", *TRAININGS],
            cwd=project.root,
            # Each is computed twice: so much to do that every worker is asked.
            env=project.environment | {"DIGITBENCH_CLUSTER": scheduler, "DIGITBENCH_AUDIT": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as repro:
            until(lambda: list(store.glob("finished/*/*.zip")) or repro.poll() is not None)
            kill_all(lost)
            running.enter_context(worker(project, scheduler))
            said = repro.communicate(timeout=600)[0]
    assert repro.returncode == 0, said
    assert "refuses: its processor is " in said, said
    assert weights(project) == alone
    assert len(alone) == 2 * len(ARCHITECTURES)
    assert len(list(store.glob("finished/*/*.zip"))) == len(alone)
    assert len(list(store.glob("data/*/*.zip"))) == 1
