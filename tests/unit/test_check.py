"""What is committed is fresh, and what isn't gets noticed; tried on a clone of the last commit."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digitbench import check
from digitbench.checks.catalogue import Examination, Finding, catalogue
from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.params import load_params
from digitbench.results.collection import load_results
from digitbench.results.records import ModelRecord
from digitbench.statistics.summary import summarise

ROOT = Path(__file__).resolve().parents[2]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        if git(ROOT, "rev-parse", "--show-toplevel") != str(ROOT):
            pytest.skip("this is not a checkout of its own")
        if not git(ROOT, "ls-tree", "HEAD", "metrics/"):
            pytest.skip("no results are committed yet")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    folder = tmp_path_factory.mktemp("fresh") / "project"
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    return folder


@pytest.fixture
def project(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The clone, as committed; the test stands in it."""
    monkeypatch.chdir(clone)
    yield clone
    git(clone, "reset", "--quiet", "--hard")


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1)
    assert count == 1
    path.write_text(text, encoding="utf-8")


def stale() -> set[str]:
    """Stages of the main pipeline."""
    return {stage for stage in check.stale_stages() if ":" not in stage}


def test_what_is_committed_is_fresh_without_data_models_and_the_page(project: Path) -> None:
    assert not list(project.rglob("*.safetensors"))
    assert not (project / "report" / "index.html").exists()
    assert check.inspect().complaints == []


def test_a_change_of_code_names_the_stages_that_have_it(project: Path) -> None:
    before = stale()
    edit(project / "src/digitbench/models/mlp.py", r"\Z", "# changed\n")
    assert stale() - before == {"train_mlp", "evaluate"} - before
    edit(project / "params.yaml", r"samples_per_class: \d+", "samples_per_class: 3")
    assert "preprocess" in stale()


def test_a_frozen_stage_is_told_as_soon_as_it_would_run(project: Path) -> None:
    edit(project / "dvc.yaml", r"  train_mlp: &train\n", r"\g<0>    frozen: true\n")
    before = stale()
    assert check.frozen_stages() == []
    edit(project / "params.yaml", r"learning_rate: \S+", "learning_rate: 0.002")
    trainings = ["train_mlp", "train_cnn", "train_rnn", "train_lstm"]
    assert check.frozen_stages() == trainings
    assert not {*trainings} & (stale() - before), "`dvc repro` would not run them"
    (complaint,) = [line for line in check.inspect().complaints if "frozen" in line]
    assert complaint.startswith("train_mlp, train_cnn, train_rnn and train_lstm: frozen, ")


def test_a_result_changed_by_hand_is_noticed_everywhere(project: Path) -> None:
    path = project / "metrics/mlp.json"
    record = ModelRecord.read(path)
    content = record.content()
    # A mean alone is refused while reading, as its values per seed give another; so is accuracy, as
    # the counts of confusion do.
    seeds = record.metrics["macro_f1"].per_seed
    worse = summarise({seed: value - 0.1 for seed, value in seeds.items()})
    content["protocols"]["test"]["metrics"]["macro_f1"] = asdict(worse)
    path.write_text(json.dumps(content))
    assert {"evaluate", "report"} <= stale()
    pages = check.stale_pages(load_results(load_params()))
    assert [path.as_posix() for path in pages] == ["README.md", "report/report.md"]


def test_a_page_changed_by_hand_is_named(project: Path) -> None:
    edit(project / "report/report.md", r"^# ", "# !")
    (complaint,) = [line for line in check.inspect().complaints if "not what the results" in line]
    assert complaint.startswith("report/report.md: ")
    assert "--force --single-item report" in complaint


@pytest.mark.parametrize(
    "lost",
    [
        "plots/curves/cnn.csv",
        "src/digitbench/models/rnn.py",
        "report/report.md",
        "src/stages/robustness.py",  # of the studies alone
    ],
)
def test_a_file_that_git_should_have_is_missed(project: Path, lost: str) -> None:
    # DVC alone takes it for data that somebody else has.
    (project / lost).unlink()
    (complaint,) = check.inspect().complaints
    assert complaint.startswith(f"{lost}: named in dvc.yaml, but not there. Run `dvc repro`")


def test_a_broken_graph_is_a_sentence(project: Path) -> None:
    edit(project / "dvc.yaml", r"stages:", "stages: [")
    with pytest.raises(DigitbenchError, match="DVC cannot tell what is up to date"):
        check.stale_stages()


