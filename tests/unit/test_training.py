"""One replicate and many: the same bytes whatever happens around them."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn.functional import cross_entropy

from architectures import FULL, RECIPE, SMALL, STILL
from digitbench.errors import DigitbenchError
from digitbench.execution.key import replicate_key
from digitbench.execution.workers import JOBS_VARIABLE, parallel_jobs, run_replicates
from digitbench.params import ARCHITECTURES
from digitbench.results.clocks import TimingRecord
from digitbench.training import trainer
from digitbench.training.data import PixelStatistics, TrainingData
from digitbench.training.model import build_model, load_weights, weights_to_bytes
from digitbench.training.pixels import standardise
from digitbench.training.recipe import Augmentation, Recipe
from digitbench.training.replicates import CURVE_COLUMNS, Job, Replicate, account, curve_rows
from digitbench.training.trainer import Epoch

Run = Callable[..., list[Replicate]]
ROOT = Path(__file__).resolve().parents[2]
MOVING = Augmentation(rotation=10, shift=0.1, zoom=0.1)


@pytest.fixture
def job(small_data: TrainingData) -> Job:
    return Job("", "cnn", "cnn", SMALL["cnn"], RECIPE, small_data)


def changed(recipe: Recipe, **settings: Any) -> Recipe:
    return recipe.model_copy(update=settings)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Trains with a store in a folder of the test's own."""
    return partial(_run, tmp_path)


def _run(store: Path, job: Job, seeds: tuple[int, ...] = (0,), jobs: int = 1) -> list[Replicate]:
    job = dataclasses.replace(job, recipe=changed(job.recipe, seeds=seeds))
    return run_replicates(job, jobs, lambda epoch: None, str(store))


def figures(replicate: Replicate) -> list[tuple[object, ...]]:
    """The history without its clock."""
    return [dataclasses.astuple(dataclasses.replace(e, seconds=0)) for e in replicate.history]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    architecture: str, job: Job, run: Run
) -> None:
    job = dataclasses.replace(job, architecture=architecture, params=SMALL[architecture])
    (first,), (again,), (other,) = run(job, (3,)), run(job, (3,)), run(job, (4,))
    assert first.weights == again.weights
    assert figures(first) == figures(again)
    assert first.weights != other.weights


@pytest.mark.parametrize("augmentation", [STILL, MOVING])
def test_side_by_side_gives_the_same_bytes_as_one_by_one(
    augmentation: Augmentation, job: Job, run: Run
) -> None:
    job = dataclasses.replace(job, recipe=changed(RECIPE, augmentation=augmentation))
    alone, together = run(job, (0, 1, 2), jobs=1), run(job, (0, 1, 2), jobs=2)
    assert [r.seed for r in together] == [0, 1, 2]
    assert [r.weights for r in together] == [r.weights for r in alone]
    assert [figures(r) for r in together] == [figures(r) for r in alone]


def test_augmentation_matters(job: Job, run: Run) -> None:
    moving = dataclasses.replace(job, recipe=changed(RECIPE, augmentation=MOVING))
    assert run(moving)[0].weights != run(job)[0].weights


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_reloaded_weights_give_the_validation_accuracy_that_training_saw(
    architecture: str, precision: str, job: Job, run: Run
) -> None:
    recipe = changed(RECIPE, precision=precision)
    job = dataclasses.replace(
        job, architecture=architecture, params=SMALL[architecture], recipe=recipe
    )
    (replicate,) = run(job)
    model = load_weights(architecture, SMALL[architecture], replicate.weights, "test")
    held_out = job.data.validation_index
    loss, accuracy, confusion = trainer.validate(
        model,
        torch.from_numpy(job.data.images[held_out]),
        torch.from_numpy(job.data.labels[held_out].astype(np.int64)),
        job.data.statistics,
        precision,
    )
    last = replicate.history[-1]
    assert (loss, accuracy) == (last.validation_loss, last.validation_accuracy)
    assert confusion == last.validation_confusion
    counts = np.array(confusion).reshape(10, 10)
    assert counts.sum(axis=1).tolist() == np.bincount(job.data.labels[held_out]).tolist()
    assert np.trace(counts) / counts.sum() == accuracy


def test_training_learns(job: Job, run: Run) -> None:
    recipe = changed(RECIPE, epochs=8)
    (replicate,) = run(
        dataclasses.replace(job, architecture="mlp", params=FULL["mlp"], recipe=recipe)
    )
    assert replicate.history[-1].validation_accuracy > 0.7
    assert replicate.history[-1].train_loss < replicate.history[0].train_loss / 2


class KilledError(Exception):
    pass


STOPPING = {"epochs": 30, "learning_rate": 0.02, "patience": 2}  # the loss soon rises again


