"""From numbers to results.json, results.md and the README."""

import json
from pathlib import Path

import pytest

import benchmark_results as made_up
from benchmarks import results
from benchmarks.table import render
from digitbench.document.markdown import aligned_table
from digitbench.errors import DigitbenchError


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
