"""studies/README.md: the generated page of all published numbers beside ours.

``digitbench studies`` writes studies/README.md and studies/summary.csv. The text of
the page stands in `page.md.j2`, that of the answers and reasons in `sentences.j2`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from digitbench.document.blocks import Markdown, Table
from digitbench.files import write_text
from digitbench.results.records import DomainShift, RobustnessRecord
from digitbench.results.studies import (
    LITERATURE,
    STUDIES,
    SUMMARY,
    VERDICTS,
    Row,
    own_protocol,
    published_numbers,
    verdict_counts,
    write_rows,
)
from digitbench.statistics.summary import Summary
from digitbench.studies.findings import Asked, answer
from digitbench.studies.groups.design import GROUPS
from digitbench.studies.ours import Measured, load_measured
from digitbench.studies.phrases import template
from digitbench.studies.published import Published, Question, load_all
from digitbench.studies.verdicts import all_rows
from digitbench.wording import (
    ENLARGING,
    arithmetic,
    interval,
    metric_label,
    model_label,
    p_value,
    points,
    points_interval,
)

README = STUDIES / "README.md"
_FACTORS = {
    "model": "CNN in place of MLP",
    "augmentation": "augmentation",
    "mapping": "20 px box in place of stretching",
}


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
    claims = [row for row in rows if row.is_claim]
    clocks = [record for own in measured.timing.values() for record in own.values()]
    corrupted = measured.robustness

    def answered(key: str, question: Question) -> str:
        return answer(Asked(key, studies[key], question, measured))

    return template("page.md.j2").render(
        studies=studies,
        literature=LITERATURE,
        counts=_counts([key for key in studies if key != LITERATURE], own_protocol(claims)),
        accuracies=_accuracies(claims),
        trained=[key for key, own in measured.timing.items() if own],
        minutes=sum(record.stage_seconds for record in clocks) / 60,
        hardware=sorted({record.hardware for record in clocks}),
        precision=arithmetic(record.precision for record in clocks),
        published=partial(_published, rows),
        answer=answered,
        figure=partial(_figure, measured),
        domains=measured.domain_shift.domains.values() if measured.domain_shift else (),
        cells=_cells,
        effects=_effects,
        corrupted=corrupted and _corrupted(corrupted),
    )


def _counts(keys: Sequence[str], rows: Sequence[Row]) -> Table:
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
    return Table(caption, ["", *VERDICTS], [*lines, total])


def _accuracies(claims: Sequence[Row]) -> Table:
    caption = (
        "Published accuracies beside ours, percent, with our 95 % interval: under the paper's own "
        "protocol first, then on the test set where that is another. USPS of ours is the original, "
        "unsmoothed variant."
    )
    rows = [
        [_link(row.study), model_label(row.model), row.images, row.theirs, row.ours, _bold(row)]
        for row in claims
        if row.metric == "accuracy" and row.ours_mean is not None
    ]
    return Table(caption, ["", "model", "images, protocol", "published", "ours", "verdict"], rows)


def _published(rows: Sequence[Row], key: str, *, trial: bool, caption: str) -> Table:
    """The rows of one study: those of the paper, or those of the trials before."""
    own = [row for row in rows if row.study == key and row.is_trial == trial]
    source = "trial" if trial else "published"
    return Table(
        caption,
        ["model", "metric", "images, protocol", source, "ours", "verdict", "why"],
        [
            [
                model_label(row.model),
                metric_label(row.metric),
                row.images,
                row.theirs,
                row.ours,
                _bold(row),
                row.reason,
            ]
            for row in own
        ],
    )


def _link(key: str) -> str:
    return Markdown(f"[{key}](#{key})")


def _bold(row: Row) -> str:
    return Markdown(f"**{row.verdict}**")


def _figure(measured: Measured, path: str, alternative: str) -> str:
    """A paragraph of its own; nothing where it was not drawn."""
    return f"![{alternative}]({path})\n\n" if path in measured.figures else ""


# --- the two studies that go beyond the papers -------------------------------------------------


def _cells(domain: DomainShift) -> Table:
    accuracies = domain.accuracies
    rows = [
        [
            f"{model_label(model)} {'with' if augmentation else 'without'} augmentation",
            *(_accuracy(accuracies[model, augmentation, mapping]) for mapping in ENLARGING),
        ]
        for model in ("mlp", "cnn")
        for augmentation in (False, True)
    ]
    caption = (
        f"{domain.name}, {domain.images:,} images: accuracy in percent, 95 % interval over seeds."
    )
    return Table(caption, ["", *(way.column for way in ENLARGING.values())], rows)


def _effects(domain: DomainShift) -> Table:
    rows = []
    for effect in domain.effects:
        low, high = effect.estimate.ci95_low, effect.estimate.ci95_high
        rows.append(
            [
                " × ".join(_FACTORS[factor] for factor in effect.factors),
                points(effect.estimate.value),
                "–" if low is None or high is None else points_interval(low, high),
                "–" if effect.p_value_holm is None else p_value(effect.p_value_holm),
            ]
        )
    caption = (
        f"{domain.name}: main effects and interactions (×, half the change of one effect by the "
        "other) in percentage points of accuracy; p adjusted over the table (Holm)."
    )
    return Table(caption, ["", "effect", "95 % interval", "adjusted p"], rows)


def _corrupted(record: RobustnessRecord) -> Table:
    models = [name for name in GROUPS if name in record.accuracy]
    rows = [
        [key, *(_accuracy(record.accuracy[model][key]) for model in models)]
        for key in (*record.units, "mean")
    ]
    caption = (
        f"Accuracy in percent on {record.images:,} test images, mean over the strengths above 0, "
        "95 % interval over seeds."
    )
    return Table(caption, ["", *map(model_label, models)], rows)


def _accuracy(summary: Summary) -> str:
    return f"{100 * summary.mean:.2f} ({interval(summary)})"
