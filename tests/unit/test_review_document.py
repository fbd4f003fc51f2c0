"""The review as people read it: sentences, tables, figures, and the limits of a comment."""

import io
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest

from digitbench.document.blocks import Code, Document, Interval, Intervals, Prose, Section, Table
from digitbench.document.html import render_html
from digitbench.document.intervals import COLUMNS, text_figure
from digitbench.document.markdown import LEFT_OUT, LIMIT, MARKER, render_comment
from digitbench.document.terminal import print_terminal
from digitbench.results.revision import Metrics, Summary
from digitbench.review.quality import collect_changes, compare_quality
from digitbench.review.revisions import Conditions, Snapshot
from digitbench.review.tell import compose
from review_data import per_seed, record

LEVEL = per_seed(0.9800, 0.9812, 0.9795, 0.9821)
# 100 images more in every seed, give or take one; the least standard deviation is then 10 images,
# and with 3.18 as the quantile for 3 degrees of freedom the interval is 100 ± 3.18 * 10 / 2.
BETTER = per_seed(0.9899, 0.9912, 0.9896, 0.9921)
NOISE = per_seed(0.9811, 0.9801, 0.9802, 0.9819)


def snapshot(label: str, accuracies: dict[str, dict[str, float]], **parts: Any) -> Snapshot:
    metrics = {name: Metrics.model_validate(record(values)) for name, values in accuracies.items()}
    bare = dict.fromkeys(("robustness", "domains", "params", "stages", "packages"))
    return Snapshot(**{"label": label, "metrics": metrics, "timing": {}, **bare, **parts})


def reviewed(before: Snapshot, after: Snapshot) -> Document:
    return compose(before, after, compare_quality(before, after), collect_changes(before, after))


def review(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]) -> Document:
    return reviewed(snapshot("main", before), snapshot("workspace", after))


# --- the first sentence and the remarks ------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (
            {"cnn": LEVEL, "mlp": LEVEL, "rnn": LEVEL},
            {"cnn": BETTER, "mlp": NOISE, "rnn": LEVEL},
            "CNN: better on accuracy (+1.00 points, 95 % interval +0.84 to +1.16). MLP: no "
            "evidence of a change in accuracy. RNN: accuracy unchanged. Beyond accuracy: CNN "
            "better on macro F1, log loss, Brier score and calibration error.",
        ),
        (
            {"cnn": BETTER, "mlp": LEVEL},
            {"cnn": LEVEL, "mlp": BETTER},
            "CNN: worse on accuracy (−1.00 points, 95 % interval −1.16 to −0.84). MLP: better on "
            "accuracy (+1.00 points, 95 % interval +0.84 to +1.16). Beyond accuracy: CNN worse on "
            "macro F1, log loss, Brier score and calibration error; MLP better on macro F1, log "
            "loss, Brier score and calibration error.",
        ),
        (
            {"cnn": LEVEL, "mlp": LEVEL},
            {"cnn": NOISE, "mlp": NOISE},
            "CNN and MLP: no evidence of a change in accuracy.",
        ),
        (
            {"cnn": LEVEL, "gru": LEVEL},
            {"cnn": LEVEL, "gru": LEVEL},
            "CNN and gru: all results unchanged, to the last digit.",
        ),
        (
            {"cnn": per_seed(0.98)},
            {"cnn": per_seed(0.99)},
            "CNN: unknown (one seed before and after, which cannot tell a change from luck).",
        ),
        (
            {"cnn": LEVEL},
            {"mlp": LEVEL},
            "Nothing can be compared: the two revisions have no architecture in common.",
        ),
    ],
)
def test_outcome(
    before: dict[str, dict[str, float]], after: dict[str, dict[str, float]], outcome: str
) -> None:
    assert review(before, after).lead == outcome


def test_seeds_and_missing_counterparts_are_remarked() -> None:
    shifted = {str(int(seed) + 10): value for seed, value in NOISE.items()}
    overlapping = {seed: value for seed, value in NOISE.items() if seed != "0"} | {"7": 0.98}
    found = review(
        {"mlp": LEVEL, "cnn": LEVEL, "rnn": LEVEL, "lstm": LEVEL, "old": LEVEL},
        {"mlp": shifted, "cnn": overlapping, "rnn": shifted, "lstm": NOISE, "new": LEVEL},
    )
    assert found.remarks == [
        "Only after the change: new, not compared.",
        "Only before the change: old, not compared.",
        "MLP and RNN: different seeds, compared as independent samples (0, 1, 2 and 3 before; 10, "
        "11, 12 and 13 after).",
        "CNN: compared on the shared seeds 1, 2 and 3; left out: 0 before and 7 after.",
    ]


