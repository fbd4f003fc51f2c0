"""README.md's blocks: exactly what the committed results give."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import benchmark_results as made_up
import studies_data
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES, load_params
from digitbench.report import readme
from digitbench.report.compose import verdict
from digitbench.report.readme import BENCHMARK, DOMAIN_SHIFT, FIGURE, RESULTS
from digitbench.results.collection import Results, load_results
from digitbench.results.studies import SUMMARY, Row, claims_of, tally, write_rows
from digitbench.wording import NAMES, interval

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.chdir(ROOT)
    return load_results(load_params())


def cells(block: str) -> list[list[str]]:
    """Rows of the table in a block."""
    lines = [line for line in block.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1, "it reads well in a terminal"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


# --- marks -----------------------------------------------------------------------------------


def test_only_what_is_between_the_marks_is_replaced() -> None:
    before, after = "# Title\n\n`metrics/`\n", "\n## Next\n<!-- a comment -->\n"
    text = f"{before}{RESULTS.begin}\nold\nnumbers\n{RESULTS.end}{after}"
    filled = f"{before}{RESULTS.begin}\nnew\n{RESULTS.end}{after}"
    assert RESULTS.fill(text, "new") == RESULTS.fill(filled, "new") == filled


@pytest.mark.parametrize(
    "text",
    ["", "no marks", RESULTS.begin, RESULTS.end, f"{RESULTS.end} the wrong way {RESULTS.begin}"],
)
def test_without_both_marks_in_order_nothing_is_written(text: str) -> None:
    with pytest.raises(DigitbenchError, match=re.escape(RESULTS.begin)):
        RESULTS.fill(text, "new")


@pytest.mark.parametrize("asked", [True, False])
def test_the_file_is_filled_where_it_has_the_marks(
    asked: bool, results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readme, "load_benchmark", made_up.whole)
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")

    def text(own: str, benchmark: str) -> str:
        other = f"between\n{BENCHMARK.begin}\n{benchmark}\n{BENCHMARK.end}\n" if asked else ""
        return f"before\n{RESULTS.begin}\n{own}\n{RESULTS.end}\n{other}after\n"

    readme.README.write_text(text("old", "old"), encoding="utf-8")
    readme.refresh()
    own = readme.results_block(results)
    benchmark = readme.benchmark_block(made_up.whole(), results.ranking)
    assert readme.README.read_text(encoding="utf-8") == text(own, benchmark)


# --- the results -----------------------------------------------------------------------------


def test_the_results_are_those_of_the_metrics(results: Results) -> None:
    block = readme.results_block(results)
    header, _, *rows = cells(block)
    assert {row[0] for row in rows} == {NAMES[name] for name in ARCHITECTURES}
    for row in rows:
        (name,) = (key for key in ARCHITECTURES if NAMES[key] == row[0])
        record, told = results.metrics[name], dict(zip(header, row, strict=True))
        assert told["test accuracy, %"] == f"{100 * record.accuracy.mean:.2f}"
        assert told["95 % interval"] == interval(record.accuracy)
        assert told["macro F1, %"] == f"{100 * record.metrics['macro_f1'].mean:.2f}"
        assert told["parameters"] == f"{record.parameters:,}"
        median = results.timing[name].seconds_per_epoch.median
        assert told["s per epoch"] == f"{median:.1f}"
    column = [float(row[1]) for row in rows]
    assert column == sorted(column, reverse=True)
    assert verdict(results) in block
    assert f"{len(results.seeds)} seeds, {results.training['cnn'].recipe.epochs} epochs" in block
    assert "\n".join(block.splitlines()[1 : len(rows) + 3]) in readme.in_short()
    assert verdict(results) in readme.in_short()


# --- the studies -----------------------------------------------------------------------------


def test_the_studies_are_counted_and_the_gap_is_quoted(rows: list[Row]) -> None:
    block = readme.studies_block(rows, studies_data.domain_shift().domains["usps"])
    assert block.startswith(f"{tally(claims_of(rows))}\n\n")
    assert "reports 41.18 % for its MLP and 97.45 % for its CNN" in block
    assert "a gap of 56.27 points" in block
    for gap in ("+42.00", "+27.00", "+12.00"):
        assert f" {gap} (" in block
    assert f"]({FIGURE.as_posix()})" in block


def test_both_files_of_the_studies_are_read(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = studies_data.domain_shift()
    record.write(DOMAIN_SHIFT)
    write_rows(SUMMARY, rows)
    assert readme.load_studies() == (rows, record.domains["usps"])
    DOMAIN_SHIFT.write_text("{", encoding="utf-8")
    with pytest.raises(DigitbenchError, match=r"domain_shift\.json: damaged .*dvc repro"):
        readme.load_studies()


# --- the benchmark ---------------------------------------------------------------------------


def test_the_benchmark_quotes_its_results() -> None:
    block = readme.benchmark_block(made_up.whole(), ("cnn", "rnn", "mlp", "lstm", "unmeasured"))
    assert [row[0] for row in cells(block)[2:]] == ["CNN", "RNN", "MLP", "LSTM"]
    rows = {row[0]: row[1:] for row in cells(block)}
    for name in ARCHITECTURES:
        once, share = f"{made_up.SPEEDUP[name]:.1f}", f"{100 * made_up.SHARE[name]:.0f} %"
        speedup = f"{once} ({once} to {once})"
        assert rows[NAMES[name]] == ["2,000", "21,000", "41,000", speedup, share]
    assert "takes 234 s" in block
    assert "346 s to train its two models with one seed for 5 epochs" in block
    assert "4 architectures, 4 seeds" in block
    assert "Abacus Mk II, 2 cores" in block


def test_a_try_out_and_missing_sections_are_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "results.json"

    def load(content: dict[str, Any]) -> dict[str, Any]:
        file.write_text(json.dumps(content), encoding="utf-8")
        return readme.load_benchmark(file)

    with pytest.raises(DigitbenchError, match="make bench"):
        readme.load_benchmark(file)
    assert load(made_up.whole()) == made_up.whole()
    for section in ("throughput", "peak", "pipeline"):
        whole = made_up.whole()
        missing = {key: value for key, value in whole.items() if key != section}
        for content in (missing, {**missing, section: {**whole[section], "scale": "quick"}}):
            with pytest.raises(DigitbenchError, match=f"python benchmarks {section}"):
                load(content)


# --- what is committed -----------------------------------------------------------------------


def committed(path: str) -> str:
    command = ["git", "show", f"HEAD:{path}"]
    try:
        run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return run.stdout.decode()


def test_the_committed_readme_holds_the_committed_benchmark(
    results: Results, tmp_path: Path
) -> None:
    text, file = committed("README.md"), tmp_path / "results.json"
    file.write_text(committed(readme.MEASURED.as_posix()), encoding="utf-8")
    measured = readme.load_benchmark(file)
    filled = BENCHMARK.fill(text, readme.benchmark_block(measured, results.ranking))
    assert filled == text, "run `make readme`"
