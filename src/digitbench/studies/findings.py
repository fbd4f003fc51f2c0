"""What was measured about the questions that the papers ask, and the claims they don't measure.

A finding is a function named like the answer that `published.yaml` asks for. It gives what the
sentences of that name in `sentences.j2` tell, or None where the networks it needs were not trained.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any, TypeVar, get_args

import numpy as np

from digitbench.results.clocks import Quartiles
from digitbench.results.records import Assessment
from digitbench.statistics.comparison import holm, is_evident
from digitbench.statistics.estimates import ALPHA
from digitbench.statistics.factorial import Design, Effect, Factor, weighted_sum
from digitbench.statistics.summary import summarise
from digitbench.studies.ours import Measured
from digitbench.studies.phrases import gap_sentence, sentence
from digitbench.studies.published import Answer, Published, Question
from digitbench.wording import at_once

Found = Mapping[str, Any] | None
Pair = tuple[int, int]
Count = TypeVar("Count", int, float)
PerSeed = Mapping[int, float]
NOT_RUN = "Not run here."
_NAMED = 3  # confusions in a sentence
_LEADING = 5  # pairs that count as leading
SLIGHT = (("shift", 1.0), ("shift", 2.0), ("rotation", 10.0))  # distortions one may call slight
ROBUST = 0.01  # loss of accuracy up to which a network is called robust


@dataclass(frozen=True)
class Asked:
    """One question of one study."""

    study: str
    published: Published
    question: Question
    measured: Measured

    def scores(self, protocol: str) -> dict[str, Assessment]:
        """Under one protocol by variant, the most accurate first."""
        records = self.measured.variants.get(self.study, {})
        found = {
            variant: record.protocols[protocol]
            for variant, record in records.items()
            if protocol in record.protocols
        }
        return dict(sorted(found.items(), key=lambda item: -item[1].metrics["accuracy"].mean))


def answer(asked: Asked) -> str:
    """The measured answer in generated sentences."""
    name = asked.question.answer
    found = FINDINGS[name](asked)
    return NOT_RUN if found is None else sentence(name, **found)


# --- scores ------------------------------------------------------------------------------------


def ranking(asked: Asked) -> Found:
    """Which model is the more accurate, neighbours compared by Welch's test over their seeds."""
    scores = asked.scores("test")
    if len(scores) < 2:
        return None
    samples = {
        (name,): np.array(list(own.metrics["accuracy"].per_seed.values()))
        for name, own in scores.items()
    }
    pairs = list(pairwise(scores))
    differences = [
        weighted_sum(
            Design((Factor("model", worse, better),)),
            {(name,): samples[name,] for name in (worse, better)},
            np.array([-1.0, 1.0]),
        )
        for better, worse in pairs
    ]
    adjusted = holm([1.0 if d.p_value is None else d.p_value for d in differences])
    return {
        "pairs": [
            (*pair, difference, p, is_evident(difference.ci95_low, difference.ci95_high, p))
            for pair, difference, p in zip(pairs, differences, adjusted, strict=True)
        ],
    }


def pooling(asked: Asked) -> Found:
    """Why F1 from a matrix over all epochs lies below the accuracy of the last one."""
    pooled, kept = asked.scores("pooled"), asked.scores("validation")
    models = [(name, pooled[name].metrics, own.metrics) for name, own in kept.items()]
    explains = all(all_["macro_f1"].mean < own["macro_f1"].mean for _, all_, own in models)
    return {"models": models, "explains": explains} if pooled else None


def auc(asked: Asked) -> Found:
    """What a ROC area says that is 1.0 for everybody."""
    metrics = {name: own.metrics for name, own in asked.scores("test").items()}
    areas = {name: own["macro_auc"].mean for name, own in metrics.items() if "macro_auc" in own}
    rounded = sorted({f"{area:.1f}" for area in areas.values()})
    accuracies = [metrics[name]["accuracy"].mean for name in areas]
    return {"areas": areas, "rounded": rounded, "accuracies": accuracies} if areas else None


def equal_scores(asked: Asked) -> Found:
    """Whether precision, recall and F1 coincide, and to which decimal."""
    models = []
    for name, own in asked.scores("test").items():
        scores = [own.metrics[f"macro_{score}"].mean for score in ("precision", "recall", "f1")]
        models.append((name, scores, sorted({f"{score:.2f}" for score in scores})))
    return {"models": models} if models else None


