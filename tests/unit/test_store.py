"""Replicates kept by their key: nothing is trained twice, and nothing wrong is taken for right."""

import dataclasses
import json
import multiprocessing
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from architectures import RECIPE, SMALL
from digitbench.environment import fingerprint
from digitbench.errors import DigitbenchError
from digitbench.execution import key as key_module
from digitbench.execution import task
from digitbench.execution.archive import DamagedError, pack, unpack
from digitbench.execution.arrays import unpack_data
from digitbench.execution.key import FACTS, VARIABLES, facts, key_of, meaning, replicate_key
from digitbench.execution.store import FINISHED, Store, Trained, parse
from digitbench.execution.workers import execute, run_replicates
from digitbench.training import trainer
from digitbench.training.data import PixelStatistics, TrainingData
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch
from planted import plant

SHORT = RECIPE.model_copy(update={"seeds": (0, 1), "epochs": 1})
HISTORY = (Epoch(3, 1, 0.1 + 0.2, 0.8, 0.4, 0.9, tuple(range(100)), seconds=1.5),)
REPLICATE = Replicate(3, b"the weights", HISTORY)


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    return Job("", "mlp", "mlp", SMALL["mlp"], SHORT, small_data)


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.epochs: list[tuple[int, int]] = []
        self.kept: dict[int, str] = {}

    def log_epoch(self, epoch: Epoch) -> None:
        self.epochs.append((epoch.seed, epoch.epoch))

    def log_kept(self, seed: int, key: str) -> None:
        self.kept[seed] = key


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own, one process, and the way back to it."""
    monkeypatch.setenv("DIGITBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("DIGITBENCH_JOBS", "1")
    return tmp_path / "store"


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of which an epoch was learned, in order."""
    seeds: list[int] = []
    learn = trainer._learn

    def note(*args: Any) -> tuple[float, float]:
        seeds.append(args[5][0])
        return learn(*args)

    monkeypatch.setattr(trainer, "_learn", note)
    return seeds


def with_seeds(job: Job, *seeds: int) -> Job:
    return dataclasses.replace(job, recipe=job.recipe.model_copy(update={"seeds": seeds}))


def files_of(store: Path) -> list[Path]:
    return sorted(store.glob(f"{FINISHED}/*/*.zip"))


# --- archive ---------------------------------------------------------------------------------


def test_what_was_packed_comes_out_and_is_packed_to_the_same_bytes() -> None:
    members = {"a": b"\x00" * 1000, "b/c": b""}
    assert unpack(pack(members)) == members
    assert pack(members) == pack(members)


def test_no_changed_byte_and_no_cut_gives_other_members() -> None:
    members = {"a": bytes(range(256)), "b": b"text"}
    whole = pack(members)
    for place in range(len(whole)):
        for changed in (
            whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :],
            whole[:place],
        ):
            try:
                assert unpack(changed) == members
            except DamagedError:
                continue


