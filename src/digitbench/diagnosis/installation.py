"""Whether the project and its packages are those that the results come from."""

import platform
import shutil
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from digitbench.diagnosis.symptoms import Probe, Symptom, fine, problem, some, warning
from digitbench.environment import check_repository
from digitbench.files import read
from digitbench.params import load_params
from digitbench.wording import count, listing

PARTS = (
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
    ".dvc/config",
    "pyproject.toml",
    "requirements.lock",
)
FROM_GIT = "Take it from Git again: `git restore {}`."


def _parts(project: Path) -> Iterator[Symptom]:
    missing = [part for part in PARTS if not (project / part).is_file()]
    if len(missing) > len(PARTS) / 2:
        yield problem(f"{project} is not the project", "Run it inside a clone of the project.")
    elif missing:
        yield problem(f"missing: {listing(missing)}", FROM_GIT.format(" ".join(missing)))
    else:
        yield fine(str(project))


def _git(project: Path) -> Iterator[Symptom]:
    if shutil.which("git") is None:
        yield problem("there is no command git, which DVC calls", "Install Git.")
    elif not (project / ".git").exists():
        yield problem(
            "this folder is no Git repository, without which DVC refuses to work",
            "Clone the project, and move what you changed into the clone.",
        )
    elif (lock := project / ".git" / "index.lock").exists():
        yield warning(
            f"{lock.relative_to(project)} is there: Git is at work, or was killed",
            "If no Git runs here, delete that file; until then DVC can't stage what it writes.",
        )
    else:
        check_repository()
        yield fine("a repository that Git works in")


def _parameters(project: Path) -> Iterator[Symptom]:
    params = load_params(project / "params.yaml", networks=())
    yield fine(f"params.yaml, {count(len(params.seeds), 'seed')}")


def _python(project: Path) -> Iterator[Symptom]:
    here, wanted = platform.python_version(), _declared(project)["requires-python"]
    if SpecifierSet(wanted).contains(here, prereleases=True):
        yield fine(f"{here}, of {wanted}")
    else:
        yield problem(
            f"{here} runs this, and the project needs {wanted}",
            "Delete .venv and name another: `make PYTHON=python3.12`.",
        )


def _packages(project: Path) -> Iterator[Symptom]:
    lock = project / "requirements.lock"
    pins = read(lock, _pins, FROM_GIT.format(lock.name))
    own = {canonicalize_name(Requirement(line).name) for line in _declared(project)["dependencies"]}
    wrong = {pin.name: told for pin in pins if (told := _difference(pin))}
    ours = [told for name, told in wrong.items() if canonicalize_name(name) in own]
    others = [told for name, told in wrong.items() if canonicalize_name(name) not in own]
    remedy = "Delete .venv/.installed and run `make install`, which installs what is locked."
    if ours:
        yield problem(f"not as in requirements.lock: {some(ours)}", remedy)
    if others:
        yield warning(
            f"not as in requirements.lock, which packages of the project use: {some(others)}",
            remedy,
        )
    if not wrong:
        yield fine(f"{len(pins)} as in requirements.lock")


def _declared(project: Path) -> dict[str, Any]:
    path = project / "pyproject.toml"
    return read(path, _table, FROM_GIT.format(path.name))


def _table(path: Path) -> dict[str, Any]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    table: dict[str, Any] = content.get("project", {})
    if not {"requires-python", "dependencies"} <= set(table):
        raise ValueError("it declares no Python or no packages")
    return table


def _pins(path: Path) -> list[Requirement]:
    """Those that are for this system."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line.rstrip("\\ ")) for line in lines if line[:1].isalnum()]
    if not pins:
        raise ValueError("it names no package")
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def _difference(pin: Requirement) -> str:
    wanted = str(pin.specifier).removeprefix("==")
    try:
        here = version(pin.name)
    except PackageNotFoundError:
        return f"{pin.name} is not installed ({wanted})"
    fits = pin.specifier.contains(here, prereleases=True)
    return "" if fits else f"{pin.name} is {here} ({wanted})"


PROJECT = Probe("project", _parts)
GIT = Probe("git", _git)
PARAMETERS = Probe("parameters", _parameters)
PYTHON = Probe("python", _python)
PACKAGES = Probe("packages", _packages)
