"""The page and the section of the report: what they say is what was measured."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import studies_data as data
from digitbench.document.blocks import Prose, Table
from digitbench.document.markdown import escaped
from digitbench.report.sections import studies as studies_section
from digitbench.results.studies import (
    LITERATURE,
    SUMMARY,
    VERDICTS,
    Row,
    claims_of,
    read_rows,
    tally,
    verdict_counts,
)
from digitbench.studies.findings import NOT_RUN
from digitbench.studies.ours import Measured, load_measured
from digitbench.studies.page import README, main, studies_page
from digitbench.studies.published import Published
from digitbench.studies.verdicts import all_rows
from pages import wrong_plurals

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page(studies: dict[str, Published], rows: list[Row], measured: Measured) -> str:
    return studies_page(studies, rows, measured)


# --- the page ----------------------------------------------------------------------------------


def tables(page: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in table.splitlines()] for table in found]


def test_every_claim_has_one_row_with_its_verdict(page: str, rows: list[Row]) -> None:
    claims = claims_of(rows)
    found = [row for table in tables(page) if table[0][0] == "claim" for row in table[2:]]
    expected = [f"**{c.verdict}**{f': {c.note}' if c.note else ''}" for c in claims]
    assert [row[1] for row in found] == expected
    for row, claim in zip(found, claims, strict=True):
        own, *others = claim.recipes
        assert row[2] == "<br>".join(r.theirs for r in own)
        assert all(r.ours in row[3] and r.one_run in row[4] for r in own)
        told = [r.on_test for r in own if r.test_mean] + [r.ours for other in others for r in other]
        assert all(text in row[-1] for text in told)
    for line in (row for row in rows if row.study == LITERATURE):
        assert f" {line.theirs} on {line.dataset.upper()} ({line.place})" in page


def test_the_counts_are_those_of_the_claims(page: str, rows: list[Row]) -> None:
    counts = next(table for table in tables(page) if "reproduced" in table[0])
    assert [name.strip() for name in counts[0][-len(VERDICTS) :]] == list(VERDICTS)
    for line in counts[2:-1]:
        key = re.match(r"\[(\w+)\]", line[0])
        assert key is not None
        own = [claim for claim in claims_of(rows) if claim.study == key[1]]
        assert [int(count) for count in line[1:]] == verdict_counts(own)
    assert sum(int(count) for count in counts[-1][1:]) == len(claims_of(rows))


def test_one_of_a_kind_is_no_plural(studies: dict[str, Published], tmp_path: Path) -> None:
    data.write_metrics(tmp_path, seeds=(7,))
    timing = data.timing(1.0).model_copy(update={"stage_seconds": 60.0, "replicates_at_once": 1})
    one = {"nguyen2026": {"mlp": timing}}
    whole = replace(load_measured(tmp_path, studies), timing=one)
    page = studies_page(studies, all_rows(studies, whole), whole)
    assert "took 1 minute on a machine" in page
    assert wrong_plurals(page) == []


def test_no_verdict_is_printed_whose_rule_is_not_on_top(page: str) -> None:
    rules, rest = page.split("## How a verdict is reached")[1].split("## How to run")
    bold = {" ".join(name.split()).lower() for name in re.findall(r"\*\*([^*]+)\*\*", rules)}
    assert {*VERDICTS} <= bold
    printed = {row[1] for table in tables(rest) if table[0][0] == "claim" for row in table[2:]}
    assert {re.findall(r"\*\*([^*]+)\*\*", cell)[0] for cell in printed} <= bold
    sentences = (ROOT / "src/digitbench/studies/sentences.j2").read_text(encoding="utf-8")
    words = ("robust", "not robust", "undecided", "helps against", "hurts under", "leaves open")
    for word in (*words, "is more accurate than", "no evidence of a difference"):
        assert word in bold
    assert "about equally fast" in sentences
    assert "about equally fast" in bold
    code = (ROOT / "src/digitbench/studies/findings.py").read_text(encoding="utf-8")
    assert all(f'"{word}"' in code for word in words)


def test_the_committed_page_is_short() -> None:
    assert len((ROOT / README).read_text(encoding="utf-8").split()) <= 4000


def test_contradictions_choices_and_questions_stand_on_the_page(
    page: str, studies: dict[str, Published]
) -> None:
    for study in studies.values():
        for text in (*study.contradictions, *study.choices):
            assert f"- {escaped(text)}\n" in page
        for question in study.questions:
            assert f"**{escaped(question.asks)}**" in page


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


def test_the_section_counts_all_claims_and_shows_those_that_compare(rows: list[Row]) -> None:
    section = studies_section.section(SimpleNamespace(studies=rows))  # type: ignore[arg-type]
    prose, table = section.blocks
    assert isinstance(prose, Prose)
    assert isinstance(table, Table)
    claims = claims_of(rows)
    assert prose.text.startswith(tally(claims))
    compared = [claim for claim in claims if claim.verdict != "not comparable"]
    assert [row[1] for row in table.rows] == [claim.verdict for claim in compared]
    for row, claim in zip(table.rows, compared, strict=True):
        assert row[0].startswith(f"{claim.study}, ")
        assert row[2:] in [[r.theirs, r.ours, r.one_run] for r in claim.recipes[0]]
    assert {len(row) for row in table.rows} == {len(table.header)}


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
