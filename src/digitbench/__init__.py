"""Reproducible, honest comparison of neural architectures on handwritten digits.

The names below are for notebooks; docs/notebook.md has examples. Each is loaded when it is asked
for: the stages and the command line need not wait for all of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitbench.notebook import build_model, compare, load_model, load_results
    from digitbench.statistics.summary import summarise
    from digitbench.training.recipe import Recipe

__all__ = ["Recipe", "build_model", "compare", "load_model", "load_results", "summarise"]
_HOMES = {"Recipe": "training.recipe", "summarise": "statistics.summary"}


def __getattr__(name: str) -> Any:
    """One of the names, from the module that has it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'notebook')}"), name)


def __dir__() -> list[str]:
    """With the names that are not loaded yet."""
    return sorted({*globals(), *__all__})
