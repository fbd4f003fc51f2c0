from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from digitbench.figures.data import augmented_digits
from digitbench.figures.domain_shift import domain_shift, effects, gaps
from digitbench.figures.robustness import robustness_curves
from digitbench.figures.style import ACCENT, COLOURS, GROUP_LOOKS, MUTED, Look, to_svg
from digitbench.figures.tiles import on_paper
from digitbench.statistics.factorial import Estimate
from figure_data import (
    EXAMPLES,
    FIGURES,
    digits,
    legend_of,
    robustness_data,
    shift_record,
    texts,
    units,
)


def dots(axes: Any) -> list[Any]:
    """Scattered marks, in the order in which they were drawn."""
    return [item for item in axes.collections if isinstance(item, PathCollection)]


# --- domain shift ----------------------------------------------------------------------------


@pytest.mark.parametrize("half_width", [0.01, None])
def test_domain_shift_has_a_row_per_group_with_both_mappings(half_width: float | None) -> None:
    record = shift_record(half_width)
    figure = domain_shift(record, {}, EXAMPLES)
    figure.draw_without_rendering()
    panels = figure.axes[:2]
    for axes, content in zip(panels, record.values(), strict=True):
        assert axes.get_title() == f"{content.name}\n{content.images:,} images"
        marks = dots(axes)
        assert len(marks) == 8
        for mark, cell in zip(marks, content.cells, strict=True):
            x, y = mark.get_offsets()[0]
            row = 2 * (cell.model == "cnn") + cell.augmentation
            assert (x, y) == pytest.approx((100 * cell.accuracy.mean, row))
            assert to_hex(mark.get_edgecolor()[0]) == COLOURS[cell.model]
            # Full: box, hollow: stretch.
            full = to_hex(mark.get_facecolor()[0]) == COLOURS[cell.model]
            assert full == (cell.mapping == "box")
        assert sorted(texts(axes)) == sorted(
            f"{100 * cell.accuracy.mean:.2f}" for cell in content.cells
        )
        thick = [line for line in axes.collections if list(line.get_linewidths()) == [5]]
        assert len(thick) == (8 if half_width else 0)
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert labels == [look.label for look in GROUP_LOOKS.values()]


def test_published_numbers_stand_in_the_rows_of_the_networks_they_are_about() -> None:
    usps, other, *_ = FIGURES["domain_shift"](()).axes
    marks = [mark for mark in dots(usps) if mark.get_offsets()[0][1] % 1]
    assert [mark.get_offsets()[0][0] for mark in marks] == pytest.approx([41.18, 97.45])
    assert [int(mark.get_offsets()[0][1]) for mark in marks] == [0, 3]
    assert {"published 41.18", "published 97.45"} <= set(texts(usps))
    assert not any("published" in text for text in texts(other))


def test_the_legend_shows_a_digit_in_both_mappings() -> None:
    figure = FIGURES["domain_shift"](())
    pictures = [axes for axes in figure.findobj(AxesImage) if axes.get_array().shape == (28, 28)]
    for picture, example in zip(pictures, EXAMPLES.values(), strict=True):
        np.testing.assert_array_equal(picture.get_array(), on_paper(example))


# --- effects and gaps ------------------------------------------------------------------------


