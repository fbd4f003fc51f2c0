"""How long MLflow is waited for: never for ever, in no stage and no command, on nothing."""

import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.params import load_plan
from digitbench.tracking import recorder
from digitbench.tracking.address import DATABASE, URI_VARIABLE
from digitbench.tracking.recorder import VARIABLE, NoAnswerError, Recorder
from digitbench.tracking.runs import TrainingRuns, record_evaluation, record_report
from digitbench.training.data import TrainingData
from digitbench.training.replicates import Job
from digitbench.training.trainer import Epoch
from rude_servers import MANNERS, rude_server

ROOT = Path(__file__).resolve().parents[2]
LOST = "MLflow tracking was lost"
SECRETS = ("geheim", "alice", "YWxpY2U6Z2VoZWlt")
EPOCH = Epoch(3, 1, 0.5, 0.8, 0.4, 0.9, (1,) * 100, seconds=1.0)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short waits; and no thread that was left behind goes on in the next test."""
    monkeypatch.setenv(VARIABLE, "0.4")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    monkeypatch.setattr(recorder, "QUIET", 0.1)
    yield
    for thread in threading.enumerate():
        if thread.name == "mlflow":
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    with chdir(ROOT):
        plan = load_plan("mlp")
    return Job(**vars(plan), data=small_data)


@pytest.fixture
def never() -> Iterator[Event]:
    """What doesn't happen while the test runs."""
    event = Event()
    yield event
    event.set()


# --- the limit -------------------------------------------------------------------------------


def test_the_limit_is_one_for_all_waits_in_sum(never: Event) -> None:
    with Recorder() as recorder:
        waits = (recorder.ask(never.wait, 0.2) for _ in range(100))
        with pytest.raises(NoAnswerError):
            list(waits)


def test_after_the_limit_nothing_more_is_called(never: Event) -> None:
    called = Event()
    with Recorder() as recorder:
        for call in (never.wait, called.set):
            with pytest.raises(NoAnswerError):
                recorder.ask(call)
        never.set()
    assert not called.wait(0.2)


def test_what_is_called_later_is_not_waited_for(never: Event) -> None:
    with Recorder() as recorder:
        future = recorder.later(never.wait)
        assert not future.done()
        never.set()
        assert recorder.result(future)


def test_a_calls_own_failure_is_told_as_it_is() -> None:
    def fail() -> None:
        raise TimeoutError("the server's own")

    with Recorder() as recorder, pytest.raises(TimeoutError, match="own"):
        recorder.ask(fail)


@pytest.mark.parametrize("given", ["", "abc", "0", "-1", "nan", "inf", "1e9", "9" * 5000])
def test_a_limit_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    if not given:
        assert recorder.patience() == recorder.PATIENCE
        return
    with pytest.raises(DigitbenchError, match=VARIABLE) as error:
        Recorder()
    assert len(str(error.value)) < 300


# --- what may hang ---------------------------------------------------------------------------


