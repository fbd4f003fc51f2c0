"""Whether a published number holds here, with the reason as one sentence; and the table of all.

A row per number, variant and protocol, in a fixed order.
"""

from collections.abc import Mapping

from digitbench.results.studies import TRIAL, Row, Verdict, decimals
from digitbench.studies.ours import Measured, Ours, find_ours
from digitbench.studies.phrases import sentence
from digitbench.studies.published import Number, Published
from digitbench.wording import ENLARGING

PROTOCOLS = {
    "test": "test set",
    "validation": "validation part",
    "pooled": "validation images, scored after every epoch and added up",
    **{key: f"original USPS, unsmoothed, {way.place}" for key, way in ENLARGING.items()},
}
# Ours are sums of binary fractions, published numbers decimal ones.
_TOLERANCE = 1e-9
# Of ours, in the unit of the number; beyond what anybody reads.
_DECIMALS = 8


def judge(
    number: Number, ours: Ours | None, where: str | None, source: str = "published"
) -> tuple[Verdict, str]:
    """The verdict on one number, and the sentence that gives the reason.

    Reproduced is a number inside our 95 % interval for the mean over seeds; or one whose own ±
    reaches our mean; or one whose rounding (half a unit of its last digit) touches our interval.
    Otherwise ours is higher or lower. A count has no interval: it is equal or it is not.

    Args:
        number: The published number.
        ours: Ours in the same unit; None where nothing was measured.
        where: Protocol of ours.
        source: What the sentence calls the number.
    """
    verdict, reason = _judge(number, ours)
    found = "" if ours is None else _measured(number, ours, where)
    # No paper says how it enlarged USPS.
    told = number.incomparable or number.dataset == "usps" or number.protocol == where
    if number.protocol and not told:
        found += f"; the paper's protocol: {PROTOCOLS[number.protocol]}"
    return verdict, sentence(
        "verdict",
        reason=reason,
        number=f"{source} {_published(number)}",
        ours=found,
        side=verdict,
        why=number.incomparable,
        counts=None if ours is None else (int(number.exact), int(ours.mean)),
    )


def _judge(number: Number, ours: Ours | None) -> tuple[Verdict, str]:
    """The verdict, and what it rests on."""
    if ours is None:
        return "not comparable", "not run"
    if number.incomparable:
        return "not comparable", "incomparable"
    if number.metric == "parameters":
        return _judge_count(number, ours)
    return _judge_mean(number, ours)


def _judge_mean(number: Number, ours: Ours) -> tuple[Verdict, str]:
    value, until = float(number.exact), float(number.until or number.value)
    # With the decimals that are shown, so that a reader can check the verdict.
    low, high = (
        round(ours.mean if end is None else end, decimals(number.metric))
        for end in (ours.low, ours.high)
    )
    if ours.low is not None and value <= high and until >= low:
        return "reproduced", "overlapping" if number.until else "inside"
    if number.spread and abs(ours.mean - value) <= float(number.spread) + _TOLERANCE:
        return "reproduced", "within its spread"
    rounded_low, rounded_high = (float(end) for end in number.rounding)
    if rounded_low <= high + _TOLERANCE and rounded_high >= low - _TOLERANCE:
        return "reproduced", "rounded"
    if ours.low is None:
        return "not comparable", "one seed"
    return "higher" if ours.mean > value else "lower", "outside"


def _judge_count(number: Number, ours: Ours) -> tuple[Verdict, str]:
    if ours.mean == number.exact:
        return "reproduced", "equal count"
    return "higher" if ours.mean > number.exact else "lower", "other count"


def _published(number: Number) -> str:
    """The number as the paper prints it, with its ± or its parts, and its place."""
    text = f"{int(number.value):,}" if number.metric == "parameters" else number.value
    if number.until:
        text += f" to {number.until}"
    if number.spread:
        text += f" ± {number.spread}"
    if number.parts:
        text += f" = {' + '.join(f'{part:,}' for part in number.parts)}"
    return f"{text} ({number.place})"


def _measured(number: Number, ours: Ours, where: str | None) -> str:
    places = decimals(number.metric)
    text = f"{ours.mean:.{places}f}"
    if ours.low is not None and ours.high is not None:
        text += f" ({ours.low:.{places}f} to {ours.high:.{places}f})"
    parts = [text]
    if ours.seeds:
        parts.append(f"{ours.seeds} {'seed' if ours.seeds == 1 else 'seeds'}")
    if where:
        images = "" if ours.images is None else f" ({ours.images:,} images)"
        parts.append(f"{PROTOCOLS[where]}{images}")
    if ours.machine:
        parts.append(ours.machine)
    return ", ".join(parts)


def all_rows(studies: Mapping[str, Published], measured: Measured) -> list[Row]:
    """The rows of every study, in the order of the files."""
    return [row for key, study in studies.items() for row in study_rows(key, study, measured)]


def study_rows(key: str, study: Published, measured: Measured) -> list[Row]:
    """A row per number, variant and protocol; the paper's own protocol comes first."""
    numbers = [(number, "") for number in (*study.results, *study.other)]
    numbers += [(number, TRIAL) for number in study.trials]
    return [
        _row(key, number, variant, protocol, mark, measured)
        for number, mark in numbers
        for variant in number.models or (number.model,)
        for protocol in ((number.protocol,) if mark else _protocols(number))
    ]


def _protocols(number: Number) -> tuple[str | None, ...]:
    """The paper's protocol, and beside it ours; no paper says how it enlarged USPS."""
    if number.incomparable or number.protocol in (None, "test"):
        return (number.protocol,)
    if number.dataset == "usps":
        return ("stretch", "box")
    return (number.protocol, "test")


def _row(
    key: str, number: Number, variant: str, protocol: str | None, mark: str, measured: Measured
) -> Row:
    ours = find_ours(number, key, variant, protocol, measured)
    verdict, reason = judge(number, ours, protocol, "trial's" if mark else "published")
    mean, low, high = (None, None, None) if ours is None else (ours.mean, ours.low, ours.high)
    return Row(
        study=key,
        model=variant,
        metric=number.metric,
        dataset=number.dataset or "",
        protocol=f"{protocol or ''}{mark}",
        published=f"{number.value} to {number.until}" if number.until else number.value,
        published_spread=number.spread or "",
        ours_mean=_rounded(mean),
        ours_low=_rounded(low),
        ours_high=_rounded(high),
        seeds=None if ours is None else ours.seeds,
        verdict=verdict,
        reason=reason,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
