"""A place where something is another here than in the commit."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What is compared, from the strictest: equal bytes have equal numbers, and these verdicts."""

    BYTES = "bytes"
    NUMBERS = "numbers"
    VERDICTS = "verdicts"


@dataclass(frozen=True)
class Mismatch:
    """Where, and both sides as text."""

    level: Level
    place: str
    committed: str
    here: str

    def told(self) -> str:
        """In one line."""
        return f"{self.place}: committed {self.committed}, here {self.here} ({self.level})"
