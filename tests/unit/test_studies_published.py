"""What the papers report: that the files hold all of it, and what is refused."""

import copy
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from digitbench.errors import DigitbenchError
from digitbench.results.studies import LITERATURE
from digitbench.studies.findings import FINDINGS
from digitbench.studies.published import Answer, Number, Published, load_all

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "studies" / "nguyen2026" / "published.yaml"
CONTENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
BUT_YAML = shutil.ignore_patterns("metrics", "plots", "models", "data")

# Read from the papers once more, apart from the files: model, metric, dataset and value.
REPORTED: dict[str, str] = {
    "nguyen2026": """
        mlp accuracy mnist 97.7 | mlp macro_recall mnist 96.9 | mlp macro_precision mnist 97.0
        mlp macro_f1 mnist 97.0 | cnn accuracy mnist 98.9 | cnn macro_recall mnist 98.4
        cnn macro_precision mnist 98.4 | cnn macro_f1 mnist 98.4 | cnn error_reduction mnist 52
        mlp seconds_per_epoch mnist 10.8 | cnn seconds_per_epoch mnist 12.6
        mlp confusion_9>4 mnist 1.68 | mlp confusion_9>7 mnist 1.00 | mlp confusion_2>8 mnist 0.79
        mlp confusion_5>3 mnist 0.99 | cnn confusion_9>4 mnist 0.55 | cnn confusion_2>8 mnist 0.10
        mlp parameters - 235146 | cnn parameters - 421642""",
    "pedrogiu13": """
        mlp accuracy mnist 98.01 | cnn accuracy mnist 99.44 | mlp accuracy usps 41.18
        cnn accuracy usps 97.45 | mlp parameters - 243530 | cnn parameters - 1261450""",
    "report2002": """
        cnn accuracy mnist 99.2 | rnn accuracy mnist 96.4 | mlp accuracy mnist 97.7
        cnn macro_auc mnist 1.0 | rnn macro_auc mnist 1.0 | mlp macro_auc mnist 1.0""",
    "pavon2025": """
        cnn accuracy mnist 98.5 | cnn macro_precision mnist 98.4 | cnn macro_recall mnist 98.5
        cnn macro_f1 mnist 98.4 | earlier_CNN accuracy mnist 98.2 | earlier_CNN accuracy mnist 98.3
        earlier_CNN accuracy mnist 98.4 | earlier_CNN accuracy mnist 98.6
        earlier_CNN accuracy mnist 98.7""",
    "toyobo2025": """
        cnn accuracy mnist 99.31 | lstm accuracy mnist 98.90
        both macro_precision mnist 99.0 | both macro_recall mnist 99.0
        both macro_f1 mnist 99.0""",
}
# What contradicts another number of its paper is listed, not judged.
CONTRADICTIONS = {"nguyen2026": "conclusion says 99.6 %", "pedrogiu13": "1,261,452 parameters"}
SPREADS = {
    ("mlp", "accuracy"): "0.2",
    ("mlp", "macro_recall"): "1.2",
    ("mlp", "macro_precision"): "0.8",
    ("mlp", "macro_f1"): "0.9",
    ("cnn", "accuracy"): "0.2",
    ("cnn", "macro_recall"): "1.0",
    ("cnn", "macro_precision"): "0.5",
    ("cnn", "macro_f1"): "0.7",
}


def told(number: Number) -> str:
    words = (number.model, number.metric, number.dataset or "-", number.value)
    return " ".join(word.replace(" ", "_") for word in words)


@pytest.mark.parametrize("key", REPORTED)
def test_the_file_holds_every_number_of_the_paper_and_no_other(
    key: str, studies: dict[str, Published]
) -> None:
    reported = " ".join(REPORTED[key].replace("\n", "|").split())
    expected = sorted(item.strip() for item in reported.split("|") if item.strip())
    assert sorted(told(n) for n in (*studies[key].results, *studies[key].other)) == expected


@pytest.mark.parametrize(("key", "text"), CONTRADICTIONS.items())
def test_a_number_that_contradicts_another_is_no_result(
    key: str, text: str, studies: dict[str, Published]
) -> None:
    assert sum(text in item for item in studies[key].contradictions) == 1


# Numbers whose sizes, epochs or variant are our choice.
OPEN = {"pedrogiu13": 2, "report2002": 2, "pavon2025": 4, "toyobo2025": 5}


def test_what_is_our_choice_is_said_of_the_numbers(studies: dict[str, Published]) -> None:
    found = {
        key: sum(n.open is not None for n in (*study.results, *study.other))
        for key, study in studies.items()
    }
    assert {key: count for key, count in found.items() if count} == OPEN
    usps = [n for n in studies["pedrogiu13"].results if n.dataset == "usps"]
    assert all(n.open for n in usps)
    assert {n.runs for study in studies.values() for n in study.results} == {1}


