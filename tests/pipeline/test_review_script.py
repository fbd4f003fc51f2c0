"""What the workflow of a pull request runs: fresh results are taken, stale ones computed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from digitbench.document.markdown import MARKER

from .conftest import Project

pytestmark = pytest.mark.pipeline


@pytest.fixture
def branch(finished: Project) -> Iterator[Project]:
    """The finished project on a branch of its own."""
    finished.run("git", "switch", "-qc", "proposal")
    yield finished
    finished.run("git", "switch", "-qf", "main")
    finished.run("git", "branch", "-qD", "proposal")
    finished.dvc("checkout", "dvc.yaml")


def review(project: Project, folder: Path) -> list[str]:
    """Lines of the comment that the script writes."""
    project.run(".ci/review", "main", str(folder))
    assert "<html" in (folder / "review.html").read_text(encoding="utf-8")
    lines = (folder / "review.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == MARKER
    assert [line for line in lines if line.startswith("## Review of results: ")]
    return lines


def accuracy(lines: list[str]) -> dict[str, str]:
    """The verdict on accuracy by architecture, as the first table gives it."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (first, *_) = (index for index, row in enumerate(rows) if row[0] == "architecture")
    return {row[0]: row[1] for row in rows[first + 2 : first + 6]}


def test_fresh_results_are_reviewed_as_they_are_committed(branch: Project, tmp_path: Path) -> None:
    path = branch.root / "report" / "report.md"
    before = path.stat().st_mtime_ns
    lines = review(branch, tmp_path)
    assert accuracy(lines) == dict.fromkeys(("MLP", "CNN", "RNN", "LSTM"), "unchanged")
    assert "stale" not in "".join(lines)
    assert path.stat().st_mtime_ns == before, "nothing was run again"
    assert (tmp_path / "report" / "report.md").read_bytes() == path.read_bytes()
    assert branch.run("git", "status", "--porcelain").stdout == ""


def test_stale_results_are_computed_and_the_review_says_so(branch: Project, tmp_path: Path) -> None:
    branch.edit("params.yaml", r"(?s)(^mlp:.*?hidden:\s+- )\d+", r"\g<1>24")
    branch.run("git", "commit", "-qam", "a wider MLP, without its results")
    lines = review(branch, tmp_path)
    assert lines[2].startswith("> The committed results are not those of the committed code")
    assert "(stale: parameters train_mlp)" in lines[2]
    changed = {name for name, verdict in accuracy(lines).items() if verdict != "unchanged"}
    assert changed == {"MLP"}
    assert "Data and pipelines are up to date" in branch.dvc("repro", "--dry")
    report = branch.root / "report" / "report.md"
    assert (tmp_path / "report" / "report.md").read_bytes() == report.read_bytes()


def test_a_branch_that_is_not_there_is_a_sentence(branch: Project, tmp_path: Path) -> None:
    done = branch.run(".ci/review", "origin/nowhere", str(tmp_path / "new"), check=False)
    assert done.returncode == 1
    assert "review: no commit in common with origin/nowhere" in done.stdout
    assert not (tmp_path / "new").exists()
