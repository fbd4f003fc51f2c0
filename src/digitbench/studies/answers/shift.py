"""Answers about digits that are not quite MNIST's: distorted ones, and those of USPS."""

from collections.abc import Mapping

from digitbench.evaluation.significance import holm
from digitbench.evaluation.summary import Summary, summarise
from digitbench.evidence import ALPHA
from digitbench.reporting.wording import listing, percent, points, points_between
from digitbench.studies.answers.asked import Asked, difference_text
from digitbench.studies.gap_wording import gap_sentence
from digitbench.studies.labels import model_label
from digitbench.studies.measured import Record

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
