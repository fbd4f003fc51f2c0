"""The review as one HTML page in the look of the report; it needs nothing but itself."""

import html
from pathlib import Path

from digitbench import reporting
from digitbench.plots.style import to_svg
from digitbench.reporting.document import Code, Prose, Table
from digitbench.reporting.html import templates
from digitbench.review.document import MARKER, Block, Intervals, Review
from digitbench.review.figure import drawing
from digitbench.review.verdicts import Verdict

_FOLDER = Path(__file__).parent
_REPORT = Path(reporting.__file__).parent


def render_html(review: Review) -> str:
    """One page: styles and figures inside, no script, no address to fetch from."""
    environment = templates(_FOLDER)
    environment.filters |= {
        "kind": _kind,
        "cell": _cell,
        "svg": lambda block: to_svg(drawing(block)),
    }
    sheets = (_REPORT / "report.css", _FOLDER / "review.css")
    style = "".join(path.read_text(encoding="utf-8") for path in sheets)
    template = environment.get_template("review.html.j2")
    return template.render(review=review, style=style, marker=MARKER)


def _kind(block: Block) -> str:
    return {Prose: "prose", Table: "table", Intervals: "intervals"}[type(block)]


def _cell(text: str) -> str:
    """Markup of one cell; whatever stands in it is escaped."""
    escaped = html.escape(text)
    if isinstance(text, Code):
        return f"<code>{escaped}</code>"
    if text in (Verdict.BETTER, Verdict.WORSE):
        return f'<strong class="{text}">{text}</strong>'
    return escaped
