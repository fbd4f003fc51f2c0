"""Every claim of the five studies beside ours, read from studies/summary.csv."""

from digitbench.document.blocks import Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.results.studies import claims_of, tally

POSITION = 120


def section(results: Results) -> Section:
    """The claims that could be compared; how, and what else was found, stands in studies/README."""
    claims = claims_of(results.studies)
    compared = [(claim, claim.deciding) for claim in claims if claim.verdict != "not comparable"]
    return Section(
        "The five studies",
        [
            Prose(
                f"{tally(claims)} Higher and lower say where ours lies. studies/README.md tells "
                "how a verdict is reached, and what else was found."
            ),
            Table(
                "Published beside ours: networks of the study's own recipe and protocol, not those "
                "of this report; of a claim of several numbers the one that agrees least. Percent, "
                "except macro AUC and parameters.",
                ["", "verdict", "published", "ours (mean, 95 %)", "one run, 95 %"],
                [
                    [
                        f"{claim.study}, {row.label}",
                        claim.verdict,
                        row.theirs,
                        row.ours,
                        row.one_run,
                    ]
                    for claim, row in compared
                ],
            ),
        ],
    )
