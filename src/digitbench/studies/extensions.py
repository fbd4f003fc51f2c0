"""The two studies that go beyond the papers: the shift of domain, and corrupted digits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digitbench.reporting.document import Table
from digitbench.reporting.markdown import markdown_table
from digitbench.reporting.wording import interval, p_value, points
from digitbench.studies.design import GROUPS
from digitbench.studies.gap_wording import gap_sentence
from digitbench.studies.labels import model_label
from digitbench.studies.measured import FIGURES, Measured, Record
from digitbench.studies.published import STUDIES

_NOT_RUN = "Not run here: `dvc repro {folder}/dvc.yaml` makes it."
_MAPPINGS = {"stretch": "stretched to 28×28", "box": "20 px box"}
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
            *(_accuracy(cells[model, augmentation, mapping]) for mapping in _MAPPINGS),
        ]
        for model in ("mlp", "cnn")
        for augmentation in (False, True)
    ]
    caption = (
        f"{domain['name']}, {domain['images']:,} images: accuracy in percent, 95 % interval over "
        "seeds."
    )
    return markdown_table(Table(caption, ["", *_MAPPINGS.values()], rows))


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
