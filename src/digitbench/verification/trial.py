"""The course of a verification: what a commit claims, computed again step by step."""

import hashlib
import itertools
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.execution.keeper import Keeper, store_address
from digitbench.results.receipts import FOLDER, Outcome, Receipt, Subset
from digitbench.results.records import ComparisonRecord, ModelRecord
from digitbench.results.studies import SUMMARY
from digitbench.review.revisions import (
    DEFAULT_MARGIN,
    Revision,
    open_repository,
    read_commit,
    read_margin,
)
from digitbench.verification import lock
from digitbench.verification.claims import Training, choose, draw, read_training, read_trainings
from digitbench.verification.conclusions import (
    Scored,
    changed_claims,
    changed_pairs,
    changed_scores,
)
from digitbench.verification.machines import Row, differences, side_by_side
from digitbench.verification.mismatch import Level, Mismatch
from digitbench.verification.numbers import curve_mismatch, record_mismatches, tensor_mismatch
from digitbench.verification.rerun import Clone, cloned, jobs
from digitbench.verification.result import Found
from digitbench.wording import count, listing, seed_names

PAGES = ("report/report.md", "README.md", "studies/README.md", SUMMARY.as_posix())
_LOCKS = ("dvc.lock", "studies/dvc.lock")
_SHORT = 12  # of a hash, as it is told
_SENTENCE = 160
_AT_ODDS = "The commit contradicts itself, so nothing was trained; `make check` says what to run."
_ALWAYS_UNCHECKED = ("figures", "timings")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What is to be verified.

    Attributes:
        networks: Of the main pipeline; none, without studies: all.
        share: Of the replicates of each training.
        number: Draws them, and the surroundings.
        recorded: Whether to train in the recorded precision and device, not in those of here.
    """

    revision: str
    networks: tuple[str, ...]
    studies: tuple[str, ...]
    share: Fraction
    number: int
    recorded: bool = False


@dataclass
class Trial:
    """One verification: the clone it runs in, and what was found so far."""

    clone: Clone
    commit: Revision
    asked: Asked
    chance: random.Random
    tell: Tell
    found: Found = field(default_factory=Found)
    claims: list[Training] = field(default_factory=list)
    rerun: dict[str, Training] = field(default_factory=dict)  # by title
    evaluated: bool = False

    def run(self) -> None:
        """Go as far as it makes sense; what ends it early is noted."""
        try:
            self._claims()
            for step in (self._commit, self._pages, self._data, self._trainings, self._scores):
                step()
                if self.found.unexplained or self.found.changed:
                    return
            self._conclusions()
        except DigitbenchError as error:
            self.found.problem = str(error)

    # --- what is claimed ---------------------------------------------------------------------

    def _claims(self) -> None:
        if _LOCKS[0] not in self.commit.files:
            raise DigitbenchError(f"This commit has no {_LOCKS[0]}, which says what it claims.")
        every = read_trainings(self.clone.root)
        self.claims = choose(every, self.asked.networks, self.asked.studies)
        left = len(every) - len(self.claims)
        self.found.unchecked += [f"{count(left, 'other training')}"] if left else []
        self.found.unchecked += _ALWAYS_UNCHECKED

    def seeds(self, training: Training) -> tuple[int, ...]:
        """Those that are trained again."""
        return draw(training.seeds, self.asked.share, self.asked.number)

    @property
    def whole(self) -> bool:
        """Whether all replicates are."""
        return all(self.seeds(training) == training.seeds for training in self.claims)

    @property
    def studies(self) -> list[str]:
        """Those that are asked for."""
        return list(dict.fromkeys(training.study for training in self.claims if training.study))

    @property
    def subset(self) -> Subset:
        """How many replicates of how many."""
        some = {} if self.whole else {"drawn_with": self.asked.number}
        return Subset(
            replicates=sum(len(self.seeds(training)) for training in self.claims),
            of=sum(len(training.seeds) for training in self.claims),
            **some,
        )

    # --- the commit by itself ----------------------------------------------------------------

    def _commit(self) -> None:
        self.tell("comparing the commit with its own lock")
        lock.lend_cache(self.clone)
        for mismatch in lock.contradictions(self.clone, self.studies):
            self.found.add(mismatch)
        if self.found.unexplained:
            self.found.remarks.append(_AT_ODDS)

    def _pages(self) -> None:
        """Sentences: made again from the committed numbers by the commit's own code."""
        self.tell("writing its pages again")
        try:
            self.clone.command("studies")
            self.clone.stage("report")
            self.clone.command("readme")
        except DigitbenchError as error:
            self.found.unchecked.append(f"pages ({error})")
        else:
            self.found.pages = sum((self.clone.root / page).is_file() for page in PAGES)
            self.found.changed += _other_lines(self.clone.git("diff", "-U0", "--", *PAGES))
            self.found.remarks += [_AT_ODDS] if self.found.changed else []
        self.clone.restore()

    # --- computed again ----------------------------------------------------------------------

    def _data(self) -> None:
        self.tell("preparing the data")
        self.clone.stage("download")
        self.clone.stage("preprocess")
        for study in self.studies:
            self.clone.stage("split", study, study=True)
        splits = [f"studies/dvc.yaml:split@{study}" for study in self.studies]
        self._compare_hashes(["download", "preprocess", *splits], None)

    def _compare_hashes(
        self, stages: Sequence[str], explanation: Row | None, kinds: str = r"(.*/)?data/"
    ) -> None:
        for stage in stages:
            for path, (there, here) in lock.hashes(self.clone, [stage]).items():
                if re.match(kinds, path):
                    self.found.expected[path], self.found.here[path] = there, here
                    if there != here:
                        self.found.add(
                            Mismatch(Level.BYTES, f"{stage}: {path}", there, here), explanation
                        )

    def _trainings(self) -> None:
        order = self.chance.sample(self.claims, len(self.claims))
        try:
            for training in order:
                self._train(training)
        finally:
            for training in self.claims:
                if training.title in self.rerun:
                    self._compare(training, self.rerun[training.title])

    def _train(self, training: Training) -> None:
        seeds = self.seeds(training)
        self.tell(
            f"training {training.title}, {'seed' if len(seeds) == 1 else 'seeds'} "
            f"{seed_names(seeds)}"
        )
        if seeds != training.seeds or self.asked.recorded:
            self.clone.ask_for(training, seeds, self.asked.recorded)
        study = bool(training.study)
        self.clone.stage("train", training.title, study=study, jobs=jobs(self.chance))
        self.rerun[training.title] = read_training(self.clone.root, training.study, training.name)

    def _compare(self, there: Training, here: Training) -> None:
        explanation = next(iter(differences(there, here)), None)
        before = len(self.found.places)
        self._compare_accounts(there, here)
        for seed in self.seeds(there):
            self._compare_replicate(there, here, seed, explanation)
        if self.seeds(there) == there.seeds and len(self.found.places) == before:
            folder = (there.folder / files.MODELS / there.name).as_posix()
            self._compare_hashes([there.stage], explanation, f"{re.escape(folder)}$")
        differs = len(self.found.places) > before
        if differs and not self.found.fingerprints:
            self.found.fingerprints = side_by_side(there, here)
        if explanation and explanation[0] == "precision":
            self.found.remarks.append(
                f"Bytes of {there.title} are not comparable: it was trained in {explanation[1]}, "
                f"and here in {explanation[2]}. `digitbench verify --recorded` takes the recorded "
                "precision."
            )
        elif explanation and not differs:
            name, old, new = explanation
            self.found.remarks.append(
                f"{there.title}: {name} is {new} here and was {old}; the bytes are the same."
            )

    def _compare_accounts(self, there: Training, here: Training) -> None:
        """What was learned with and from, but for what a machine chooses."""
        chosen = {"seeds", "precision", "device"}
        old, new = (
            side.account.model_dump(mode="json", exclude={"weights": True, "recipe": chosen})
            for side in (there, here)
        )
        file = (there.folder / files.TRAININGS / f"{there.name}.json").as_posix()
        for mismatch in record_mismatches(file, old, new, whole=True)[1]:
            self.found.add(mismatch)

    def _compare_replicate(
        self, there: Training, here: Training, seed: int, explanation: Row | None
    ) -> None:
        place, path = f"{there.stage}, seed {seed}", there.model(seed)
        content = files.read_bytes(self.clone.root / path)
        found = hashlib.sha256(content).hexdigest()
        expected = there.account.weights.get(seed)
        curve = curve_mismatch(there, here, seed)
        self.found.counted("figures of epochs", 4 * len(there.epochs(seed)))
        if curve:
            self.found.add(curve, explanation)
        if expected is None:
            if self.seeds(there) != there.seeds:
                raise DigitbenchError(
                    f"This commit has no hash of a single replicate of {there.title}: leave out "
                    "--subset, and all of them are held against the hash of their folder."
                )
            return
        self.found.expected[path], self.found.here[path] = expected, found
        if found == expected:
            return
        codes = [side.clock.facts.get("code", "") for side in (there, here)]
        if "" not in codes and codes[0] != codes[1]:
            self.found.add(Mismatch(Level.BYTES, f"{place}: code that trained", *codes))
        committed = self._committed_weights(there, seed, expected)
        if committed is not None:
            self.found.add(tensor_mismatch(committed, content, place), explanation)
            return
        shown = (value[:_SHORT] for value in (expected, found))
        self.found.add(Mismatch(Level.BYTES, f"{place}: SHA-256 of weights", *shown), explanation)
        lacking = "The first tensor can't be named: the committed weights are not in this clone."
        if lacking not in self.found.remarks:
            self.found.remarks.append(lacking)

    def _committed_weights(self, there: Training, seed: int, sha256: str) -> bytes | None:
        """From where the origin may have them; only their own hash counts."""
        path = self.clone.origin / there.model(seed)
        folder, _, name = there.model(seed).rpartition("/")
        kept = Keeper(store_address()).find(there.clock.keys.get(seed, ""))
        places: Iterable[Callable[[], bytes | None]] = (
            lambda: path.read_bytes() if path.is_file() else None,
            lambda: lock.cached(self.clone, folder, name),
            lambda: kept.replicate.weights if kept else None,
        )
        found = (content for place in places if (content := place()) is not None)
        return next((item for item in found if hashlib.sha256(item).hexdigest() == sha256), None)

    # --- on the test images ------------------------------------------------------------------

    def _scores(self) -> None:
        explanation = self.found.explained or next(
            itertools.chain.from_iterable(
                differences(training, self.rerun[training.title]) for training in self.claims
            ),
            None,
        )
        main = [training for training in self.claims if not training.study]
        if main:
            self._evaluate(main, explanation)
        for training in self.claims:
            if training.study:
                self.tell(f"assessing {training.title}")
                self.clone.stage("assess", training.title, study=True)
                path = training.folder / files.METRICS / f"{training.name}.json"
                self._compare_records([path], explanation)
        if self.studies:
            self.found.unchecked.append("stages that go across studies")

    def _evaluate(self, main: Sequence[Training], explanation: Row | None) -> None:
        records = sorted((self.clone.root / files.METRICS).glob("*.json"))
        every = [training for training in read_trainings(self.clone.root) if not training.study]
        if len(every) > len(main) or len(set(map(self.seeds, main))) > 1:
            self.found.unchecked.append("scores on test images, which need all networks")
            return
        self.tell("evaluating on the test images")
        self.clone.stage("evaluate")
        self.evaluated = True
        self._compare_records([path.relative_to(self.clone.root) for path in records], explanation)
        if self.whole:
            self._compare_hashes(["evaluate"], explanation)
        else:
            self.found.unchecked.append(
                "means, intervals and comparisons, which need all replicates"
            )

    def _compare_records(self, paths: Iterable[Path], explanation: Row | None) -> None:
        for path in paths:
            there = json.loads(self.clone.committed(path.as_posix()))
            here = files.read_json(self.clone.root / path)
            compared, others = record_mismatches(path.as_posix(), there, here, self.whole)
            self.found.counted("values of metrics", compared)
            for mismatch in others:
                self.found.add(mismatch, explanation)

    # --- what is said ------------------------------------------------------------------------

    def _conclusions(self) -> None:
        """Only where something differs: equal numbers say the same."""
        if not self.found.places:
            return
        self.tell("judging what other bytes would change")
        scores = [self._scored(training) for training in self.claims]
        if unsaid := [scored.place for scored in scores if scored.open]:
            self.found.problem = (
                f"One seed can't tell whether {listing(unsaid)} would change. Verify more seeds."
            )
        self.found.changed += changed_scores(scores)
        if not self.whole:
            return
        if self.evaluated:
            path = files.METRICS / "comparison.json"
            there = ComparisonRecord.parse(self.clone.committed(path.as_posix()), str(path))
            here = ComparisonRecord.read(self.clone.root / path)
            margin = read_margin(self.commit) or DEFAULT_MARGIN
            self.found.changed += changed_pairs(there, here, margin)
        if self.studies:
            before = self.clone.root / "before.csv"
            before.write_bytes(self.clone.committed(SUMMARY.as_posix()))
            self.clone.command("studies")
            for study in self.studies:
                self.found.changed += changed_claims(before, self.clone.root / SUMMARY, study)

    def _scored(self, training: Training) -> Scored:
        if not training.study and not self.evaluated:
            here, images = self.rerun[training.title], training.account.data.validation_images
            there = _validation(training, training.seeds)
            name = f"accuracy of {training.title} on validation images"
            return Scored(name, there, _validation(here, self.seeds(training)), images)
        path = training.folder / files.METRICS / f"{training.name}.json"
        old = ModelRecord.parse(self.clone.committed(path.as_posix()), str(path))
        new = ModelRecord.read(self.clone.root / path)
        name = f"accuracy of {training.title}"
        return Scored(name, old.accuracy.per_seed, new.accuracy.per_seed, new.test.images)

    # --- what stays --------------------------------------------------------------------------

    def receipt(self) -> Receipt:
        """All of it, for the record.

        Raises:
            DigitbenchError: Nothing was computed that it could be about.
        """
        found = self.found
        if found.outcome is Outcome.UNCHECKED or not self.rerun:
            raise DigitbenchError("No receipt: nothing was trained again.")
        clock = next(iter(self.rerun.values())).clock
        locks = {name: self.clone.root / name for name in _LOCKS}
        return Receipt(
            commit=str(self.commit.commit),
            locks={
                name: hashlib.sha256(path.read_bytes()).hexdigest()
                for name, path in locks.items()
                if path.is_file()
            },
            outcome=found.outcome,
            subset=self.subset,
            expected=found.expected,
            found=found.here,
            changed=tuple(place.told() for place in (*found.unexplained, *found.changed)),
            environment=clock.environment,
            facts=clock.facts,
            varied=self.clone.surroundings.told(),
            unchecked=tuple(found.unchecked),
        )