def epochs(asked: Asked) -> Found:
    """Whether the longer of two trainings is the better."""
    found, names = asked.scores("test"), asked.question.variants
    if any(name not in found for name in names):
        return None
    shorter, longer = (found[name].metrics["accuracy"].per_seed for name in names)
    paired = {seed: longer[seed] - shorter[seed] for seed in shorter if seed in longer}
    if not paired:
        return None
    difference = summarise(paired)
    low, high = difference.ci95_low, difference.ci95_high
    evident = low is not None and high is not None and not low <= 0 <= high
    named = dict(zip(("shorter", "longer"), names, strict=True))
    return {**named, "difference": difference, "evident": evident}


# --- the ten digits ----------------------------------------------------------------------------


def class_balance(asked: Asked) -> Found:
    """How unequal the classes of the training images are."""
    counts = asked.measured.main.class_counts
    if counts is None:
        return None
    images = counts[counts["part"] != "test"].groupby("digit")["images"].sum()
    return {"images": images, "fewest": images.idxmin(), "most": images.idxmax()}


def confused_pairs(asked: Asked) -> Found:
    """The most frequent confusions on the test set, and the rank of the published pairs."""
    models = []
    for name, own in asked.scores("test").items():
        counts = own.confusion.total
        rates = {(a, b): counts[a][b] / sum(counts[a]) for a, b in permutations(range(10), 2)}
        order = [pair for pair, _ in _ordered(_both_ways(counts))]
        published = [(min(pair), max(pair)) for pair in asked.question.pairs]
        ranks = [(*pair, order.index(pair) + 1) for pair in published]
        leading = [(*pair, rate) for pair, rate in _ordered(rates)[:_NAMED]]
        models.append((name, leading, ranks, len(order)))
    return {"models": models} if models else None


def confusion_causes(asked: Asked) -> Found:
    """What the measurements say about why: is it the network, the digits, or the labels?"""
    shares = []
    for name, own in asked.scores("test").items():
        pairs = _both_ways(own.confusion.total)
        first = sum(count for _, count in _ordered(pairs)[:_LEADING])
        shares.append((name, first / max(1, pairs.total()), len(pairs)))
    if not shares:
        return None
    main = asked.measured.main
    # Pairs that lead whatever the network is.
    leading = {
        name: {(pair.first, pair.second) for pair in pairs[:_LEADING]}
        for name, pairs in (main.comparison.most_confused if main.comparison else {}).items()
    }
    return {
        "shares": shares,
        "leading": _LEADING,
        "shared": sorted(set.intersection(*leading.values())) if len(leading) > 1 else [],
        "models": list(leading),
        "cnn": main.models.get("cnn"),
    }


def _both_ways(counts: Sequence[Sequence[int]]) -> Counter[Pair]:
    """Confusions of two digits in both directions, of counts [10][10]."""
    return Counter(
        {(a, b): counts[a][b] + counts[b][a] for a in range(10) for b in range(a + 1, 10)}
    )


