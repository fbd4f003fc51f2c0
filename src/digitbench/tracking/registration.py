"""Registers the best replicate of an architecture: a model that MLflow can serve, and its tags."""

from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digitbench.serving import Classifier, build_classifier, export_classifier
from digitbench.tracking.candidate import Candidate
from digitbench.tracking.connection import database_lock, run_tags
from digitbench.tracking.registry import (
    ACCURACY_TAG,
    Version,
    accuracy_text,
    find_versions,
    registered_name,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

_DESCRIPTION = (
    "Handwritten digits: images [N, 28, 28], white on black, pixel values 0 to 255, to class "
    "probabilities [N, 10]. Each version is the best of its seeds on the validation part; "
    "`digitbench promote` moves the alias champion."
)


def register(client: "MlflowClient", experiment: str, run: str, candidate: Candidate) -> None:
    """Make a version of the candidate, unless its weights are registered already.

    The same weights evaluated with further seeds keep their version, which then knows the test
    accuracy of these seeds too. No alias is touched.

    Args:
        client: Of the server or database that holds runs and versions.
        experiment: Id of the experiment.
        run: Id of the run that trained the candidate.
        candidate: The replicate.
    """
    # Two evaluations at once may come with the same weights.
    with database_lock():
        versions = find_versions(client, candidate.model.architecture)
        known = [version for version in versions if version.sha256 == candidate.model.sha256]
        if known:
            _add_seeds(client, candidate, known[0])
            return
        model = _log_model(client, experiment, run, candidate)
        _create_version(client, run, model, candidate)


def _add_seeds(client: "MlflowClient", candidate: Candidate, known: Version) -> None:
    accuracy = {**known.accuracy, **candidate.accuracy}
    if accuracy != known.accuracy:
        name = registered_name(candidate.model.architecture)
        text = accuracy_text(accuracy)
        client.set_model_version_tag(name, str(known.number), ACCURACY_TAG, text)


def _create_version(
    client: "MlflowClient", run: str, logged_model: str, candidate: Candidate
) -> None:
    model, origin = candidate.model, run_tags("evaluate")
    name = registered_name(model.architecture)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=_DESCRIPTION)
    tags = {tag: value for tag, value in origin.items() if tag in ("experiment", "commit")}
    tags |= {
        "model.sha256": model.sha256,
        "architecture": model.architecture,
        "seed": str(model.seed),
        ACCURACY_TAG: accuracy_text(candidate.accuracy),
        "test_images": str(len(candidate.images)),
    }
    seeds = ", ".join(str(seed) for seed in candidate.accuracy)
    description = (
        f"{model.architecture.upper()} of seed {model.seed}: of the seeds {seeds} the best on the "
        f"validation part ({candidate.validation_accuracy:.4f}). "
        f"Test accuracy {candidate.accuracy[model.seed]:.4f}."
    )
    client.create_model_version(
        name,
        source=f"models:/{logged_model}",
        run_id=run,
        tags=tags,
        description=description,
        model_id=logged_model,
    )


def _log_model(client: "MlflowClient", experiment: str, run: str, candidate: Candidate) -> str:
    """Upload the model and attach it to the run; returns its id."""
    from mlflow.entities import LoggedModelOutput

    architecture, seed = candidate.model.architecture, str(candidate.model.seed)
    classifier = build_classifier(candidate.model, candidate.statistics)
    tags = {"architecture": architecture, "seed": seed}
    model = client.create_logged_model(experiment, architecture, run, tags)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save_model(path, classifier, candidate.example, model_id=model.model_id)
        client.log_model_artifacts(model.model_id, str(path))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
    return str(model.model_id)


def save_model(
    path: Path, classifier: Classifier, example: NDArray[np.float32], **identity: Any
) -> None:
    """Write the folder that MLflow serves: graph and weights, signature, example, requirements.

    The graph is loaded by MLflow's own code for torch, and always to the CPU, for which it was
    traced: MLflow would otherwise ask for a GPU where there is one, and refuse.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 28, 28))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 10))]),
    )
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "torch"
        graph.mkdir()
        export_classifier(classifier, example, graph / "model.pt2")  # the name MLflow looks for
        pyfunc.save_model(
            path,
            loader_module="mlflow.pytorch",
            data_path=graph,
            model_config={"device": "cpu"},
            signature=signature,
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "numpy", "torch")],
            mlflow_model=Model(**identity),
        )
