"""Who trained there and who trains here: both fingerprints, and what explains other bytes."""

from collections.abc import Iterator, Mapping
from typing import Any

from digitbench.results.receipts import kind_of
from digitbench.review.revisions import flatten
from digitbench.verification.claims import Training

# Facts of a replicate that a machine has. Other code or data explain nothing: a commit has its own.
_MACHINE = ("torch", "processor", "variables", "threads")
_RESOLVED = ("precision", "device", "arithmetic")
# Of the environment, what could choose other kernels where torch tells of none, or draw other
# numbers. Portable arithmetic promises the same bytes in spite of the first.
_ENVIRONMENT = ("torch", "hardware", "numpy", "python", "system")
_ABSENT = "not recorded"

Row = tuple[str, str, str]  # an attribute, there, here


def fingerprint(training: Training) -> dict[str, str]:
    """What computed a training, by attribute: what was resolved first, then torch, processor."""
    recipe = training.account.recipe
    resolved = {name: str(getattr(recipe, name)) for name in _RESOLVED}
    facts = {name: _told(training.clock.facts.get(name)) for name in _MACHINE}
    flat = {key: value for name, fact in facts.items() for key, value in _flat(name, fact)}
    environment = training.clock.environment
    own = {name: environment.get(name, _ABSENT) for name in _ENVIRONMENT}
    own["hardware"] = kind_of(own["hardware"])
    return resolved | flat | {f"environment.{name}": value for name, value in own.items()}


def _told(fact: Any) -> Any:
    return _ABSENT if fact is None else fact


def _flat(name: str, fact: Any) -> Iterator[tuple[str, str]]:
    if isinstance(fact, Mapping):
        yield from flatten(fact, f"{name}.").items()
    else:
        yield name, str(fact)


def differences(there: Training, here: Training) -> list[Row]:
    """Attributes that explain other bytes, the most telling first; empty if none does."""
    old, new = fingerprint(there), fingerprint(here)
    portable = here.account.recipe.arithmetic == there.account.recipe.arithmetic == "portable"
    rows = []
    for name in dict.fromkeys((*old, *new)):
        sides = old.get(name, "no"), new.get(name, "no")
        unknown = _ABSENT in (old.get(name.partition(".")[0]), *sides)
        if sides[0] == sides[1] or unknown or (portable and name == "environment.hardware"):
            continue
        rows.append((name, *sides))
    return rows


def side_by_side(there: Training, here: Training) -> list[Row]:
    """Both fingerprints: what says who it is, and all that differs."""
    old, new = fingerprint(there), fingerprint(here)
    always = (*_RESOLVED, "torch", "processor.kernels", "threads", "environment.hardware")
    return [
        (name, old.get(name, "no"), new.get(name, "no"))
        for name in dict.fromkeys((*old, *new))
        if name in always or old.get(name, "no") != new.get(name, "no")
    ]
