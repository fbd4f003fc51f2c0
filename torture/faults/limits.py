"""Less than a program wants of memory, open files, or the size of a file."""

from torture.base import TRAININGS
from torture.fault import Act, Fault, Steps
from torture.round import Round


def limited(option: str, *amounts: int) -> Act:
    """The run under one of these limits of the shell."""

    def act(round: Round) -> Steps:
        limit = f"ulimit {option} {round.draw.choice(amounts)}"
        round.prefix = ["sh", "-c", f'{limit} && exec "$@"', "sh"]
        yield

    return act


FAULTS = [
    Fault("ulimit -n: few open files", limited("-n", 32, 48, 64)),
    # In blocks of 512 bytes.
    Fault("ulimit -f: small files", limited("-f", 1, 20, 100, 1_000)),
    Fault("ulimit -v: little address space", limited("-v", 500_000, 1_500_000, 3_000_000)),
    Fault("ulimit -u: few processes", limited("-u", 1), stages=TRAININGS, jobs=(2,)),
]
