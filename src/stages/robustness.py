"""Stage `robustness` of its study: four groups of networks on corrupted test images."""

from pathlib import Path

from digitbench.evaluation.domains import random_subset
from digitbench.figures.robustness import robustness_curves
from digitbench.figures.style import GROUP_LOOKS, to_png
from digitbench.files import METRICS, PLOTS, TEST_IMAGES, TEST_LABELS, write_bytes, write_json
from digitbench.params import PARAMS_FILE, load_params
from digitbench.studies.groups.design import load_groups
from digitbench.studies.groups.robustness import corrupted_accuracies, study_record
from digitbench.training.data import load_array

ROOT, STUDIES = Path("../.."), Path("..")


def main() -> None:
    """Run the stage."""
    settings = load_params(ROOT / PARAMS_FILE).evaluate
    images, labels = random_subset(
        load_array(ROOT / TEST_IMAGES), load_array(ROOT / TEST_LABELS), settings.robustness_images
    )
    groups = load_groups(STUDIES)
    accuracies = corrupted_accuracies(groups, images, labels, settings.batch_size)
    record = study_record(accuracies, len(labels))
    write_json(METRICS / "robustness.json", record)
    curves = robustness_curves(accuracies, record["units"], GROUP_LOOKS)
    write_bytes(PLOTS / "robustness.png", to_png(curves))
