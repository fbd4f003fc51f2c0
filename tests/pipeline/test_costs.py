"""An edit costs what it can change and no more: both dvc.yaml are narrow."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest

from digitbench.check import stale_stages
from digitbench.params import ARCHITECTURES

from .conftest import copy_known
from .graph import ASSESSMENTS, GRAPH, GROUPS, STUDIES, TRAININGS

pytestmark = pytest.mark.pipeline

ALL = {name for name, stage in GRAPH.items() if stage.outs}
NETWORKS = {"evaluate", *ASSESSMENTS, *GROUPS}
DRAWN = {"report", *GROUPS}
USES_LSTM = {"train_lstm", "evaluate", f"{STUDIES}train@toyobo2025-lstm"}
COSTS: dict[str, set[str]] = {
    **{
        f"src/{witness}.py": set()
        for witness in (
            *("__main__", "digitbench/errors", "digitbench/schema", "digitbench/params"),
            *("digitbench/environment", "digitbench/cli", "digitbench/check"),
            *("digitbench/execution/workers", "digitbench/execution/store"),
            *("digitbench/tracking/runs", "digitbench/tracking/registry"),
            *("digitbench/predict/answers", "digitbench/review/tell", "digitbench/studies/page"),
            "digitbench/verification/trial",
        )
    },
    "src/digitbench/wording.py": DRAWN,
    "src/digitbench/document/html.py": {"report"},
    "src/digitbench/report/sections/cost.py": {"report"},
    "src/digitbench/figures/confusion.py": {"preprocess", *DRAWN},
    "src/digitbench/statistics/summary.py": {"report", *NETWORKS},
    "src/digitbench/results/records.py": {"report", *NETWORKS},
    "src/digitbench/evaluation/scores.py": NETWORKS,
    "src/digitbench/studies/protocol.py": ASSESSMENTS,
    "src/digitbench/studies/groups/design.py": GROUPS,
    "src/digitbench/models/lstm.py": {*USES_LSTM, f"{STUDIES}assess@toyobo2025-lstm"},
    "src/digitbench/training/trainer.py": {*TRAININGS, *NETWORKS},
    "src/digitbench/files.py": ALL,
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Git knows of this checkout, with its dvc.lock and without data."""
    root = tmp_path_factory.mktemp("fresh")
    copy_known(root)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def stale(root: Path) -> set[str]:
    """The stages that would run in a clone whose data DVC takes for what dvc.lock says of them."""
    with chdir(root):
        return set(stale_stages())


def test_a_fresh_clone_is_up_to_date(fresh: Path) -> None:
    assert stale(fresh) == set()


@contextmanager
def edited(path: Path, content: str) -> Iterator[None]:
    before = path.read_bytes()
    path.write_text(content, encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", COSTS)
def test_an_edit_costs_what_it_can_change_and_no_more(name: str, fresh: Path) -> None:
    path = fresh / name
    with edited(path, path.read_text(encoding="utf-8") + "# edited\n"):
        assert stale(fresh) == COSTS[name]


KEYS = {"report:.*?title: ": {"parameters", "report"}} | {
    rf"{name}:.*?hidden:\s+(?:- )?": {"parameters", f"train_{name}"} for name in ARCHITECTURES
}


@pytest.mark.parametrize("place", KEYS)
def test_a_key_costs_the_stages_that_read_it(place: str, fresh: Path) -> None:
    path = fresh / "params.yaml"
    text = path.read_text(encoding="utf-8")
    # One digit more: the rest of the value stays.
    changed, count = re.subn(rf"(?ms)(^{place})", r"\g<1>9", text, count=1)
    assert count
    with edited(path, changed):
        assert stale(fresh) == KEYS[place]


def test_what_editors_and_python_leave_behind_costs_nothing(fresh: Path) -> None:
    folder = fresh / "src/digitbench/training"
    left = [folder / name for name in (".trainer.py.swp", "trainer.py~", "__pycache__/x.pyc")]
    left += [folder / name for name in (".ipynb_checkpoints/trainer.py", "._trainer.py")]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert stale(fresh) == set()
    for path in left:
        path.unlink()
