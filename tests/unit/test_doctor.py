"""Every probe sees the problem that is planted for it and none without; --fix harms nobody."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from filelock import FileLock
from typer.testing import CliRunner

from digitbench import files
from digitbench.cli import app
from digitbench.diagnosis import hashes, machine, run_database
from digitbench.diagnosis.doctor import examine, nearest_project, probes
from digitbench.diagnosis.locks import RWLOCK
from digitbench.diagnosis.symptoms import Probe, Severity, Symptom, fine, problem
from digitbench.download.digits import FileSpec
from digitbench.execution.key import VARIABLES
from digitbench.execution.store import VARIABLE as STORE_VARIABLE
from digitbench.execution.workers import JOBS_VARIABLE
from digitbench.tracking.address import URI_VARIABLE
from digitbench.tracking.database import migrations

ROOT = Path(__file__).resolve().parents[2]
NAMES = [probe.name for probe in probes()]
RAW_FILE = "some-images"
OURS = (STORE_VARIABLE, JOBS_VARIABLE, URI_VARIABLE, "DIGITBENCH_DATA_DIR", "DVC_ROOT", *VARIABLES)
SLEEPS = "import time; time.sleep(600)"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in which nothing is wrong."""
    folder = tmp_path / "clone"
    (folder / ".dvc/tmp").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock", ".dvc/config"):
        shutil.copy(ROOT / name, folder / name)
    raw = folder / files.RAW / RAW_FILE
    for path in (raw, folder / "data/processed/test/images.npy", folder / "models/mlp.safetensors"):
        path.parent.mkdir(parents=True)
        path.write_bytes(path.name.encode())
    spec = FileSpec(RAW_FILE, len(RAW_FILE), hashlib.sha256(RAW_FILE.encode()).hexdigest())
    monkeypatch.setattr(hashes, "load_manifest", lambda: (spec,))
    outs = [
        {"path": path, "md5": hashes._md5(folder / path)}
        for path in ("data/processed/test", "models/mlp.safetensors")
    ]
    (folder / "dvc.lock").write_text(yaml.dump({"stages": {"train": {"outs": outs}}}))
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    for variable in OURS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "_free_memory", lambda: 1 << 40)
    return folder


def seen(name: str, folder: Path, **how: Any) -> list[Symptom]:
    return [*examine(folder, [p for p in probes() if p.name == name], **how).found[name]]


def one(name: str, folder: Path) -> Symptom:
    (symptom,) = seen(name, folder)
    return symptom


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def write(path: Path, content: bytes = b"garbage") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def half_written(path: Path) -> Path:
    """As a run leaves it that was killed before it could rename."""
    return write(path, bytes(1_000))


def orphan(folder: Path) -> psutil.Process:
    """A worker whose parent is dead."""
    code = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, *sys.argv[1:]], "
        "stdout=subprocess.DEVNULL).pid)"
    )
    command = [sys.executable, "-c", code, "-c", SLEEPS, "multiprocessing.spawn"]
    return psutil.Process(int(subprocess.check_output(command, cwd=folder)))


