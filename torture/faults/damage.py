"""Files that aren't what was written."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from torture.base import STAGES, TRAININGS, remove
from torture.fault import Act, Fault, Remedy, Steps
from torture.round import Round

Damage = Callable[[Path, Round], None]
_TEXTS = (b"", b"\0" * 1_000, b"<html>no</html>", b"[]")


def _write(path: Path, content: bytes) -> None:
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)


def _flip(path: Path, round: Round) -> None:
    content = bytearray(path.read_bytes() or b"\0")
    content[round.draw.randrange(len(content))] ^= 1 << round.draw.randrange(8)
    _write(path, bytes(content))


def _truncate(path: Path, round: Round) -> None:
    content = path.read_bytes()
    _write(path, content[: round.draw.randrange(len(content) + 1)])


def _rewrite(path: Path, round: Round) -> None:
    _write(path, round.draw.choice(_TEXTS))


def _replace(path: Path, round: Round) -> None:
    _write(path, round.draw.choice((*_TEXTS, b"\xff\xfe")))


def _folder(path: Path, round: Round) -> None:
    path.unlink()
    path.mkdir()


def _exchange(path: Path, round: Round) -> None:
    """Whole and well-formed, but another's."""
    alike = sorted(path.parent.parent.rglob(f"*{path.suffix}"))
    if others := [other for other in alike if other != path and other.is_file()]:
        _write(path, round.draw.choice(others).read_bytes())


DAMAGES = (_flip, _truncate, _replace, _folder, _exchange)


def damage_one(round: Round, patterns: tuple[str, ...], damages: tuple[Damage, ...]) -> None:
    """One file of those, if there is one."""
    found = (path for pattern in patterns for path in sorted(round.root.glob(pattern)))
    if files := [path for path in found if path.is_file()]:
        round.draw.choice(damages)(round.draw.choice(files), round)


def damaged(*patterns: str, before: bool, damages: tuple[Damage, ...] = DAMAGES) -> Act:
    """One file of those, before the run or in its moment."""

    def act(round: Round) -> Steps:
        if not before:
            yield
        damage_one(round, patterns, damages)
        yield

    return act


def _checkpoint(round: Round) -> Steps:
    """Whoever goes on after everybody was killed meets it."""
    yield
    round.signal(signal.SIGKILL)
    damage_one(round, (".replicates/unfinished/*/*.zip",), DAMAGES)


def _restore_lock(round: Round) -> None:
    remove(round.root / "dvc.lock")
    subprocess.run(["git", "checkout", "-q", "dvc.lock"], cwd=round.root, check=True)


def _unlock(round: Round) -> None:
    remove(round.root / ".dvc/tmp/rwlock")


def _keep_entries(round: Round) -> Steps:
    """The store of the base has all replicates; one of them is damaged."""
    (round.place / "store").rename(round.root / ".replicates")
    yield from damaged(".replicates/finished/*/*.zip", before=True)(round)


def _checkpoints_file(round: Round) -> Steps:
    """Where halves are kept lies a file."""
    (round.root / ".replicates").mkdir()
    (round.root / ".replicates/unfinished").write_text("not a folder")
    yield


def rows(name: str, *patterns: str, stages: tuple[str, ...] = STAGES) -> Iterator[Fault]:
    """Damaged before DVC looks, and after."""
    yield Fault(f"damaged {name}", damaged(*patterns, before=True), stages=stages)
    yield Fault(
        f"damaged {name} meanwhile",
        damaged(*patterns, before=False),
        ("stage",),
        stages=stages,
    )


_LATER = ("evaluate", "report")
FAULTS = [
    *rows("raw data", "data/raw/*/*", stages=("preprocess", "evaluate", "train_mlp")),
    *rows("processed data", "data/processed/*/*", stages=("evaluate", *TRAININGS)),
    *rows("model", "models/*/*", stages=_LATER),
    *rows("predictions", "data/predictions/*", "data/confusions/*", stages=_LATER),
    *rows("metrics", "metrics/*.json", "metrics/*/*.json", stages=_LATER),
    *rows("curves", "plots/curves/*", "plots/evaluate/**/*", stages=_LATER),
    *rows("object of DVC's cache", ".dvc/cache/files/md5/??/*"),
    Fault("damaged entry of the store", _keep_entries, stages=TRAININGS),
    Fault(
        "damaged checkpoint",
        _checkpoint,
        ("worker",),
        r"os\.rename \.replicates/unfinished.*time",
        TRAININGS,
        fails=True,
    ),
    Fault("a file where checkpoints go", _checkpoints_file, stages=TRAININGS, leaves="unfinished"),
    Fault(
        "damaged dvc.lock",
        damaged("dvc.lock", before=True, damages=(_truncate, _replace)),
        remedy=Remedy(r"dvc\.lock", _restore_lock),
    ),
    Fault(
        "damaged .dvc/tmp/rwlock",
        # DVC has no words for one that isn't UTF-8; `digitbench doctor` has.
        damaged(".dvc/tmp/rwlock", before=True, damages=(_truncate, _rewrite)),
        remedy=Remedy("rwlock", _unlock),
    ),
]
