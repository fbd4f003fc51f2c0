"""What is computed twice, and that other bytes are noticed."""

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from architectures import RECIPE, SMALL
from digitbench.errors import DigitbenchError
from digitbench.execution.audit import VARIABLE, audited_share, is_drawn
from digitbench.execution.store import Store
from digitbench.execution.workers import run_replicates
from digitbench.training import trainer
from digitbench.training.data import TrainingData
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch
from planted import plant


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    recipe = RECIPE.model_copy(update={"seeds": (0, 1)})
    return Job("", "mlp", "mlp", SMALL["mlp"], recipe, small_data)


def run(job: Job, store: Path, heard: list[Epoch] | None = None) -> list[Replicate]:
    return run_replicates(job, 1, (heard if heard is not None else []).append, str(store))


def test_the_draw_is_fixed_and_draws_the_share() -> None:
    keys = [
        hashlib.sha256(bytes([high, low])).hexdigest() for high in range(8) for low in range(256)
    ]
    drawn = {share: {key for key in keys if is_drawn(key, share)} for share in (0, 0.05, 0.5, 1)}
    assert (drawn[0], drawn[1]) == (set(), set(keys))
    assert drawn[0.05] < drawn[0.5]
    # Of 2,048 draws: more than five standard deviations on either side.
    assert abs(len(drawn[0.05]) / len(keys) - 0.05) < 0.025


def test_a_share_is_a_number_from_0_to_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert audited_share(0.05) == 0.05
    monkeypatch.setenv(VARIABLE, "0.5")
    assert audited_share(0) == 0.5
    for wrong in ("five", "-0.1", "1.1", "nan"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(DigitbenchError, match=rf"{VARIABLE}='{re.escape(wrong)}' is not"):
            audited_share(0)


def test_an_audit_changes_nothing_but_the_time(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[int] = []
    learn = trainer._learn

    def note(*args: object) -> tuple[float, float]:
        learned.append(args[5][0])  # type: ignore[index]
        return learn(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "_learn", note)
    monkeypatch.delenv(VARIABLE, raising=False)
    once = run(job, tmp_path / "once")
    assert sorted(learned) == [0, 0, 1, 1], "two epochs each; one machine is not audited"
    monkeypatch.setenv(VARIABLE, "1")
    heard: list[Epoch] = []
    twice = run(job, tmp_path / "twice", heard)
    assert len(learned) == 4 + 8
    assert [replicate.weights for replicate in twice] == [replicate.weights for replicate in once]
    assert [(epoch.seed, epoch.epoch) for epoch in heard] == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_other_bytes_stop_the_run_and_are_not_kept(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dataclasses.replace(job, recipe=job.recipe.model_copy(update={"seeds": (0,)}))
    (right,) = run(job, tmp_path / "right")
    plant(job, 0, tmp_path / "planted")
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(DigitbenchError, match=r"(?s)Seed 0 .*process \d+ \(hardware .*process \d+"):
        run(job, tmp_path / "planted")
    assert not list(Store(str(tmp_path / "planted")).entries()), "neither half"
    plant(job, 0, tmp_path / "planted")
    monkeypatch.setenv(VARIABLE, "0")
    (wrong,) = run(job, tmp_path / "planted")
    assert wrong.weights != right.weights, "what was planted is taken where nobody looks"
