"""The house: docs/architecture.md is the plan, and the imports follow it."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from imports import ROOT, imported
from witnesses import WITNESSES

PACKAGE = ROOT / "src/digitbench"
MAP = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
FOLDERS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}


def table(mark: str) -> list[list[str]]:
    """Cells of the table between two marks, without its head."""
    block = MAP.partition(f"<!-- {mark} -->")[2].partition(f"<!-- end of {mark} -->")[0]
    rows = [line.strip("|").split("|") for line in block.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def folder(path: Path) -> str:
    """The folder of the package in which a module lies, empty for those beside the folders."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def edges() -> dict[str, set[str]]:
    """Which folders each folder imports."""
    found: dict[str, set[str]] = {name: set() for name in FOLDERS}
    for name in FOLDERS:
        for path in (PACKAGE / name).rglob("*.py"):
            found[name] |= {folder(module) for module in imported(path)} - {name, ""}
    return found


def test_the_map_shows_every_folder_and_what_it_imports() -> None:
    rows = table("floors")
    planned = {row[0].strip("`/"): set(re.findall(r"`(\w+)`", row[2])) for row in rows}
    assert planned == edges()
    # From the ground floor up: nobody imports what stands below him in the table.
    names = [row[0].strip("`/") for row in rows]
    assert not [
        (name, other)
        for name in names
        for other in planned[name]
        if names.index(other) > names.index(name)
    ]


def test_modules_beside_the_folders_import_no_folder_but_what_they_put_together() -> None:
    allowed = {"params": {"download", "training"}, "processed": {"training"}}
    for path in PACKAGE.glob("*.py"):
        if path.stem not in ("__init__", "cli", "check", "notebook"):
            found = {folder(module) for module in imported(path)} - {""}
            assert found == allowed.get(path.stem, set()), path.stem


def test_the_map_shows_every_witness_with_its_reason() -> None:
    assert {row[0].strip("`"): row[1] for row in table("witnesses")} == WITNESSES


def test_no_two_modules_share_a_name() -> None:
    free = ("figures", "report/sections")
    names = Counter(
        path.stem
        for path in PACKAGE.rglob("*.py")
        if path.stem != "__init__" and path.parent.relative_to(PACKAGE).as_posix() not in free
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_stage_is_one_thin_file() -> None:
    lines = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "src/stages").glob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > 45} == {}


def test_both_graphs_are_read_in_a_minute() -> None:
    graphs = [path for path in ROOT.rglob("dvc.yaml") if ".venv" not in path.parts]
    assert sorted(path.relative_to(ROOT).as_posix() for path in graphs) == [
        "dvc.yaml",
        "studies/dvc.yaml",
    ]
    # A line for every dependency: DVC breaks longer lists so when it writes, and 260 lines of them
    # would be rewritten by one `dvc freeze`.
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in graphs) <= 335


def test_what_the_map_names_is_there() -> None:
    for name in re.findall(r"`((?:\w+/)*\w+\.(?:py|yaml|json|csv))`", MAP):
        places = (ROOT, PACKAGE, ROOT / "studies")
        assert any((place / name).exists() for place in places) or name == "published.yaml", name


HEAVY = {"torch", "torchvision", "mlflow", "sklearn", "dvc"}
LIGHT = ("numpy", "pydantic", "scipy", "matplotlib", "pandas")


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("digitbench", LIGHT[:0]),
        ("stages.download", LIGHT[:2]),
        ("digitbench.results.records", LIGHT[:3]),
        ("stages.report", LIGHT),
    ],
)
def test_what_is_light_loads_nothing_heavy(module: str, allowed: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    found = subprocess.check_output(
        [sys.executable, "-c", code], cwd=ROOT / "src", text=True, timeout=60
    ).split()
    assert module in found
    assert HEAVY.union(LIGHT).intersection(found) <= set(allowed)
