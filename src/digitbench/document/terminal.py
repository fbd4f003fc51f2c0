"""A document for a terminal; what is folded elsewhere is one line here."""

import re
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from digitbench.document.blocks import (
    Block,
    Chart,
    Command,
    Document,
    Intervals,
    Picture,
    Prose,
    Section,
    Table,
)
from digitbench.document.intervals import text_figure
from digitbench.wording import listing

# Without a terminal whose width could be asked for; every headline table fits.
WIDTH = 110
# What a narrow terminal does without, one after the other.
_DISPENSABLE = ("adjusted p", "before", "after")
_STYLES = {"better": "bold green", "worse": "bold red"}


def print_terminal(document: Document, stream: TextIO) -> None:
    """Print with the colours and the width of the stream, plain where it is no terminal."""
    interactive = stream.isatty()
    console = Console(
        file=stream, width=None if interactive else WIDTH, highlight=False, soft_wrap=False
    )
    console.print(Text(document.title, style="bold"))
    console.print()
    console.print(_coloured(document.lead))
    if document.tiles:
        _print_table(console, document.summary())
    for remark in document.remarks:
        console.print(Text(f"• {remark}"))
    for section in document.sections:
        _print_section(console, section)
    if document.closing:
        console.print()
        console.print(Text(document.closing, style="dim"))


def _print_section(console: Console, section: Section) -> None:
    console.print()
    if section.summary:
        console.print(_coloured(f"{section.summary}. --html and --markdown show the table."))
        return
    console.print(Text(section.heading, style="bold"))
    for block in section.blocks:
        _print_block(console, block)


def _print_block(console: Console, block: Block) -> None:
    match block:
        case Prose(text) | Command(text) | Chart(caption=text) | Picture(caption=text):
            console.print(Text(text))
        case Intervals():
            console.print(Text(f"\n{block.caption}\n"))
            console.print(Text(text_figure(block), no_wrap=True))
        case Table():
            _print_table(console, block)


def _print_table(console: Console, table: Table) -> None:
    dropped = []
    for title in _DISPENSABLE:
        if "verdict" not in table.header or _width(console, table) <= console.width:
            break
        table = _without(table, title)
        dropped.append(title)
    note = f"Narrow terminal: without {listing(dropped)}." if dropped else ""
    caption = " ".join(filter(None, (table.caption, note)))
    if caption:
        console.print(Text(caption))
    console.print(_grid(table))


def _width(console: Console, table: Table) -> int:
    """Columns that the table takes without a break in any cell."""
    return console.measure(_grid(table), options=console.options.update(width=10**6)).maximum


def _without(table: Table, title: str) -> Table:
    kept = [index for index, name in enumerate(table.header) if name != title]
    return Table(
        table.caption,
        [table.header[index] for index in kept],
        [[row[index] for index in kept] for row in table.rows],
    )


def _grid(table: Table) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for title, numeric in zip(table.header, table.numeric_columns(), strict=True):
        grid.add_column(title, justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    return grid


def _coloured(text: str) -> Text:
    shown = Text(text)
    for word, style in _STYLES.items():
        shown.highlight_regex(re.compile(rf"\b{word}\b"), style)
    return shown