def test_the_spreads_are_those_of_the_only_table_that_has_them(
    studies: dict[str, Published],
) -> None:
    found = {
        (key, n.model, n.metric): n.spread
        for key in REPORTED
        for n in (*studies[key].results, *studies[key].other)
        if n.spread
    }
    assert found == {("nguyen2026", *place): spread for place, spread in SPREADS.items()}


def test_studies_are_found_and_stand_in_their_order_with_all_lists(
    studies: dict[str, Published], tmp_path: Path
) -> None:
    assert list(studies) == [*REPORTED, LITERATURE]
    for key in REPORTED:
        study = studies[key]
        assert all((study.contradictions, study.choices, study.questions)), key
    shutil.copytree(ROOT / "studies", tmp_path / "studies", ignore=BUT_YAML)
    sixth = tmp_path / "studies" / "another2027" / "published.yaml"
    sixth.parent.mkdir()
    sixth.write_text(yaml.safe_dump({**CONTENT, "position": 6}), encoding="utf-8")
    assert list(load_all(tmp_path)) == [*REPORTED, "another2027", LITERATURE]


def test_every_answer_that_can_be_asked_for_is_there_and_asked_for(
    studies: dict[str, Published],
) -> None:
    asked = {question.answer for study in studies.values() for question in study.questions}
    assert asked == set(FINDINGS) == set(get_args(Answer))


def test_rounding_reaches_half_a_unit_of_the_last_digit_written() -> None:
    def ends(**keys: Any) -> tuple[Decimal, Decimal]:
        base = {"model": "m", "metric": "accuracy", "protocol": "test", "place": "p"}
        return Number(**base, **keys).rounding

    assert ends(value="98.9") == (Decimal("98.85"), Decimal("98.95"))
    assert ends(value="98.90") == (Decimal("98.895"), Decimal("98.905"))
    assert ends(value="52") == (Decimal("51.5"), Decimal("52.5"))
    assert ends(value="99.0", rounded_to="1") == (Decimal("98.5"), Decimal("99.5"))
    assert ends(value="96.6", until="96.9") == (Decimal("96.55"), Decimal("96.95"))


# --- what is refused -------------------------------------------------------------------------

GONE = object()
# Key, what stands there instead, and the sentence.
REFUSED: list[tuple[str, Any, str]] = [
    ("results.0.value", 97.7, r'97\.7 is not allowed; .* must be a number in quotes, .*"98\.90"'),
    ("results.2.valeu", "1", r"unknown key; did you mean 'value'\?"),
    ("results.1.place", GONE, r"missing; it must be where the paper says it\."),
    ("other.4.parts", [320, 18_496], r"the parts add up to 18,816, the value is 421642\."),
    (
        "results.8.metric",
        "confusion 9>12",
        r"'confusion 9>12' is not allowed; .*accuracy, .*9>4",
    ),
    ("results.1.metric", "macro_auc", r"protocol 'pooled' does not fit macro_auc on 'mnist'\."),
    ("results.0.dataset", "usps", r"protocol 'validation' does not fit accuracy on 'usps'\."),
    ("other.0.against", GONE, r"error_reduction, and nothing else, needs 'against'\."),
    ("results.0.runs", 0, r"0 is not allowed; .* must be a whole number from 1: how many runs"),
    ("trials", [], "unknown key; "),
    ("questions.0.answer", "fortytwo", r"'fortytwo' is not allowed; .* must be the name of an"),
    ("questions.0.pairs", [[4, 10]], r"10 is not allowed; .* must be a list of pairs of digits\."),
    ("results", [], r"\[\] is not allowed"),
    ("position", GONE, "missing; it must be a whole number"),
    ("title", GONE, r"missing; it must be a text\."),
]


@pytest.mark.parametrize(("key", "value", "told"), REFUSED, ids=lambda _: "")
def test_what_does_not_fit_is_refused_in_a_sentence(
    key: str, value: Any, told: str, tmp_path: Path
) -> None:
    content = copy.deepcopy(CONTENT)
    *path_to, last = key.split(".")
    place: Any = content
    for part in path_to:
        place = place[int(part) if part.isdigit() else part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    path = tmp_path / "studies" / "a_study" / "published.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "studies" / "literature.yaml").write_bytes(FILE.read_bytes())
    # What does not fit together is said of the whole entry, a pair by its place in the list.
    where = rf"{'.'.join(path_to)}(\.{last}(\.0\.1)?)?: " if path_to else f"{last}: "
    with pytest.raises(DigitbenchError, match=rf"published\.yaml: {where}{told}"):
        load_all(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DigitbenchError, match=r"literature\.yaml: cannot be read"):
        load_all(tmp_path)
