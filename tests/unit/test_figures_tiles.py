from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from digitbench.figures.errors import (
    always_wrong,
    disagreements,
    error_grid,
    error_sheet,
    mistakes_by_kind,
    random_predictions,
)
from digitbench.figures.robustness import corruption_examples
from digitbench.figures.style import INK, to_svg
from digitbench.figures.tiles import PAPER, PENCIL, SIDE, Grid, compose, fitting, on_paper
from figure_data import (
    ALL,
    CONFIDENCE,
    PREDICTED,
    TRUE,
    digits,
    draw_always_wrong,
    draw_disagreements,
    draw_error_grid,
    texts,
    tile_at,
)


def test_paper_is_light_ink_is_dark_and_order_is_kept() -> None:
    shades = on_paper(np.arange(256, dtype=np.uint8))
    assert (shades[0], shades[-1]) == (PAPER, PENCIL)
    assert (np.diff(shades.astype(int)) <= 0).all()


def test_tiles_do_not_overlap_and_frames_surround_them() -> None:
    images = digits(7)
    grid = fitting(7, 3, above=2, below=5)
    places = [grid.place(index) for index in range(7)]
    assert (grid.rows, places[-1]) == (3, (2, 0))
    raster = compose(images, places, grid, [None, "#ff0000", *[None] * 5])
    for image, place in zip(images, places, strict=True):
        assert (tile_at(raster, grid, *place)[..., :3] == on_paper(image)[..., None]).all()
    red = (raster == (255, 0, 0, 255)).all(axis=2)
    assert red.sum() == (SIDE + 2) ** 2 - SIDE**2
    assert (raster[..., 3] > 0).sum() == 7 * SIDE**2 + red.sum()
    top, left = grid.corner(0, 1)
    assert red[top - 1, left - 1]
    assert red[top + SIDE, left + SIDE]


def test_error_sheet_puts_the_most_confident_mistake_in_its_cell() -> None:
    images = digits(6)
    kinds = mistakes_by_kind(TRUE, PREDICTED, CONFIDENCE)
    assert {cell: (kind.example, kind.count) for cell, kind in kinds.items()} == {
        (3, 5): (1, 2),
        (3, 8): (2, 1),
        (7, 2): (4, 1),
        (0, 9): (5, 1),
    }
    raster = error_sheet(images, kinds)
    (axes,) = draw_error_grid(ALL).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), raster)
    grid = Grid(10, 10, above=6, between=2)
    for row in range(10):
        for column in range(10):
            tile = tile_at(raster, grid, row, column)
            if (row, column) not in kinds:
                assert (tile == 0).all()
                continue
            assert (tile[..., 0] == on_paper(images[kinds[row, column].example])).all()
            assert (tile[..., 3] == 255).all()
    assert (raster[..., 3] > 0).sum() == 4 * SIDE**2


def test_error_grid_counts_each_kind_over_its_tile() -> None:
    (axes,) = draw_error_grid(ALL).axes
    grid = Grid(10, 10, above=6, between=2)
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    top, left = grid.corner(3, 5)
    assert counts[left + SIDE, top - 1] == "2"
    assert sorted(counts.values()) == ["1", "1", "1", "2"]
    assert len(axes.images) == 1


def test_disagreements_fill_wrong_answers_alone() -> None:
    (axes,) = draw_disagreements(ALL).axes
    assert len(axes.images) == 1
    assert [len(chips.get_offsets()) for chips in axes.collections] == [1] * 4
    grid = fitting(6, 12, above=11, below=54)
    for order, chips in enumerate(axes.collections):
        assert chips.get_offsets()[0][0] == grid.corner(0, order)[1] + SIDE / 2
    shown = texts(axes)
    assert shown[:7] == [*map(str, TRUE), "label"]
    assert shown[7:14] == ["MLP", "4", *map(str, TRUE[1:])]
    assert len(shown) == 7 + 4 * 7


def test_always_wrong_marks_disputed_labels() -> None:
    (axes,) = draw_always_wrong(ALL).axes
    assert texts(axes) == ["3 → 4", "3 → 4", "3? → 4", "5 → 6", "7 → 8", "0 → 1"]
    raster = axes.images[0].get_array()
    grid = fitting(6, 10, below=11)
    framed = [raster[grid.corner(0, k)[0] - 1, grid.corner(0, k)[1] - 1, 3] for k in range(6)]
    assert framed == [0, 0, 255, 0, 0, 0]


def test_random_predictions_tell_wrong_ones_and_never_round_up_to_certainty() -> None:
    confidence = np.array([0.5, 0.99951, 1.0, 0.9994, 0.2, 0.3])
    (axes,) = random_predictions(digits(6), TRUE, PREDICTED, confidence).axes
    shown = texts(axes)
    assert shown[::2] == ["5, not 3", "5, not 3", "8, not 3", "5", "2, not 7", "9, not 0"]
    assert shown[1::2] == ["50.0 %", "> 99.9 %", "100.0 %", "99.9 %", "20.0 %", "30.0 %"]
    colours = [text.get_color() for text in axes.texts[::2]]
    assert [colour == INK for colour in colours] == [False] * 3 + [True] + [False] * 2


NONE = np.zeros(0, dtype=int)


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (lambda: error_grid(digits(6), TRUE, TRUE, CONFIDENCE), "no mistakes"),
        (lambda: disagreements(digits(0), NONE, dict.fromkeys(ALL, NONE)), "no disagreement"),
        (lambda: always_wrong(digits(0), NONE, NONE, NONE.astype(bool)), "none"),
        (lambda: random_predictions(digits(0), NONE, NONE, NONE.astype(float)), "none"),
    ],
)
def test_empty_sheets_say_so(figure: Callable[[], Figure], message: str) -> None:
    drawn = figure()
    (axes,) = drawn.axes
    assert message in to_svg(drawn)
    assert (axes.images[0].get_array()[..., 3] == 0).all()


def test_examples_stand_in_their_row_at_their_strength() -> None:
    stacks = {"shift": digits(5)[:3], "blur": digits(5)[3:]}
    (axes,) = corruption_examples(
        stacks, {"shift": (0, 2, 8), "blur": (0, 0.5)}, {"shift": "pixels", "blur": "pixels"}
    ).axes
    raster = axes.images[0].get_array()
    grid = Grid(2, 3, above=6)
    for row, stack in enumerate(stacks.values()):
        for column, image in enumerate(stack):
            assert (tile_at(raster, grid, row, column)[..., 0] == on_paper(image)).all()
    assert (tile_at(raster, grid, 1, 2)[..., 3] == 0).all()
    assert texts(axes) == ["0", "2", "8", "shift", "pixels", "0", "0.5", "blur", "pixels"]
