"""Answers about scores."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from digitbench.evaluation.factorial_design import Design, Estimate, Factor, Samples, weighted_sum
from digitbench.evaluation.significance import holm
from digitbench.evidence import ALPHA
from digitbench.reporting.wording import (
    interval,
    listing,
    p_value,
    percent,
    points,
    points_between,
)
from digitbench.studies.answers.asked import Asked, difference_text, mean, paired_difference
from digitbench.studies.labels import model_label
from digitbench.studies.measured import Record

_TEST_WORDS = "on the test set"


def ranking(asked: Asked) -> str | None:
    """Which model is the more accurate, neighbours compared by Welch's test over their seeds."""
    parts = asked.parts("test")
    if len(parts) < 2:
        return None
    means = listing([f"{model_label(name)} {_accuracy(part)}" for name, part in parts.items()])
    pairs = list(pairwise(parts))
    differences = [_difference(parts, worse, better) for better, worse in pairs]
    p_values = holm([1.0 if d.p_value is None else d.p_value for d in differences])
    sentences = [
        _compared(model_label(better), model_label(worse), difference, p)
        for (better, worse), difference, p in zip(pairs, differences, p_values, strict=True)
    ]
    return f"{' '.join(sentences)} Accuracy {_TEST_WORDS}: {means}."


def _accuracy(part: Record) -> str:
    accuracy = part["metrics"]["accuracy"]
    return f"{percent(accuracy['mean'])} ({interval(accuracy)})"


def _difference(parts: Mapping[str, Record], worse: str, better: str) -> Estimate:
    samples: Samples = {
        (name,): np.array(list(parts[name]["metrics"]["accuracy"]["per_seed"].values()))
        for name in (worse, better)
    }
    return weighted_sum(Design((Factor("model", worse, better),)), samples, np.array([-1.0, 1.0]))


def _compared(better: str, worse: str, difference: Estimate, p: float) -> str:
    low, high = difference.ci95_low, difference.ci95_high
    if low is None or high is None:
        return f"One seed does not tell whether {better} or {worse} is the better."
    numbers = f"{points_between(difference.value, low, high)} points, adjusted p {p_value(p)}"
    if p >= ALPHA or low <= 0 <= high:
        return f"No evidence of a difference between {better} and {worse}: {numbers}."
    return f"{better} is more accurate than {worse}: {numbers}."


def pooling(asked: Asked) -> str | None:
    """Why F1 from a matrix over all epochs lies below the accuracy of the last one."""
    pooled, kept = asked.parts("pooled"), asked.parts("validation")
    if not pooled:
        return None
    sentences = [
        f"{model_label(name)}: macro F1 {percent(mean(pooled[name], 'macro_f1'))} (accuracy "
        f"{percent(mean(pooled[name], 'accuracy'))}) pooled over the epochs, "
        f"{percent(mean(part, 'macro_f1'))} (accuracy {percent(mean(part, 'accuracy'))}) for the "
        "weights that were kept; accuracy minus F1 is "
        f"{points(mean(part, 'accuracy') - mean(pooled[name], 'macro_f1'))} points the paper's "
        f"way and {points(mean(part, 'accuracy') - mean(part, 'macro_f1'))} from one matrix."
        for name, part in kept.items()
    ]
    told = " ".join(sentences)
    if any(mean(pooled[name], "macro_f1") >= mean(part, "macro_f1") for name, part in kept.items()):
        return f"Pooling the epochs does not explain it here. {told}"
    return (
        "Because the two come from different networks: accuracy from the last epoch, F1 from a "
        "matrix that also counts the mistakes of the first epochs, while the network was still "
        f"learning. {told}"
    )


def auc(asked: Asked) -> str | None:
    """What a ROC area says that is 1.0 for everybody."""
    parts = {n: p for n, p in asked.parts("test").items() if "macro_auc" in p["metrics"]}
    if not parts:
        return None
    areas = [mean(part, "macro_auc") for part in parts.values()]
    found = listing([f"{model_label(n)} {mean(p, 'macro_auc'):.5f}" for n, p in parts.items()])
    rounded = sorted({f"{area:.1f}" for area in areas})
    accuracies = [mean(part, "accuracy") for part in parts.values()]
    told = f"all print as {rounded[0]}" if len(rounded) == 1 else f"print as {listing(rounded)}"
    return (
        f"Macro AUC, one against the rest: {found}. To one decimal they {told}, while accuracy "
        f"ranges from {percent(min(accuracies))} to {percent(max(accuracies))}."
    )


def equal_scores(asked: Asked) -> str | None:
    """Whether precision, recall and F1 coincide, and to which decimal."""
    sentences = []
    for name, part in asked.parts("test").items():
        scores = [mean(part, f"macro_{score}") for score in ("precision", "recall", "f1")]
        exact = listing([f"{100 * score:.4f}" for score in scores])
        coarse = sorted({f"{score:.2f}" for score in scores})
        told = f"all {coarse[0]}" if len(coarse) == 1 else listing(coarse)
        sentences.append(
            f"{model_label(name)}: {exact} percent, at most "
            f"{100 * (max(scores) - min(scores)):.4f} points apart; as fractions to two decimals "
            f"{told}."
        )
    return " ".join(sentences) or None


def epochs(asked: Asked) -> str | None:
    """Whether the longer of two trainings is the better."""
    parts = asked.parts("test")
    shorter, longer = asked.question.variants
    if shorter not in parts or longer not in parts:
        return None
    values = [parts[name]["metrics"]["accuracy"]["per_seed"] for name in (shorter, longer)]
    difference = paired_difference(*values)
    if difference is None:
        return None
    low, high = difference["ci95_low"], difference["ci95_high"]
    matters = low is not None and high is not None and not low <= 0 <= high
    verdict = "It matters" if matters else "No evidence that it matters"
    found = [f"{model_label(name)} {_accuracy(parts[name])}" for name in (shorter, longer)]
    told = difference_text(difference)
    return f"{verdict}: {listing(found)} {_TEST_WORDS}; {told} points, paired by seed."
