"""From two names of revisions to a finished review, and the review for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from digitbench.document.blocks import Document
from digitbench.review.quality import Changes, Quality, Row, collect_changes, compare_quality
from digitbench.review.revisions import (
    DEFAULT_MARGIN,
    Revision,
    checked_margin,
    open_repository,
    read_base,
    read_head,
    read_margin,
    read_snapshot,
    refuse_ineffective,
)
from digitbench.review.tell import compose
from digitbench.statistics.seeds import Verdict

SCHEMA = 2
# Of every comparison.
NUMBERS = (
    *("before", "after", "difference", "difference_low", "difference_high"),
    *("p_value", "p_value_holm", "p_same", "margin", "smallest", "seeds_needed"),
    *("method", "shared", "only_before", "only_after", "unchanged", "verdict", "reason"),
)


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


def review_revisions(
    folder: Path, base: str | None, head: str | None, margin: float | None = None
) -> FinishedReview:
    """Compare two revisions of the repository around a folder.

    Args:
        folder: Anywhere inside the repository.
        base: Revision before the change; None for the commit where HEAD left the main branch.
        head: Revision after it; None for the files on disk.
        margin: Points of accuracy that matter; None for those of params.yaml, in the later revision
            or else on disk.

    Raises:
        DigitbenchError: No repository, no such revision, no metrics that can be read, a key in
            params.yaml that nothing reads, or a margin that is none.
    """
    repository = open_repository(folder)
    revisions = read_base(repository, base), read_head(repository, head)
    refuse_ineffective(repository, revisions[1])
    before, after = map(read_snapshot, revisions)
    if margin is None:
        margin = read_margin(revisions[1]) or read_margin(read_head(repository, None))
    else:
        margin = checked_margin(margin, "--margin")
    quality = compare_quality(before, after, (margin or DEFAULT_MARGIN) / 100)
    changes = collect_changes(before, after)
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
        "margin": quality.margin,
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
            **{key: _plain(getattr(row.change, key)) for key in NUMBERS},
        }
        for row in rows
    ]


def _plain(value: object) -> object:
    """Seeds as text, as the keys of metrics are."""
    return [str(seed) for seed in value] if isinstance(value, tuple) else value
