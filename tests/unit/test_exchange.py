"""Replicates of several people in one table, and equal keys with unequal predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from digitbench import files
from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.execution.exchange import ANSWERS, KEY, export_rows, merge, read_rows, to_csv
from digitbench.results.clocks import TimingRecord
from review_data import named, per_seed, record

SEEDS = (0, 1)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of an MLP, two seeds, written as the stages write them."""
    monkeypatch.chdir(tmp_path)
    named("mlp", record(per_seed(0.97, 0.98))).write(files.METRICS / "mlp.json")
    timing = TimingRecord.of(
        {seed: [1.0] for seed in SEEDS},
        1,
        replicates_at_once=1,
        environment={"hardware": "Abacus", "torch": "2"},
        keys={seed: f"key {seed}" for seed in SEEDS},
    )
    timing.write(files.TIMING / "mlp.json")
    probabilities = np.full((2, 3, 10), 0.1, dtype=np.float32)
    probabilities[1, 0, 0] = 0.2
    arrays = {"probabilities": probabilities, "seeds": np.array(SEEDS)}
    files.write_npz(files.PREDICTIONS / "mlp.npz", arrays)
    return tmp_path


def test_a_row_has_key_predictions_scores_and_machine(results: Path) -> None:
    first, second = export_rows(["mlp"])
    assert (first[KEY], first["seed"], first["machine.hardware"]) == ("key 0", "0", "Abacus")
    assert first[ANSWERS] != second[ANSWERS]
    written = json.loads(Path("metrics/mlp.json").read_text())["protocols"]["test"]["metrics"]
    assert float(second["accuracy"]) == written["accuracy"]["per_seed"]["1"]
    table = results / "own.csv"
    table.write_text(to_csv([first, second]))
    assert read_rows(table) == [first, second]


def test_without_keys_a_sentence_says_how_to_get_them(results: Path) -> None:
    content = json.loads(Path("metrics/timing/mlp.json").read_text())
    del content["keys"]
    Path("metrics/timing/mlp.json").write_text(json.dumps(content))
    with pytest.raises(DigitbenchError, match=r"no key of seed 0.*train_mlp"):
        export_rows(["mlp"])


def test_the_same_rows_are_joined_once_and_other_predictions_are_a_broken_promise(
    results: Path,
) -> None:
    mine = export_rows(["mlp"])
    assert merge([mine, mine]) == (mine, [])
    elsewhere = [row | {"machine.hardware": "Slide rule"} for row in mine]
    rows, broken = merge([mine, elsewhere])
    assert (len(rows), broken) == (4, [])
    elsewhere[1][ANSWERS] = "other"
    rows, (promise,) = merge([mine, elsewhere])
    said = promise.sentence()
    assert "mlp seed 1 (key 1): the same key, other predictions" in said
    assert "hardware Abacus" in said
    assert "hardware Slide rule" in said


def test_the_command_merges_and_fails_for_a_broken_promise(results: Path) -> None:
    mine = export_rows(["mlp"])
    other = [row | {ANSWERS: "other"} for row in mine]
    Path("mine.csv").write_text(to_csv(mine))
    Path("other.csv").write_text(to_csv(other))
    run = CliRunner().invoke
    fine = run(app, ["results", "merge", "mine.csv", "mine.csv", "-o", "all.csv"])
    assert (fine.exit_code, fine.output) == (0, "all.csv: 2 replicates out of 2 tables.\n")
    broken = run(app, ["results", "merge", "mine.csv", "other.csv", "-o", "all.csv"])
    assert broken.exit_code == 1
    assert broken.output.count("the same key, other predictions") == 2
    assert len(read_rows(Path("all.csv"))) == 4


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "key,architecture,seed,predictions_sha256\n"]
)
def test_something_else_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(DigitbenchError, match="not a table"):
        read_rows(tmp_path / "x.csv")
