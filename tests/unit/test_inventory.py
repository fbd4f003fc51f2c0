"""The store told, verified, thinned out and carried to another, through its commands."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.execution.inventory import needed_keys, too_much, too_old
from digitbench.execution.key import key_of
from digitbench.execution.store import FINISHED, Entry, Store, Trained
from digitbench.results.clocks import TimingRecord
from digitbench.training.data import TrainingData
from digitbench.training.replicates import Replicate
from digitbench.training.trainer import Epoch

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def facts(seed: int) -> dict[str, object]:
    return {"architecture": "cnn", "seed": seed}


def keep(store: Store, *seeds: int) -> None:
    for seed in seeds:
        history = (Epoch(seed, 1, 0.5, 0.8, 0.4, 0.9, (1,) * 100, seconds=1.0),)
        store.put(
            facts(seed), Trained(Replicate(seed, b"w" * 1000, history), {"hardware": "Abacus"}, 1)
        )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Three replicates in the store of a project, in which the commands run."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / "params.yaml").touch()
    monkeypatch.chdir(root)
    monkeypatch.delenv("DIGITBENCH_STORE", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    store = Store(str(root / ".replicates"))
    keep(store, 0, 1, 2)
    return store


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["store", *arguments])


def refused(*arguments: str) -> None:
    error = command(*arguments).exception
    assert error is not None
    raise error


def keys(store: Store) -> set[str]:
    return {entry.key for entry in store.entries()}


def damage(store: Store, seed: int) -> str:
    key = key_of(facts(seed))
    path = Path(store.address) / FINISHED / key[:2] / f"{key}.zip"
    path.write_bytes(path.read_bytes()[:-30])
    return key


def test_the_list_has_a_line_per_replicate_and_the_size(store: Store) -> None:
    lines = command("list").output.splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:3] == ["network", "seed", "epochs"]
    assert {tuple(line.split()[:3]) for line in lines[1:4]} == {
        ("cnn", str(s), "1") for s in range(3)
    }
    assert "3 finished, 0 unfinished, 0.0 MB" in lines[-1]


def test_verify_names_what_is_damaged(store: Store) -> None:
    assert command("verify").output == "3 of 3 replicates are whole.\n"
    key = damage(store, 1)
    done = command("verify")
    assert done.exit_code == 1
    assert done.output.startswith(f"{key}: damaged (")
    assert done.output.endswith("2 of 3 replicates are whole.\n")
    assert "damaged" in command("list").output


def test_data_are_counted_verified_and_not_needed(store: Store, small_data: TrainingData) -> None:
    store.put_data(small_data)
    assert "3 finished, 0 unfinished, 1 set of data, " in command("list").output
    assert command("verify").output.endswith("1 of 1 set of training data are whole.\n")
    (path,) = Path(store.address).glob("data/*/*.zip")
    path.write_bytes(path.read_bytes()[:-30])
    done = command("verify")
    assert done.exit_code == 1
    assert f"{small_data.sha256}: damaged training data" in done.output
    git("init", "-q", "-b", "main")
    command("prune", "--unneeded")
    assert not path.exists()


def test_what_one_store_exports_another_takes_in(store: Store, tmp_path: Path) -> None:
    file, other = tmp_path / "replicates.zip", tmp_path / "other"
    assert "3 replicates" in command("export", str(file)).output
    environment = {"DIGITBENCH_STORE": str(other)}
    done = CliRunner().invoke(app, ["store", "import", str(file)], env=environment)
    assert "3 replicates taken in" in done.output
    assert keys(Store(str(other))) == keys(store)
    one = key_of(facts(1))
    assert "1 replicate." in command("export", str(file), one[:10]).output
    with pytest.raises(DigitbenchError, match="no whole entry"):
        refused("export", str(file), "xyz")


def test_of_a_damaged_export_nothing_is_taken_in(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "replicates.zip"
    command("export", str(file))
    file.write_bytes(file.read_bytes()[:-100])
    for entry in list(store.entries()):
        store.remove(entry.kind, entry.key)
    with pytest.raises(DigitbenchError, match="Export it again"):
        refused("import", str(file))
    assert keys(store) == set()


def test_age_and_size_choose_the_oldest() -> None:
    entries = [Entry(str(day), FINISHED, 10, NOW - timedelta(days=day)) for day in range(5)]
    assert {entry.key for entry in too_old(entries, NOW - timedelta(days=2.5))} == {"3", "4"}
    assert {entry.key for entry in too_much(entries, 30)} == {"3", "4"}
    assert {entry.key for entry in too_much(entries, 29)} == {"2", "3", "4"}
    assert too_much(entries, 50) == set()


def git(*arguments: str) -> None:
    identity = {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], check=True, env=environment, capture_output=True)


def record(path: str, seed: int) -> None:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    how = {"replicates_at_once": 1, "keys": {seed: key_of(facts(seed))}}
    target.write_text(json.dumps(TimingRecord.of({seed: [1.0]}, 1, **how).content()))


def test_needed_is_what_a_commit_an_experiment_or_a_file_names(store: Store) -> None:
    git("init", "-q", "-b", "main")
    record("metrics/timing/cnn.json", 0)
    git("add", "metrics")
    git("commit", "-qm", "one")
    git("rm", "-q", "--cached", "metrics/timing/cnn.json")
    record("studies/x/metrics/timing/cnn.json", 1)
    git("add", "studies")
    git("commit", "-qm", "an experiment")
    git("update-ref", "refs/exps/aa/bb/name", "HEAD")
    git("reset", "-q", "--hard", "HEAD~1")
    assert needed_keys(Path.cwd()) == {key_of(facts(seed)) for seed in (0, 1)}
    assert "1 of 3 entries deleted" in command("prune", "--unneeded").output
    assert keys(store) == {key_of(facts(seed)) for seed in (0, 1)}
    record("metrics/timing/rnn.json", 2)
    assert key_of(facts(2)) in needed_keys(Path.cwd())


def test_prune_wants_to_be_told_what(store: Store) -> None:
    assert command("prune").exit_code == 2
    assert "3 of 3 entries deleted" in command("prune", "--larger-than", "0").output
    assert keys(store) == set()
