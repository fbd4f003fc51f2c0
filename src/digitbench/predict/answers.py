"""What networks say to single images: answers, how sure they are, and whether they agree."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Mean probability of an answer below which it counts as unsure.
SURE = 0.9


@dataclass(frozen=True)
class Answer:
    """One architecture's answer to one image."""

    digit: int
    probabilities: tuple[float, ...]  # of the ten digits, means over the seeds
    seeds: int
    agreeing: int  # seeds whose own answer is the digit

    @property
    def probability(self) -> float:
        """Mean probability of the answer over the seeds."""
        return self.probabilities[self.digit]

    @property
    def sure(self) -> bool:
        """Whether all seeds agree, and with a high probability."""
        return self.agreeing == self.seeds and self.probability >= SURE


@dataclass(frozen=True)
class Verdict:
    """All architectures' answers to one image, in the order of the parameters."""

    answers: dict[str, Answer]

    @property
    def digit(self) -> int:
        """The answer of most architectures; of as many each, that of the higher probabilities."""
        votes = Counter(answer.digit for answer in self.answers.values())
        means = np.mean([answer.probabilities for answer in self.answers.values()], axis=0)
        return max(votes, key=lambda digit: (votes[digit], float(means[digit])))

    @property
    def agreeing(self) -> int:
        """How many architectures give that answer."""
        return sum(answer.digit == self.digit for answer in self.answers.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the answer, as clauses."""
        found = []
        if self.agreeing < len(self.answers):
            given = (f"{name} {answer.digit}" for name, answer in self.answers.items())
            found.append(f"the architectures disagree ({', '.join(given)})")
        unsure = [_doubt(name, answer) for name, answer in self.answers.items() if not answer.sure]
        if unsure:
            found.append(f"unsure: {', '.join(unsure)}")
        return tuple(found)


def verdicts(predicted: Mapping[str, NDArray[np.floating]]) -> list[Verdict]:
    """Answers image by image.

    Args:
        predicted: Per architecture the probabilities [S, N, 10] of S seeds for N images; S may
            differ between architectures.
    """
    columns = {name: _answers(stack) for name, stack in predicted.items()}
    return [
        Verdict(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    ]


def percent(probability: float) -> str:
    """A share in per cent, rounded down: nearly certain isn't certain."""
    return f"{math.floor(round(probability * 1000, 6)) / 10:.1f}%"


def _answers(stack: NDArray[np.floating]) -> list[Answer]:
    means = stack.mean(axis=0, dtype=np.float64)  # [N, 10]
    digits = means.argmax(axis=1)
    agreeing = (stack.argmax(axis=2) == digits).sum(axis=0)
    return [
        Answer(int(digit), tuple(row.tolist()), len(stack), int(count))
        for digit, row, count in zip(digits, means, agreeing, strict=True)
    ]


def _doubt(name: str, answer: Answer) -> str:
    seeds = f"{answer.agreeing} of {answer.seeds} seeds"
    return f"{name} {percent(answer.probability)} by {seeds}"
