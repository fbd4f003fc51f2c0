"""Numbers and names as people read them, and sentences that say no more than the numbers do."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Protocol


class OverSeeds(Protocol):
    """A metric with its 95 % interval over seeds; None with one seed."""

    @property
    def ci95_low(self) -> float | None:
        """The lower end."""

    @property
    def ci95_high(self) -> float | None:
        """The upper end."""


class _Names(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key.upper()


# Architectures by key; one that is not listed shows its key in capitals.
NAMES: Mapping[str, str] = _Names(mlp="MLP", cnn="CNN", rnn="RNN", lstm="LSTM")
METRICS = {
    "accuracy": "accuracy",
    "error_reduction": "error reduction",
    "macro_auc": "macro AUC",
    "macro_f1": "macro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "parameters": "parameters",
    "seconds_per_epoch": "seconds per epoch",
}
_MANY_SEEDS = 10
_VARIANTS = {"augmented": "with augmentation", "plain": "without augmentation"}


# What the study of domain shift takes apart.
FACTORS = {"model": "architecture", "augmentation": "augmentation", "mapping": "alignment"}


class Enlarging(NamedTuple):
    """One way of bringing digits of another size to 28x28, in the forms that texts need."""

    short: str
    heading: str
    column: str
    place: str
    digits: str


ENLARGING = {
    "stretch": Enlarging(
        short="stretched",
        heading="stretched to 28×28",
        column="stretched to 28×28",
        place="stretched to 28×28",
        digits="stretched digits",
    ),
    "box": Enlarging(
        short="20 px box",
        heading="20 px box, padded",
        column="20 px box",
        place="in a 20 px box",
        digits="digits in the 20 px box",
    ),
}


def model_label(variant: str) -> str:
    """`cnn_10` as `CNN, 10 epochs`; what is no variant of a listed architecture stays as it is."""
    name, _, suffix = variant.partition("_")
    if name not in NAMES:
        return variant
    if not suffix:
        return NAMES[name]
    return f"{NAMES[name]}, {_variant(suffix)}"


def _variant(suffix: str) -> str:
    return count(int(suffix), "epoch") if suffix.isdigit() else _VARIANTS[suffix]


def metric_label(metric: str) -> str:
    """`confusion 9>4` as `9 taken for 4`."""
    if metric.startswith("confusion "):
        return metric.removeprefix("confusion ").replace(">", " taken for ")
    return METRICS[metric]


# --- numbers ---------------------------------------------------------------------------------


def decimal(value: float, digits: int = 2, sign: str = "") -> str:
    """A number as every page, figure and table rounds it: a half goes up in size.

    Twelve decimals count: the last bit of a float, which is another one in a mean of percents than
    in a mean of fractions, must not decide between 97.61 and 97.62. An end of an interval just
    below 0 keeps its sign.

    Args:
        value: What is told.
        digits: Decimals.
        sign: "+" for a difference.
    """
    # Adding 0 makes +0 of -0, which turning an interval round leaves behind.
    exact = Decimal(repr(round(float(value), 12))) + 0
    rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded:{sign or 'z'}f}".replace("-", "−")


def percent(value: float, digits: int = 2) -> str:
    """A fraction as percent."""
    return f"{decimal(100 * value, digits)} %"


def points(value: float) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return decimal(100 * value, sign="+")


def points_interval(low: float, high: float) -> str:
    """The ends of an interval of such a difference."""
    return f"{points(low)} to {points(high)}"


def points_between(value: float, low: float | None, high: float | None, *notes: str) -> str:
    """A difference in percentage points; its interval, if there is one, and notes in brackets."""
    ends = [] if low is None or high is None else [points_interval(low, high)]
    beside = "; ".join([*ends, *notes])
    return f"{points(value)} ({beside})" if beside else points(value)


def within(margin: float) -> str:
    """A margin of accuracy, a fraction: `±0.2 points`."""
    size = f"{100 * margin:g}"
    return f"±{size} {'point' if size == '1' else 'points'}"


def what_is_found(seeds: str, smallest: float, margin: float, needed: int | None) -> str:
    """What a comparison could have found, differences of accuracy being fractions.

    Args:
        seeds: How many it had.
        smallest: The difference that they find in four of five cases.
        margin: The one that matters.
        needed: How many seeds find that as often; None: not even 1,000.
    """
    takes = f"takes {needed:,} seeds" if needed else "no number of seeds up to 1,000 is enough"
    find = "seed finds" if seeds == "1" else "seeds find"
    return (
        f"{seeds} {find} a difference of {decimal(100 * smallest)} points in four of five "
        f"cases; to find {within(margin)} {takes}"
    )


def interval(summary: OverSeeds) -> str:
    """The 95 % interval of a metric in percent, or why there is none."""
    low, high = summary.ci95_low, summary.ci95_high
    if low is None or high is None:
        return "one seed"
    return f"{decimal(100 * low)} to {decimal(100 * high)}"


def p_value(value: float) -> str:
    """A p-value, never more exact than is meaningful."""
    # 0.0497 is evidence where 0.050 would be none.
    return "< 0.001" if value < 0.001 else decimal(value, 5 if 0.0495 <= value < 0.05 else 3)


def p_equals(value: float) -> str:
    """The same in a sentence: `p = 0.012`, `p < 0.001`."""
    return f"p {p_value(value)}" if value < 0.001 else f"p = {p_value(value)}"


# --- words -----------------------------------------------------------------------------------


def count(number: int, one: str, several: str = "") -> str:
    """`1 seed`, `1,797 images`; the plural is given where it takes more than an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def seed_names(seeds: Sequence[int]) -> str:
    """All of them, or of many the least, the greatest and their number: a table has limits."""
    if len(seeds) > _MANY_SEEDS:
        return f"{min(seeds)} to {max(seeds)} ({len(seeds)} seeds)"
    return listing([str(seed) for seed in seeds])


