"""Every check of the method fires where its case is planted, and stays silent without it."""

import re
from collections.abc import Callable
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digitbench.checks import convergence, repetition
from digitbench.checks.catalogue import PAGE, catalogue, examine
from digitbench.checks.provenance import History, Workspace
from digitbench.document.blocks import Prose, Table
from digitbench.errors import DigitbenchError
from digitbench.params import load_params
from digitbench.report.sections.checks import section
from digitbench.results.collection import Results, load_results
from digitbench.results.records import Movements
from digitbench.statistics.comparison import compare_all
from digitbench.statistics.summary import summarise
from studies_data import trained_as

ROOT = Path(__file__).resolve().parents[2]
# Validation losses [S, 2] and accuracies [S] in which nothing is wrong.
LOSSES = [[0.050, 0.049], [0.049, 0.051], [0.051, 0.050], [0.050, 0.050]]
ACCURACIES = [0.9806, 0.9790, 0.9800, 0.9812]


@pytest.fixture(scope="module")
def committed() -> Results:
    with chdir(ROOT):
        return load_results(load_params())


@pytest.fixture
def sound(committed: Results) -> Results:
    """One architecture in which no check sees anything."""
    return made_up(committed, LOSSES, ACCURACIES)


def made_up(
    results: Results, losses: Any, accuracies: list[float], validation: float | None = None
) -> Results:
    """One architecture with these losses per seed and epoch, and these accuracies per seed.

    Those on validation images are the same, or all alike.
    """
    seeds = range(len(accuracies))
    curves = pd.DataFrame(
        [
            (seed, epoch, loss, accuracy if validation is None else validation)
            for seed, run, accuracy in zip(seeds, losses, accuracies, strict=True)
            for epoch, loss in enumerate(run, start=1)
        ],
        columns=["seed", "epoch", "validation_loss", "validation_accuracy"],
    )
    record = results.metrics["cnn"]
    scores = {"accuracy": summarise(dict(zip(seeds, accuracies, strict=True)))}
    test = record.test.model_copy(update={"metrics": scores})
    return replace(
        results,
        metrics={
            "cnn": record.model_copy(update={"seeds": tuple(seeds), "protocols": {"test": test}})
        },
        training={"cnn": trained_as("cnn")},
        curves={"cnn": curves},
        comparison=results.comparison.model_copy(update={"pairs": {}}),
    )


def paired(results: Results, wrong: list[list[int]], images: int = 10_000) -> Results:
    """With a pair whose seeds each misread the first so many images, MLP's then CNN's."""
    order = np.arange(images)
    correct = {
        name: np.stack([order >= count for count in counts])
        for name, counts in zip(("mlp", "cnn"), wrong, strict=True)
    }
    pairs = {"pair": compare_all(correct, range(len(wrong[0])))[0]}
    return replace(results, comparison=results.comparison.model_copy(update={"pairs": pairs}))


def unlike(results: Results, **recipe: Any) -> Results:
    """Beside an MLP of the same metrics, trained with another recipe."""
    return replace(
        results,
        metrics=results.metrics | {"mlp": results.metrics["cnn"]},
        curves=results.curves | {"mlp": results.curves["cnn"]},
        training=results.training | {"mlp": trained_as("mlp", **recipe)},
    )


def codes(*evidence: object, mute: tuple[str, ...] = ()) -> list[str]:
    return [finding.check.code for finding in examine(evidence, mute).findings]


PAGE_TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def test_codes_are_counted_and_each_check_is_explained_on_the_page() -> None:
    known = catalogue()
    assert [check.code for check in known] == [f"DB{n:03}" for n in range(1, len(known) + 1)]
    sections = dict(re.findall(r"^## (DB\d+: .*)\n\n((?:(?!^## ).*\n)+)", PAGE_TEXT, re.MULTILINE))
    assert list(sections) == [f"{check.code}: {check.title}" for check in known]
    for check, text in zip(known, sections.values(), strict=True):
        parts = re.findall(r"^\*\*(.+?)\*\* \S", text, re.MULTILINE)
        assert parts == ["How it is seen.", "Why it matters.", "What to do."]
        alone = "By `digitbench check` alone." in " ".join(text.split())
        assert alone == (check.evidence is not Results)


def test_nothing_fires_without_a_case(sound: Results) -> None:
    assert codes(sound, Workspace(()), History("base", {"one": ["the workspace"]})) == []


PLANTED: dict[str, Callable[[Results], object]] = {
    "DB001": lambda r: made_up(r, LOSSES[:1], ACCURACIES[:1]),
    "DB002": lambda r: made_up(r, [[0.060, 0.050], [0.062, 0.051], [0.058, 0.049]], [0.98] * 3),
    "DB003": lambda r: made_up(r, LOSSES, ACCURACIES, validation=0.99),
    "DB004": lambda r: made_up(r, LOSSES, [0.981, 0.980, 0.980, 0.95]),
    "DB005": lambda r: paired(made_up(r, LOSSES, ACCURACIES), [[240, 200, 260], [200, 190, 250]]),
    "DB006": lambda r: Workspace(["train_mlp"]),
    "DB008": lambda r: unlike(made_up(r, LOSSES, ACCURACIES), learning_rate=0.01),
    "DB007": lambda r: History("base", {"one": ["commit a"], "other": ["experiment b"]}),
}


@pytest.mark.parametrize("code", [check.code for check in catalogue()])
def test_a_planted_case_is_found_and_can_be_muted(code: str, committed: Results) -> None:
    planted = PLANTED[code](committed)
    assert codes(planted) == [code]
    assert codes(planted, mute=(code,)) == []


def test_what_cannot_be_muted_is_named(sound: Results) -> None:
    with pytest.raises(DigitbenchError, match=r"DB999: no such check .* DB001, DB002"):
        examine([sound], ["DB999"])


