"""The top of studies/README.md: which accuracies hold on the test set, and all verdicts counted.

The two studies that go beyond the papers: the shift of domain, and corrupted digits.

studies/README.md: the generated page of all published numbers beside ours.

``digitbench studies`` writes studies/README.md and studies/summary.csv.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from digitbench.document.blocks import Markdown, Table
from digitbench.document.markdown import markdown_table
from digitbench.files import write_text
from digitbench.results.studies import (
    FIGURES,
    LITERATURE,
    STUDIES,
    SUMMARY,
    VERDICTS,
    Measured,
    Record,
    Row,
    load_measured,
    own_protocol,
    published_numbers,
    verdict_counts,
    write_rows,
)
from digitbench.studies.findings import Asked, answer
from digitbench.studies.groups.design import GROUPS
from digitbench.studies.phrases import gap_sentence
from digitbench.studies.published import Published, load_all
from digitbench.studies.verdicts import all_rows
from digitbench.wording import (
    ENLARGING,
    arithmetic,
    interval,
    listing,
    metric_label,
    model_label,
    p_value,
    points,
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
            row.images,
            row.theirs,
            row.ours,
            Markdown(f"**{row.verdict}**"),
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
    return Markdown(f"[{key}](#{key})")


_NOT_RUN = "Not run here: `dvc repro {folder}/dvc.yaml` makes it."
_FACTORS = {
    "model": "CNN in place of MLP",
    "augmentation": "augmentation",
    "mapping": "20 px box in place of stretching",
}
_CAPTIONS = {
    "domain_shift.png": "Accuracy on digits of other origin, for both networks, without and with "
    "augmentation, under both ways of enlarging the images",
    "effects.png": "Main effects and interactions in percentage points of accuracy",
    "gaps.png": "What architecture, augmentation and alignment add to the gap between two cells",
    "augmentation.png": "Training digits as augmentation rotates, shifts and zooms them",
    "robustness.png": "Accuracy on ever more corrupted digits, without and with augmentation",
}


def extension_parts(measured: Measured) -> list[str]:
    """Both studies as Markdown, with their figures where they are drawn."""
    return [*_domain_shift(measured), *_robustness(measured)]


def _figures(measured: Measured, study: str) -> list[str]:
    return [
        f"![{_CAPTIONS[path.name]}]({path.relative_to(STUDIES).as_posix()})"
        for path in FIGURES
        if path in measured.figures and study in path.parts
    ]


def _domain_shift(measured: Measured) -> list[str]:
    parts = [
        "## domain_shift",
        "Two networks × without or with augmentation × two ways of enlarging the images, with the "
        "recipe of pedrogiu13: what moves accuracy on digits of other origin.",
    ]
    if not measured.domain_shift:
        return [*parts, _missing(STUDIES / "domain_shift")]
    parts += _figures(measured, "domain_shift")
    for domain in measured.domain_shift.values():
        parts += [_cells(domain), _effects(domain), _gaps(domain)]
    return parts


def _cells(domain: Record) -> str:
    cells = {
        (cell["model"], cell["augmentation"], cell["mapping"]): cell["accuracy"]
        for cell in domain["cells"]
    }
    rows = [
        [
            f"{model_label(model)} {'with' if augmentation else 'without'} augmentation",
            *(_accuracy(cells[model, augmentation, mapping]) for mapping in ENLARGING),
        ]
        for model in ("mlp", "cnn")
        for augmentation in (False, True)
    ]
    caption = (
        f"{domain['name']}, {domain['images']:,} images: accuracy in percent, 95 % interval over "
        "seeds."
    )
    return markdown_table(Table(caption, ["", *(way.column for way in ENLARGING.values())], rows))


def _effects(domain: Record) -> str:
    rows = [
        [
            " × ".join(_FACTORS[factor] for factor in effect["factors"]),
            points(effect["effect"]),
            _ends(effect),
            "–" if effect["p_value_holm"] is None else p_value(effect["p_value_holm"]),
        ]
        for effect in domain["effects"]
    ]
    caption = (
        f"{domain['name']}: main effects and interactions (×, half the change of one effect by the "
        "other) in percentage points of accuracy; p adjusted over the table (Holm)."
    )
    return markdown_table(Table(caption, ["", "effect", "95 % interval", "adjusted p"], rows))


def _gaps(domain: Record) -> str:
    """The sentences of all gaps as a list."""
    return "\n".join(f"- {domain['name']}. {gap_sentence(gap)}" for gap in domain["gaps"])


def _ends(effect: Mapping[str, Any]) -> str:
    if effect["ci95_low"] is None:
        return "–"
    return f"{points(effect['ci95_low'])} to {points(effect['ci95_high'])}"


def _robustness(measured: Measured) -> list[str]:
    parts = [
        "## robustness",
        "The corruptions of the main comparison, for the networks of pedrogiu13 trained without "
        "and with augmentation. They differ in size and recipe from the MLP and CNN of the main "
        "report, and so do their numbers. Bands in the figure span the seeds.",
    ]
    record = measured.robustness
    if not record:
        return [*parts, _missing(STUDIES / "robustness")]
    models = [name for name in GROUPS if name in record]
    rows = [
        [title, *(_accuracy(record[model][key]) for model in models)]
        for key, title in {**{name: name for name in record["units"]}, "mean": "mean"}.items()
    ]
    caption = (
        f"Accuracy in percent on {record['images']:,} test images, mean over the strengths above "
        "0, 95 % interval over seeds."
    )
    header = ["", *(model_label(model) for model in models)]
    return [*parts, *_figures(measured, "robustness"), markdown_table(Table(caption, header, rows))]


def _accuracy(summary: Mapping[str, Any]) -> str:
    return f"{100 * summary['mean']:.2f} ({interval(summary)})"


def _missing(folder: Path) -> str:
    return _NOT_RUN.format(folder=folder.as_posix())


_INTRODUCTION = """\
# Five studies, reproduced

