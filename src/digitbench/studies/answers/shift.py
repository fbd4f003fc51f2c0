"""Answers about digits that are not quite MNIST's: distorted ones, and those of USPS."""

from collections.abc import Mapping

from digitbench.evaluation.summary import Summary, summarise
from digitbench.reporting.wording import listing, percent, points
from digitbench.studies.answers.asked import Asked
from digitbench.studies.labels import model_label
from digitbench.studies.measured import Record

# Distortions that one may call slight: corruption, strength, and the words for it.
SLIGHT = (
    ("shift", 1.0, "a shift by 1 pixel"),
    ("shift", 2.0, "a shift by 2 pixels"),
    ("rotation", 10.0, "a rotation by 10°"),
)
ROBUST = 0.01  # loss of accuracy up to which a network is called robust
MAPPINGS = {"stretch": "Stretched to 28×28", "box": "In the 20 px box"}
PerSeed = Mapping[int, float]


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
    """How much of the gap on USPS is architecture, augmentation and alignment.

    Per mapping the published pair differs in architecture and augmentation at once. The mean
    effect of each over the levels of the other adds up to that difference exactly, because the
    interaction of the two has the same sign in both corners.
    """
    domain = asked.measured.domain_shift.get("usps")
    if not domain:
        return None
    cells = {
        (cell["model"], cell["augmentation"], cell["mapping"]): _per_seed(cell["accuracy"])
        for cell in domain["cells"]
    }
    gap = _published_gap(asked)
    corners = {name: _gap(cells, name) for name in MAPPINGS}
    sentences = [f"The published gap is {gap:.2f} points."]
    sentences += [_decomposed(cells, name) for name in MAPPINGS]
    aligned = _difference(cells["mlp", False, "box"], cells["mlp", False, "stretch"])
    vanished = 1 - corners["box"]["mean"] / corners["stretch"]["mean"]
    sentences.append(
        f"Alignment alone (the box in place of stretching) moves the MLP without augmentation by "
        f"{_told(summarise(aligned))} points; with it {percent(vanished, 0)} of the gap between "
        "the published pair is gone."
    )
    return " ".join(sentences)


def _published_gap(asked: Asked) -> float:
    usps = {n.model: n.exact for n in asked.published.results if n.dataset == "usps"}
    return float(usps["cnn"] - usps["mlp"])


def _gap(cells: Mapping[tuple[str, bool, str], PerSeed], mapping: str) -> Summary:
    pair = cells["cnn", True, mapping], cells["mlp", False, mapping]
    return summarise(_difference(*pair))


def _decomposed(cells: Mapping[tuple[str, bool, str], PerSeed], mapping: str) -> str:
    """The gap under one mapping and what of it either factor accounts for."""
    by_model = [
        _difference(cells["cnn", flag, mapping], cells["mlp", flag, mapping])
        for flag in (False, True)
    ]
    by_augmentation = [
        _difference(cells[model, True, mapping], cells[model, False, mapping])
        for model in ("mlp", "cnn")
    ]
    gap = _gap(cells, mapping)
    model, augmentation = _mean_of(by_model), _mean_of(by_augmentation)
    return (
        f"{MAPPINGS[mapping]}, MLP without and CNN with augmentation differ by {_told(gap)} "
        f"points: architecture accounts for {_told(model)}, which is "
        f"{percent(model['mean'] / gap['mean'], 0)}, augmentation for {_told(augmentation)}, which "
        f"is {percent(augmentation['mean'] / gap['mean'], 0)}."
    )


def _per_seed(summary: Summary) -> dict[int, float]:
    return {int(seed): value for seed, value in summary["per_seed"].items()}


def _difference(second: PerSeed, first: PerSeed) -> dict[int, float]:
    return {seed: second[seed] - first[seed] for seed in second if seed in first}


def _mean_of(pair: list[dict[int, float]]) -> Summary:
    first, second = pair
    return summarise({seed: (first[seed] + second[seed]) / 2 for seed in first if seed in second})


def _told(summary: Summary) -> str:
    low, high = summary["ci95_low"], summary["ci95_high"]
    if low is None or high is None:
        return points(summary["mean"])
    return f"{points(summary['mean'])} ({points(low)} to {points(high)})"
