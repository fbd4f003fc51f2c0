"""One look for every figure, and byte-stable PNG and SVG from it.

Figures are drawn with two marker colours for ink and grid. In SVG these become CSS colours, so
that one figure follows the light or dark scheme of the page it stands in.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

INK = "#1b1c1e"
GRID = "#d8d9db"
# Okabe and Ito (2008): told apart also with colour-vision deficiency.
NEXT_COLOURS = ("#56b4e9", "#999933", "#882255")  # for architectures that are not listed


class _Colours(dict[str, str]):
    """An architecture that is not listed gets the next free colour, and keeps it."""

    def __missing__(self, name: str) -> str:
        free = [colour for colour in NEXT_COLOURS if colour not in self.values()]
        return self.setdefault(name, free[0] if free else NEXT_COLOURS[len(self) % 3])


COLOURS = _Colours(mlp="#0072b2", cnn="#d55e00", rnn="#009e73", lstm="#cc79a7")
ACCENT = INK  # what is about no architecture
# Both stand out on light and on dark pages; red never carries a meaning that words don't repeat.
MUTED = "#7a7e83"
WRONG = "#dc3d43"
WIDTH = 7.4  # inches, of figures with panels side by side
NARROW = 6.0  # inches, of the others: on a telephone their text is larger

# Not what a user's matplotlibrc says: LaTeX, a house style.
matplotlib.rcdefaults()
matplotlib.use("agg")
matplotlib.rcParams.update(
    {
        "svg.hashsalt": "digitbench",  # otherwise ids differ from run to run
        "svg.fonttype": "none",
        "font.size": 9.5,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": GRID,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
    }
)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches; no pyplot, so nothing global and nothing to close."""
    return Figure(figsize=(width, height), layout="constrained")


def bare(axes: Axes) -> None:
    """Leave only what is drawn: for images and matrices."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def legend_below(figure: Figure, columns: int) -> None:
    """Whatever has a label, under everything: there it hides nothing on a narrow page."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, columnspacing=1.4)


def draw_range(axes: Any, row: float, ends: Sequence[float | None], colour: str, lw: float) -> None:
    """An interval of shares, in percent; none where there is none."""
    low, high = ends
    if low is not None and high is not None:
        axes.hlines(row, 100 * low, 100 * high, color=colour, linewidth=lw, alpha=0.55)


def write_beside(
    axes: Any, text: str, point: tuple[float, float], shift: float, **style: Any
) -> None:
    """Text so many points to the right of a point, or to the left of it."""
    side = "left" if shift > 0 else "right"
    axes.annotate(
        text, point, (shift, 0), textcoords="offset points", ha=side, va="center", **style
    )


def set_rows(axes: Any, labels: Sequence[str], **style: Any) -> None:
    """A row per label, the first above; lines and ticks along the values alone."""
    axes.set_yticks(range(len(labels)), labels, **style)
    axes.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _settle(figure: Figure) -> None:
    """Lay out once: every layout starts from the last one, so a second drawing would differ."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def to_png(figure: Figure, dpi: int = 110) -> bytes:
    """PNG on white, without the version stamp that would change with the library."""
    _settle(figure)
    raw, content = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    # Results are kept in Git: a palette makes a third of the size, and no difference to the eye.
    Image.open(raw).convert("RGB").quantize(128).save(content, format="png", optimize=True)
    return content.getvalue()


def to_svg(figure: Figure) -> str:
    """An <svg> element for a page: no date, as wide as it was drawn, its colours and its font.

    A page may show it smaller, so the height is left to the page. Text is as large in every figure.
    """
    _settle(figure)
    content = io.StringIO()
    figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    svg = content.getvalue()
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg .*?) ?height="[^"]+pt"', r"\1", svg, count=1, flags=re.DOTALL)
    # A hundredth of a point is finer than any screen; matplotlib writes a millionth. Inside tags
    # only: what stands between them is text, and its digits are results.
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), svg)
    svg = re.sub(r"font-family: [^;\"]+", "font-family: inherit", svg)
    svg = svg.replace(INK, "currentColor").replace(GRID, "var(--line)")
    return svg.replace("#000000", "currentColor")


@dataclass(frozen=True)
class Look:
    """Colour, name and kind of line."""

    colour: str
    label: str
    line: str = "-"


# Colour tells the architecture, a whole line that it was trained with augmentation.
GROUP_LOOKS = {
    "mlp": Look(COLOURS["mlp"], "MLP", "--"),
    "mlp_augmented": Look(COLOURS["mlp"], "MLP, augmented"),
    "cnn": Look(COLOURS["cnn"], "CNN", "--"),
    "cnn_augmented": Look(COLOURS["cnn"], "CNN, augmented"),
}
# The same by the levels of model and augmentation.
GROUP_OF = {
    ("mlp", False): "mlp",
    ("mlp", True): "mlp_augmented",
    ("cnn", False): "cnn",
    ("cnn", True): "cnn_augmented",
}
