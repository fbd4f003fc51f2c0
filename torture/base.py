"""The small finished clone that every round starts from, and what an undisturbed run comes to."""

import hashlib
import json
import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.conftest import Project, make_finished, project_at
from small_digits import enlarged

INSIDE = Path(__file__).parent / "inside"
STAGES = (
    *("download", "preprocess", "train_mlp", "train_cnn", "train_rnn", "train_lstm"),
    *("evaluate", "report"),
)
TRAININGS = tuple(stage for stage in STAGES if stage.startswith("train_"))
CLOCKS = Path("metrics/timing")
PAGES = Path("report")
LOG = "moments.tsv"
LOCK = "dvc.lock"
STORE = ".replicates"


@dataclass(frozen=True)
class Moment:
    """The n-th time that a program does something to the world outside of it."""

    program: str  # a stage, `worker` or `dvc`
    event: str
    path: str
    number: int = 1

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.program}:", self.event, self.path))) + (
            f", time {self.number}" if self.number > 1 else ""
        )


@dataclass(frozen=True)
class Base:
    """A folder with the finished clone `project`, its digits and its moments."""

    place: Path

    @property
    def project(self) -> Path:
        """The clone itself."""
        return self.place / "project"

    def moments(self, stage: str, program: str) -> list[Moment]:
        """Those of a program in a run of this one stage, in their order."""
        counts: Counter[tuple[str, Moment]] = Counter()
        running, found, saved = "", dict[Moment, None](), 0
        for line in (self.place / LOG).read_text().splitlines():
            process, name, event, path = line.split("\t")
            once = Moment(name, event, path)
            if event == "start" and name in STAGES:
                running = name
            # Before the first stage DVC does what it does before any.
            if name == program and running in (stage, *([""] if program == "dvc" else [])):
                counts[process, once] += 1
                found[replace(once, number=counts[process, once])] = None
            if path == LOCK and running == stage:
                saved = len(found)
        # With its lock DVC is done with a stage, and goes on to the next.
        return list(found)[:saved] if program == "dvc" else list(found)

    def draw_moment(
        self, draw: random.Random, stage: str, program: str, jobs: int, where: str = ""
    ) -> Moment:
        """One that the pattern is found in; all that fall on the same folder count as one first."""
        by_folder: dict[str, list[Moment]] = {}
        for moment in self.moments(stage, stage if program == "stage" else program):
            if re.search(where, str(moment)):
                by_folder.setdefault(moment.path.split("/")[0], []).append(moment)
        moment = draw.choice(by_folder[draw.choice(sorted(by_folder))])
        # One at a time are trained in the process of the stage.
        return replace(moment, program=stage) if (program, jobs) == ("worker", 1) else moment

    def copy(self, place: Path) -> Project:
        """The clone and its digits once more, in a folder of their own."""
        shutil.copytree(self.place, place, symlinks=True, ignore=shutil.ignore_patterns(LOG))
        return project_at(place / "project")


def make_base(place: Path) -> Base:
    """Run the whole small pipeline once, with two worker processes, and note its moments."""
    place.mkdir(parents=True, exist_ok=True)
    variables = {
        "PYTHONPATH": str(INSIDE),
        "TORTURE_LOG": str(place / LOG),
        "DIGITBENCH_JOBS": "2",
        "DIGITBENCH_STORE": STORE,
        "DVC_SITE_CACHE_DIR": str(place / "site"),
    }
    project = make_finished(place, enlarged(), variables, epochs=3)
    # Beside it: what a round runs shall be trained, not found.
    (project.root / STORE).rename(place / "store")
    remove(place / "site")
    return Base(place)


def outputs(root: Path) -> dict[str, list[str]]:
    """What each stage of a clone writes."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    found: dict[str, list[str]] = {}
    for stage in STAGES:
        name = stages[stage]["vars"][0]["name"] if stage in TRAININGS else ""
        outs = [out if isinstance(out, str) else next(iter(out)) for out in stages[stage]["outs"]]
        found[stage] = [out.replace("${name}", name) for out in outs]
    return found


def hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file that a stage writes."""
    found = {}
    for outs in outputs(root).values():
        for out in outs:
            path = root / out
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    content = hashlib.sha256(file.read_bytes()).hexdigest()
                    found[file.relative_to(root).as_posix()] = content
    return found


def mismatches(root: Path, undisturbed: Path) -> list[str]:
    """Files that aren't those of an undisturbed run; clocks are no results.

    The pages print clocks, so they are compared where no clock has changed.
    """
    mine, theirs = hashes(root), hashes(undisturbed)
    differing = [Path(name) for name in sorted(mine.keys() | theirs.keys())]
    differing = [path for path in differing if mine.get(str(path)) != theirs.get(str(path))]
    clocks = [path for path in differing if CLOCKS in path.parents and str(path) in mine]
    pages = [path for path in differing if clocks and PAGES in path.parents and str(path) in mine]
    return [str(path) for path in differing if path not in (*clocks, *pages)]


def forget_stage(root: Path, stage: str) -> None:
    """As if the stage had never run: nothing of it in the lock, the workspace or DVC's cache."""
    lock = root / LOCK
    content = yaml.safe_load(lock.read_text())
    for out in content["stages"].pop(stage)["outs"]:
        remove(root / out["path"])
        for md5 in _objects(root, out["md5"]):
            _object(root, md5).unlink(missing_ok=True)
    lock.write_text(yaml.safe_dump(content, sort_keys=False))
    remove(root / ".dvc/cache/runs")


def _objects(root: Path, md5: str) -> list[str]:
    """An object of the cache, and what it lists."""
    path = _object(root, md5)
    if not (md5.endswith(".dir") and path.exists()):
        return [md5]
    entries: list[dict[str, Any]] = json.loads(path.read_bytes())
    return [md5, *(entry["md5"] for entry in entries)]


def _object(root: Path, md5: str) -> Path:
    return root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def remove(path: Path) -> None:
    """Whatever lies there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
