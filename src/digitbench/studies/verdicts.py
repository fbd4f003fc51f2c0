"""Whether a published number holds here; the rules as the page tells them, and the table of all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from digitbench.results.records import TEST
from digitbench.results.studies import VERDICTS, Claim, Row, Verdict, decimals, least_agreeing
from digitbench.studies.ours import HELD_OUT, Measured, Ours, find_ours
from digitbench.studies.published import OF_ONE_MATRIX, Number, Published
from digitbench.wording import ENLARGING

RULES: dict[Verdict, str] = {
    "reproduced": (
        "the number lies in the interval of our mean, or its own ± or its rounding (half a unit of "
        "its last digit) reaches it. A count has no interval: it is equal."
    ),
    "consistent with one run": (
        "it, or its rounding, lies in the interval of one more training (of the mean of several, "
        "where the paper gives that)."
    ),
    "under-specified": (
        "it lies in neither, but sizes, epochs or variant are our choice, because the paper leaves "
        "them open, and so may the difference be. What our choice does reach is judged like any "
        "other."
    ),
    "higher": "it lies in neither, the choice was not ours, and our mean is higher.",
    "lower": "likewise, and our mean is lower.",
    "not comparable": (
        "it depends on the machine, belongs to another network, was not run here, or meets a "
        "single seed, which has no interval."
    ),
}
# Ours are sums of binary fractions, published numbers decimal ones.
_TOLERANCE = 1e-9
# Of ours, in the unit of the number; beyond what anybody reads.
_DECIMALS = 8


def judge(number: Number, ours: Ours | None) -> tuple[Verdict, str]:
    """The verdict on one number by `RULES`, and what it rests on where that is not plain.

    Args:
        number: The published number.
        ours: Ours in the same unit; None where nothing was measured.
    """
    if number.incomparable or ours is None:
        return "not comparable", number.incomparable or "not run here"
    verdict, reason = _judge(number, ours)
    if number.open is None:
        return verdict, reason
    if verdict in ("higher", "lower"):
        return "under-specified", number.open
    return verdict, "; ".join(filter(None, (reason, number.open)))


def _judge(number: Number, ours: Ours) -> tuple[Verdict, str]:
    # With the decimals that are shown, so that a reader can check the verdict.
    places = decimals(number.metric)
    shown = [
        round(ours.mean if end is None else end, places)
        for end in (ours.low, ours.high, ours.run_low, ours.run_high)
    ]
    mean, run = shown[:2], shown[2:]
    value, until = float(number.exact), float(number.until or number.value)
    spread = float(number.spread or 0)
    low, high = map(float, number.rounding)
    if _meet((value, until), mean):
        return "reproduced", ""
    if _meet((value - spread, until + spread), mean):
        return "reproduced", "its ± reaches our interval"
    if _meet((low, high), mean):
        return "reproduced", "its rounding reaches our interval"
    if _meet((low, high), run):
        return "consistent with one run", ""
    if ours.seeds == 1:
        return "not comparable", "one seed has no interval"
    return ("higher" if ours.mean > value else "lower"), ""


def _meet(theirs: tuple[float, float], ours: Sequence[float]) -> bool:
    return theirs[0] <= ours[1] + _TOLERANCE and theirs[1] >= ours[0] - _TOLERANCE


# --- the table ---------------------------------------------------------------------------------


def all_rows(studies: Mapping[str, Published], measured: Measured) -> list[Row]:
    """A row per number and recipe, those of a claim together, in the order of the files.

    Accuracy, precision, recall and F1 of one network on the same images are one claim, and so is a
    number under all that the paper may have meant by it: two numbers of epochs, two ways of
    enlarging USPS.
    """
    claims: dict[tuple[str, ...], list[Row]] = {}
    for key, study in studies.items():
        for number in (*study.results, *study.other):
            for variant in number.models or (number.model,):
                for protocol in _protocols(number):
                    row = _row(key, number, variant, protocol, measured)
                    claims.setdefault(_claim(row), []).append(row)
    return [
        replace(row, claim=place, claim_verdict=VERDICTS[least_agreeing(Claim(own).recipes[0])])
        for place, own in enumerate(claims.values(), start=1)
        for row in own
    ]


def _claim(row: Row) -> tuple[str, ...]:
    """What the numbers of one claim have in common."""
    what = "scores" if row.metric in OF_ONE_MATRIX else row.metric
    images = row.dataset if row.dataset == "usps" else f"{row.dataset} {row.protocol}"
    return row.study, row.model.partition("_")[0], images, what


def _protocols(number: Number) -> tuple[str | None, ...]:
    """No paper says how it enlarged USPS."""
    open_mapping = number.dataset == "usps" and not number.incomparable
    return tuple(ENLARGING) if open_mapping else (number.protocol,)


def _row(key: str, number: Number, variant: str, protocol: str | None, measured: Measured) -> Row:
    ours = find_ours(number, key, variant, protocol, measured)
    elsewhere = protocol in HELD_OUT and not number.incomparable
    test = find_ours(number, key, variant, TEST, measured) if elsewhere else None
    verdict, reason = judge(number, ours)
    return Row(
        study=key,
        claim=0,
        model=variant,
        metric=number.metric,
        dataset=number.dataset or "",
        protocol=protocol or "",
        published=f"{number.value} to {number.until}" if number.until else number.value,
        published_spread=number.spread or "",
        place=number.place,
        ours_mean=_end(ours, "mean"),
        ours_low=_end(ours, "low"),
        ours_high=_end(ours, "high"),
        run_low=_end(ours, "run_low"),
        run_high=_end(ours, "run_high"),
        seeds=None if ours is None else ours.seeds,
        test_mean=_end(test, "mean"),
        test_low=_end(test, "low"),
        test_high=_end(test, "high"),
        verdict=verdict,
        claim_verdict=verdict,
        reason=reason,
    )


def _end(ours: Ours | None, name: str) -> float | None:
    value: float | None = getattr(ours, name, None)
    return None if value is None else round(value, _DECIMALS)
