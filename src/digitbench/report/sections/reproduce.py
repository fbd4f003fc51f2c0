"""How to get these numbers again."""

from digitbench.document.blocks import Command, Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.wording import NAMES, arithmetic, listing

POSITION = 130
INITIALISATIONS = {
    "he": "He normal, variance 2/n_in; recurrent layers Glorot and orthogonal",
    "torch": "torch's default",
    "keras": "Keras's default",
}


def section(results: Results) -> Section:
    """How to get these numbers again."""
    params = results.params
    clocks = results.timing.values()
    minutes = sum(clock.stage_seconds for clock in clocks) / 60
    moved = params.augmentation
    facts = [
        ["seeds", ", ".join(str(seed) for seed in params.seeds)],
        ["epochs", f"{params.epochs}, {_stopping(params.patience)}"],
        ["batch size", str(params.batch_size)],
        ["loss", "cross-entropy"],
        [
            "optimiser",
            f"Adam, learning rate {params.learning_rate:g} throughout, betas 0.9 and 0.999, "
            f"epsilon {params.adam_epsilon:g}, no weight decay",
        ],
        ["initialisation", INITIALISATIONS[params.initialisation]],
        *([f"dropout of {NAMES[name]}", _dropout(results, name)] for name in results.ranking),
        [
            "augmentation",
            f"rotation up to {moved.rotation:g}°, shift {moved.shift:g}, zoom {moved.zoom:g}"
            if moved.moves
            else "none",
        ],
        ["pixels", "mean 0 and deviation 1 over the training part"],
        ["arithmetic of training", arithmetic(clock.precision for clock in clocks)],
        ["validation share", f"{params.validation_share:g}, stratified"],
        ["training of all networks", f"{minutes:.1f} minutes"],
    ]
    environments = [clock.environment for clock in clocks]
    facts += [
        [key, listing(sorted({item[key] for item in environments}))] for key in environments[0]
    ]
    return Section(
        "How to reproduce",
        [
            Command("make\ngit log -1 dvc.lock\nmake check"),
            Prose(
                "The second command names the commit of these results, the third says whether the "
                "code beside them is the one that made them: dvc.lock has the hash of every file "
                "that was read. This page names neither commit nor date, so that the same results "
                "give the same bytes. On another processor the last digits may differ; within one "
                "machine every run repeats to the byte."
            ),
            Table("Recipe and environment of these numbers.", ["", "value"], facts),
        ],
    )


def _stopping(patience: int) -> str:
    if not patience:
        return "the last weights are kept"
    return f"the best weights are kept; stopped {patience} after them"


def _dropout(results: Results, name: str) -> str:
    """Its layers of dropout; their names tell the probability."""
    layers = [layer.name for layer in results.metrics[name].layers]
    return listing([layer for layer in layers if layer.startswith("dropout")]) or "none"
