"""What a notebook wants; `import digitbench` offers it by name (docs/notebook.md)."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError
from digitbench.params import PARAMS_FILE, load_plan
from digitbench.results.records import ModelRecord
from digitbench.review.revisions import Snapshot, open_repository, read_head, read_snapshot
from digitbench.schema import check
from digitbench.statistics import seeds as over_seeds
from digitbench.statistics.comparison import PairwiseComparison, compare_all

if TYPE_CHECKING:
    from torch import nn

Pair = tuple[str, str]
Correct = Mapping[str, NDArray[np.bool_]]
Records = Mapping[str, ModelRecord]


def load_results(revision: str | None = None, folder: Path = Path()) -> Snapshot:
    """The results of the main pipeline: those on disk, or those committed in a Git revision.

    Args:
        revision: What Git understands as the name of a commit; None: the files on disk.
        folder: Anywhere in a clone of the project.

    Returns:
        Among others `metrics`, the record of every architecture: `accuracy` and other `metrics`
        over seeds, `parameters`, `macs`, and all of `test` with its confusions.

    Raises:
        DigitbenchError: There is no such revision, it has no results, or they are damaged.
    """
    return read_snapshot(read_head(open_repository(folder), revision))


@overload
def compare(results: Correct) -> dict[Pair, PairwiseComparison]: ...
@overload
def compare(results: Records) -> dict[Pair, over_seeds.Change]: ...
def compare(results: Correct | Records) -> Mapping[Pair, PairwiseComparison | over_seeds.Change]:
    """The accuracy of every pair of architectures: difference, 95 % interval, p, adjusted p.

    Arrays know which images each network got right: interval and p are about fresh trainings and
    fresh images (`digitbench.statistics.comparison`). Records know the accuracy of each seed: about
    fresh trainings, tested on these very images (`digitbench.statistics.seeds`). Adjusted over all
    pairs of one call (Holm).

    Args:
        results: By name, whether each image was classified correctly, boolean [S, N], rows by seed
            in the same order; or records, as `load_results().metrics` has them.

    Returns:
        By (first, second), second against first: `difference`, `difference_low`,
        `difference_high`, `p_value`, `p_value_holm` and more.

    Raises:
        DigitbenchError: There are fewer than two, or they were not measured on the same images.
    """
    if len(results) < 2:
        raise DigitbenchError(f"Nothing to compare: {list(results)}. Give two or more by name.")
    if all(isinstance(each, ModelRecord) for each in results.values()):
        return _compare_records(cast(Records, results))
    correct = {name: np.asarray(each) for name, each in results.items()}
    seeds = range(max(map(len, correct.values())))
    return {(pair.first, pair.second): pair for pair in compare_all(correct, seeds)}


def _compare_records(records: Records) -> dict[Pair, over_seeds.Change]:
    if len({record.images_per_class for record in records.values()}) > 1:
        raise DigitbenchError(
            f"{', '.join(records)} were tested on other images than each other. Compare results "
            "of the same test set."
        )
    changes = {
        (first, second): over_seeds.compare(
            records[first].accuracy.per_seed,
            records[second].accuracy.per_seed,
            records[second].test.images,
        )
        for first, second in combinations(records, 2)
    }
    return over_seeds.judge(changes, dict.fromkeys(changes, True))


def build_model(name: str, **settings: Any) -> "nn.Module":
    """A new network of params.yaml, its weights drawn from torch's global generator.

    Args:
        name: An architecture; the working directory is the root of a clone.
        settings: Keys of its section that shall be other than in the file.

    Returns:
        Maps standardised images [B, 1, 28, 28] to logits [B, 10].

    Raises:
        DigitbenchError: There is nothing of that name, or a setting is unknown or not allowed.
    """
    from digitbench.training import model

    plan = load_plan(name)
    section = check({**plan.params.model_dump(), **settings}, type(plan.params), PARAMS_FILE)
    return model.build_model(plan.architecture, section, initialisation=plan.recipe.initialisation)


def load_model(name: str, seed: int | None = None) -> "nn.Module":
    """A trained network in evaluation mode.

    Args:
        name: As for `build_model`.
        seed: Of its replicates the one with this seed; None: the first.

    Raises:
        DigitbenchError: There is nothing of that name, or it is not trained; the text says how to.
    """
    from digitbench.evaluation.predictions import load_models
    from digitbench.training.model import load_weights

    plan = load_plan(name)
    chosen = plan.recipe.seeds[0] if seed is None else seed
    if chosen not in plan.recipe.seeds:
        known = ", ".join(map(str, plan.recipe.seeds))
        raise DigitbenchError(
            f"There is no {name} with seed {chosen}; params.yaml asks for {known}."
        )
    recipe = plan.recipe.model_copy(update={"seeds": (chosen,)})
    (trained,) = load_models(replace(plan, recipe=recipe))
    return load_weights(trained.architecture, trained.params, trained.weights, str(trained.path))