@pytest.mark.parametrize("settings", [{"epochs": 3}, STOPPING])
def test_a_killed_training_resumes_to_the_same_bytes_also_after_its_best_epoch(
    settings: dict[str, Any], job: Job, monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    job = dataclasses.replace(job, recipe=changed(RECIPE, **settings))
    (whole,) = run(job)
    last = len(whole.history)
    learned: list[object] = []
    learn = trainer._learn

    def die_in_the_last_epoch(*args: object) -> tuple[float, float]:
        learned.append(args[5])
        if learned == [(0, epoch) for epoch in range(1, last + 1)]:
            raise KilledError
        return learn(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "_learn", die_in_the_last_epoch)
    with pytest.raises(KilledError):
        run(job)
    assert len(list(tmp_path.glob("unfinished/*/*.zip"))) == 1
    (resumed,) = run(job)
    assert learned[last:] == [(0, last)], "the epochs before come from the checkpoint"
    assert resumed.weights == whole.weights
    assert figures(resumed) == figures(whole)
    assert list(tmp_path.glob("unfinished/*/*")) == [], "a finished replicate leaves no checkpoint"


def test_a_damaged_checkpoint_is_no_obstacle(job: Job, run: Run, tmp_path: Path) -> None:
    (whole,) = run(job)
    key = replicate_key(job, 0)
    damaged = tmp_path / "unfinished" / key[:2] / f"{key}.zip"
    damaged.parent.mkdir(parents=True, exist_ok=True)
    for content in (b"", b"half a file", bytes(1000)):
        damaged.write_bytes(content)
        assert run(job)[0].weights == whole.weights
        assert not damaged.exists(), "the file is the one that training looked at"


@pytest.mark.parametrize("augmentation", [STILL, MOVING])
def test_early_stopping_keeps_the_weights_of_the_epoch_with_the_lowest_validation_loss(
    augmentation: Augmentation, job: Job, run: Run
) -> None:
    recipe = changed(RECIPE, augmentation=augmentation, **STOPPING)
    (stopped,) = run(dataclasses.replace(job, recipe=recipe))
    losses = [epoch.validation_loss for epoch in stopped.history]
    best = 1 + int(np.argmin(losses))
    assert len(losses) == best + 2 < 30
    (short,) = run(dataclasses.replace(job, recipe=changed(recipe, epochs=best, patience=0)))
    assert stopped.weights == short.weights
    assert figures(stopped)[:best] == figures(short)


@pytest.mark.parametrize("rule", ["torch", "keras"])
def test_the_rule_of_initialisation_is_the_one_asked_for(rule: str, job: Job, run: Run) -> None:
    frozen = changed(RECIPE, epochs=1, learning_rate=0.0, initialisation=rule)
    (replicate,) = run(dataclasses.replace(job, recipe=frozen))
    weights = safetensors.torch.load(replicate.weights)
    name = max(weights, key=lambda name: weights[name].numel())
    n_out, n_in = weights[name].shape
    bound = {"torch": n_in**-0.5, "keras": (6 / (n_in + n_out)) ** 0.5}[rule]
    assert 0.97 * bound < weights[name].abs().max() <= bound * (1 + 1e-6)


def test_the_data_order_of_a_seed_is_a_permutation_that_differs_by_epoch_and_seed() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return trainer._order(100, (seed, epoch), "cpu").tolist()

    assert order(0, 1) == order(0, 1)
    assert sorted(order(0, 1)) == list(range(100))
    assert order(0, 1) not in (order(0, 2), order(1, 1))


@pytest.mark.parametrize("size", [1, 7, 64, 3_000])
def test_batches_are_the_standardised_images_in_order(size: int, job: Job) -> None:
    recipe = changed(RECIPE, batch_size=size)
    pixels = torch.from_numpy(np.array(job.data.images))
    labels = torch.arange(len(pixels))
    images, targets = zip(
        *trainer._batches(pixels, labels, None, recipe, job.data.statistics), strict=True
    )
    whole, rest = divmod(len(pixels), size)
    assert [len(batch) for batch in images] == [size] * whole + [rest] * (rest > 0)
    assert torch.equal(torch.cat(targets), labels)
    assert torch.equal(torch.cat(images), standardise(pixels, job.data.statistics))


def test_training_figures_are_the_means_over_the_images_of_the_epoch(job: Job, run: Run) -> None:
    # An update of size nothing: every batch meets the first weights; the MLP here drops nothing.
    frozen = changed(RECIPE, epochs=1, learning_rate=0.0)
    section = job.params.model_copy(update={"dropout_maps": 0.0, "dropout": 0.0})
    (replicate,) = run(dataclasses.replace(job, params=section, recipe=frozen))
    model = load_weights(job.architecture, section, replicate.weights, "test")
    index = job.data.train_index
    labels = torch.from_numpy(job.data.labels[index].astype(np.int64))
    with torch.no_grad():
        pixels = torch.from_numpy(job.data.images[index])
        logits = model(standardise(pixels, job.data.statistics))
    epoch = replicate.history[0]
    assert epoch.train_loss == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-5)
    assert epoch.train_accuracy == pytest.approx(
        (logits.argmax(1) == labels).double().mean().item(), abs=1e-3
    )


