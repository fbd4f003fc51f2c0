"""The machine: where the folder lies, and how Python, pip, the terminal and ports are set."""

import dataclasses
import shutil
import sys
import sysconfig
from pathlib import Path

from digitbench.download.sources import DROP_IN_VARIABLE

from ..conftest import Project
from ..situation import Change, Situation, environment
from .session import figures_are_committed

# With the environment that runs the tests: another can't be had without a network.
MAKE = ("make", "--no-print-directory", "--assume-old=install", f"VENV={sys.prefix}")
REPORT = ("dvc", "repro", "--force", "--single-item", "report")
ODD = Path("My Projects/Übung #1")


def moved(project: Project, *, keep: bool = False) -> Project:
    """The same clone in a folder with an odd name, or a copy of it there."""
    place = project.root / ".." / ODD
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    if keep:
        shutil.copytree(project.root, place, symlinks=True)
    else:
        project.root.rename(place)
    return dataclasses.replace(project, root=place.resolve())


def with_environment(project: Project) -> None:
    """An environment of the clone's own, as `make` leaves it; its packages are borrowed."""
    project.run(sys.executable, "-m", "venv", "--without-pip", ".venv")
    own = next((project.root / ".venv/lib").glob("python*/site-packages"))
    # Read before that of this project, which needs one of these packages: in the order of names.
    (own / "_borrowed.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    (project.root / ".venv/.installed").touch()


def installed_and_moved(project: Project) -> Project:
    with_environment(project)
    project.run("make", "install")
    return moved(project)


def installed_and_copied(project: Project) -> Project:
    with_environment(project)
    project.run("make", "install")
    return moved(project, keep=True)


def in_odd_folder_with_another_title(project: Project) -> Project:
    project.edit("params.yaml", "^  title: .*", "  title: Elsewhere")
    return moved(project)


def environment_is_its_own(project: Project) -> None:
    code = project.run(".venv/bin/python", "-c", "import digitbench; print(digitbench.__file__)")
    assert Path(code.stdout.strip()).is_relative_to(project.root)
    for tool in ("dvc", "digitbench"):
        assert f'"{project.root}/.venv/bin/python"' in (
            project.root / ".venv/bin" / tool
        ).read_text(encoding="utf-8")
    project.run(".venv/bin/digitbench", "--help")


def stubborn_pip(project: Project) -> Project:
    with_environment(project)
    settings = "user = true\nrequire-hashes = true\nonly-binary = :all:\nconstraint = /nowhere"
    config = project.root / ".venv/pip.conf"
    config.write_text(f"[global]\n{settings}\n[install]\ntarget = elsewhere\n", encoding="utf-8")
    return environment(PIP_CONFIG_FILE=str(config))(project) or project


def foreign_packages(**variables: str) -> Change:
    """Packages of another's on PYTHONPATH that are called as ours, and break; further variables."""

    def change(project: Project) -> Project | None:
        foreign = project.root.parent / "foreign"
        for name in ("stages", "pydantic", "digitbench"):
            (foreign / name).mkdir(parents=True, exist_ok=True)
            (foreign / name / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
        return environment(PYTHONPATH=str(foreign), **variables)(project)

    return change


def house_style(project: Project) -> Project | None:
    style = project.root.parent / "matplotlibrc"
    style.write_text(
        "text.usetex: True\nfont.size: 20\naxes.facecolor: black\nsavefig.dpi: 30\n"
        "figure.autolayout: True\naxes.prop_cycle: cycler('color', ['ff00ff'])\n",
        encoding="utf-8",
    )
    return environment(MATPLOTLIBRC=str(style))(project)


def data_in_odd_folder(project: Project) -> Project | None:
    folder = project.root.parent / ODD
    shutil.copytree(project.environment[DROP_IN_VARIABLE], folder, dirs_exist_ok=True)
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": "src", DROP_IN_VARIABLE: str(folder)}
    return environment(**ascii_only)(project)


def git_that_tells_no_status(project: Project) -> Project | None:
    """As it is where its answer takes longer than we wait."""
    folder = project.root.parent / "tools"
    folder.mkdir(exist_ok=True)
    git = folder / "git"
    git.write_text(
        f'#!/bin/sh\ntest "$1" != status || exit 1\nexec {shutil.which("git")} "$@"\n',
        encoding="utf-8",
    )
    git.chmod(0o755)
    return environment(PATH=f"{folder}:{project.environment['PATH']}")(project)


def state_is_unknown(project: Project) -> None:
    query = "select value from tags where key = 'git.dirty' order by rowid desc limit 1"
    code = f'import sqlite3; print(*sqlite3.connect("mlflow.db").execute("{query}"))'
    assert "unknown" in project.run("python", "-c", code).stdout


SITUATIONS = [
    Situation(
        # sio/Makefile.venv#5: a space in the path.
        "a folder with a space, an umlaut and a hash in its name",
        (MAKE,),
        in_odd_folder_with_another_title,
        says=("Running stage 'report'", "| CNN"),
    ),
    Situation(
        # mlflow/mlflow#3144, and every environment of Python.
        "moved with its environment",
        (("make", "install"),),
        installed_and_moved,
        says=(
            "was made in another folder: tying its commands to this one",
            "DVC can't run experiments with --temp or in a queue",
        ),
        after=environment_is_its_own,
    ),
    Situation(
        "copied with its environment, which is used before make has seen it",
        (("sh", "-c", ".venv/bin/digitbench --help && make install"),),
        installed_and_copied,
        says=(
            *("Warning: this runs the code in", "not that of this folder. `make install` here"),
            "was made in another folder: tying its commands to this one",
        ),
        after=environment_is_its_own,
    ),
    Situation(
        # NVIDIA's containers set PIP_CONSTRAINT, others `user = true` in pip.conf.
        "a pip.conf that says what to install and where",
        (("make", "install"),),
        stubborn_pip,
        after=lambda project: project.run(".venv/bin/digitbench", "--help"),
    ),
    Situation(
        # ROS and clusters' modules put other Pythons' packages on PYTHONPATH.
        "packages of others on PYTHONPATH, warnings as errors",
        (REPORT,),
        foreign_packages(
            PYTHONWARNINGS="error",
            PYTHONSAFEPATH="1",
            PYTHONSTARTUP="/nowhere",
            CONDA_PREFIX="/opt",
        ),
        after=figures_are_committed,
    ),
    Situation(
        "make from a session that changes every Python",
        (MAKE,),
        foreign_packages(
            PYTHONWARNINGS="error",
            PYTHONHOME="/nowhere",
            PYTHONINSPECT="1",
            PYTHONOPTIMIZE="2",
            VIRTUAL_ENV="/nowhere",
        ),
        says=("| CNN",),
    ),
    Situation(
        # A notebook's `!make`: no terminal, its own backend, colours forced.
        "make from a cell of a notebook",
        (MAKE,),
        environment(
            MPLBACKEND="module://matplotlib_inline.backend_inline",
            JPY_PARENT_PID="1",
            TERM="xterm-color",
            CLICOLOR_FORCE="1",
            FORCE_COLOR="1",
            PAGER="cat",
        ),
        says=("| CNN",),
        never=("\x1b[",),
    ),
    Situation(
        "a matplotlibrc with LaTeX and a house style",
        (("dvc", "repro", "--force", "--single-item", "preprocess"), REPORT),
        house_style,
        after=figures_are_committed,
    ),
    Situation(
        # Its own words are ASCII; names of folders aren't.
        "a terminal without UTF-8, and data in a folder with an umlaut",
        (
            ("digitbench", "review", "HEAD"),
            ("dvc", "repro", "--force", "--single-item", "download"),
        ),
        data_in_odd_folder,
        says=("verified, from drop-in folder", "My Projects/?bung #1"),
    ),
    Situation(
        "git status that takes longer than we wait",
        (("dvc", "repro", "--force", "--single-item", "train_mlp"),),
        git_that_tells_no_status,
        after=state_is_unknown,
    ),
    Situation(
        # mlflow/mlflow#4399: the runs are elsewhere.
        "make ui with a server's address",
        ((*MAKE, "ui"),),
        environment(MLFLOW_TRACKING_URI="http://127.0.0.1:9"),
        says=("The runs are on a server", "http://127.0.0.1:9"),
    ),
]
