"""From two names of revisions to a finished review."""

from dataclasses import dataclass
from pathlib import Path

from digitbench.review.changes import Changes, collect_changes
from digitbench.review.compose import compose
from digitbench.review.document import Review
from digitbench.review.quality import Quality, compare_quality
from digitbench.review.revisions import Revision, read_base, read_head, repository_root
from digitbench.review.snapshot import read_snapshot
from digitbench.review.verdicts import Verdict


@dataclass(frozen=True)
class FinishedReview:
    """The two sides, what was found, and how it is told."""

    base: Revision
    head: Revision
    quality: Quality
    changes: Changes
    document: Review

    @property
    def verdicts(self) -> set[Verdict]:
        """Those that headline metrics got."""
        return {row.change.verdict for row in self.quality.headline}


def review_revisions(folder: Path, base: str | None, head: str | None) -> FinishedReview:
    """Compare two revisions of the repository around a folder.

    Args:
        folder: Anywhere inside the repository.
        base: Revision before the change; None for the commit where HEAD left the main branch.
        head: Revision after it; None for the files on disk.

    Raises:
        DigitbenchError: No repository, no such revision, or no metrics that can be read.
    """
    root = repository_root(folder)
    revisions = read_base(root, base), read_head(root, head)
    before, after = (read_snapshot(revision) for revision in revisions)
    quality, changes = compare_quality(before, after), collect_changes(before, after)
    return FinishedReview(*revisions, quality, changes, compose(before, after, quality, changes))
