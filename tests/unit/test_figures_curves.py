import numpy as np
import pytest

from digitbench.figures.probability import (
    area_text,
    reliability_diagrams,
    risk_coverage,
    roc_curves,
)
from digitbench.figures.robustness import robustness_curves
from digitbench.figures.style import COLOURS, to_svg
from digitbench.wording import NAMES
from figure_data import (
    ALL,
    CORRUPTIONS,
    FIGURES,
    coverage_data,
    legend_of,
    lines_in,
    reliability_data,
    robustness_data,
    roc_data,
    texts,
    titles,
    units,
)


@pytest.mark.parametrize("names", [ALL, ("cnn",)])
def test_roc_has_a_mean_each_and_every_class_below(names: tuple[str, ...]) -> None:
    figure = FIGURES["roc"](names)
    overview, *panels = figure.axes
    assert len(panels) == len(names)
    for order, name in enumerate(names):
        (line,) = lines_in(overview, COLOURS[name])
        # The squares from 0 to 81 have the mean 28.5.
        expected = 1 - (0.1 * order + 28.5 / 900) * (1 - line.get_xdata())
        np.testing.assert_allclose(line.get_ydata(), expected)
        assert line.get_drawstyle() == "steps-post"
        assert len(lines_in(panels[order], COLOURS[name])) == 10 + 1
        assert texts(panels[order]) == ["digit 9"]  # the lowest of the made-up curves
    assert legend_of(figure) == [f"{NAMES[name]}, area 0.99912" for name in names]
    assert overview.get_xscale() == "log"


def test_roc_axis_reaches_down_to_the_lowest_curve() -> None:
    curves = roc_data(("rnn",))
    curves["rnn"]["true_positive_rate"] -= 0.3 * (curves["rnn"]["class"] == 4)
    overview, panel = roc_curves(curves, {"rnn": 0.99}).axes
    assert overview.get_ylim()[0] == pytest.approx(0.8)
    assert 0.4 < panel.get_ylim()[0] < curves["rnn"]["true_positive_rate"].min()
    assert texts(panel) == ["digit 4"]


@pytest.mark.parametrize(
    ("area", "text"),
    [(0.99912, "0.99912"), (0.999994, "0.99999"), (0.999996, "> 0.99999"), (1.0, "1.00000")],
)
def test_area_below_one_is_not_rounded_to_one(area: float, text: str) -> None:
    assert area_text(area) == text


@pytest.mark.parametrize("names", [ALL, ("lstm",)])
def test_reliability_shows_filled_bins_alone(names: tuple[str, ...]) -> None:
    figure = FIGURES["reliability"](names)
    assert len(figure.axes) == 2 * len(names)
    for upper, lower in zip(figure.axes[: len(names)], figure.axes[len(names) :], strict=True):
        _, many, few = upper.collections  # stems, then full and hollow dots
        np.testing.assert_allclose(many.get_offsets(), [[0.7, 0.63], [0.9, 0.81]])
        np.testing.assert_allclose(few.get_offsets(), [[0.3, 0.27]])
        assert len(few.get_facecolor()) == 0
        assert [bar.get_height() for bar in lower.patches] == [0, 5, 0, 200, 9000]
    nothing = reliability_diagrams({"mlp": reliability_data([0, 0, 0])})
    to_svg(nothing)
    assert sum(len(dots.get_offsets()) for dots in nothing.axes[0].collections[1:]) == 0


@pytest.mark.parametrize("names", [ALL, ("mlp",)])
def test_coverage_plots_errors_in_percent(names: tuple[str, ...]) -> None:
    figure = FIGURES["coverage"](names)
    (axes,) = figure.axes
    assert legend_of(figure) == [NAMES[name] for name in names]
    for line in axes.lines:
        np.testing.assert_allclose(line.get_ydata(), [0, 0.01, 0.2, 2], atol=1e-9)
    assert len(axes.collections) == len(names)
    for band in axes.collections:
        ends = band.get_paths()[0].vertices
        right = ends[ends[:, 0] == 100, 1]
        assert (right.min(), right.max()) == pytest.approx((1, 3))
    assert axes.yaxis.get_transform().linthresh == pytest.approx(0.01)


@pytest.mark.parametrize("errors", [[0.0, 0.0, 0.0], [0.01]])
def test_coverage_without_errors_or_with_one_point(errors: list[float]) -> None:
    figure = risk_coverage({"cnn": coverage_data(errors)})
    (axes,) = figure.axes
    to_svg(figure)
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_ydata(), 100 * np.array(errors), atol=1e-9)
    assert line.get_marker() == ("o" if len(errors) == 1 else "None")
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] >= 1


@pytest.mark.parametrize(
    ("names", "seeds", "corruptions", "strengths"),
    [
        (ALL, 3, CORRUPTIONS, (0, 1, 2)),
        (("cnn",), 3, CORRUPTIONS, (0, 1)),
        (ALL, 1, ("blur", "noise"), (0, 1)),
        (ALL, 2, ("shift",), (3,)),
    ],
)
def test_robustness_has_a_panel_each_and_a_line_and_band_per_architecture(
    names: tuple[str, ...], seeds: int, corruptions: tuple[str, ...], strengths: tuple[float, ...]
) -> None:
    results = robustness_data(names, seeds, corruptions, strengths)
    figure = robustness_curves(results, units(corruptions))
    assert titles(figure) == list(corruptions)
    for axes, corruption in zip(figure.axes, corruptions, strict=False):
        assert axes.get_xlabel().replace("\n", " ") == f"unit of {corruption}"
        assert axes.get_ylim() == figure.axes[0].get_ylim()
        assert len(axes.collections) == len(names)
        for name in names:
            (line,) = lines_in(axes, COLOURS[name])
            mean = 98 - 10 * np.array(strengths) - (seeds - 1) / 2
            np.testing.assert_allclose(line.get_ydata(), mean)
        band = axes.collections[0].get_paths()[0].vertices[:, 1]
        assert band.max() == pytest.approx(98 - 10 * min(strengths))
        assert band.min() == pytest.approx(98 - 10 * max(strengths) - (seeds - 1))
    legends = [axes for axes in figure.axes if axes.get_legend()]
    assert len(legends) == 1
    assert legend_of(legends[0]) == [*(NAMES[name] for name in names), "guessing"]
    assert not legends[0].axison
