"""What came of the rounds, fault by fault."""

from collections import defaultdict

from torture.round import Verdict

HEADS = ("rounds", "recovered", "mismatches", "hangs", "tracebacks", "processes", "files", "missed")


class Tally:
    """Counts rounds, not lines: one with five leftovers has leftovers once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(HEADS, 0))
        self.rounds = self.failed = 0

    def add(self, fault: str, verdict: Verdict) -> None:
        """Count a round in."""
        counts = self._counts[fault]
        counts["rounds"] += 1
        self.rounds += 1
        counts["recovered"] += not verdict.unrecovered
        counts["missed"] += not verdict.reached
        for head in HEADS[2:-1]:
            counts[head] += bool(getattr(verdict, head))
        self.failed += bool(verdict.complaints())

    def table(self) -> str:
        """In Markdown, a row per fault and one for all."""
        total = {head: sum(row[head] for row in self._counts.values()) for head in HEADS}
        rows = [*sorted(self._counts.items()), ("all", total)]
        lines = [
            " | ".join(("| fault", *HEADS)) + " |",
            "|---|" + "---:|" * len(HEADS),
            *(
                f"| {name} | " + " | ".join(str(counts[head]) for head in HEADS) + " |"
                for name, counts in rows
            ),
        ]
        return "\n".join(lines)
