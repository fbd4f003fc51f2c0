"""Commands of DVC that write dvc.yaml change their own lines alone: comments and order stay."""

import difflib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from dvc.repo import Repo

ROOT = Path(__file__).resolve().parents[2]
# The stages that DVC would write; the others share a definition, and DVC refuses.
WRITABLE = {
    "dvc.yaml": ("parameters", "download", "preprocess", "evaluate", "report"),
    "studies/dvc.yaml": ("usps", "domain_shift", "robustness"),
}
STAGES = [(file, stage) for file, stages in WRITABLE.items() for stage in stages]


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Repo]:
    """Both files in a repository of their own, without anything that they name."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copytree(ROOT / ".dvc", tmp_path / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    for name in (*WRITABLE, "params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    with chdir(tmp_path), Repo() as opened:
        yield opened


def changes(name: str) -> list[str]:
    """Lines that differ from the committed file."""
    before, after = (path.read_text("utf-8").splitlines() for path in (ROOT / name, Path(name)))
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


@pytest.mark.parametrize(("file", "stage"), STAGES)
def test_freezing_adds_a_line_and_thawing_takes_it_away(repo: Repo, file: str, stage: str) -> None:
    target = stage if file == "dvc.yaml" else f"{file}:{stage}"
    repo.freeze(target)
    assert changes(file) == ["+     frozen: true"]
    repo.unfreeze(target)
    assert changes(file) == []


@pytest.mark.parametrize("file", WRITABLE)
def test_a_new_stage_adds_its_lines(repo: Repo, file: str) -> None:
    with chdir(Path(file).parent):
        repo.stage.add(
            name="own",
            cmd="true",
            deps=["a", "b"],
            outs=["c"],
            params=[{"params.yaml": ["epochs"]}],
        )
    added = changes(file)
    assert {line[0] for line in added} == {"+"}
    assert "+   own:" in added


@pytest.mark.parametrize(("file", "stage"), STAGES)
def test_removing_a_stage_takes_its_lines_away(repo: Repo, file: str, stage: str) -> None:
    repo.remove(stage if file == "dvc.yaml" else f"{file}:{stage}")
    left = changes(file)
    assert {line[0] for line in left} == {"-"}
    assert not [line for line in left if "#" in line]
