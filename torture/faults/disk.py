"""Folders on a disk that is full, or that can't be written.

Mounted where nobody else sees it: in a namespace of the run, with which it ends.
"""

import os
import subprocess

from torture.base import TRAININGS
from torture.fault import Act, Fault, Steps
from torture.round import Round

NAMESPACE = ("unshare", *(("--mount",) if os.geteuid() == 0 else ("--map-root-user", "--mount")))
_MOUNTS = subprocess.run(
    [*NAMESPACE, "mount", "-t", "tmpfs", "torture", "/mnt"], capture_output=True, check=False
)
SKIP = f"no mounts here: {_MOUNTS.stderr.decode().strip()}" if _MOUNTS.returncode else ""

# What the folder held comes along, and back; $1 is the folder, $2 the room beside it in KB.
FULL = """
folder=$1 room=$2; shift 2
mkdir "$TORTURE_ROUND/disk" "$TORTURE_ROUND/below"
mount --bind "$folder" "$TORTURE_ROUND/below"
mount -t tmpfs -o size=$(($(du -sk "$folder" | cut -f1) + room))k torture "$TORTURE_ROUND/disk"
cp -a "$folder/." "$TORTURE_ROUND/disk"
mount --bind "$TORTURE_ROUND/disk" "$folder"
cd "$(pwd)"
"$@"
status=$?
find "$TORTURE_ROUND/below" -mindepth 1 -delete
cp -a "$TORTURE_ROUND/disk/." "$TORTURE_ROUND/below"
exit $status
"""
READ_ONLY = """
folder=$1; shift 2
mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder" && cd "$(pwd)" &&
"$@"
"""


def mounted(script: str, folder: str) -> Act:
    """The run with the folder so; only what isn't there yet is made first."""

    def act(round: Round) -> Steps:
        place = round.root / folder if folder != "tmp" else round.temporary
        place.mkdir(parents=True, exist_ok=True)
        room = round.draw.choice((0, 4, 16, 64, 256))
        round.prefix = [*NAMESPACE, "sh", "-c", script, "sh", str(place), str(room)]
        yield

    return act


# Folder, and the stages that write there.
_PLACES = {
    "data": ("download", "preprocess", "evaluate", *TRAININGS),
    "models": TRAININGS,
    "metrics": ("evaluate", *TRAININGS),
    "plots": ("preprocess", "evaluate", *TRAININGS),
    "report": ("report",),
    ".replicates": TRAININGS,
    ".dvc/cache": ("download", "preprocess", "evaluate", *TRAININGS),
    ".dvc/tmp": ("preprocess", "evaluate", "train_mlp"),
    "mlartifacts": ("evaluate", *TRAININGS),
    "tmp": ("evaluate", "report", *TRAININGS),
    ".": ("download", "preprocess", "evaluate", "report", *TRAININGS),
}
_NAMES = {".": "the project", "tmp": "TMPDIR"}
FAULTS = [
    Fault(f"{kind} {_NAMES.get(folder, folder)}", mounted(script, folder), stages=stages, skip=SKIP)
    for folder, stages in _PLACES.items()
    for kind, script in (("full disk:", FULL), ("read-only:", READ_ONLY))
]
