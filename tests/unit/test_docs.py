"""Commands that the documents name are accepted, links lead somewhere, and figures are fresh."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.cli import DvcParserError, parse_args
from typer.testing import CliRunner

from digitbench.cli import app
from digitbench.results.records import ModelRecord
from digitbench.wording import decimal

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)
# Names in the text that stand for what a reader has.
ELSEWHERE = {"export", "uv", "pre-commit", ".ci/review", "dask", "pip"}


def commands(document: str) -> Iterator[list[str]]:
    """The commands of the console blocks, and those in the text that are set as code."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    for block in blocks:
        lines = block.replace("\\\n", " ").splitlines()
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in prompted or lines:
            yield from split(line)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`((?:dvc|digitbench|make|git) [^`]+)`", prose):
        yield from split(" ".join(code.split()))


def split(line: str) -> Iterator[list[str]]:
    for part in line.split("&&"):
        words = shlex.split(part, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words:
            yield words


def accept(words: list[str]) -> None:
    """Let the program parse its command line, or fail as it would."""
    program, *arguments = words
    match program:
        case "dvc":
            parse_args(arguments)
        case "digitbench":
            # --help is answered only where the rest of the line was understood.
            assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0, words
        case "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            targets = [word for word in arguments if "=" not in word]
            assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in targets), words
        case "git":
            known = subprocess.check_output(["git", "--list-cmds=main"], text=True).split()
            assert arguments[0] in known, words
        case _:
            assert program in ELSEWHERE, words


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_is_accepted(document: str) -> None:
    found = list(commands(document))
    assert found
    for words in found:
        accept(words)


@pytest.mark.parametrize(
    "line",
    ["dvc exp run --nonsense", "digitbench rewiew", "digitbench review --nonsense", "make nothing"],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises((AssertionError, DvcParserError)):
        accept(shlex.split(line))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    file = ROOT / document
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", file.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (file.parent / link).exists()] == []


# --- figures of the guide ----------------------------------------------------------------------

GUIDE = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
AGAIN = "the committed results have changed: run the guide's commands again"


def test_the_guide_compares_and_lists_the_committed_metrics() -> None:
    lines = re.findall(r"^metrics/summary/(\w+)\.json +(\w+) +(\S+) ", GUIDE, re.MULTILINE)
    assert len(lines) > 5
    (listed,) = re.findall(r"^ +main .*? (0\.\d+) ", GUIDE, re.MULTILINE)
    for name, key, head in [*lines, ("mlp", "accuracy", listed)]:
        content = json.loads((ROOT / f"metrics/summary/{name}.json").read_text(encoding="utf-8"))
        assert float(head) == content[key], AGAIN


def test_the_guide_reviews_the_committed_metrics() -> None:
    row = r"^(MLP|CNN|RNN|LSTM) .*?  (\d+\.\d+) %  \d+\.\d+ %  "
    before = dict(re.findall(row, GUIDE, re.MULTILINE))
    assert len(before) == 4
    records = {name: ModelRecord.read(ROOT / f"metrics/{name.lower()}.json") for name in before}
    found = {name: decimal(100 * record.accuracy.mean) for name, record in records.items()}
    assert before == found, AGAIN
