"""One document as a page, as Markdown, as a comment and in a terminal: the same words, and safe."""

import io
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from digitbench.document.blocks import (
    Chart,
    Code,
    Command,
    Document,
    Folded,
    Interval,
    Intervals,
    Markdown,
    Picture,
    Prose,
    Section,
    Table,
    Tile,
)
from digitbench.document.html import render_html
from digitbench.document.intervals import COLUMNS, text_figure
from digitbench.document.markdown import (
    LEFT_OUT,
    LIMIT,
    MARKER,
    aligned_table,
    escaped,
    figure_files,
    render_comment,
    render_markdown,
)
from digitbench.document.terminal import print_terminal
from digitbench.figures.style import new_figure
from pages import Page

AWKWARD = r"a|b *c* _d_ <e> `f` @someone #1 [g](h) \ & ~i~"
PNG = b"\x89PNG\r\n\x1a\n"


def everything(text: str) -> Document:
    """Every kind of block, with the same text wherever there is one."""
    table = Table(text, ["", text, "verdict"], [[Code(text), text, "better"], ["b", "c", "worse"]])
    rows = [Interval("cnn", "CNN", 1.0, 0.5, 1.5, (0.9, 1.1))]
    blocks = [
        Prose(text),
        Command(text),
        table,
        Chart("chart", new_figure(2, 1), text, text),
        Folded(text, [Picture("picture", PNG, text, text)]),
        Intervals(text, "points", rows, zero=True),
    ]
    return Document(
        title=text,
        lead=text,
        tiles=[Tile(text, text, text)],
        remarks=[text],
        sections=[
            Section(text, blocks, anchor="one"),
            Section("folded", [table], summary=text),
        ],
        closing=text,
    )


# --- the same words, and no others -----------------------------------------------------------


def test_the_page_needs_nothing_but_itself_and_folds_what_has_a_summary() -> None:
    html = render_html(everything("words"))
    page = Page(html)
    assert page.fetches_nothing()
    assert page.tags.count("svg") == 2
    assert page.tags.count("details") == 2
    assert page.values("href", "a") == ["#one"]
    assert page.values("id", "section") == ["one"]
    assert page.values("src", "img") == ["data:image/png;base64,iVBORw0KGgo="]
    for drawing in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        ET.fromstring(drawing)


def test_what_is_not_there_leaves_nothing_behind() -> None:
    document = Document("title", "lead", [Section("heading", [])])
    tags = Page(render_html(document)).tags
    assert {"nav", "ul", "details"}.isdisjoint(tags)
    assert render_markdown(document) == "# title\n\n**lead**\n\n## heading\n"
    assert render_comment(document) == f"{MARKER}\n\n## title\n\n**lead**\n\n### heading\n"


@pytest.mark.parametrize("text", [AWKWARD, '<script>alert("1")</script> & <b>'])
def test_foreign_text_is_never_markup_in_a_page(text: str) -> None:
    page = Page(render_html(everything(text)))
    assert {"script", "b", "e"}.isdisjoint(page.tags)
    # Title twice, lead, tile 3, remark, heading in the menu and above the section, prose, command,
    # table 5 and 5 again, chart 2, picture 2 and its fold, intervals 2, summary, closing.
    assert page.text.count(" ".join(text.split())) == 30


@pytest.mark.parametrize("render", [render_markdown, render_comment])
def test_foreign_text_is_neither_markup_nor_a_mention_in_markdown(render: type) -> None:
    text = render(everything(AWKWARD))
    outside = re.sub(r"```console.*?```", "", text, flags=re.DOTALL)
    outside = re.sub(r"(`+) ?.*?(?<!`)\1(?!`)", "", outside.replace(r"\`", ""), flags=re.DOTALL)
    assert "<e>" not in outside
    assert not re.search("@(?!\u200b)", outside)
    assert "@\u200bsomeone" in outside, "it reads as it was written, and addresses nobody"
    assert not re.search(r"(?<!\\)[_~]", outside)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert "| **better** |" in text
    assert "`` a\\|b *c* _d_ <e> `f` @someone #1 [g](h) \\ & ~i~ ``" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p < 0.001", "p < 0.001"),
        ("n_in·n_out on x86_64", "n_in·n_out on x86_64"),
        ("_a_ __b__ c_ _d a__b", r"\_a\_ \_\_b\_\_ c\_ \_d a\_\_b"),
        ("<a <1 <", "&lt;a &lt;1 &lt;"),
        ("two\n lines", "two lines"),
        (Markdown("**ours** [a](b)"), "**ours** [a](b)"),
    ],
)
def test_what_nobody_takes_for_markup_stays_legible(text: str, shown: str) -> None:
    assert escaped(text) == shown


# --- tables ----------------------------------------------------------------------------------


def test_columns_of_numbers_are_told_from_words() -> None:
    rows = [
        ["1", "−0.12", "0", "a 1", "1", Code("1.0")],
        ["2", "+3.4 to +5", "—", "2", "< 0.001", "—"],
    ]
    expected = [False, True, True, False, True, False]
    assert Table("", [""] * 6, rows).numeric_columns() == expected


def test_an_aligned_table_is_rectangular() -> None:
    assert aligned_table([["", "a long header"], ["name", "1"], ["n", "1,234"]]).splitlines() == [
        "|      | a long header |",
        "| ---  |          ---: |",
        "| name |             1 |",
        "| n    |         1,234 |",
    ]


# --- a comment -------------------------------------------------------------------------------


