"""README.md's block on the published studies: how many numbers hold, and the flagship figure."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from digitbench.errors import DigitbenchError
from digitbench.plots.effects import FACTORS, SHOWN
from digitbench.reporting.aligned import aligned_table
from digitbench.reporting.wording import listing, points_between
from digitbench.studies.rows import (
    SUMMARY,
    VERDICTS,
    Row,
    own_protocol,
    published_numbers,
    read_rows,
    verdict_counts,
)

RECORD = Path("studies/domain_shift/metrics/domain_shift.json")
FIGURE = Path("studies/domain_shift/plots/domain_shift.png")
BEGIN = "<!-- studies: generated from studies/ by `make readme` -->"
END = "<!-- end of studies -->"
_ESTIMATE = ("value", "ci95_low", "ci95_high")
_ALTERNATIVE = (
    "Accuracy on digits of other origin, MLP and CNN, without and with augmentation, stretched and "
    "in the 20 px box"
)


def load_claims() -> tuple[list[Row], Mapping[str, Any]]:
    """All published numbers beside ours, and what the study of domain shift found on USPS.

    Raises:
        DigitbenchError: One of the two files can't be read.
    """
    try:
        record = json.loads(RECORD.read_bytes())["usps"]
    except (OSError, ValueError, KeyError) as error:
        raise DigitbenchError(f"{RECORD}: cannot be read ({error}). Run `make studies`.") from None
    return read_rows(SUMMARY), record


def claims_block(rows: Sequence[Row], usps: Mapping[str, Any]) -> str:
    """What stands between the marks."""
    claims = own_protocol([row for row in rows if row.is_claim])
    counts = zip(verdict_counts(claims), VERDICTS, strict=True)
    counted = listing([f"{count} {verdict}" for count, verdict in counts])
    return (
        f"{BEGIN}\n{published_numbers(claims)} published numbers in {len(claims)} comparisons "
        f"under the paper's own protocol: {counted} (higher and lower say where ours lies).\n\n"
        f"{_credited(claims)}\n\n{_gap_table(usps['gaps'])}\n\n"
        f"![{_ALTERNATIVE}]({FIGURE.as_posix()})\n{END}"
    )


def _gap_table(gaps: Sequence[Mapping[str, Any]]) -> str:
    """What each gap from the MLP without to the CNN with augmentation is made of."""
    header = ["digits shown to MLP, CNN", "gap", *FACTORS.values()]
    rows = [
        [
            f"{SHOWN[gap['start']['mapping']]}, {SHOWN[gap['end']['mapping']]}",
            *(
                points_between(*(part[key] for key in _ESTIMATE)) if part else "–"
                for part in (gap["gap"], *(gap["parts"].get(factor) for factor in FACTORS))
            ),
        ]
        # Pairs that see the same images first: no paper says that its networks saw different ones.
        for gap in sorted(gaps, key=lambda gap: gap["start"]["mapping"] != gap["end"]["mapping"])
    ]
    return aligned_table([header, *rows])


def _credited(rows: Sequence[Row]) -> str:
    """The published pair that the figure is about."""
    on_usps = {
        row.model: row.published
        for row in rows
        if row.study == "pedrogiu13" and row.dataset == "usps" and row.metric == "accuracy"
    }
    gap = Decimal(on_usps["cnn"]) - Decimal(on_usps["mlp"])
    return (
        f"`pedrogiu13` reports {on_usps['mlp']} % for its MLP and {on_usps['cnn']} % for its CNN "
        f"on USPS, a gap of {gap} points, and credits the architecture. Only its CNN was trained "
        "with augmentation, and how it enlarged the digits is not said. Measured, in points of "
        "accuracy with 95 % intervals, each part averaged over all orders of changing one thing at "
        "a time:"
    )
