import numpy as np
import pytest
from matplotlib.figure import Figure

from digitbench.figures.errors import always_wrong, disagreements, error_grid, random_predictions
from digitbench.figures.robustness import corruption_examples
from digitbench.figures.style import INK, to_svg
from digitbench.figures.tiles import PAPER, PENCIL, SIDE, Grid, compose, fitting, on_paper
from digitbench.results.sheets import AlwaysWrong, Disagreements, Mistakes, Sample
from figure_data import (
    ALL,
    KINDS,
    PREDICTED,
    TRUE,
    corrupted,
    digits,
    disputes,
    hopeless,
    mistakes,
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


def test_error_grid_puts_the_mistake_in_its_cell_and_counts_its_kind_over_it() -> None:
    shown, grid = mistakes(), Grid(10, 10, above=6, between=2)
    (axes,) = error_grid(shown).axes
    (image,) = axes.images
    raster = image.get_array()
    for index, place in enumerate(KINDS):
        tile = tile_at(raster, grid, *place)
        assert (tile[..., 0] == on_paper(shown.images[index])).all()
        assert (tile[..., 3] == 255).all()
    assert (raster[..., 3] > 0).sum() == 4 * SIDE**2
    corners = {place: grid.corner(*place) for place in KINDS}
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (left + SIDE, top - 1): "2" if place == (3, 5) else "1"
        for place, (top, left) in corners.items()
    }


def test_disagreements_fill_wrong_answers_alone() -> None:
    (axes,) = disagreements(disputes(ALL), ALL).axes
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
    (axes,) = always_wrong(hopeless()).axes
    assert texts(axes) == ["3 → 4", "3 → 4", "3? → 4", "5 → 6", "7 → 8", "0 → 1"]
    raster = axes.images[0].get_array()
    grid = fitting(6, 10, below=11)
    framed = [raster[grid.corner(0, k)[0] - 1, grid.corner(0, k)[1] - 1, 3] for k in range(6)]
    assert framed == [0, 0, 255, 0, 0, 0]


def test_random_predictions_tell_wrong_ones_and_never_round_up_to_certainty() -> None:
    confidence = np.array([0.5, 0.99951, 1.0, 0.9994, 0.2, 0.3])
    (axes,) = random_predictions(Sample(digits(6), TRUE, PREDICTED, confidence)).axes
    shown = texts(axes)
    assert shown[::2] == ["5, not 3", "5, not 3", "8, not 3", "5", "2, not 7", "9, not 0"]
    assert shown[1::2] == ["50.0 %", "> 99.9 %", "100.0 %", "99.9 %", "20.0 %", "30.0 %"]
    colours = [text.get_color() for text in axes.texts[::2]]
    assert [colour == INK for colour in colours] == [False] * 3 + [True] + [False] * 2


NONE = np.zeros(0, dtype=int)
NOTHING = (digits(0), NONE)


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (error_grid(Mistakes(*NOTHING, NONE, NONE)), "no mistakes"),
        (
            disagreements(Disagreements(*NOTHING, np.array(ALL), np.zeros((4, 0), int)), ALL),
            "no disagreement",
        ),
        (always_wrong(AlwaysWrong(*NOTHING, NONE, NONE.astype(bool))), "none"),
        (random_predictions(Sample(*NOTHING, NONE, NONE.astype(float))), "none"),
    ],
)
def test_empty_sheets_say_so(drawn: Figure, message: str) -> None:
    (axes,) = drawn.axes
    assert message in to_svg(drawn)
    assert (axes.images[0].get_array()[..., 3] == 0).all()


def test_examples_stand_in_their_row_at_their_strength() -> None:
    shown = corrupted({"shift": [0, 2, 8], "blur": [0, 0.5]})
    (axes,) = corruption_examples(shown, {"shift": "pixels", "blur": "pixels"}).axes
    raster, grid = axes.images[0].get_array(), Grid(2, 3, above=6)
    for image, place in zip(shown.images, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], strict=True):
        assert (tile_at(raster, grid, *place)[..., 0] == on_paper(image)).all()
    assert (tile_at(raster, grid, 1, 2)[..., 3] == 0).all()
    assert texts(axes) == ["0", "2", "8", "0", "0.5", "shift", "pixels", "blur", "pixels"]
