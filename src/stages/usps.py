"""Stage `usps` of a study: the two USPS files, verified, into its data/raw."""

import os
from pathlib import Path

from digitbench.download import digits
from digitbench.download.sources import DROP_IN_VARIABLE, fetch_all
from digitbench.files import RAW
from digitbench.params import PARAMS_FILE, load_params

ROOT = Path("../..")


def main() -> None:
    """Run the stage."""
    timeout = load_params(ROOT / PARAMS_FILE).download.timeout_seconds
    sources = digits.usps_sources(os.environ.get(DROP_IN_VARIABLE), timeout)
    fetch_all(digits.FILES, sources, RAW, say=print, dataset=digits.VARIANT)
