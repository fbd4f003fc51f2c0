"""Bad input, generated: every reader refuses it in a sentence, or takes it and it makes sense."""

from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bad_input.doors import DOORS, VARIABLES, Door, Variable
from bad_input.sense import legible
from digitbench.errors import DigitbenchError

LONGEST = 2_000  # characters of a message


def listing() -> dict[str, int]:
    return {str(path): path.stat().st_size for path in Path().rglob("*") if path.is_file()}


def told(error: DigitbenchError, names: list[str]) -> None:
    """The message is for people."""
    text = str(error)
    assert len(text) <= LONGEST, len(text)
    assert any(name in text for name in names), text
    legible(text)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with chdir(tmp_path):
        yield tmp_path


def written(door: Door, folder: Path) -> None:
    for path, content in door.files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


@pytest.mark.parametrize("name", DOORS)
def test_what_is_valid_is_let_in(name: str, folder: Path) -> None:
    written(DOORS[name], folder)
    DOORS[name].sensible(DOORS[name].read())


@pytest.mark.parametrize("name", DOORS)
def test_what_is_spoilt_is_refused_or_makes_sense(
    name: str, folder: Path, tally: Counter[tuple[str, str]]
) -> None:
    door = DOORS[name]
    written(door, folder)
    spoils, valid = door.spoils(), door.files()
    usual = settings().max_examples
    cases = max(10, usual // door.weight)

    @settings(max_examples=cases)
    @given(st.data())
    def look(drawn: st.DataObject) -> None:
        path = drawn.draw(st.sampled_from(sorted(spoils)), "file")
        content = drawn.draw(spoils[path], "content")
        Path(path).write_bytes(content)
        before = listing()
        try:
            found = door.read()
        except DigitbenchError as error:
            tally[name, "refused"] += 1
            told(error, [*door.names, *(Path(other).name for other in valid)])
        else:
            tally[name, "accepted"] += 1
            door.sensible(found)
        finally:
            Path(path).write_bytes(valid[path])
        assert before.keys() == listing().keys(), "something was written"

    look()


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_variable_is_refused_or_makes_sense(
    variable: Variable,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tally: Counter[tuple[str, str]],
) -> None:
    @given(variable.values)
    def look(value: str) -> None:
        try:
            monkeypatch.setenv(variable.name, value)
        except (UnicodeError, ValueError):
            return  # no system lets it in
        try:
            found: Any = variable.read()
        except DigitbenchError as error:
            tally[variable.name, "refused"] += 1
            told(error, [variable.name])
        else:
            tally[variable.name, "accepted"] += 1
            variable.sensible(found)
        assert not any(folder.iterdir())

    look()
