"""Stage `usps` of a study: the two USPS files, verified, into its data/raw."""

from pathlib import Path

from digitbench.download.digits import DOMAINS
from digitbench.download.folder import drop_in_folder
from digitbench.params import PARAMS_FILE, load_params

FOLDER = Path("domain_shift/data/raw")


def main() -> None:
    """Run the stage in the folder of all studies."""
    timeout = load_params(Path("..") / PARAMS_FILE, networks=()).download.timeout_seconds
    DOMAINS["usps"].fetch(FOLDER, drop_in_folder(), timeout)
