"""Every study's params.yaml: what it means, its published sizes, and what is refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from digitbench.errors import DigitbenchError
from digitbench.params import StudyParams, load_params, load_plan, load_study
from digitbench.training.model import build_model, count_parameters
from digitbench.training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("studies/*/params.yaml"))
# Published parameter counts (toyobo2025 and report2002 give none: those of the sizes chosen).
PUBLISHED = {
    ("nguyen2026", "mlp"): 235_146,
    ("nguyen2026", "cnn"): 421_642,
    ("pedrogiu13", "mlp"): 243_530,
    ("pedrogiu13", "cnn"): 1_261_450,
    ("domain_shift", "mlp_augmented"): 243_530,
    ("domain_shift", "cnn_plain"): 1_261_450,
    ("report2002", "mlp"): 235_146,
    ("report2002", "cnn"): 421_642,
    ("report2002", "rnn"): 21_514,
    ("pavon2025", "cnn_10"): 421_642,
    ("pavon2025", "cnn_15"): 421_642,
    ("toyobo2025", "cnn"): 421_642,
    ("toyobo2025", "lstm"): 82_186,
}
GONE = object()
STUDY = "studies/pedrogiu13/params.yaml"
CONTENT: dict[str, Any] = yaml.safe_load((ROOT / STUDY).read_text(encoding="utf-8"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def write(path: Path, content: dict[str, Any]) -> StudyParams:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_study(path)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_study_read_and_written_again_is_the_same_study(file: Path, path: Path) -> None:
    study = load_study(file)
    assert study.variants
    whole = study.model_dump(mode="json", exclude_none=True)
    assert write(path, whole) == study


def test_every_variant_has_the_published_number_of_parameters() -> None:
    found = {
        (file.parent.name, name): count_parameters(build_model(variant.architecture, variant.model))
        for file in FILES
        for name, variant in load_study(file).variants.items()
    }
    assert found == PUBLISHED


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_variant_has_the_recipe_of_its_study_but_where_it_departs(file: Path) -> None:
    study, text = load_study(file), yaml.safe_load(file.read_text(encoding="utf-8"))
    for name, variant in study.variants.items():
        for key in Recipe.model_fields:
            said = text["variants"][name].get(key, text["recipe"][key])
            assert variant.model_dump(mode="json")[key] == said


def test_the_domain_shift_study_differs_from_pedrogiu13_in_augmentation_and_seeds() -> None:
    first = load_study(ROOT / STUDY)
    second = load_study(ROOT / "studies/domain_shift/params.yaml")
    assert first.split == second.split
    for plain, other in (("mlp", "mlp_augmented"), ("cnn", "cnn_plain")):
        one, two = first.variants[plain], second.variants[other]
        assert one.augmentation != two.augmentation
        # Networks of one architecture that share a seed would start from the same weights.
        assert not set(one.seeds) & set(two.seeds)
        assert len(one.seeds) == len(two.seeds)
        same = {"augmentation": one.augmentation, "seeds": one.seeds}
        assert one == two.model_copy(update=same)


def test_a_variant_becomes_a_plan_and_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies")
    plan = load_plan("pedrogiu13/cnn")
    assert (plan.study, plan.name, plan.architecture) == ("pedrogiu13", "cnn", "cnn")
    assert plan.folder == Path("pedrogiu13")
    assert plan.remedy == (
        "Run `dvc repro --force --single-item studies/dvc.yaml:train@pedrogiu13-cnn`."
    )
    recipe = plan.recipe.resolved()
    assert (recipe.epochs, recipe.patience, recipe.adam_epsilon) == (30, 5, 1e-7)
    assert (recipe.initialisation, recipe.augmentation.rotation) == ("keras", 10)
    assert not load_plan("pedrogiu13/mlp").recipe.augmentation.moves


def test_the_main_pipeline_becomes_a_plan_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    params, plan = load_params(), load_plan("lstm")
    assert plan.params == params.network("lstm")
    assert type(plan.recipe) is Recipe
    assert plan.recipe.model_dump() == params.model_dump(include=set(Recipe.model_fields))
    assert (plan.folder, plan.remedy) == (
        Path(),
        "Run `dvc repro --force --single-item train_lstm`.",
    )


def test_an_unknown_variant_is_told_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies")
    with pytest.raises(DigitbenchError, match=r"'rnn' is not a variant.*known are mlp, cnn"):
        load_plan("pedrogiu13/rnn")


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        (("variants", "cnn", "cnn", "hidden"), 0, r"variants\.cnn\.cnn\.hidden: 0 is not allowed"),
        (("variants", "cnn", "epochs"), "abc", r"variants\.cnn\.epochs: 'abc' is not allowed"),
        (("variants", "mlp", "epoch"), 3, r"variants\.mlp\.epoch: unknown key; .*'epochs'"),
        (("variants", "mlp", "rnn"), {"hidden": 8}, r"variants\.mlp: .*one section out of mlp"),
        (("variants",), {}, "one section out of mlp"),
        (("split", "method"), "last", "split.method: 'last' .* stratified or random"),
        (("split", "share"), 0.1, "split.share: unknown key"),
        (("recipe", "patience"), -1, "recipe.patience: -1 is not allowed"),
        (("recipe", "epochs"), GONE, "recipe.epochs: missing; it must be a"),
    ],
)
def test_what_is_wrong_is_named(
    keys: tuple[str, ...], value: object, told: str, path: Path
) -> None:
    content = copy.deepcopy(CONTENT)
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    if value is GONE:
        del place[keys[-1]]
    with pytest.raises(DigitbenchError, match=told):
        write(path, content)
