"""Too much for this machine, or as little as there can be: disks, memory, numbers of seeds."""

import re

from digitbench.execution.workers import JOBS_VARIABLE

from ..conftest import Project
from ..situation import Situation, environment

# Files of more than so many kilobytes are refused, also to the superuser, as by a full disk.
FULL = "ulimit -f {}; exec {}"


def nothing_half_written(project: Project) -> None:
    """What was committed is there, and no temporary file beside it."""
    assert project.run("git", "status", "--porcelain").stdout == ""
    hidden = [path for path in project.root.rglob(".*.*") if path.is_file()]
    ours = ("models", "data", "metrics", "plots", "report", "studies", ".checkpoints")
    assert not [path for path in hidden if path.relative_to(project.root).parts[0] in ours]


def dies(project: Project) -> Project:
    """The system kills the processes that learn, two at once."""
    project.edit(
        "src/digitbench/training/trainer.py",
        r"^import ",
        "import os\nfrom multiprocessing import current_process as here\n"
        "if here().name.startswith('Loky'): os.kill(os.getpid(), 9)\nimport ",
    )
    return environment(**{JOBS_VARIABLE: "2"})(project) or project


def one_seed(project: Project) -> None:
    project.edit("params.yaml", r"^seeds:\n(- .*\n)+", "seeds: [0]\n")


def no_plural_of_one(project: Project) -> None:
    for page in ("report/report.md", "README.md"):
        text = (project.root / page).read_text(encoding="utf-8")
        assert not re.findall(r"(?<![\d.,])1 (?:seeds|epochs|trainings|replicates)\b", text)


def full(size: int, *command: str) -> tuple[str, ...]:
    return ("bash", "-c", FULL.format(size, " ".join(command)))


SITUATIONS = [
    Situation(
        "a full disk in training",
        (full(8, "python src train mlp"),),
        status=1,
        says=("train: ", ": cannot be written (File too large)"),
        after=nothing_half_written,
    ),
    Situation(
        "a full disk in evaluation",
        (full(8, "python src evaluate"),),
        status=1,
        says=("evaluate: ", ": cannot be written (File too large)"),
    ),
    Situation(
        "a full disk in the report",
        (full(8, "python src report"),),
        status=1,
        says=("report: report/figures/", ": cannot be written (File too large)"),
    ),
    Situation(
        "a review into a file that can't be",
        (("digitbench", "review", "HEAD", "-o", "/dev/full/review.txt"),),
        status=2,
        says=("digitbench: /dev/full/review.txt: cannot be written (",),
    ),
    Situation(
        "a check printed to a full disk",
        (("bash", "-c", "digitbench readme --print > /dev/full"),),
        status=2,
        says=("No space left on device. Make room on that disk",),
        never=("Exception ignored",),
    ),
    Situation(
        "a training that the system kills for its memory",
        (("python", "src", "train", "mlp"),),
        dies,
        status=1,
        says=("train: A worker process was killed, most often for lack of memory.",),
    ),
    Situation(
        "one seed",
        (
            ("dvc", "repro"),
            ("digitbench", "readme"),
            ("digitbench", "review", "HEAD"),
            ("digitbench", "readme", "--print"),
        ),
        one_seed,
        never=(" 1 seeds", " 1 epochs", " 1 trainings", " 1 replicates", " 1 pairs"),
        after=no_plural_of_one,
    ),
]
