"""What stands under ``metrics/``: one typed record per file, written and read here alone.

A study's files have the same records as those of the main pipeline. Every record says which schema
it has; the schema before, which files of older commits have, is brought up to date while reading.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from digitbench.results.metrics import ACCURACY, BY_KEY
from digitbench.results.record import (
    Content,
    Count,
    Digit,
    Name,
    Part,
    Rate,
    Record,
    Seed,
    Seeds,
    Settings,
)
from digitbench.statistics.comparison import PairwiseComparison
from digitbench.statistics.factorial import Decomposition, Effect, Estimate
from digitbench.statistics.summary import CrossedSummary, Summary
from digitbench.wording import listing

TEST = "test"
Matrix = tuple[tuple[Count, ...], ...]  # counts [true class][predicted class]
MOST_IMAGES = 10_000_000  # far more than any set of digits has
Images = Annotated[Count, Field(gt=0, le=MOST_IMAGES)]
Share = Annotated[Summary, AfterValidator(ACCURACY.possible)]
CrossedShare = Annotated[CrossedSummary, AfterValidator(ACCURACY.possible)]


def _in_interval(value: float, low: float | None, high: float | None, what: str) -> None:
    """Refuse an interval that has one end, or leaves out what it is of."""
    if (low is None) != (high is None):
        raise ValueError(f"{what} has an interval with one end")
    if low is not None and high is not None and not low <= value <= high:
        raise ValueError(f"{what} is {value}, outside its interval {low} to {high}")


def _is_probability(value: float | None, what: str) -> None:
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{what} is {value}, outside 0 to 1")


def _possible_estimate(estimate: Estimate, what: str) -> None:
    """Refuse what no sum of differences between shares can be."""
    if not -2 <= estimate.value <= 2:
        raise ValueError(f"{what} is {estimate.value}")
    _in_interval(estimate.value, estimate.ci95_low, estimate.ci95_high, what)
    _is_probability(estimate.p_value, f"p of {what}")


def _possible_effect(effect: Effect) -> Effect:
    _possible_estimate(effect.estimate, "an effect")
    _is_probability(effect.p_value_holm, "adjusted p of an effect")
    return effect


def _possible_gap(gap: Decomposition) -> Decomposition:
    _possible_estimate(gap.gap, "a gap")
    for name, part in gap.parts.items():
        _possible_estimate(part, f"the part {name} of a gap")
    return gap


def _possible_pair(pair: PairwiseComparison) -> PairwiseComparison:
    if not -1 <= pair.difference <= 1:
        raise ValueError(f"difference is {pair.difference}, outside -1 to 1")
    _in_interval(pair.difference, pair.difference_low, pair.difference_high, "difference")
    if pair.error_reduction is not None:
        ends = pair.error_reduction_low, pair.error_reduction_high
        _in_interval(pair.error_reduction, *ends, "error_reduction")
    for test in pair.mcnemar:
        _is_probability(test.p_value, f"p_value of seed {test.seed}")
        if test.n10 < 0 or test.n01 < 0:
            raise ValueError(f"the counts of seed {test.seed} are below 0")
    for name in ("p_value", "p_value_holm"):
        _is_probability(getattr(pair, name), name)
    if pair.p_value_holm < pair.p_value:
        raise ValueError("p_value_holm is below p_value")
    for name in ("standard_error", "degrees_of_freedom", "seed_variance"):
        if (getattr(pair, name) or 0) < 0:
            raise ValueError(f"{name} is below 0")
    if not pair.seeds:
        raise ValueError("no seeds")
    return pair


AnyEffect = Annotated[Effect, AfterValidator(_possible_effect)]


# --- one architecture, or one variant of a study ---------------------------------------------


class Confusion(Part):
    """Confusion counts: summed over seeds with the rates of each true class, or one per seed."""

    counts: Matrix | None = None
    rates: tuple[tuple[Rate, ...], ...] | None = None
    per_seed: dict[Seed, Matrix] | None = None

    @model_validator(mode="after")
    def _is_square(self) -> Self:
        if any(len(row) != len(self.total) for row in self.total):
            raise ValueError("counts that are not a square")
        return self

    @property
    def total(self) -> list[list[int]]:
        """Counts [true class][predicted class] summed over seeds."""
        matrices = [self.counts] if self.counts else list((self.per_seed or {}).values())
        return [
            [sum(cells) for cells in zip(*rows, strict=True)]
            for rows in zip(*matrices, strict=True)
        ]


class Assessment(Part):
    """All that was measured of the replicates on one set of images: fractions of 1."""

    images: Images
    metrics: dict[Name, Summary]
    per_class: dict[Name, dict[Digit, Share]] | None = None  # by metric and digit
    confusion: Confusion

    @field_validator("metrics")
    @classmethod
    def _possible(cls, metrics: dict[str, Summary]) -> dict[str, Summary]:
        """A metric of a later version may have any value."""
        for key in metrics.keys() & BY_KEY.keys():
            BY_KEY[key].possible(metrics[key])
        return metrics


class Epochs(Part):
    """How long each replicate was trained, by seed."""

    run: dict[Seed, Count]
    kept: dict[Seed, Count]  # the epoch whose weights were kept

    @model_validator(mode="after")
    def _kept_one_that_was_run(self) -> Self:
        if self.run.keys() != self.kept.keys():
            raise ValueError("the seeds that were run are not those that were kept")
        if not all(1 <= kept <= self.run[seed] for seed, kept in self.kept.items()):
            raise ValueError("an epoch was kept that was not run")
        return self


class Layer(Part):
    """One row of an architecture's table, for one image."""

    name: str
    output_shape: tuple[int, ...]  # without the batch
    parameters: Count
    macs: Count  # counted
    formula_macs: Count  # by the closed formula


