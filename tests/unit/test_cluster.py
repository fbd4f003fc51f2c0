"""Replicates on workers of a scheduler, all real processes on loopback."""

import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client

from architectures import RECIPE, SMALL
from digitbench.errors import DigitbenchError
from digitbench.execution import cluster, crew, extra
from digitbench.execution.orders import _difference
from digitbench.execution.store import DATA, FINISHED, UNFINISHED, Store
from digitbench.execution.task import Task
from digitbench.execution.workers import execute, run_replicates
from digitbench.training.data import TrainingData
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch
from planted import plant

ROOT = Path(__file__).resolve().parents[2]


class Heard:
    """A listener that remembers, and may act on an epoch."""

    def __init__(self, act: Callable[[Epoch], None] = lambda epoch: None) -> None:
        self.epochs: list[Epoch] = []
        self._act = act

    def log_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self._act(epoch)

    def log_kept(self, seed: int, key: str) -> None:
        raise AssertionError("every test has a store of its own")


def started(*command: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if "DIGITBENCH" not in name}
    return subprocess.Popen(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        env=environment | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    """What it said, after a signal."""
    process.send_signal(number)
    return process.communicate(timeout=60)[0]


def start_scheduler(folder: Path) -> tuple[str, subprocess.Popen[str]]:
    file = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    process = started("dask", "scheduler", *options, "--scheduler-file", str(file))
    until(lambda: file.exists() and file.read_text().endswith("}"))
    return json.loads(file.read_text())["address"], process


def start_crew(address: str, jobs: int) -> subprocess.Popen[str]:
    process = started("digitbench", "worker", address, "--jobs", str(jobs))
    assert process.stdout is not None
    assert f"{jobs} process" in process.stdout.readline()
    return process


def until(happened: Callable[[], object]) -> None:
    """Wait for what must happen."""
    last = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < last, "it doesn't happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    address, process = start_scheduler(tmp_path_factory.mktemp("scheduler"))
    yield address
    ended(process)


@pytest.fixture(scope="module")
def two_workers(scheduler: str) -> Iterator[subprocess.Popen[str]]:
    process = start_crew(scheduler, 2)
    yield process
    assert "Stopped" in ended(process, signal.SIGINT)


@pytest.fixture(scope="module")
def client(scheduler: str) -> Iterator[Client]:
    with Client(scheduler, set_as_default=False) as client:
        yield client


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    return Job("", "mlp", "mlp", SMALL["mlp"], RECIPE, small_data)


@pytest.fixture
def store(tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Of the test alone; the cluster is asked for, and no audit."""
    monkeypatch.setenv("DIGITBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("DIGITBENCH_CLUSTER", scheduler)
    monkeypatch.setenv("DIGITBENCH_AUDIT", "0")
    return Store(str(tmp_path / "store"))


def changed(job: Job, **settings: Any) -> Job:
    return dataclasses.replace(job, recipe=job.recipe.model_copy(update=settings))


def on_this_machine(job: Job, monkeypatch: pytest.MonkeyPatch) -> list[Replicate]:
    with monkeypatch.context() as patch:
        patch.delenv("DIGITBENCH_CLUSTER")
        return run_replicates(job, 1, lambda epoch: None)


def weights(replicates: list[Replicate]) -> list[bytes]:
    return [replicate.weights for replicate in replicates]


def kinds(store: Store) -> list[str]:
    return sorted(entry.kind for entry in store.entries())


def test_without_the_variable_nothing_of_dask_is_loaded() -> None:
    code = "import sys, stages.train; print({'dask', 'distributed'} & set(sys.modules))"
    found = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT / "src", text=True)
    assert found == "set()\n"


def test_no_worker_is_said_and_one_that_comes_late_trains(
    job: Job,
    store: Store,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cluster, "SILENCE", 0.0)
    said = ""

    def waits() -> bool:
        nonlocal said
        said += capfd.readouterr().out
        return "no worker at tcp://127.0.0.1" in said

    with ThreadPoolExecutor(1) as thread:
        training = thread.submit(execute, job, Heard())
        until(waits)
        request.getfixturevalue("two_workers")
        replicates, _ = training.result()
    assert said.count("waiting") == 1, "not at every look"
    assert weights(replicates) == weights(on_this_machine(job, monkeypatch))


def test_weights_and_curves_are_those_of_one_machine(
    job: Job, store: Store, two_workers: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, heard = changed(job, seeds=(3, 1, 2)), Heard()
    monkeypatch.setenv("DIGITBENCH_AUDIT", "1")
    replicates, how = execute(job, heard)
    assert weights(replicates) == weights(on_this_machine(job, monkeypatch))
    assert [replicate.seed for replicate in replicates] == [3, 1, 2]
    told = sorted(heard.epochs, key=lambda epoch: (epoch.seed, epoch.epoch))
    assert told == sorted(
        (epoch for replicate in replicates for epoch in replicate.history),
        key=lambda epoch: (epoch.seed, epoch.epoch),
    )
    assert how["replicates_at_once"] == 2
    assert "torch" in how["environment"]
    assert kinds(store) == [DATA] + 3 * [FINISHED]


def test_a_lost_worker_costs_its_unfinished_epoch(
    job: Job,
    store: Store,
    two_workers: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    client: Client,
) -> None:
    job = changed(job, seeds=(0, 1), epochs=60)
    begun: set[int] = set()
    killed: list[int] = []

    def kill_one(epoch: Epoch) -> None:
        begun.add(epoch.seed)
        if begun == {0, 1} and epoch.epoch >= 2 and not killed:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            pids = client.run(os.getpid, workers=busy[:1])
            killed.extend(pids.values())
            os.kill(killed[0], signal.SIGKILL)

    heard = Heard(kill_one)
    replicates, _ = execute(job, heard)
    assert killed
    assert capfd.readouterr().out.count("is lost; another goes on with seed") == 1
    assert weights(replicates) == weights(on_this_machine(job, monkeypatch))
    first = {epoch.seed: epoch for epoch in heard.epochs if epoch.epoch == 1}
    assert {replicate.seed: replicate.history[0] for replicate in replicates} == first, (
        "its clock shows that it was not learned again"
    )
    assert len(heard.epochs) == 120, "none is told twice"
    until(lambda: len(client.nthreads()) == 2)


def execute_in(client: Client, code: str, worker: str | None = None) -> None:
    client.run(exec, code, workers=worker and [worker])


def test_who_computes_otherwise_is_refused_and_the_run_goes_on(
    job: Job,
    store: Store,
    two_workers: object,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    job, other = changed(job, seeds=(0, 1)), min(client.nthreads())
    execute_in(client, "import os; os.environ['MKL_CBWR'] = 'COMPATIBLE'", other)
    try:
        replicates, _ = execute(job, Heard())
    finally:
        execute_in(client, "import os; del os.environ['MKL_CBWR']", other)
    said = capfd.readouterr().out
    assert (
        f"worker {other} refuses: its variables is MKL_CBWR 'COMPATIBLE', and MKL_CBWR ''" in said
    )
    assert said.count("refuses") == 1
    assert weights(replicates) == weights(on_this_machine(job, monkeypatch))


def test_if_all_refuse_the_stage_ends_with_every_reason(
    job: Job, store: Store, two_workers: object, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    with pytest.raises(DigitbenchError, match="Every worker refuses") as error:
        execute(changed(job, seeds=(0, 1)), Heard())
    for worker in client.nthreads():
        assert f"{worker}: its variables is ONEDNN_MAX_CPU_ISA ''" in str(error.value)
    assert kinds(store) == [DATA]


def test_a_worker_that_cannot_reach_the_data_says_what_to_set(
    job: Job, store: Store, two_workers: object, client: Client, tmp_path: Path
) -> None:
    execute_in(client, f"import os; os.environ['DIGITBENCH_STORE'] = '{tmp_path / 'empty'}'")
    try:
        with pytest.raises(DigitbenchError, match=r"empty has no such data.*Set DIGITBENCH_STORE"):
            execute(job, Heard())
    finally:
        execute_in(client, "import os; del os.environ['DIGITBENCH_STORE']")
    assert not (tmp_path / "empty").exists()


def test_damaged_data_are_put_there_anew(job: Job, store: Store, two_workers: object) -> None:
    store.put_data(job.data)
    (path,) = Path(store.address).glob("data/*/*.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    execute(job, Heard())
    assert path.read_bytes() == whole


def test_without_a_store_there_is_no_cluster(
    job: Job, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITBENCH_STORE", "off")
    with pytest.raises(DigitbenchError, match="take the data from the store"):
        execute(job, Heard())
    (tmp_path / "a file").touch()
    monkeypatch.setenv("DIGITBENCH_STORE", str(tmp_path / "a file"))
    with pytest.raises(DigitbenchError, match="take the data from the store"):
        execute(job, Heard())


def test_other_bytes_stop_the_run_and_name_both_machines(
    job: Job, store: Store, two_workers: object, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(job, 0, Path(store.address))
    monkeypatch.setenv("DIGITBENCH_AUDIT", "1")
    with pytest.raises(DigitbenchError, match="Seed 0 was trained twice") as error:
        execute(job, Heard())
    assert all(f"{worker} (hardware " in str(error.value) for worker in client.nthreads())
    assert kinds(store) == [DATA]


def test_ctrl_c_leaves_the_workers_free(
    job: Job, store: Store, two_workers: object, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            execute(
                changed(job, epochs=1000), Heard(lambda epoch: os.kill(os.getpid(), signal.SIGINT))
            )
    finally:
        signal.signal(signal.SIGINT, before)
    busy = "[w for w in __import__('distributed').Worker._instances if w.active_threads]"
    until(lambda: not any(client.run(eval, f"len({busy})").values()))
    assert kinds(store) == [DATA, UNFINISHED], "stopped before the end"


def test_workers_listen_on_loopback_alone(two_workers: subprocess.Popen[str]) -> None:
    processes = [psutil.Process(two_workers.pid), *psutil.Process(two_workers.pid).children(True)]
    listening = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    with pytest.raises(DigitbenchError, match="--host ADDRESS"):
        crew.serve("tcp://10.1.2.3:8786", 1, None)


def test_a_lost_scheduler_ends_the_stage_and_its_workers_with_a_sentence(
    job: Job, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, process = start_scheduler(tmp_path)
    workers = start_crew(address, 1)
    monkeypatch.setenv("DIGITBENCH_CLUSTER", address)
    gone = threading.Event()

    def lose(epoch: Epoch) -> None:
        if not gone.is_set():
            process.kill()
            gone.set()

    with pytest.raises(DigitbenchError, match=rf"{address} is lost.*goes on from there"):
        execute(changed(job, epochs=1000), Heard(lose))
    process.communicate()
    said = workers.communicate(timeout=60)[0]
    assert f"digitbench: The scheduler {address} is lost" in said
    assert "Traceback" not in said
    assert workers.returncode == 2
    assert kinds(store) == [DATA, UNFINISHED]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "8786:x"])
def test_a_wrong_address_is_a_sentence(
    address: str, job: Job, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.2)
    monkeypatch.setitem(extra._TIMEOUTS, "connect", "200ms")
    monkeypatch.setenv("DIGITBENCH_CLUSTER", address)
    with pytest.raises(DigitbenchError, match=f"DIGITBENCH_CLUSTER={address}: no scheduler"):
        execute(job, Heard())
    with pytest.raises(DigitbenchError, match=f"{address}.*no scheduler answers"):
        crew.serve(address, 1, "127.0.0.1")


def test_a_missing_extra_is_a_sentence(
    job: Job, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DigitbenchError, match=r"dask and distributed.*\[cluster\]"):
        execute(job, Heard())


# --- who gets what ---------------------------------------------------------------------------


class Clerk:
    """Takes orders for workers and never answers."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def submit(self, function: object, order: bytes, workers: list[str], **how: object) -> object:
        self.given += workers
        return Never()


class Never:
    """What comes of an order that isn't answered."""

    def add_done_callback(self, call: object) -> None:
        pass


HOSTS = ("tcp://10.0.0.1:1", "tcp://10.0.0.1:2", "tcp://10.0.0.2:1")


@pytest.mark.parametrize(
    ("workers", "audited_by"),
    [(HOSTS, HOSTS[2]), (HOSTS[:2], HOSTS[1]), (HOSTS[:1], None)],
)
def test_an_audit_goes_to_another_machine_else_to_another_process(
    workers: tuple[str, ...], audited_by: str | None, job: Job
) -> None:
    clerk, facts = Clerk(), {"seed": 0}
    tasks = [Task(job, facts, 1, "store", audit) for audit in (False, True)]
    given = cluster._Assignment(clerk, "tcp://x", tasks, None)
    for _ in range(2):
        given._assign(dict.fromkeys(workers, ()))
    assert clerk.given == [worker for worker in (workers[0], audited_by) if worker]


def test_after_the_good_workers_are_lost_others_are_waited_for(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SILENCE", 0.0)
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    given = cluster._Assignment(Clerk(), "tcp://x", [], said)
    given._refused = {HOSTS[0]: "it is another"}
    with pytest.raises(DigitbenchError, match="Every worker refuses"):
        given._look_after({HOSTS[0]: ()})
    given._proven = True
    given._look_after({HOSTS[0]: ()})
    given._look_after({HOSTS[0]: ()})
    assert said.get_nowait().startswith("no worker but who refuses at tcp://x")
    assert said.empty(), "said once, not at every look"


def test_only_what_differs_is_named() -> None:
    assert _difference({"a": 1, "b": 2}, {"a": 1, "b": 3}) == ("b 2", "b 3")
    assert _difference({"a": 1}, {}) == ("a 1", "a 'unknown'")
    assert _difference("2.0", "2.1") == ("2.0", "2.1")
