"""Messages of workers are an aid: with whom carries them goes the progress bar, and no training."""

import dataclasses
import multiprocessing
from pathlib import Path

import pytest

from architectures import RECIPE, SMALL
from digitbench.execution.workers import run_replicates
from digitbench.training.data import TrainingData
from digitbench.training.replicates import Job
from digitbench.training.trainer import Epoch


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    recipe = RECIPE.model_copy(update={"seeds": (0, 1, 2), "epochs": 3})
    return Job("", "mlp", "mlp", SMALL["mlp"], recipe, small_data)


def test_a_killed_manager_costs_no_training_and_no_epoch_of_the_curves(
    job: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    alone = run_replicates(job, 1, lambda epoch: None)
    heard: list[tuple[int, int]] = []

    def kill_at_first(epoch: Epoch) -> None:
        if not heard:
            (manager,) = (
                child for child in multiprocessing.active_children() if "Manager" in child.name
            )
            manager.kill()
        heard.append((epoch.seed, epoch.epoch))

    together = run_replicates(job, 2, kill_at_first)
    assert [each.weights for each in together] == [each.weights for each in alone]
    assert sorted(heard) == [(seed, epoch) for seed in (0, 1, 2) for epoch in (1, 2, 3)]
    assert "Traceback" not in capfd.readouterr().err


def test_a_store_that_is_a_file_costs_workers_nothing(job: Job, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    two = dataclasses.replace(job, recipe=job.recipe.model_copy(update={"seeds": (0, 1)}))
    alone = run_replicates(two, 1, lambda epoch: None)
    together = run_replicates(two, 2, lambda epoch: None, str(tmp_path / "store"))
    assert [each.weights for each in together] == [each.weights for each in alone]
