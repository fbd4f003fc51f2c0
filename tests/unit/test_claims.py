"""README.md's block on the studies: counts, the published pair, and what was measured."""

import json
from pathlib import Path

import pytest

import studies_data as data
from digitbench.errors import DigitbenchError
from digitbench.report import readme
from digitbench.report.readme import (
    BEGIN_CLAIMS,
    END_CLAIMS,
    FIGURE,
    RECORD,
    claims_block,
    load_claims,
)
from digitbench.results.studies import (
    KEYS,
    SUMMARY,
    Row,
    own_protocol,
    published_numbers,
    write_rows,
)

ROOT = Path(__file__).resolve().parents[2]


def test_the_block_counts_the_papers_numbers_and_quotes_the_gap(rows: list[Row]) -> None:
    block = claims_block(rows, data.domain_shift()["usps"])
    published = own_protocol([row for row in rows if row.is_claim])
    lower = sum(row.verdict == "lower" for row in published)
    assert {row.study for row in published} == set(KEYS)
    assert (
        f"\n{published_numbers(published)} published numbers in {len(published)} comparisons"
        in block
    )
    assert f" {lower} lower" in block
    assert "reports 41.18 % for its MLP and 97.45 % for its CNN" in block
    assert "a gap of 56.27 points" in block
    for gap in ("+42.00", "+27.00", "+12.00"):
        assert f" {gap} (" in block
    assert f"]({FIGURE.as_posix()})" in block
    assert (block.splitlines()[0], block.splitlines()[-1]) == (BEGIN_CLAIMS, END_CLAIMS)


def test_both_files_are_read(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (RECORD, SUMMARY):
        path.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(data.domain_shift()), encoding="utf-8")
    write_rows(SUMMARY, rows)
    assert load_claims() == (rows, json.loads(json.dumps(data.domain_shift()["usps"])))
    RECORD.write_text("{", encoding="utf-8")
    with pytest.raises(DigitbenchError, match=r"domain_shift\.json: cannot be read .*make studies"):
        readme.load_claims()
