"""Stage `assess` of a study: its variants by the paper's protocol and on the test set."""

from pathlib import Path

from digitbench import files
from digitbench.evaluation.predictions import predict_all
from digitbench.files import write_json
from digitbench.params import PARAMS_FILE, load_study
from digitbench.studies.protocol import (
    assess,
    load_confusions,
    load_validation_losses,
    load_variant,
)
from digitbench.training.data import load_array, load_statistics

# Images per forward pass; bounds memory, does not change results.
BATCH = 100


def main() -> None:
    """Run the stage."""
    study = load_study(PARAMS_FILE)
    images = load_array(study.processed / files.TEST_IMAGES.name)
    labels = load_array(study.processed / files.TEST_LABELS.name)
    trained = {name: load_variant(Path(), name) for name in study.variants}
    for name, stack in predict_all(trained, images, load_statistics(), BATCH).items():
        confusions, losses = load_confusions(name), load_validation_losses(name)
        record = assess(name, study.variants[name], stack, labels, confusions, losses)
        write_json(files.METRICS / f"{name}.json", record)
