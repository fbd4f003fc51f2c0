"""Stage `split` of a study: which training images are held out, and the scale of pixels."""

from pathlib import Path

from digitbench import files
from digitbench.params import PARAMS_FILE, load_study
from digitbench.processed import read_images
from digitbench.training.data import split_images, write_split

ROOT = Path("..")


def main(study: str) -> None:
    """Run the stage in the folder of all studies."""
    settings = load_study(Path(study) / PARAMS_FILE, networks=()).split
    images, labels = read_images(ROOT / files.TRAIN)
    write_split(split_images(images, labels, settings), Path(study))
