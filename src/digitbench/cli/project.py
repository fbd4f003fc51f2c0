"""Where the project lies, from wherever one stands in it."""

from pathlib import Path

from digitbench.errors import DigitbenchError


def find_root(start: Path) -> Path:
    """The nearest folder with a `params.yaml` and DVC's own, from a folder upwards.

    A study's folder has parameters too, but other ones.

    Raises:
        DigitbenchError: There is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "params.yaml").is_file() and (folder / ".dvc").is_dir():
            return folder
    raise DigitbenchError(
        f"{start}: neither this folder nor one above it has params.yaml and .dvc. "
        "Run inside a clone of the project."
    )
