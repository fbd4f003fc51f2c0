"""What is served answers like the project itself, from raw images."""

from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from architectures import SMALL as PARAMS
from architectures import STATISTICS
from digitbench.evaluation.predictions import TrainedModel, predict_all
from digitbench.tracking.registry import build_classifier, save_model
from digitbench.training.model import build_model, weights_to_bytes

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def model_of(architecture: str, seed: int = 0) -> TrainedModel:
    torch.manual_seed(seed)
    weights = weights_to_bytes(build_model(architecture, PARAMS[architecture]))
    path = Path(f"seed-{seed}.safetensors")
    return TrainedModel(architecture, PARAMS[architecture], seed, path, weights)


@pytest.mark.parametrize("architecture", PARAMS)
def test_a_saved_model_gives_the_predictions_of_evaluation_for_any_number_of_images(
    architecture: str, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = digits[0][:130]
    model = model_of(architecture)
    expected = predict_all({architecture: [model]}, images, STATISTICS, 50)[architecture][0]

    classifier = build_classifier(model, STATISTICS)
    with torch.no_grad():
        from_bytes = classifier(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(from_bytes, expected, atol=1e-5)

    path = tmp_path / "model"
    save_model(path, classifier, images[:2].astype(np.float32))
    # MLflow asks for a GPU where there is one, but the graph was traced for the CPU.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    loaded = mlflow.pyfunc.load_model(str(path))
    raw = images.astype(np.float32)
    for count in (1, 2, 3, 130):
        answer = loaded.predict(raw[:count])
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected[:count], atol=1e-5)


def test_the_images_of_the_caller_stay_as_they_are(digits: Digits) -> None:
    images = torch.from_numpy(digits[0][:3]).float()
    before = images.clone()
    build_classifier(model_of("cnn"), STATISTICS)(images)
    assert torch.equal(images, before)


def test_a_saved_model_carries_signature_example_and_exact_requirements(
    digits: Digits, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    example = digits[0][:2].astype(np.float32)
    save_model(path, build_classifier(model_of("mlp"), STATISTICS), example)

    info = mlflow.models.get_model_info(str(path))
    (inputs,), (outputs,) = info.signature.inputs.inputs, info.signature.outputs.inputs
    assert (inputs.type, inputs.shape) == (np.dtype("float32"), (-1, 28, 28))
    assert (outputs.type, outputs.shape) == (np.dtype("float32"), (-1, 10))
    loaded = mlflow.pyfunc.load_model(str(path))
    np.testing.assert_array_equal(loaded.input_example, example)
    requirements = (path / "requirements.txt").read_text().split()
    assert f"torch=={torch.__version__.partition('+')[0]}" in requirements
    assert all("==" in line for line in requirements)
    with pytest.raises(mlflow.MlflowException, match="shape"):
        loaded.predict(np.zeros((1, 28, 27), np.float32))
    assert not list(path.rglob("*.py")), "a model holds no code"
    assert not list(path.rglob("*.pth")), "nor pickles"
