"""The committed comparison: every pair of architectures, and what each confuses most."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench.evaluation.classification import Scores, most_confused, sum_confusion
from digitbench.evaluation.significance import PairwiseComparison, compare_all


def comparison_record(
    probabilities: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.uint8],
    scores: Mapping[str, Mapping[int, Scores]],
    confused_pairs: int,
) -> dict[str, Any]:
    """Differences with intervals and tests per pair, and the most confused digits of each.

    Args:
        probabilities: Per architecture [S, N, 10].
        labels: True classes [N].
        scores: Per architecture and seed.
        confused_pairs: How many pairs of digits to list.
    """
    correct = {name: stack.argmax(axis=2) == labels for name, stack in probabilities.items()}
    return {
        "pairs": {
            f"{pair.second}_minus_{pair.first}": _pair_record(pair)
            for pair in compare_all(correct, list(next(iter(scores.values()))))
        },
        "most_confused": {
            name: most_confused(sum_confusion(list(by_seed.values())), confused_pairs)
            for name, by_seed in scores.items()
        },
    }


def _pair_record(pair: PairwiseComparison) -> dict[str, Any]:
    record = dataclasses.asdict(pair)
    record["seeds"] = list(pair.seeds)
    record["mcnemar"] = {
        str(test["seed"]): {key: value for key, value in test.items() if key != "seed"}
        for test in record["mcnemar"]
    }
    return record
