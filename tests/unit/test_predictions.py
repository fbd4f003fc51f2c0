"""Predictions: probabilities of the right model, whatever the batch, the threads or the company."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from architectures import STATISTICS, untrained
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import TrainedModel, as_trained, predict_all
from digitbench.params import ARCHITECTURES, load_plan
from digitbench.training.model import load_weights
from readers import Digits, Stacks
from studies_data import trained_as

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("threads")
SEEDS = (8, 0, 5)
COUNT = 130
Trained = dict[str, list[TrainedModel]]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return {name: [untrained(name, seed, name) for seed in SEEDS] for name in ARCHITECTURES}


@pytest.fixture(scope="module")
def images(digits: Digits) -> NDArray[np.uint8]:
    return digits[0][:COUNT]


@pytest.fixture(scope="module")
def predicted(trained: Trained, images: NDArray[np.uint8]) -> Stacks:
    return predict_all(trained, images, STATISTICS, batch_size=50)


def test_rows_are_probabilities(predicted: Stacks) -> None:
    assert list(predicted) == list(ARCHITECTURES)
    for stack in predicted.values():
        assert stack.shape == (len(SEEDS), COUNT, 10)
        assert stack.dtype == np.float32
        assert stack.min() >= 0
        np.testing.assert_allclose(stack.sum(axis=2, dtype=np.float64), 1, atol=1e-6)
        assert stack.std(axis=1).max() > 1e-3, "the image matters"


def test_every_row_is_that_of_its_own_model_in_evaluation_mode(
    trained: Trained, images: NDArray[np.uint8], predicted: Stacks
) -> None:
    pixels = (torch.tensor(images[:, None]) / 255 - STATISTICS.mean) / STATISTICS.std
    for name, models in trained.items():
        for row, model in enumerate(models):
            network = load_weights(name, model.params, model.weights, "test")
            with torch.no_grad():
                odds = network(pixels).double().exp()
            expected = (odds / odds.sum(dim=1, keepdim=True)).numpy()
            np.testing.assert_allclose(predicted[name][row], expected, atol=1e-6)
            others = [r for r in range(len(SEEDS)) if r != row]
            assert all(np.abs(predicted[name][r] - expected).max() > 1e-3 for r in others)


def test_a_plan_takes_network_and_recipe_from_the_training_and_keeps_its_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    plan = load_plan("cnn")
    with pytest.raises(DigitbenchError, match=r"training/cnn\.json: .*--single-item train_cnn"):
        as_trained(plan)
    network = plan.params.model_dump() | {"channels": [3, 5], "dropout": 0.125}
    record = trained_as("cnn", learning_rate=0.5, patience=4, seeds=(7, 8))
    path = Path("metrics/training/cnn.json")
    record.model_copy(update={"network": network}).write(path)
    trained = as_trained(plan)
    assert trained.params.model_dump(mode="json") == network
    assert (trained.recipe.learning_rate, trained.recipe.patience) == (0.5, 4)
    assert trained.recipe.seeds == plan.recipe.seeds
    record.model_copy(update={"network": {**network, "chanels": 1}}).write(path)
    with pytest.raises(DigitbenchError, match=r"training/cnn\.json: chanels: unknown key"):
        as_trained(plan)


@pytest.mark.parametrize("batch_size", [1, 64, COUNT, 10_000])
def test_the_batch_size_doesnt_matter(
    batch_size: int, trained: Trained, images: NDArray[np.uint8], predicted: Stacks
) -> None:
    for name, stack in predict_all(trained, images, STATISTICS, batch_size).items():
        np.testing.assert_allclose(stack, predicted[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_neither_threads_nor_company_change_a_byte_and_images_are_left_alone(
    count: int, trained: Trained, images: NDArray[np.uint8], predicted: Stacks
) -> None:
    torch.set_num_threads(count)
    locked = images.copy()
    locked.flags.writeable = False  # as memory-mapped files are
    for name, stack in predict_all(trained, locked, STATISTICS, 50).items():
        assert stack.tobytes() == predicted[name].tobytes()
        alone = predict_all({name: trained[name][1:2]}, locked, STATISTICS, 50)[name]
        assert alone.shape == (1, COUNT, 10)
        assert alone[0].tobytes() == predicted[name][1].tobytes()
    np.testing.assert_array_equal(locked, images)


def test_damaged_weights_are_named(trained: Trained, images: NDArray[np.uint8]) -> None:
    good = trained["rnn"][0]
    bad = TrainedModel("rnn", good.params, 4, Path("models/rnn/seed-4.safetensors"), b"half")
    with pytest.raises(DigitbenchError, match=r"models/rnn/seed-4\.safetensors: .*train_rnn"):
        predict_all({"rnn": [good, bad]}, images, STATISTICS, 50)
