"""What is imported is declared, what is declared is used, and the lock has all of it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
# Not imported: the build backend and what it needs, commands, plug-ins, and types for mypy.
TOOLS = {"editables", "hatchling", "mypy", "pre-commit", "pytest-xdist", "ruff"}


def normal(name: str) -> str:
    """As package indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: Iterable[str]) -> set[str]:
    return {normal(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements}


EXTRAS = PROJECT["optional-dependencies"]
MAIN, DEV, CLUSTER = map(names, (PROJECT["dependencies"], EXTRAS["dev"], EXTRAS["cluster"]))


def imported(*folders: str) -> dict[str, set[str]]:
    """Modules of others by the distributions that have them, imports inside functions included."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {
        node.module
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    ours = {path.stem for path in (*ROOT.glob("tests/*"), *ROOT.glob("src/*"))}
    ours |= {"benchmarks", "torture"}
    tops = {name.split(".")[0] for name in found} - sys.stdlib_module_names - ours
    distributions = packages_distributions()
    return {top: set(map(normal, distributions[top])) for top in tops}


def test_every_import_is_declared() -> None:
    for modules, declared in (
        (imported("src"), MAIN | CLUSTER),
        (imported("src", "benchmarks", "torture", "tests", ".ci"), MAIN | DEV),
    ):
        assert {top for top, origins in modules.items() if not origins & declared} == set()


def test_every_dependency_is_used() -> None:
    assert (MAIN | CLUSTER) - set().union(*imported("src").values()) == set()
    assert CLUSTER < DEV, "what is offered is tested"
    rest = DEV - set().union(*imported("src", "benchmarks", "tests").values())
    stubs = {name for name in rest if name.startswith("types-") or name.endswith("-stubs")}
    assert rest == TOOLS | stubs
    typed = {name.removeprefix("types-").removesuffix("-stubs") for name in stubs}
    assert typed <= MAIN, "types of what isn't used"


def test_the_lock_has_what_is_declared_with_hashes_and_no_addresses() -> None:
    assert not [line for line in LOCK if "://" in line or line.startswith("-")]
    pins = re.findall(r"^(\w.*)\n((?:    .*\n)+)", "\n".join([*LOCK, ""]), re.MULTILINE)
    assert all("==" in pin and "--hash=" in below for pin, below in pins)
    assert names(pin for pin, below in pins if "(pyproject.toml)" in below) == MAIN | DEV


def test_the_lock_has_one_version_of_each_for_every_python() -> None:
    """Another NumPy draws other numbers."""
    pinned = [normal(line.split("==")[0]) for line in LOCK if re.match(r"\w", line)]
    assert len(pinned) == len(set(pinned))
