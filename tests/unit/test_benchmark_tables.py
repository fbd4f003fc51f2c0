"""From numbers to results.json, results.md and the README."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import benchmark_results as made_up
from benchmarks import results
from benchmarks.table import render
from digitbench.document.markdown import aligned_table
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES, load_params
from digitbench.report import readme
from digitbench.report.readme import (
    BEGIN,
    END,
    benchmark_block,
    load_benchmark,
    replace_block,
    results_block,
)
from digitbench.results.records import load_results
from digitbench.wording import NAMES

ROOT = Path(__file__).resolve().parents[2]


def cells(table: str) -> dict[str, list[str]]:
    """Rows of the tables in a text by their first cell."""
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


# --- results.json ----------------------------------------------------------------------------


def test_the_quoted_figures_stand_on_top() -> None:
    found = made_up.whole()
    assert list(found) == [
        "speedup_over_papers_loop",
        "fraction_of_peak",
        "pipeline_seconds",
        "papers_loop_seconds",
        "throughput",
        "peak",
        "scaling",
        "pipeline",
        "precision",
    ]
    assert found["speedup_over_papers_loop"] == made_up.SPEEDUP
    assert found["fraction_of_peak"] == made_up.SHARE
    assert (found["pipeline_seconds"], found["papers_loop_seconds"]) == (234.5, 345.6)


def test_a_section_measured_again_replaces_itself_alone(tmp_path: Path) -> None:
    results.record(tmp_path, "pipeline", made_up.pipeline())
    results.record(tmp_path, "throughput", made_up.throughput())
    again = made_up.pipeline() | {"pipeline_seconds": 100.0}
    results.record(tmp_path, "pipeline", again)
    found = json.loads((tmp_path / "results.json").read_text())
    assert list(found)[-2:] == ["throughput", "pipeline"]
    assert "fraction_of_peak" not in found, "there is no section for it"
    assert found["pipeline_seconds"] == found["pipeline"]["pipeline_seconds"] == 100
    assert found["speedup_over_papers_loop"] == made_up.SPEEDUP
    assert (tmp_path / "results.md").read_text() == render(found)


def test_a_measurement_says_where_and_when_it_was_made(tmp_path: Path) -> None:
    section = made_up.pipeline()
    for key in ("date", "environment", "git"):
        del section[key]
    results.record(tmp_path, "pipeline", section)
    found = json.loads((tmp_path / "results.json").read_text())["pipeline"]
    assert {"hardware", "torch", "python"} <= set(found["environment"])
    assert len(found["date"]) == 10


def test_damaged_results_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(DigitbenchError, match=r"results\.json"):
        results.record(tmp_path, "pipeline", made_up.pipeline())
    assert (tmp_path / "results.json").read_text() == "{"


# --- results.md ------------------------------------------------------------------------------


def test_tables_hold_the_numbers_and_name_the_hardware() -> None:
    page = render(made_up.whole())
    for name in ("Throughput", "Peak", "Scaling", "Pipeline"):
        _, _, part = page.partition(f"## {name}")
        assert "Abacus Mk II, 2 cores" in part.partition("\n## ")[0]
    throughput = cells(page.partition("## Throughput")[2].partition("\n## ")[0])
    assert throughput["MLP"] == [
        "2,000 (1,500 to 3,000)",
        "5,555 (5,555 to 5,555)",
        "21,000 (20,500 to 21,500)",
        "41,000 (40,500 to 41,500)",
        "20.5 (20.5 to 20.5)",
    ]
    assert throughput["CNN"][1] == "", "scikit-learn has none"
    peak = cells(page.partition("## Peak")[2].partition("\n## ")[0])
    assert peak["LSTM"][:3] == ["1.01", "3.2 (3.2 to 3.2)", "99.9 (99.9 to 99.9)"]
    assert peak["float32"] == ["all threads", "512", "150 (150 to 150)"]
    scaling = cells(page.partition("## Scaling")[2].partition("\n## ")[0])
    assert scaling["RNN"] == ["765", "432", "321"]
    pipeline = cells(page.partition("## Pipeline")[2])
    assert pipeline["pipeline, from downloaded data"] == ["234.5"]
    assert pipeline["papers' loop, an epoch of the CNN"] == ["60.0 (59.5 to 60.5)"]
    assert pipeline["train mlp"] == ["77.7"]


def test_a_try_out_says_so_and_a_single_repeat_has_no_quartiles() -> None:
    section = made_up.pipeline() | {"scale": "quick", "repeats": 1}
    section["no_op_seconds"] = {"median": 1.5, "q1": 1.5, "q3": 1.5, "values": [1.5]}
    page = render({"pipeline": section})
    assert "not a measurement" in page
    assert cells(page)["no-op `dvc repro`"] == ["1.50"]
    assert "not a measurement" not in render({"pipeline": made_up.pipeline()})


def test_an_aligned_table_is_rectangular() -> None:
    table = aligned_table([["", "a long header"], ["name", "1"], ["n", "1,234"]])
    assert len({len(line) for line in table.splitlines()}) == 1
    assert cells(table) == {"": ["a long header"], "---": ["---:"], "name": ["1"], "n": ["1,234"]}


# --- README.md -------------------------------------------------------------------------------


def test_the_block_quotes_the_results() -> None:
    block = benchmark_block(made_up.whole())
    assert (block.splitlines()[0], block.splitlines()[-1]) == (BEGIN, END)
    rows = cells(block)
    for name in ARCHITECTURES:
        assert rows[NAMES[name]] == [
            "2,000",
            "21,000",
            "41,000",
            f"{made_up.SPEEDUP[name]:.1f}",
            f"{100 * made_up.SHARE[name]:.0f} %",
        ]
    assert "takes 234 s" in block
    assert "346 s to train its two models with one seed for 5 epochs" in block
    assert "4 architectures, 4 seeds" in block
    assert "Abacus Mk II, 2 cores" in block


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_try_out_and_missing_sections_are_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    with pytest.raises(DigitbenchError, match="make bench"):
        load_benchmark(file)
    assert load_benchmark(write(file, made_up.whole())) == made_up.whole()
    for section in ("throughput", "peak", "pipeline"):
        tried, missing = made_up.whole(), made_up.whole()
        tried[section]["scale"] = "quick"
        del missing[section]
        for content in (tried, missing):
            with pytest.raises(DigitbenchError, match=f"python benchmarks {section}"):
                load_benchmark(write(file, content))


@pytest.mark.parametrize("asked", [True, False])
def test_readme_is_filled_where_it_has_the_marks(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    own = results_block(load_results(load_params()))
    made = made_up.whole()
    monkeypatch.setattr(readme, "load_benchmark", lambda: made)
    file = tmp_path / "README.md"
    monkeypatch.setattr(readme, "README", file)
    marks = f"between\n{BEGIN}\nold\n{END}\n" if asked else ""
    file.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\n{marks}after\n")
    readme.main([])
    filled = f"between\n{benchmark_block(made)}\n" if asked else ""
    assert file.read_text(encoding="utf-8") == f"before\n{own}\n{filled}after\n"


def committed(path: str) -> str:
    return subprocess.run(
        ["git", "show", f"HEAD:{path}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    ).stdout


def test_the_committed_readme_holds_the_committed_benchmark(tmp_path: Path) -> None:
    try:
        text = committed("README.md")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    if BEGIN not in text:
        pytest.skip("README.md doesn't quote the benchmark yet")
    file = tmp_path / "results.json"
    file.write_text(committed(readme.RESULTS.as_posix()), encoding="utf-8")
    assert replace_block(text, benchmark_block(load_benchmark(file))) == text, "run `make readme`"
