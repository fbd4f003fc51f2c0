"""Verdicts at their boundaries, and sentences that name the numbers."""

import re
from typing import Any

import pytest

from digitbench.results.studies import Verdict
from digitbench.studies.ours import Ours
from digitbench.studies.published import Number
from digitbench.studies.verdicts import judge


def number(value: str, **keys: Any) -> Number:
    base = {"model": "cnn", "metric": "accuracy", "dataset": "mnist", "protocol": "test"}
    return Number(**{**base, "value": value, "place": "Table 1", **keys})


def ours(low: float, high: float) -> Ours:
    return Ours(mean=(low + high) / 2, low=low, high=high, seeds=5, images=10_000)


# Published value and keys; our interval; verdict; what the sentence calls upon.
CASES: list[tuple[str, dict[str, str], tuple[float, float], Verdict, str]] = [
    # In the interval, its ends included.
    ("98.90", {}, (98.80, 99.00), "reproduced", "lies in our 95 % interval"),
    ("98.80", {}, (98.80, 99.00), "reproduced", "lies in our 95 % interval"),
    ("99.00", {}, (98.80, 99.00), "reproduced", "lies in our 95 % interval"),
    # Rounding touches the interval as it is shown, or falls short of it by a hair.
    ("98.9", {}, (98.953, 99.05), "reproduced", "give or take its rounding, touches"),
    ("98.9", {}, (98.95, 99.05), "reproduced", "give or take its rounding, touches"),
    ("98.9", {}, (98.956, 99.05), "higher", "is higher than"),
    ("98.9", {}, (98.75, 98.85), "reproduced", "give or take its rounding, touches"),
    ("98.9", {}, (98.75, 98.844), "lower", "is lower than"),
    ("98.90", {}, (98.95, 99.05), "higher", "is higher than"),
    ("99.0", {"rounded_to": "1"}, (99.2, 99.4), "reproduced", "give or take its rounding, touches"),
    ("99.0", {}, (99.2, 99.4), "higher", "is higher than"),
    # The paper's ± reaches our mean, or not quite.
    ("97.0", {"spread": "0.9"}, (97.8, 98.0), "reproduced", "reaches our mean"),
    ("97.0", {"spread": "0.9"}, (97.82, 98.0), "higher", "is higher than"),
    ("97.0", {"spread": "0.9"}, (96.0, 96.2), "reproduced", "reaches our mean"),
    ("97.0", {"spread": "0.9"}, (96.0, 96.18), "lower", "is lower than"),
    # A range.
    ("96.6", {"until": "96.9"}, (96.85, 97.2), "reproduced", "overlaps our 95 % interval"),
    ("96.6", {"until": "96.9"}, (96.7, 96.8), "reproduced", "overlaps our 95 % interval"),
    ("96.6", {"until": "96.9"}, (96.96, 97.2), "higher", "is higher than"),
    ("96.6", {"until": "96.9"}, (96.2, 96.5), "lower", "is lower than"),
]


@pytest.mark.parametrize(("value", "keys", "interval", "verdict", "because"), CASES)
def test_the_verdict_and_its_sentence(
    value: str, keys: dict[str, str], interval: tuple[float, float], verdict: str, because: str
) -> None:
    measured = ours(*interval)
    found, reason = judge(number(value, **keys), measured, "test")
    assert (found, because in reason) == (verdict, True), reason
    for text in (value, f"{measured.mean:.2f}", *(f"{end:.2f}" for end in interval), "Table 1"):
        assert text in reason
    assert "5 seeds, test set (10,000 images)" in reason
    assert re.fullmatch(r"[A-Z].*[^.]\.", reason)


def test_one_seed_gives_no_direction() -> None:
    single = Ours(mean=98.5, seeds=1, images=10_000)
    verdict, reason = judge(number("97.0"), single, "test")
    assert verdict == "not comparable"
    assert "97.0" in reason
    assert "98.50, 1 seed," in reason
    assert judge(number("98.5"), single, "test")[0] == "reproduced"
    assert judge(number("97.0", spread="1.5"), single, "test")[0] == "reproduced"


def test_counts_are_equal_or_not() -> None:
    def count(value: str) -> tuple[str, str]:
        stated = number(value, metric="parameters", dataset=None, protocol=None)
        return judge(stated, Ours(mean=1_261_450.0), None)

    assert count("1261450")[0] == "reproduced"
    verdict, reason = count("1261452")
    assert verdict == "lower"
    assert "1,261,452 (Table 1) by 2: 1,261,450." in reason
    assert count("1261449")[0] == "higher"


def test_what_was_not_run_is_said_so() -> None:
    verdict, reason = judge(number("97.7", spread="0.2"), None, "test")
    assert (verdict, reason) == (
        "not comparable",
        "The published 97.7 ± 0.2 (Table 1): not run here.",
    )


def test_what_cannot_be_compared_gives_its_reason_even_where_ours_is_near() -> None:
    stated = number(
        "10.8", metric="seconds_per_epoch", protocol=None, incomparable="the machine differs"
    )
    verdict, reason = judge(stated, Ours(mean=10.8, seeds=3, machine="a laptop"), None)
    assert verdict == "not comparable"
    assert (
        reason == "The published 10.8 (Table 1), ours 10.8, 3 seeds, a laptop: the machine differs."
    )


def test_another_protocol_than_the_paper_is_named() -> None:
    stated = number("98.4", metric="macro_f1", protocol="pooled")
    _, own = judge(stated, ours(98.3, 98.5), "pooled")
    _, other = judge(stated, ours(98.9, 99.1), "test")
    assert "the paper's protocol" not in own
    assert other.endswith(
        "the paper's protocol: validation images, scored after every epoch and added up."
    )


def test_a_trial_is_not_called_published() -> None:
    _, reason = judge(number("38.9"), ours(38.0, 39.0), "test", source="trial's")
    assert reason.startswith("The trial's 38.9")
    assert "published" not in reason
