"""Stage `split` of a study: which training images are held out, and the scale of pixels."""

from pathlib import Path

from digitbench import files
from digitbench.params import PARAMS_FILE, load_study
from digitbench.training.data import load_images, split_images, write_split

ROOT = Path("..")


def main(study: str) -> None:
    """Run the stage in the folder of all studies."""
    settings = load_study(Path(study) / PARAMS_FILE, networks=()).split
    images, labels = load_images(ROOT / files.TRAIN)
    write_split(split_images(images, labels, settings), Path(study))
