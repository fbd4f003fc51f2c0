"""The registered models: which replicate is registered, what is served, which one is champion.

A version is the best replicate of its architecture on the validation part, and knows the test
accuracy of all of them. It becomes champion unless it is significantly worse. In a stage a failure
of MLflow is a warning; commands ask with `ask_registry`, and there it is an error.
"""

import json
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.scores import Scores
from digitbench.params import known_architecture
from digitbench.statistics.seeds import Change, Method, Verdict, compare, judge
from digitbench.temporary import temporary_folder
from digitbench.tracking.address import (
    DATABASE,
    URI_VARIABLE,
    database_file,
    own_database,
    tracking_uri,
)
from digitbench.tracking.connection import (
    brief,
    load_mlflow,
    open_client,
    project_lock,
    run_tags,
    unless_there,
)
from digitbench.tracking.recorder import Recorder
from digitbench.training.data import PixelStatistics
from digitbench.training.model import load_weights
from digitbench.training.pixels import standardise
from digitbench.wording import difference_numbers, p_equals, points, within

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

T = TypeVar("T")
CHAMPION = "champion"
ACCURACY_TAG = "test_accuracy"
# DVC skips an evaluation whose results `dvc pull` or its run cache brought.
REGISTER = "`dvc repro --force --single-item evaluate` does"
_DESCRIPTION = (
    "Handwritten digits: images [N, 28, 28], white on black, pixel values 0 to 255, to class "
    "probabilities [N, 10]. Each version is the best of its seeds on the validation part; "
    "`digitbench promote` moves the alias champion."
)


# --- versions --------------------------------------------------------------------------------


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


def ask_registry(question: Callable[["MlflowClient"], T]) -> T:
    """What the registry answers; a failure is told in a sentence.

    Raises:
        DigitbenchError: There is no database yet, or nothing answers in time.
    """
    load_mlflow()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    file = database_file(tracking_uri())
    own = file == own_database()
    if file and not file.exists():
        where = "in this folder" if own else f"in {file.parent}, which {URI_VARIABLE} names"
        raise DigitbenchError(
            f"There is no {file.name} {where}, so no model is registered. Run `dvc repro` in the "
            f"project's root folder; if it has nothing to do, {REGISTER}. Or set {URI_VARIABLE} to "
            "a server."
        )
    name = DATABASE if own else f"the MLflow that {URI_VARIABLE} names"
    try:
        with Recorder() as recorder:
            return recorder.ask(lambda: question(open_client()))
    except (MlflowException, SQLAlchemyError) as error:
        raise DigitbenchError(
            f"The registry in {name} does not answer ({brief(error)}). "
            "Check that it runs and that the address is right."
        ) from None


def registered_name(architecture: str) -> str:
    """Name under which the versions of an architecture are registered."""
    return f"digitbench-{architecture}"


def find_versions(client: "MlflowClient", architecture: str) -> list[Version]:
    """The versions that `evaluate` registered, latest first; none is an empty list."""
    name = registered_name(architecture)
    if not client.search_registered_models(f"name = '{name}'"):
        return []
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    found = client.search_model_versions(f"name = '{name}'")
    versions = [_read(item, champion) for item in found if ACCURACY_TAG in item.tags]
    return sorted(versions, key=lambda version: -version.number)


def _read(version: "ModelVersion", champion: object) -> Version:
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
        is_champion=str(version.version) == str(champion),
    )


def existing_versions(client: "MlflowClient", architecture: str) -> list[Version]:
    """The versions of an architecture, latest first; at least one.

    Raises:
        DigitbenchError: There is no such architecture, or nothing is registered.
    """
    versions = find_versions(client, known_architecture(architecture))
    if not versions:
        raise DigitbenchError(
            f"No version of {registered_name(architecture)} is registered yet. `dvc repro` "
            f"registers one when it evaluates; if it has nothing to do, {REGISTER}."
        )
    return versions


# --- candidates ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """One replicate, and the results of its architecture."""

    model: TrainedModel
    statistics: PixelStatistics
    validation_accuracy: float
    accuracy: Mapping[int, float]  # on the test set, by seed, of every replicate
    images: NDArray[np.uint8]  # the test set, [N, 28, 28]


def candidates(
    trained: Mapping[str, Sequence[TrainedModel]],
    scores: Mapping[str, Mapping[int, Scores]],
    statistics: PixelStatistics,
    images: NDArray[np.uint8],
) -> list[Candidate]:
    """One per architecture, by the curves that training left: decided without the test set.

    Raises:
        DigitbenchError: Curves can't be read; the text names the stage to run again.
    """
    found = []
    for name, models in trained.items():
        by_seed = {model.seed: model for model in models}
        curves = load_curves(files.CURVES / f"{name}.csv", by_seed)
        seed, validation = best_on_validation(curves)
        accuracy = {seed: item.headline["accuracy"] for seed, item in scores[name].items()}
        found.append(Candidate(by_seed[seed], statistics, validation, accuracy, images))
    return found


