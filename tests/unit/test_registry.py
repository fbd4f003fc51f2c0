"""The registry: what is chosen, what a version tells, what is served, and what becomes champion."""

import shutil
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW
from typer.testing import CliRunner

from architectures import SMALL as PARAMS
from architectures import STATISTICS
from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import TrainedModel, predict_all
from digitbench.files import write_csv
from digitbench.tracking.address import DATABASE, URI_VARIABLE
from digitbench.tracking.registry import (
    CHAMPION,
    Candidate,
    Classifier,
    Version,
    best_on_validation,
    build_classifier,
    decide,
    export,
    exported,
    find_versions,
    load_curves,
    save_model,
)
from digitbench.tracking.runs import Evaluation
from digitbench.training.model import build_model, weights_to_bytes
from digitbench.training.replicates import CURVE_COLUMNS
from digitbench.wording import points

NAME = "digitbench-mlp"
PROJECT = Path(__file__).resolve().parents[2]
GOOD = {0: 0.981, 1: 0.984, 2: 0.979, 3: 0.984}
BAD = {0: 0.961, 1: 0.966, 2: 0.957, 3: 0.964}
SIMILAR = {0: 0.982, 1: 0.982, 2: 0.981, 3: 0.982}
CLOSE = {0: 0.9812, 1: 0.9839, 2: 0.9792, 3: 0.9838}
MARGIN = 0.002
IMAGES = 10_000  # as many as make the accuracies possible
Images = NDArray[np.uint8]
Digits = tuple[Images, Images]


def model_of(architecture: str, weights: int = 0) -> TrainedModel:
    """Replicate 0, with weights drawn with the given seed."""
    torch.manual_seed(weights)
    content = weights_to_bytes(build_model(architecture, PARAMS[architecture]))
    return TrainedModel(architecture, PARAMS[architecture], 0, Path("seed-0.safetensors"), content)


@pytest.fixture
def example(digits: Digits) -> Images:
    return digits[0][:2]


# --- the replicate that is registered is chosen on the validation part alone -------------------

ROWS = [
    (7, 1, 0.9, 0.7, 0.9, 0.99),  # the best of all epochs, but not the last of its seed
    (7, 2, 0.5, 0.8, 0.6, 0.91),
    (4, 2, 0.5, 0.8, 0.6, 0.93),
    (4, 1, 0.9, 0.7, 0.9, 0.50),
    (2, 1, 0.9, 0.7, 0.9, 0.40),
    (2, 2, 0.5, 0.8, 0.6, 0.93),  # as good as seed 4
]


def test_the_last_epoch_decides_and_among_equals_the_lowest_seed(tmp_path: Path) -> None:
    path = tmp_path / "mlp.csv"
    write_csv(path, CURVE_COLUMNS, ROWS)
    assert best_on_validation(load_curves(path, [2, 4, 7])) == (2, 0.93)
    write_csv(path, CURVE_COLUMNS, [(7, 3, 0.5, 0.8, 0.6, 0.94), *ROWS])
    assert best_on_validation(load_curves(path, {2, 4, 7})) == (7, 0.94)


@pytest.mark.parametrize(
    ("content", "seeds"),
    [(ROWS, [2, 4]), (ROWS, [2, 4, 7, 8]), (None, [1]), ("", [1]), ("seed,epoch\n1,1\n", [1])],
)
def test_curves_that_are_unusable_are_named_with_the_stage_to_run(
    content: list[tuple[float, ...]] | str | None, seeds: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "rnn.csv"
    if isinstance(content, str):
        path.write_text(content)
    elif content:
        write_csv(path, CURVE_COLUMNS, content)
    reason = "other seeds" if content is ROWS else "cannot be read"
    with pytest.raises(DigitbenchError, match=rf"rnn\.csv.*{reason}.*train_rnn"):
        load_curves(path, seeds)


def test_the_curves_of_this_project_name_a_trained_seed() -> None:
    for path in (Path(__file__).parents[2] / "plots" / "curves").glob("*.csv"):
        curves = pd.read_csv(path)
        last = curves[curves["epoch"] == curves["epoch"].max()].set_index("seed")
        seed, _ = best_on_validation(load_curves(path, last.index))
        assert last["validation_accuracy"][seed] == last["validation_accuracy"].max()


# --- what is served answers like the project itself, from raw images ---------------------------


def save(classifier: Classifier, images: Images, path: Path) -> None:
    graph, example = path.with_name("torch"), images.astype(np.float32)
    export(graph, classifier, example)
    save_model(path, graph, example)


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

    save(classifier, images[:2], tmp_path / "model")
    # MLflow asks for a GPU where there is one, but the graph was traced for the CPU.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    for count in (1, 2, 3, 130):
        answer = loaded.predict(images[:count].astype(np.float32))
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, expected[:count], atol=1e-5)


