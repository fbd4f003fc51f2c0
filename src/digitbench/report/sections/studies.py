"""Every published number of the five studies beside ours, read from studies/summary.csv."""

from collections.abc import Sequence

from digitbench.document.blocks import Block, Folded, Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.results.studies import (
    VERDICTS,
    Row,
    own_protocol,
    published_numbers,
    verdict_counts,
)
from digitbench.wording import listing, metric_label, model_label

POSITION = 120


def section(results: Results) -> Section:
    """The rows of every study; the reason of each verdict stands in studies/README.md."""
    published = [row for row in results.studies if not row.is_trial]
    keys = list(dict.fromkeys(row.study for row in published))
    by_study = {key: [row for row in published if row.study == key] for key in keys}
    blocks: list[Block] = [
        Prose(_verdicts(own_protocol([row for row in published if row.is_claim])))
    ]
    blocks += [Folded(key, [_table(key, own)]) for key, own in by_study.items()]
    return Section("The five studies", blocks)


def _verdicts(rows: Sequence[Row]) -> str:
    counts = [
        f"{count} {verdict}" for verdict, count in zip(VERDICTS, verdict_counts(rows), strict=True)
    ]
    return (
        f"{published_numbers(rows)} published numbers in {len(rows)} comparisons under the paper's "
        "own protocol (USPS under two ways of enlarging it, pavon2025 with its two numbers of "
        f"epochs): {listing(counts)} (higher and lower say where ours lies). studies/README.md "
        "gives the reason of each, the contradictions found in the papers, and what was measured "
        "about their questions."
    )


def _table(key: str, rows: Sequence[Row]) -> Table:
    return Table(
        f"{key}: published beside ours, with the 95 % interval over seeds, and over held-out "
        "images where the paper drew its own. Percent, except macro AUC, parameters and seconds.",
        ["", "images, protocol", "published", "ours", "seeds", "verdict"],
        [
            [
                f"{model_label(row.model)} {metric_label(row.metric)}",
                row.images,
                row.theirs,
                row.ours,
                "–" if row.seeds is None else str(row.seeds),
                row.verdict,
            ]
            for row in rows
        ],
    )
