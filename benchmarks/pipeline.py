"""The whole comparison from downloaded data, and the papers' loop beside it."""

import os
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clone import Clone, timed
from benchmarks.contestants import LOOP_WORKERS, papers_speed
from benchmarks.results import rounded, spread
from benchmarks.scale import Say, Scale, fresh_process
from digitbench.params import load_params

PAPERS_MODELS = ("mlp", "cnn")
PAPERS_IMAGES = 60_000
PHASES = {"preprocess": "data", "train": "training", "evaluate": "evaluation", "report": "report"}


def pipeline(scale: Scale, say: Say) -> dict[str, Any]:
    """Seconds of the whole comparison.

    pipeline_seconds: `dvc repro --force` once, from downloaded data, in a temporary clone of the
    committed code that shares only the raw data and the environment; the database of runs is
    created on the way. papers_loop_seconds: training alone of the papers' two models, one seed, the
    default epochs of 60,000 images, two workers; an epoch is measured before and after the
    pipeline. No-op: `dvc repro` again. Start-up: interpreter and imports in a fresh process; what a
    stage imports later, MLflow above all, counts to its phase.
    """
    params = load_params()
    before = _papers_epochs(scale, say)
    with tempfile.TemporaryDirectory() as folder:
        measured = _repro(Path(folder), scale, say)
    after = _papers_epochs(scale, say)
    epochs = {name: [before[name], after[name]] for name in PAPERS_MODELS}
    seconds = params.epochs * sum(median(each) for each in epochs.values())
    say(f"pipeline {measured['pipeline_seconds']:.0f} s, papers' loop {seconds:.0f} s")
    return {
        "papers_loop_seconds": rounded(seconds),
        "papers_loop": {
            "epochs": params.epochs,
            "seconds_per_epoch": {name: spread(each) for name, each in epochs.items()},
        },
        "seeds": len(params.seeds),
        **measured,
    }


def _papers_epochs(scale: Scale, say: Say) -> dict[str, float]:
    """Seconds of an epoch of the papers' loop for each model, of 60,000 images where cut."""
    seconds = {}
    with fresh_process() as run:
        for name in PAPERS_MODELS:
            # A short epoch first: what torch sets up once isn't the loop's.
            run(papers_speed, name, min(640, scale.loop_images), "cpu", 0)
            speed = run(papers_speed, name, scale.loop_images, "cpu", LOOP_WORKERS)
            seconds[name] = PAPERS_IMAGES / speed
            say(f"papers' loop, {name}: {seconds[name]:.1f} s per epoch")
    return seconds


def _repro(folder: Path, scale: Scale, say: Say) -> dict[str, Any]:
    clone = Clone(folder)
    clone.change(scale.params or {})
    download = clone.repro("download")
    clone.stages()
    say("clone made, data there; now `dvc repro --force`")
    whole = clone.repro("--force", "--single-item", *scale.stages)
    stages = clone.stages()
    (no_op,) = scale.in_turn({"no-op": partial(clone.repro, *scale.targets)}).values()
    say("imports of each stage")
    start_ups = scale.in_turn(
        {kind: partial(_start_up, kind, clone.folder) for kind in scale.start_ups}
    )
    return {
        "pipeline_seconds": rounded(whole),
        "phases": by_phase(whole, stages, {kind: median(each) for kind, each in start_ups.items()}),
        "stages": {stage: rounded(seconds) for stage, seconds in stages.items()},
        "download_seconds": rounded(download),
        "no_op_seconds": spread(no_op),
        "start_up_seconds": {kind: spread(each) for kind, each in start_ups.items()},
    }


def _start_up(kind: str, clone: Path) -> float:
    """Time until all modules of a stage, which has run, are imported, or those of MLflow."""
    module = "mlflow.tracking" if kind == "mlflow" else f"stages.{kind}"
    code = f"import sys; sys.path.insert(0, 'src'); import {module}"
    return timed((sys.executable, "-c", code), clone, os.environ)


def by_phase(
    whole: float, stages: Mapping[str, float], start_ups: Mapping[str, float]
) -> dict[str, float]:
    """Seconds by phase; they add up to the whole.

    Args:
        whole: Wall time of `dvc repro`.
        stages: Wall time of each stage's process, interpreter included.
        start_ups: By kind of stage, what of that goes by before the stage begins.
    """
    phases = dict.fromkeys(("interpreter_and_imports", *PHASES.values()), 0.0)
    for stage, seconds in stages.items():
        kind = stage.partition("_")[0]
        phases["interpreter_and_imports"] += start_ups[kind]
        phases[PHASES[kind]] += seconds - start_ups[kind]
    phases["dvc"] = whole - sum(stages.values())
    return {phase: rounded(seconds) for phase, seconds in phases.items()}
