"""What is committed is fresh, and what isn't gets noticed; tried on a clone of the last commit."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from digitbench import check
from digitbench.document.html import render_html
from digitbench.errors import DigitbenchError
from digitbench.params import load_params
from digitbench.report.compose import compose
from digitbench.results.records import load_results

ROOT = Path(__file__).resolve().parents[2]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        if git(ROOT, "rev-parse", "--show-toplevel") != str(ROOT):
            pytest.skip("this is not a checkout of its own")
        if not git(ROOT, "ls-tree", "HEAD", "metrics/"):
            pytest.skip("no results are committed yet")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    folder = tmp_path_factory.mktemp("fresh") / "project"
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    return folder


@pytest.fixture(scope="module")
def page(clone: Path) -> str:
    """The HTML report of what is committed, drawn once because it takes seconds."""
    with chdir(clone):
        return render_html(compose(load_results(load_params())))


@pytest.fixture
def project(clone: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The clone, as committed; the test stands in it."""
    monkeypatch.chdir(clone)
    monkeypatch.setattr(check, "render_html", lambda _: page)
    yield clone
    git(clone, "reset", "--quiet", "--hard")


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1)
    assert count == 1
    path.write_text(text, encoding="utf-8")


def pages() -> list[str]:
    return [path.as_posix() for path in check.stale_pages(load_results(load_params()))]


# --- what is committed -----------------------------------------------------------------------


def test_what_is_committed_is_fresh(project: Path) -> None:
    assert check.complaints() == []


# --- what is noticed -------------------------------------------------------------------------


def test_a_change_of_code_names_the_stages_that_have_it(project: Path) -> None:
    before = set(check.stale_stages())
    edit(project / "src/digitbench/models/mlp.py", r"\Z", "# changed\n")
    stale = set(check.stale_stages()) - before
    assert {stage for stage in stale if ":" not in stage} == {"train_mlp", "evaluate"} - before
    assert {stage for stage in stale if "cnn" in stage or "split" in stage} == set()


def test_a_change_of_a_parameter_names_the_stage(project: Path) -> None:
    edit(project / "params.yaml", r"samples_per_class: \d+", "samples_per_class: 3")
    assert "preprocess" in check.stale_stages()


def test_a_result_changed_by_hand_is_noticed_everywhere(project: Path) -> None:
    path = project / "metrics/mlp.json"
    record = json.loads(path.read_text())
    record["accuracy"]["mean"] = 0.123
    path.write_text(json.dumps(record))
    assert {"evaluate", "report"} <= set(check.stale_stages())
    assert pages() == ["README.md", "report/report.md"]


def test_a_page_changed_by_hand_is_named(project: Path) -> None:
    edit(project / "report/index.html", r"</h1>", "!</h1>")
    (complaint,) = [line for line in check.complaints() if "not what the results" in line]
    assert complaint.startswith("report/index.html: ")
    assert "--force --single-item report" in complaint


def test_coordinates_of_a_figure_may_differ(project: Path) -> None:
    edit(project / "report/index.html", r'(<path [^>]*d="M )(\d+)', r"\g<1>9\g<2>")
    assert git(project, "status", "--porcelain") == "M report/index.html"
    assert pages() == []


@pytest.mark.parametrize(
    "lost", ["metrics/summary/cnn.json", "src/digitbench/models/rnn.py", "report/report.md"]
)
def test_a_file_that_git_should_have_is_missed(project: Path, lost: str) -> None:
    # DVC alone takes it for data that somebody else has.
    (project / lost).unlink()
    (complaint,) = check.complaints()
    assert complaint.startswith(f"{lost}: named in dvc.yaml, but not there.")


def test_data_and_models_are_not_missed(project: Path) -> None:
    assert not list((project / "models").rglob("*.safetensors"))
    assert check.missing_files() == []


def test_a_broken_graph_is_a_sentence(project: Path) -> None:
    edit(project / "dvc.yaml", r"stages:", "stages: [")
    with pytest.raises(DigitbenchError, match="DVC cannot tell what is up to date"):
        check.stale_stages()


# --- the script ------------------------------------------------------------------------------


def test_the_script_looks_at_what_is_committed_and_nothing_else(project: Path) -> None:
    # The script and what it runs, as they are here.
    for name in (".ci/check", "src/digitbench/freshness.py", "src/digitbench/reporting/readme.py"):
        shutil.copy2(ROOT / name, project / name)
    lost = "metrics/summary/cnn.json"
    (project / lost).unlink()
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "without a result")
    git(project, "checkout", "--quiet", "HEAD~1", lost)
    done = subprocess.run([".ci/check"], capture_output=True, text=True, check=False)
    git(project, "reset", "--quiet", "--hard", "HEAD~1")
    assert done.returncode == 1, done.stderr
    assert "without what is not committed yet:" in done.stdout
    assert f"{lost}: named in dvc.yaml, but not there. Run `dvc repro`" in done.stdout
