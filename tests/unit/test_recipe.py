from pathlib import Path

import pytest
import torch

from digitbench.errors import DigitbenchError
from digitbench.params import load_params
from digitbench.training.recipe import resolve_device, resolve_precision

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")


def test_a_resolved_recipe_leaves_nothing_open_and_nothing_else_changed() -> None:
    asked = PARAMS.model_copy(update={"precision": "auto", "device": "cpu", "epochs": 7})
    resolved = asked.resolved()
    assert resolved.precision == resolve_precision("auto", "cpu") != "auto"
    assert resolved == asked.model_copy(update={"precision": resolved.precision})


def test_cuda_asked_for_and_absent_is_said() -> None:
    if torch.cuda.is_available():
        assert resolve_device("auto") == resolve_device("cuda") == "cuda"
        return
    assert resolve_device("auto") == "cpu"
    with pytest.raises(DigitbenchError, match="device: cuda"):
        resolve_device("cuda")


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx2": True, "amx_bf16": False, "avx512_bf16": False}, "float32"),
        ({}, "float32"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_bf16": True}, "bfloat16"),
    ],
)
def test_auto_takes_bfloat16_only_from_processors_that_multiply_in_it(
    able: dict[str, bool], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert resolve_precision("auto", "cpu") == expected


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_a_precision_that_is_named_is_taken(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert resolve_precision(asked, "cpu") == asked
