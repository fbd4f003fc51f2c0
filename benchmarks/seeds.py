"""What it costs to ask for more seeds, and to go back to fewer."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.clone import Clone
from benchmarks.results import rounded
from benchmarks.scale import Say, Scale
from digitbench.execution.store import FINISHED, FOLDER, Store

# Of the four runs of `dvc repro`: whether with all seeds, or with the first few.
RUNS = {"few": False, "more": True, "few_again": False, "afresh": True}


def seeds(scale: Scale, say: Say) -> dict[str, Any]:
    """Seconds of `dvc repro`, each once, in temporary clones that have the data and nothing else.

    few: the first seeds, nothing kept. more: more seeds after that, in the same clone. few_again:
    back to the first seeds. afresh: more seeds in another clone, nothing kept. Trained: replicates
    that the store has more of afterwards. Stages run: those whose process ran; the others were up
    to date for DVC, or came from its own cache. Training stages: their processes, start-up
    included. Ratios: more over afresh; what is done for every stage and replicate however long it
    trains weighs more in them than with the default epochs.
    """
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        used = _with_data(Path(one), scale)
        clones = dict.fromkeys(RUNS, used) | {"afresh": _with_data(Path(other), scale)}
        runs = {}
        for name, all_of_them in RUNS.items():
            runs[name] = _run(clones[name], scale.seeds[all_of_them], scale)
            say("{seeds} seeds, {kept} replicates kept: {seconds:.0f} s".format(**runs[name]))
    more, afresh = runs["more"], runs["afresh"]
    ratios = {part: rounded(more[part] / afresh[part]) for part in ("seconds", "training_seconds")}
    say(f"more seeds take {ratios['seconds']:.2f} of the time of all of them")
    return {"epochs": scale.seeds_epochs, "runs": runs, "ratios": ratios}


def _with_data(folder: Path, scale: Scale) -> Clone:
    clone = Clone(folder)
    clone.change({"epochs": scale.seeds_epochs})
    clone.repro("preprocess")
    clone.stages()
    return clone


def _run(clone: Clone, count: int, scale: Scale) -> dict[str, Any]:
    clone.change({"seeds": list(range(count))})
    before = _finished(clone)
    whole = clone.repro(*scale.targets)
    stages, trained = clone.stages(), _finished(clone) - before
    return {
        "seeds": count,
        "trained": trained,
        "kept": count * len(scale.architectures) - trained,
        "stages": list(stages),
        "seconds": rounded(whole),
        "training_seconds": rounded(
            sum(seconds for stage, seconds in stages.items() if stage.startswith("train_"))
        ),
    }


def _finished(clone: Clone) -> int:
    entries = Store(str(clone.folder / FOLDER)).entries()
    return sum(entry.kind == FINISHED for entry in entries)
