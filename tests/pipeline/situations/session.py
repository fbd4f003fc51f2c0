"""What the session brings along that a command is started from."""

from ..conftest import Project
from ..situation import Situation, environment


def figures_are_committed(project: Project) -> None:
    figures = ("report/figures", "plots/preprocess")
    assert project.run("git", "status", "--porcelain", *figures).stdout == ""


SITUATIONS = [
    Situation(
        # kohya_ss#2521, deepTools#1416: a notebook's backend, inherited by `!dvc repro`.
        "started from a notebook",
        # The quickest of all that draw.
        (("dvc", "repro", "--force", "--single-item", "preprocess"),),
        environment(MPLBACKEND="module://matplotlib_inline.backend_inline"),
        after=figures_are_committed,
    ),
]
