"""A question with all that an answer may look at.

Answers about scores.

Answers about the ten digits: how many there are, and which are taken for which.

Answers about time, which the papers claim and don't measure.

Answers about digits that are not quite MNIST's: distorted ones, and those of USPS.

What was measured about the questions that the papers ask, and the claims they don't measure.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import TypeVar

import numpy as np

from digitbench.results.studies import MainResults, Measured, Record
from digitbench.statistics.comparison import ALPHA, holm
from digitbench.statistics.factorial import Design, Estimate, Factor, Samples, weighted_sum
from digitbench.statistics.summary import Summary, summarise
from digitbench.studies.phrases import gap_sentence
from digitbench.studies.published import Answer, Published, Question
from digitbench.wording import (
    difference_sentence,
    interval,
    listing,
    model_label,
    p_value,
    percent,
    points,
    points_between,
)


@dataclass(frozen=True)
class Asked:
    """One question of one study."""

    study: str
    published: Published
    question: Question
    measured: Measured

    def parts(self, protocol: str) -> dict[str, Record]:
        """Metrics under one protocol by variant, the most accurate first."""
        records = self.measured.variants.get(self.study, {})
        found = {
            variant: record["protocols"][protocol]
            for variant, record in records.items()
            if protocol in record.get("protocols", {})
        }
        return dict(sorted(found.items(), key=lambda item: -mean(item[1], "accuracy")))


def mean(part: Record, metric: str) -> float:
    """A metric's mean over the seeds."""
    return float(part["metrics"][metric]["mean"])


def paired_difference(first: Mapping[str, float], second: Mapping[str, float]) -> Summary | None:
    """Second minus first over the seeds that both have."""
    shared = {int(seed): second[seed] - first[seed] for seed in first if seed in second}
    return summarise(shared) if shared else None


def difference_text(difference: Summary) -> str:
    """In percentage points, with the interval over seeds."""
    return points_between(difference["mean"], difference["ci95_low"], difference["ci95_high"])


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
    evident = p < ALPHA and not low <= 0 <= high
    return difference_sentence(
        better, worse, numbers, evident=evident, verb="is more accurate than"
    )


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


ALIKE = 1.1  # a ratio of times below which none is called faster


def inference_speed(asked: Asked) -> str | None:
    """Who is faster for one image and in batches; networks of the main comparison."""
    main, names = asked.measured.main, asked.question.architectures
    if not all(name in main.latency and name in main.metrics for name in names):
        return None
    one = {name: main.latency[name]["milliseconds_per_image"]["median"] for name in names}
    many = {name: main.latency[name]["images_per_second"]["median"] for name in names}
    order = sorted(names, key=lambda name: one[name])
    batched = sorted(names, key=lambda name: -many[name])
    batch = main.latency[names[0]]["batch_size"]
    singles = listing([f"{model_label(name)} {one[name]:.3f} ms" for name in order])
    rates = listing([f"{model_label(name)} {many[name]:,.0f}" for name in batched])
    macs = listing([f"{model_label(name)} {main.metrics[name]['macs']:,}" for name in order])
    return (
        f"For one image {_ratio(order, one[order[-1]] / one[order[0]])}: {singles}. In batches of "
        f"{batch} {_ratio(batched, many[batched[0]] / many[batched[-1]])}: {rates} images per "
        f"second. Multiply-accumulates per image: {macs}. Medians on one thread of "
        f"{main.latency['environment']['hardware']}, with the networks of the main comparison."
    )


def _ratio(order: list[str], ratio: float) -> str:
    """The first beside the last; clocks don't tell apart what is closer than a tenth."""
    if ratio < ALIKE:
        return f"{model_label(order[0])} and {model_label(order[-1])} are about equally fast"
    return f"{model_label(order[0])} is {ratio:.1f} times as fast as {model_label(order[-1])}"


def training_time(asked: Asked) -> str | None:
    """How long an epoch takes, one model against another."""
    timing = asked.measured.timing.get(asked.study, {})
    seconds = {name: record["seconds_per_epoch"]["median"] for name, record in timing.items()}
    if len(seconds) < 2:
        return None
    order = sorted(seconds, key=lambda name: (seconds[name], name))
    fast, slow = order[0], order[-1]
    found = listing([f"{model_label(name)} {seconds[name]:.1f} s" for name in order])
    where = listing(sorted({record["environment"]["hardware"] for record in timing.values()}))
    at_once = listing(sorted({str(record["replicates_at_once"]) for record in timing.values()}))
    return (
        f"An epoch takes {found} on {where}, {at_once} replicates at once: {model_label(slow)} "
        f"takes {seconds[slow] / seconds[fast]:.1f} times as long as {model_label(fast)}."
        f"{_published_ratio(asked, slow, fast)}"
    )


def _published_ratio(asked: Asked, slow: str, fast: str) -> str:
    """The same ratio of the paper's times; machines differ, a ratio less so."""
    stated = {
        number.model: float(number.value)
        for number in asked.published.other
        if number.metric == "seconds_per_epoch"
    }
    if slow not in stated or fast not in stated:
        return ""
    return f" The paper's times make it {stated[slow] / stated[fast]:.1f} times."


# Distortions that one may call slight: corruption, strength, and the words for it.
SLIGHT = (
    ("shift", 1.0, "a shift by 1 pixel"),
    ("shift", 2.0, "a shift by 2 pixels"),
    ("rotation", 10.0, "a rotation by 10°"),
)
ROBUST = 0.01  # loss of accuracy up to which a network is called robust
PerSeed = Mapping[int, float]