# --- when each fires ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "losses",
    [
        [[0.05], [0.04]],  # one epoch
        [[0.06, 0.05]],  # one seed
        [[0.050, 0.060], [0.051, 0.062], [0.049, 0.058]],  # rising
        [[0.060, 0.050], [0.061, 0.050], [0.050, 0.058]],  # one seed against the others
    ],
)
def test_a_loss_that_cannot_be_said_to_fall_is_no_case(losses: Any, committed: Results) -> None:
    assert "DB002" not in codes(made_up(committed, losses, [0.98] * len(losses)))


def test_luck_alone_makes_the_loss_fall_in_one_report_of_twenty(committed: Results) -> None:
    rng = np.random.default_rng(1)
    base = made_up(committed, LOSSES, ACCURACIES)
    fired = 0
    for _ in range(400):
        curves = {
            name: made_up(committed, rng.normal(0.05, 0.005, (4, 2)), ACCURACIES).curves["cnn"]
            for name in ("mlp", "cnn")
        }
        fired += any(convergence.STILL_FALLING.look(replace(base, curves=curves)))
    assert 0.03 < fired / 400 < 0.075


def test_sampling_of_images_explains_a_gap_of_less_than_two_standard_errors(
    committed: Results,
) -> None:
    # sqrt(0.98 * 0.02 * (1/6000 + 1/10000)) = 0.00229, of which 1.96 are 0.0045.
    for gap, expected in ((0.0043, []), (0.0047, ["DB003"]), (-0.0047, ["DB003"])):
        accuracies = [0.98 - 0.5 * gap + each for each in (-0.001, 0.0, 0.001)]
        planted = made_up(committed, LOSSES[:3], accuracies, 0.98 + 0.5 * gap)
        assert codes(planted) == expected


def test_with_patience_the_kept_epoch_counts(sound: Results) -> None:
    curves = sound.curves["cnn"].assign(validation_accuracy=lambda t: 0.99 - 0.01 * (t.epoch - 1))
    curves["validation_loss"] = 0.04 + 0.01 * (curves["epoch"] - 1)
    planted = replace(sound, curves={"cnn": curves})
    assert codes(planted) == []  # the last epoch's, 0.98
    patient = {"cnn": trained_as("cnn", patience=1)}
    assert codes(replace(planted, training=patient)) == ["DB003"]


def test_distances_are_counted_in_medians_of_them_and_never_in_less_than_an_image() -> None:
    # Median 3, distances 2, 1, 0, 1, 7, of which the median is 1.
    values = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 10.0}
    assert repetition.distances(values, 0.1) == {0: 2.0, 1: 1.0, 2: 0.0, 3: 1.0, 4: 7.0}
    assert repetition.distances({0: 0.5, 1: 0.5, 2: 0.5, 3: 0.75}, 0.25)[3] == 1.0


def test_the_page_tells_the_false_alarms_of_seeds_and_how_far_an_outlier_is() -> None:
    of_four, of_ten = (repetition._largest_by_luck(seeds) for seeds in (4, 10))
    assert f"{(of_four > 5.19).mean():.2f}" == "0.17"
    limits = [f"{np.quantile(each, 1 - 0.05 / 4):.0f}" for each in (of_four, of_ten)]
    told = "{} median deviations of four seeds, {} of ten".format(*limits)
    assert told in " ".join(PAGE_TEXT.split())


def test_three_seeds_have_no_outlier(committed: Results) -> None:
    assert "DB004" not in codes(made_up(committed, LOSSES[:3], [0.98, 0.98, 0.5]))


def test_a_pair_that_is_the_same_or_far_apart_or_untested_is_no_case(sound: Results) -> None:
    for wrong in ([[200, 201], [200, 202]], [[900, 905, 910], [200, 190, 250]], [[240], [200]]):
        assert codes(paired(sound, wrong)) == []


def test_an_evident_difference_below_the_smallest_is_called_exaggerated(sound: Results) -> None:
    (finding,) = examine([paired(sound, [[220, 240, 250], [200, 190, 220]])], ()).findings
    assert finding.text.startswith("Evident, but perhaps exaggerated: CNN − MLP (+0.33 points")


@pytest.mark.parametrize("same", [{}, {"seeds": (5, 6)}, {"device": "cuda"}])
def test_other_seeds_and_another_device_are_no_other_recipe(
    same: dict[str, Any], sound: Results
) -> None:
    assert codes(unlike(sound, **same)) == []


def test_what_differs_between_trainings_is_named(sound: Results) -> None:
    moved = Movements(rotation=10, shift=0, zoom=0)
    planted = unlike(sound, learning_rate=0.01, augmentation=moved)
    (finding,) = examine([planted], ()).findings
    assert finding.text == (
        "CNN and MLP differ in learning rate (CNN 0.001 and MLP 0.01) and rotation (CNN 0.0 and "
        "MLP 10.0)."
    )


# --- the report ----------------------------------------------------------------------------------


def test_the_report_shows_what_fires_and_how_many_were_made(committed: Results) -> None:
    planted = PLANTED["DB004"](committed)
    assert isinstance(planted, Results)
    prose, table = section(planted).blocks
    assert isinstance(prose, Prose)
    assert prose.text.startswith("6 checks of the method were made; fired: DB004.")
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["DB004"]
    assert "seed 3: test accuracy 95.00 %" in table.rows[0][2]
    checks = planted.params.checks.model_copy(update={"mute": ("DB004",)})
    muted = replace(planted, params=planted.params.model_copy(update={"checks": checks}))
    (prose,) = section(muted).blocks
    assert isinstance(prose, Prose)
    assert "5 checks of the method were made, without the muted DB004; fired: none" in prose.text
