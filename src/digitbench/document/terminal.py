"""A document for a terminal; what is folded elsewhere is one line here."""

import re
from typing import Literal, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from digitbench.document.blocks import (
    Block,
    Chart,
    Document,
    Folded,
    Intervals,
    Picture,
    Section,
    Table,
)
from digitbench.document.intervals import text_figure
from digitbench.errors import legible
from digitbench.wording import listing

# Without a terminal whose width could be asked for; every headline table fits.
WIDTH = 110
# What a narrow terminal does without, one after the other.
_DISPENSABLE = ("adjusted p", "before", "after")
_STYLES = {"better": "bold green", "worse": "bold red"}


def print_terminal(document: Document, stream: TextIO) -> None:
    """Print with the colours and the width of the stream, plain where it is no terminal."""
    width = None if stream.isatty() else WIDTH
    console = Console(file=stream, width=width, highlight=False, soft_wrap=False)
    console.print(_shown(document.title, "bold"))
    console.print()
    console.print(_coloured(document.lead))
    if document.tiles:
        _print_table(console, document.summary())
    for remark in document.remarks:
        console.print(_shown(f"• {remark}"))
    for section in document.sections:
        console.print()
        _print_section(console, section)
    console.print()
    console.print(_shown(document.closing, "dim"))


def _print_section(console: Console, section: Section) -> None:
    if not section.summary:
        console.print(_shown(section.heading, "bold"))
    for block in section.body:
        _print_block(console, block)


def _print_block(console: Console, block: Block) -> None:
    match block:
        case Table():
            _print_table(console, block)
        case Intervals():
            console.print(_shown(f"\n{block.caption}\n"))
            console.print(Text(text_figure(block), no_wrap=True))
        case Chart() | Picture():
            console.print(_shown(block.caption))
        case Folded(summary):
            console.print(_coloured(f"{summary}. --html and --markdown show the table."))
        case _:
            console.print(_shown(block.text))


def _print_table(console: Console, table: Table) -> None:
    whole = console.options.update(width=10**6)
    dropped: list[str] = []
    for title in _DISPENSABLE if "verdict" in table.header else ():
        # Columns that the table takes without a break in any cell.
        if console.measure(_grid(table, dropped), options=whole).maximum <= console.width:
            break
        dropped.append(title)
    note = f"Narrow terminal: without {listing(dropped)}." if dropped else ""
    if caption := " ".join(filter(None, (table.caption, note))):
        console.print(_shown(caption))
    console.print(_grid(table, dropped))


def _grid(table: Table, dropped: list[str]) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    kept = [index for index, title in enumerate(table.header) if title not in dropped]
    numeric = table.numeric_columns()
    for index in kept:
        side: Literal["left", "right"] = "right" if numeric[index] else "left"
        grid.add_column(_shown(table.header[index]), justify=side, overflow="fold")
    for row in table.rows:
        grid.add_row(*(_shown(row[index], _STYLES.get(row[index], "")) for index in kept))
    return grid


def _shown(text: str, style: str = "") -> Text:
    """Text, as a string would be searched for markup, and nothing that a terminal obeys."""
    return Text(legible(text), style=style)


def _coloured(text: str) -> Text:
    shown = _shown(text)
    for word, style in _STYLES.items():
        shown.highlight_regex(re.compile(rf"\b{word}\b"), style)
    return shown
