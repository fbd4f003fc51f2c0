"""A document as Markdown: a file with small PNGs beside it, or a comment on a pull request."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from digitbench.document.blocks import (
    EMPHASISED,
    Block,
    Chart,
    Code,
    Command,
    Document,
    Folded,
    Intervals,
    Markdown,
    Picture,
    Prose,
    Section,
    Table,
)
from digitbench.document.intervals import text_figure
from digitbench.errors import legible
from digitbench.figures.style import to_png

FIGURES = "figures"
# First line of a comment, so that whoever posts it finds the one to update.
MARKER = "<!-- digitbench-review -->"
# GitHub takes 65,536 characters. Counted in bytes here, which are never fewer; the rest is left to
# what the workflow of a pull request adds.
LIMIT = 64_000
ROWS_KEPT = 20
LEFT_OUT = "Left out, because a comment must stay short: digitbench review --html shows it."
CUT = "\n\n… Cut here, because a comment must stay short: digitbench review --html shows all.\n"


def render_markdown(document: Document) -> str:
    """The same content as the page; figures are files in a folder beside it."""
    return "\n\n".join(_parts(document, "#")) + "\n"


def figure_files(document: Document) -> dict[str, bytes]:
    """The PNGs that the Markdown refers to, by file name."""
    return {
        f"{block.name}.png": block.png if isinstance(block, Picture) else to_png(block.figure)
        for block in document.blocks
        if isinstance(block, Chart | Picture)
    }


def render_comment(document: Document, limit: int = LIMIT) -> str:
    """The marker and the content, no longer than the limit.

    Folded sections go first, the last of them before the others, then rows of long tables.
    """
    for shorter in _shortened(document):
        text = "\n\n".join([MARKER, *_parts(shorter, "##")]) + "\n"
        if len(text.encode()) <= limit:
            return text
    kept = text.encode()[: limit - len(CUT.encode())].decode(errors="ignore")
    return kept[: kept.rindex("\n")] + CUT


def _shortened(document: Document) -> Iterator[Document]:
    """The same with ever less in it."""
    yield document
    sections = list(document.sections)
    for index in reversed(range(len(sections))):
        if sections[index].summary:
            sections[index] = replace(sections[index], blocks=[Prose(LEFT_OUT)])
            yield replace(document, sections=tuple(sections))
    sections = [replace(each, blocks=[_head(block) for block in each.blocks]) for each in sections]
    yield replace(document, sections=sections)


def _head(block: Block) -> Block:
    if not isinstance(block, Table | Intervals) or len(block.rows) <= ROWS_KEPT:
        return block
    caption = f"{block.caption} Only the first {ROWS_KEPT} of {len(block.rows)} rows. {LEFT_OUT}"
    if isinstance(block, Table):
        return replace(block, caption=caption.strip(), rows=block.rows[:ROWS_KEPT])
    return replace(block, caption=caption.strip(), rows=block.rows[:ROWS_KEPT])


def _parts(document: Document, level: str) -> list[str]:
    parts = [f"{level} {escaped(document.title)}", f"**{escaped(document.lead)}**"]
    if document.tiles:
        parts.append(markdown_table(document.summary()))
    if document.remarks:
        parts.append("\n".join(f"- {escaped(remark)}" for remark in document.remarks))
    for section in document.sections:
        parts += _section(section, f"{level}#")
    if document.closing:
        parts.append(f"<sub>{escaped(document.closing)}</sub>")
    return parts


def _section(section: Section, level: str) -> list[str]:
    heading = [] if section.summary else [f"{level} {escaped(section.heading)}"]
    return [*heading, *map(_block, section.body)]


def _block(block: Block) -> str:
    match block:
        case Prose(text):
            return escaped(text)
        case Command(text):
            return f"```console\n{text}\n```"
        case Table():
            return markdown_table(block)
        case Chart(name, _, caption, alternative) | Picture(name, _, caption, alternative):
            return f"![{escaped(alternative)}]({FIGURES}/{name}.png)\n\n*{escaped(caption)}*"
        case Intervals():
            return f"{_caption(block.caption)}```text\n{text_figure(block)}\n```"
        case Folded(summary, blocks):
            begin = f"<details>\n<summary>{escaped(summary)}</summary>"
            return "\n\n".join([begin, *map(_block, blocks), "</details>"])


def markdown_table(table: Table) -> str:
    """The caption in italics and the table below it."""
    rule = "|".join("---:" if numeric else "---" for numeric in table.numeric_columns())
    header, *rows = (_line([_cell(cell) for cell in row]) for row in (table.header, *table.rows))
    return _caption(table.caption) + "\n".join([header, f"|{rule}|", *rows])


def aligned_table(rows: Sequence[Sequence[str]]) -> str:
    """A table that also reads well as text; its cells are our own and stay as they are.

    Columns are as wide as their widest cell, the first to the left, the others to the right.

    Args:
        rows: The header first; all of the same length.
    """
    header, *others = rows
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *others]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        _line([first.ljust(widths[0]), *map(str.rjust, cells, widths[1:])])
        for first, *cells in lines
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _caption(text: str) -> str:
    return f"*{escaped(text)}*\n\n" if text else ""


def _cell(text: str) -> str:
    if isinstance(text, Code):
        return _code(text)
    return f"**{text}**" if text in EMPHASISED else escaped(text)


def _code(text: str) -> str:
    """A code span that a table can hold, with a fence longer than any run of backticks inside."""
    line = " ".join(legible(text).split()).replace("|", r"\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    padding = " " if "`" in line else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def escaped(text: str) -> str:
    """Plain text that Markdown leaves as it is; no mention of a person by accident.

    What no reader of Markdown takes for markup stays legible: `p < 0.001`, `n_in`.
    """
    if isinstance(text, Markdown):
        return text
    line = " ".join(legible(text).split())
    line = re.sub(r"[\\`*\[\]|~#]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", line)
    line = re.sub(r"<(?! )", "&lt;", line.replace("&", "&amp;"))
    # GitHub looks for people in what it shows; a space without width ends the search, and the sign
    # is one for those too who read the file as it is.
    return line.replace("@", "@\u200b")
