"""``python -m digitbench.studies`` writes studies/README.md and studies/summary.csv."""

import sys
from pathlib import Path

from digitbench.errors import DigitbenchError
from digitbench.outputs import write_text
from digitbench.studies.measured import load_measured
from digitbench.studies.page import studies_page
from digitbench.studies.published import STUDIES, load_all
from digitbench.studies.rows import SUMMARY, write_rows
from digitbench.studies.table import all_rows

README = STUDIES / "README.md"


def main(root: Path) -> None:
    """Write both files from what is under a folder."""
    studies, measured = load_all(root), load_measured(root)
    rows = all_rows(studies, measured)
    write_rows(root / SUMMARY, rows)
    write_text(root / README, studies_page(studies, rows, measured))


if __name__ == "__main__":
    try:
        main(Path())
    except DigitbenchError as error:
        sys.exit(str(error))
