"""`import digitbench`: the names for notebooks, and that the guide's examples hold."""

import doctest
import inspect
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import architectures
import digitbench
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES
from digitbench.training.model import count_parameters, weights_to_bytes

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["Recipe", "build_model", "compare", "load_model", "load_results", "summarise"]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_public_names_are_these_and_each_is_documented() -> None:
    assert sorted(digitbench.__all__) == NAMES
    assert set(NAMES) <= set(dir(digitbench))
    for name in NAMES:
        found = getattr(digitbench, name)
        assert found.__name__ == name
        assert found.__module__.startswith("digitbench.")
        assert inspect.getdoc(found), name
        assert inspect.isclass(found) or "return" in found.__annotations__, name
    guide = (ROOT / "docs/notebook.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in guide] == []
    with pytest.raises(AttributeError, match="has no attribute 'anything'"):
        digitbench.anything  # noqa: B018


def test_the_examples_of_the_guide_hold() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs/notebook.md"), module_relative=False)
    assert (failed, tried > 10) == (0, True)


def test_committed_results_are_those_on_disk_where_nothing_changed() -> None:
    done = subprocess.run(
        ["git", "status", "--porcelain", "metrics"], check=False, capture_output=True, timeout=60
    )
    if done.returncode or done.stdout:
        pytest.skip("no checkout, or one with new metrics")
    assert digitbench.load_results("HEAD").metrics == digitbench.load_results().metrics
    with pytest.raises(DigitbenchError, match="'nowhere' is not a revision"):
        digitbench.load_results("nowhere")


def test_arrays_and_records_are_compared_pair_by_pair() -> None:
    rng = np.random.default_rng(0)
    correct = {name: rng.random((3, 200)) < 0.9 for name in "abc"}
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    by_image = digitbench.compare(correct)
    assert list(by_image) == pairs
    difference = correct["c"].mean() - correct["a"].mean()
    assert by_image["a", "c"].difference == pytest.approx(difference)
    records = digitbench.load_results().metrics
    by_seed = digitbench.compare({"a": records["mlp"], "b": records["cnn"], "c": records["rnn"]})
    assert list(by_seed) == pairs
    one, other = by_seed["a", "b"], records["cnn"].accuracy.mean - records["mlp"].accuracy.mean
    assert one.difference == pytest.approx(other)
    for found in (*by_image.values(), *by_seed.values()):
        assert found.difference_low <= found.difference <= found.difference_high
        assert found.p_value <= found.p_value_holm <= 1


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(DigitbenchError, match="Give two or more"):
        digitbench.compare({"a": np.ones((2, 9), bool)})
    with pytest.raises(DigitbenchError, match="differ in seeds or test images"):
        digitbench.compare({"a": np.ones((2, 9), bool), "b": np.ones((3, 9), bool)})
    mlp, cnn = (digitbench.load_results().metrics[name] for name in ("mlp", "cnn"))
    more = cnn.model_copy(update={"seeds": cnn.seeds[:1]})  # as if each had seen all images
    with pytest.raises(DigitbenchError, match="other images"):
        digitbench.compare({"mlp": mlp, "cnn": more})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_is_built_by_name_and_its_weights_are_loaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = digitbench.build_model(name)
    assert count_parameters(network) == architectures.PARAMETERS[name](28)
    small = digitbench.build_model(name, **architectures.NARROW[name])
    assert count_parameters(small) < count_parameters(network)
    with pytest.raises(DigitbenchError, match="unknown key"):
        digitbench.build_model(name, depth=3)

    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"models/{name}/seed-1.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(weights_to_bytes(network))
    loaded = digitbench.load_model(name, seed=1)
    assert not loaded.training
    assert weights_to_bytes(loaded) == weights_to_bytes(network)
    with pytest.raises(DigitbenchError, match=rf"seed-0.*train_{name}"):
        digitbench.load_model(name)
    with pytest.raises(DigitbenchError, match="with seed 77"):
        digitbench.load_model(name, seed=77)
