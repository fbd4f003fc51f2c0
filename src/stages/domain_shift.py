"""Stage `domain_shift` of the studies: four groups of networks on digits of other origin."""

from functools import partial
from pathlib import Path

from digitbench import files
from digitbench.evaluation.domains import MAPPINGS
from digitbench.evaluation.predictions import as_trained
from digitbench.figures.data import augmented_digits
from digitbench.figures.domain_shift import domain_shift, effects, gaps
from digitbench.figures.style import to_png
from digitbench.params import PARAMS_FILE, load_params, load_plan
from digitbench.processed import read_images
from digitbench.studies.groups.design import (
    load_foreign_digits,
    load_groups,
    predict_groups,
    published_on_usps,
)
from digitbench.studies.groups.domain_shift import augmented_samples, study_record

ROOT, FOLDER = Path(".."), Path("domain_shift")
DIGITS, COPIES = 6, 9  # of the figure of augmented digits


def main() -> None:
    """Run the stage in the folder of all studies."""
    settings = load_params(ROOT / PARAMS_FILE, networks=()).evaluate
    domains, groups = load_foreign_digits(ROOT, FOLDER / "data/raw"), load_groups()
    predict = partial(predict_groups, groups, batch_size=settings.batch_size)
    seeds = {name: group.seeds for name, group in groups.items()}
    record = study_record(predict, domains, seeds)
    first = domains["usps"].images[:1]
    examples = {mapping: bring(first)[0] for mapping, bring in MAPPINGS.items()}
    digits = read_images(ROOT / files.TRAIN)[0][:DIGITS]
    movements = as_trained(load_plan("domain_shift/mlp_augmented")).recipe.augmentation
    figures = {
        "domain_shift": domain_shift(record.domains, {"usps": published_on_usps(Path())}, examples),
        "effects": effects(record.domains),
        "gaps": gaps(record.domains),
        "augmentation": augmented_digits(augmented_samples(digits, movements, COPIES)),
    }
    record.write(FOLDER / files.METRICS / "domain_shift.json")
    folder = FOLDER / files.PLOTS
    files.write_all({folder / f"{name}.png": to_png(figure) for name, figure in figures.items()})