def load_curves(path: Path, seeds: Collection[int]) -> pd.DataFrame:
    """Curves as a training stage wrote them.

    Args:
        path: Named after the architecture.
        seeds: Those that were trained.

    Raises:
        DigitbenchError: They can't be read, or are of other seeds; the text names the stage to run
            again.
    """
    again = f"Run `dvc repro --force --single-item train_{path.stem}`."
    columns = ["seed", "epoch", "validation_accuracy"]
    curves = files.read(path, lambda file: pd.read_csv(file, usecols=columns), again)
    if set(curves["seed"]) != set(seeds):
        raise DigitbenchError(f"{path}: the curves are of other seeds than the models. {again}")
    return curves


def best_on_validation(curves: pd.DataFrame) -> tuple[int, float]:
    """Seed with the highest validation accuracy after its last epoch, and that accuracy.

    Among equals it is the lowest seed.

    Args:
        curves: One row per seed and epoch, with seed, epoch and validation_accuracy.
    """
    last = curves.loc[curves.groupby("seed")["epoch"].idxmax()]
    best = last.sort_values(["validation_accuracy", "seed"], ascending=[False, True]).iloc[0]
    return int(best["seed"]), float(best["validation_accuracy"])


def renew(client: "MlflowClient", candidate: Candidate) -> bool:
    """Whether the candidate's weights are registered already.

    Evaluated with further seeds they keep their version, which then knows the test accuracy of
    these seeds too.
    """
    versions = find_versions(client, candidate.model.architecture)
    sha256, accuracy = candidate.model.sha256, candidate.accuracy
    known = next((version for version in versions if version.sha256 == sha256), None)
    if known and not accuracy.items() <= known.accuracy.items():
        name, text = (
            registered_name(known.architecture),
            _accuracy_text({**known.accuracy, **accuracy}),
        )
        client.set_model_version_tag(name, str(known.number), ACCURACY_TAG, text)
    return known is not None


def register(
    client: "MlflowClient", experiment: str, run: str, candidate: Candidate, graph: Path
) -> None:
    """Make a version of the candidate, unless its weights are registered already.

    No alias is touched. Experiment and run, that which trained the candidate, are ids; the graph is
    a folder that `exported` made of it.
    """
    # Two evaluations at once may come with the same weights.
    with project_lock():
        if not renew(client, candidate):
            _add_version(client, experiment, run, candidate, graph)


def _accuracy_text(accuracy: Mapping[int, float]) -> str:
    return json.dumps({str(seed): accuracy[seed] for seed in sorted(accuracy)})


def _add_version(
    client: "MlflowClient", experiment: str, run: str, candidate: Candidate, graph: Path
) -> None:
    """Upload the model, attach it to the run, and make a version of it."""
    from mlflow.entities import LoggedModelOutput

    model, origin = candidate.model, run_tags("evaluate")
    name = registered_name(model.architecture)
    identity = {"architecture": model.architecture, "seed": str(model.seed)}
    logged = client.create_logged_model(experiment, model.architecture, run, identity).model_id
    with temporary_folder("model") as folder:
        path = folder / "model"
        save_model(path, graph, _example(candidate), model_id=logged)
        client.log_model_artifacts(logged, str(path))
    client.finalize_logged_model(logged, "READY")
    client.log_outputs(run, [LoggedModelOutput(logged, 0)])

    with unless_there():
        client.create_registered_model(name, description=_DESCRIPTION)
    tags = identity | {tag: origin[tag] for tag in ("experiment", "commit") if tag in origin}
    tags |= {
        "model.sha256": model.sha256,
        ACCURACY_TAG: _accuracy_text(candidate.accuracy),
        "test_images": str(len(candidate.images)),
    }
    description = (
        f"{model.architecture.upper()} of seed {model.seed}: of the seeds "
        f"{', '.join(map(str, candidate.accuracy))} the best on the validation part "
        f"({candidate.validation_accuracy:.4f}). "
        f"Test accuracy {candidate.accuracy[model.seed]:.4f}."
    )
    client.create_model_version(
        name, f"models:/{logged}", run, tags, description=description, model_id=logged
    )


# --- export ----------------------------------------------------------------------------------


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


@contextmanager
def exported(candidate: Candidate) -> Iterator[Path]:
    """A temporary folder with the candidate's graph."""
    classifier = build_classifier(candidate.model, candidate.statistics)
    with temporary_folder("model") as folder:
        graph = folder / "torch"
        export(graph, classifier, _example(candidate))
        yield graph


def _example(candidate: Candidate) -> NDArray[np.float32]:
    return candidate.images[:2].astype(np.float32)


