"""What several networks' probabilities come to."""

import numpy as np
import pytest

from digitbench.predict.answers import percent, verdicts


def row(**shares: float) -> list[float]:
    """Probabilities of the ten digits: those given, `d7=0.9`, and equal shares of the rest."""
    given = {int(name[1:]): share for name, share in shares.items()}
    rest = (1 - sum(given.values())) / (10 - len(given))
    return [given.get(digit, rest) for digit in range(10)]


def test_an_answer_is_that_of_the_mean_over_seeds() -> None:
    # Two of three seeds say 3, but the third is much surer of its 8.
    seeds = [row(d3=0.5, d8=0.4), row(d3=0.5, d8=0.4), row(d8=0.97)]
    (verdict,) = verdicts({"mlp": np.array(seeds)[:, None]})
    answer = verdict.answers["mlp"]
    assert (answer.digit, answer.seeds, answer.agreeing) == (8, 3, 1)
    assert answer.probability == pytest.approx((0.4 + 0.4 + 0.97) / 3)
    assert answer.probabilities == pytest.approx(np.mean(seeds, axis=0))


def test_images_and_architectures_keep_their_order_with_any_number_of_seeds() -> None:
    cnn = np.array([[row(d1=0.99), row(d2=0.99)]])
    mlp = np.array([[row(d4=0.99), row(d5=0.99)], [row(d4=0.99), row(d6=0.98)]])
    found = verdicts({"cnn": cnn, "mlp": mlp})
    assert [list(verdict.answers) for verdict in found] == [["cnn", "mlp"]] * 2
    digits = [[answer.digit for answer in verdict.answers.values()] for verdict in found]
    assert digits == [[1, 4], [2, 5]]
    assert found[1].answers["mlp"].agreeing == 1


def test_the_majority_of_architectures_decides_and_probability_breaks_ties() -> None:
    most = verdicts({"a": _one(d1=0.4), "b": _one(d1=0.4), "c": _one(d7=0.99)})[0]
    assert (most.digit, most.agreeing) == (1, 2)
    tie = verdicts({"a": _one(d1=0.6), "b": _one(d7=0.9)})[0]
    assert (tie.digit, tie.agreeing) == (7, 1)


def test_doubts_are_named() -> None:
    assert verdicts({"a": _one(d1=0.95), "b": _one(d1=0.9)})[0].warnings == ()
    torn = np.array([[row(d1=0.99)], [row(d2=0.2, d1=0.1)]])
    found = verdicts({"a": _one(d1=0.95), "b": _one(d7=0.5), "c": torn})[0].warnings
    assert found == (
        "the architectures disagree (a 1, b 7, c 1)",
        "unsure: b 50.0% by 1 of 1 seeds, c 54.5% by 1 of 2 seeds",
    )


@pytest.mark.parametrize(
    ("share", "text"), [(1, "100.0%"), (0.99999, "99.9%"), (0.29, "29.0%"), (0.1, "10.0%")]
)
def test_nearly_certain_isnt_shown_as_certain(share: float, text: str) -> None:
    assert percent(share) == text


def _one(**shares: float) -> np.ndarray:
    return np.array([[row(**shares)]])