@contextmanager
def served(manner: str, root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with rude_server(manner) as address:
        patch.setenv(URI_VARIABLE, f"http://alice:geheim@{address}")
        yield


@contextmanager
def lock_held(_: str, root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with FileLock(root / f"{DATABASE}.lock"):
        yield


@contextmanager
def database_locked(_: str, root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    with closing(sqlite3.connect(root / DATABASE, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def name_unresolved(_: str, root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    ended = Event()
    patch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait() and [])
    patch.setenv(URI_VARIABLE, "http://alice:geheim@runs.example")
    yield
    ended.set()


@contextmanager
def foreign_database(scheme: str, root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    ended = Event()
    patch.setattr("digitbench.tracking.connection._ask_once", lambda _: ended.wait())
    patch.setenv(URI_VARIABLE, f"{scheme}://alice:geheim@127.0.0.1:9/runs")
    yield
    ended.set()


@contextmanager
def folder_in_its_place(_: str, root: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    (root / DATABASE).unlink()
    (root / DATABASE).mkdir()
    yield


TROUBLES = [
    *((served, manner) for manner in MANNERS),
    (lock_held, ""),
    (database_locked, ""),
    (name_unresolved, ""),
    (foreign_database, "postgresql"),
    (folder_in_its_place, ""),
]
trouble = pytest.mark.parametrize(
    ("arrange", "manner"), TROUBLES, ids=[manner or make.__name__ for make, manner in TROUBLES]
)
Arrange = Callable[[str, Path, pytest.MonkeyPatch], "contextmanager[None]"]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What a stage said: of waiting once at most, one loss and nothing else."""
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    loss = lines.pop()
    assert loss.startswith(f"Warning: {LOST} (")
    assert len(lines) <= 1
    assert all(", 0.4 s at most." in line for line in lines), lines
    assert len(err) < 2000
    assert not [secret for secret in SECRETS if secret in err]
    return loss


@trouble
def test_no_stage_waits_for_ever(
    arrange: Arrange,
    manner: str,
    job: Job,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("report").mkdir()
    Path("comparison.json").write_text("{}")
    with arrange(manner, root, monkeypatch):
        with TrainingRuns(job, (3,)) as runs:
            for _ in range(100):
                runs.log_epoch(EPOCH)
        assert "Run `dvc repro --force --single-item train_mlp`." in told(capsys)
        assert not record_evaluation({}, {}, [])
        assert "Run `dvc repro --force --single-item evaluate`." in told(capsys)
        assert not record_report(Path("report"), Path("comparison.json"))
        assert "Run `dvc repro --force --single-item report`." in told(capsys)


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("endless", "what it sends has no end"),
        ("failing", "too many 500 error responses"),
        ("busy", "too many 429 error responses"),
        ("another", "not in a valid JSON format"),
        ("closing", "Remote end closed connection"),
    ],
)
def test_a_server_that_answers_wrongly_is_not_waited_for_but_told(
    manner: str,
    reason: str,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, "60")
    monkeypatch.setattr(recorder, "QUIET", 60)
    with rude_server(manner) as address:
        monkeypatch.setenv(URI_VARIABLE, f"http://alice:geheim@{address}")
        record_report(Path("report"), Path("comparison.json"))
        loss = told(capsys)
    assert reason in loss
    assert f"http://***@{address}" in loss or manner == "another"


@pytest.mark.parametrize(
    ("command", "arrange", "manner"),
    [
        (["models"], served, "silent"),
        (["promote", "mlp"], served, "dripping"),
        (["models"], database_locked, ""),
    ],
)
def test_no_command_waits_for_ever(
    command: list[str],
    arrange: Arrange,
    manner: str,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root / "workspace/params.yaml").write_text((ROOT / "params.yaml").read_text())
    with arrange(manner, root, monkeypatch):
        result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, DigitbenchError)
    assert not [secret for secret in SECRETS if secret in result.output + str(result.exception)]


def test_what_was_given_up_says_nothing_when_it_fails_after_all(
    job: Job, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began, ended, failed = Event(), Event(), Event()

    def hang(*_: object) -> None:
        began.set()
        ended.wait()
        failed.set()
        raise ConnectionError("much later")

    monkeypatch.setattr(TrainingRuns, "_open", hang)
    with TrainingRuns(job, (3,)) as runs:
        began.wait()
    ended.set()
    runs._recorder.later(failed.wait)  # after it in line
    failed.wait()
    assert capsys.readouterr().err.count(LOST) == 1


RECORD = """
import os, sys
sys.path[:0] = ["src"]
from pathlib import Path
from digitbench.discretion import guard_streams
from digitbench.tracking.runs import record_report
guard_streams()
for address in sys.argv[1:]:
    os.environ["MLFLOW_TRACKING_URI"] = f"http://alice:geheim@{address}"
    record_report(Path("report"), Path("dvc.yaml"))
"""


def test_a_program_ends_although_its_thread_waits(root: Path) -> None:
    """And nothing of MLflow's, urllib3's or the server's stands between our sentences."""
    environment = {name: value for name, value in os.environ.items() if "MLFLOW" not in name}
    environment |= {"DVC_ROOT": str(root), VARIABLE: "3"}
    with rude_server("failing") as failing, rude_server("dripping") as dripping:
        done = subprocess.run(
            [sys.executable, "-W", "default", "-c", RECORD, failing, dripping],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    told = [line for line in done.stderr.splitlines() if not line.startswith("MLflow: waiting")]
    assert [line.partition("(")[0] for line in told] == [f"Warning: {LOST} "] * 2, done.stderr
    assert not [secret for secret in SECRETS if secret in done.stderr]