def test_a_comment_starts_with_its_marker_and_blank_lines_let_tables_be_tables() -> None:
    section = Section("h", [Table("", ["x"], [["1"]])], summary="in short")
    text = render_comment(Document("t", "o", [section], closing="c"))
    assert text.splitlines()[0] == MARKER == "<!-- digitbench-review -->"
    assert (
        "\n\n<details>\n<summary>in short</summary>\n\n| x |\n|---|\n| 1 |\n\n</details>\n" in text
    )


def long(rows: int) -> Document:
    """Two open sections and two folded ones, all of them long."""

    def table(name: str) -> Table:
        cells = [f"{name} {index}" for index in range(rows)]
        return Table("", ["", "words"], [[cell, "no evidence " * 5] for cell in cells])

    lines = [Interval("cnn", f"architecture{index}", index) for index in range(rows)]
    sections = [
        Section("Accuracy", [table("accuracy"), Intervals("", "%", lines, zero=False)]),
        Section("Robustness", [table("robust")], summary="Robustness: no evidence"),
        Section("New domains", [table("domain")], summary="New domains: no evidence"),
    ]
    return Document("title", "lead", sections, closing="How to read this")


@pytest.mark.parametrize("rows", [1, 100, 400, 4000])
def test_a_comment_stays_within_the_limit(rows: int) -> None:
    text = render_comment(long(rows))
    assert len(text.encode()) <= LIMIT < 65_536
    assert text.startswith(MARKER)
    assert (LEFT_OUT in text) == (rows > 100)


def test_a_comment_is_cut_where_nothing_else_helps() -> None:
    text = render_comment(replace(long(1), remarks=["é" * 100] * 1000))
    assert LIMIT - 300 < len(text.encode()) <= LIMIT
    assert text.endswith(
        "… Cut here, because a comment must stay short: digitbench review --html shows all.\n"
    )


def test_folded_sections_go_first_and_from_the_end_then_rows() -> None:
    document = long(30)
    seen = []
    for limit in range(len(render_comment(document).encode()), 2_000, -100):
        text = render_comment(document, limit)
        assert len(text.encode()) <= limit
        shown = ("domain 29", "robust 29", "accuracy 29", "architecture29", "How to read this")
        seen.append(tuple(each in text for each in shown))
    assert list(dict.fromkeys(seen)) == [
        (True, True, True, True, True),
        (False, True, True, True, True),
        (False, False, True, True, True),
        (False, False, False, False, True),
        (False, False, False, False, False),
    ]


# --- figures ---------------------------------------------------------------------------------


def test_figures_lie_beside_the_markdown() -> None:
    document = everything("words")
    files = figure_files(document)
    assert list(files) == ["chart.png", "picture.png"]
    assert files["chart.png"].startswith(PNG)
    assert files["picture.png"] == PNG
    shown = re.findall(r"!\[words\]\((.*)\)", render_markdown(document))
    assert shown == [f"figures/{name}" for name in files]


def test_a_text_figure_stands_to_scale() -> None:
    rows = [
        Interval("cnn", "CNN", 0.0, -1.0, 1.0),
        Interval("mlp", "MLP", 0.5, 0.5, 0.5),
        Interval("rnn", "a long name", 1.0),
    ]
    lines = text_figure(Intervals("", "points", rows, zero=True)).splitlines()
    start = len("a long name") + 2
    tracks = [line[start : start + COLUMNS] for line in lines]
    zero = tracks[0].index("●")
    assert tracks[2][zero] == "┊"
    assert zero - tracks[0].index("├") == pytest.approx(tracks[0].index("┤") - zero, abs=1)
    assert tracks[1].index("●") - zero == pytest.approx((tracks[2].index("●") - zero) / 2, abs=1)
    assert [line.split()[-1] for line in lines] == ["+0.00", "+0.50", "+1.00", "points"]


# --- a terminal ------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(document: Document, monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    print_terminal(document, stream)
    return re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()


@pytest.mark.parametrize(
    ("columns", "lost"),
    [
        (120, ""),
        (100, "adjusted p"),
        (90, "adjusted p and before"),
        (80, "adjusted p, before and after"),
    ],
)
def test_a_narrow_terminal_loses_columns_rather_than_lines(
    monkeypatch: pytest.MonkeyPatch, columns: int, lost: str
) -> None:
    cells = {
        "architecture": "LSTM",
        "metric": "calibration error",
        "before": "0.0043",
        "after": "0.0045",
        "difference": "+0.0002",
        "95 % interval": "−0.0019 to +0.0023",
        "adjusted p": "1.000",
        "verdict": "no evidence",
    }
    table = Table("In short.", [*cells], [[*cells.values()]])
    lines = printed(Document("t", "o", [Section("h", [table])]), monkeypatch, columns)
    assert max(map(len, lines)) <= columns
    (row,) = (line for line in lines if line.startswith("LSTM "))
    assert {title for title, cell in cells.items() if cell not in row} == {
        title for title in cells if title in lost
    }
    caption = "In short." + (f" Narrow terminal: without {lost}." if lost else "")
    assert caption in " ".join(" ".join(lines).split())


def test_every_block_is_told_in_a_terminal_and_what_is_folded_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = printed(everything("words"), monkeypatch, 120)
    assert lines.count("words. --html and --markdown show the table.") == 2
    # Title, lead, remark, heading, prose, command, captions of three blocks, closing.
    assert sum(line.strip("• ") == "words" for line in lines) == 10
    assert sum("●" in line for line in lines) == 1
