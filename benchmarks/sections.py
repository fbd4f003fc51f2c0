"""The sections in the order in which they are measured, and how one is run."""

import importlib
import time
from functools import partial
from typing import Any

from benchmarks.processes import fresh_process
from benchmarks.scale import Scale

# Each is a module here with `measure(scale, say)`, which returns what goes into results.json.
SECTIONS = ("throughput", "peak", "scaling", "pipeline", "precision")


def run(name: str, scale: Scale) -> dict[str, Any]:
    """Measure one section in a process of its own."""
    began = time.perf_counter()
    say = partial(_say, name)
    say("begins")
    with fresh_process() as fresh:
        result = fresh.submit(_measure, name, scale).result()
    seconds = time.perf_counter() - began
    say(f"took {seconds:.0f} s")
    return {"scale": scale.name, "seconds": round(seconds), "repeats": scale.repeats, **result}


def _measure(name: str, scale: Scale) -> dict[str, Any]:
    result: dict[str, Any] = importlib.import_module(f"benchmarks.{name}").measure(
        scale, partial(_say, name)
    )
    return result


def _say(name: str, text: str) -> None:
    print(f"{name}: {text}", flush=True)
