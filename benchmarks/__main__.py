"""Launcher: ``python benchmarks [section ...] [--quick] [--output FOLDER]``.

Measured is the copy of ``src`` beside this folder. Variables that set threads, jobs or tracking are
dropped first, so that every contestant runs as it does by default.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[1]
    # In place of this folder itself: its modules are `benchmarks.<name>`.
    sys.path[:1] = [str(ROOT), str(ROOT / "src")]
    from benchmarks.app import main
    from digitbench.environment import prepare_libraries

    prepare_libraries()  # as the launcher of the stages does
    sys.exit(main(sys.argv[1:]))
