import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from digitbench.figures.style import COLOURS, GRID, INK, _Colours, new_figure, to_png, to_svg
from figure_data import ALL, FIGURES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_the_same_every_time_and_svg_stands_alone(name: str) -> None:
    first, second = FIGURES[name](("rnn", "lstm")), FIGURES[name](("rnn", "lstm"))
    svg = to_svg(first)
    # In either order: the report takes both files from one figure.
    assert to_png(second, dpi=50) == to_png(first, dpi=50)
    assert to_svg(second) == svg
    addresses = re.findall(r'([\w:]+)="https?:[^"]*"', svg)
    assert svg.count("http:") + svg.count("https:") == len(addresses)
    assert {address.split(":")[0] for address in addresses} == {"xmlns"}
    links = re.findall(r'href="([^"]{0,20})', svg)
    assert all(link.startswith(("#", "data:image/png")) for link in links)
    assert INK not in svg
    assert GRID not in svg
    assert set(re.findall(r"font-family: ([^;\"]+)", svg)) == {"inherit"}


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_large_enough_and_inside_the_figure(name: str) -> None:
    figure = FIGURES[name](ALL)
    figure.draw_without_rendering()
    page = figure.bbox.padded(1)
    shown = [
        text
        for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize"))
        if text.get_visible() and text.get_text()
    ]
    assert shown
    # A tick label beyond the axis limits is kept by matplotlib and never drawn.
    drawn = [text for text in shown if text not in _undrawn_tick_labels(figure)]
    outside = [t.get_text() for t in drawn if not _within(t.get_window_extent(), page)]
    assert outside == []
    assert min(text.get_fontsize() for text in drawn) >= 7


def _undrawn_tick_labels(figure: Figure) -> list[Any]:
    labels = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            for tick in ticks:
                if not axes.axison or not low <= tick.get_loc() <= high:
                    labels += [tick.label1, tick.label2]
    return labels


def _within(box: Any, page: Any) -> bool:
    return bool(box.x0 >= page.x0 and box.y0 >= page.y0 and box.x1 <= page.x1 and box.y1 <= page.y1)


def test_svg_keeps_the_digits_of_text_and_rounds_coordinates() -> None:
    figure = new_figure(2, 2)
    axes = figure.subplots()
    axes.plot([0, 1 / 3, 1], [0, 1 / 7, 1])
    axes.set_title("AUC 0.99994, p = 0.001")
    svg = to_svg(figure)
    assert "AUC 0.99994, p = 0.001" in svg
    outlines = re.findall(r' d="([^"]+)"', svg)
    assert outlines
    assert not [outline for outline in outlines if re.search(r"\.\d{3}", outline)]


def test_an_architecture_that_is_not_listed_gets_a_colour_of_its_own_and_keeps_it() -> None:
    colours = _Colours(COLOURS)
    new = [colours[name] for name in ("gru", "tcn", "gru")]
    assert new[0] == new[2]
    assert len({*COLOURS.values(), *new}) == len(COLOURS) + 2


DRAW = """
import hashlib
from digitbench.environment import prepare_libraries
prepare_libraries()
from digitbench.figures.style import new_figure, to_png
figure = new_figure(2, 1)
figure.subplots().plot([1, 2], label="a")
print(hashlib.sha256(to_png(figure)).hexdigest())
"""


def test_settings_of_the_users_session_change_no_figure(tmp_path: Path) -> None:
    """A notebook's backend, LaTeX for text, a house style."""
    rc = tmp_path / "matplotlibrc"
    rc.write_text("text.usetex: True\nfont.size: 20\nlines.linewidth: 9\nfigure.dpi: 33\n")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MPL")}
    odd = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MATPLOTLIBRC": str(rc)}
    drawn = [
        subprocess.run(
            [sys.executable, "-c", DRAW],
            env={**plain, "PYTHONPATH": str(ROOT / "src"), **more},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for more in ({}, odd)
    ]
    assert drawn[0] == drawn[1]


def test_commands_set_up_their_libraries_first() -> None:
    for name in ("src/__main__.py", "src/digitbench/cli.py"):
        assert "    prepare_libraries()\n" in (ROOT / name).read_text(encoding="utf-8")