def running(command: list[str], folder: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    started = subprocess.Popen(command, cwd=folder)
    stack.callback(started.wait)
    stack.callback(started.kill)
    return started


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


Planting = Callable[[Path, pytest.MonkeyPatch, ExitStack], object]
P, W = Severity.PROBLEM, Severity.WARNING
PLANTED: dict[str, tuple[Planting, Severity, str]] = {
    "project": (lambda c, m, s: (c / "dvc.lock").unlink(), P, "missing: dvc.lock"),
    "git": (lambda c, m, s: shutil.rmtree(c / ".git"), P, "no Git repository"),
    "parameters": (
        lambda c, m, s: replace(c / "params.yaml", "\nepochs: ", "\nepochs: -"),
        P,
        "epochs: -",
    ),
    "python": (
        lambda c, m, s: replace(c / "pyproject.toml", '">=3.11,<3.15"', '"<3"'),
        P,
        "needs <3",
    ),
    "packages": (
        lambda c, m, s: write(c / "requirements.lock", b"numpy==1.0 \\\n    --hash=sha256:0\n"),
        P,
        r"numpy is \S+ \(1\.0\)",
    ),
    "raw data": (lambda c, m, s: write(c / files.RAW / RAW_FILE, b"other-bytes"), P, "altered"),
    "outputs": (
        lambda c, m, s: write(c / "data/processed/test/more"),
        P,
        "not as dvc.lock has it: data/processed/test$",
    ),
    "dvc": (lambda c, m, s: write(c / RWLOCK), P, "damaged"),
    "mlflow lock": (
        lambda c, m, s: s.enter_context(FileLock(c / "mlflow.db.lock")),
        W,
        rf"held by .*\(process {os.getpid()}\)",
    ),
    "mlflow": (lambda c, m, s: write(c / "mlflow.db", b"garbage" * 99), P, "no database"),
    "store": (
        lambda c, m, s: write(c / ".replicates/finished/ab/abc.zip"),
        W,
        r"1 entry, .* 1 damaged: abc",
    ),
    "gpu": (lambda c, m, s: m.setattr(machine.shutil, "which", str), W, "finds no GPU"),
    "jobs": (lambda c, m, s: m.setenv(JOBS_VARIABLE, "none"), P, f"{JOBS_VARIABLE}='none'"),
    "arithmetic": (lambda c, m, s: m.setenv("MKL_CBWR", "COMPATIBLE"), W, "MKL_CBWR"),
    "open files": (
        lambda c, m, s: m.setattr(machine.resource, "getrlimit", lambda which: (64, 64)),
        P,
        "64 files",
    ),
    "drop-in data": (
        lambda c, m, s: m.setenv("DIGITBENCH_DATA_DIR", "nowhere"),
        P,
        "which is not there",
    ),
    "memory": (
        lambda c, m, s: m.setattr(machine, "_free_memory", lambda: 1_000_000_000),
        P,
        "1.0 GB free",
    ),
    "disk": (lambda c, m, s: m.setattr(machine, "RUN", 1 << 70), P, "a run takes up to"),
    "files": (
        lambda c, m, s: half_written(c / "data/processed/test/.images.npy.abc_1234.half"),
        W,
        r"1 file half-written, .*test/\.images\.npy\.abc_1234\.half",
    ),
    "workers": (lambda c, m, s: s.callback(orphan(c).kill), W, "1 process left by what was killed"),
    "workspaces": (
        lambda c, m, s: (c / ".dvc/tmp/exps/standalone/tmpab12cd34").mkdir(parents=True),
        W,
        "tmpab12cd34",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_problem_is_seen_and_nothing_without_it(
    name: str, clone: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    assert {symptom.severity for symptom in seen(name, clone)} == {Severity.FINE}
    plant, severity, words = PLANTED[name]
    if name == "memory":
        monkeypatch.setenv(JOBS_VARIABLE, "4")
    plant(clone, monkeypatch, stack)
    (symptom,) = [each for each in seen(name, clone) if each.severity is not Severity.FINE]
    assert symptom.severity is severity
    assert re.search(words, symptom.what)
    # What the package refuses is said in whole sentences, with what is allowed.
    assert symptom.remedy or symptom.what.endswith(".")


def test_the_guide_lists_every_probe_and_what_is_mended() -> None:
    text = (ROOT / "docs/doctor.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z -]+)` \| .+ \| (.*)\|$", text, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(NAMES)
    assert {name for name, fix in rows if fix} == {"dvc", "files", "workers", "workspaces"}


# --- mending -------------------------------------------------------------------------------------


def test_fix_clears_away_what_is_dead_and_nothing_else(clone: Path, stack: ExitStack) -> None:
    left = [
        half_written(clone / "models/mlp/.seed-0.safetensors.abcdefgh.half"),
        half_written(clone / ".README.md.12345678.half"),
        half_written(clone / ".replicates/finished/ab/.abc.zip.abcdefgh.half"),
        write(clone / RWLOCK),
        clone / ".dvc/tmp/exps/tmpab12cd34",
    ]
    left[-1].mkdir(parents=True)
    worker = orphan(clone)
    stack.callback(lambda: worker.is_running() and worker.kill())
    sleeper = [sys.executable, "-c", SLEEPS, "multiprocessing.spawn"]
    mine = running(sleeper, clone, stack)  # its parent is alive
    used = clone / ".dvc/tmp/exps/tmpinuse0"
    used.mkdir()
    running(["sleep", "600"], used, stack)
    kept = [
        half_written(clone / "data/.notes.original"),
        half_written(clone / "data/.images.npy.written1.half"),
        half_written(clone / ".venv/.images.npy.others12.half"),
        used,
    ]
    fcntl.flock(stack.enter_context(kept[1].open("rb")), fcntl.LOCK_EX)  # its writer lives

    before = examine(clone, probes())
    assert all(path.exists() for path in left)
    assert before.content()["probes"]["dvc"][0]["fix"]
    found = examine(clone, probes(), fix=True).found
    mended = {name for name, each in found.items() if each[0].severity is Severity.MENDED}
    assert mended == {"dvc", "files", "workers", "workspaces"}
    assert [path for path in left if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert mine.poll() is None
    again = examine(clone, probes(), fix=True).found
    assert all(again[name][0].severity is Severity.FINE for name in mended)


def test_what_was_wrong_because_of_a_half_written_file_alone_is_right_afterwards(
    clone: Path,
) -> None:
    half_written(clone / "data/processed/test/.images.npy.abcdefgh.half")
    assert not examine(clone, probes()).healthy
    assert examine(clone, probes(), fix=True).healthy


def test_what_cannot_be_mended_stays_a_problem_with_the_reason(
    clone: Path, stack: ExitStack
) -> None:
    write(clone / RWLOCK)
    (before,) = seen("dvc", clone)
    assert before.mending is not None
    # DVC comes in between.
    infos = {"pid": os.getpid(), "cmd": "dvc repro"}
    write(clone / RWLOCK, json.dumps({"write": {"a": infos}}).encode())
    with pytest.raises(OSError, match="DVC is at work now"):
        before.mending.act()
    failing = Probe("x", lambda project: [before])
    (symptom,) = examine(clone, [failing], fix=True).found["x"]
    assert symptom.severity is Severity.PROBLEM
    assert symptom.what.endswith("(--fix: DVC is at work now)")
    assert (clone / RWLOCK).exists()


# --- locks ---------------------------------------------------------------------------------------


def rwlock(clone: Path, pid: int, cmd: str) -> None:
    info = {"pid": pid, "cmd": cmd}
    write(clone / RWLOCK, json.dumps({"write": {"a": info}, "read": {"b": [info]}}).encode())


def test_a_run_of_dvc_that_goes_on_is_named_and_left_alone(clone: Path) -> None:
    rwlock(clone, os.getpid(), "dvc repro")
    symptom = one("dvc", clone)
    assert symptom.severity is Severity.WARNING
    assert f"process {os.getpid()}" in symptom.what
    assert symptom.mending is None
    # What it is writing is not called wrong.
    write(clone / "data/processed/test/more")
    assert seen("outputs", clone)[0].severity is Severity.WARNING


def test_a_dead_run_is_a_warning_and_a_number_given_to_another_program_a_problem(
    clone: Path, stack: ExitStack
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    rwlock(clone, dead.pid, "dvc repro")
    symptom = one("dvc", clone)
    assert (symptom.severity, symptom.mending is None) == (Severity.WARNING, False)
    rwlock(clone, running(["sleep", "600"], clone, stack).pid, "dvc repro")
    symptom = one("dvc", clone)
    assert (symptom.severity, symptom.mending is None) == (Severity.PROBLEM, False)
    assert "sleep 600" in symptom.what


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"write": {"a": {}}}'])
def test_a_damaged_list_of_runs_is_a_problem_that_can_be_mended(
    content: bytes, clone: Path
) -> None:
    write(clone / RWLOCK, content)
    symptom = one("dvc", clone)
    assert (symptom.severity, symptom.mending is None) == (Severity.PROBLEM, False)
    assert "damaged" in symptom.what


def test_who_holds_dvcs_lock_is_named(clone: Path) -> None:
    with FileLock(clone / ".dvc/tmp/lock"):
        assert f"process {os.getpid()}" in one("dvc", clone).what
    assert one("dvc", clone).severity is Severity.FINE


# --- data ----------------------------------------------------------------------------------------


def test_a_folder_has_the_md5_that_dvc_gives_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name in ("b", "a.b/c", "a/d", "ä"):
        write(folder / name, name.encode())
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run([*dvc, "add", "--quiet", "folder"], cwd=tmp_path, check=True)
    (out,) = yaml.safe_load((tmp_path / "folder.dvc").read_text(encoding="utf-8"))["outs"]
    assert hashes._md5(folder) == out["md5"]


def test_what_is_not_there_yet_is_no_problem(clone: Path) -> None:
    shutil.rmtree(clone / "data")
    assert one("raw data", clone).severity is Severity.WARNING
    missing, rest = seen("outputs", clone)
    assert missing.what == "not there: data/processed/test"
    assert rest.severity is Severity.FINE


# --- MLflow --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "severity", "words"),
    [
        ("SELECT 1", Severity.FINE, "of this MLflow"),
        ("UPDATE alembic_version SET version_num = 'ffff'", P, "newer MLflow"),
        ("UPDATE alembic_version SET version_num = '{base}'", W, "older MLflow"),
        ("DROP TABLE alembic_version", P, "tables of another program"),
    ],
)
def test_a_database_of_another_mlflow_or_program_is_told(
    statement: str, severity: Severity, words: str, clone: Path, migrated_database: Path
) -> None:
    file = shutil.copy(migrated_database, clone / "mlflow.db")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(statement.format(base=migrations().get_base()))
    symptom = one("mlflow", clone)
    assert symptom.severity is severity
    assert words in symptom.what


def test_who_keeps_a_database_locked_is_named(
    clone: Path, monkeypatch: pytest.MonkeyPatch, migrated_database: Path
) -> None:
    monkeypatch.setattr(run_database, "PATIENCE", 0.01)
    file = shutil.copy(migrated_database, clone / "mlflow.db")
    with closing(sqlite3.connect(file)) as database:
        database.execute("BEGIN EXCLUSIVE")
        symptom = one("mlflow", clone)
    assert symptom.severity is Severity.PROBLEM
    assert f"process {os.getpid()}" in symptom.what


# --- what is broken ------------------------------------------------------------------------------


def test_a_probe_that_fails_or_waits_is_a_finding_and_the_others_go_on(tmp_path: Path) -> None:
    ended = threading.Event()

    def fails(project: Path) -> Iterator[Symptom]:
        yield fine("before")
        raise KeyError("some")

    def waits(project: Path) -> Iterator[Symptom]:
        ended.wait()
        yield fine("never")

    made = [Probe("one", fails), Probe("two", waits), Probe("three", lambda _: [fine("well")])]
    found = examine(tmp_path, made, patience=0.05).found
    ended.set()
    assert [symptom.what for symptom in found["one"]] == [
        "before",
        "it could not be examined (KeyError: 'some')",
    ]
    assert [symptom.what for symptom in found["two"]] == ["no answer within 0.05 s"]
    assert [symptom.what for symptom in found["three"]] == ["well"]


def test_a_module_that_cannot_be_loaded_is_a_finding(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "digitbench.diagnosis.machine", None)
    symptom = one("machine", clone)
    assert symptom.severity is Severity.PROBLEM
    assert "digitbench.diagnosis.machine" in symptom.what


BROKEN: dict[str, Callable[[Path], object]] = {
    "an empty folder": lambda c: (shutil.rmtree(c), c.mkdir(), os.chdir(c)),
    "garbage in every file": lambda c: [
        write(path, b"\xff\x00garbage: [")
        for path in [*c.rglob("*"), c / RWLOCK, c / "mlflow.db", c / "studies/dvc.lock"]
        if not path.is_dir() and ".git/" not in str(path)
    ],
    "lists in every file": lambda c: [
        write(path, b"[1]")
        for path in [*c.rglob("*"), c / RWLOCK, c / "mlflow.db", c / "studies/dvc.lock"]
        if not path.is_dir() and ".git/" not in str(path)
    ],
    "files for folders": lambda c: [
        (shutil.rmtree(c / name, ignore_errors=True), write(c / name))
        for name in (".dvc", ".git", "data", "models", "studies", ".replicates")
    ],
    "folders for files": lambda c: [
        ((c / name).unlink(missing_ok=True), (c / name).mkdir(parents=True))
        for name in ("params.yaml", "dvc.lock", "pyproject.toml", "mlflow.db", "mlflow.db.lock")
    ],
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_told_by_every_probe(case: str, clone: Path) -> None:
    BROKEN[case](clone)
    diagnosis = examine(clone, probes())
    assert [line for line in diagnosis.lines() if "could not be examined" in line] == []
    assert not diagnosis.healthy


# --- what is printed -----------------------------------------------------------------------------


def test_secrets_escapes_and_endless_names_are_not_shown(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URI_VARIABLE, "http://somebody:hunter22@127.0.0.1:9/")
    half_written(clone / "data/.\x1b[31m.npy.abcdefgh")
    long = Probe("long", lambda project: [problem("a" * 10_000 + " b")])
    found = examine(clone, [*probes(), long])
    for text in ("\n".join(found.lines()), json.dumps(found.content(), ensure_ascii=False)):
        assert "127.0.0.1:9" in text
        assert "hunter22" not in text
        assert "somebody" not in text
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) < 2_000 or text.startswith("{")


def test_the_command_tells_people_and_programs_and_its_status(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / "data/below").mkdir()
    monkeypatch.chdir(clone / "data/below")
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, done.exception) == (0, None)
    assert done.output.splitlines()[-1] == "0 problems, 0 warnings."
    write(clone / RWLOCK)
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 1
    content = json.loads(done.output)
    assert set(content) == {"schema", "project", "healthy", "probes"}
    assert (content["project"], content["healthy"]) == (str(clone), False)
    assert set(content["probes"]) == set(NAMES)
    (symptom,) = content["probes"]["dvc"]
    assert set(symptom) == {"severity", "what", "remedy", "fix"}
    done = CliRunner().invoke(app, ["doctor", "--fix"])
    assert (done.exit_code, "mended" in done.output) == (0, True)


def test_the_project_is_found_also_where_it_is_broken(clone: Path, tmp_path: Path) -> None:
    (clone / "params.yaml").unlink()
    assert nearest_project(clone / "data") == clone
    assert nearest_project(tmp_path) == tmp_path
