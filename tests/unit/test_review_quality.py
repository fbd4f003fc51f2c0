"""Families of comparisons: who is compared with what, and how rarely noise becomes a verdict."""

import json
from collections import Counter

import numpy as np
import pytest

from digitbench.params import ARCHITECTURES
from digitbench.results.records import ModelRecord
from digitbench.review.quality import Quality, compare_quality
from digitbench.review.revisions import File, Snapshot, Stage
from digitbench.statistics.seeds import Verdict
from review_data import LEVEL, LOSSES, PerSeed, conditions, encoded, per_seed, record, snapshot

HEADLINE = ("accuracy", "macro_f1", *LOSSES)


def plus(by: float, values: PerSeed = LEVEL) -> PerSeed:
    noise = np.random.default_rng(7).normal(0, abs(by) / 40, len(values))
    return {seed: value + by + e for (seed, value), e in zip(values.items(), noise, strict=True)}


def compared(before: ModelRecord | PerSeed, after: ModelRecord | PerSeed) -> Quality:
    return compare_quality(snapshot({"cnn": before}), snapshot({"cnn": after}))


def verdicts(quality: Quality) -> dict[str, str]:
    return {row.metric.key: row.change.verdict.value for row in quality.headline}


def test_losses_are_better_when_lower() -> None:
    assert verdicts(compared(LEVEL, plus(0.01))) == dict.fromkeys(HEADLINE, "better")
    assert verdicts(compared(plus(0.01), LEVEL)) == dict.fromkeys(HEADLINE, "worse")


@pytest.mark.parametrize(("change", "expected"), [(0.01, "worse"), (-0.01, "better")])
def test_one_loss_alone_gets_its_own_verdict(change: float, expected: str) -> None:
    losses = {seed: 1 - value for seed, value in LEVEL.items()}
    quality = compared(LEVEL, record(LEVEL, ece=plus(change, losses)))
    assert verdicts(quality) == {**dict.fromkeys(HEADLINE, "same"), "ece": expected}


def test_architectures_on_one_side_are_named_and_not_compared() -> None:
    before, after = {"mlp": LEVEL, "cnn": LEVEL}, {"cnn": LEVEL, "gru": LEVEL}
    quality = compare_quality(snapshot(before), snapshot(after))
    assert quality.added == ["gru"]
    assert quality.removed == ["mlp"]
    assert {row.architecture for row in quality.headline} == {"cnn"}


def test_metric_of_one_side_is_unknown() -> None:
    quality = compared(record(LEVEL, ece=None), plus(0.01))
    row = quality.headline[-1]
    assert (row.metric.key, row.change.verdict) == ("ece", "unknown")
    assert row.change.reason == "not measured before"
    assert row.change.before is None
    assert row.change.after is not None
    assert verdicts(quality)["accuracy"] == "better"


def test_other_test_images_leave_no_verdict() -> None:
    quality = compared(LEVEL, record(plus(0.01), images=5_000))
    assert set(verdicts(quality).values()) == {"unknown"}
    assert "10,000 images before and 5,000 after" in quality.accuracy[0].change.reason
    shifted = json.loads(encoded(record(plus(0.01))))
    counts = shifted["protocols"]["test"]["confusion"]["counts"]
    counts[0][0] += 4
    counts[1][1] -= 4  # one image of another class per seed
    quality = compared(LEVEL, ModelRecord.parse(encoded(shifted), "made up"))
    assert set(verdicts(quality).values()) == {"unknown"}


@pytest.mark.parametrize("path", ["data/raw/t10k-labels-idx1-ubyte", "data/processed/test"])
@pytest.mark.parametrize(("digest", "expected"), [("a", "better"), ("b", "unknown")])
def test_other_test_files_in_the_lock_leave_no_verdict(
    path: str, digest: str, expected: str
) -> None:
    def locked(accuracy: PerSeed, md5: str) -> Snapshot:
        stages = {"preprocess": Stage(deps=[File(path=path, md5=md5)])}
        return snapshot({"cnn": accuracy}, stages=stages)

    quality = compare_quality(locked(LEVEL, "a"), locked(plus(0.01), digest))
    assert verdicts(quality)["accuracy"] == expected


