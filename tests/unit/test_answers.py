"""What networks say to pictures, and `digitbench predict` as a person or a program runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

from digitbench.cli import app, main
from digitbench.errors import DigitbenchError
from digitbench.files import SPLIT, model_file, write_bytes, write_json
from digitbench.params import ARCHITECTURES, Params, load_params
from digitbench.predict.answers import percent, verdicts
from digitbench.predict.pictures import as_mnist
from digitbench.training.data import PixelStatistics
from digitbench.training.model import build_model, load_weights, weights_to_bytes
from digitbench.training.pixels import standardise
from drawings import printed

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (3, 1)
DIGITS = range(10)
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [32]},
    "cnn": {"channels": [8, 8], "hidden": 32, "dropout_maps": 0, "dropout": 0},
}
SMALL |= {name: {"hidden": 32} for name in ("rnn", "lstm")}
Mistake = Callable[..., str]
PIXELS = PixelStatistics(mean=0.13, std=0.31)


# --- what several networks' probabilities come to ---------------------------------------------


def row(**shares: float) -> list[float]:
    """Probabilities of the ten digits: those given, `d7=0.9`, and equal shares of the rest."""
    given = {int(name[1:]): share for name, share in shares.items()}
    rest = (1 - sum(given.values())) / (10 - len(given))
    return [given.get(digit, rest) for digit in range(10)]


def one(**shares: float) -> np.ndarray:
    return np.array([[row(**shares)]])


def test_an_answer_is_that_of_the_mean_over_seeds() -> None:
    # Two of three seeds say 3, but the third is much surer of its 8.
    seeds = [row(d3=0.5, d8=0.4), row(d3=0.5, d8=0.4), row(d8=0.97)]
    (verdict,) = verdicts({"mlp": np.array(seeds)[:, None]})
    answer = verdict.answers["mlp"]
    assert (answer.digit, answer.seeds, answer.agreeing) == (8, 3, 1)
    assert answer.probability == pytest.approx((0.4 + 0.4 + 0.97) / 3)
    assert answer.probabilities == pytest.approx(np.mean(seeds, axis=0))


def test_images_and_architectures_keep_their_order_with_any_number_of_seeds() -> None:
    cnn = np.array([[row(d1=0.99), row(d2=0.99)]])
    mlp = np.array([[row(d4=0.99), row(d5=0.99)], [row(d4=0.99), row(d6=0.98)]])
    found = verdicts({"cnn": cnn, "mlp": mlp})
    assert [list(verdict.answers) for verdict in found] == [["cnn", "mlp"]] * 2
    digits = [[answer.digit for answer in verdict.answers.values()] for verdict in found]
    assert digits == [[1, 4], [2, 5]]
    assert found[1].answers["mlp"].agreeing == 1


def test_the_majority_of_architectures_decides_and_probability_breaks_ties() -> None:
    most = verdicts({"a": one(d1=0.4), "b": one(d1=0.4), "c": one(d7=0.99)})[0]
    assert (most.digit, most.agreeing) == (1, 2)
    tie = verdicts({"a": one(d1=0.6), "b": one(d7=0.9)})[0]
    assert (tie.digit, tie.agreeing) == (7, 1)


def test_doubts_are_named() -> None:
    assert verdicts({"a": one(d1=0.95), "b": one(d1=0.9)})[0].warnings == ()
    torn = np.array([[row(d1=0.99)], [row(d2=0.2, d1=0.1)]])
    found = verdicts({"a": one(d1=0.95), "b": one(d7=0.5), "c": torn})[0].warnings
    assert found == (
        "the architectures disagree (a 1, b 7, c 1)",
        "unsure: b 50.0% by 1 of 1 seed, c 54.5% by 1 of 2 seeds",
    )


@pytest.mark.parametrize(
    ("share", "text"), [(1, "100.0%"), (0.99999, "99.9%"), (0.29, "29.0%"), (0.1, "10.0%")]
)
def test_nearly_certain_isnt_shown_as_certain(share: float, text: str) -> None:
    assert percent(share) == text


# --- a project ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose eight networks have learnt printed digits of two sizes."""
    root = tmp_path_factory.mktemp("trained")
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["seeds"] = list(SEEDS)
    for name, sizes in SMALL.items():
        content[name] |= sizes
    (root / ".dvc").mkdir()
    (root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    write_json(root / SPLIT / "statistics.json", vars(PIXELS))
    params = load_params(root / "params.yaml")
    for name, seed in product(ARCHITECTURES, SEEDS):
        write_bytes(root / model_file(name, seed), _weights(params, name, seed))
    return root


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    """One, as many small steps on several threads mostly wait."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _weights(params: Params, name: str, seed: int) -> bytes:
    images = np.stack([as_mnist(printed(digit, height)) for height in (50, 90) for digit in DIGITS])
    # Another size may come to lie a pixel aside: MNIST's form knows whole pixels only.
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    shifted = np.concatenate([np.roll(images, shift, axis=(1, 2)) for shift in shifts])
    pixels = standardise(torch.from_numpy(shifted), PIXELS)
    labels = torch.arange(10).repeat(2 * len(shifts))
    torch.manual_seed(seed)
    network = build_model(name, params.network(name)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        batch = torch.randint(len(pixels), (60,))
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(pixels[batch]), labels[batch]).backward()
        optimiser.step()
    return weights_to_bytes(network)


def always(name: str, digit: int) -> bytes:
    """Weights of a network that says the same, whatever it sees, with a probability of 99.9 %."""
    network = build_model(name, load_params().network(name))
    *_, weight, bias = network.parameters()
    torch.nn.init.zeros_(weight)
    bias.data = torch.eye(10)[digit] * np.log(9 * 999)
    return weights_to_bytes(network)


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it; the test stands in its root."""
    root = tmp_path / "project"
    shutil.copytree(trained, root)
    monkeypatch.chdir(root)
    return root


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["predict", *arguments])


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mistake:
    """Runs the whole program, which must exit with status 2; gives its complaint."""

    def complaint(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["digitbench", "predict", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return error

    return complaint


# --- what it says ----------------------------------------------------------------------------


def test_drawn_digits_of_both_polarities_and_any_size_are_read(project: Path) -> None:
    names = []
    for digit in range(10):
        for height, ink, ground in ((40, 0, 255), (150, 240, 20), (600, 60, 200)):
            names.append(f"{digit}-{height}.{'jpg' if height > 100 else 'png'}")
            Image.fromarray(printed(digit, height, ink, ground)).save(names[-1])
    found = objects(run("--json", *names))
    assert [line["image"] for line in found] == names
    digits = [int(name[0]) for name in names]
    assert [line["digit"] for line in found] == digits
    assert min(line["agreeing"] for line in found) >= 3, "the RNN has hardly learnt them"


def test_json_holds_the_means_over_seeds(project: Path) -> None:
    Image.fromarray(printed(8)).save("8.png")
    (line,) = objects(run("--json", "8.png"))
    assert list(line["answers"]) == list(ARCHITECTURES)
    params = load_params()
    pixels = standardise(torch.from_numpy(as_mnist(printed(8))[None]), PIXELS)
    for name, answer in line["answers"].items():
        shares = []
        for seed in SEEDS:
            path = model_file(name, seed)
            section = params.network(name)
            network = load_weights(name, section, path.read_bytes(), str(path))
            odds = network(pixels)[0].detach().double().exp()
            shares.append((odds / odds.sum()).numpy())
        assert answer["probabilities"] == pytest.approx(np.mean(shares, axis=0), abs=2e-6)
        assert answer["probability"] == max(answer["probabilities"])
        assert answer["digit"] == np.argmax(answer["probabilities"])
        assert answer["seeds"] == 2
        assert answer["agreeing"] == sum(row.argmax() == answer["digit"] for row in shares)


def test_table_names_answer_probability_and_agreement(project: Path) -> None:
    for name, seed in product(ARCHITECTURES, SEEDS):
        (project / model_file(name, seed)).write_bytes(always(name, 6))
    Image.fromarray(printed(1)).save("pic [b].png")
    header, _, row, explanation = run("pic [b].png").output.splitlines()
    assert header.split() == ["image", "MLP", "CNN", "RNN", "LSTM", "architectures"]
    assert row.split("  ")[0] == "pic [b].png"
    assert row.split()[2:] == ["6", "99.9%", "2/2"] * 4 + ["4", "of", "4", "say", "6"]
    assert explanation == "Answer, mean probability over the seeds, seeds that agree."


def test_disagreement_is_pointed_out(project: Path) -> None:
    said = {"mlp": (4, 4), "cnn": (6, 6), "rnn": (6, 6), "lstm": (6, 7)}
    for name, digits in said.items():
        for seed, digit in zip(SEEDS, digits, strict=True):
            (project / model_file(name, seed)).write_bytes(always(name, digit))
    Image.fromarray(printed(1)).save("1.png")
    (line,) = objects(run("--json", "1.png"))
    assert (line["digit"], line["agreeing"]) == (6, 3)
    agreeing = {name: answer["agreeing"] for name, answer in line["answers"].items()}
    assert agreeing == {"mlp": 2, "cnn": 2, "rnn": 2, "lstm": 1}
    assert line["warnings"] == [
        "the architectures disagree (mlp 4, cnn 6, rnn 6, lstm 6)",
        "unsure: lstm 49.9% by 1 of 2 seeds",
    ]
    lines = run("1.png").output.splitlines()
    assert lines[2].endswith("3 of 4 say 6 ?")
    assert lines[-1] == f"? 1.png: {'; '.join(line['warnings'])}"


def test_folders_are_read_by_name(project: Path) -> None:
    folder = project / "scans"
    (folder / "inner").mkdir(parents=True)
    for name, digit in (("b.png", 2), ("a.JPG", 1), ("c.tif", 3), ("inner/d.png", 4)):
        Image.fromarray(printed(digit)).save(folder / name)
    (folder / "notes.txt").write_text("not an image")
    (folder / "._a.JPG").write_bytes(b"left by macOS")
    result = run("--json", "scans", "scans/inner/d.png")
    assert result.exit_code == 0
    assert [line["image"] for line in objects(result)] == [
        *(f"scans/{name}" for name in ("a.JPG", "b.png", "c.tif")),
        "scans/inner/d.png",
    ]
    assert [line["digit"] for line in objects(result)] == [1, 2, 3, 4]


def test_it_runs_from_any_folder_inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "down")
    Image.fromarray(printed(9)).save("nine.png")
    assert objects(run("--json", "nine.png"))[0]["digit"] == 9


def test_what_the_networks_saw_is_written(project: Path) -> None:
    Image.fromarray(printed(2, 200, ink=255, ground=0)).save("x.png")
    Image.fromarray(printed(3)).save("x.bmp")
    seen = project / "new" / "seen"
    assert run("x.png", "x.bmp", "--save-input", str(seen)).exit_code == 0
    assert sorted(path.name for path in seen.iterdir()) == ["x-28x28-2.png", "x-28x28.png"]
    for name, page in (("x-28x28.png", printed(2, 200, 255, 0)), ("x-28x28-2.png", printed(3))):
        np.testing.assert_array_equal(np.asarray(Image.open(seen / name)), as_mnist(page))


# --- what it can't do ------------------------------------------------------------------------


def test_one_bad_image_doesnt_hide_the_others(project: Path) -> None:
    Image.fromarray(printed(1)).save("good.png")
    Path("fake.png").write_text("hello")
    Image.fromarray(np.full((50, 60), 200, np.uint8)).save("empty.png")
    result = run("--json", "fake.png", "empty.png", "good.png", "gone.png")
    assert result.exit_code == 1
    assert [line["image"] for line in objects(result)] == ["good.png"]
    reasons = {
        "fake.png": "this is not an image",
        "empty.png": "the picture is blank",
        "gone.png": "there is no such file",
    }
    for complaint, (name, reason) in zip(result.stderr.splitlines(), reasons.items(), strict=True):
        assert complaint.startswith(f"digitbench: {name}: {reason}")


def test_nothing_read_is_a_sentence(project: Path, mistake: Mistake) -> None:
    Path("text.txt").write_text("hello")
    Path("empty").mkdir()
    for name, reason in (
        ("text.txt", "this is not an image in a known format (PNG, JPEG,"),
        ("gone.png", "there is no such file."),
        ("empty", "this folder holds no images (.png,"),
    ):
        assert mistake(name).startswith(f"digitbench: {name}: {reason}")
    assert mistake(), "no image named"


def test_missing_models_are_a_sentence(project: Path, mistake: Mistake) -> None:
    shutil.rmtree(project / "models")
    error = mistake("1.png")
    assert error.startswith("digitbench: No trained model is there (models/mlp/seed-3.safetensors")
    assert "`dvc repro`" in error
    assert "`dvc pull`" in error


def test_networks_that_are_there_answer_without_the_others(project: Path) -> None:
    Image.fromarray(printed(1)).save("1.png")
    for name in ("mlp", "rnn"):
        shutil.rmtree(project / "models" / name)
    (project / model_file("lstm", SEEDS[0])).unlink()
    result = run("--json", "1.png")
    assert result.exit_code == 0
    (line,) = objects(result)
    seeds = {name: answer["seeds"] for name, answer in line["answers"].items()}
    assert seeds == {"cnn": 2, "lstm": 1}
    assert "models/mlp/seed-3.safetensors and 4 more: no such model" in result.stderr
    assert "the others answer: cnn (2), lstm (1)" in result.stderr


def test_weights_of_other_parameters_are_a_sentence(project: Path, mistake: Mistake) -> None:
    Image.fromarray(printed(1)).save("1.png")
    content = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    content["rnn"]["hidden"] = 33
    (project / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    error = mistake("1.png")
    assert error.startswith("digitbench: models/rnn/seed-")
    assert ".safetensors: not the weights of the rnn in params.yaml" in error


def test_outside_of_a_project_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "has params.yaml and .dvc. Run inside a clone" in mistake("1.png")


def test_benchmarks_that_are_not_there_are_a_sentence(project: Path) -> None:
    error = CliRunner().invoke(app, ["bench", "--quick"]).exception
    assert isinstance(error, DigitbenchError)
    assert "the benchmarks are not there" in str(error)


def test_an_image_is_never_overwritten(project: Path, mistake: Mistake) -> None:
    Image.fromarray(printed(5)).save("5.png")
    Image.fromarray(printed(5)).save("5-28x28.png")
    before = Path("5-28x28.png").read_bytes()
    error = mistake("5-28x28.png", "5.png", "--save-input", ".")
    assert "5-28x28.png: is one of the images to read" in error
    assert Path("5-28x28.png").read_bytes() == before


def test_a_name_that_is_no_text_doesnt_break_the_terminal(project: Path) -> None:
    Image.fromarray(printed(7)).save("7.png")
    name = os.fsdecode(b"\x1b[2J\xff.png")
    Path("7.png").rename(name)
    assert "\ufffd[2J\ufffd.png" in run(name).output
    assert objects(run("--json", name))[0]["image"] == name


def test_help_doesnt_wait_for_what_computes() -> None:
    program = """
import sys
from typer.testing import CliRunner
from digitbench.cli import app
commands = ("bench", "check", "models", "predict", "promote", "readme", "review", "studies")
assert all(command in CliRunner().invoke(app, ["--help"]).output for command in commands)
for command in commands:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0
print([name for name in ("torch", "scipy", "numpy", "PIL", "pandas", "dvc") if name in sys.modules])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", program]
    assert subprocess.check_output(command, env=environment, text=True) == "[]\n"
