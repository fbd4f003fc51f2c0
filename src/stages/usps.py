"""Stage `usps` of a study: the two USPS files, verified, into its data/raw."""

import os
from pathlib import Path

from digitbench.download.digits import DOMAINS
from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.params import PARAMS_FILE, load_params

FOLDER = Path("domain_shift/data/raw")


def main() -> None:
    """Run the stage in the folder of all studies."""
    timeout = load_params(Path("..") / PARAMS_FILE, networks=()).download.timeout_seconds
    DOMAINS["usps"].fetch(FOLDER, os.environ.get(DROP_IN_VARIABLE), timeout)
