"""What files of others may not do: pass for numbers, leave the project, steer page or terminal."""

import io
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from digitbench import processed
from digitbench.document.blocks import Document, Prose, Section, Table
from digitbench.document.html import render_html
from digitbench.document.markdown import render_markdown
from digitbench.document.terminal import print_terminal
from digitbench.download.digits import encode, load_mnist
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import load_models
from digitbench.files import TEST, TRAIN, model_file, write_bytes
from digitbench.models.mlp import Params
from digitbench.params import load_params, load_plan, load_study
from digitbench.training.data import PixelStatistics, Split, write_images, write_split
from digitbench.training.model import build_model
from digitbench.training.recipe import Plan

ROOT = Path(__file__).resolve().parents[2]
SILLY = "\x1b[2J\u202e<b>![x](//e/x.png)\n# forged @somebody"


# --- weights -----------------------------------------------------------------------------------


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """An MLP of seed 0, in a folder of its own."""
    whole = load_params(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    recipe = whole.model_copy(update={"seeds": (0,)})
    return Plan("", "mlp", "mlp", whole.network("mlp"), recipe)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda weight: weight * torch.nan, "no number"),
        (lambda weight: weight / 0, "no number"),
        (lambda weight: weight.half(), r"torch\.float16 in place of torch\.float32"),
        (lambda weight: weight.long(), r"torch\.int64 in place of torch\.float32"),
    ],
)
def test_weights_that_are_no_finite_floats_are_refused_with_file_and_stage(
    spoil: "torch.nn.Module", problem: str, plan: Plan
) -> None:
    assert isinstance(plan.params, Params)
    weights = build_model("mlp", plan.params).state_dict()
    name = next(iter(weights))
    content = {key: value.contiguous() for key, value in weights.items()}
    write_bytes(model_file("mlp", 0), safetensors.torch.save(content))
    assert load_models(plan)
    content[name] = spoil(content[name]).contiguous()
    write_bytes(model_file("mlp", 0), safetensors.torch.save(content))
    with pytest.raises(DigitbenchError, match=rf"seed-0\.safetensors: .*{problem}.*train_mlp"):
        load_models(plan)


# --- arrays that contradict each other ---------------------------------------------------------

IMAGES = np.zeros((40, 28, 28), np.uint8)
LABELS = (np.arange(40) % 10).astype(np.uint8)
INDEX = np.arange(40)


def written(images: np.ndarray, labels: np.ndarray, train: np.ndarray, std: float) -> None:
    for part in (TRAIN, TEST):
        write_images(part, images, labels)
    write_split(Split(train, INDEX[30:], PixelStatistics(0.1, std)))


@pytest.mark.parametrize(
    ("images", "labels", "train", "std", "message"),
    [
        (IMAGES[:39], LABELS, INDEX[:30], 0.3, r"images\.npy.*39 images.*40 labels"),
        (IMAGES.astype(float), LABELS, INDEX[:30], 0.3, r"images\.npy.*float64"),
        (IMAGES[:, :8, :8], LABELS, INDEX[:30], 0.3, r"images\.npy.*\[40, 8, 8\]"),
        (IMAGES, LABELS + 5, INDEX[:30], 0.3, r"labels\.npy.*label 14"),
        (IMAGES, LABELS.astype(int), INDEX[:30], 0.3, r"labels\.npy.*int64"),
        (IMAGES, LABELS, INDEX[:29], 0.3, r"train\.npy.*once"),
        (IMAGES, LABELS, INDEX[:31], 0.3, r"train\.npy.*once"),
        (IMAGES, LABELS, INDEX[:30] + 11, 0.3, r"train\.npy.*once"),
        (IMAGES, LABELS, INDEX[:30], 0.0, r"statistics\.json.*std: 0"),
        (IMAGES, LABELS, INDEX[:30], 7.0, r"statistics\.json.*std.*from 0 to 1"),
    ],
)
def test_contradictory_arrays_are_not_trained_on(
    images: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    std: float,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    written(IMAGES, LABELS, INDEX[:30], 0.3)
    assert len(processed.read_training_data().labels) == 40
    written(images, labels, train, std)
    with pytest.raises(DigitbenchError, match=f"{message}.*preprocess"):
        processed.read_training_data()


def test_what_is_learned_from_stays_whatever_becomes_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(IMAGES, LABELS, INDEX[:30], 0.3)
    held = processed.read_training_data()
    for path in (*TRAIN.glob("*.npy"), *Path("data/processed/split").glob("*.npy")):
        with path.open("r+b") as file:
            file.seek(128)
            file.write(b"\xff" * 8)
    assert np.array_equal(held.images, IMAGES)
    assert np.array_equal(held.labels, LABELS)
    assert np.array_equal(held.train_index, INDEX[:30])
    assert np.array_equal(held.validation_index, INDEX[30:])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:39], LABELS, "images-idx3.*39 images.*40 labels"),
        (IMAGES[:, :8], LABELS, "images-idx3.*28 x 28"),
        (IMAGES, LABELS + 1, "labels-idx1.*every digit"),
        (IMAGES, LABELS[:, np.newaxis], "labels-idx1.*list of labels"),
    ],
)
def test_raw_files_that_do_not_belong_together_are_named(
    images: np.ndarray, labels: np.ndarray, message: str, tmp_path: Path
) -> None:
    for part, arrays in (("train", (IMAGES, LABELS)), ("t10k", (images, labels))):
        for name, array in zip(("images-idx3", "labels-idx1"), arrays, strict=True):
            (tmp_path / f"{part}-{name}-ubyte").write_bytes(encode(array))
    with pytest.raises(DigitbenchError, match=f"t10k-{message}"):
        load_mnist(tmp_path)


