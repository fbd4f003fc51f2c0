"""Versions: one per model, found by hash; the champion moves by `digitbench promote` alone."""

from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import TrainedModel
from digitbench.params import MlpParams
from digitbench.tracking.connection import DATABASE, URI_VARIABLE
from digitbench.tracking.registry import (
    CHAMPION,
    Candidate,
    Version,
    build_classifier,
    find_versions,
)
from digitbench.tracking.runs import EvaluationRecords
from digitbench.training.data import PixelStatistics
from digitbench.training.model import build_model, weights_to_bytes

PARAMS = MlpParams(hidden=(4,), dropout_hidden=0, dropout=0)
STATISTICS = PixelStatistics(0.13, 0.31)
NAME = "digitbench-mlp"
GOOD = {0: 0.981, 1: 0.984, 2: 0.979, 3: 0.984}
BAD = {0: 0.961, 1: 0.966, 2: 0.957, 3: 0.964}


@pytest.fixture(autouse=True)
def _in_the_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where commands are run: without DVC, from the project's root folder."""
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT")


@pytest.fixture
def client(root: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{root / DATABASE}")


def candidate(weights: int, accuracy: dict[int, float], example: NDArray[np.uint8]) -> Candidate:
    """A model whose weights are drawn with the given seed, of replicate 0."""
    torch.manual_seed(weights)
    content = weights_to_bytes(build_model("mlp", PARAMS))
    model = TrainedModel("mlp", PARAMS, 0, Path("seed-0.safetensors"), content)
    images = np.resize(example, (10_000, 28, 28))  # as many as make the accuracies possible
    return Candidate(model, STATISTICS, 0.975, accuracy, images)


def evaluate(*candidates: Candidate) -> None:
    """What the stage does with them, each in an execution of its own."""
    for item in candidates:
        records = EvaluationRecords()
        records.add(item.model, {"accuracy": item.accuracy[0]})
        records.register(item)
        assert not records.lost


def promote(*arguments: str) -> tuple[int, str]:
    """Exit status and what is said."""
    result = CliRunner().invoke(app, ["promote", *arguments])
    if isinstance(result.exception, DigitbenchError):
        raise result.exception
    return result.exit_code, result.output


def champion(client: mlflow.MlflowClient) -> int | None:
    versions: list[Version] = find_versions(client, "mlp")
    return next((version.number for version in versions if version.is_champion), None)


@pytest.fixture
def example(digits: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return digits[0][:2]


def test_the_same_model_is_registered_once_and_learns_of_further_seeds(
    client: mlflow.MlflowClient, example: NDArray[np.uint8]
) -> None:
    more = {3: 0.5, 4: 0.99}
    evaluate(candidate(1, GOOD, example), candidate(1, GOOD, example))
    (version,) = find_versions(client, "mlp")
    assert version.accuracy == GOOD
    evaluate(candidate(1, {**GOOD, **more}, example))
    (version,) = find_versions(client, "mlp")
    assert version.accuracy == {**GOOD, **more}
    evaluate(candidate(1, {0: GOOD[0]}, example))
    (version,) = find_versions(client, "mlp")
    assert version.accuracy == {**GOOD, **more}
    evaluate(candidate(2, GOOD, example))
    assert [version.number for version in find_versions(client, "mlp")] == [2, 1]
    assert [version.number for version in find_versions(client, "cnn")] == []


def test_a_version_tells_where_it_comes_from(
    client: mlflow.MlflowClient, root: Path, example: NDArray[np.uint8]
) -> None:
    item = candidate(1, GOOD, example)
    evaluate(item)
    (version,) = client.search_model_versions(f"name = '{NAME}'")
    assert version.tags["model.sha256"] == item.model.sha256
    assert version.tags["architecture"] == "mlp"
    assert version.tags["seed"] == "0"
    assert version.tags["experiment"] == "an-experiment"
    assert version.run_id is not None
    trained = client.get_run(version.run_id)
    assert trained.data.tags["model.sha256"] == item.model.sha256
    assert "seeds 0, 1, 2, 3" in str(version.description)
    assert "0.9750" in str(version.description)
    assert list((root / "mlartifacts").rglob("model.pt2")), "kept in the main repository"


def test_a_registered_model_loads_by_name_with_signature_and_example(
    root: Path, example: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = candidate(1, GOOD, example)
    evaluate(item)
    promote("mlp")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv(URI_VARIABLE, f"sqlite:///{root / DATABASE}")
    loaded = mlflow.pyfunc.load_model(f"models:/{NAME}@{CHAMPION}")
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, 28, 28)
    np.testing.assert_array_equal(loaded.input_example, example)
    with torch.no_grad():
        expected = build_classifier(item.model, STATISTICS)(torch.from_numpy(example)).numpy()
    np.testing.assert_allclose(loaded.predict(loaded.input_example), expected, atol=1e-6)


def test_only_promoting_moves_the_champion(
    client: mlflow.MlflowClient, example: NDArray[np.uint8]
) -> None:
    evaluate(candidate(1, GOOD, example))
    assert champion(client) is None
    assert promote("mlp") == (0, f"{NAME}: version 1 is champion now. There was no champion.\n")
    evaluate(candidate(2, GOOD, example), candidate(3, BAD, example))
    assert champion(client) == 1
    assert promote("mlp", "--version", "1") == (0, f"{NAME}: version 1 is champion already.\n")


def test_a_worse_version_is_refused_unless_forced(
    client: mlflow.MlflowClient, example: NDArray[np.uint8]
) -> None:
    evaluate(candidate(1, GOOD, example))
    promote("mlp")
    evaluate(candidate(2, BAD, example))
    status, text = promote("mlp")
    assert status == 1
    assert "Significantly worse: −2.00 points of accuracy, 95 % interval −2.26 to −1.74" in text
    assert "p < 0.001" in text
    assert champion(client) == 1
    status, text = promote("mlp", "--force")
    assert (status, champion(client)) == (0, 2)
    assert "in place of version 1" in text
    assert promote("mlp", "--version", "1")[0] == 0
    assert champion(client) == 1


def test_a_version_that_is_as_good_needs_force_only_where_one_seed_hides_it(
    client: mlflow.MlflowClient, example: NDArray[np.uint8]
) -> None:
    evaluate(candidate(1, GOOD, example))
    promote("mlp")
    evaluate(candidate(2, dict(GOOD), example))
    status, text = promote("mlp")
    assert (status, champion(client)) == (0, 2)
    assert "the same" in text
    evaluate(candidate(3, {0: 0.999}, example))
    status, text = promote("mlp")
    assert (status, champion(client)) == (1, 2)
    assert "single seed" in text
    evaluate(candidate(4, {0: 0.982, 1: 0.983, 2: 0.9785, 3: 0.9835}, example))
    assert promote("mlp")[0] == 0
    assert champion(client) == 4


def test_mistakes_are_told(
    root: Path, example: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DigitbenchError, match=r"digitbench-mlp is registered yet.*dvc repro"):
        promote("mlp")
    assert "No model is registered yet" in CliRunner().invoke(app, ["models"]).output
    evaluate(candidate(1, GOOD, example))
    with pytest.raises(DigitbenchError, match="'mpl' is not an architecture"):
        promote("mpl")
    with pytest.raises(DigitbenchError, match="has no version 7; there are 1"):
        promote("mlp", "--version", "7")
    monkeypatch.setenv(URI_VARIABLE, "http://127.0.0.1:9")  # the discard port: nothing answers
    with pytest.raises(DigitbenchError, match="does not answer"):
        promote("mlp")
    monkeypatch.delenv(URI_VARIABLE)
    (root / DATABASE).unlink()
    with pytest.raises(DigitbenchError, match="dvc repro"):
        promote("mlp")
    assert not (root / DATABASE).exists(), "asking makes no database"


def test_models_lists_versions_and_marks_the_champion(example: NDArray[np.uint8]) -> None:
    evaluate(candidate(1, GOOD, example), candidate(2, BAD, example))
    promote("mlp", "--version", "1")
    header, latest, first = CliRunner().invoke(app, ["models"]).output.splitlines()
    assert header.split()[:3] == ["model", "version", "accuracy"]
    assert latest.split()[:5] == [NAME, "2", "96.20", "%", "0,1,2,3"]
    assert first.split()[:5] == ["*", NAME, "1", "98.20", "%"]
    assert "an-experiment" in first
