"""The documented commands, in the surroundings that people have: a row per situation."""

import importlib
import pkgutil
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import situations
from .conftest import Project
from .situation import Situation

pytestmark = pytest.mark.pipeline


def rows() -> Iterator[tuple[str, Situation]]:
    for found in pkgutil.iter_modules(situations.__path__):
        module = importlib.import_module(f"{situations.__name__}.{found.name}")
        for situation in module.SITUATIONS:
            yield found.name, situation


@pytest.fixture(scope="module")
def pristine(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished clone, from which each row's is made again."""
    kept = tmp_path_factory.mktemp("pristine") / "project"
    shutil.copytree(finished.root, kept, symlinks=True)
    return kept


@pytest.fixture
def fresh(finished: Project, pristine: Path) -> Iterator[Project]:
    """The finished clone at its own place, whatever the row before did to it."""
    yield finished
    shutil.rmtree(finished.root, ignore_errors=True)
    shutil.copytree(pristine, finished.root, symlinks=True)


ROWS = [
    # Rows of a kind go to one worker, other kinds to others: they are as many as in ten files.
    pytest.param(row, id=f"{kind}: {row.name}", marks=pytest.mark.xdist_group(f"situations {kind}"))
    for kind, row in rows()
]


@pytest.mark.parametrize("situation", ROWS)
def test_the_documented_command_does_what_is_right(situation: Situation, fresh: Project) -> None:
    if situation.skip:
        pytest.skip(situation.skip)
    situation.hold(fresh)


def test_no_two_rows_have_the_same_name() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
