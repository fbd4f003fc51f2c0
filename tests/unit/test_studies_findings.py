"""Answers to what the papers ask: what they say is what was measured."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import studies_data as data
from digitbench.results.clocks import Latency, LatencyRecord, Quartiles, Seconds
from digitbench.results.records import ModelRecord, RobustnessRecord
from digitbench.statistics.factorial import Decomposition, Estimate
from digitbench.studies.findings import Asked, answer
from digitbench.studies.ours import MainResults, Measured
from digitbench.studies.phrases import gap_sentence
from digitbench.studies.published import Published

Told = Callable[[str, str, Measured], str]


@pytest.fixture
def told(studies: dict[str, Published]) -> Told:
    """The answer of a study to one of its questions."""

    def tell(name: str, key: str, measured: Measured) -> str:
        question = next(q for q in studies[key].questions if q.answer == name)
        return answer(Asked(key, studies[key], question, measured))

    return tell


EPOCHS = ("cnn_10", "cnn_15")


def of_nguyen(**variants: ModelRecord) -> Measured:
    return Measured(variants={"nguyen2026": variants})


def curves(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    columns = ["architecture", "corruption", "strength", "seed", "accuracy"]
    return pd.DataFrame(rows, columns=columns)


# --- scores ------------------------------------------------------------------------------------


def test_pooling_is_told_by_three_scores(told: Told, measured: Measured) -> None:
    text = told("pooling", "nguyen2026", measured)
    assert text.startswith("Because the two come from different networks")
    for variant in ("mlp", "cnn"):
        protocols = measured.variants["nguyen2026"][variant].protocols
        pooled = 100 * protocols["pooled"].metrics["macro_f1"].mean
        kept = 100 * protocols["validation"].metrics["macro_f1"].mean
        accuracy = 100 * protocols["validation"].metrics["accuracy"].mean
        assert (
            f"macro F1 {pooled:.2f} % pooled over the epochs, {kept:.2f} % for the last weights, "
            f"whose accuracy is {accuracy:.2f} %."
        ) in text


def test_pooling_is_not_blamed_where_it_costs_nothing(told: Told) -> None:
    record = data.record("nguyen2026", "mlp")
    protocols = {**record.protocols, "pooled": record.protocols["validation"]}
    same = record.model_copy(update={"protocols": protocols})
    text = told("pooling", "nguyen2026", of_nguyen(mlp=same))
    assert text.startswith("Pooling the epochs does not explain it here. MLP: macro F1 ")


def test_who_is_better_is_said_only_of_an_interval_without_zero(
    told: Told, measured: Measured
) -> None:
    text = told("ranking", "nguyen2026", measured)
    assert re.match(r"CNN is more accurate than MLP: \+1\.\d\d \(.*\) points, adjusted p ", text)
    same = measured.variants["nguyen2026"]["mlp"]
    equal = told("ranking", "nguyen2026", of_nguyen(mlp=same, cnn=same))
    assert equal.startswith("No evidence of a difference between ")
    single = {name: data.record("nguyen2026", name, (3,)) for name in ("mlp", "cnn")}
    alone = told("ranking", "nguyen2026", of_nguyen(**single))
    assert alone == "One seed does not tell whether CNN or MLP is the better."


def test_scores_that_look_identical_are_told_with_more_digits(
    told: Told, measured: Measured
) -> None:
    text = told("equal_scores", "toyobo2025", measured)
    metrics = measured.variants["toyobo2025"]["lstm"].metrics
    means = [100 * metrics[f"macro_{score}"].mean for score in ("precision", "recall", "f1")]
    assert f"LSTM: at most {max(means) - min(means):.4f} points apart" in text


def test_longer_training_is_compared_by_seed(told: Told, measured: Measured) -> None:
    scores = [measured.variants["pavon2025"][name].test.metrics["accuracy"] for name in EPOCHS]
    shorter, longer = (np.array(list(own.per_seed.values())) for own in scores)
    difference = 100 * float((longer - shorter).mean())
    text = told("epochs", "pavon2025", measured)
    assert f"{abs(difference):.2f} (" in text
    assert text.endswith(") points, paired by seed.")
    assert "CNN, 15 epochs" in text


# --- the ten digits ----------------------------------------------------------------------------


def test_the_classes_are_counted_without_the_test_set(told: Told) -> None:
    counts = pd.DataFrame(
        {
            "part": ["train"] * 2 + ["validation"] * 2 + ["test"] * 2,
            "digit": [0, 1] * 3,
            "images": [10, 20, 1, 2, 1000, 1],
        }
    )
    measured = Measured(main=MainResults(class_counts=counts))
    text = told("class_balance", "report2002", measured)
    assert "of 33 training images 11 show a 0 and 22 a 1, 2.00 times" in text


def test_confusions_are_named_by_rate_and_pairs_ranked_by_count(
    told: Told, measured: Measured
) -> None:
    text = told("confused_pairs", "pavon2025", measured)
    total = np.array(measured.variants["pavon2025"]["cnn_10"].test.confusion.total)
    off = total - np.diag(np.diag(total))
    rates = 100 * off / total.sum(axis=1, keepdims=True)
    true, taken = np.unravel_index(rates.argmax(), off.shape)
    sentence = next(s for s in text.split("CNN, ") if s.startswith("10 epochs"))
    assert f"10 epochs: {true} taken for {taken} ({rates.max():.2f} %)" in sentence
    pairs = np.triu(off + off.T)
    above = int((pairs > pairs[4, 9]).sum())
    rank = re.search(r"; 4 with 9 ranks (\d+) and 3 with 5 ranks \d+ of 45\.", sentence)
    assert rank is not None
    ties = int((pairs == pairs[4, 9]).sum())
    assert above < int(rank[1]) <= above + ties


# --- time --------------------------------------------------------------------------------------


def test_speed_names_the_fastest_for_one_image_and_for_many(told: Told) -> None:
    def speed(milliseconds: float, rate: float) -> Latency:
        one, many = (
            Quartiles(median=value, q1=0.9 * value, q3=1.2 * value)
            for value in (milliseconds, rate)
        )
        counts = {"single_images": 1, "images": 1, "batch_size": 100, "passes": 1}
        return Latency(milliseconds_per_image=one, images_per_second=many, **counts)

    models = {
        name: data.record("toyobo2025", name).model_copy(update={"macs": macs})
        for name, macs in (("cnn", 4000), ("lstm", 2000))
    }
    latency = LatencyRecord(models={"cnn": speed(0.2, 1000), "lstm": speed(0.5, 3000)})
    measured = Measured(main=MainResults(models=models, latency=latency))
    text = told("inference_speed", "toyobo2025", measured)
    # The quartiles of a ratio of medians: times 0.9 / 1.2 and 1.2 / 0.9.
    assert (
        "For one image CNN is 2.50 (1.88 to 3.33) times as fast as LSTM, in batches of 100 " in text
    )
    assert "LSTM is 3.00 (2.25 to 4.00) times as fast as CNN, on one thread of" in text
    assert text.endswith("Multiply-accumulates per image: CNN 4,000 and LSTM 2,000.")
    near = latency.model_copy(
        update={"models": {"cnn": speed(1.0, 1000), "lstm": speed(1.05, 1050)}}
    )
    alike = told("inference_speed", "toyobo2025", Measured(main=MainResults(models, near)))
    assert alike.startswith(
        "For one image CNN and LSTM are about equally fast, 1.05 (0.79 to 1.40), "
    )


def test_training_times_stand_beside_the_published_ratio(told: Told) -> None:
    timing = {"nguyen2026": {"mlp": data.timing(2.0), "cnn": data.timing(9.0)}}
    slow = timing["nguyen2026"]["cnn"]
    seconds = Seconds(median=9.0, per_seed={0: 8.0, 1: 10.0})
    timing["nguyen2026"]["cnn"] = slow.model_copy(update={"seconds_per_epoch": seconds})
    assert told("training_time", "nguyen2026", Measured(timing=timing)) == (
        "An epoch takes CNN 4.50 (4.00 to 5.00) times as long as MLP, 2 replicates at once on a "
        f"machine. The paper's times make it {12.6 / 10.8:.1f} times."
    )


# --- digits that are not quite MNIST's ---------------------------------------------------------


def test_slight_distortions_are_those_of_the_curves(told: Told, measured: Measured) -> None:
    text = told("distortions", "nguyen2026", measured)
    assert measured.main.corruptions is not None
    shifted = measured.main.corruptions.query("corruption == 'shift' and strength == 2")
    for name in ("mlp", "cnn"):
        chosen = shifted[shifted["architecture"] == name]
        assert f"to {100 * chosen['accuracy'].mean():.1f} %" in text
    assert re.search(r"Shifted by 2 pixels: MLP from [^(]*\(not robust\)", text)
    # The invented effect: half of 0.7 - 0.6 + 0.95 - 0.8; means with the mean seed in thousandths.
    assert "over all corruptions by +12.50 (+12.37 to +12.63) points" in text
    assert "It helps against shift (+12.50), " in text


def test_where_augmentation_hurts_is_told(told: Told) -> None:
    record = data.robustness(harmful="noise")
    effects = {key: list(table) for key, table in (record.effects or {}).items()}
    place = next(i for i, e in enumerate(effects["blur"]) if e.factors == ("augmentation",))
    effect = effects["blur"][place]
    estimate = Estimate(effect.estimate.value, 0.0, 0.2, p_value=0.3)
    effects["blur"][place] = type(effect)(effect.factors, estimate)
    changed = record.model_copy(update={"effects": effects})
    text = told("distortions", "nguyen2026", Measured(robustness=changed))
    assert text.endswith("; it hurts under noise (−20.00); it leaves open blur (+12.50).")


def test_a_loss_is_judged_by_its_interval(told: Told) -> None:
    losses = {"shift": (0.0, 0.001, 0.002), "rotation": (0.0, 0.009, 0.02)}
    strengths = {"shift": (0.0, 1.0, 2.0), "rotation": (0.0, 10.0)}
    rows = [
        (name, corruption, s, seed, 0.9 - (loss if s else 0) - (0.1 if s == 2 else 0))
        for name in ("mlp", "cnn")
        for corruption, by_seed in losses.items()
        for seed, loss in enumerate(by_seed)
        for s in strengths[corruption]
    ]
    record = RobustnessRecord(images=1000, units={}, accuracy={})
    main = MainResults(robustness=record, corruptions=curves(rows))
    text = told("distortions", "nguyen2026", Measured(main=main))
    verdicts = re.findall(r"CNN from [^(]*\(([^)]+)\)", text)
    assert verdicts == ["robust", "not robust", "undecided"]
    assert "augmentation" not in text


def test_the_gap_on_usps_is_split_without_a_rest(told: Told, measured: Measured) -> None:
    text = told("usps_attribution", "pedrogiu13", measured)
    assert "The published gap is 56.27 points." in text
    found = re.findall(
        r"changes by ([+−][\d.]+) .*?architecture ([+−][\d.]+) \(.*?; (\d+) %\).*?"
        r"augmentation ([+−][\d.]+) \(.*?; (\d+) %\)\.",
        text,
    )
    numbers = [[float(n.replace("−", "-")) for n in line if n] for line in found]
    # Architecture 0.2, the seeds' mean of 0.01 x seed, half of the interaction with augmentation,
    # -0.04, and on the box all of that with it, -0.15; augmentation 0.1 and half of -0.04.
    assert numbers == [
        pytest.approx([27.0, 19.0, 70, 8.0, 30], abs=0.006),
        pytest.approx([12.0, 4.0, 33, 8.0, 67], abs=0.006),
    ]
    assert "moves the MLP without augmentation by +30.00" in text


def gap(half_width: float | None, **parts: float) -> Decomposition:
    def estimate(value: float) -> Estimate:
        reach = () if half_width is None else (value - half_width, value + half_width)
        return Estimate(value, *reach)

    start = {"model": "mlp", "augmentation": False, "mapping": "box"}
    end = {"model": "cnn", "augmentation": True, "mapping": "box"}
    shares = {name: estimate(value) for name, value in parts.items()}
    return Decomposition(start, end, estimate(sum(parts.values())), shares)


@pytest.mark.parametrize(
    ("half_width", "told"),
    [
        (None, "+8.00 points: architecture +1.00 (13 %) and augmentation +7.00 (88 %)."),
        (
            0.005,
            "+8.00 (+7.50 to +8.50) points: architecture +1.00 (+0.50 to +1.50; 13 %) and "
            "augmentation +7.00 (+6.50 to +7.50; 88 %).",
        ),
    ],
)
def test_a_gap_has_its_parts_and_their_shares(half_width: float | None, told: str) -> None:
    assert gap_sentence(gap(half_width, model=0.01, augmentation=0.07)) == (
        "From the MLP without augmentation to the CNN with augmentation, both on digits in the "
        f"20 px box, accuracy changes by {told}"
    )


@pytest.mark.parametrize(
    ("parts", "half_width"),
    [
        ((0.01, -0.01), None),  # no gap
        ((0.03, -0.01), None),  # parts that go different ways
        ((0.01, 0.01), 0.05),  # a gap that may be none
    ],
)
def test_shares_are_told_only_of_a_gap_that_all_parts_make_up(
    parts: tuple[float, float], half_width: float | None
) -> None:
    model, augmentation = parts
    told = gap_sentence(gap(half_width, model=model, augmentation=augmentation))
    assert "%" not in told