def test_halves_of_the_level_are_adjusted_apart() -> None:
    rng = np.random.default_rng(2)
    before, after = (
        snapshot({name: per_seed(*rng.normal(0.98, 0.001, 4)) for name in ARCHITECTURES})
        for _ in range(2)
    )
    quality = compare_quality(before, after)
    for rows in (quality.accuracy, quality.others):
        smallest = min(rows, key=lambda row: row.change.p_value or 1)
        assert smallest.change.p_value is not None
        assert smallest.change.p_value_holm == pytest.approx(
            min(2 * len(rows) * smallest.change.p_value, 1)
        )


# --- robustness and domains ------------------------------------------------------------------


def test_robustness_is_a_family_of_its_own() -> None:
    worse = conditions(1000, mean=LEVEL, blur=plus(-0.2), noise=LEVEL)
    quality = compare_quality(
        snapshot({"cnn": LEVEL}, robustness=conditions(1000, mean=LEVEL, blur=LEVEL)),
        snapshot({"cnn": LEVEL}, robustness=worse),
    )
    assert quality.robustness is not None
    found = {row.condition: row.change for row in quality.robustness}
    assert {kind: change.verdict.value for kind, change in found.items()} == {
        "mean": "same",
        "blur": "worse",
    }
    assert found["blur"].p_value_holm == found["blur"].p_value, "the only one that was tested"
    assert quality.domains is None, "no such file"


def test_other_number_of_corrupted_images_leaves_no_verdict() -> None:
    quality = compare_quality(
        snapshot({"cnn": LEVEL}, robustness=conditions(1000, mean=LEVEL)),
        snapshot({"cnn": LEVEL}, robustness=conditions(500, mean=plus(-0.1))),
    )
    assert quality.robustness is not None
    assert [row.change.verdict for row in quality.robustness] == [Verdict.UNKNOWN]


def test_domains_are_compared_where_both_have_them() -> None:
    one = {"usps": conditions(2007, box=LEVEL)}
    two = {"usps": conditions(2007, box=plus(-0.1), stretch=LEVEL), "more": one["usps"]}
    quality = compare_quality(
        snapshot({"cnn": LEVEL}, domains=one), snapshot({"cnn": LEVEL}, domains=two)
    )
    assert quality.domains is not None
    assert [(row.condition, row.change.verdict.value) for row in quality.domains] == [
        ("usps, box", "worse")
    ]


# --- how often noise speaks ------------------------------------------------------------------

# Spread between seeds as in the committed results: accuracy, then log loss, Brier score, ECE; the
# latter three follow accuracy more or less.
SPREAD = {"mlp": 0.0013, "cnn": 0.0008, "rnn": 0.0042, "lstm": 0.0020}
FOLLOWS = {"nll": (-2.0, 1.0), "brier": (-1.4, 0.4), "ece": (-0.3, 0.5)}


def noise(rng: np.random.Generator) -> Snapshot:
    records = {}
    for name, spread in SPREAD.items():
        luck = rng.normal(0, spread, 4)
        records[name] = record(
            per_seed(*np.round(0.98 + luck, 4)),
            macro_f1=per_seed(*(0.98 + luck + rng.normal(0, spread / 30, 4))),
            **{
                loss: per_seed(*(0.1 + slope * luck + rng.normal(0, own * spread, 4)))
                for loss, (slope, own) in FOLLOWS.items()
            },
        )
    return snapshot(records)


def review_of_noise(rng: np.random.Generator) -> Counter[Verdict]:
    quality = compare_quality(noise(rng), noise(rng))
    assert len(quality.headline) == 20
    return Counter(row.change.verdict for row in quality.headline)


def test_twenty_reviews_of_noise_stay_quiet() -> None:
    rng = np.random.default_rng(20)
    total = sum((review_of_noise(rng) for _ in range(20)), Counter())
    assert total[Verdict.BETTER] + total[Verdict.WORSE] <= 2
    assert total[Verdict.UNKNOWN] == 0
    assert 0 < total[Verdict.SAME] < 20 * 4, "of accuracy alone, and not of all"
