"""How to get these numbers again."""

from collections.abc import Callable
from itertools import chain

from digitbench.document.blocks import Command, Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.results.records import TrainingRecord
from digitbench.wording import arithmetic, listing, seed_names

POSITION = 130
INITIALISATIONS = {
    "he": "He normal, variance 2/n_in; recurrent layers Glorot and orthogonal",
    "torch": "torch's default",
    "keras": "Keras's default",
}


def _epochs(training: TrainingRecord) -> str:
    recipe = training.recipe
    if not recipe.patience:
        return f"{recipe.epochs} (the last weights are kept)"
    return f"{recipe.epochs} (the best weights are kept; stopped {recipe.patience} after them)"


def _dropout(training: TrainingRecord) -> str:
    found = [f"{place} {rate:g}".strip() for place, rate in training.dropout.items()]
    return f"({'; '.join(found) or 'none'})"


def _augmentation(training: TrainingRecord) -> str:
    moved = training.recipe.augmentation
    if not any(moved.model_dump().values()):
        return "none"
    return f"(rotation up to {moved.rotation:g}°; shift {moved.shift:g}; zoom {moved.zoom:g})"


def _data(training: TrainingRecord) -> str:
    data = training.data
    return (
        f"{data.train_images:,} images to learn from and {data.validation_images:,} to validate "
        f"with (SHA-256 {data.sha256[:12]})"
    )


# Rows of the table that tell how a network was trained.
RECIPE: dict[str, Callable[[TrainingRecord], str]] = {
    "epochs": _epochs,
    "batch size": lambda training: str(training.recipe.batch_size),
    "learning rate": lambda training: f"{training.recipe.learning_rate:g} throughout",
    "epsilon of Adam": lambda training: f"{training.recipe.adam_epsilon:g}",
    "initialisation": lambda training: INITIALISATIONS[training.recipe.initialisation],
    "dropout": _dropout,
    "augmentation": _augmentation,
    "arithmetic of training": lambda training: arithmetic(
        [(training.recipe.precision, training.recipe.arithmetic)]
    ),
    "data of training": _data,
}


def section(results: Results) -> Section:
    """How to get these numbers again."""
    environments = [clock.environment for clock in results.timing.values()]
    used = {
        key: listing(sorted({item.get(key, "unknown") for item in environments}))
        for key in dict.fromkeys(chain.from_iterable(environments))
    }
    facts = {
        "seeds": seed_names(results.seeds),
        "loss and optimiser": "cross-entropy; Adam, betas 0.9 and 0.999, no weight decay",
        **{title: results.trained(told) for title, told in RECIPE.items()},
        "split": "the same share of every class",
        "pixels": "mean 0 and deviation 1 over the training part",
        "training of all networks": f"{results.minutes:.1f} minutes",
        "environment": ", ".join(
            value if key in ("hardware", "system") else f"{key} {value}"
            for key, value in used.items()
        ),
    }
    return Section(
        "How to reproduce",
        [
            Command("make\ngit log -1 dvc.lock\nmake check\ndigitbench verify"),
            Prose(
                "The second command names the commit of these results, the third says whether the "
                "code beside them is the one that made them: dvc.lock has the hash of every file "
                "that was read. The last one computes them again and says whether bytes, numbers "
                f"or conclusions are others here.{f' {results.verified}' * bool(results.receipts)} "
                "This page names neither commit nor date, so that the same results give the same "
                "bytes. On another processor the last digits may differ; within one "
                "machine every run repeats to the byte."
            ),
            Table("Recipe and environment of these numbers.", ["", "value"], [*facts.items()]),
        ],
    )