@dataclass(frozen=True)
class Verification:
    """What is told of a finished trial."""

    outcome: Outcome
    text: str
    receipt: Receipt | None


def verify(root: Path, asked: Asked, tell: Tell) -> Verification:
    """Compute again what a commit claims.

    Args:
        root: Folder of the project, which is only read.
        asked: What of it.
        tell: Hears what is being done.

    Raises:
        DigitbenchError: There is no such commit.
    """
    commit = read_commit(open_repository(root), asked.revision)
    chance = random.Random(asked.number)
    with cloned(root, str(commit.commit), chance) as clone:
        trial = Trial(clone, commit, asked, chance, tell)
        trial.run()
        outcome = trial.found.outcome
        is_told = outcome is not Outcome.UNCHECKED and bool(trial.rerun)
        text = "\n".join([_heading(trial), *trial.found.lines()])
        return Verification(outcome, text, trial.receipt() if is_told else None)


def _heading(trial: Trial) -> str:
    subset, varied = trial.subset, trial.clone.surroundings.told()
    if not trial.rerun:
        return f"{trial.commit.label}: no network was trained again.\n"
    drawn = f", drawn with seed {trial.asked.number}" if subset.drawn_with is not None else ""
    told = ", ".join(f"{name} {value}" for name, value in varied.items())
    return (
        f"{trial.commit.label}: {len(trial.rerun)} of {count(len(trial.claims), 'training')} made "
        f"again, {subset.replicates} of {count(subset.of, 'replicate')}{drawn}.\n"
        f"On purpose another {told}, number of jobs and order of stages.\n"
    )


