"""Stage `split` of a study: which training images are held out, and the scale of pixels."""

from dataclasses import asdict

from digitbench import files
from digitbench.files import write_json, write_npy
from digitbench.params import PARAMS_FILE, load_study
from digitbench.training.data import load_array, split_and_scale


def main() -> None:
    """Run the stage."""
    study = load_study(PARAMS_FILE)
    images = load_array(study.processed / files.TRAIN_IMAGES.name)
    labels = load_array(study.processed / files.TRAIN_LABELS.name)
    train, validation, statistics = split_and_scale(images, labels, study.split)
    write_npy(files.TRAIN_INDEX, train)
    write_npy(files.VALIDATION_INDEX, validation)
    write_json(files.STATISTICS, asdict(statistics))
