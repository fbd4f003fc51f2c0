"""The judgement of `make torture` sees what is planted, with a `dvc` that does as it is told."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from torture import round as rounds
from torture.base import STAGES, TRAININGS, Base, mismatches
from torture.fault import Act, Fault, Remedy, Steps, catalogue
from torture.round import Round, Verdict
from torture.tally import Tally

# Makes every output, as an undisturbed run does; what $AT_FIRST says happens in the first run.
DVC = """#!/bin/sh
out() { for stage in %s; do mkdir -p data; echo right > "data/$stage"; done; }
out
if [ ! -e .git/again ]; then touch .git/again; eval "$AT_FIRST"; else eval "$AFTERWARDS"; fi
"""


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """A project whose stages write a file each."""
    project = tmp_path / "base/project"
    project.mkdir(parents=True)
    outs = {stage: [f"data/{stage}"] for stage in STAGES}
    stages = {
        stage: {"outs": outs[stage], "vars": [{"name": stage}]}
        if stage in TRAININGS
        else {"outs": outs[stage]}
        for stage in STAGES
    }
    lock = {stage: {"outs": [{"path": outs[stage][0], "md5": "0" * 32}]} for stage in STAGES}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": lock}))
    (project / ".gitignore").write_text("/data/\n")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    command = tmp_path / "bin/dvc"
    command.parent.mkdir()
    command.write_text(DVC % " ".join(STAGES))
    command.chmod(0o755)
    subprocess.run([command], cwd=project, check=True)
    (project / ".git/again").unlink()
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    return Base(tmp_path / "base")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "HANG", 2)
    monkeypatch.setattr(rounds, "FAREWELL", 0.3)


def told(base: Base, at_first: str = "", afterwards: str = "") -> Act:
    """Let `dvc` do that."""

    def act(round: Round) -> Steps:
        path = f"{base.place.parent / 'bin'}{os.pathsep}{round.environment['PATH']}"
        round.environment |= {"PATH": path, "AT_FIRST": at_first, "AFTERWARDS": afterwards}
        yield

    return act


def judged(base: Base, at_first: str = "", afterwards: str = "", **fault: object) -> Verdict:
    row = Fault("planted", told(base, at_first, afterwards), **fault)  # type: ignore[arg-type]
    return Round(base, row, "17/1", base.place.parent / "round").hold()


def test_nothing_wrong_is_nothing_to_complain_about(base: Base) -> None:
    assert judged(base).complaints() == []
    assert judged_again_is_equal(base)


def judged_again_is_equal(base: Base) -> bool:
    fault = Fault("planted", told(base))
    one, other = (Round(base, fault, "17/2", base.place.parent / name) for name in "ab")
    return str(one) == str(other)


@pytest.mark.parametrize(
    ("at_first", "afterwards", "kind"),
    [
        ("", "echo wrong > data/evaluate", "mismatches"),
        ("", "rm data/evaluate", "mismatches"),
        ("", "echo more > data/evaluate; exit 1", "unrecovered"),
        ("sleep 60", "", "hangs"),
        ("", "sleep 60", "hangs"),
        ("echo 'Traceback (most recent call last):'", "", "tracebacks"),
        ("sleep 60 >/dev/null 2>&1 &", "", "processes"),
        ("(setsid sleep 60 >/dev/null 2>&1 &)", "", "processes"),
        ("touch new.txt", "", "files"),
        ("touch data/.seed-0.safetensors.a1b2c3d4", "", "files"),
        ("touch data/.seed-0.safetensors.a1b2c3d4.half", "", "files"),
        ("touch $TMPDIR/left", "", "files"),
        ("mkdir -p .replicates/unfinished; touch .replicates/unfinished/a.zip", "", "files"),
    ],
)
def test_what_is_planted_is_reported(base: Base, at_first: str, afterwards: str, kind: str) -> None:
    assert any(line.startswith(kind) for line in judged(base, at_first, afterwards).complaints())


def test_a_fault_that_must_fail_does(base: Base) -> None:
    assert judged(base, fails=True).unrecovered
    assert not judged_with(base, "exit 1", fails=True).unrecovered


def judged_with(base: Base, at_first: str, **fault: object) -> Verdict:
    row = Fault("planted", told(base, at_first), **fault)  # type: ignore[arg-type]
    return Round(base, row, "17/3", base.place.parent / "other").hold()


def test_a_remedy_is_applied_only_if_a_message_names_it(base: Base) -> None:
    def mend(round: Round) -> None:
        (round.root / ".git/mended").touch()

    remedy = Remedy("delete the lock", mend)
    stuck = "[ -e .git/mended ] || { echo '%s'; exit 1; }"
    silent, names = (stuck % words for words in ("no", "delete the lock"))
    assert judged(base, silent, silent, remedy=remedy).unrecovered
    row = Fault("planted", told(base, names, names), remedy=remedy)
    assert Round(base, row, "17/4", base.place.parent / "named").hold().complaints() == []


def test_a_signal_finds_the_program_in_its_moment(base: Base) -> None:
    """Of a real Python process; what it writes afterwards is never written."""
    script = "import sys; open('data/download', 'w'); open('data/evaluate', 'w').write('wrong')"
    (base.place / "moments.tsv").write_text(
        "2\tdownload\tstart\t\n1\tdvc\topen\tdata/download\n1\tdvc\topen\tdvc.lock\n"
    )
    program = base.place.parent / "python/dvc"
    program.parent.mkdir()
    program.write_text(script)

    def act(round: Round) -> Steps:
        round.environment["PATH"] = f"{base.place.parent / 'bin'}:{round.environment['PATH']}"
        round.prefix = ["python", str(program)]
        yield
        round.signal(signal.SIGKILL, "dvc")

    row = Fault("planted", act, ("dvc",), stages=("download",), fails=True)
    verdict = Round(base, row, "17/5", base.place.parent / "killed").hold()
    assert verdict.reached
    assert verdict.complaints() == []


def test_clocks_are_no_results_and_pages_are_compared_where_none_has_changed(
    tmp_path: Path,
) -> None:
    stages = {stage: {"outs": [f"data/{stage}"], "vars": [{"name": stage}]} for stage in STAGES}
    stages["evaluate"]["outs"] = ["metrics/timing/evaluate.json"]
    stages["report"]["outs"] = ["report/report.md"]
    for name in ("mine", "theirs"):
        for path in ("metrics/timing/evaluate.json", "report/report.md"):
            (tmp_path / name / path).parent.mkdir(parents=True)
            (tmp_path / name / path).write_text("as it was")
        (tmp_path / name / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    (mine / "report/report.md").write_text("another")
    assert mismatches(mine, theirs) == ["report/report.md"]
    (mine / "metrics/timing/evaluate.json").write_text("later")
    assert mismatches(mine, theirs) == []
    (mine / "metrics/timing/evaluate.json").unlink()
    assert "metrics/timing/evaluate.json" in mismatches(mine, theirs)


def test_the_table_counts_rounds() -> None:
    tally = Tally()
    tally.add("full disk", Verdict(files=["a", "b"]))
    tally.add("full disk", Verdict(reached=False))
    assert tally.failed == 1
    assert "| full disk | 2 | 2 | 0 | 0 | 0 | 0 | 1 | 1 |" in tally.table()
    assert "| all | 2 |" in tally.table()


def test_every_fault_has_a_name_of_its_own_and_a_place() -> None:
    names = [fault.name for fault in catalogue()]
    assert len(names) == len(set(names)) > 60
    assert all(set(fault.stages) <= set(STAGES) for fault in catalogue())
