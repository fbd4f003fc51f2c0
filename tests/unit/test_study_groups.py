"""The studies of domain shift and robustness on untrained networks and made-up answers."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from architectures import untrained
from digitbench import files
from digitbench.download import digits as origins
from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.errors import DigitbenchError
from digitbench.evaluation.corruptions import COLUMNS, CORRUPTIONS, corrupt
from digitbench.evaluation.domains import MAPPINGS
from digitbench.evaluation.predictions import TrainedModel
from digitbench.figures.style import GROUP_OF
from digitbench.params import load_plan
from digitbench.results.records import DomainShiftRecord, RobustnessRecord
from digitbench.statistics.summary import Summary, summarise
from digitbench.studies.groups import design
from digitbench.studies.groups.design import (
    GAPS,
    GROUPS,
    SOURCES,
    Domain,
    NetworkGroup,
    predict_groups,
    published_on_usps,
)
from digitbench.studies.groups.domain_shift import augmented_samples, study_record
from digitbench.studies.groups.robustness import groups_corrupted
from digitbench.studies.groups.robustness import study_record as robustness_record
from digitbench.training.data import PixelStatistics, write_images
from digitbench.training.model import load_weights
from digitbench.training.pixels import standardise
from digitbench.training.recipe import Augmentation, Plan
from readers import Digits, corrupted, readers, reading
from stages import domain_shift, robustness
from stages import usps as usps_stage
from studies_data import trained_as

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("threads")
SEEDS = {"mlp": [3, 1, 2], "mlp_augmented": [0, 5], "cnn": [7, 4], "cnn_augmented": [9, 8, 6, 2]}
Groups = dict[str, NetworkGroup]
OTHER = {"mlp": 0.1, "mlp_augmented": 0.5, "cnn": 0.5, "cnn_augmented": 0.1}
BATCH = 40


def group(name: str) -> NetworkGroup:
    """Networks with fresh weights."""
    models = [untrained(str(GROUPS[name][0]), seed, name) for seed in SEEDS[name]]
    return NetworkGroup(models, PixelStatistics(mean=OTHER[name], std=0.3))


@pytest.fixture(scope="module")
def groups() -> Groups:
    return {name: group(name) for name in GROUPS}


def test_each_group_sees_pixels_on_its_own_scale(groups: Groups, digits: Digits) -> None:
    images = digits[0][:60]
    stacks = predict_groups(groups, images, BATCH)
    assert list(stacks) == list(GROUPS)
    for name, stack in stacks.items():
        assert stack.shape == (len(SEEDS[name]), 60, 10)
        scaled = standardise(torch.from_numpy(images), PixelStatistics(OTHER[name], 0.3))
        for row, model in enumerate(groups[name].models):
            network = load_weights(model.architecture, model.params, model.weights, "test")
            expected = network(scaled).softmax(1).detach().numpy()
            np.testing.assert_allclose(stack[row], expected, atol=1e-5)


# --- domain shift ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def domains() -> dict[str, Domain]:
    draw = np.random.default_rng(2)
    noise = partial(draw.integers, 0, 256, dtype=np.uint8)
    return {
        "usps": Domain("U", noise(size=(50, 16, 16)), draw.integers(0, 10, 50)),
        "optical": Domain("O", noise(size=(33, 8, 8)), np.arange(33) % 10),
    }


def hits(answers: NDArray[np.integer], labels: Any, seeds: list[int]) -> Summary:
    """Accuracy over seeds, of answers [S, N]."""
    return summarise(dict(zip(seeds, (answers == labels).mean(axis=1).tolist(), strict=True)))


def test_cells_and_effects_are_those_of_the_answers(
    domains: dict[str, Domain], tmp_path: Path
) -> None:
    record = study_record(readers(SEEDS), domains, SEEDS)
    record.write(tmp_path / "record.json")
    assert DomainShiftRecord.read(tmp_path / "record.json") == record
    assert list(record.domains) == ["usps", "optical"]
    for key, domain in domains.items():
        content = record.domains[key]
        assert (content.name, content.images) == (domain.name, len(domain.labels))
        means: dict[tuple[Any, ...], float] = {}
        for cell in content.cells:
            name = GROUP_OF[cell.model, cell.augmentation]
            shown = MAPPINGS[cell.mapping](domain.images)
            answers = np.stack([reading(shown, name, seed) for seed in SEEDS[name]])
            assert cell.accuracy == hits(answers, domain.labels, SEEDS[name])
            means[*GROUPS[name], cell.mapping] = cell.accuracy.mean
        assert len(means) == len(content.cells) == 8
        effects = {effect.factors: effect for effect in content.effects}
        assert len(effects) == 7
        assert effects["mapping",].estimate.value == pytest.approx(
            np.mean([mean for cell, mean in means.items() if cell[2] == "box"])
            - np.mean([mean for cell, mean in means.items() if cell[2] == "stretch"])
        )
        for effect in content.effects:
            found = effect.estimate
            assert found.ci95_low < found.value < found.ci95_high
            assert found.p_value <= effect.p_value_holm <= 1
        for gap, (start, end) in zip(content.gaps, GAPS, strict=True):
            assert (gap.start, gap.end) == (start, end)
            expected = means[tuple(end.values())] - means[tuple(start.values())]
            assert gap.gap.value == pytest.approx(expected)
            assert sum(part.value for part in gap.parts.values()) == pytest.approx(expected)


def test_one_seed_each_leaves_no_intervals(domains: dict[str, Domain]) -> None:
    seeds = {name: own[:1] for name, own in SEEDS.items()}
    usps = study_record(readers(seeds), domains, seeds).domains["usps"]
    assert {cell.accuracy.ci95_low for cell in usps.cells} == {None}
    assert {effect.p_value_holm for effect in usps.effects} == {None}
    assert {gap.gap.ci95_high for gap in usps.gaps} == {None}


# --- robustness ------------------------------------------------------------------------------


def test_curves_are_the_accuracies_on_the_same_corrupted_images(
    groups: Groups, digits: Digits, tmp_path: Path
) -> None:
    images, labels = digits[0][:30], digits[1][:30]
    record = robustness_record(groups_corrupted(groups, images, labels, BATCH), len(labels))
    record.write(tmp_path / "record.json")
    assert RobustnessRecord.read(tmp_path / "record.json") == record
    assert record.images == 30
    assert record.curves is not None
    for corruption in ("shift", "noise"):
        for strength in CORRUPTIONS[corruption].strengths:
            shown = corrupt(images, corruption, strength, 0)
            for name, stack in predict_groups(groups, shown, BATCH).items():
                expected = hits(stack.argmax(axis=2), labels, SEEDS[name])
                assert record.curves[name][corruption][f"{strength:g}"] == expected


def test_effects_of_robustness_are_those_on_the_summaries() -> None:
    draw = np.random.default_rng(4)
    rows = [
        (name, seed, corruption, strength, draw.uniform())
        for name in GROUPS
        for seed in SEEDS[name]
        for corruption in ("blur", "shift")
        for strength in (0, 1, 2)
    ]
    record = robustness_record(corrupted(pd.DataFrame(rows, columns=COLUMNS)), 10)
    assert record.effects is not None
    assert list(record.effects) == ["mean", "blur", "shift"]
    signs = {("model",): (-1, -1, 1, 1), ("augmentation",): (-1, 1, -1, 1)}
    signs["model", "augmentation"] = (1, -1, -1, 1)
    for key, effects in record.effects.items():
        means = [record.accuracy[name][key].mean for name in GROUPS]
        assert [effect.factors for effect in effects] == list(signs)
        for effect in effects:
            expected = np.dot(signs[effect.factors], means) / 2
            assert effect.estimate.value == pytest.approx(expected)


# --- augmented digits ------------------------------------------------------------------------


def test_augmented_samples_keep_the_original_and_move_every_copy(digits: Digits) -> None:
    images = digits[0][:4]
    samples = augmented_samples(images, Augmentation(rotation=10, shift=0.1, zoom=0.1), 5)
    assert samples.shape == (4, 6, 28, 28)
    assert samples.dtype == np.uint8
    np.testing.assert_array_equal(samples[:, 0], images)
    assert len({copy.tobytes() for copy in samples.reshape(-1, 28, 28)}) == 24
    # A copy is its own digit moved: zoomed by 10 % at most, it keeps its ink.
    ink = samples.astype(float).sum(axis=(2, 3))
    ratio = ink[:, 1:] / ink[:, :1]
    assert 0.7 < ratio.min() < ratio.max() < 1.25


def test_samples_without_augmentation_are_copies(digits: Digits) -> None:
    samples = augmented_samples(digits[0][:3], Augmentation(rotation=0, shift=0, zoom=0), 2)
    np.testing.assert_array_equal(samples, np.repeat(digits[0][:3, None], 3, axis=1))


# --- the stages ------------------------------------------------------------------------------


USPS = Path("domain_shift/data/raw")  # from the folder of all studies


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: Digits, usps: dict[str, bytes]
) -> Path:
    """A project with everything that the two studies read, but for USPS; in its `studies`."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(
        text.replace("robustness_images: 1000", "robustness_images: 100"), encoding="utf-8"
    )
    images, labels = origins.optical_digits()
    optical = {"images": images[:50], "labels": labels[:50]}
    files.write_npz(tmp_path / files.RAW_DOMAINS / origins.FILE, optical)
    write_images(tmp_path / files.TRAIN, digits[0][:20], digits[1][:20])
    write_images(tmp_path / files.TEST, digits[0][:120], digits[1][:120])
    for study in ("pedrogiu13", "domain_shift"):
        folder = tmp_path / "studies" / study
        files.write_json(folder / files.SPLIT / "statistics.json", {"mean": 0.1, "std": 0.3})
        shutil.copy(ROOT / "studies" / study / "params.yaml", folder)
    shutil.copy(ROOT / "studies/pedrogiu13/published.yaml", tmp_path / "studies/pedrogiu13")
    monkeypatch.setattr(design, "load_models", trained)
    monkeypatch.delenv(DROP_IN_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path / "studies")
    for study, variant in SOURCES.values():
        plan = load_plan(f"{study}/{variant}")
        network = {"network": plan.params.model_dump(mode="json")}
        record = trained_as(plan.architecture).model_copy(update=network)
        record.write(plan.folder / files.TRAININGS / f"{variant}.json")
    return tmp_path


