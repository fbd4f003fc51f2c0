"""What a user does while the pipeline runs, and a clock that goes back."""

import subprocess
from contextlib import suppress

import yaml

from torture.base import outputs, remove
from torture.fault import Fault, Steps
from torture.round import HANG, Round


def _removed(round: Round) -> Steps:
    yield
    outs = [out for of_one in outputs(round.root).values() for out in of_one]
    for out in round.draw.sample(outs, 3):
        remove(round.root / out)


def _twice(round: Round) -> Steps:
    yield
    second = round.start("dvc", "repro", output=round.output())
    yield
    with suppress(subprocess.TimeoutExpired):
        second.wait(HANG)


def _parameters(round: Round) -> Steps:
    yield
    file = round.root / "params.yaml"
    before = file.read_text()
    content = yaml.safe_load(before)
    key, value = round.draw.choice(
        (("learning_rate", 0.01), ("epochs", 2), ("seeds", [0]), ("batch_size", "many"))
    )
    file.write_text(yaml.safe_dump(content | {key: value}, sort_keys=False))
    try:
        yield
    finally:
        file.write_text(before)


def _clock(round: Round) -> Steps:
    round.environment["TORTURE_BACK"] = str(round.draw.choice((5, 90_000, 40_000_000)))
    yield


_ANY = ("stage", "worker", "dvc")
FAULTS = [
    Fault("outputs removed meanwhile", _removed, _ANY),
    Fault("dvc repro twice at once", _twice, _ANY),
    Fault("parameters changed meanwhile", _parameters, _ANY, leaves="unfinished"),
    Fault("clock set back", _clock, _ANY, fails=False),
]
