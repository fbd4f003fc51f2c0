"""Which project modules a stage imports, read from the source: also those inside functions."""

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
# Modules that are found by name at run time, by the module that looks for them.
FOUND_BY_NAME = {
    "src/digitbench/report/compose.py": "src/digitbench/report/sections/*.py",
    "src/digitbench/checks/catalogue.py": "src/digitbench/checks/*.py",
    "src/digitbench/diagnosis/doctor.py": "src/digitbench/diagnosis/*.py",
}


def closure(start: Iterable[Path], stop: Callable[[str], bool]) -> set[str]:
    """Project files that running some of them can import, relative to the project's root.

    Args:
        start: Where running begins.
        stop: Whether the imports of a file don't count: what only a file imports that can't change
            a byte, can't either.
    """
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop().relative_to(ROOT).as_posix()
        if name in found:
            continue
        found.add(name)
        if not stop(name):
            waiting += [*imported(ROOT / name), *ROOT.glob(FOUND_BY_NAME.get(name, "nothing"))]
    return found


def imported(path: Path) -> list[Path]:
    """The project's files that one file imports."""
    names: set[str] = set()
    for node in _run_time_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return [file for name in names for file in _files(name)]


def _run_time_nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    nodes: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        nodes += [child, *_run_time_nodes(child)]
    return nodes


def _files(name: str) -> list[Path]:
    """The module's file and the __init__ of every package above it."""
    parts = name.split(".")
    if parts[0] != "digitbench":
        return []
    packages = [SRC.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    candidates = [*packages, SRC.joinpath(*parts).with_suffix(".py")]
    return [path for path in candidates if path.is_file()]
