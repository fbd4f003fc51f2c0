"""Registered models: what versions there are, and which one is champion.

The registry as commands use it: here, other than in a stage, a failure is an error.

Which replicate of an architecture goes to the registry: decided without the test set.

Which replicate stands for its architecture in the registry, and what a version says of it.

A replicate for use elsewhere: raw images in, probabilities out, in one file without code.

Registers the best replicate of an architecture: a model that MLflow can serve, and its tags.

Whether a version may become champion: not if it is significantly worse on the test set.
"""

import json
import os
import textwrap
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digitbench import files
from digitbench.environment import project_root
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.scores import Scores
from digitbench.params import ARCHITECTURES
from digitbench.statistics.seeds import Change, Method, Verdict, compare, judge
from digitbench.tracking.connection import (
    DATABASE,
    URI_VARIABLE,
    database_lock,
    open_client,
    run_tags,
)
from digitbench.training.data import PixelStatistics
from digitbench.training.model import load_weights
from digitbench.training.pixels import standardise
from digitbench.wording import p_value, points

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
ACCURACY_TAG = "test_accuracy"


@dataclass(frozen=True)
class Version:
    """One registered version, as its tags tell it."""

    architecture: str
    number: int
    sha256: str
    seed: int
    accuracy: dict[int, float]  # on the test set, by seed, of every replicate
    test_images: int
    experiment: str
    commit: str  # empty outside a repository
    is_champion: bool


def registered_name(architecture: str) -> str:
    """Name under which the versions of an architecture are registered."""
    return f"digitbench-{architecture}"


def find_versions(client: "MlflowClient", architecture: str) -> list[Version]:
    """The versions that `evaluate` registered, latest first; none is an empty list."""
    name = registered_name(architecture)
    if not client.search_registered_models(f"name = '{name}'"):
        return []
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    versions = [
        _read(version, is_champion=str(version.version) == str(champion))
        for version in client.search_model_versions(f"name = '{name}'")
        if ACCURACY_TAG in version.tags
    ]
    return sorted(versions, key=lambda version: -version.number)


def accuracy_text(accuracy: Mapping[int, float]) -> str:
    """Accuracy by seed as it stands in a tag."""
    return json.dumps({str(seed): accuracy[seed] for seed in sorted(accuracy)})


def _read(version: "ModelVersion", *, is_champion: bool) -> Version:
    tags = version.tags
    accuracy = json.loads(tags[ACCURACY_TAG])
    return Version(
        architecture=tags["architecture"],
        number=int(version.version),
        sha256=tags["model.sha256"],
        seed=int(tags["seed"]),
        accuracy={int(seed): float(value) for seed, value in accuracy.items()},
        test_images=int(tags["test_images"]),
        experiment=tags["experiment"],
        commit=tags.get("commit", ""),
        is_champion=is_champion,
    )


