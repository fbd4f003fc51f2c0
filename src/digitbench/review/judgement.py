"""From two names of revisions to a finished review, and the review for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from digitbench.document.blocks import Document
from digitbench.review.quality import Changes, Quality, Row, collect_changes, compare_quality
from digitbench.review.revisions import (
    Revision,
    open_repository,
    read_base,
    read_head,
    read_snapshot,
)
from digitbench.review.tell import compose
from digitbench.statistics.seeds import Verdict

SCHEMA = 1


@dataclass(frozen=True)
class FinishedReview:
    """The two sides, what was found, and how it is told."""

    base: Revision
    head: Revision
    quality: Quality
    changes: Changes
    document: Document

    @property
    def verdicts(self) -> set[Verdict]:
        """Those that headline metrics got."""
        return {row.change.verdict for row in self.quality.headline}

    @property
    def leaves_open(self) -> bool:
        """Whether a headline result of the earlier revision has no verdict."""
        return bool(self.quality.removed) or any(
            row.change.verdict is Verdict.UNKNOWN and row.change.before is not None
            for row in self.quality.headline
        )


def review_revisions(folder: Path, base: str | None, head: str | None) -> FinishedReview:
    """Compare two revisions of the repository around a folder.

    Args:
        folder: Anywhere inside the repository.
        base: Revision before the change; None for the commit where HEAD left the main branch.
        head: Revision after it; None for the files on disk.

    Raises:
        DigitbenchError: No repository, no such revision, or no metrics that can be read.
    """
    repository = open_repository(folder)
    revisions = read_base(repository, base), read_head(repository, head)
    before, after = map(read_snapshot, revisions)
    quality, changes = compare_quality(before, after), collect_changes(before, after)
    return FinishedReview(*revisions, quality, changes, compose(before, after, quality, changes))


def render_json(review: FinishedReview) -> str:
    """Every number unrounded; differences are after minus before, shares are fractions of 1."""
    quality = review.quality
    content = {
        "schema": SCHEMA,
        "base": {"name": review.base.name, "commit": review.base.commit},
        "head": {"name": review.head.name, "commit": review.head.commit},
        "outcome": review.document.lead,
        "remarks": list(review.document.remarks),
        "accuracy": _rows(quality.accuracy),
        "other_metrics": _rows(quality.others),
        "robustness": _rows(quality.robustness),
        "domains": _rows(quality.domains),
        "added": list(quality.added),
        "removed": list(quality.removed),
        "changes": asdict(review.changes),
        "closing": review.document.closing,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(rows: Sequence[Row] | None) -> list[dict[str, Any]] | None:
    if rows is None:
        return None
    return [
        {
            "architecture": row.architecture,
            "metric": row.metric.key,
            "condition": row.condition,
            "higher_is_better": row.metric.higher_is_better,
            # Seeds as text, as the keys of metrics are.
            **{
                key: [str(seed) for seed in value] if isinstance(value, tuple) else value
                for key, value in asdict(row.change).items()
            },
        }
        for row in rows
    ]