def test_effects_with_evidence_are_coloured_and_told() -> None:
    record = shift_record(0.01)
    panels = effects(record).axes
    for axes, content in zip(panels, record.values(), strict=True):
        table = content.effects
        marks = dots(axes)
        assert [mark.get_offsets()[0][0] for mark in marks] == pytest.approx(
            [100 * effect.estimate.value for effect in table]
        )
        # Effect 3 has a small p-value, but an interval around zero.
        around = table[3].estimate
        assert around.ci95_low < 0 < around.ci95_high
        expected = [MUTED, ACCENT, MUTED, MUTED, MUTED, ACCENT, MUTED]
        assert [to_hex(mark.get_facecolor()[0]) for mark in marks] == expected
        assert texts(axes)[:2] == ["+21.00", "+14.00"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [
        "architecture: CNN − MLP",
        "augmentation: with − without",
        "alignment: 20 px box − stretched",
        "architecture × augmentation",
        "architecture × alignment",
        "augmentation × alignment",
        "all three",
    ]


def test_effects_of_one_seed_are_grey_and_have_no_interval() -> None:
    figure = effects(shift_record(None))
    to_svg(figure)
    for axes in figure.axes:
        assert {to_hex(mark.get_facecolor()[0]) for mark in dots(axes)} == {MUTED}
        assert len(axes.collections) == 7


@pytest.mark.parametrize("half_width", [0.01, None])
def test_gaps_have_a_bar_for_the_whole_and_for_each_part(half_width: float | None) -> None:
    record = shift_record(half_width)
    panels = gaps(record).axes
    for axes, content in zip(panels, record.values(), strict=True):
        widths = [
            100 * part.value for gap in content.gaps for part in (gap.gap, *gap.parts.values())
        ]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(widths)
        assert [bar.get_y() + bar.get_height() / 2 for bar in axes.patches] == pytest.approx(
            list(range(7))
        )
        assert len(axes.collections) == (7 if half_width else 0)
        assert texts(axes)[:4] == ["+40.00", "+20.00", "−10.00", "+30.00"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [
        "MLP, stretched →\nCNN, augmented, 20 px box",
        "architecture",
        "augmentation",
        "alignment",
        "MLP → CNN, augmented\nboth 20 px box",
        "architecture",
        "augmentation",
    ]


@pytest.mark.parametrize("draw", [effects, gaps])
def test_every_mark_lies_within_the_axis_that_the_panels_share(
    draw: Callable[[Mapping[str, Any]], Figure],
) -> None:
    record = shift_record(0.01)
    # The panel that is drawn last reaches further, on both sides.
    far, optical = Estimate(-0.9, -0.95, -0.85, 0.001), record["optical"]
    first, second, *others = optical.effects
    other_end = replace(second, estimate=Estimate(0.9, 0.85, 0.95, 0.001))
    update = {
        "effects": (replace(first, estimate=far), other_end, *others),
        "gaps": (replace(optical.gaps[0], gap=far), optical.gaps[1]),
    }
    record["optical"] = optical.model_copy(update=update)
    figure = draw(record)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert low <= -95
        marks = [mark.get_offsets()[0][0] for mark in dots(axes)]
        ends = [bar.get_width() for bar in axes.patches]
        assert marks or ends
        assert all(low <= x <= high for x in (*marks, *ends))


# --- robustness and augmentation -------------------------------------------------------------


def test_robustness_of_groups_tells_them_by_colour_and_line() -> None:
    names = tuple(GROUP_LOOKS)
    results = robustness_data(names, 2, ("shift",), (0, 1))
    panel, legend = robustness_curves(results, units(("shift",)), GROUP_LOOKS).axes
    assert [Look(li.get_color(), li.get_label(), li.get_linestyle()) for li in panel.lines[:4]] == [
        *GROUP_LOOKS.values()
    ]
    assert len({(line.get_color(), line.get_linestyle()) for line in panel.lines[:4]}) == 4
    assert legend_of(legend)[:4] == [look.label for look in GROUP_LOOKS.values()]


def test_augmented_digits_stand_in_rows_behind_their_original() -> None:
    samples = digits(15).reshape(3, 5, 28, 28)
    (axes,) = augmented_digits(samples).axes
    opaque = axes.images[0].get_array()[..., 3] == 255
    raster = axes.images[0].get_array()[..., 0]
    tops, starts = (
        np.flatnonzero(np.diff(opaque.any(axis=axis), prepend=False) & opaque.any(axis=axis))
        for axis in (1, 0)
    )
    assert (len(tops), len(starts)) == (3, 5)
    assert starts[1] - starts[0] > starts[2] - starts[1], "the original stands apart"
    for sample, place in zip(samples.reshape(15, 28, 28), product(tops, starts), strict=True):
        top, left = place
        np.testing.assert_array_equal(raster[top : top + 28, left : left + 28], on_paper(sample))
    assert texts(axes) == ["original", "as the network is shown it"]
