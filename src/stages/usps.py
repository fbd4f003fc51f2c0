"""Stage `usps` of a study: the two USPS files, verified, into its data/raw."""

import os
from pathlib import Path

from digitbench.data import usps
from digitbench.data.sources import DROP_IN_VARIABLE, fetch_all
from digitbench.layout import RAW
from digitbench.params import PARAMS_FILE, load_params

ROOT = Path("../..")


def main() -> None:
    """Run the stage."""
    timeout = load_params(ROOT / PARAMS_FILE).download.timeout_seconds
    sources = usps.usps_sources(os.environ.get(DROP_IN_VARIABLE), timeout)
    fetch_all(usps.FILES, sources, RAW, say=print, dataset=usps.VARIANT)
