"""A temporary clone of a commit: its own stages, in surroundings that must not matter."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib
from ruamel.yaml import YAML

from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.environment import refusal
from digitbench.errors import DigitbenchError
from digitbench.execution.store import OFF
from digitbench.execution.store import VARIABLE as STORE_VARIABLE
from digitbench.execution.workers import JOBS_VARIABLE
from digitbench.temporary import temporary_folder
from digitbench.verification.claims import STUDIES, Training

# Of the session, and another one in the clone.
_FOREIGN = ("DVC_", "GIT_", "MLFLOW_", "PYTHON", "DIGITBENCH_", "LC_", "LANG", "TZ")
_KEPT = (DROP_IN_VARIABLE, JOBS_VARIABLE)
_FOLDERS = ("digitbench", "Ziffern, Prüfung", "a b")
_LOCALES = ("C", "C.UTF-8", "POSIX")
_ZONES = ("Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "UTC")
_UMASKS = (0o022, 0o027, 0o077)


@dataclass(frozen=True)
class Surroundings:
    """What is another one on purpose: none of it may change a byte."""

    folder: str
    locale: str
    zone: str
    hash_seed: int
    umask: int

    @classmethod
    def drawn(cls, chance: random.Random) -> "Surroundings":
        """Some, by chance."""
        return cls(
            chance.choice(_FOLDERS),
            chance.choice(_LOCALES),
            chance.choice(_ZONES),
            chance.randrange(1, 2**32),
            chance.choice(_UMASKS),
        )

    @property
    def variables(self) -> dict[str, str]:
        """Of the environment."""
        return {"LC_ALL": self.locale, "TZ": self.zone, "PYTHONHASHSEED": str(self.hash_seed)}

    def told(self) -> dict[str, str]:
        """By name."""
        return {"folder": self.folder, **self.variables, "umask": f"{self.umask:03o}"}


@dataclass(frozen=True)
class Clone:
    """A commit's files in a folder of their own, and how its code is run there."""

    root: Path
    origin: Path  # the clone in which we were asked
    surroundings: Surroundings

    def stage(self, *arguments: str, study: bool = False, jobs: int = 1) -> None:
        """Run a stage as DVC would, without what is kept of earlier ones.

        Raises:
            DigitbenchError: It failed; the text has its last line.
        """
        launcher = "../src" if study else "src"
        folder = self.root / STUDIES if study else self.root
        command = [sys.executable, launcher, *arguments]
        shown = " ".join(("python", launcher, *arguments))
        self._run(command, folder, {JOBS_VARIABLE: str(jobs)}, shown)

    def command(self, *arguments: str) -> None:
        """Run a `digitbench` of the commit; errors as in `stage`."""
        code = "import sys; from digitbench.cli import main; sys.argv[0] = 'digitbench'; main()"
        source = {"PYTHONPATH": str(self.root / "src")}
        shown = " ".join(("digitbench", *arguments))
        self._run([sys.executable, "-c", code, *arguments], self.root, source, shown)

    def git(self, *arguments: str) -> str:
        """What Git answers here."""
        return _git(self.root, *arguments)

    def committed(self, path: str) -> bytes:
        """Content of a file of the commit."""
        return subprocess.check_output(["git", "show", f"HEAD:{path}"], cwd=self.root)

    def restore(self, *paths: str) -> None:
        """Bring files back to the commit."""
        self.git("checkout", "--quiet", "HEAD", "--", *(paths or (".",)))

    def ask_for(self, training: Training, seeds: Sequence[int], recorded: bool) -> None:
        """Cut parameters down to some seeds, and to the recorded precision and device."""
        path = self.root / training.folder / "params.yaml"
        writer = YAML()
        content = writer.load(path.read_text(encoding="utf-8"))
        place = content["variants"][training.name] if training.study else content
        place["seeds"] = list(seeds)
        if recorded:
            place["precision"] = training.account.recipe.precision
            place["device"] = training.account.recipe.device
        with path.open("w", encoding="utf-8") as file:
            writer.dump(content, file)

    def _run(
        self, command: Sequence[str], folder: Path, more: Mapping[str, str], shown: str
    ) -> None:
        ours = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(_FOREIGN)
        }
        raw = self.origin / "data" / "raw"
        data = {DROP_IN_VARIABLE: str(raw)} if raw.is_dir() else {}
        environment = {
            **data,
            **more,
            **ours,
            **self.surroundings.variables,
            STORE_VARIABLE: OFF,
            # MLflow's database, too, is one of the clone.
            "DVC_ROOT": str(self.root),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            umask=self.surroundings.umask,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip().splitlines() or ["no word"]
            raise DigitbenchError(f"`{shown}` failed in the clone: {said[-1][:1_000]}")


@contextmanager
def cloned(origin: Path, commit: str, chance: random.Random) -> Iterator[Clone]:
    """A clone that goes away afterwards; DVC's cache in it is that of the origin, to read from.

    Raises:
        DigitbenchError: Git refuses.
    """
    surroundings = Surroundings.drawn(chance)
    with temporary_folder("verify") as place:
        root = place / surroundings.folder
        # Shared: a commit that no branch reaches, as an experiment's, is there too.
        _git(origin, "clone", "--quiet", "--shared", "--no-checkout", str(origin), str(root))
        _git(root, "checkout", "--quiet", "--detach", commit)
        yield Clone(root, origin, surroundings)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        said = os.fsdecode(done.stderr).strip()
        raise DigitbenchError(refusal(said) or f"`git {arguments[0]}` failed: {said}")
    return os.fsdecode(done.stdout)


def jobs(chance: random.Random) -> int:
    """All cores, or one fewer: their number must not matter either."""
    cores = int(joblib.cpu_count())
    return chance.choice([cores, max(1, cores - 1)])