def export(folder: Path, classifier: Classifier, example: NDArray[np.float32]) -> None:
    """Write the graph with its weights, as MLflow's own code for torch reads it.

    It takes any number of images. It holds operators of torch and tensors: it loads without this
    project, and unlike a pickle it can't run code of its own.

    Args:
        folder: One that isn't there yet.
        classifier: In evaluation mode.
        example: Two images or more, [N, 28, 28]: a size of 1 would become part of the graph.
    """
    with warnings.catch_warnings():
        # Recurrent layers keep a list of their weights, which tracing replaces for a moment.
        warnings.filterwarnings("ignore", message="The tensor attributes .*_flat_weights")
        sizes = [{0: torch.export.Dim.DYNAMIC}]
        program = torch.export.export(
            classifier, (torch.from_numpy(example),), dynamic_shapes=sizes
        )
        folder.mkdir()
        torch.export.save(program, folder / "model.pt2")  # the name MLflow looks for


def save_model(path: Path, graph: Path, example: NDArray[np.float32], **identity: Any) -> None:
    """Write the folder that MLflow serves: graph and weights, signature, example, requirements.

    It is always loaded to the CPU, for which it was traced: MLflow would otherwise ask for a GPU
    where there is one, and refuse.

    Args:
        path: A folder that isn't there yet.
        graph: The folder of an export.
        example: Images [N, 28, 28].
        **identity: What else the description of the model holds.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 28, 28))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 10))]),
    )
    requirements = [f"{name}=={installed(name)}" for name in ("mlflow", "numpy", "torch")]
    pyfunc.save_model(
        path,
        loader_module="mlflow.pytorch",
        data_path=graph,
        model_config={"device": "cpu"},
        signature=signature,
        input_example=example,
        pip_requirements=requirements,
        mlflow_model=Model(**identity),
    )


# --- promotion -------------------------------------------------------------------------------


def promote(
    client: "MlflowClient", architecture: str, number: int | None, margin: float, *, force: bool
) -> tuple[bool, str]:
    """Make a version, by default the latest, champion unless it is worse, or nobody can tell.

    Args:
        client: Of the registry.
        architecture: Its key.
        number: The version; None for the latest.
        margin: Difference of accuracy that matters, a fraction.
        force: Whether to promote a version that is refused.

    Returns:
        Whether it is champion now, and the sentence that says so, and why.

    Raises:
        DigitbenchError: There is no such version.
    """
    name, versions = registered_name(architecture), existing_versions(client, architecture)
    chosen = next((item for item in versions if number in (None, item.number)), None)
    if chosen is None:
        known = ", ".join(str(item.number) for item in reversed(versions))
        raise DigitbenchError(f"{name} has no version {number}; there are {known}.")
    champion = next((item for item in versions if item.is_champion), None)
    subject = f"{name}: version {chosen.number}"
    if champion == chosen:
        return True, f"{subject} is champion already."
    fit, reason = decide(champion, chosen, margin)
    before = f" in place of version {champion.number}" if champion else ""
    if fit or force:
        client.set_registered_model_alias(name, CHAMPION, str(chosen.number))
        return True, f"{subject} is champion now{before}. {reason}"
    refusal = f"{subject} does not become champion{before}. {reason}"
    return False, f"{refusal} (--force promotes it all the same.)"


def decide(champion: Version | None, version: Version, margin: float) -> tuple[bool, str]:
    """Whether a version may become champion, and why: by the statistics of ``digitbench review``.

    Worse is refused, and so is what cannot be told: a single seed, or other test images.
    """
    if champion is None:
        return True, "There was no champion."
    before, after = champion.test_images, version.test_images
    if before != after:
        return False, f"They were tested on different images: {before:,} and {after:,}."
    change = compare(champion.accuracy, version.accuracy, after)
    (change,) = judge({0: change}, {0: True}, margin=margin).values()
    return change.verdict not in (Verdict.WORSE, Verdict.UNKNOWN), _sentence(change)


def _sentence(change: Change) -> str:
    if change.unchanged:
        return "Their accuracies are the same for every shared seed."
    value = change.difference or 0.0
    low, high, p = change.difference_low, change.difference_high, change.p_value
    if low is None or high is None or p is None:
        return (
            f"A single seed cannot tell whether the difference of {points(value)} points is luck; "
            "train more seeds."
        )
    finding = {
        Verdict.BETTER: "Significantly better",
        Verdict.WORSE: "Significantly worse",
        Verdict.SAME: f"The same within {within(change.margin or 0)}",
        Verdict.NO_EVIDENCE: "No evidence of a difference",
    }[change.verdict]
    paired = change.method is Method.PAIRED
    seeds = f"{len(change.shared)} shared seeds" if paired else "different seeds"
    numbers = f"{difference_numbers(value, low, high)}, {p_equals(p)}"
    return f"{finding}: {numbers} ({change.method} over {seeds})."
