"""Stage `split` of a study: which training images are held out, and the scale of pixels."""

from dataclasses import asdict

from digitbench import layout
from digitbench.data.arrays import load_array
from digitbench.outputs import write_json, write_npy
from digitbench.params import PARAMS_FILE
from digitbench.studies.params import load_study
from digitbench.studies.split import split_and_scale


def main() -> None:
    """Run the stage."""
    study = load_study(PARAMS_FILE)
    images = load_array(study.processed / layout.TRAIN_IMAGES.name)
    labels = load_array(study.processed / layout.TRAIN_LABELS.name)
    train, validation, statistics = split_and_scale(images, labels, study.split)
    write_npy(layout.TRAIN_INDEX, train)
    write_npy(layout.VALIDATION_INDEX, validation)
    write_json(layout.STATISTICS, asdict(statistics))
