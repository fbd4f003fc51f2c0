"""Markdown tables that also read well in a terminal.

The report as Markdown with small PNGs beside it, for a pull request.

The review as a comment on a pull request: Markdown, folded parts, figures as text.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from digitbench.document.blocks import (
    MARKER,
    Block,
    Chart,
    Code,
    Command,
    Document,
    Intervals,
    Part,
    Picture,
    Prose,
    Review,
    ReviewBlock,
    Table,
)
from digitbench.document.intervals import text_figure
from digitbench.figures.style import to_png


def aligned_table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, the first to the left, the others to the right.

    Args:
        rows: The header first; all of the same length.
    """
    header, *others = rows
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *others]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = cells[0].ljust(widths[0])
    others = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return f"| {' | '.join([first, *others])} |"


FIGURES = "figures"


def render_markdown(document: Document) -> str:
    """The same content as the page."""
    parts = [f"# {document.title}", f"**{document.verdict}**"]
    summary = Table(
        "", ["", "", ""], [[tile.label, tile.value, tile.note] for tile in document.tiles]
    )
    parts.append(markdown_table(summary))
    for section in document.sections:
        parts.append(f"## {section.heading}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def figure_files(document: Document) -> dict[str, bytes]:
    """The PNGs that the Markdown refers to, by file name."""
    files: dict[str, bytes] = {}
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Chart):
                files[f"{block.name}.png"] = to_png(block.figure)
            elif isinstance(block, Picture):
                files[f"{block.name}.png"] = block.png
    return files


def _block(block: Block) -> str:
    match block:
        case Prose(text):
            return text
        case Command(text):
            return f"```console\n{text}\n```"
        case Table():
            return markdown_table(block)
        case Chart(name, _, caption, alternative) | Picture(name, _, caption, alternative):
            return f"![{alternative}]({FIGURES}/{name}.png)\n\n*{caption}*"


def markdown_table(table: Table) -> str:
    """The caption in italics and the table below it."""
    rule = ["---:" if numeric else "---" for numeric in table.numeric_columns()]
    lines = [
        f"| {' | '.join(table.header)} |",
        f"|{'|'.join(rule)}|",
        *(f"| {' | '.join(row)} |" for row in table.rows),
    ]
    caption = f"*{table.caption}*\n\n" if table.caption else ""
    return caption + "\n".join(lines)


# GitHub takes 65,536 characters. Counted in bytes here, which are never fewer; the rest is left to
# what the workflow of a pull request adds.
LIMIT = 64_000
ROWS_KEPT = 20
LEFT_OUT = "Left out, because a comment must stay short: digitbench review --html shows it."
CUT = "\n\n… Cut here, because a comment must stay short: digitbench review --html shows all.\n"
_EMPHASISED = ("better", "worse")


def render_review_markdown(review: Review, limit: int = LIMIT) -> str:
    """The comment, no longer than the limit: folded parts go first, then rows of long tables."""
    text = _render(review)
    for shorter in _shortened(review):
        if len(text.encode()) <= limit:
            return text
        text = _render(shorter)
    return _cut(text, limit)


def _shortened(review: Review) -> list[Review]:
    """The same review with ever less in it."""
    steps = []
    parts = list(review.parts)
    for index in reversed([index for index, part in enumerate(parts) if part.is_folded]):
        parts[index] = replace(parts[index], blocks=[Prose(LEFT_OUT)])
        steps.append(replace(review, parts=tuple(parts)))
    parts = [replace(part, blocks=[_head(block) for block in part.blocks]) for part in parts]
    return [*steps, replace(review, parts=tuple(parts))]


def _head(block: ReviewBlock) -> ReviewBlock:
    if isinstance(block, Prose) or len(block.rows) <= ROWS_KEPT:
        return block
    caption = f"{block.caption} Only the first {ROWS_KEPT} of {len(block.rows)} rows. {LEFT_OUT}"
    if isinstance(block, Table):
        return replace(block, caption=caption.strip(), rows=block.rows[:ROWS_KEPT])
    return replace(block, caption=caption.strip(), rows=block.rows[:ROWS_KEPT])


def _cut(text: str, limit: int) -> str:
    content = text.encode()
    if len(content) <= limit:
        return text
    kept = content[: limit - len(CUT.encode())].decode(errors="ignore")
    return kept[: kept.rindex("\n")] + CUT


def _render(review: Review) -> str:
    parts = [MARKER, f"## {_escaped(review.title)}", f"**{_escaped(review.outcome)}**"]
    if review.remarks:
        parts.append("\n".join(f"- {_escaped(remark)}" for remark in review.remarks))
    parts += [text for part in review.parts for text in _part(part)]
    parts.append(f"<sub>{_escaped(review.closing)}</sub>")
    return "\n\n".join(parts) + "\n"


def _part(part: Part) -> list[str]:
    blocks = [_block_render_markdown(block) for block in part.blocks]
    if not part.is_folded:
        return [f"### {_escaped(part.heading)}", *blocks]
    return [f"<details>\n<summary>{_escaped(part.summary)}</summary>", *blocks, "</details>"]


def _block_render_markdown(block: ReviewBlock) -> str:
    match block:
        case Prose(text):
            return _escaped(text)
        case Table():
            return _table(block)
        case Intervals():
            return f"{_escaped(block.caption)}\n\n```text\n{text_figure(block)}\n```"


def _table(table: Table) -> str:
    rule = ["---:" if numeric else "---" for numeric in table.numeric_columns()]
    lines = [_line_render_markdown(table.header), f"|{'|'.join(rule)}|"]
    lines += [_line_render_markdown([_cell(cell) for cell in row]) for row in table.rows]
    return (f"{_escaped(table.caption)}\n\n" if table.caption else "") + "\n".join(lines)


def _line_render_markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    if isinstance(text, Code):
        return _code(text)
    return f"**{text}**" if text in _EMPHASISED else _escaped(text)


def _code(text: str) -> str:
    """A code span that a table can hold, with a fence longer than any run of backticks inside."""
    line = " ".join(text.split()).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    padding = " " if "`" in line else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def _escaped(text: str) -> str:
    """Plain text that Markdown leaves as it is; no mention of a person by accident."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", line)
