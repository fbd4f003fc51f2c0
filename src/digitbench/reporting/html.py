"""The report as one HTML file that needs nothing but itself."""

import base64
from pathlib import Path

import jinja2

from digitbench.plots.style import to_svg
from digitbench.reporting.document import (
    Block,
    Chart,
    Command,
    Document,
    Picture,
    Prose,
    Table,
)

_FOLDER = Path(__file__).parent


def render_html(document: Document) -> str:
    """One page: styles, figures and pictures inside, no script, no address to fetch from."""
    environment = templates(_FOLDER)
    environment.filters["kind"] = _kind
    environment.filters["svg"] = to_svg
    environment.filters["base64"] = lambda png: base64.b64encode(png).decode()
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(document=document, style=style)


def templates(folder: Path) -> jinja2.Environment:
    """The templates of a folder: text is escaped, and a name that is missing is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _kind(block: Block) -> str:
    return {
        Prose: "prose",
        Command: "command",
        Table: "table",
        Chart: "chart",
        Picture: "picture",
    }[type(block)]
