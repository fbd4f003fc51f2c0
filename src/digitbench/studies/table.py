"""All published numbers beside ours, in a fixed order."""

from collections.abc import Mapping, Sequence

from digitbench.studies.lookup import Ours, find_ours
from digitbench.studies.measured import Measured
from digitbench.studies.published import Number, Published
from digitbench.studies.rows import TRIAL, Row
from digitbench.studies.verdicts import judge

# Of ours, in the unit of the number; beyond what anybody reads.
_DECIMALS = 8


def all_rows(studies: Mapping[str, Published], measured: Measured) -> list[Row]:
    """The rows of every study, in the order of the files."""
    return [row for key, study in studies.items() for row in study_rows(key, study, measured)]


def study_rows(key: str, study: Published, measured: Measured) -> list[Row]:
    """A row per number, variant and protocol; the paper's own protocol comes first."""
    rows: list[Row] = []
    for number in (*study.results, *study.other):
        rows += _rows(key, number, _protocols(number), measured, mark="")
    for number in study.trials:
        rows += _rows(key, number, (number.protocol,), measured, mark=TRIAL)
    return rows


def _protocols(number: Number) -> tuple[str | None, ...]:
    """The paper's protocol, and beside it ours; no paper says how it enlarged USPS."""
    if number.incomparable or number.protocol in (None, "test"):
        return (number.protocol,)
    if number.dataset == "usps":
        return ("stretch", "box")
    return (number.protocol, "test")


def _rows(
    key: str, number: Number, protocols: Sequence[str | None], measured: Measured, mark: str
) -> list[Row]:
    found = [
        (variant, protocol, find_ours(number, key, variant, protocol, measured))
        for variant in number.models
        for protocol in protocols
    ]
    if not number.models:
        found = [(number.model, number.protocol, None)]
    return [_row(key, number, variant, protocol, ours, mark) for variant, protocol, ours in found]


def _row(
    key: str, number: Number, variant: str, protocol: str | None, ours: Ours | None, mark: str
) -> Row:
    source = "trial's" if mark else "published"
    verdict, reason = judge(number, ours, protocol, source)
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