Every number that five studies of handwritten digits report, beside ours: with the architecture,
recipe and protocol that the paper gives, and our choice where it leaves one open (listed under each
study). A number from other images than the test set has a second row on the test set. Generated
from `studies/*/metrics` and `metrics/` by `digitbench studies`;
[summary.csv](summary.csv) holds the same rows."""
_HOW_TO_RUN = """\
## How to run

```console
make studies                              # all of them, and the main pipeline
dvc repro studies/nguyen2026/dvc.yaml     # one study
```

Each folder holds data, not programs: `params.yaml` (recipe and architectures), `published.yaml`
(what the paper says, where, and what was chosen where it is silent), `dvc.yaml` and `metrics/`.
The stages are those of the main pipeline. USPS comes from its original site, or from the folder
that `DIGITBENCH_DATA_DIR` names; without it, `domain_shift` stops and says what is missing, and
everything else runs."""
_HOW_TO_READ = """\
## How a verdict is reached

- **reproduced**: the published number lies in our 95 % interval for the mean over seeds, or its
  own ± reaches our mean, or its rounding (half a unit of its last digit) touches our interval.
  Where the paper drew its own validation images, our interval also covers drawing them again
  (except for error reduction).
  A paper's ± is taken at its word, also that of nguyen2026, which doesn't say what it measures; the
  reason tells where a verdict rests on it.
- **higher**, **lower**: none of this holds, and our mean is higher or lower than the number.
- **not comparable**: it depends on the machine, belongs to another network, or was not run here.

Most published numbers are a single run, and our interval is that of a mean: a run of the very same
recipe may lie outside it. **higher** and **lower** by a few tenths say no more than that. Where a
paper leaves sizes or epochs open, ours are listed below it as choices; a difference may then come
from a different network.

Percent, except macro AUC (a fraction of 1), parameters and seconds. Verdicts are reached with the
decimals that are shown."""


def studies_page(studies: Mapping[str, Published], rows: Sequence[Row], measured: Measured) -> str:
    """The page as Markdown.

    Args:
        studies: What is published, by key.
        rows: All rows of the table.
        measured: What was measured here.
    """
    parts = [
        _INTRODUCTION,
        *overview_parts(studies, rows),
        _HOW_TO_READ,
        _HOW_TO_RUN,
        *_minutes(measured),
    ]
    for key, study in studies.items():
        own = [row for row in rows if row.study == key]
        parts += (
            _reference_parts(study, own) if key == LITERATURE else _parts(key, study, own, measured)
        )
    parts += extension_parts(measured)
    return "\n\n".join(parts) + "\n"


def _minutes(measured: Measured) -> list[str]:
    """How long it took to train them, for those who are about to; the Makefile quotes it."""
    trained = {key: records for key, records in measured.timing.items() if records}
    if not trained:
        return []
    clocks = [record for records in trained.values() for record in records.values()]
    minutes = sum(record["stage_seconds"] for record in clocks) / 60
    precision = arithmetic(record["precision"] for record in clocks)
    where = listing(sorted({record["environment"]["hardware"] for record in clocks}))
    return [
        f"Training {listing(list(trained))} took {minutes:.0f} minutes on {where}, in {precision}; "
        "the main pipeline and the evaluation of the studies come on top."
    ]


def _parts(key: str, study: Published, rows: Sequence[Row], measured: Measured) -> list[str]:
    trials = [row for row in rows if row.is_trial]
    parts = [
        f"## {key}",
        f"**{study.title}.** {study.protocol}",
        _table("published", "Published beside ours.", [row for row in rows if not row.is_trial]),
    ]
    if trials:
        parts.append(_table("trial", "Trials before this project, not published.", trials))
    parts += [
        f"### What does not fit together in {key}",
        _bullets(study.contradictions),
        f"### How {key} was run, and what was chosen where the paper is silent",
        _bullets(study.choices),
        f"### What {key} asks or claims, measured",
        *_answers(key, study, measured),
    ]
    return parts


def _reference_parts(study: Published, rows: Sequence[Row]) -> list[str]:
    return [f"## {study.title}", study.protocol, _table("published", "", rows)]


def _answers(key: str, study: Published, measured: Measured) -> list[str]:
    return [
        f"**{question.asks}** ({question.place})\n\n{answer(Asked(key, study, question, measured))}"
        for question in study.questions
    ]


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(source: str, caption: str, rows: Sequence[Row]) -> str:
    header = ["model", "metric", "images, protocol", source, "ours", "verdict", "why"]
    return markdown_table(Table(caption, header, [_cells_page(row) for row in rows]))


def _cells_page(row: Row) -> list[str]:
    return [
        model_label(row.model),
        metric_label(row.metric),
        row.images,
        row.theirs,
        row.ours,
        Markdown(f"**{row.verdict}**"),
        row.reason,
    ]


README = STUDIES / "README.md"


def main(root: Path) -> None:
    """Write both files from what is under a folder."""
    studies, measured = load_all(root), load_measured(root)
    rows = all_rows(studies, measured)
    write_rows(root / SUMMARY, rows)
    write_text(root / README, studies_page(studies, rows, measured))
