"""A signal to one of the programs, or to all at once."""

import signal
from collections.abc import Iterator

from torture.base import TRAININGS
from torture.fault import Act, Fault, Steps
from torture.round import Round


def sent(number: signal.Signals, program: str) -> Act:
    """The signal in a moment of that program's, or of any for all of them."""

    def act(round: Round) -> Steps:
        yield
        round.signal(number, program)

    return act


def rows(number: signal.Signals) -> Iterator[Fault]:
    """The same signal to everybody in turn."""
    yield Fault(f"{number.name} to the stage", sent(number, "stage"), ("stage",), fails=True)
    yield Fault(f"{number.name} to dvc", sent(number, "dvc"), ("stage", "dvc"))
    yield Fault(
        f"{number.name} to the group", sent(number, ""), ("stage", "worker", "dvc"), fails=True
    )
    for program in ("worker", "manager"):
        yield Fault(
            f"{number.name} to a {program}",
            sent(number, program),
            ("worker",),
            stages=TRAININGS,
            jobs=(2,),
        )


FAULTS = [
    row
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
    for row in rows(number)
]