def test_the_script_looks_at_what_is_committed_and_nothing_else(
    project: Path, tmp_path: Path
) -> None:
    commands = tmp_path / "digitbench"
    commands.write_text('#!/bin/sh\necho "digitbench $*; there: $(ls report)"\nexit 1\n')
    commands.chmod(0o755)
    (project / "report/report.md").unlink()
    git(project, "commit", "--quiet", "--all", "--message", "without a result")
    git(project, "checkout", "--quiet", "HEAD~1", "report/report.md")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [".ci/check"], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    git(project, "reset", "--quiet", "--hard", "HEAD~1")
    assert done.returncode == 1, done.stderr
    assert "without what is not committed yet:" in done.stdout
    assert "digitbench check; there: figures\n" in done.stdout


# --- checks of the method ----------------------------------------------------------------------


def lock(answers: str) -> None:
    """Let `dvc.lock` say that the networks answered otherwise."""
    edit(Path("dvc.lock"), r"(?s)(path: data/predictions\n.*?md5: )\w+", rf"\g<1>{answers}")


def test_looks_at_the_test_set_are_counted_in_commits_experiments_and_on_disk(
    project: Path,
) -> None:
    base = git(project, "rev-parse", "HEAD")
    git(project, "checkout", "--quiet", "-B", "main")
    git(project, "checkout", "--quiet", "-b", "tried")
    assert check.read_history(project).results == {}
    for answers in ("aaaa", "bbbb"):
        lock(answers)
        git(project, "commit", "--quiet", "--all", "--message", answers)
    lock("aaaa")  # what a commit has already
    tried = git(project, "rev-parse", "HEAD")
    exp = git(project, "commit-tree", "HEAD^{tree}", "-p", base, "-m", "as bbbb")
    git(project, "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/small-gnu", exp)
    stranger = "0" * 40
    git(project, "update-ref", f"refs/exps/{stranger[:2]}/{stranger[2:]}/of-others", exp)
    found = check.read_history(project)
    git(project, "checkout", "--quiet", "--force", "--detach", base)
    assert found.base == base
    assert set(map(frozenset, found.results.values())) == {
        frozenset({f"commit {git(project, 'rev-parse', f'{tried}~1')[:10]}", "the workspace"}),
        frozenset({f"commit {tried[:10]}", "experiment small-gnu"}),
    }


def test_without_history_the_check_is_said_not_to_be_made(project: Path) -> None:
    (project / ".git").rename(project / ".git-away")
    try:
        with pytest.raises(DigitbenchError, match="no Git repository can be read here"):
            check.read_history(project)
    finally:
        (project / ".git-away").rename(project / ".git")


def test_the_command_fails_on_a_check_only_if_it_shall(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    finding = Finding(catalogue()[0], "With seed 7.")
    found = check.Inspection([], Examination(("DB001",), ("DB005",), (finding,)), ("Not made: …",))
    monkeypatch.setattr(check, "inspect", lambda mute: found)
    run = CliRunner().invoke(app, ["check"])
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert lines[:1] == ["The results come from this code and these parameters."]
    assert lines[2:4] == ["DB001 One seed only. With seed 7.", "Not made: …"]
    assert "without the muted DB005; fired: DB001." in lines[4]
    assert CliRunner().invoke(app, ["check", "--strict"]).exit_code == 1
    checks = json.loads(CliRunner().invoke(app, ["check", "--json"]).stdout)["checks"]
    case = {"code": "DB001", "title": "One seed only", "text": "With seed 7."}
    assert checks == {
        "made": ["DB001"],
        "muted": ["DB005"],
        "unmade": ["Not made: …"],
        "findings": [case],
    }


def test_the_command_takes_what_is_muted_and_refuses_what_is_no_check(project: Path) -> None:
    run = CliRunner().invoke(app, ["check", "--json", "--mute", "DB005", "--mute", "DB006"])
    checks = json.loads(run.stdout)["checks"]
    assert checks["muted"] == ["DB005", "DB006"]
    assert checks["made"] == ["DB001", "DB002", "DB003", "DB004", "DB007", "DB008"]
    refused = CliRunner().invoke(app, ["check", "--mute", "DB999"])
    assert isinstance(refused.exception, DigitbenchError)
    assert "DB999: no such check" in str(refused.exception)
