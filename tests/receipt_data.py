"""A receipt of a made-up verification, as a file has it."""

from typing import Any

from digitbench.results.receipts import Outcome

COMMIT = "c" * 40


def receipt(**other: Any) -> dict[str, Any]:
    """One of two replicates, identical; some of it replaced."""
    hashes = {"data/processed/train": "d" * 32 + ".dir", "models/mlp/seed-1.safetensors": "e" * 64}
    return {
        "schema": 1,
        "commit": COMMIT,
        "locks": {"dvc.lock": "f" * 64},
        "outcome": Outcome.IDENTICAL.value,
        "subset": {"replicates": 1, "of": 2, "drawn_with": 17},
        "expected": hashes,
        "found": hashes,
        "changed": [],
        "environment": {"hardware": "Abacus, 8 cores", "torch": "2.14.1"},
        "facts": {"threads": 1},
        "varied": {"TZ": "UTC"},
        "unchecked": ["timings"],
        **other,
    }
