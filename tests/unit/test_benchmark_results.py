"""From numbers to results.json and results.md."""

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import benchmark_results as made_up
from benchmarks import cluster, results
from benchmarks.results import QUOTED, SECTIONS, render, spread
from digitbench.errors import DigitbenchError
from digitbench.files import write_json


def measured(name: str) -> dict[str, Any]:
    """A section before it is stamped."""
    stamps = ("date", "environment", "git")
    return {key: value for key, value in made_up.whole()[name].items() if key not in stamps}


def cells(page: str, heading: str) -> dict[str, list[str]]:
    """Rows of the tables under a heading by their first cell; the last of a name."""
    part = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_the_committed_files_are_read_and_would_be_written_again(tmp_path: Path) -> None:
    found = results.load(made_up.COMMITTED)
    write_json(tmp_path / "again.json", results.quoted(found))
    assert (tmp_path / "again.json").read_bytes() == made_up.COMMITTED.read_bytes()
    assert render(found).encode() == made_up.COMMITTED.with_suffix(".md").read_bytes()
    assert list(json.loads(made_up.COMMITTED.read_bytes())) == [*QUOTED, *SECTIONS]


def test_the_quoted_figures_are_those_of_the_sections() -> None:
    found = made_up.whole()
    assert [found[key] for key in QUOTED] == [made_up.SPEEDUP, made_up.SHARE, 234.5, 345.6]


def test_a_section_measured_again_replaces_itself_alone(tmp_path: Path) -> None:
    for name, changes in (
        ("pipeline", {}),
        ("throughput", {}),
        ("pipeline", {"pipeline_seconds": 100.0}),
    ):
        results.record(tmp_path, name, measured(name) | changes)
    found = json.loads((tmp_path / "results.json").read_text())
    assert list(found)[-2:] == ["throughput", "pipeline"]
    assert "fraction_of_peak" not in found, "there is no section for it"
    assert found["pipeline_seconds"] == found["pipeline"]["pipeline_seconds"] == 100
    assert found["speedup_over_papers_loop"] == made_up.SPEEDUP
    assert (tmp_path / "results.md").read_text() == render(found)
    assert {"hardware", "torch", "python"} <= set(found["pipeline"]["environment"])
    assert len(found["pipeline"]["date"]) == 10


@pytest.mark.parametrize(
    "content",
    [
        *("{", "5", '["peak"]', '{"unheard": 1}', '{"scaling": {"cores": 2}}'),
        *('{"peak": "fast"}', '{"throughput": {"devices": {}}}'),
    ],
)
def test_damaged_results_are_not_overwritten(content: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(content)
    with pytest.raises(DigitbenchError, match=r"results\.json: cannot be read .*measure again"):
        results.record(tmp_path, "pipeline", measured("pipeline"))
    assert file.read_text() == content


def test_tables_hold_the_numbers_and_name_the_hardware() -> None:
    page = render(made_up.whole())
    assert page.count("Abacus Mk II, 2 cores; Linux x86_64") == len(SECTIONS)
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert all(len({len(line) for line in table}) == 1 for table in tables), "columns are aligned"
    throughput = cells(page, "Throughput")
    loop, _, scikit_learn, one, ours, _, speedup = throughput["MLP"]
    assert (loop, scikit_learn) == ("2,000 (1,500 to 3,000)", "5,555 (5,555 to 5,555)")
    assert (one, ours) == ("21,000 (20,500 to 21,500)", "41,000 (40,500 to 41,500)")
    assert speedup == "20.5 (20.5 to 20.5)"
    assert throughput["CNN"][2] == "", "scikit-learn has none"
    peak = cells(page, "Peak")
    assert peak["LSTM"][1:3] == ["3.2 (3.2 to 3.2)", "99.9 (99.9 to 99.9)"]
    assert peak["MLP"][0] == "1.01", "million operations"
    assert peak["float32"] == ["all threads", "512", "150 (150 to 150)"]
    scaling = cells(page, "Scaling")
    assert scaling["RNN"] == ["765", "432", "321"]
    assert "31,338 (31,338 to 31,338)" in page
    pipeline = cells(page, "Pipeline")
    assert pipeline["pipeline, from downloaded data"] == ["234.5"]
    assert pipeline["papers' loop, an epoch of the CNN"] == ["60.0 (59.5 to 60.5)"]
    assert pipeline["train mlp"] == ["77.7"]
    precision = cells(page, "Precision")
    assert precision["CNN"] == ["+0.15", "−0.48 to +0.79", "0.204", "no evidence"]
    arithmetic = cells(page, "Arithmetic")["LSTM"]
    assert arithmetic[2:] == ["1,000 (1,000 to 1,000)", "0.20 (0.15 to 0.25)", "0.25"]


def test_tables_of_growth_hold_the_numbers_and_say_what_is_simulated() -> None:
    page = render(made_up.whole())
    more = cells(page, "Seeds")["after that"]
    assert (more[:3], more[4:]) == (["10", "24", "16"], ["1,234.6", "999.0"])
    assert "10 seeds after 4 train 24 of 40 replicates and take 0.65 of the time of all" in page
    assert cells(page, "Workers")["2"][:2] == ["7,654 (7,654 to 7,654)", "1.90 (1.85 to 1.95)"]
    part = page.partition("## Cluster\n")[2]
    rows = [[cell.strip() for cell in line.split("|")] for line in part.splitlines()]
    hundred = [row[2:-1] for row in rows if row[1:2] == ["100 seeds per architecture"]]
    assert hundred == [
        ["400", "one after another, as now", "200.0", "50.0", "10.0", "8.0"],
        ["400", "all at once", "100.0", "25.0", "5.0", "4.0"],
        ["one after another, as now", "20.0", "5.0"],
        ["all at once", "20.0", "5.0"],
    ]
    assert "**Simulated**" in part
    assert all(f"\n- {assumption}\n" in part for assumption in cluster.ASSUMPTIONS)
    assert "simulated 60.0 minutes, measured 61.0" in part


def test_what_was_not_tested_has_no_interval() -> None:
    content = made_up.whole()
    none = dict.fromkeys(("difference_low", "difference_high", "p_value_holm"))
    content["precision"]["architectures"]["mlp"] |= {**none, "difference": 0.01}
    page = render(content)
    assert cells(page, "Precision")["MLP"][:3] == ["+1.00", "", ""]


def test_a_try_out_says_so_and_a_single_repeat_has_no_quartiles() -> None:
    section = made_up.whole()["pipeline"]
    assert "not a measurement" not in render({"pipeline": section})
    section |= {"scale": "quick", "repeats": 1, "no_op_seconds": made_up.told(1.5)}
    page = render({"pipeline": section})
    assert "not a measurement" in page
    assert cells(page, "Pipeline")["no-op `dvc repro`"] == ["1.50"]


def test_median_quartiles_and_ratios() -> None:
    values = np.random.default_rng(0).exponential(1e4, 11).tolist()
    found = spread(values)
    wanted = statistics.quantiles(values, n=4, method="inclusive")
    assert [found[key] for key in ("q1", "median", "q3")] == pytest.approx(wanted, rel=1e-4)
    assert found["values"] == pytest.approx(values, rel=1e-4)
    assert spread([123456.789])["median"] == 123460
    assert spread([700.0, 300.0, 80.0], [100.0, 50.0, 10.0])["values"] == [7, 6, 8]
