"""One round: a fresh clone with a stage to run, a fault in it, and `dvc repro` again."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path

import psutil

from torture.base import INSIDE, Base, Moment, forget_stage, mismatches
from torture.fault import Fault

MARK = "TORTURE_ROUND"
# Seconds without a word and without an end after which a command hangs; those in which what is left
# may still go away.
HANG = 60
ENDLESS = 300
FAREWELL = 10
# As `digitbench.files` names what it writes before it has its final name.
TEMPORARY = re.compile(r"^\.[^/]+\.[a-z0-9_]{8}(\.half)?$|\.tmp$")
TRACEBACK = "Traceback (most recent call last)"


@dataclass
class Verdict:
    """What was wrong in a round, a line each; empty lists are right."""

    reached: bool = True
    unrecovered: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """All of it in one list."""
        return [
            f"{name}: {line}"
            for name, lines in vars(self).items()
            if isinstance(lines, list)
            for line in lines
        ]


class Round:
    """What a fault is given.

    Attributes:
        place: Folder of the round.
        root: The clone in it.
        draw: Seeded by the round.
        environment: Variables of the run; a fault may add some until its first `yield`.
        prefix: Command before `dvc repro`; so is this.
    """

    def __init__(self, base: Base, fault: Fault, seed: str, place: Path) -> None:
        """Make its clone; equal seeds give equal rounds."""
        self.draw = random.Random(seed)
        self.fault, self.place, self.verdict = fault, place, Verdict()
        self.stage = self.draw.choice(fault.stages)
        self.jobs = self.draw.choice(fault.jobs)
        self.moment = self._moment(base)
        self._base = base
        project = base.copy(place)
        self.root = project.root
        self.temporary, self._gate = place / "tmp", place / "gate"
        self.temporary.mkdir()
        self._gate.mkdir()
        self.prefix: list[str] = []
        self.environment = {
            **project.environment,
            MARK: str(place),
            "TMPDIR": str(self.temporary),
            "DVC_SITE_CACHE_DIR": str(place / "site"),
            "DIGITBENCH_JOBS": str(self.jobs),
        }
        # As everybody has them: a store in the project, and the usual patience with MLflow.
        for name in ("DIGITBENCH_STORE", "DIGITBENCH_MLFLOW_SECONDS"):
            del self.environment[name]
        forget_stage(self.root, self.stage)
        self._run = 0
        self._before = self._unknown()

    def _moment(self, base: Base) -> Moment | None:
        if not self.fault.at:
            return None
        programs = [p for p in self.fault.at if p != "worker" or self.stage.startswith("train_")]
        program = self.draw.choice(programs)
        return base.draw_moment(self.draw, self.stage, program, self.jobs, self.fault.where)

    def __str__(self) -> str:
        when = f" at {self.moment}" if self.moment else ""
        return f"{self.fault.name}, {self.stage} with {self.jobs} at once{when}"

    # --- what faults use -------------------------------------------------------------------------

    def processes(self, program: str = "") -> list[psutil.Process]:
        """Those of this round that run: all, or `dvc`, `stage`, `worker` or `manager`."""
        found = [
            process for process in map(_opened, psutil.pids()) if process and self._has(process)
        ]
        return [process for process in found if not program or _program(process) == program]

    def _has(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
            return f"{MARK}={self.place}\0".encode() in environment + b"\0" and (
                process.status() != psutil.STATUS_ZOMBIE
            )
        return False

    def signal(self, number: signal.Signals, program: str = "") -> None:
        """To one process of a program, or to all of them at once."""
        targets = self.processes(program)
        for process in targets[:1] if program else targets:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def start(self, *command: str, output: Path, **variables: str) -> subprocess.Popen[bytes]:
        """A command in the clone, in a group of its own."""
        with output.open("wb") as file:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment | variables,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def output(self) -> Path:
        """A fresh file for what a command says; all of them are judged."""
        self._run += 1
        return self.place / f"said-{self._run}.txt"

    # --- the round -------------------------------------------------------------------------------

    def hold(self) -> Verdict:
        """Break it, follow the messages, judge."""
        said, status = self._disturbed()
        self._judge_processes()
        self._recover(said, status)
        self._judge_processes()
        self._judge_files()
        self.verdict.tracebacks += [n for n, text in self.said().items() if TRACEBACK in text]
        self.verdict.mismatches += mismatches(self.root, self._base.project)
        return self.verdict

    def _disturbed(self) -> tuple[str, int]:
        act = self.fault.act(self)
        next(act)
        path, variables = self.output(), dict[str, str]()
        if self.moment:
            variables = {
                "PYTHONPATH": str(INSIDE),
                "TORTURE_HALT": "\t".join(map(str, astuple(self.moment))),
                "TORTURE_GATE": str(self._gate),
            }
        process = self.start(*self.prefix, "dvc", "repro", output=path, **variables)
        if self.moment:
            self.verdict.reached = self._reached(process)
            if self.verdict.reached:
                next(act, None)
            (self._gate / "go").touch()
        status = self._wait(process, path)
        if self.verdict.reached:
            for _ in act:
                pass
        else:
            act.close()
        fails = self.fault.fails
        if self.verdict.reached and fails is not None and fails != (status != 0):
            self.verdict.unrecovered.append(f"{path.name}: ended with {status}")
        return path.read_text(errors="replace"), status

    def _reached(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + HANG
        while process.poll() is None and time.monotonic() < deadline:
            if (self._gate / "reached").exists():
                return True
            time.sleep(0.02)
        return (self._gate / "reached").exists()

    def _wait(self, process: subprocess.Popen[bytes], path: Path) -> int:
        """Until it ends, or has said nothing for too long, or has talked for ever."""
        size, heard = 0, time.monotonic()
        end = heard + ENDLESS
        while (status := process.poll()) is None and time.monotonic() < min(heard + HANG, end):
            time.sleep(0.05)
            if path.stat().st_size != size:
                size, heard = path.stat().st_size, time.monotonic()
        if status is None:
            left = ", ".join(sorted(filter(None, map(_program, self.processes()))))
            self.verdict.hangs.append(f"{path.name}: still there: {left}")
            self._end()
            status = process.wait(HANG)
        return status

    def _recover(self, said: str, status: int) -> None:
        remedy, applied = self.fault.remedy, False
        for _ in range(2):
            if status and remedy and not applied and re.search(remedy.names, said):
                remedy.apply(self)
                applied = True
            path = self.output()
            status = self._wait(self.start("dvc", "repro", output=path), path)
            said = path.read_text(errors="replace")
            if not status:
                return
            if not (remedy and not applied and re.search(remedy.names, said)):
                break
        self.verdict.unrecovered.append(f"{path.name}: ended with {status}")

    def _judge_processes(self) -> None:
        deadline = time.monotonic() + FAREWELL
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                told = " ".join(process.cmdline())[:120]
                self.verdict.processes.append(f"{_program(process) or 'another'}: {told}")
        self._end()

    def _end(self) -> None:
        while left := self.processes():
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.02)

    def _judge_files(self) -> None:
        found = self._unknown() - self._before
        found |= {f"tmp/{path.name}" for path in self.temporary.iterdir()}
        allowed = re.compile(self.fault.leaves or "$^")
        self.verdict.files += sorted(name for name in found if not allowed.search(name))

    def _unknown(self) -> set[str]:
        """What Git would show that no stage writes, and what looks like the half of a file."""
        status = subprocess.check_output(
            ["git", "status", "--porcelain", "-z"], cwd=self.root, text=True
        )
        found = {line[3:] for line in status.split("\0") if line.startswith("??")}
        for folder, folders, names in os.walk(self.root):
            # Halves in DVC's own cache are DVC's matter: `dvc gc` takes them away.
            folders[:] = [name for name in folders if name not in (".git", ".dvc")]
            inside = Path(folder).relative_to(self.root)
            found |= {str(inside / name) for name in names if TEMPORARY.search(name)}
        halves = (self.root / ".replicates/unfinished").rglob("*.zip")
        return found | {str(half.relative_to(self.root)) for half in halves}

    def said(self) -> dict[str, str]:
        """What each command has said, by the name of its file."""
        paths = sorted(self.place.glob("said-*.txt"))
        return {path.name: path.read_text(errors="replace") for path in paths}

    def drop(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self.place, ignore_errors=True)


def _opened(pid: int) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def _program(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        words: Sequence[str] = process.cmdline()
        if words[1:2] == ["src"]:
            parent = process.parent()
            forked = parent is not None and parent.cmdline() == list(words)
            return "manager" if forked else "stage"
        if any("loky.backend.popen" in word for word in words):
            return "worker"
        if len(words) > 1 and Path(words[1]).name == "dvc":
            return "dvc"
    return ""
