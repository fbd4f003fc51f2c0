"""The report as Markdown with small PNGs beside it, for a pull request."""

from digitbench.plots.style import to_png
from digitbench.reporting.document import (
    Block,
    Chart,
    Command,
    Document,
    Picture,
    Prose,
    Table,
)

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
