import numpy as np
import pytest

from digitbench.figures.accuracy import pair_differences
from digitbench.figures.cost import error_against_cost, growth, growth_exponent, pareto_front
from digitbench.figures.domains import domain_accuracy
from digitbench.figures.style import COLOURS, MUTED, to_svg
from digitbench.wording import NAMES
from figure_data import ALL, VERDICTS, cost_data, domain_data, growth_data, legend_of, texts


def test_pareto_front_matches_brute_force() -> None:
    generator = np.random.default_rng(11)
    for _ in range(200):
        # Few distinct values, so that ties and equal points are common.
        cost, error = generator.integers(0, 6, (2, generator.integers(1, 12)))
        pairs = list(zip(cost.tolist(), error.tolist(), strict=True))
        expected = [
            index
            for index, (c, e) in enumerate(pairs)
            if not any(a <= c and b <= e and (a, b) != (c, e) for a, b in pairs)
        ]
        front = pareto_front(cost, error)
        assert sorted(front.tolist()) == expected
        assert (np.diff(cost[front]) >= 0).all()
    assert pareto_front([], []).tolist() == []


@pytest.mark.parametrize("names", [ALL, ("rnn",)])
def test_cost_labels_every_point_and_steps_along_the_front(names: tuple[str, ...]) -> None:
    points = cost_data(names)
    points.loc[0, ["error_low", "error_high"]] = np.nan  # one seed: no interval
    panels = error_against_cost(points).axes
    for axes, column in zip(panels, ("multiply_accumulates", "seconds_per_epoch"), strict=True):
        assert texts(axes) == [NAMES[name] for name in names]
        (front,) = axes.lines
        # Every made-up point is on the front: an upright, a level per point, the right edge.
        assert len(front.get_xdata()) == len(names) + 2
        np.testing.assert_allclose(front.get_xdata()[1:-1], points[column])
        np.testing.assert_allclose(front.get_ydata()[1:-1], 100 * points["error"])
        assert front.get_drawstyle() == "steps-post"  # a budget buys the point to its left
        assert axes.get_xscale() == "log"


def test_cost_of_a_faultless_network_has_an_axis() -> None:
    points = cost_data(("mlp",)).assign(error=0.0, error_low=np.nan, error_high=np.nan)
    assert error_against_cost(points).axes[0].get_ylim() == (0, 1)


def test_growth_exponent_recovers_a_power() -> None:
    sides = np.array([28, 56, 112])
    assert growth_exponent(sides, 7 * sides**1.5) == pytest.approx(1.5)
    assert growth_exponent([28], [100]) is None


@pytest.mark.parametrize("names", [ALL, ("mlp",)])
def test_growth_tells_slopes(names: tuple[str, ...]) -> None:
    parameters, operations = growth(growth_data(names, (28, 56, 112))).axes
    assert legend_of(parameters) == [
        f"{NAMES[name]}, slope {order + 1}.0" for order, name in enumerate(names)
    ]
    assert legend_of(operations) == [f"{NAMES[name]}, slope 2.0" for name in names]
    assert len(parameters.lines) == len(operations.lines) == len(names)


def test_growth_of_one_side_claims_no_slope() -> None:
    for axes in growth(growth_data(ALL, (28,))).axes:
        assert legend_of(axes) == [NAMES[name] for name in ALL]
        assert [len(line.get_xdata()) for line in axes.lines] == [1] * 4


@pytest.mark.parametrize("names", [ALL, ("lstm",)])
@pytest.mark.parametrize("half_width", [0.01, np.nan])
def test_domains_have_a_row_each_and_a_dot_per_architecture(
    names: tuple[str, ...], half_width: float
) -> None:
    home = dict.fromkeys(names, 0.98)
    figure = domain_accuracy(domain_data(names, half_width), home)
    (axes,) = figure.axes
    to_svg(figure)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "USPS\nstretched",
        "USPS\nboxed",
        "optical digits\nstretched",
        "optical digits\nboxed",
    ]
    dots = [c for c in axes.collections if c.get_label() in NAMES.values()]
    assert [c.get_label() for c in dots] == [NAMES[name] for name in names]
    marks = [c for c in axes.collections if c not in dots and len(c.get_offsets()) == 4]
    assert len(marks) == len(names)
    for mark, collection in zip(marks, dots, strict=True):
        np.testing.assert_allclose(np.asarray(mark.get_offsets())[:, 0], 98)
        offsets = np.asarray(collection.get_offsets())
        np.testing.assert_allclose(offsets[:, 0], 70)
        np.testing.assert_array_equal(np.rint(offsets[:, 1]), [0, 1, 2, 3])
    assert len({tuple(c.get_offsets()[0]) for c in dots}) == len(names)  # side by side


def test_pairs_take_the_colour_of_the_better_or_grey() -> None:
    (axes,) = pair_differences(VERDICTS).axes
    dots = axes.collections[1::2]
    shown = ["#" + "".join(f"{round(255 * c):02x}" for c in d.get_facecolor()[0][:3]) for d in dots]
    assert shown == [COLOURS["cnn"], COLOURS["mlp"], MUTED]
    assert [d.get_offsets()[0][0] for d in dots] == pytest.approx([1.1, -0.4, 0.1])
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "CNN − MLP: higher",
        "RNN − MLP: lower",
        "LSTM − RNN: no evidence",
    ]
    assert texts(axes) == ["+1.10", "p < 0.001", "−0.40", "p = 0.004", "+0.10", "p = 0.400"]


def test_no_pairs_leave_the_zero_line_alone() -> None:
    figure = pair_differences([])
    to_svg(figure)
    assert len(figure.axes[0].lines) == 1
    assert texts(figure.axes[0]) == []
