"""What the files of a commit claim: trainings, the hash of each replicate, and who trained it."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.results.clocks import TimingRecord
from digitbench.results.records import TrainingRecord
from digitbench.wording import listing

STUDIES = Path("studies")
ALL = "all"
_OLDER = (
    "Commits from before it was recorded what a training learned with can't be verified: name a "
    "later one."
)


@dataclass(frozen=True)
class Training:
    """One training as the files in a project's folder have it.

    Attributes:
        study: Empty in the main pipeline.
        curves: By seed and epoch, figures by name, as text: the file has floats in their shortest
            exact form.
    """

    study: str
    name: str
    account: TrainingRecord
    clock: TimingRecord
    curves: Mapping[tuple[int, int], Mapping[str, str]]

    @property
    def title(self) -> str:
        """As the stage `train` is asked for it."""
        return f"{self.study}/{self.name}" if self.study else self.name

    @property
    def folder(self) -> Path:
        """In which its files lie, from the project's root."""
        return STUDIES / self.study if self.study else Path()

    @property
    def stage(self) -> str:
        """As DVC calls it."""
        in_study = f"{STUDIES}/dvc.yaml:train@{self.study}-{self.name}"
        return in_study if self.study else f"train_{self.name}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of all its replicates."""
        return self.account.recipe.seeds

    def model(self, seed: int) -> str:
        """Path of a replicate's weights."""
        return (self.folder / files.model_file(self.name, seed)).as_posix()

    def epochs(self, seed: int) -> list[int]:
        """Those that a replicate was trained."""
        return sorted(epoch for of_seed, epoch in self.curves if of_seed == seed)


def read_trainings(root: Path) -> list[Training]:
    """All that a project has, those of the main pipeline first.

    Raises:
        DigitbenchError: There are none, or a file of one is missing or damaged.
    """
    folders = [root, *sorted(path.parent for path in root.glob(f"{STUDIES}/*/params.yaml"))]
    found = [
        read_training(root, "" if folder == root else folder.name, path.stem)
        for folder in folders
        for path in sorted((folder / files.TRAININGS).glob("*.json"))
    ]
    if not any(training.study == "" for training in found):
        raise DigitbenchError(f"Nothing in {files.TRAININGS}. {_OLDER}")
    return found


def read_training(root: Path, study: str, name: str) -> Training:
    """One of them; errors as in `read_trainings`."""
    folder = root / STUDIES / study if study else root
    return Training(
        study,
        name,
        TrainingRecord.read(folder / files.TRAININGS / f"{name}.json"),
        TimingRecord.read(folder / files.TIMING / f"{name}.json"),
        files.read(folder / files.CURVES / f"{name}.csv", lambda path: dict(_rows(path))),
    )


def _rows(path: Path) -> Iterator[tuple[tuple[int, int], dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if {"seed", "epoch"} - row.keys():
                raise ValueError("no columns seed and epoch")
            yield (int(row.pop("seed")), int(row.pop("epoch"))), row


def choose(
    trainings: Sequence[Training], networks: Sequence[str], studies: Sequence[str]
) -> list[Training]:
    """The main pipeline or some of its networks, and studies by name; without any, that pipeline.

    Raises:
        DigitbenchError: There is no network or study of a name; the text lists them.
    """
    main = {training.name: training for training in trainings if not training.study}
    known = dict.fromkeys(training.study for training in trainings if training.study)
    for kind, asked, there in (("network", networks, main), ("study", studies, known)):
        for name in asked:
            if name not in there and not (kind == "study" and name == ALL):
                raise DigitbenchError(
                    f"{name!r} is no {kind} of this commit; it has {listing([*there]) or 'none'}."
                )
    wanted = set(known if ALL in studies else studies)
    asked_main = set(networks) if networks or studies else set(main)
    return [
        training
        for training in trainings
        if (training.study in wanted if training.study else training.name in asked_main)
    ]


def share_of(text: str) -> Fraction:
    """`1/4` or `20%` as a number.

    Raises:
        DigitbenchError: It is neither, or not above 0 and at most 1.
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = Fraction(number.strip()) / (100 if percent else 1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share <= 1:
        raise DigitbenchError(f"--subset {text[:40]}: a share such as 1/4 or 20% is meant.")
    return share


def draw(seeds: Sequence[int], share: Fraction, number: int) -> tuple[int, ...]:
    """A share of the replicates, at least one, in their order.

    Numbers that follow each other draw replicates that do: four quarters in a row are all of them.
    """
    count = math.ceil(share * len(seeds))
    first = number * count % len(seeds)
    chosen = {seeds[(first + place) % len(seeds)] for place in range(count)}
    return tuple(seed for seed in seeds if seed in chosen)