class ModelRecord(Record):
    """``metrics/<name>.json``: replicates of one architecture, of the main pipeline or a study.

    Attributes:
        protocols: By name: `test` always; in a study also `validation` and `pooled`.
    """

    architecture: Name
    parameters: Count
    macs: Count = 0  # studies don't count
    bytes: Count = 0
    seeds: Seeds
    epochs: Epochs | None = None
    protocols: dict[Name, Assessment]
    layers: tuple[Layer, ...] = ()

    @model_validator(mode="after")
    def _has_test_accuracy(self) -> Self:
        if TEST not in self.protocols or "accuracy" not in self.test.metrics:
            raise ValueError("no accuracy on the test set")
        for key, summary in self.metrics.items():
            if summary.per_seed.keys() != set(self.seeds):
                raise ValueError(f"{key} is not of the seeds {listing([*map(str, self.seeds)])}")
        if self.epochs is not None and self.epochs.run.keys() != set(self.seeds):
            raise ValueError("epochs are of other seeds")
        counts = self.test.confusion.total
        images = self.test.images * len(self.seeds)
        right = sum(row[digit] for digit, row in enumerate(counts))
        # Less than an image is rounding.
        if sum(map(sum, counts)) != images or abs(right - self.accuracy.mean * images) >= 1:
            raise ValueError("images, accuracy and confusion on the test set contradict each other")
        return self

    @property
    def test(self) -> Assessment:
        """Scores on the test set."""
        return self.protocols[TEST]

    @property
    def metrics(self) -> dict[str, Summary]:
        """Metrics on the test set by key; one of a later version may be absent."""
        return self.test.metrics

    @property
    def accuracy(self) -> Summary:
        """On the test set."""
        return self.metrics["accuracy"]

    def per_class(self, metric: str) -> dict[int, Summary]:
        """Precision, recall or f1 on the test set by digit."""
        return (self.test.per_class or {})[metric]

    @property
    def images_per_class(self) -> tuple[int, ...]:
        """Test images of every class."""
        return tuple(sum(row) // len(self.seeds) for row in self.test.confusion.total)

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """Of the main pipeline, whose metrics were flat, or of a study."""
        if "protocols" in content:
            protocols = {
                name: {**part, "confusion": {"per_seed": part["confusion"]}}
                for name, part in content["protocols"].items()
            }
            return {**content, "protocols": protocols}
        own = ("architecture", "parameters", "macs", "bytes", "layers")
        scored = ("per_class", "confusion")
        seeds = [int(seed) for seed in content["accuracy"]["per_seed"]]
        metrics = {key: content[key] for key in content if key not in own + scored}
        images = sum(map(sum, content["confusion"]["counts"])) // len(seeds)
        test = {
            "images": images,
            "metrics": metrics,
            **{key: content[key] for key in scored if key in content},
        }
        head = {key: content[key] for key in own[:-1]}
        layers = {"layers": content["layers"]} if "layers" in content else {}
        return {**head, "seeds": seeds, "protocols": {TEST: test}, **layers}


class SummaryRecord(Part):
    """``metrics/summary/<name>.json``: what `dvc metrics` shows, rounded because it is for reading.

    It is flat and has no schema.
    """

    accuracy: float
    std: float | None
    ci95_low: float | None
    ci95_high: float | None
    macro_f1: float
    nll: float
    ece: float
    seeds: int
    parameters: int

    @classmethod
    def of(cls, record: ModelRecord) -> Self:
        """The headline of a record."""
        accuracy = record.accuracy
        spread = (accuracy.std, accuracy.ci95_low, accuracy.ci95_high)
        std, low, high = (None if value is None else round(value, 5) for value in spread)
        return cls(
            accuracy=round(accuracy.mean, 5),
            std=std,
            ci95_low=low,
            ci95_high=high,
            macro_f1=round(record.metrics["macro_f1"].mean, 5),
            nll=round(record.metrics["nll"].mean, 5),
            ece=round(record.metrics["ece"].mean, 5),
            seeds=len(record.seeds),
            parameters=record.parameters,
        )


# --- what was learned with ---------------------------------------------------------------------


class Movements(Part):
    """How far training images were moved at random: degrees, and shares of the side."""

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Rate
    zoom: Rate


class UsedRecipe(Part):
    """The settings of a training, nothing left to be chosen by the machine."""

    seeds: Seeds
    epochs: Annotated[Count, Field(gt=0)]
    batch_size: Annotated[Count, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    adam_epsilon: Annotated[float, Field(gt=0, le=1)]
    patience: Count
    initialisation: Literal["he", "torch", "keras"]
    augmentation: Movements
    precision: Literal["float32", "bfloat16"]
    device: Literal["cpu", "cuda"]
    arithmetic: Literal["native", "portable"] = "native"  # older ones don't say


class UsedData(Part):
    """What was learned from: images, labels, how they were split, and the scale of pixels."""

    sha256: str
    train_images: Images
    validation_images: Images


class TrainingRecord(Record):
    """``metrics/training/<name>.json``: what the replicates of an architecture learned with.

    Whatever is said of a training is taken from here: by the time it is said, params.yaml may have
    other values, which a stage that is frozen, or not run yet, knows nothing of.
    """

    SCHEMA = OLDEST = 1

    architecture: Name
    network: Settings  # its section of the parameters
    recipe: UsedRecipe
    data: UsedData
    # SHA-256 of every replicate's file, by seed: one alone can be verified; older ones don't say.
    weights: dict[Seed, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_weights_of_its_seeds(self) -> Self:
        if not self.weights.keys() <= set(self.recipe.seeds):
            raise ValueError("weights are of other seeds")
        return self

    @property
    def dropout(self) -> dict[str, float]:
        """Probabilities above 0 by place; the place before the output has no name."""
        rates = {key: rate for key, rate in self.network.items() if key.startswith("dropout")}
        return {key.removeprefix("dropout").strip("_"): rate for key, rate in rates.items() if rate}


# --- several architectures beside each other -------------------------------------------------


class ConfusedPair(Part):
    """Two digits taken for each other: how often in all, and the rates of both ways."""

    first: Digit
    second: Digit
    count: Count
    rate_first_as_second: Rate
    rate_second_as_first: Rate


class ComparisonRecord(Record):
    """``metrics/comparison.json``: pairs by `<second>_minus_<first>`, confused digits by name.

    Until schema 2 the interval was another one than that of the test.
    """

    SCHEMA = OLDEST = 3

    pairs: dict[str, Annotated[PairwiseComparison, AfterValidator(_possible_pair)]]
    most_confused: Annotated[dict[Name, tuple[ConfusedPair, ...]], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_every_pair(self) -> Self:
        for key, pair in self.pairs.items():
            if key != f"{pair.second}_minus_{pair.first}":
                raise ValueError(f"{key} compares {pair.second} with {pair.first}")
        found = sorted(sorted((pair.first, pair.second)) for pair in self.pairs.values())
        if found != sorted(sorted(names) for names in combinations(self.most_confused, 2)):
            networks = listing(list(self.most_confused))
            raise ValueError(f"the pairs are not those of {networks}")
        return self

    def pair(self, one: str, other: str) -> PairwiseComparison:
        """The comparison of two architectures, whichever way round it was made."""
        for pair in self.pairs.values():
            if {pair.first, pair.second} == {one, other}:
                return pair
        raise KeyError(f"{one} and {other} were not compared")


class RobustnessRecord(Record):
    """``metrics/robustness.json``: accuracy on corrupted images, by network or group of networks.

    Attributes:
        units: What a strength counts, by corruption.
        accuracy: By network and corruption the mean of its strengths; `mean` is that of all. Their
            intervals cover the drawing of the images (older files': seeds alone).
        curves: By network, corruption and strength.
        effects: By corruption, and for `mean`, of model and augmentation and both.
    """

    images: Images
    units: dict[Name, str]
    accuracy: dict[Name, dict[Name, CrossedShare]]
    curves: dict[Name, dict[Name, dict[str, Share]]] | None = None
    effects: dict[Name, tuple[AnyEffect, ...]] | None = None

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """Networks stood beside the other keys."""
        kept = ("images", "units", "curves")
        rest: Content = {key: content[key] for key in kept if key in content}
        if "effects" in content:
            effects = content["effects"].items()
            rest["effects"] = {name: [_effect(e) for e in table] for name, table in effects}
        named = {key: value for key, value in content.items() if key not in (*rest, "effects")}
        return {**rest, "accuracy": named}


class DomainAccuracy(Part):
    """Accuracy on digits of one origin, by way of enlarging them and by architecture."""

    images: Images
    accuracy: dict[Name, dict[Name, Share]]


class DomainsRecord(Record):
    """``metrics/domains.json``: digits of other origin by the full name of the domain."""

    domains: dict[Name, DomainAccuracy]

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """Ways of enlarging stood beside the number of images."""
        return {
            "domains": {
                name: {
                    "images": part["images"],
                    "accuracy": {key: value for key, value in part.items() if key != "images"},
                }
                for name, part in content.items()
            }
        }


# --- the study of domain shift ---------------------------------------------------------------


class Cell(Part):
    """One group of networks on digits enlarged in one way."""

    model: Name
    augmentation: bool
    mapping: Name
    accuracy: Share


class DomainShift(Part):
    """Digits of one origin: cells, effects, and what gaps between cells are made of."""

    name: Name
    images: Images
    cells: tuple[Cell, ...]
    effects: tuple[AnyEffect, ...]
    gaps: tuple[Annotated[Decomposition, AfterValidator(_possible_gap)], ...]

    @property
    def accuracies(self) -> dict[tuple[object, ...], Summary]:
        """By model, augmentation and mapping."""
        return {(cell.model, cell.augmentation, cell.mapping): cell.accuracy for cell in self.cells}


class DomainShiftRecord(Record):
    """``metrics/domain_shift.json`` of its study."""

    domains: dict[Name, DomainShift]

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """Domains were the keys of the file, effects were flat."""
        return {
            "domains": {
                key: {**domain, "effects": [_effect(effect) for effect in domain["effects"]]}
                for key, domain in content.items()
            }
        }


def _effect(content: Mapping[str, Any]) -> Content:
    """An effect of schema 1."""
    estimate = {key: content[key] for key in ("ci95_low", "ci95_high", "p_value")}
    return {
        "factors": content["factors"],
        "estimate": {"value": content["effect"], **estimate},
        "p_value_holm": content["p_value_holm"],
    }
