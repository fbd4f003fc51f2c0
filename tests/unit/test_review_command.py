"""`digitbench review` as a person or a pipeline runs it, on repositories with known results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digitbench.cli import app, main
from review_data import (
    BETTER,
    LEVEL,
    NOISE,
    PerSeed,
    Repository,
    conditions,
    per_seed,
    record,
    timing,
)

SRC = Path(__file__).resolve().parents[2] / "src"
FORMS = ("--markdown", "--html", "--json")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two architectures committed on main; the test stands in the root."""
    made = Repository(tmp_path / "project")
    made.results(mlp=record(LEVEL), cnn=record(LEVEL))
    made.write({"params.yaml": "epochs: 5\n", "metrics/timing/cnn.json": timing(1.0)})
    made.commit()
    monkeypatch.chdir(made.root)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["review", *arguments])


def failure(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit status of the whole program."""
    monkeypatch.setattr(sys, "argv", ["digitbench", "review", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def python(program: str, **variables: str) -> str:
    """What a program prints in a process of its own, given a way to call the review."""
    start = """
import sys
from typer.testing import CliRunner
from digitbench.cli import app
def run(*arguments): return CliRunner().invoke(app, ["review", *arguments])
"""
    return subprocess.run(
        [sys.executable, "-c", start + program],
        env={**os.environ, "PYTHONPATH": str(SRC), **variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


# --- what it says ----------------------------------------------------------------------------


def test_workspace_is_compared_with_main_by_default(repository: Repository) -> None:
    repository.results(cnn=record(BETTER))
    repository.write({"params.yaml": "epochs: 10\n"})
    result = run()
    assert result.exit_code == 0
    assert result.output.startswith("Review of results: merge base with main (")
    assert "CNN: better on accuracy (+1.00 points" in result.output
    assert "MLP: accuracy unchanged." in result.output
    assert ["epochs", "5", "10"] in [line.split() for line in result.output.splitlines()]


def test_two_revisions_are_compared_whatever_lies_on_disk(repository: Repository) -> None:
    repository.results(cnn=record(BETTER))
    repository.commit()
    repository.results(cnn={"damaged": True})
    forth = json.loads(run("HEAD~1", "HEAD", "--json").output)
    back = json.loads(run("HEAD", "HEAD~1", "--json").output)
    verdicts = {row["architecture"]: row["verdict"] for row in forth["accuracy"]}
    assert verdicts == {"mlp": "same", "cnn": "better"}
    assert back["accuracy"][1]["verdict"] == "worse"
    assert forth["base"]["name"] == "HEAD~1"
    assert forth["head"]["commit"] == repository.git("rev-parse", "HEAD")


def test_json_holds_every_number_behind_the_tables(repository: Repository) -> None:
    repository.results(cnn=record(NOISE, parameters=2000))
    found = json.loads(run("--json").output)
    row = found["accuracy"][1]
    assert row["architecture"] == "cnn"
    assert row["before"] == pytest.approx(sum(LEVEL.values()) / 4)
    assert row["after"] - row["before"] == pytest.approx(row["difference"])
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert row["p_value"] < row["p_value_holm"]
    assert row["p_same"] < 0.05
    assert (row["verdict"], row["unchanged"], row["margin"]) == ("same", False, 0.002)
    assert 0 < row["smallest"] < 0.004
    assert row["seeds_needed"] > 1
    assert not any(isinstance(value, dict) for value in row.values())
    assert (found["schema"], found["margin"]) == (2, 0.002)
    assert {other["margin"] for other in found["other_metrics"]} == {None}, "of accuracy alone"
    assert {row["metric"] for row in found["other_metrics"]} == {"macro_f1", "nll", "brier", "ece"}
    assert found["robustness"] is None
    assert found["changes"]["sizes"] == [
        {"architecture": "cnn", "quantity": "parameters", "before": 1000, "after": 2000}
    ]
    assert found["head"] == {"name": "workspace", "commit": None}


def test_it_runs_from_any_folder_inside(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.results(cnn=record(BETTER))
    here = run("--markdown").output
    monkeypatch.chdir(repository.root / "metrics" / "timing")
    assert run("--markdown").output == here


def test_output_goes_to_a_file(repository: Repository, tmp_path: Path) -> None:
    for form in ((), *((name,) for name in FORMS)):
        target = tmp_path / "new" / f"review{''.join(form)}"
        shown, written = run(*form), run(*form, "-o", str(target))
        assert written.output == ""
        assert target.read_text(encoding="utf-8") == shown.output


def test_missing_robustness_is_said_not_failed(repository: Repository) -> None:
    level = vars(conditions(100, mean=LEVEL).accuracy["mean"]["cnn"])
    before = {"images": 100, "units": {}, "mlp": {"mean": level}}
    repository.write({"metrics/robustness.json": before})
    result = run("--markdown")
    assert result.exit_code == 0
    assert "### Robustness\n\nCannot be compared: not measured in both revisions." in result.output


# --- the margin that matters -----------------------------------------------------------------


def margin(*arguments: str) -> float:
    found: float = json.loads(run(*arguments, "--json").output)["margin"]
    return found


def test_margin_is_that_of_the_later_revision_else_on_disk_else_the_usual(
    repository: Repository,
) -> None:
    assert margin() == pytest.approx(0.002), "nowhere in params.yaml"
    repository.write({"params.yaml": "margin: 0.5\n"})
    assert margin("HEAD", "HEAD") == pytest.approx(0.005), "on disk"
    repository.commit()
    repository.write({"params.yaml": "margin: 0.7\n"})
    assert margin("HEAD", "HEAD") == pytest.approx(0.005)
    assert margin("HEAD~1") == margin() == pytest.approx(0.007), "the files on disk are later"
    assert margin("--margin", "0.3") == pytest.approx(0.003)


def test_margin_decides_what_is_the_same(repository: Repository) -> None:
    repository.results(cnn=record(NOISE))
    assert "CNN: the same accuracy within ±0.5 points." in run("--margin", "0.5").output
    assert "CNN: no evidence either way on accuracy." in run("--margin", "0.05").output


@pytest.mark.parametrize("value", ["0", "-1", "nan", "101"])
def test_impossible_margin_is_a_sentence(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str,
) -> None:
    allowed = "is not allowed; margin must be points of accuracy above 0, at most 100."
    assert failure(monkeypatch, "--margin", value) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("digitbench: --margin: margin: ")
    assert allowed in shown
    repository.write({"params.yaml": f"margin: {value.replace('nan', '.nan')}\n"})
    assert failure(monkeypatch) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("digitbench: params.yaml in workspace: margin: ")
    assert allowed in shown


# --- exit statuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "status"),
    [(per_seed(0.9700, 0.9713, 0.9694, 0.9722), 1), (BETTER, 0), (NOISE, 0), (LEVEL, 0)],
)
def test_fail_on_worse(repository: Repository, after: PerSeed, status: int) -> None:
    repository.results(cnn=record(after))
    assert run("--fail-on", "worse").exit_code == status
    assert run().exit_code == 0, "only on request"


def test_a_loss_alone_can_fail(repository: Repository) -> None:
    losses = {seed: 1 - value for seed, value in LEVEL.items()}
    for change, status in ((0.01, 1), (-0.01, 0)):
        moved = {seed: value + change for seed, value in losses.items()}
        repository.results(cnn=record(LEVEL, ece=moved))
        assert run("--fail-on", "worse").exit_code == status


def test_nothing_compared_is_a_status_of_its_own(repository: Repository) -> None:
    repository.results(mlp=record(per_seed(0.5)), cnn=record(per_seed(0.5)))
    repository.commit()
    repository.results(mlp=record(per_seed(0.6)), cnn=record(per_seed(0.6)))
    assert run("--fail-on", "worse").exit_code == 2
    for name in ("mlp", "cnn"):
        (repository.root / "metrics" / f"{name}.json").unlink()
    repository.results(gru=record(LEVEL))
    result = run("--fail-on", "worse")
    assert result.exit_code == 2
    assert "Nothing can be compared" in result.output


def test_mistakes_are_a_sentence_and_status_two(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mistakes: list[tuple[object, tuple[str, ...], str]] = [
        (record(LEVEL), ("nowhere",), "digitbench: 'nowhere' is not a revision"),
        ({"schema": 7}, (), "metrics/cnn.json in workspace has schema 7;"),
        ("{", (), "metrics/cnn.json in workspace: damaged"),
        (record(LEVEL), ("-o", str(repository.root)), "cannot be written"),
        (record(LEVEL), ("--html", "--json"), "Choose one of"),
    ]
    for content, arguments, message in mistakes:
        repository.results(cnn=content)
        assert failure(monkeypatch, *arguments) == 2
        assert message in capsys.readouterr().err


def test_revision_without_results_is_a_sentence(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.git("checkout", "--quiet", "--orphan", "empty")
    repository.git("rm", "--quiet", "-r", "-f", ".")
    repository.commit()
    assert failure(monkeypatch, "empty", "main") == 2
    assert "No metrics of an architecture in empty (" in capsys.readouterr().err


@pytest.mark.parametrize("committed", [False, True])
def test_a_key_that_this_code_does_not_know_is_refused(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    committed: bool,
) -> None:
    repository.write({"params.yaml": "epochs: 5\nepoch: 10\nmlp: {hidden: [1]}\n"})
    head, where = ["HEAD~1", "HEAD"] if committed else [], "HEAD (" if committed else "workspace: "
    if committed:
        repository.commit()
    assert failure(monkeypatch, *head) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"digitbench: params.yaml in {where}")
    assert said.endswith("epoch: unknown key; did you mean 'epochs'?\n")


def test_a_key_of_an_older_revision_may_be_unknown_by_now(repository: Repository) -> None:
    repository.write({"params.yaml": "epochs: 5\nepoch: 10\n"})
    repository.commit()
    repository.write({"params.yaml": "epochs: 5\n"})
    repository.commit()
    assert run("HEAD~2", "HEAD~1").exit_code == 0
    assert run("HEAD~1", "HEAD").exit_code == 0


# --- the same everywhere, and quick where nothing is computed --------------------------------


def test_output_is_the_same_in_every_process(repository: Repository) -> None:
    repository.results(cnn=record(BETTER), mlp=record(NOISE), gru=record(LEVEL))
    params = "epochs: 9\nmargin: 1\nbatch_size: 2\n"
    repository.write({"params.yaml": params, "dvc.lock": "stages: {}\n"})
    program = f"for form in {FORMS}: print(run(form).output, end='')"
    here = "".join(run(form).output for form in FORMS)
    assert "batch_size" in here
    assert python(program, PYTHONHASHSEED="1", COLUMNS="60") == here
    assert python(program, PYTHONHASHSEED="77", COLUMNS="200") == here


def test_help_loads_neither_statistics_nor_figures() -> None:
    program = """
assert "--fail-on" in run("--help").output
print([name for name in ("scipy", "torch", "matplotlib", "pandas") if name in sys.modules])
"""
    assert python(program) == "[]\n"


def test_review_does_not_load_the_training_framework(repository: Repository) -> None:
    assert python("print(run('--html').exit_code, 'torch' in sys.modules)") == "0 False\n"
