"""studies/README.md: the generated page of all published numbers beside ours.

``digitbench studies`` writes it and studies/summary.csv. Its text stands in `page.md.j2`, that of
the answers in `sentences.j2`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from digitbench.document.blocks import Markdown, Table
from digitbench.files import write_text
from digitbench.results.records import DomainShift
from digitbench.results.studies import (
    LITERATURE,
    STUDIES,
    SUMMARY,
    VERDICTS,
    Claim,
    Row,
    claims_of,
    tally,
    verdict_counts,
    write_rows,
)
from digitbench.studies.findings import ROBUST, Asked, answer
from digitbench.studies.ours import Measured, load_measured
from digitbench.studies.phrases import template
from digitbench.studies.published import Published, Question, load_all
from digitbench.studies.verdicts import RULES, all_rows
from digitbench.wording import (
    ENLARGING,
    arithmetic,
    count,
    decimal,
    interval,
    listing,
    metric_label,
    model_label,
)

README = STUDIES / "README.md"
ELSEWHERE = "ours elsewhere"  # on other images, or by another recipe that the paper may mean


def main(root: Path) -> None:
    """Write both files from what is under a folder.

    Args:
        root: Folder of the project.

    Raises:
        DigitbenchError: A file is missing or damaged; the text names it.
    """
    studies = load_all(root)
    measured = load_measured(root, studies)
    rows = all_rows(studies, measured)
    write_rows(root / SUMMARY, rows)
    write_text(root / README, studies_page(studies, rows, measured))


def studies_page(studies: Mapping[str, Published], rows: Sequence[Row], measured: Measured) -> str:
    """The page as Markdown.

    Args:
        studies: What is published, by key.
        rows: All rows of the table.
        measured: What was measured here.
    """
    clocks = [record for own in measured.timing.values() for record in own.values()]
    trainings = [record for own in measured.training.values() for record in own.values()]
    claims = claims_of(rows)
    shift = measured.domain_shift
    domains = list(shift.domains.values()) if shift else []

    def answered(key: str, question: Question) -> str:
        return answer(Asked(key, studies[key], question, measured))

    return template("page.md.j2").render(
        studies=studies,
        literature=LITERATURE,
        references=[row for row in rows if row.study == LITERATURE],
        counts=_counts(claims),
        rules=RULES,
        robust=ROBUST,
        trained=bool(clocks),
        minutes=count(round(sum(record.stage_seconds for record in clocks) / 60), "minute"),
        hardware=sorted({record.hardware for record in clocks}),
        precision=arithmetic(
            (record.recipe.precision, record.recipe.arithmetic) for record in trainings
        ),
        claims=lambda key: _claims([claim for claim in claims if claim.study == key]),
        answer=answered,
        figure=partial(_figure, measured),
        robustness=measured.robustness,
        domains=domains,
        cells=_cells(domains),
    )


def _counts(claims: Sequence[Claim]) -> Table:
    lines = [
        [_link(key), *map(str, verdict_counts(own))]
        for key, own in groupby(claims, lambda claim: claim.study)
    ]
    total = ["all", *map(str, verdict_counts(claims))]
    return Table(tally(claims), ["", *VERDICTS], [*lines, total])


def _claims(claims: Sequence[Claim]) -> Table:
    """One row per claim; ours elsewhere only where there is any."""
    header = ["claim", "verdict", "published", "ours (mean, 95 %)", "one run, 95 %", ELSEWHERE]
    rows = [_claim(claim) for claim in claims]
    if {row[-1] for row in rows} == {"–"}:
        return Table("", header[:-1], [row[:-1] for row in rows])
    return Table("", header, rows)


def _claim(claim: Claim) -> list[str]:
    own, *others = claim.recipes
    first = own[0]
    metrics = listing(list(dict.fromkeys(metric_label(row.metric) for row in own)))
    elsewhere = {"test set": [row.on_test for row in own]}
    for other in others:
        same_network = other[0].model == first.model
        recipe = other[0].images if same_network else model_label(other[0].model)
        elsewhere[recipe] = [row.ours for row in other]
    told = [f"{where}: {_lines(cells)}" for where, cells in elsewhere.items() if {*cells} != {"–"}]
    return [
        ", ".join(filter(None, (f"{model_label(first.model)}: {metrics}", first.images))),
        Markdown(f"**{claim.verdict}**{f': {claim.note}' if claim.note else ''}"),
        _lines(row.theirs for row in own),
        _lines(row.ours for row in own),
        _lines(row.one_run for row in own),
        _lines(told),
    ]


def _lines(cells: Iterable[str]) -> str:
    """Numbers of one claim below each other; a dash where there is none."""
    return Markdown("<br>".join(cell for cell in cells if cell != "–") or "–")


def _link(key: str) -> str:
    return Markdown(f"[{key}](#{key})")


def _figure(measured: Measured, path: str, alternative: str) -> str:
    """A paragraph of its own; nothing where it was not drawn."""
    return f"![{alternative}]({path})\n\n" if path in measured.figures else ""


# --- the two studies that go beyond the papers -------------------------------------------------


def _cells(domains: Sequence[DomainShift]) -> Table:
    rows = [
        [
            f"{model_label(model)} {'with' if augmentation else 'without'} augmentation",
            *(
                f"{decimal(100 * cell.mean)} ({interval(cell)})"
                for domain in domains
                for mapping in ENLARGING
                for cell in [domain.accuracies[model, augmentation, mapping]]
            ),
        ]
        for model in ("mlp", "cnn")
        for augmentation in (False, True)
    ]
    names = [f"{domain.name}, {domain.images:,} images" for domain in domains]
    caption = f"{'; '.join(names)}: accuracy in percent, 95 % interval over seeds."
    columns = [
        f"{domain.name.partition(' (')[0]}, {way.short}"
        for domain in domains
        for way in ENLARGING.values()
    ]
    return Table(caption, ["", *columns], rows)
