"""Answers about the ten digits: how many there are, and which are taken for which."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import TypeVar

from digitbench.reporting.wording import listing, percent
from digitbench.studies.answers.asked import Asked
from digitbench.studies.labels import model_label
from digitbench.studies.measured import MainResults, Record

_NAMED = 3  # confusions in a sentence
_LEADING = 5  # pairs that count as leading
Pair = tuple[int, int]
Number = TypeVar("Number", int, float)


def class_balance(asked: Asked) -> str | None:
    """How unequal the classes of the training images are."""
    counts = asked.measured.main.class_counts
    if counts is None:
        return None
    training = counts[counts["part"] != "test"].groupby("digit")["images"].sum()
    images = {int(digit): int(count) for digit, count in zip(training.index, training, strict=True)}
    fewest, most = min(images, key=images.__getitem__), max(images, key=images.__getitem__)
    return (
        f"Nearly, not evenly: of {sum(images.values()):,} training images {images[fewest]:,} show "
        f"a {fewest} and {images[most]:,} a {most}, {images[most] / images[fewest]:.2f} times as "
        "many."
    )


def confused_pairs(asked: Asked) -> str | None:
    """The most frequent confusions on the test set, and the rank of the published pairs."""
    sentences = []
    for name, part in asked.parts("test").items():
        counts = _counts(part)
        rates = {(a, b): counts[a][b] / sum(counts[a]) for a, b in permutations(range(10), 2)}
        leading = [
            f"{true} taken for {taken} ({percent(rate)} of true {true}s)"
            for (true, taken), rate in _ordered(rates)[:_NAMED]
        ]
        sentences.append(
            f"{model_label(name)}, most frequent on the test set: {listing(leading)}."
            f"{_ranks(asked.question.pairs, _pairs(counts))}"
        )
    return " ".join(sentences) or None


def _ranks(published: Sequence[Pair], pairs: Counter[Pair]) -> str:
    """Where the published pairs stand, both directions counted together."""
    order = [pair for pair, _ in _ordered(pairs)]
    told = [
        f"{first} with {second} ranks {order.index((first, second)) + 1}"
        for first, second in map(sorted, published)
    ]
    return f" Of the {len(order)} pairs, by count, {listing(told)}." if told else ""


def confusion_causes(asked: Asked) -> str | None:
    """What the measurements say about why: is it the network, the digits, or the labels?"""
    parts = asked.parts("test")
    if not parts:
        return None
    sentences = []
    for name, part in parts.items():
        pairs = _pairs(_counts(part))
        share = sum(count for _, count in _ordered(pairs)[:_LEADING]) / max(1, pairs.total())
        sentences.append(
            f"{model_label(name)}: {_LEADING} of {len(pairs)} pairs make up {percent(share, 0)} of "
            "all errors."
        )
    main = asked.measured.main
    return " ".join([*sentences, *_shared_pairs(main), *_disputed(main)])


def _shared_pairs(main: MainResults) -> list[str]:
    """Pairs that lead whatever the network is."""
    leading = {
        name: {(pair["first"], pair["second"]) for pair in pairs[:_LEADING]}
        for name, pairs in main.comparison.get("most_confused", {}).items()
    }
    shared = sorted(set.intersection(*leading.values())) if len(leading) > 1 else []
    if not shared:
        return []
    names = listing([model_label(name) for name in leading])
    digits = listing([f"{first} with {second}" for first, second in shared])
    return [
        f"In the main comparison {digits} are among the {_LEADING} most confused pairs of {names} "
        "alike, so that no single network is the reason; the digits, their labels or the training "
        "images may be."
    ]


def _disputed(main: MainResults) -> list[str]:
    """How many errors fall on images whose label people doubt."""
    record = main.metrics.get("cnn")
    if record is None:
        return []
    return [
        f"Of the {record['errors']['mean']:.1f} errors of the main comparison's CNN, "
        f"{record['errors_disputed']['mean']:.1f} fall on images whose label is disputed."
    ]


def _counts(part: Record) -> list[list[int]]:
    """Confusion counts [10][10], rows true digits, summed over seeds."""
    matrices = list(part["confusion"].values())
    return [[sum(matrix[a][b] for matrix in matrices) for b in range(10)] for a in range(10)]


def _pairs(counts: list[list[int]]) -> Counter[Pair]:
    """Confusions of two digits in both directions."""
    return Counter(
        {(a, b): counts[a][b] + counts[b][a] for a in range(10) for b in range(a + 1, 10)}
    )


def _ordered(counts: Mapping[Pair, Number]) -> list[tuple[Pair, Number]]:
    """The most frequent first; equal ones by their digits, so that the order is stable."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