def test_pairing_of_all_is_told_once_in_the_caption() -> None:
    table = review({"cnn": LEVEL}, {"cnn": NOISE}).sections[0].blocks[0]
    assert isinstance(table, Table)
    assert table.caption == (
        "10,000 test images; differences in percentage points; paired by seed (0, 1, 2 and 3)."
    )


def test_many_seeds_are_counted() -> None:
    many = per_seed(*[0.98 + index / 10_000 for index in range(30)])
    after = {**{seed: value + 0.001 * (int(seed) % 3) for seed, value in many.items()}, "99": 0.98}
    remark = review({"cnn": many}, {"cnn": after}).remarks[0]
    assert remark == ("CNN: compared on the shared seeds 0 to 29 (30 seeds); left out: 99 after.")


def test_conditions_are_folded_behind_their_verdicts() -> None:
    sides = [
        snapshot(
            "any",
            {"cnn": LEVEL},
            robustness=Conditions(
                1000, {kind: {"cnn": Summary(per_seed=v)} for kind, v in kinds.items()}
            ),
        )
        for kinds in ({"mean": LEVEL, "blur": BETTER}, {"mean": NOISE, "blur": LEVEL})
    ]
    parts = {part.heading: part for part in reviewed(*sides).sections}
    assert parts["Robustness"].summary == (
        "Robustness: worse in 1, no evidence in 1 of 2 comparisons (CNN worse on blur)"
    )
    assert not parts["New domains"].summary
    assert parts["New domains"].blocks == [
        Prose("Cannot be compared: not measured in both revisions.")
    ]


# --- figures ---------------------------------------------------------------------------------


def test_what_did_not_change_takes_no_table() -> None:
    parts = {part.heading: part.blocks for part in large(2, after=LEVEL).sections}
    assert isinstance(parts["Accuracy"][0], Table)
    for heading in ("Other headline metrics", "Robustness", "New domains"):
        assert parts[heading] == [Prose("Unchanged in both revisions, to the last digit.")]


def test_text_figure_stands_to_scale() -> None:
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


def test_figures_are_drawn_of_what_changed_only() -> None:
    def figures(found: Document) -> list[Intervals]:
        return [block for block in found.sections[0].blocks if isinstance(block, Intervals)]

    assert figures(review({"cnn": LEVEL}, {"cnn": LEVEL})) == []
    values, differences = figures(
        review({"cnn": LEVEL, "mlp": LEVEL}, {"cnn": NOISE, "mlp": LEVEL})
    )
    assert [row.label for row in values.rows] == [
        "CNN before",
        "CNN after",
        "MLP before",
        "MLP after",
    ]
    assert [row.label for row in differences.rows] == ["CNN"]
    row = values.rows[1]
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.value < row.high
    assert row.replicates == pytest.approx([100 * value for value in NOISE.values()])


# --- Markdown --------------------------------------------------------------------------------

AWKWARD = r"a|b *c* _d_ <e> `f` @someone #1 [g](h) \ & ~i~"


def unusual(text: str) -> Document:
    table = Table(text, ["x", "y"], [[Code(text), "1"], [text, "better"]])
    sections = [Section(text, [table]), Section("", [Prose(text)], summary=text)]
    return Document(text, text, sections, remarks=[text], closing=text)


def test_marker_is_the_first_line() -> None:
    text = render_comment(review({"cnn": LEVEL}, {"cnn": NOISE}))
    assert text.splitlines()[0] == MARKER == "<!-- digitbench-review -->"


def test_foreign_text_is_neither_markup_nor_a_mention_in_markdown() -> None:
    text = render_comment(unusual(AWKWARD))
    outside = re.sub(r"(`+) ?.*?(?<!`)\1(?!`)", "", text.replace(r"\`", ""))
    assert "<e>" not in outside
    assert "@" not in outside
    assert not re.search(r"(?<!\\)[_~]", outside)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 3, 3]
    assert "| **better** |" in text
    assert "`` a\\|b *c* _d_ <e> `f` @someone #1 [g](h) \\ & ~i~ ``" in text


def test_folded_parts_are_folded_and_blank_lines_let_tables_be_tables() -> None:
    part = Section("h", [Table("", ["x"], [["1"]])], summary="in short")
    text = render_comment(Document("t", "o", [part], closing="c"))
    assert (
        "\n\n<details>\n<summary>in short</summary>\n\n| x |\n|---|\n| 1 |\n\n</details>\n" in text
    )


