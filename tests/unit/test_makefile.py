"""`make` on machines that aren't ready: a sentence, and nothing half-made."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make_install(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    shutil.copy2(ROOT / "Makefile", folder)
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    return make(folder, "install", f"PYTHON={python}", "VENV=.venv")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_python_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    done = make_install(tmp_path, "python-that-is-not-there")
    assert done.returncode != 0
    assert "needs Python 3.11 to 3.14" in done.stdout
    assert "'python-that-is-not-there' is not on the path" in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("refuses", "sentence"),
    [("sys.version_info", "is Python 3.8.1"), ("ensurepip", "lacks the venv module")],
)
def test_with_an_unfit_python_a_sentence_says_why(
    refuses: str, sentence: str, tmp_path: Path
) -> None:
    fake = tmp_path / "a python"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *{refuses}*) exit 1;; -V) echo "Python 3.8.1";; esac\n'
    )
    fake.chmod(0o755)
    done = make_install(tmp_path, str(fake))
    assert done.returncode != 0
    assert sentence in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("version", "fits"), [((3, 10), 0), ((3, 11), 1), ((3, 14), 1), ((3, 15), 0)]
)
def test_bounds_are_those_of_the_package(version: tuple[int, int], fits: int) -> None:
    """Makefile, README and pyproject.toml say the same."""
    makefile = (ROOT / "Makefile").read_text()
    found = re.search(r"not (\(3, \d+\) <= sys.version_info < \(3, \d+\))", makefile)
    assert found
    info = SimpleNamespace(version_info=(*version, 2, "final", 0))
    assert eval(found[1], {"sys": info}) == bool(fits)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.15"
    for name in ("Makefile", "README.md"):
        assert "Python 3.11 to 3.14" in (ROOT / name).read_text(encoding="utf-8")


def test_an_environment_that_lost_its_python_is_made_again(tmp_path: Path) -> None:
    """As after an upgrade of Python: the link leads nowhere. Here another is asked for in vain."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "gone")
    stamp = tmp_path / ".venv/.installed"
    stamp.touch()
    done = make(tmp_path, "install", "PYTHON=python-that-is-not-there")
    assert done.returncode != 0
    assert done.stdout.startswith(".venv has lost its Python")
    assert "'python-that-is-not-there' is not on the path" in done.stdout
    assert not stamp.exists()


def test_commands_run_the_code_of_this_checkout() -> None:
    """Whatever clone the environment was installed from."""
    assert 'DIGITBENCH := PYTHONPATH=src "$(BIN)/digitbench"\n' in (ROOT / "Makefile").read_text()
    for name in ("check", "review"):
        text = (ROOT / ".ci" / name).read_text()
        assert set(re.findall(rf"(\S*) digitbench {name}\b", text)) == {"PYTHONPATH=src"}


@pytest.mark.parametrize("named", ["relative", "absolute"])
def test_a_space_in_the_folders_name_is_no_obstacle(named: str, tmp_path: Path) -> None:
    folder = tmp_path / "My Projects" / "Übung #1"
    venv = ".venv" if named == "relative" else str(folder / ".venv")
    tool = folder / ".venv/bin/dvc"
    tool.parent.mkdir(parents=True)
    for name in ("dvc", "digitbench"):
        (tool.parent / name).write_text('#!/bin/sh\necho "$0 $*: $(command -v dvc)"\n')
        (tool.parent / name).chmod(0o755)
    shutil.copy2(ROOT / "Makefile", folder)
    done = make(folder, "--assume-old=install", f"VENV={venv}", "all")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{venv}/bin/dvc repro: {tool}",
        f"{venv}/bin/digitbench readme --print: {tool}",
    ]
