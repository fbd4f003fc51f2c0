"""studies/README.md: the generated page of all published numbers beside ours."""

from collections.abc import Mapping, Sequence

from digitbench.reporting.document import Table
from digitbench.reporting.markdown import markdown_table
from digitbench.reporting.wording import arithmetic, listing
from digitbench.studies.answers import answer
from digitbench.studies.answers.asked import Asked
from digitbench.studies.extensions import extension_parts
from digitbench.studies.labels import (
    metric_label,
    model_label,
    ours_cell,
    protocol_label,
    published_cell,
)
from digitbench.studies.measured import Measured
from digitbench.studies.overview import overview_parts
from digitbench.studies.published import Published
from digitbench.studies.rows import LITERATURE, Row

_INTRODUCTION = """\
# Five studies, reproduced

Every number that five studies of handwritten digits report, beside ours: with the architecture,
recipe and protocol that the paper gives, and our choice where it leaves one open (listed under each
study). A number from other images than the test set has a second row on the test set. Generated
from `studies/*/metrics` and `metrics/` by `python -m digitbench.studies`;
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
    return markdown_table(Table(caption, header, [_cells(row) for row in rows]))


def _cells(row: Row) -> list[str]:
    return [
        model_label(row.model),
        metric_label(row.metric),
        protocol_label(row),
        published_cell(row),
        ours_cell(row),
        f"**{row.verdict}**",
        row.reason,
    ]