def test_standardised_pixels_by_hand() -> None:
    images = torch.tensor([[[0, 255], [51, 0]]], dtype=torch.uint8)  # [1, 2, 2]
    result = standardise(images, PixelStatistics(mean=0.2, std=0.5))
    assert result.shape == (1, 1, 2, 2)
    expected = torch.tensor([[[[-0.4, 1.6], [0.0, -0.4]]]])
    torch.testing.assert_close(result, expected)
    assert images.tolist() == [[[0, 255], [51, 0]]], "the input is left alone"


def test_validation_equals_a_direct_computation(small_data: TrainingData) -> None:
    progress = trainer.start("mlp", SMALL["mlp"], RECIPE, seed=0)
    images = torch.from_numpy(small_data.images[:50])
    labels = torch.from_numpy(small_data.labels[:50].astype(np.int64))
    loss, accuracy, _ = trainer.validate(
        progress.model, images, labels, small_data.statistics, "float32"
    )
    progress.model.eval()
    logits = progress.model(standardise(images, small_data.statistics))
    assert loss == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-6)
    assert accuracy == float((logits.argmax(1) == labels).double().mean())


def test_a_diverged_training_is_refused_with_the_key_to_change(
    job: Job, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setattr(trainer, "_learn", lambda *args: (float("nan"), 0.1))
    with pytest.raises(DigitbenchError, match=r"diverged in epoch 1.*learning_rate: 0\.001"):
        run(job)


@pytest.mark.parametrize(
    ("trained", "read", "cut"), [("cnn", SMALL, -10), ("cnn", FULL, None), ("rnn", SMALL, None)]
)
def test_damaged_or_foreign_weights_name_the_file_and_the_stage(
    trained: str, read: dict[str, Any], cut: int | None
) -> None:
    weights = weights_to_bytes(build_model(trained, SMALL[trained]))[:cut]
    message = r"models/x: not the weights of the cnn.*dvc repro .*train_cnn"
    with pytest.raises(DigitbenchError, match=message):
        load_weights("cnn", read["cnn"], weights, "models/x")


def test_how_many_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JOBS_VARIABLE, raising=False)
    assert parallel_jobs(4, "cuda") == 1
    assert 1 <= parallel_jobs(2, "cpu") <= 2
    monkeypatch.setenv(JOBS_VARIABLE, "3")
    assert parallel_jobs(8, "cpu") == 3
    assert parallel_jobs(2, "cpu") == 2
    for wrong in ("0", "two", "-1"):
        monkeypatch.setenv(JOBS_VARIABLE, wrong)
        with pytest.raises(DigitbenchError, match=JOBS_VARIABLE):
            parallel_jobs(2, "cpu")


def test_curves_carry_no_clock() -> None:
    history = tuple(Epoch(7, epoch, 0.5, 0.8, 0.4, 0.9, (1,) * 100, epoch) for epoch in (1, 2, 3))
    assert "seconds" not in CURVE_COLUMNS
    assert list(curve_rows([Replicate(7, b"", history)]))[1] == (7, 2, 0.5, 0.8, 0.4, 0.9)


def test_the_account_says_what_was_learned_with(job: Job) -> None:
    kept = account(job)
    assert (kept["architecture"], kept["network"]) == ("cnn", SMALL["cnn"].model_dump(mode="json"))
    assert Recipe.model_validate(kept["recipe"]) == RECIPE
    assert kept["data"]["sha256"] == job.data.sha256
    assert kept["data"]["train_images"] + kept["data"]["validation_images"] == len(job.data.labels)


def test_timings_are_medians_over_epochs() -> None:
    how = {"replicates_at_once": 2, "environment": {"hardware": "x"}}
    record = TimingRecord.of({7: [1.0, 2.0, 9.0004], 8: [4.0]}, 12.345, **how)
    assert record.content() == {
        "schema": 3,
        "seconds_per_epoch": {"median": 3.0, "per_seed": {7: 2.0, 8: 4.0}},
        "stage_seconds": 12.3,
        **how,
    }
    kept = TimingRecord.of({7: [1.0]}, 12.345, kept_seconds=10, keys={7: "key"}, **how)
    assert (kept.stage_seconds, kept.keys) == (22.3, {7: "key"})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu_the_same_seed_gives_the_same_bytes(job: Job, run: Run) -> None:
    job = dataclasses.replace(job, recipe=changed(RECIPE, device="cuda"))
    assert run(job)[0].weights == run(job)[0].weights
