"""The report as one HTML file that needs nothing but itself.

The review as one HTML page in the look of the report; it needs nothing but itself.
"""

import base64
import html
from pathlib import Path

import jinja2

from digitbench.document.blocks import (
    MARKER,
    Block,
    Chart,
    Code,
    Command,
    Document,
    Intervals,
    Picture,
    Prose,
    Review,
    ReviewBlock,
    Table,
)
from digitbench.document.intervals import drawing
from digitbench.figures.style import to_svg
from digitbench.statistics.seeds import Verdict

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


def render_review_html(review: Review) -> str:
    """One page: styles and figures inside, no script, no address to fetch from."""
    environment = templates(_FOLDER)
    environment.filters |= {
        "kind": _kind_render_html,
        "cell": _cell,
        "svg": lambda block: to_svg(drawing(block)),
    }
    sheets = (_FOLDER / "report.css", _FOLDER / "review.css")
    style = "".join(path.read_text(encoding="utf-8") for path in sheets)
    template = environment.get_template("review.html.j2")
    return template.render(review=review, style=style, marker=MARKER)


def _kind_render_html(block: ReviewBlock) -> str:
    return {Prose: "prose", Table: "table", Intervals: "intervals"}[type(block)]


def _cell(text: str) -> str:
    """Markup of one cell; whatever stands in it is escaped."""
    escaped = html.escape(text)
    if isinstance(text, Code):
        return f"<code>{escaped}</code>"
    if text in (Verdict.BETTER, Verdict.WORSE):
        return f'<strong class="{text}">{text}</strong>'
    return escaped
