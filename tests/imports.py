"""Which project modules a stage imports, read from the source: also those inside functions."""

import ast
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"


def closure(stage: str, architectures: tuple[str, ...]) -> set[str]:
    """Project files that running the stage can import, relative to the project's root.

    Models are imported by name at run time; only those of the given architectures count.
    """
    start = [SRC / "__main__.py", SRC / "stages" / f"{stage}.py"]
    models = [SRC / "digitbench" / "models" / f"{name}.py" for name in architectures]
    found: set[Path] = set()
    waiting = [*start, *models]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return {path.relative_to(SRC.parent).as_posix() for path in found}


def _imported(path: Path) -> list[Path]:
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
