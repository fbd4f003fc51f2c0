"""The top of studies/README.md: which accuracies hold on the test set, and all verdicts counted."""

from collections.abc import Mapping, Sequence

from digitbench.reporting.document import Table
from digitbench.reporting.markdown import markdown_table
from digitbench.studies.labels import model_label, ours_cell, protocol_label, published_cell
from digitbench.studies.published import Published
from digitbench.studies.rows import (
    LITERATURE,
    VERDICTS,
    Row,
    own_protocol,
    published_numbers,
    verdict_counts,
)

_ELSEWHERE = (
    "Figures: [digits of other origin](#domain_shift), [corrupted digits](#robustness), and those "
    "of the main comparison in [its report](../report/report.md)."
)


def overview_parts(studies: Mapping[str, Published], rows: Sequence[Row]) -> list[str]:
    """Markdown of both tables.

    Args:
        studies: What is published, by key.
        rows: All rows of the table.
    """
    claims = [row for row in rows if row.is_claim]
    keys = [key for key in studies if key != LITERATURE]
    parts = ["## In short", _counts(keys, own_protocol(claims))]
    measured = [row for row in claims if _is_headline(row)]
    if measured:
        parts.append(_accuracies(measured))
    return [*parts, _ELSEWHERE]


def _is_headline(row: Row) -> bool:
    return row.metric == "accuracy" and row.ours_mean is not None


def _accuracies(rows: Sequence[Row]) -> str:
    caption = (
        "Published accuracies beside ours, percent, with our 95 % interval: under the paper's own "
        "protocol first, then on the test set where that is another. USPS of ours is the original, "
        "unsmoothed variant."
    )
    cells = [
        [
            _link(row.study),
            model_label(row.model),
            protocol_label(row),
            published_cell(row),
            ours_cell(row),
            f"**{row.verdict}**",
        ]
        for row in rows
    ]
    return markdown_table(
        Table(caption, ["", "model", "images, protocol", "published", "ours", "verdict"], cells)
    )


def _counts(keys: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [
        [_link(key), *map(str, verdict_counts([row for row in rows if row.study == key]))]
        for key in keys
    ]
    caption = (
        f"Verdicts on {published_numbers(rows)} numbers under the paper's own protocol. USPS "
        "counts under both ways of enlarging it, and pavon2025 with both numbers of epochs, "
        "because the papers don't say which were theirs."
    )
    total = ["all", *map(str, verdict_counts(rows))]
    return markdown_table(Table(caption, ["", *VERDICTS], [*lines, total]))


def _link(key: str) -> str:
    return f"[{key}](#{key})"
