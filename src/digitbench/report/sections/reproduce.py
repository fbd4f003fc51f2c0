"""How to get these numbers again."""

from digitbench.document.blocks import Command, Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.wording import arithmetic, by_name, listing

POSITION = 130
INITIALISATIONS = {
    "he": "He normal, variance 2/n_in; recurrent layers Glorot and orthogonal",
    "torch": "torch's default",
    "keras": "Keras's default",
}


def section(results: Results) -> Section:
    """How to get these numbers again."""
    params, moved = results.params, results.params.augmentation
    environments = [clock.environment for clock in results.timing.values()]
    used = {key: listing(sorted({item[key] for item in environments})) for key in environments[0]}
    stopping = (
        f"the best weights are kept; stopped {params.patience} after them"
        if params.patience
        else "the last weights are kept"
    )
    facts = {
        "seeds": listing([str(seed) for seed in params.seeds]),
        "epochs": f"{params.epochs}, {stopping}",
        "batch size": str(params.batch_size),
        "loss and optimiser": "cross-entropy; Adam, learning rate "
        f"{params.learning_rate:g} throughout, betas 0.9 and 0.999, epsilon "
        f"{params.adam_epsilon:g}, no weight decay",
        "initialisation": INITIALISATIONS[params.initialisation],
        "dropout": by_name({name: _dropout(results, name) for name in results.ranking}),
        "augmentation": f"rotation up to {moved.rotation:g}°, shift {moved.shift:g}, zoom "
        f"{moved.zoom:g}"
        if moved.moves
        else "none",
        "pixels": "mean 0 and deviation 1 over the training part",
        "arithmetic of training": arithmetic(clock.precision for clock in results.timing.values()),
        "validation share": f"{params.validation_share:g}, stratified",
        "training of all networks": f"{results.minutes:.1f} minutes",
        "environment": ", ".join(
            value if key in ("hardware", "system") else f"{key} {value}"
            for key, value in used.items()
        ),
    }
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
            Table("Recipe and environment of these numbers.", ["", "value"], [*facts.items()]),
        ],
    )


def _dropout(results: Results, name: str) -> str:
    """Its layers of dropout, whose names tell the probability."""
    layers = [layer.name for layer in results.metrics[name].layers]
    found = [layer.removeprefix("dropout, ") for layer in layers if layer.startswith("dropout")]
    return f"({'; '.join(found) or 'none'})"
