"""The review as people read it: sentences, tables, figures."""

import io
import math
import re

import pytest
from statsmodels.stats.power import TTestPower

from digitbench.document.blocks import Document, Intervals, Prose, Table
from digitbench.document.html import render_html
from digitbench.document.markdown import render_comment
from digitbench.document.terminal import WIDTH, print_terminal
from digitbench.review.quality import collect_changes, compare_quality
from digitbench.review.revisions import Snapshot
from digitbench.review.tell import compose
from pages import Page, wrong_plurals
from review_data import BETTER, LEVEL, NOISE, WIDE, PerSeed, conditions, per_seed, snapshot


def reviewed(before: Snapshot, after: Snapshot) -> Document:
    return compose(before, after, compare_quality(before, after), collect_changes(before, after))


def review(before: dict[str, PerSeed], after: dict[str, PerSeed]) -> Document:
    return reviewed(snapshot(before, "main"), snapshot(after, "workspace"))


# --- the first sentence and the remarks ------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (
            {"cnn": LEVEL, "mlp": LEVEL, "rnn": LEVEL},
            {"cnn": BETTER, "mlp": NOISE, "rnn": LEVEL},
            "CNN: better on accuracy (+1.00 points, 95 % interval +0.84 to +1.16). MLP: the same "
            "accuracy within ±0.2 points. RNN: accuracy unchanged. Beyond accuracy: CNN "
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
            {"cnn": LEVEL, "mlp": LEVEL, "rnn": LEVEL},
            {"cnn": WIDE, "mlp": NOISE, "rnn": WIDE},
            "CNN and RNN: no evidence either way on accuracy. MLP: the same accuracy within ±0.2 "
            "points.",
        ),
        (
            {"cnn": LEVEL, "gru": LEVEL},
            {"cnn": LEVEL, "gru": LEVEL},
            "CNN and GRU: all results unchanged, to the last digit.",
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
def test_outcome(before: dict[str, PerSeed], after: dict[str, PerSeed], outcome: str) -> None:
    assert review(before, after).lead == outcome


def test_no_evidence_comes_with_what_could_have_been_found() -> None:
    others = per_seed(0.9850, 0.9790, 0.9815, 0.9779, 0.98, first=10)
    far = per_seed(0.99, 0.90, 0.97, 0.80)
    found = review(
        {"cnn": LEVEL, "mlp": LEVEL, "gru": LEVEL, "rnn": LEVEL},
        {"cnn": WIDE, "mlp": LEVEL, "gru": far, "rnn": others},
    )
    told = [remark for remark in found.remarks if "in four of five cases" in remark]
    # At Holm's first step of three tests, 0.05 / 2 / 3, 200,000 simulated t-tests of four values
    # find 3.958 standard deviations in 80.1 %; within a seed the CNN's differences spread by 0.4139
    # points. Seeds by statsmodels.
    needed = math.ceil(TTestPower().solve_power(0.2 / 0.4139, power=0.8, alpha=0.05 / 6))
    assert told[0] == (
        "CNN: 4 seeds find a difference of 1.64 points in four of five cases; to find ±0.2 points "
        f"takes {needed} seeds."
    )
    assert [remark.split(":")[0] for remark in told] == ["CNN", "GRU", "RNN"]
    assert told[2].startswith("RNN: 4 and 5 seeds find")
    assert told[1].endswith("; to find ±0.2 points no number of seeds up to 1,000 is enough.")


def test_seeds_and_missing_counterparts_are_remarked() -> None:
    shifted = {seed + 10: value for seed, value in NOISE.items()}
    overlapping = {seed: value for seed, value in NOISE.items() if seed != 0} | {7: 0.98}
    found = review(
        {"mlp": LEVEL, "cnn": LEVEL, "rnn": LEVEL, "lstm": LEVEL, "old": LEVEL},
        {"mlp": shifted, "cnn": overlapping, "rnn": shifted, "lstm": NOISE, "new": LEVEL},
    )
    assert [remark for remark in found.remarks if "four of five" not in remark] == [
        "Only after the change: NEW, not compared.",
        "Only before the change: OLD, not compared.",
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


def test_verdicts_stand_before_numbers_in_every_table_that_has_them() -> None:
    tables = [block for block in whole().blocks if isinstance(block, Table)]
    judged = [table for table in tables if "verdict" in table.header]
    assert len(judged) == 4
    for table in judged:
        place = table.header.index("verdict")
        assert not any(table.numeric_columns()[: place + 1])
        assert {row[place] for row in table.rows} <= {"same within ±0.2 points", "no evidence"}


def test_many_seeds_are_counted() -> None:
    many = per_seed(*[0.98 + index / 10_000 for index in range(30)])
    after = {**{seed: value + 0.001 * (seed % 3) for seed, value in many.items()}, 99: 0.98}
    remark = review({"cnn": many}, {"cnn": after}).remarks[0]
    assert remark == ("CNN: compared on the shared seeds 0 to 29 (30 seeds); left out: 99 after.")


def test_one_seed_and_one_comparison_are_no_plurals(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = ({7: 0.98}, {7: 0.97})
    before, after = (
        snapshot({"cnn": side}, "any", robustness=conditions(1000, blur=side)) for side in sides
    )
    document = reviewed(before, after)
    shown = io.StringIO()
    print_terminal(document, shown)
    told = (shown.getvalue(), render_comment(document), Page(render_html(document)).text)
    assert wrong_plurals(" ".join(" ".join(told).split())) == []
    assert "of 1 comparison" in shown.getvalue()


def test_thirty_seeds_fit_a_terminal() -> None:
    seeds = {seed: 0.98 + seed / 1e4 for seed in range(30)}
    shown = io.StringIO()
    print_terminal(review({"cnn": seeds}, {"cnn": dict.fromkeys(seeds, 0.97)}), shown)
    assert max(map(len, shown.getvalue().splitlines())) <= WIDTH


def test_conditions_are_folded_behind_their_verdicts() -> None:
    sides = [
        snapshot({"cnn": LEVEL}, robustness=conditions(1000, **kinds))
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


def whole(after: PerSeed = NOISE) -> Document:
    """Every part of a review; values of `after` on one side, also under other conditions."""
    names = ("mlp", "lstm")
    sides = [
        snapshot(
            dict.fromkeys(names, values),
            label,
            robustness=conditions(1000, *names, mean=values, blur=values, shift=values),
            domains={"usps": conditions(100, *names, box=values)},
        )
        for label, values in (("main", LEVEL), ("workspace", after))
    ]
    return reviewed(*sides)


# --- figures ---------------------------------------------------------------------------------


def test_what_did_not_change_takes_no_table() -> None:
    parts = {part.heading: part.blocks for part in whole(after=LEVEL).sections}
    assert isinstance(parts["Accuracy"][0], Table)
    for heading in ("Other headline metrics", "Robustness", "New domains"):
        assert parts[heading] == [Prose("Unchanged in both revisions, to the last digit.")]


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


# --- forms -----------------------------------------------------------------------------------


def test_page_comment_and_terminal_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found, stream = whole(), io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    print_terminal(found, stream)
    lines = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue()).splitlines()
    assert max(map(len, lines)) <= 80, "its tables can do without some columns"
    page = Page(render_html(found))
    assert page.fetches_nothing()
    forms = (page.text, re.sub(r"\\(.)", r"\1", render_comment(found)), " ".join(lines))
    for text in (found.lead, found.closing, *(part.summary for part in found.sections)):
        assert [text in " ".join(form.split()) for form in forms] == [True] * 3
