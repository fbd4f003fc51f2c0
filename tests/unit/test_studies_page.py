"""The page and the section of the report: what they say is what was measured."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from digitbench.document.blocks import Prose, Table
from digitbench.report.sections import studies as studies_section
from digitbench.results.studies import LITERATURE, SUMMARY, Row, own_protocol, read_rows
from digitbench.studies.findings import NOT_RUN
from digitbench.studies.ours import Measured, load_measured
from digitbench.studies.page import README, main, studies_page
from digitbench.studies.published import Published
from digitbench.studies.verdicts import all_rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page(studies: dict[str, Published], rows: list[Row], measured: Measured) -> str:
    return studies_page(studies, rows, measured)


# --- the page ----------------------------------------------------------------------------------


def tables(page: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in table.splitlines()] for table in found]


def test_every_row_stands_on_the_page(page: str, rows: list[Row]) -> None:
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert [row.reason for row in rows if sum(row.reason in line for line in lines) < 1] == []
    cells = [row for table in tables(page) if "why" in table[0] for row in table[2:]]
    assert len(cells) == len(rows)
    assert {len(row) for row in cells} == {7}


def test_the_counts_are_those_of_the_published_rows(page: str, rows: list[Row]) -> None:
    counts = next(table for table in tables(page) if "reproduced" in table[0])
    for line in counts[2:-1]:
        key = re.match(r"\[(\w+)\]", line[0])
        assert key is not None
        own = own_protocol([row for row in rows if row.study == key[1] and row.is_claim])
        for name, count in zip(counts[0][-4:], line[1:], strict=True):
            assert int(count) == sum(row.verdict == name for row in own)
    total = len(own_protocol([row for row in rows if row.is_claim]))
    assert sum(int(count) for count in counts[-1][1:]) == total


def test_second_looks_on_the_test_set_are_not_the_papers_protocol(rows: list[Row]) -> None:
    own = own_protocol([row for row in rows if row.study == "nguyen2026" and row.is_claim])
    assert {row.protocol for row in own} == {"validation", "pooled", ""}
    usps = own_protocol([row for row in rows if row.dataset == "usps" and row.is_claim])
    assert {row.protocol for row in usps} == {"stretch", "box"}


def test_contradictions_choices_and_questions_stand_on_the_page(
    page: str, studies: dict[str, Published]
) -> None:
    for study in studies.values():
        for text in (*study.contradictions, *study.choices):
            assert f"- {text}\n" in page
        for question in study.questions:
            assert f"**{question.asks}**" in page


def test_figures_are_linked_where_they_are_drawn(page: str, project: Path) -> None:
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert links == ["domain_shift/plots/domain_shift.png", "robustness/plots/robustness.png"]
    assert all((project / "studies" / link).is_file() for link in links)


def test_links_within_the_page_lead_to_a_heading(page: str, studies: dict[str, Published]) -> None:
    targets = re.findall(r"\]\(#([^)]+)\)", page)
    assert set(targets) == {*studies, "domain_shift", "robustness"} - {LITERATURE}
    assert all(f"\n## {target}\n" in page for target in targets)


def test_the_page_shows_no_missing_value(page: str) -> None:
    assert re.findall(r"\b(nan|None|inf)\b", page) == []
    assert NOT_RUN not in page
    assert "\n\n\n" not in page
    assert not re.search(r"\w [.,;:](?:\s|$)", page)


def test_without_any_metrics_the_page_says_what_to_run(
    studies: dict[str, Published], tmp_path: Path
) -> None:
    nothing = load_measured(tmp_path, studies)
    rows = all_rows(studies, nothing)
    assert {row.verdict for row in rows} == {"not comparable"}
    page = studies_page(studies, rows, nothing)
    assert page.count(NOT_RUN) == sum(len(study.questions) for study in studies.values())
    assert "`dvc repro studies/dvc.yaml:domain_shift`" in page
    assert "`dvc repro studies/dvc.yaml:robustness`" in page
    assert "![" not in page


# --- the section of the report -----------------------------------------------------------------


def test_the_section_holds_the_published_rows_alone(rows: list[Row]) -> None:
    section = studies_section.section(SimpleNamespace(studies=rows))  # type: ignore[arg-type]
    found = [block for block in section.blocks if isinstance(block, Table)]
    published = [row for row in rows if "trial" not in row.protocol]
    assert sum(len(table.rows) for table in found) == len(published)
    assert [line[-1] for table in found for line in table.rows] == [r.verdict for r in published]
    prose = section.blocks[0]
    assert isinstance(prose, Prose)
    claims = len(own_protocol([row for row in rows if row.is_claim]))
    assert len(published) > claims
    assert f" published numbers in {claims} comparisons" in prose.text


# --- freshness of what is committed ----------------------------------------------------------


@pytest.fixture(scope="module")
def of_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of HEAD: what is being worked on may be ahead of what it gives."""
    try:
        if git("rev-parse", "--show-toplevel").decode().strip() != str(ROOT):
            pytest.skip("this is not a checkout of its own")
        if not git("ls-tree", "HEAD", SUMMARY.as_posix()):
            pytest.skip("no table is committed yet")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    folder = tmp_path_factory.mktemp("head") / "project"
    git("clone", "--quiet", str(ROOT), str(folder))
    return folder


def git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, timeout=60
    ).stdout


def test_the_committed_page_and_table_are_made_of_the_committed_metrics(of_head: Path) -> None:
    committed = {path: (of_head / path).read_text(encoding="utf-8") for path in (README, SUMMARY)}
    read_rows(of_head / SUMMARY)
    main(of_head)
    made = {path: (of_head / path).read_text(encoding="utf-8") for path in (README, SUMMARY)}
    assert committed == made, "run `digitbench studies`"