if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextmanager
def open_registry() -> Iterator["MlflowClient"]:
    """A client whose failures are told in a sentence.

    Raises:
        DigitbenchError: There is no database yet, or nothing answers.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    served = os.environ.get(URI_VARIABLE)
    if not served and not (project_root() / DATABASE).exists():
        raise DigitbenchError(
            f"There is no {DATABASE} in this folder, so no model is registered. Run `dvc repro` "
            f"in the project's root folder, or set {URI_VARIABLE} to a server."
        )
    try:
        yield open_client()
    except (MlflowException, SQLAlchemyError) as error:
        place = f"the MLflow that {URI_VARIABLE} names" if served else DATABASE
        reason = textwrap.shorten(str(error), 200, placeholder=" ...")
        raise DigitbenchError(
            f"The registry in {place} does not answer ({reason}). "
            "Check that it runs and that the address is right."
        ) from None


def existing_versions(client: "MlflowClient", architecture: str) -> list[Version]:
    """The versions of an architecture, latest first; at least one.

    Raises:
        DigitbenchError: There is no such architecture, or nothing is registered.
    """
    if architecture not in ARCHITECTURES:
        raise DigitbenchError(
            f"{architecture!r} is not an architecture; known are {', '.join(ARCHITECTURES)}."
        )
    versions = find_versions(client, architecture)
    if not versions:
        raise DigitbenchError(
            f"No version of {registered_name(architecture)} is registered yet. `dvc repro` "
            "registers one when it evaluates."
        )
    return versions


def choose_version(versions: Sequence[Version], number: int | None) -> Version:
    """The version of that number, by default the latest.

    Raises:
        DigitbenchError: There is none.
    """
    if number is None:
        return versions[0]
    for candidate in versions:
        if candidate.number == number:
            return candidate
    raise DigitbenchError(
        f"{registered_name(versions[0].architecture)} has no version {number}; there are "
        f"{', '.join(str(version.number) for version in reversed(versions))}."
    )


def move_champion(client: "MlflowClient", version: Version) -> None:
    """Let the alias point to a version."""
    name = registered_name(version.architecture)
    client.set_registered_model_alias(name, CHAMPION, str(version.number))


@dataclass(frozen=True)
class Choice:
    """A replicate and the validation accuracy that spoke for it."""

    seed: int
    validation_accuracy: float


def best_on_validation(curves: pd.DataFrame) -> Choice:
    """The highest validation accuracy after the last epoch; among equals the lowest seed.

    Args:
        curves: One row per seed and epoch, with seed, epoch and validation_accuracy.
    """
    last = curves.loc[curves.groupby("seed")["epoch"].idxmax()]
    best = last.sort_values(["validation_accuracy", "seed"], ascending=[False, True]).iloc[0]
    return Choice(int(best["seed"]), float(best["validation_accuracy"]))


def load_curves(path: Path, seeds: Collection[int]) -> pd.DataFrame:
    """Curves as a training stage wrote them.

    Args:
        path: Named after the architecture.
        seeds: Those that were trained.

    Raises:
        DigitbenchError: They can't be read, or are of other seeds; the text names the stage to run
            again.
    """
    try:
        curves = pd.read_csv(path)[["seed", "epoch", "validation_accuracy"]]
    except (OSError, ValueError, KeyError) as error:
        raise _unusable(path, f"cannot be read ({error})") from None
    if set(curves["seed"]) != set(seeds):
        raise _unusable(path, "are of other seeds than the models")
    return curves


def _unusable(path: Path, reason: str) -> DigitbenchError:
    return DigitbenchError(
        f"{path}: the curves {reason}. Run `dvc repro --force --single-item train_{path.stem}`."
    )


_EXAMPLES = 2


@dataclass(frozen=True)
class Candidate:
    """One replicate, and the results of its architecture."""

    model: TrainedModel
    statistics: PixelStatistics
    validation_accuracy: float
    accuracy: Mapping[int, float]  # on the test set, by seed, of every replicate
    images: NDArray[np.uint8]  # the test set, [N, 28, 28]

    @property
    def example(self) -> NDArray[np.float32]:
        """Images [2, 28, 28] as one would send them."""
        return np.array(self.images[:_EXAMPLES], dtype=np.float32)


def nominate(
    trained: Mapping[str, Sequence[TrainedModel]],
    scores: Mapping[str, Mapping[int, Scores]],
    statistics: PixelStatistics,
    images: NDArray[np.uint8],
) -> list[Candidate]:
    """One candidate per architecture, by the curves that training left.

    Raises:
        DigitbenchError: Curves can't be read; the text names the stage to run again.
    """
    found = []
    for name, models in trained.items():
        by_seed = {model.seed: model for model in models}
        choice = best_on_validation(load_curves(files.CURVES / f"{name}.csv", by_seed.keys()))
        accuracy = {seed: item.headline["accuracy"] for seed, item in scores[name].items()}
        model, validation = by_seed[choice.seed], choice.validation_accuracy
        found.append(Candidate(model, statistics, validation, accuracy, images))
    return found


class Classifier(nn.Module):
    """Images [N, 28, 28], white on black, of any type with values 0..255, to probabilities [N, 10].

    It standardises inside, as training did: who uses it needs to know nothing of the statistics.
    """

    def __init__(self, network: nn.Module, statistics: PixelStatistics) -> None:
        """Put a network that gives logits between raw pixels and probabilities."""
        super().__init__()
        self.network = network
        self.statistics = statistics

    def forward(self, images: Tensor) -> Tensor:
        """Class probabilities [N, 10]."""
        # A copy: standardising works in place, and floats would be the caller's own.
        raw = images.to(torch.float32, copy=True)
        logits: Tensor = self.network(standardise(raw, self.statistics))
        return logits.softmax(dim=1)


def build_classifier(model: TrainedModel, statistics: PixelStatistics) -> Classifier:
    """The classifier of one replicate, in evaluation mode on the CPU."""
    network = load_weights(model.architecture, model.params, model.weights, str(model.path))
    # The archive wants plain weights; channels last, the order of training, is only faster.
    plain = network.to(memory_format=torch.contiguous_format)
    return Classifier(plain, statistics).eval()


def export_classifier(classifier: Classifier, example: NDArray[np.float32], path: Path) -> None:
    """Write the graph and the weights for any number of images, with torch.export.

    The file holds operators of torch and tensors: it loads without this project, and unlike a
    pickle it can't run code of its own.

    Args:
        classifier: In evaluation mode.
        example: Two images or more, [N, 28, 28]: a size of 1 would become part of the graph.
        path: Where to write; the suffix is `.pt2`.
    """
    batch = {0: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        # Recurrent layers keep a list of their weights, which tracing replaces for a moment.
        warnings.filterwarnings("ignore", message="The tensor attributes .*_flat_weights")
        program = torch.export.export(
            classifier, (torch.from_numpy(example),), dynamic_shapes=[batch]
        )
        torch.export.save(program, path)


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


@dataclass(frozen=True)
class Decision:
    """Whether the alias moves, and the sentence that says why."""

    promote: bool
    reason: str


def decide(champion: Version | None, version: Version) -> Decision:
    """Compare test accuracies over seeds, by the statistics of ``digitbench review``.

    Worse is refused, and so is what cannot be told: a single seed, or other test images.
    """
    if champion is None:
        return Decision(True, "There was no champion.")
    if champion.test_images != version.test_images:
        return Decision(
            False,
            f"They were tested on different images: {champion.test_images:,} and "
            f"{version.test_images:,}.",
        )
    change = compare(_seeded(champion.accuracy), _seeded(version.accuracy), version.test_images)
    (change,) = judge({0: change}, {0: True}).values()
    return Decision(change.verdict in (Verdict.BETTER, Verdict.NO_EVIDENCE), _sentence(change))


def _seeded(accuracy: Mapping[int, float]) -> dict[str, float]:
    return {str(seed): value for seed, value in accuracy.items()}


def _sentence(change: Change) -> str:
    if change.unchanged:
        return "Their accuracies are the same for every shared seed."
    difference = points(change.difference or 0.0)
    low, high, p = change.difference_low, change.difference_high, change.p_value
    if low is None or high is None or p is None:
        return (
            f"A single seed cannot tell whether the difference of {difference} points is luck; "
            "train more seeds."
        )
    sign = p_value(p) if p < 0.001 else f"= {p_value(p)}"
    finding = {
        Verdict.BETTER: "Significantly better",
        Verdict.WORSE: "Significantly worse",
        Verdict.NO_EVIDENCE: "No evidence of a difference",
    }[change.verdict]
    pairs = len(change.shared) if change.method is Method.PAIRED else 0
    seeds = f"{pairs} shared seeds" if pairs else "different seeds"
    return (
        f"{finding}: {difference} points of accuracy, 95 % interval {points(low)} to "
        f"{points(high)}, p {sign} ({change.method} over {seeds})."
    )