# --- key -------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Job, pytest.MonkeyPatch], Job | None]] = {
    "architecture": lambda job, _: dataclasses.replace(job, architecture="rnn"),
    "network": lambda job, _: dataclasses.replace(
        job, params=job.params.model_copy(update={"dropout": 0.123})
    ),
    "recipe": lambda job, _: dataclasses.replace(
        job, recipe=job.recipe.model_copy(update={"epochs": 2})
    ),
    "data": lambda job, _: dataclasses.replace(
        job, data=dataclasses.replace(job.data, statistics=PixelStatistics(0.5, 0.5))
    ),
    "code": lambda _, patch: patch.setattr(key_module, "meaning", lambda source: source + "x"),
    "torch": lambda _, patch: patch.setattr(torch, "__version__", "0"),
    "processor": lambda _, patch: patch.setattr(
        torch.backends.cpu, "get_cpu_capability", lambda: "AVX2"
    ),
    "variables": lambda _, patch: patch.setenv("MKL_CBWR", "COMPATIBLE"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_decides_bytes_is_in_the_key(
    name: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = facts(job, 0)
    changed = CHANGES[name](job, monkeypatch) or job
    after = facts(changed, 0)
    differing = {fact for fact in before if before[fact] != after[fact]}
    assert name in differing
    assert differing <= {name, "code"}, "an architecture has code of its own"
    assert key_of(before) != key_of(after)


def test_every_fact_has_a_reason_and_a_change_that_is_tried() -> None:
    assert set(FACTS) - set(CHANGES) == {"seed", "threads"}, "tried below; always 1"
    assert all(fact.reason for fact in FACTS.values())


def test_another_seed_is_another_key_and_the_other_seeds_are_not(job: Job) -> None:
    assert replicate_key(job, 0) != replicate_key(job, 1)
    assert replicate_key(with_seeds(job, 0, 7), 0) == replicate_key(job, 0)


def test_what_must_not_matter_is_not_in_the_key(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    before = replicate_key(job, 0)
    for name in ("DIGITBENCH_JOBS", "OMP_NUM_THREADS", "TZ", "LC_ALL", "PYTHONHASHSEED"):
        monkeypatch.setenv(name, "3")
    cores = torch.cpu.get_capabilities() | {"num_logical_cores": 77}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: cores)
    trainer.start("mlp", SMALL["mlp"], SHORT, seed=0)  # sets a variable of its own
    elsewhere = dataclasses.replace(job, study="a study", name="another name")
    assert replicate_key(elsewhere, 0) == before
    assert "CUBLAS_WORKSPACE_CONFIG" in VARIABLES


SOURCE = '''"""Docstring."""
def f(x: int) -> float:
    """Docstring."""
    return x * 0.5 + len(f"{x:>3}")
'''


def test_comments_docstrings_and_layout_have_no_meaning_and_all_else_has() -> None:
    same = [
        '# a comment\n\n"""Other."""\ndef f(x: int) -> float:\n  return (x * .5\n'
        "    + len(f'{x:>3}'))  # why\n",
        SOURCE.replace('    """Docstring."""\n', ""),
    ]
    other = [
        SOURCE.replace("0.5", "0.25"),
        SOURCE.replace("*", "/"),
        SOURCE.replace("x: int", "y: int"),
        SOURCE.replace(">3", ">4"),
        SOURCE + "f(1)\n",
    ]
    assert {meaning(text) for text in same} == {meaning(SOURCE)}
    assert len({meaning(text) for text in (SOURCE, *other)}) == 1 + len(other)


# --- store -----------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A folder, and what isn't one."""
    store = Store(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}")
    yield store
    for entry in list(store.entries()):
        store.remove(entry.kind, entry.key)


def test_what_is_kept_comes_back_as_it_was(store: Store) -> None:
    known = {"seed": 3, "anything": [1, 0.1]}
    assert store.get(key_of(known)) is None
    store.put(known, Trained(REPLICATE, fingerprint(), 2))
    found = store.get(key_of(known))
    assert found is not None
    assert found.replicate == REPLICATE
    assert (found.at_once, found.seconds) == (2, 0.75)
    assert "torch" in found.environment
    (entry,) = store.entries()
    assert (entry.key, entry.kind) == (key_of(known), FINISHED)
    assert entry.bytes == len(store.read(entry))
    assert entry.written.year >= 2026


def test_an_entry_under_another_key_is_not_taken(store: Store) -> None:
    store.put({"seed": 3}, Trained(REPLICATE, fingerprint(), 1))
    (entry,) = store.entries()
    with pytest.raises(DamagedError, match="another key"):
        parse(store.read(entry), "0" * 64)
    with pytest.raises(DamagedError, match="another key"):
        store.adopt(store.read(entry), "0" * 64)


def test_data_come_back_whole_or_not_at_all(store: Store, small_data: TrainingData) -> None:
    assert store.get_data(small_data.sha256) is None
    store.put_data(small_data)
    found = store.get_data(small_data.sha256)
    assert found is not None
    assert found.statistics == small_data.statistics
    assert (found.images == small_data.images).all()
    assert found.images.dtype == small_data.images.dtype
    (entry,) = store.entries()
    with pytest.raises(DamagedError, match="other data"):
        unpack_data(store.read(entry), "0" * 64)


def write_many(address: str) -> None:
    for _ in range(20):
        Store(address).put({"seed": 3}, Trained(REPLICATE, fingerprint(), 1))


def test_two_writers_at_once_leave_a_whole_entry(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(str(tmp_path),)) for _ in range(2)]
    for writer in writers:
        writer.start()
    store = Store(str(tmp_path))
    while any(writer.is_alive() for writer in writers):
        found = store.get(key_of({"seed": 3}))
        assert found is None or found.replicate == REPLICATE
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        f"{key_of({'seed': 3})}.zip"
    ]