def at_once(replicates: Iterable[int]) -> str:
    """How many replicates ran side by side, of several trainings: `1 and 4 replicates at once`."""
    found = sorted(set(replicates))
    noun = "replicate" if found == [1] else "replicates"
    return f"{listing([str(number) for number in found])} {noun} at once"


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def by_name(values: Mapping[str, str]) -> str:
    """What is told of every architecture: `CNN 0.1 and MLP 0.2`."""
    return listing([f"{NAMES[name]} {value}" for name, value in values.items()])


def in_common(values: Mapping[str, str]) -> str:
    """What is told of every architecture: once where all agree, else by name."""
    first, *others = dict.fromkeys(values.values())
    return by_name(values) if others else first


def arithmetic(used: Iterable[tuple[str, str]]) -> str:
    """In what networks were trained: pairs of precision and arithmetic.

    The RNN's recurrent layer keeps float32 in any case.
    """
    found = listing(
        [
            f"{precision}, portable" if kind == "portable" else precision
            for precision, kind in sorted(set(used))
        ]
    )
    return f"{found} (the RNN's recurrent layer: float32)" if "bfloat16" in found else found


def verified(outcomes: Sequence[str], processors: int) -> str:
    """`Verified by 2 receipts on 2 kinds of processor: 2 identical.`; empty without any."""
    if not outcomes:
        return ""
    told = listing([f"{outcomes.count(each)} {each}" for each in dict.fromkeys(outcomes)])
    kinds = count(processors, "kind of processor", "kinds of processor")
    return f"Verified by {count(len(outcomes), 'receipt')} on {kinds}: {told}."


# --- a difference ----------------------------------------------------------------------------


def difference_numbers(value: float, low: float, high: float, of: str = " of accuracy") -> str:
    """`+1.34 points of accuracy, 95 % interval +1.09 to +1.60`."""
    return f"{points(value)} points{of}, 95 % interval {points_interval(low, high)}"


def difference_sentence(
    better: str, worse: str, numbers: str, *, evident: bool, verb: str = "beats"
) -> str:
    """Who differs from whom by how much: the one sentence in which a page says so.

    Args:
        better: Name of the one with the higher value.
        worse: Name of the other.
        numbers: The difference, better minus worse, with its interval and p.
        evident: Whether the numbers are evidence of a difference.
        verb: What the better one does to the other.
    """
    if not evident:
        return f"No evidence of a difference between {worse} and {better}: {numbers}."
    return f"{better} {verb} {worse}: {numbers}."