def distortions(asked: Asked) -> str | None:
    """What slight distortions cost, and what augmentation changes about it."""
    return " ".join([*_slight(asked), *_with_augmentation(asked)]) or None


def _slight(asked: Asked) -> list[str]:
    main = asked.measured.main
    if main.corruptions is None:
        return []
    curves = {
        place: dict(zip(rows["seed"], rows["accuracy"], strict=True))
        for place, rows in main.corruptions.groupby(["architecture", "corruption", "strength"])
    }
    sentences = [
        "A network counts as robust if the whole 95 % interval of its loss, over seeds, lies at "
        f"or below {100 * ROBUST:.0f} point of accuracy, as not robust if all of it lies above. "
        f"Networks of the main comparison, {main.robustness['images']:,} test images."
    ]
    for corruption, strength, words in SLIGHT:
        told = [
            _moved(name, curves[name, corruption, 0.0], curves[name, corruption, strength])
            for name in asked.question.architectures
        ]
        sentences.append(f"{words[0].upper()}{words[1:]} takes {listing(told)}.")
    return sentences


def _moved(name: str, clean: PerSeed, moved: PerSeed) -> str:
    """Both accuracies, and the verdict on the loss; each network is its own comparison."""
    before, after = summarise(clean)["mean"], summarise(moved)["mean"]
    loss = summarise({seed: clean[seed] - moved[seed] for seed in clean})
    low, high = loss["ci95_low"], loss["ci95_high"]
    verdict = "undecided"
    if high is not None and high <= ROBUST:
        verdict = "robust"
    elif low is not None and low > ROBUST:
        verdict = "not robust"
    return f"{model_label(name)} from {percent(before, 1)} to {percent(after, 1)} ({verdict})"


def _with_augmentation(asked: Asked) -> list[str]:
    """The effect of augmentation on networks that were trained both ways."""
    record = asked.measured.robustness
    if not record:
        return []
    effects = {
        key: next(e for e in table if e["factors"] == ["augmentation"])
        for key, table in record["effects"].items()
    }
    overall = effects.pop("mean")
    changes = [
        f"{model_label(name)} from {percent(record[name]['mean']['mean'], 1)} to "
        f"{percent(record[f'{name}_augmented']['mean']['mean'], 1)}"
        for name in asked.question.architectures
    ]
    moved = points_between(overall["effect"], overall["ci95_low"], overall["ci95_high"])
    return [
        "For the networks of pedrogiu13, trained with and without it, augmentation moves accuracy "
        f"over all corruptions by {moved} points: {listing(changes)}.",
        _by_side(effects),
    ]


def _by_side(effects: Mapping[str, Record]) -> str:
    """Where it helps, where it hurts, and where that can't be told; p-values adjusted by Holm."""
    adjusted = holm([1.0 if e["p_value"] is None else e["p_value"] for e in effects.values()])
    sides: dict[str, list[str]] = {"helps against": [], "hurts under": [], "leaves open": []}
    for (name, effect), p in zip(effects.items(), adjusted, strict=True):
        side = "helps against" if effect["effect"] > 0 else "hurts under"
        sides[side if p < ALPHA else "leaves open"].append(f"{name} ({points(effect['effect'])})")
    told = [f"{side} {listing(names)}" for side, names in sides.items() if names]
    return f"It {'; it '.join(told)}."


def usps_attribution(asked: Asked) -> str | None:
    """How much of the gap on USPS is architecture, augmentation and alignment."""
    domain = asked.measured.domain_shift.get("usps")
    if not domain:
        return None
    gaps = {(gap["start"]["mapping"], gap["end"]["mapping"]): gap for gap in domain["gaps"]}
    before, after = (points(gaps[shown, shown]["gap"]["value"]) for shown in ("stretch", "box"))
    aligned = _alignment(domain, "mlp", augmentation=False)
    return " ".join(
        [
            f"The published gap is {_published_gap(asked):.2f} points.",
            *(gap_sentence(gap) for gap in domain["gaps"]),
            "A factor's part is its mean contribution over all orders of changing one thing at a "
            "time (Shapley value).",
            "Alignment alone, the box in place of stretching, moves the MLP without augmentation "
            f"by {difference_text(aligned)} points; the gap between "
            f"the published pair goes from {before} to {after} points.",
        ]
    )


def _published_gap(asked: Asked) -> float:
    usps = {n.model: n.exact for n in asked.published.results if n.dataset == "usps"}
    return float(usps["cnn"] - usps["mlp"])


def _alignment(domain: Record, model: str, *, augmentation: bool) -> Summary:
    """What one group of networks gains from the box; each network is its own comparison."""
    stretch, box = (
        next(
            cell["accuracy"]["per_seed"]
            for cell in domain["cells"]
            if cell == {**cell, "model": model, "augmentation": augmentation, "mapping": mapping}
        )
        for mapping in ("stretch", "box")
    )
    return summarise({int(seed): box[seed] - value for seed, value in stretch.items()})


NOT_RUN = "Not run here."

ANSWERS: dict[Answer, Callable[[Asked], str | None]] = {
    "auc": auc,
    "class_balance": class_balance,
    "confused_pairs": confused_pairs,
    "confusion_causes": confusion_causes,
    "distortions": distortions,
    "epochs": epochs,
    "equal_scores": equal_scores,
    "inference_speed": inference_speed,
    "pooling": pooling,
    "ranking": ranking,
    "training_time": training_time,
    "usps_attribution": usps_attribution,
}


def answer(asked: Asked) -> str:
    """The measured answer in generated sentences."""
    return ANSWERS[asked.question.answer](asked) or NOT_RUN