# --- training with it ------------------------------------------------------------------------


def test_only_what_is_missing_is_trained_and_the_bytes_are_those_of_training_all(
    job: Job, address: Path, learned: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    heard = Heard()
    two, how = execute(with_seeds(job, 0, 1), heard)
    assert learned == [0, 1]
    assert heard.kept == {}
    assert "kept" not in capsys.readouterr().out
    three, more = execute(with_seeds(job, 2, 1, 0), heard)
    assert learned == [0, 1, 2]
    assert [replicate.seed for replicate in three] == [2, 1, 0]
    assert [three[2], three[1]] == two
    assert "2 of 3 replicates kept, 1 to train" in capsys.readouterr().out
    assert heard.kept == {seed: how["keys"][seed] for seed in (0, 1)}
    assert heard.epochs == [(0, 1), (1, 1), (1, 1), (0, 1), (2, 1)], "curves of the kept too"
    assert more["kept_seconds"] == pytest.approx(sum(e.seconds for r in two for e in r.history))
    back, _ = execute(with_seeds(job, 0, 1), heard)
    assert learned == [0, 1, 2]
    assert back == two
    assert "nothing to train (DIGITBENCH_STORE=off trains all)" in capsys.readouterr().out


def test_without_a_store_all_is_trained_and_nothing_kept(
    job: Job, address: Path, learned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITBENCH_STORE", "off")
    first, _ = execute(job, Heard())
    second, _ = execute(job, Heard())
    assert learned == [0, 1, 0, 1]
    assert [replicate.weights for replicate in first] == [replicate.weights for replicate in second]
    assert not address.exists()


@pytest.mark.parametrize("damage", ["half", "flipped", "empty"])
def test_a_damaged_entry_is_said_trained_again_and_replaced(
    damage: str,
    job: Job,
    address: Path,
    learned: list[int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, how = execute(job, Heard())
    (path,) = [path for path in files_of(address) if path.stem == how["keys"][1]]
    whole = path.read_bytes()
    middle = whole.index(before[1].weights) + 100
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"half": whole[: len(whole) // 2], "flipped": flipped, "empty": b""}[damage])
    capsys.readouterr()
    after, _ = execute(job, Heard())
    assert learned == [0, 1, 1]
    said = capsys.readouterr().out
    assert said.count("is damaged") == 1
    assert "trained again and replaced" in said
    assert [replicate.weights for replicate in after] == [replicate.weights for replicate in before]
    assert Store(str(address)).get(how["keys"][1]) is not None


CHECKPOINTS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "half": lambda members: pack(members)[:1000],
    "empty": lambda members: b"",
    "lacks a member": lambda members: pack({k: v for k, v in members.items() if k != "about.json"}),
    # Its model fits, which is then no longer fresh.
    "foreign optimiser": lambda members: pack(members | {"optimiser.safetensors": b"{}"}),
    "history of another shape": lambda members: pack(members | {"history.json": b'[{"seed": 0}]'}),
    "of another key": lambda members: pack(members | {"about.json": b'{"key": "another"}'}),
}


@pytest.mark.parametrize("damage", CHECKPOINTS)
def test_a_damaged_or_foreign_checkpoint_costs_one_sentence_and_is_not_begun_from(
    damage: str, job: Job, address: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = run_replicates(with_seeds(job, 0), 1, lambda epoch: None)
    plant(job, 0, address)  # half of another seed's
    (path,) = address.glob("unfinished/*/*.zip")
    path.write_bytes(CHECKPOINTS[damage](unpack(path.read_bytes())))
    replicates, _ = execute(with_seeds(job, 0), Heard())
    assert capsys.readouterr().out.count("is damaged") == 1
    assert [each.weights for each in replicates] == [each.weights for each in alone]
    assert not path.exists()


def test_what_killed_writers_left_in_a_store_is_deleted_and_never_listed(
    job: Job, address: Path
) -> None:
    left = address / "unfinished/ab/.abc.zip.12345678.half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert list(Store(str(address)).entries()) == []
    execute(job, Heard())
    assert not left.exists()


def test_the_half_of_a_replicate_that_was_finished_goes_at_the_next_look(
    job: Job, address: Path, learned: list[int]
) -> None:
    execute(job, Heard())
    plant(job, 0, address)  # whoever finished it was killed before this was removed
    assert list(address.glob("unfinished/*/*.zip"))
    learned.clear()
    execute(job, Heard())
    assert learned == []
    assert not list(address.glob("unfinished/*/*.zip"))


@pytest.mark.parametrize("asked", ["a file", "nowhere://x/y", "s3://bucket/x"])
def test_a_store_that_cannot_be_had_costs_one_sentence(
    asked: str,
    job: Job,
    tmp_path: Path,
    learned: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("DIGITBENCH_STORE", str(tmp_path / asked) if ":" not in asked else asked)
    monkeypatch.setenv("DIGITBENCH_JOBS", "1")
    replicates, _ = execute(job, Heard())
    assert learned == [0, 1]
    assert len(replicates) == 2
    assert capsys.readouterr().out.count("is not used") == 1


def test_a_full_disk_loses_no_training(
    job: Job, address: Path, learned: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        replicates, _ = execute(job, Heard())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(replicates) == 2
    assert capsys.readouterr().out.count("File too large") == 1
    assert not [path for path in address.rglob("*") if path.is_file()], "nothing half-written"


def test_a_training_that_fails_later_keeps_its_finished_replicates(
    job: Job, address: Path, learned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = trainer._learn

    def fail_for_the_second(*args: Any) -> tuple[float, float]:
        return learn(*args) if args[5][0] == 0 else (float("nan"), 0.1)

    monkeypatch.setattr(trainer, "_learn", fail_for_the_second)
    with pytest.raises(DigitbenchError, match="seed 1 diverged"):
        execute(job, Heard())
    assert len(files_of(address)) == 1
    monkeypatch.setattr(trainer, "_learn", learn)
    execute(job, Heard())
    assert learned == [0, 1]


def test_the_entry_holds_no_pickle_and_tells_what_it_is(job: Job, address: Path) -> None:
    _, how = execute(with_seeds(job, 0), Heard())
    members = unpack(files_of(address)[0].read_bytes())
    assert sorted(members) == ["about.json", "history.json", "weights.safetensors"]
    about = json.loads(members["about.json"])
    assert key_of(about["facts"]) == how["keys"][0]
    assert about["facts"]["recipe"]["epochs"] == 1


def test_replicates_of_several_machines_have_the_circumstances_of_all(
    job: Job, address: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(with_seeds(job, 0), Heard())
    monkeypatch.setattr(task, "fingerprint", lambda: {"hardware": "Abacus"})
    _, how = execute(with_seeds(job, 0, 1), Heard())
    assert how["environment"]["hardware"].endswith(" and Abacus")
