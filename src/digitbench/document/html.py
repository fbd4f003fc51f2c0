"""A document as one HTML file that needs nothing but itself."""

import base64
from pathlib import Path

import jinja2

from digitbench.document.blocks import EMPHASISED, Chart, Document, Intervals
from digitbench.document.intervals import drawing
from digitbench.errors import legible
from digitbench.figures.style import to_svg

_FOLDER = Path(__file__).parent


def render_html(document: Document) -> str:
    """One page: styles, figures and pictures inside, no script, no address to fetch from."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: legible(value) if type(value) is str else value,
    )
    environment.filters |= {
        "kind": lambda block: type(block).__name__.lower(),
        # The number, and what stands in brackets behind it.
        "partition": lambda cell: cell.partition(" ("),
        "svg": _svg,
        "base64": lambda png: base64.b64encode(png).decode(),
    }
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    template = environment.get_template("page.html.j2")
    return template.render(document=document, style=style, emphasised=EMPHASISED)


def _svg(block: Chart | Intervals) -> str:
    return to_svg(block.figure if isinstance(block, Chart) else drawing(block))