def keep(root: Path, receipt: Receipt) -> Path:
    """Write a receipt among the others; returns its path from the root."""
    content = json.dumps(receipt.content(), sort_keys=True).encode()
    name = f"{receipt.commit[:10]}-{hashlib.sha256(content).hexdigest()[:8]}.json"
    receipt.write(root / FOLDER / name)
    return FOLDER / name


def _validation(training: Training, seeds: Sequence[int]) -> dict[int, float]:
    """Accuracy on the validation images after the last epoch, by seed."""
    return {
        seed: float(training.curves[seed, training.epochs(seed)[-1]]["validation_accuracy"])
        for seed in seeds
    }


def _other_lines(diff: str) -> list[Mismatch]:
    """The first line that differs in each file of a diff without context."""
    found = []
    for part in re.split(r"^diff --git .*\n", diff, flags=re.MULTILINE)[1:]:
        file = re.search(r"^--- (?:a/)?(.*)$", part, re.MULTILINE)
        hunk = re.search(r"^@@ -(\d+).*@@.*\n((?:[-+\\].*\n?)+)", part, re.MULTILINE)
        if not file or not hunk:
            continue
        lines: dict[str, Any] = {"-": "nothing", "+": "nothing"}
        for line in reversed(hunk[2].splitlines()):
            lines[line[0]] = line[1:]
        sides = (str(lines[sign])[:_SENTENCE] for sign in "-+")
        found.append(Mismatch(Level.VERDICTS, f"{file[1]}, line {hunk[1]}", *sides))
    return found
