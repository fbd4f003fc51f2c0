"""The review for programs: every number unrounded, every verdict, the same sentences."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from digitbench.review.quality import Row
from digitbench.review.run import FinishedReview

SCHEMA = 1


def render_json(review: FinishedReview) -> str:
    """One object; differences are after minus before, shares are fractions of 1."""
    quality = review.quality
    content = {
        "schema": SCHEMA,
        "base": {"name": review.base.name, "commit": review.base.commit},
        "head": {"name": review.head.name, "commit": review.head.commit},
        "outcome": review.document.outcome,
        "remarks": list(review.document.remarks),
        "accuracy": _rows(quality.accuracy),
        "other_metrics": _rows(quality.others),
        "robustness": _rows(quality.robustness),
        "domains": _rows(quality.domains),
        "added": list(quality.added),
        "removed": list(quality.removed),
        "changes": dataclasses.asdict(review.changes),
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
            **dataclasses.asdict(row.change),
        }
        for row in rows
    ]