def test_the_images_of_the_caller_stay_as_they_are(digits: Digits) -> None:
    images = torch.from_numpy(digits[0][:3]).float()
    before = images.clone()
    build_classifier(model_of("cnn"), STATISTICS)(images)
    assert torch.equal(images, before)


def test_a_saved_model_carries_signature_example_and_exact_requirements(
    example: Images, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    save(build_classifier(model_of("mlp"), STATISTICS), example, path)

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


# --- a version becomes champion unless it is worse, or nobody can tell -------------------------


def version(accuracy: dict[int, float]) -> Version:
    return Version("mlp", 1, "ab", 0, accuracy, IMAGES, "workspace", "", is_champion=False)


@pytest.mark.parametrize(
    ("before", "after", "promoted", "reason"),
    [
        (GOOD, SIMILAR, True, "No evidence of a difference: "),
        # ±0.02 points or so: t of 3 degrees, far inside 0.2.
        (GOOD, CLOSE, True, "The same within ±0.2 points: "),
        (BAD, GOOD, True, "Significantly better: +2.00 points"),
        (GOOD, BAD, False, "Significantly worse: −2.00 points"),
        (GOOD, dict(GOOD), True, "Their accuracies are the same"),
        # With one seed nothing is known.
        ({0: 0.9}, {0: 0.8}, False, "A single seed"),
        ({0: 0.9}, {1: 0.8, 2: 0.7}, False, "A single seed"),
        (GOOD, {0: 0.999}, False, "A single seed"),
    ],
)
def test_only_what_is_not_worse_is_promoted(
    before: dict[int, float], after: dict[int, float], promoted: bool, reason: str
) -> None:
    fit, sentence = decide(version(before), version(after), MARGIN)
    assert fit is promoted
    assert sentence.startswith(reason)


def test_the_first_version_needs_no_reason_and_other_images_are_no_comparison() -> None:
    assert decide(None, version({0: 0.1}), MARGIN)[0]
    fit, reason = decide(version(BAD), replace(version(GOOD), test_images=5_000), MARGIN)
    assert not fit
    assert "10,000 and 5,000" in reason


def test_the_numbers_told_are_those_of_a_paired_test_over_shared_seeds() -> None:
    text = decide(version(GOOD), version({**SIMILAR, 9: 0.1}), MARGIN)[1]
    pairs = DescrStatsW([SIMILAR[seed] - GOOD[seed] for seed in GOOD])
    low, high = pairs.tconfint_mean(0.05)
    assert f"{points(pairs.mean)} points" in text
    numbers = f"{points(low)} to {points(high)}, p = {pairs.ttest_mean()[1]:.3f}"
    assert f"{numbers} (paired t-test over 4 shared seeds)" in text


@pytest.mark.parametrize("seed", [3, 7])
def test_without_pairs_they_are_those_of_welch(seed: int) -> None:
    """One shared seed makes no pairs either."""
    after = {seed: 0.97, 8: 0.99, 9: 0.96}
    means = CompareMeans(DescrStatsW(list(after.values())), DescrStatsW(list(GOOD.values())))
    low, high = means.tconfint_diff(0.05, usevar="unequal")
    p_value = means.ttest_ind(usevar="unequal")[1]
    text = decide(version(GOOD), version(after), MARGIN)[1]
    assert f"{points(low)} to {points(high)}, p = {p_value:.3f} (Welch" in text


# --- versions in MLflow, and the commands ------------------------------------------------------


@pytest.fixture
def client(root: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """Where commands are run: without DVC, from the project's root folder."""
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT")
    shutil.copy2(PROJECT / "params.yaml", root)
    return mlflow.MlflowClient(f"sqlite:///{root / DATABASE}")


def candidate(weights: int, accuracy: dict[int, float], example: Images) -> Candidate:
    images = np.resize(example, (IMAGES, 28, 28))
    return Candidate(model_of("mlp", weights), STATISTICS, 0.975, accuracy, images)


def evaluate(*candidates: Candidate) -> None:
    """What the stage does with them, each in an execution of its own."""
    for item in candidates:
        evaluation = Evaluation()
        evaluation.add(item.model, {"accuracy": item.accuracy[0]})
        if not evaluation.knows(item):
            with exported(item) as graph:
                evaluation.register(item, graph)


def promote(*arguments: str) -> tuple[int, str]:
    """Exit status and what is said."""
    result = CliRunner().invoke(app, ["promote", *arguments])
    if isinstance(result.exception, DigitbenchError):
        raise result.exception
    return result.exit_code, result.output


def champion(client: mlflow.MlflowClient) -> int | None:
    return next((item.number for item in find_versions(client, "mlp") if item.is_champion), None)


def test_the_same_model_is_registered_once_and_learns_of_further_seeds(
    client: mlflow.MlflowClient, example: Images
) -> None:
    more = {**GOOD, 3: 0.5, 4: 0.99}
    for accuracy, known in ((GOOD, GOOD), (GOOD, GOOD), (more, more), ({0: GOOD[0]}, more)):
        evaluate(candidate(1, accuracy, example))
        (version,) = find_versions(client, "mlp")
        assert version.accuracy == known
    evaluate(candidate(2, GOOD, example))
    assert [version.number for version in find_versions(client, "mlp")] == [2, 1]
    assert find_versions(client, "cnn") == []


def test_a_version_tells_where_it_comes_from(
    client: mlflow.MlflowClient, root: Path, example: Images
) -> None:
    item = candidate(1, GOOD, example)
    evaluate(item)
    (version,) = client.search_model_versions(f"name = '{NAME}'")
    sha256 = {"model.sha256": item.model.sha256}
    told = {"architecture": "mlp", "seed": "0", "experiment": "an-experiment", **sha256}
    assert version.tags.items() >= told.items()
    assert version.run_id is not None
    assert client.get_run(version.run_id).data.tags.items() >= sha256.items()
    assert "seeds 0, 1, 2, 3" in str(version.description)
    assert "0.9750" in str(version.description)
    assert list((root / "mlartifacts").rglob("model.pt2")), "kept in the main repository"


def test_a_registered_model_loads_by_name_from_elsewhere(
    client: mlflow.MlflowClient,
    root: Path,
    example: Images,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = candidate(1, GOOD, example)
    evaluate(item)
    promote("mlp")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv(URI_VARIABLE, f"sqlite:///{root / DATABASE}")
    loaded = mlflow.pyfunc.load_model(f"models:/{NAME}@{CHAMPION}")
    np.testing.assert_array_equal(loaded.input_example, example)
    with torch.no_grad():
        expected = build_classifier(item.model, STATISTICS)(torch.from_numpy(example)).numpy()
    np.testing.assert_allclose(loaded.predict(loaded.input_example), expected, atol=1e-6)


def test_only_promoting_moves_the_champion_and_worse_is_refused_unless_forced(
    client: mlflow.MlflowClient, example: Images
) -> None:
    evaluate(candidate(1, GOOD, example))
    assert champion(client) is None
    assert promote("mlp") == (0, f"{NAME}: version 1 is champion now. There was no champion.\n")
    evaluate(candidate(2, dict(GOOD), example), candidate(3, BAD, example))
    assert champion(client) == 1
    assert promote("mlp", "--version", "1") == (0, f"{NAME}: version 1 is champion already.\n")
    status, text = promote("mlp")
    assert (status, champion(client)) == (1, 1)
    assert "Significantly worse: −2.00 points of accuracy, 95 % interval −2.26 to −1.74" in text
    assert "p < 0.001" in text
    assert promote("mlp", "--version", "2")[0] == 0
    assert champion(client) == 2
    status, text = promote("mlp", "--force")
    assert (status, champion(client)) == (0, 3)
    assert "in place of version 2" in text


def test_mistakes_are_told(
    client: mlflow.MlflowClient, root: Path, example: Images, monkeypatch: pytest.MonkeyPatch
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


def test_models_lists_versions_and_marks_the_champion(
    client: mlflow.MlflowClient, example: Images
) -> None:
    evaluate(candidate(1, GOOD, example), candidate(2, BAD, example))
    promote("mlp", "--version", "1")
    header, latest, first = CliRunner().invoke(app, ["models"]).output.splitlines()
    assert header.split()[:3] == ["model", "version", "accuracy"]
    assert latest.split("  ", 1)[1].strip().startswith(f"{NAME}  2        96.20 %   0, 1, 2 and 3")
    assert first.split()[:5] == ["*", NAME, "1", "98.20", "%"]
    assert "an-experiment" in first


def test_thirty_seeds_fit_a_terminal(client: mlflow.MlflowClient, example: Images) -> None:
    evaluate(candidate(1, dict.fromkeys(range(30), 0.98), example))
    lines = CliRunner().invoke(app, ["models"]).output.splitlines()
    assert "0 to 29 (30 seeds)" in lines[1]
    assert max(map(len, lines)) <= 100