# --- names and texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../evil", "/etc/x", "a b", "", "-x", "A", "x" * 65, "ü"])
def test_a_variant_has_a_name_and_no_path(name: str, tmp_path: Path) -> None:
    text = (ROOT / "studies/pavon2025/params.yaml").read_text(encoding="utf-8")
    assert "\n  cnn_10:" in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("\n  cnn_10:", f"\n  '{name}':"), encoding="utf-8")
    with pytest.raises(DigitbenchError, match=r"variants: '.*' is not allowed as a name"):
        load_study(path)


@pytest.mark.parametrize("title", ["a\\nb", "\\e[31mred", "\\u202Eold", "   "])
def test_a_title_is_one_line_that_can_be_seen(title: str, tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("Handwritten digits under one recipe", f'"{title}"'))
    with pytest.raises(DigitbenchError, match=r"report\.title: .* is not allowed"):
        load_params(path, networks=())


def test_foreign_text_steers_neither_page_nor_terminal() -> None:
    table = Table(SILLY, ["", SILLY], [[SILLY, "1"]])
    document = Document(SILLY, SILLY, [Section(SILLY, [Prose(SILLY), table])], closing=SILLY)
    terminal = io.StringIO()
    print_terminal(document, terminal)
    page, markdown = render_html(document), render_markdown(document)
    for text in (terminal.getvalue(), page, markdown):
        assert not {"\x1b", "\u202e"} & set(text)
    assert "<b>" not in page
    assert "<b>" not in markdown
    assert "![x]" not in markdown
    assert "\n# forged" not in markdown
    assert "@somebody" not in markdown
    assert "@\u200bsomebody" in markdown, "it is shown as it was written"


# --- messages ----------------------------------------------------------------------------------


def test_a_message_has_an_end_and_says_there_what_to_do() -> None:
    told = str(DigitbenchError(f"a.json: {'x' * 1_000_000}\x1b[2J is damaged. Run `dvc repro`."))
    assert len(told) <= 2_000
    assert told.startswith("a.json: xxx")
    assert told.endswith("is damaged. Run `dvc repro`.")
    assert "characters left out" in told
    assert "\x1b" not in told
    assert str(DigitbenchError("short")) == "short"


def test_a_long_value_leaves_room_for_the_other_sentences(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("epochs: 5", f"epochs: {'x' * 100_000}\nunknown: 1"))
    with pytest.raises(DigitbenchError) as refused:
        load_params(path, networks=())
    assert "epochs: 'xxx" in str(refused.value)
    assert "unknown: unknown key" in str(refused.value)
    assert len(str(refused.value)) < 1_000


def test_a_plan_of_no_study_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DigitbenchError, match="cannot be read"):
        load_plan("../../evil/x")
