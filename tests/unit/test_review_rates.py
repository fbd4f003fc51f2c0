"""How often a review is wrong, and how often it finds: by trainings made up outside its model."""

import re

import numpy as np
import pytest
from scipy import stats

from digitbench.statistics import seeds as statistics
from digitbench.statistics.power import Noise
from digitbench.statistics.seeds import HEADLINE_SHARE
from trainings import IMAGES, NETWORKS, SEEDS, Project, found, rates

RUNS = 500


def stated() -> dict[int, list[float]]:
    """The table in the docstring: per number of seeds, the rates of the same and other seeds."""
    rows = re.findall(r"^ +(\d+)((?: +\d+\.\d){6}) +(\d+)$", statistics.__doc__ or "", re.MULTILINE)
    return {int(n): [float(c) / 100 for c in (*cells.split(), power)] for n, cells, power in rows}


def test_no_rate_is_above_five_percent() -> None:
    table = stated()
    assert list(table) == list(SEEDS)
    assert max(rate for cells in table.values() for rate in cells[:6]) <= 0.05


@pytest.mark.parametrize("same", [True, False])
def test_reviews_are_wrong_as_rarely_as_the_docstring_says(same: bool) -> None:
    cells = stated()[4][:3] if same else stated()[4][3:6]
    measured = rates(Project(4, same), RUNS)
    assert max(measured) <= 0.05
    for rate, share in zip(measured, cells, strict=True):
        low, high = stats.binom.ppf([0.0005, 0.9995], RUNS, share)
        assert low <= RUNS * rate <= high


@pytest.mark.parametrize("seeds", [4, 10])
def test_a_loss_is_found_as_often_as_power_says(seeds: int) -> None:
    share = found(seeds, RUNS)
    assert share == pytest.approx(stated()[seeds][6], abs=0.07)
    loss = 0.3 * NETWORKS["cnn"][0]
    project = Project(3_000, errors=loss * IMAGES, changed=("cnn",))
    before, after = project.metrics("cnn", np.random.default_rng(0))["accuracy"]
    noise = Noise(float((after - before).var(ddof=1)))
    # At the first step of Holm's method over four architectures; later ones find a little more.
    assert noise.power(loss, seeds, HEADLINE_SHARE * 0.05 / 4) == pytest.approx(share, abs=0.07)
