"""Some replicates are computed twice: equal facts promise equal bytes, and this is what looks.

Which ones is a fixed draw by their key, so that the same run always audits the same ones.
"""

import os
from collections.abc import Iterable, Iterator

from digitbench.errors import DigitbenchError
from digitbench.execution.task import Outcome

VARIABLE = "DIGITBENCH_AUDIT"
# Where several machines compute; one machine isn't audited unless it is asked for.
CLUSTER_SHARE = 0.05


def audited_share(usual: float) -> float:
    """The share of replicates that is computed twice: what the environment says, or the usual.

    Raises:
        DigitbenchError: It isn't a share.
    """
    asked = os.environ.get(VARIABLE, "")
    if not asked:
        return usual
    try:
        share = float(asked)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise DigitbenchError(
            f"{VARIABLE}={asked!r} is not a share. Set a number from 0 (none is computed twice) to "
            "1 (all are), or unset it."
        )
    return share


def is_drawn(key: str, share: float) -> bool:
    """Whether the replicate of a key is audited; a key is a hash, and so as good as a lot."""
    return int(key[:8], 16) < share * 16**8


def compared(outcomes: Iterable[Outcome], audited: set[int]) -> Iterator[Outcome]:
    """Outcomes of trainings, those of audited seeds when both are there and agree.

    Raises:
        DisagreementError: They don't.
    """
    waiting: dict[int, Outcome] = {}
    for outcome in outcomes:
        seed = outcome.replicate.seed
        other = waiting.pop(seed, None)
        if seed not in audited:
            yield outcome
        elif other is None:
            waiting[seed] = outcome
        elif other.replicate.weights != outcome.replicate.weights:
            raise DisagreementError(other, outcome)
        else:
            yield other if outcome.audit else outcome


class DisagreementError(DigitbenchError):
    """Two trainings of the same replicate came to other weights.

    Attributes:
        seed: Of the replicate.
    """

    def __init__(self, one: Outcome, other: Outcome) -> None:
        self.seed = one.replicate.seed
        super().__init__(
            f"Seed {self.seed} was trained twice and came to other weights. Once on "
            f"{_place(one)}; once on {_place(other)}. What they differ in decides bytes and is not "
            "in the key, or one of them computes wrongly. Nothing of it was kept; "
            f"{VARIABLE}=1 and fewer machines find out which."
        )


def _place(outcome: Outcome) -> str:
    told = ", ".join(f"{name} {value}" for name, value in outcome.environment.items())
    return f"{outcome.place} ({told})"
