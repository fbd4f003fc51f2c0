"""What the user's environment says, read the same way in whichever folder a stage runs."""

from pathlib import Path

import pytest

from digitbench.download.folder import drop_in_folder
from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.environment import path_from, prepare_libraries
from digitbench.errors import DigitbenchError

ELSEWHERE = ("studies", ".dvc/tmp/exps/tmp1")


@pytest.fixture(params=[".", *ELSEWHERE])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project, whose stage runs in one of several folders."""
    folder = tmp_path / request.param
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("value", "place"),
    [("digits", "digits"), ("../digits", "../digits"), ("~", "home"), ("~/digits", "home/digits")],
)
def test_a_path_counts_from_the_root_or_from_home(
    value: str, place: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PATH", value)
    assert path_from("A_PATH") == project / place
    monkeypatch.setenv("A_PATH", str(project / place))
    assert path_from("A_PATH") == project / place


@pytest.mark.parametrize("value", ["", None])
def test_what_is_not_set_is_no_path(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_PATH", raising=False)
    if value is not None:
        monkeypatch.setenv("A_PATH", value)
    assert path_from("A_PATH") is None


def test_the_home_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PATH", "~nobody-here/digits")
    with pytest.raises(DigitbenchError, match="A_PATH=~nobody-here/digits: there is no such home"):
        path_from("A_PATH")


def test_a_drop_in_folder_that_is_not_there_is_told_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DROP_IN_VARIABLE, "digits")
    with pytest.raises(DigitbenchError, match=f"names {project}/digits, which is not there"):
        drop_in_folder()
    (project / "digits").mkdir()
    assert drop_in_folder() == project / "digits"


def test_certificates_are_found_from_every_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "certificates/own.pem")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("GLIBC_TUNABLES", "")
    prepare_libraries()
    assert path_from("REQUESTS_CA_BUNDLE") == project / "certificates/own.pem"