def _ordered(counts: Mapping[Pair, Count]) -> list[tuple[Pair, Count]]:
    """The most frequent first; equal ones by their digits, so that the order is stable."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


# --- time, which the papers claim and don't measure --------------------------------------------


def inference_speed(asked: Asked) -> Found:
    """Who is faster for one image and in batches; networks of the main comparison."""
    main, names = asked.measured.main, asked.question.architectures
    if main.latency is None or not {*names} <= {*main.latency.models} & {*main.models}:
        return None
    speed = {name: main.latency.models[name] for name in names}
    return {
        "one": _fastest({name: own.milliseconds_per_image for name, own in speed.items()}, 1),
        "many": _fastest({name: own.images_per_second for name, own in speed.items()}, -1),
        "batch": speed[names[0]].batch_size,
        "macs": {name: main.models[name].macs for name in names},
        "hardware": main.latency.hardware,
    }


def training_time(asked: Asked) -> Found:
    """How long an epoch takes, one model against another."""
    timing = asked.measured.timing.get(asked.study, {})
    if len(timing) < 2:
        return None
    ranges = {}
    for name, record in timing.items():
        by_seed = record.seconds_per_epoch.per_seed.values()
        median = record.seconds_per_epoch.median
        ranges[name] = Quartiles(median=median, q1=min(by_seed), q3=max(by_seed))
    fast, slow, ratio = _fastest(ranges, 1)
    stated = {
        number.model: float(number.value)
        for number in asked.published.other
        if number.metric == "seconds_per_epoch"
    }
    return {
        "fast": fast,
        "slow": slow,
        "ratio": ratio,
        "hardware": sorted({record.hardware for record in timing.values()}),
        "at_once": at_once(record.replicates_at_once for record in timing.values()),
        # Machines differ, a ratio less so.
        "published": stated[slow] / stated[fast] if {slow, fast} <= {*stated} else None,
    }


def _fastest(of: Mapping[str, Quartiles], sign: int) -> tuple[str, str, Quartiles]:
    """The fastest, the slowest, and the larger of their values as a multiple of the smaller.

    Args:
        of: A time (sign 1) or a speed (sign -1) by name.
        sign: Which way is fast.
    """
    order = sorted(of, key=lambda name: (sign * of[name].median, name))
    less, more = sorted((of[order[0]], of[order[-1]]), key=lambda value: value.median)
    ratio = Quartiles(median=more.median / less.median, q1=more.q1 / less.q3, q3=more.q3 / less.q1)
    return order[0], order[-1], ratio


# --- digits that are not quite MNIST's ---------------------------------------------------------


def distortions(asked: Asked) -> Found:
    """What slight distortions cost, and what augmentation changes about it."""
    slight, augmented = _slight(asked), _augmented(asked)
    return {"slight": slight, "augmented": augmented} if slight or augmented else None


def _slight(asked: Asked) -> Found:
    main = asked.measured.main
    if main.corruptions is None or main.robustness is None:
        return None
    curves = {
        place: dict(zip(rows["seed"], rows["accuracy"], strict=True))
        for place, rows in main.corruptions.groupby(["architecture", "corruption", "strength"])
    }
    moved = [
        (
            corruption,
            strength,
            [
                (name, *_moved(curves[name, corruption, 0.0], curves[name, corruption, strength]))
                for name in asked.question.architectures
            ],
        )
        for corruption, strength in SLIGHT
    ]
    return {"images": main.robustness.images, "moved": moved}


def _moved(clean: PerSeed, moved: PerSeed) -> tuple[float, float, str]:
    """Both accuracies, and the verdict on the loss; each network is its own comparison."""
    loss = summarise({seed: clean[seed] - moved[seed] for seed in clean})
    verdict = "undecided"
    if loss.ci95_high is not None and loss.ci95_high <= ROBUST:
        verdict = "robust"
    elif loss.ci95_low is not None and loss.ci95_low > ROBUST:
        verdict = "not robust"
    return summarise(clean).mean, summarise(moved).mean, verdict


def _augmented(asked: Asked) -> Found:
    """The effect of augmentation on networks that were trained both ways."""
    record = asked.measured.robustness
    if record is None:
        return None
    effects = {
        key: next(effect for effect in table if effect.factors == ("augmentation",))
        for key, table in (record.effects or {}).items()
    }
    return {"change": effects.pop("mean").estimate, "sides": _sides(effects)}


def _sides(effects: Mapping[str, Effect]) -> dict[str, list[tuple[str, float]]]:
    """Where it helps, where it hurts, and where that can't be told; p-values adjusted by Holm."""
    p_values = [effect.estimate.p_value for effect in effects.values()]
    adjusted = holm([1.0 if p is None else p for p in p_values])
    sides: dict[str, list[tuple[str, float]]] = {
        "helps against": [],
        "hurts under": [],
        "leaves open": [],
    }
    for (name, effect), p in zip(effects.items(), adjusted, strict=True):
        value = effect.estimate.value
        side = "helps against" if value > 0 else "hurts under"
        sides[side if p < ALPHA else "leaves open"].append((name, value))
    return sides


def usps_attribution(asked: Asked) -> Found:
    """How much of the gap on USPS is architecture, augmentation and alignment."""
    if asked.measured.domain_shift is None:
        return None
    usps = asked.measured.domain_shift.domains["usps"]
    stated = {n.model: n.exact for n in asked.published.results if n.dataset == "usps"}
    # No paper says that its networks saw different images.
    alike = [gap for gap in usps.gaps if gap.start["mapping"] == gap.end["mapping"]]
    # Of the MLP without augmentation: what it gains from the box, by seed.
    stretch, box = (usps.accuracies["mlp", False, shown].per_seed for shown in ("stretch", "box"))
    return {
        "published": stated["cnn"] - stated["mlp"],
        "gaps": " ".join(map(gap_sentence, alike)),
        "alignment": summarise({seed: box[seed] - value for seed, value in stretch.items()}),
    }


FINDINGS: dict[str, Callable[[Asked], Found]] = {name: globals()[name] for name in get_args(Answer)}
