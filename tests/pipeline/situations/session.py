"""What the session brings along that a command is started from."""

from ..conftest import Project
from ..situation import Situation, environment


def figures_are_committed(project: Project) -> None:
    assert project.run("git", "status", "--porcelain", "report/figures").stdout == ""


SITUATIONS = [
    Situation(
        # kohya_ss#2521, deepTools#1416: a notebook's backend, inherited by `!dvc repro`.
        "started from a notebook",
        (("dvc", "repro", "--force", "--single-item", "report"),),
        environment(MPLBACKEND="module://matplotlib_inline.backend_inline"),
        after=figures_are_committed,
    ),
]
