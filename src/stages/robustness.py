"""Stage `robustness` of the studies: four groups of networks on corrupted test images."""

from pathlib import Path

from digitbench import files
from digitbench.evaluation.corruptions import random_subset
from digitbench.figures.robustness import robustness_curves
from digitbench.figures.style import GROUP_LOOKS, to_png
from digitbench.params import PARAMS_FILE, load_params
from digitbench.processed import read_images
from digitbench.studies.groups.design import load_groups
from digitbench.studies.groups.robustness import groups_corrupted, study_record

ROOT, FOLDER = Path(".."), Path("robustness")


def main() -> None:
    """Run the stage in the folder of all studies."""
    settings = load_params(ROOT / PARAMS_FILE, networks=()).evaluate
    images, labels = random_subset(*read_images(ROOT / files.TEST), settings.robustness_images)
    corrupted = groups_corrupted(load_groups(), images, labels, settings.batch_size)
    record = study_record(corrupted, len(labels))
    record.write(FOLDER / files.METRICS / "robustness.json")
    curves = robustness_curves(corrupted.table, record.units, GROUP_LOOKS)
    files.write_bytes(FOLDER / files.PLOTS / "robustness.png", to_png(curves))