def large(architectures: int, after: dict[str, float] = NOISE) -> Document:
    """Every part of a review; values of `after` on one side, also under other conditions."""
    names = [f"architecture{index}" for index in range(architectures)]
    sides = []
    for label, values in (("main", LEVEL), ("workspace", after)):
        summaries = {name: Summary(per_seed=values) for name in names}
        kinds = dict.fromkeys(("mean", "blur", "shift"), summaries)
        sides.append(
            snapshot(
                label,
                dict.fromkeys(names, values),
                robustness=Conditions(1000, kinds),
                domains={"usps": Conditions(100, {"box": kinds["mean"]})},
            )
        )
    return reviewed(*sides)


@pytest.mark.parametrize("architectures", [1, 40, 60, 140, 300])
def test_comment_stays_within_the_limit(architectures: int) -> None:
    text = render_comment(large(architectures))
    assert len(text.encode()) <= LIMIT
    assert len(text) <= 65_536
    assert text.startswith(MARKER)
    assert (LEFT_OUT in text or "Cut here" in text) == (architectures > 40)


def test_folded_parts_go_first_and_from_the_end() -> None:
    found = large(6)
    whole = render_comment(found)
    seen = []
    for limit in range(len(whole.encode()), 3_000, -200):
        text = render_comment(found, limit)
        assert len(text.encode()) <= limit
        state = (
            "| usps, box |" in text,
            "| blur |" in text,
            text.count("| calibration error |") == 6,
            "How to read this" in text,
        )
        if state not in seen:
            seen.append(state)
    assert seen == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
        (False, False, False, False),
    ]


# --- terminal --------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(found: Document, monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    print_terminal(found, stream)
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
def test_narrow_terminal_loses_columns_rather_than_lines(
    monkeypatch: pytest.MonkeyPatch, columns: int, lost: str
) -> None:
    lines = printed(review({"lstm": LEVEL}, {"lstm": NOISE}), monkeypatch, columns)
    assert max(map(len, lines)) <= columns
    start = next(i for i, line in enumerate(lines) if line.startswith("Macro F1: "))
    table = [line for line in lines[start:] if line.startswith("LSTM ")]
    assert [" ".join(line.split()[1:3]) for line in table[:3]] == [
        "macro F1",
        "log loss",
        "Brier score",
    ]
    assert all(line.rstrip().endswith("no evidence") for line in table[:4])
    said = " ".join(" ".join(lines[start : start + 3]).split())
    assert ("Narrow terminal" in said) == bool(lost)
    assert f"without {lost}." in said or not lost


def test_folded_parts_are_one_sentence_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Section("h", [Table("", ["x"], [["hidden"]])], summary="Robustness: unchanged")
    lines = printed(Document("t", "o", [part], closing="c"), monkeypatch, 80)
    assert "Robustness: unchanged. --html and --markdown show the table." in lines
    assert not any("hidden" in line for line in lines)


# --- HTML ------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags that are left open, addresses, and the text."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_page_is_whole_and_needs_nothing_but_itself() -> None:
    text = render_html(large(3))
    page = Page(text)
    assert page.open == []
    assert page.tags.count("svg") == 2
    assert page.tags.count("details") == 2
    assert "script" not in page.tags
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"url\((?!#)|@import", text)
    for drawing in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        ET.fromstring(drawing)


def test_foreign_text_is_no_markup_in_a_page() -> None:
    page = Page(render_html(unusual("<script>alert(1)</script>")))
    assert "script" not in page.tags
    assert "".join(page.words).count("<script>alert(1)</script>") >= 6


def test_page_and_comment_say_the_same() -> None:
    found = large(2)
    words = " ".join("".join(Page(render_html(found)).words).split())
    plain = re.sub(r"\\(.)", r"\1", render_comment(found))
    for text in (found.lead, found.closing, *(part.summary for part in found.sections)):
        assert " ".join(text.split()) in words
        assert text in plain


def test_columns_of_numbers_are_told_from_words() -> None:
    rows = [
        ["1", "−0.12", "unchanged", "a 1", "1", Code("1.0")],
        ["2", "+3.4 to +5", "—", "2", "< 0.001", "—"],
    ]
    expected = [False, True, True, False, True, False]
    assert Table("", [""] * 6, rows).numeric_columns() == expected
