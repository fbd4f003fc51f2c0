"""The templates of the studies' page, and how they write numbers."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from digitbench.document.markdown import escaped, markdown_table
from digitbench.statistics.factorial import Decomposition, Estimate
from digitbench.statistics.summary import Summary
from digitbench.wording import (
    ENLARGING,
    FACTORS,
    difference_sentence,
    interval,
    listing,
    metric_label,
    model_label,
    p_value,
    percent,
    points,
    points_between,
)

ALIKE = 1.1  # a ratio of times below which none is called faster


def sentence(name: str, **values: Any) -> str:
    """The sentences under a name in `sentences.j2`, on one line."""
    sentences = getattr(template("sentences.j2").module, name)
    return " ".join(re.split(r"\s+", sentences(**values).strip()))


@cache
def template(name: str) -> jinja2.Template:
    """A template of this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "accuracy": lambda summary: f"{percent(summary.mean)} ({interval(summary)})",
        "escaped": escaped,
        "estimate": estimate_text,
        "gap": gap_sentence,
        "listing": listing,
        "metric": metric_label,
        "model": model_label,
        "p_value": p_value,
        "percent": percent,
        "points": points,
        "table": markdown_table,
        "times": lambda ratio: f"{ratio.median:.2f} ({ratio.q1:.2f} to {ratio.q3:.2f})",
    }
    environment.globals |= {
        "alike": ALIKE,
        "compared": difference_sentence,
        "digits": {mapping: way.digits for mapping, way in ENLARGING.items()},
        "factors": FACTORS,
    }
    return environment.get_template(name)


def estimate_text(of: Estimate | Summary, *notes: str) -> str:
    """A difference in points, with its interval."""
    value = of.mean if isinstance(of, Summary) else of.value
    return points_between(value, of.ci95_low, of.ci95_high, *notes)


def gap_sentence(gap: Decomposition) -> str:
    """Both cells, the gap, and what each factor adds to it, with its share of the whole."""
    return sentence("gap", gap=gap, shares=_shares(gap))


def _shares(gap: Decomposition) -> Mapping[str, tuple[str]]:
    """Shares of the gap by factor; none unless it is a gap, and every part goes its way."""
    whole = gap.gap.value
    low, high = (whole if end is None else end for end in (gap.gap.ci95_low, gap.gap.ci95_high))
    if low <= 0 <= high or any(part.value * whole < 0 for part in gap.parts.values()):
        return {}
    return {name: (percent(part.value / whole, 0),) for name, part in gap.parts.items()}
