"""The README's numbers: exactly what the committed results give."""

import re
from pathlib import Path

import pytest

from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES, load_params
from digitbench.report import readme
from digitbench.report.compose import verdict
from digitbench.report.readme import (
    BEGIN_README,
    END_README,
    replace_block,
    results_block,
    results_table,
)
from digitbench.results.records import Results, load_results
from digitbench.wording import NAMES

ROOT = Path(__file__).resolve().parents[2]


# --- the block -------------------------------------------------------------------------------


def test_only_what_is_between_the_marks_is_replaced() -> None:
    before, after = "# Title\n\n`metrics/`\n", "\n## Next\n<!-- a comment -->\n"
    text = f"{before}{BEGIN_README}\nold\nnumbers\n{END_README}{after}"
    block = f"{BEGIN_README}\nnew\n{END_README}"
    assert replace_block(text, block) == before + block + after
    assert replace_block(replace_block(text, block), block) == before + block + after


@pytest.mark.parametrize(
    "text", ["", "no marks", BEGIN_README, END_README, f"{END_README} the wrong way {BEGIN_README}"]
)
def test_without_both_marks_in_order_nothing_is_written(text: str) -> None:
    with pytest.raises(DigitbenchError, match=re.escape(BEGIN_README)):
        replace_block(text, f"{BEGIN_README}\nnew\n{END_README}")


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.chdir(ROOT)
    return load_results(load_params())


def test_the_block_gives_the_numbers_of_the_metrics(results: Results) -> None:
    block = results_block(results)
    assert (block.startswith(BEGIN_README), block.endswith(END_README)) == (True, True)
    lines = [line for line in block.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1, "it reads well in a terminal"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in rows} == {len(rows[0])}
    accuracy = rows[0].index("test accuracy, %")
    low_high = rows[0].index("95 % interval")
    f1, parameters = rows[0].index("macro F1, %"), rows[0].index("parameters")
    seconds = rows[0].index("s per epoch")
    assert {row[0] for row in rows[2:]} == {NAMES[name] for name in ARCHITECTURES}
    for row in rows[2:]:
        (name,) = (key for key in ARCHITECTURES if NAMES[key] == row[0])
        metrics = results.metrics[name]
        assert float(row[accuracy]) == pytest.approx(100 * metrics["accuracy"]["mean"], abs=0.0051)
        assert float(row[f1]) == pytest.approx(100 * metrics["macro_f1"]["mean"], abs=0.0051)
        assert int(row[parameters].replace(",", "")) == metrics["parameters"]
        median = results.timing[name]["seconds_per_epoch"]["median"]
        assert float(row[seconds]) == pytest.approx(median, abs=0.051)
        if len(results.params.seeds) > 1:
            ends = [float(end) for end in row[low_high].split(" to ")]
            wanted = [100 * metrics["accuracy"][f"ci95_{end}"] for end in ("low", "high")]
            assert ends == pytest.approx(wanted, abs=0.0051)
    column = [float(row[accuracy]) for row in rows[2:]]
    assert column == sorted(column, reverse=True)
    assert verdict(results) in block
    assert f"{len(results.params.seeds)} seeds, {results.params.epochs} epochs" in block


def test_the_command_prints_or_rewrites(
    results: Results,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"before\n{BEGIN_README}\nold\n{END_README}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(readme, "README", file)
    readme.main(["--print"])
    shown = capsys.readouterr().out
    assert results_table(results) in shown
    assert verdict(results) in shown
    assert "old" in file.read_text(encoding="utf-8"), "printing writes nothing"
    readme.main([])
    assert file.read_text(encoding="utf-8") == f"before\n{results_block(results)}\nafter\n"
