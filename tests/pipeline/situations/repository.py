"""The repository: how it was cloned, whose it is, what Git knows of it."""

import dataclasses
import os
import shutil

from ..conftest import Project
from ..situation import Situation, environment
from .machine import REPORT

WIDEN = "git remote set-branches origin '*' && git fetch --unshallow"
EXTRA = "src/digitbench/figures/extra.py"


def cloned(project: Project, *options: str) -> Project:
    """A clone of the clone, with nothing of DVC's."""
    clone = project.root.parent / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    project.run("git", "clone", "-q", *options, project.root.as_uri(), str(clone))
    return dataclasses.replace(project, root=clone)


def with_windows_line_endings(project: Project) -> Project:
    settings = {"COUNT": "1", "KEY_0": "core.autocrlf", "VALUE_0": "true"}
    windows = environment(**{f"GIT_CONFIG_{name}": value for name, value in settings.items()})
    clone = cloned(windows(project) or project)
    shutil.copytree(project.root / ".dvc/cache", clone.root / ".dvc/cache")
    return clone


def bytes_are_the_same(project: Project) -> None:
    assert project.run("git", "status", "--porcelain").stdout == ""
    for name in project.run("git", "ls-files", "-z").stdout.split("\0"):
        path = project.root / name
        assert not path.is_file() or b"\r\n" not in path.read_bytes() or path.suffix in BINARY


BINARY = (".png", ".npz")


def one_shallow_branch(project: Project) -> Project:
    project.run("git", "switch", "-q", "-c", "change")
    project.run("git", "commit", "-q", "--allow-empty", "-m", "a change")
    clone = cloned(project, "--depth=1", "--branch=change")
    return environment(PYTHONPATH="src")(clone) or clone


def advice_helps(project: Project) -> None:
    project.run("sh", "-c", WIDEN)
    project.run("digitbench", "review")


def of_another_user(project: Project) -> Project | None:
    project.run("chown", "-R", "12345", ".")
    return environment(PYTHONPATH="src")(project)


def with_an_unknown_module(project: Project) -> None:
    (project.root / EXTRA).write_text("VALUE = 1\n", encoding="utf-8")
    project.edit("src/digitbench/figures/accuracy.py", r"\Z", "\nimport digitbench.figures.extra\n")


SITUATIONS = [
    Situation(
        # treeverse/dvc.org#5114: core.autocrlf, Git's default on Windows.
        "cloned with Windows' line endings",
        (
            ("dvc", "checkout", "--quiet", "dvc.yaml"),
            ("dvc", "status", "preprocess", "train_mlp", "evaluate", "report"),
        ),
        with_windows_line_endings,
        says=("Data and pipelines are up to date.",),
        after=bytes_are_the_same,
    ),
    Situation(
        "cloned with one branch, shallow",
        (("digitbench", "review"),),
        one_shallow_branch,
        status=2,
        says=(f"This clone has a single branch of the server and is shallow: run `{WIDEN}`",),
        after=advice_helps,
    ),
    Situation(
        "a repository of another user, before anything is trained",
        (REPORT,),
        environment(GIT_TEST_ASSUME_DIFFERENT_OWNER="1"),
        status=255,
        says=("report: ", "git config --global --add safe.directory "),
    ),
    Situation(
        "a repository of another user, reviewed",
        (("digitbench", "review"),),
        of_another_user,
        status=2,
        says=("belongs to another user", "git config --global --add safe.directory "),
        skip="" if os.geteuid() == 0 else "only root can give files to another user",
    ),
    Situation(
        "a new module that Git doesn't know, and --temp",
        (("dvc", "exp", "run", "--temp", "--force", "--single-item", "report"),),
        with_an_unknown_module,
        status=255,
        says=(f"run `git add -N {EXTRA}`",),
    ),
]
