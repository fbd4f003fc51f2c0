"""Section `pipeline`: the whole comparison from downloaded data, and the papers' loop beside it."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from subprocess import CalledProcessError
from typing import Any

import yaml

from benchmarks import loop, phases
from benchmarks.processes import fresh_process
from benchmarks.scale import Scale
from benchmarks.spread import rounded, summary
from digitbench import files
from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.errors import DigitbenchError
from digitbench.params import load_params

METHOD = (
    "pipeline_seconds: `dvc repro --force` once, from downloaded data, in a temporary clone of the "
    "committed code that shares only the raw data and the environment; the database of runs is "
    "created on the way. papers_loop_seconds: training alone of the papers' two models, one seed, "
    "the default epochs of 60,000 images, two workers; an epoch is measured before and after the "
    "pipeline. No-op: `dvc repro` again. Start-up: interpreter and imports in a fresh process; "
    "what a stage imports later, MLflow above all, counts to its phase."
)
PAPERS_MODELS = ("mlp", "cnn")
PAPERS_IMAGES = 60_000
Say = Callable[[str], None]


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    """The papers' loop, the pipeline, the papers' loop again."""
    params = load_params()
    epochs: dict[str, list[float]] = {name: [] for name in PAPERS_MODELS}
    _add_epochs(epochs, scale, say)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = _pipeline(Path(folder), scale, say)
    _add_epochs(epochs, scale, say)
    per_epoch = {name: summary(values) for name, values in epochs.items()}
    loop_seconds = params.epochs * sum(median(values) for values in epochs.values())
    say(f"pipeline {pipeline['pipeline_seconds']:.0f} s, papers' loop {loop_seconds:.0f} s")
    return {
        "method": METHOD,
        "papers_loop_seconds": rounded(loop_seconds),
        "papers_loop": {"epochs": params.epochs, "seconds_per_epoch": per_epoch},
        "seeds": len(params.seeds),
        **pipeline,
    }


def _add_epochs(epochs: dict[str, list[float]], scale: Scale, say: Say) -> None:
    """An epoch of the papers' loop for each model, scaled to its 60,000 images where cut."""
    with fresh_process() as fresh:
        for name, values in epochs.items():
            # A short epoch first: what torch sets up once isn't the loop's.
            brief = loop.Setting(name, min(640, scale.loop_images), 0)
            fresh.submit(loop.epoch_seconds, brief).result()
            setting = loop.Setting(name, scale.loop_images, loop.WORKERS)
            seconds = fresh.submit(loop.epoch_seconds, setting).result()
            values.append(seconds * PAPERS_IMAGES / scale.loop_images)
            say(f"papers' loop, {name}: {values[-1]:.1f} s per epoch")


def _pipeline(folder: Path, scale: Scale, say: Say) -> dict[str, Any]:
    clone, log = folder / "clone", folder / "log"
    environment = _environment(folder, log)
    dvc = [sys.executable, "-m", "dvc"]
    repro = [*dvc, "repro", "--quiet"]
    try:
        _clone(clone, environment, scale.params)
        download = phases.run_seconds([*repro, "download"], clone, environment)
        log.unlink()
        say("clone made, data there; now `dvc repro --force`")
        whole = phases.run_seconds([*repro, "--force", *scale.repro], clone, environment)
        stages = phases.stage_seconds(log)
        again = [*repro, *scale.repro_again]
        no_op = [phases.run_seconds(again, clone, environment) for _ in range(scale.repeats)]
    except CalledProcessError as error:
        raise DigitbenchError(
            f"{' '.join(map(str, error.cmd))}: failed in a clone of the last commit.\n"
            f"{error.output}"
        ) from None
    say("imports of each stage")
    start_ups = phases.start_up_seconds(clone / "src", scale.start_ups, scale.repeats)
    medians = {name: values["median"] for name, values in start_ups.items()}
    return {
        "pipeline_seconds": rounded(whole),
        "phases": phases.by_phase(whole, stages, medians),
        "stages": {stage: rounded(seconds) for stage, seconds in stages.items()},
        "download_seconds": rounded(download),
        "no_op_seconds": summary(no_op),
        "start_up_seconds": start_ups,
    }


def _environment(folder: Path, log: Path) -> dict[str, str]:
    """As a new user has it, but for the data, and with a `python` that notes its times."""
    commands = folder / "bin"
    phases.stand_in(commands, log)
    installed = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TQDM_")},
        "PATH": os.pathsep.join((str(commands), installed, os.environ["PATH"])),
        DROP_IN_VARIABLE: str(files.RAW.resolve()),
        "DVC_SITE_CACHE_DIR": str(folder / "dvc"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _clone(clone: Path, environment: Mapping[str, str], params: Mapping[str, Any]) -> None:
    """The committed state of this project, its parameters replaced where asked."""
    command = ("git", "clone", "--quiet", str(Path.cwd()), str(clone))
    phases.run_seconds(command, clone.parent, environment)
    file = clone / "params.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if params:
        file.write_text(yaml.safe_dump(content | dict(params), sort_keys=False), encoding="utf-8")