def trained(plan: Plan) -> list[TrainedModel]:
    """Stands for what a study trained."""
    name = next(name for name, source in SOURCES.items() if source == (plan.study, plan.name))
    return list(group(name).models)


def put(folder: Path, contents: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def test_usps_comes_from_the_drop_in_folder_into_the_study(
    project: Path, usps: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project / "in" / "usps", usps)
    monkeypatch.setenv(DROP_IN_VARIABLE, str(project / "in"))
    usps_stage.main()
    assert {path.name: path.read_bytes() for path in USPS.iterdir()} == usps


def test_without_usps_one_sentence_names_files_hashes_and_variable(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "MIRRORS", ())
    with pytest.raises(DigitbenchError) as caught:
        usps_stage.main()
    told = [part for spec in origins.FILES for part in (spec.name, spec.sha256)]
    for part in (DROP_IN_VARIABLE, *told):
        assert part in str(caught.value)
    assert not USPS.exists()
    with pytest.raises(DigitbenchError, match=r"zip\.train\.gz: .*studies/dvc\.yaml:usps`"):
        domain_shift.main()


def test_domain_shift_writes_what_its_networks_answer(
    project: Path, usps: dict[str, bytes]
) -> None:
    put(USPS, usps)
    domain_shift.main()
    record = DomainShiftRecord.read(Path("domain_shift/metrics/domain_shift.json"))
    assert [content.images for content in record.domains.values()] == [5, 50]
    scale = PixelStatistics(0.1, 0.3)
    networks = {name: NetworkGroup(group(name).models, scale) for name in GROUPS}
    domain = {"usps": Domain(origins.VARIANT, *origins.load_usps(USPS))}
    expected = study_record(partial(predict_groups, networks, batch_size=100), domain, SEEDS)
    assert record.domains["usps"] == expected.domains["usps"]
    names = ["augmentation", "domain_shift", "effects", "gaps"]
    assert sorted(path.stem for path in Path("domain_shift/plots").glob("*.png")) == names


def test_published_numbers_belong_to_the_groups_that_the_paper_trained() -> None:
    assert published_on_usps(ROOT / "studies") == {"mlp": 41.18, "cnn_augmented": 97.45}


def test_robustness_takes_the_size_of_the_main_pipeline(project: Path) -> None:
    robustness.main()
    record = RobustnessRecord.read(Path("robustness/metrics/robustness.json"))
    assert record.images == 100
    assert record.curves is not None
    assert list(record.curves) == list(GROUPS)
    for name, curves in record.curves.items():
        assert list(curves) == list(CORRUPTIONS)
        clean = [curve["0"] for curve in curves.values()]
        assert clean == clean[:1] * len(clean)
        assert list(clean[0].per_seed) == SEEDS[name]
    assert [path.name for path in Path("robustness/plots").iterdir()] == ["robustness.png"]
