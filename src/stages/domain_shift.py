"""Stage `domain_shift` of its study: four groups of networks on digits of other origin."""

from functools import partial
from pathlib import Path

from digitbench.evaluation.domains import MAPPINGS
from digitbench.figures.data import augmented_digits
from digitbench.figures.domains import domain_shift, effects, gaps
from digitbench.figures.style import to_png
from digitbench.files import METRICS, PLOTS, TRAIN_IMAGES, write_all
from digitbench.params import PARAMS_FILE, load_params, load_study
from digitbench.studies.groups.design import (
    load_foreign_digits,
    load_groups,
    predict_groups,
    published_on_usps,
)
from digitbench.studies.groups.domain_shift import study_record
from digitbench.training.data import load_array
from digitbench.training.pixels import Augmentation, augmented_samples

ROOT, STUDIES = Path("../.."), Path("..")
DIGITS, COPIES = 6, 9  # of the figure of augmented digits


def main() -> None:
    """Run the stage."""
    settings, study = load_params(ROOT / PARAMS_FILE).evaluate, load_study(PARAMS_FILE)
    domains, groups = load_foreign_digits(ROOT), load_groups(STUDIES)
    predict = partial(predict_groups, groups, batch_size=settings.batch_size)
    seeds = {name: group.seeds for name, group in groups.items()}
    record = study_record(predict, domains, seeds)
    first = domains["usps"].images[:1]
    examples = {mapping: bring(first)[0] for mapping, bring in MAPPINGS.items()}
    digits = load_array(study.processed / TRAIN_IMAGES.name)[:DIGITS]
    movements = Augmentation(**study.variants["mlp_augmented"].augmentation.model_dump())
    figures = {
        "domain_shift": domain_shift(record, {"usps": published_on_usps(STUDIES)}, examples),
        "effects": effects(record),
        "gaps": gaps(record),
        "augmentation": augmented_digits(augmented_samples(digits, movements, COPIES)),
    }
    write_all({METRICS / "domain_shift.json": record})
    write_all({PLOTS / f"{name}.png": to_png(figure) for name, figure in figures.items()})
