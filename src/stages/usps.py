"""Stage `usps` of the studies: the two USPS files, verified, for the study of domain shift."""

import os
from pathlib import Path

from digitbench.download import digits
from digitbench.download.sources import DROP_IN_VARIABLE, fetch_all
from digitbench.params import PARAMS_FILE, load_params

FOLDER = Path("domain_shift/data/raw")


def main() -> None:
    """Run the stage in the folder of all studies."""
    timeout = load_params(Path("..") / PARAMS_FILE, networks=()).download.timeout_seconds
    sources = digits.usps_sources(os.environ.get(DROP_IN_VARIABLE), timeout)
    fetch_all(digits.FILES, sources, FOLDER, say=print, dataset=digits.VARIANT)
