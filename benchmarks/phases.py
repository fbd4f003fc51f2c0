"""Where the time of a pipeline goes."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.spread import rounded, summary

PHASES = {"preprocess": "data", "train": "training", "evaluate": "evaluation", "report": "report"}


def stand_in(folder: Path, log: Path) -> None:
    """A command `python` in the folder that notes how long each call took."""
    folder.mkdir()
    script = folder / "python"
    timed = Path(__file__).with_name("timed.py")
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{timed}" "{log}" "$@"\n')
    script.chmod(0o755)


def stage_seconds(log: Path) -> dict[str, float]:
    """Wall time of each stage's process, interpreter included, by the name of the stage."""
    notes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    # `python src train mlp` is the stage train_mlp.
    return {"_".join(note["arguments"][1:]): note["seconds"] for note in notes}


def start_up_seconds(source: Path, kinds: Sequence[str], repeats: int) -> dict[str, Any]:
    """Time from nothing until all modules are imported, in fresh processes, in turn.

    Args:
        source: The folder that holds `stages`; these have run, so files are cached.
        kinds: Stages, or `mlflow`, which some stages import when they have begun.
        repeats: Rounds.
    """
    rounds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(repeats):
        for kind, values in rounds.items():
            module = "mlflow.tracking" if kind == "mlflow" else f"stages.{kind}"
            code = f"import sys; sys.path.insert(0, {str(source)!r}); import {module}"
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            values.append(time.perf_counter() - began)
    return {kind: summary(values) for kind, values in rounds.items()}


def by_phase(
    whole: float, stages: Mapping[str, float], start_ups: Mapping[str, float]
) -> dict[str, float]:
    """Seconds by phase; they add up to the whole.

    Args:
        whole: Wall time of `dvc repro`.
        stages: Wall time of each stage's process.
        start_ups: By kind of stage, what of that goes by before the stage begins.
    """
    phases = dict.fromkeys(("interpreter_and_imports", *PHASES.values()), 0.0)
    for stage, seconds in stages.items():
        kind = stage.partition("_")[0]
        phases["interpreter_and_imports"] += start_ups[kind]
        phases[PHASES[kind]] += seconds - start_ups[kind]
    phases["dvc"] = whole - sum(stages.values())
    return {phase: rounded(seconds) for phase, seconds in phases.items()}


def run_seconds(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Wall time of a command that must succeed; what it says is shown only where it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return seconds
