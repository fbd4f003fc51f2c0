"""Answers about digits that are not quite MNIST's: distorted ones, and those of USPS."""

from digitbench.evaluation.summary import Summary, summarise
from digitbench.reporting.wording import listing, percent, points
from digitbench.studies.answers.asked import Asked
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


def distortions(asked: Asked) -> str | None:
    """What slight distortions cost, and what augmentation changes about it."""
    sentences = _slight(asked)
    for model in asked.question.architectures:
        plain = asked.measured.robustness.get(model)
        augmented = asked.measured.robustness.get(f"{model}_augmented")
        if plain and augmented:
            sentences.append(_with_augmentation(model, plain, augmented))
    return " ".join(sentences) or None


def _slight(asked: Asked) -> list[str]:
    curves = asked.measured.main.corruptions
    if curves is None:
        return []
    names = asked.question.architectures
    means = curves.groupby(["architecture", "corruption", "strength"])["accuracy"].mean()
    verdicts, sentences = [], []
    for corruption, strength, words in SLIGHT:
        clean = {name: float(means[name, corruption, 0.0]) for name in names}
        moved = {name: float(means[name, corruption, strength]) for name in names}
        changes = [
            f"{model_label(name)} from {percent(clean[name], 1)} to {percent(moved[name], 1)}"
            for name in names
        ]
        robust = [model_label(name) for name in names if clean[name] - moved[name] <= ROBUST]
        verdicts.append(f"{listing(robust) or 'none'} to {words}")
        sentences.append(f"{words[0].upper()}{words[1:]} takes {listing(changes)}.")
    verdict = f"With a loss of at most {percent(ROBUST, 0)} called robust: {listing(verdicts)}."
    return [verdict, *sentences]


def _with_augmentation(model: str, plain: Record, augmented: Record) -> str:
    changes = [
        f"{name} from {percent(plain[key]['mean'], 1)} to {percent(augmented[key]['mean'], 1)}"
        for key, name in (("mean", "mean accuracy over all corruptions"), ("shift", "over shifts"))
    ]
    return f"Augmentation takes {model_label(model)}'s {listing(changes)}."


def usps_attribution(asked: Asked) -> str | None:
    """How much of the gap on USPS is architecture, augmentation and alignment."""
    domain = asked.measured.domain_shift.get("usps")
    if not domain:
        return None
    gaps = {(gap["start"]["mapping"], gap["end"]["mapping"]): gap for gap in domain["gaps"]}
    before, after = (points(gaps[shown, shown]["gap"]["value"]) for shown in ("stretch", "box"))
    return " ".join(
        [
            f"The published gap is {_published_gap(asked):.2f} points.",
            *(gap_sentence(gap) for gap in domain["gaps"]),
            "A factor's part is its mean contribution over all orders of changing one thing at a "
            "time (Shapley value).",
            "Alignment alone, the box in place of stretching, moves the MLP without augmentation "
            f"by {_told(_alignment(domain, 'mlp', augmentation=False))} points; the gap between "
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


def _told(summary: Summary) -> str:
    low, high = summary["ci95_low"], summary["ci95_high"]
    if low is None or high is None:
        return points(summary["mean"])
    return f"{points(summary['mean'])} ({points(low)} to {points(high)})"
