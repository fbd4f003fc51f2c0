"""Under ceilings a network is the same to the byte on processors of other makers and years."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from architectures import RECIPE, SMALL
from digitbench.errors import DigitbenchError
from digitbench.execution.key import facts, key_of
from digitbench.training.arithmetic import CEILINGS, check_ceilings, enter
from digitbench.training.data import TrainingData
from digitbench.training.recipe import Recipe
from digitbench.training.replicates import Job

ROOT = Path(__file__).resolve().parents[2]
PORTABLE = RECIPE.model_copy(
    update={"arithmetic": "portable", "precision": "auto", "device": "auto"}
)
EMULATOR = shutil.which("qemu-x86_64")
needs_avx2 = pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx2"), reason="this processor has no AVX2"
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], dict[str, str]]]:
    """What takes the place of this process."""
    commands: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *command: commands.append(command))
    for name in CEILINGS:
        monkeypatch.delenv(name, raising=False)
    return commands


@pytest.fixture
def below(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that was started under ceilings."""
    for name, value in CEILINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


def test_a_stage_starts_again_under_ceilings_once(
    started: list[tuple[str, list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "src", "train", "mlp"])
    monkeypatch.setenv("MKL_CBWR", "AVX512")
    enter("native")
    assert not started
    enter("portable")
    [(program, command, environment)] = started
    assert (program, command) == (sys.executable, [sys.executable, "src", "train", "mlp"])
    assert environment == {**os.environ, **CEILINGS}
    monkeypatch.setattr(os, "environ", environment)
    enter("portable")
    assert len(started) == 1


@needs_avx2
def test_what_was_left_open_becomes_what_all_processors_have(below: None) -> None:
    resolved = PORTABLE.resolved()
    assert (resolved.device, resolved.precision) == ("cpu", "float32")
    assert resolved.resolved() == resolved


@pytest.mark.parametrize(("key", "value"), [("precision", "bfloat16"), ("device", "cuda")])
def test_what_not_all_processors_have_is_refused(key: str, value: str, below: None) -> None:
    with pytest.raises(DigitbenchError, match=f"params.yaml: {key}: {value} doesn't go with"):
        PORTABLE.model_copy(update={key: value}).resolved()


@needs_avx2
def test_a_process_without_ceilings_is_refused(
    started: object, below: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_ceilings()
    # The variable came after torch had chosen.
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    with pytest.raises(DigitbenchError, match="MKL_CBWR=COMPATIBLE"):
        check_ceilings()


def test_a_processor_without_the_instructions_is_refused(
    below: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "aarch64"})
    with pytest.raises(DigitbenchError, match=r"AVX2.*this processor lacks.*native"):
        check_ceilings()


def test_the_processor_is_no_part_of_the_key_of_a_portable_replicate(
    small_data: TrainingData, below: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(recipe: Recipe) -> str:
        return key_of(facts(Job("", "mlp", "mlp", SMALL["mlp"], recipe, small_data), 0))

    before = key(PORTABLE), key(RECIPE)
    other = {"avx2": True, "cpu_name": "Another", "l1d_cache_size": 1}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: other)
    after = key(PORTABLE), key(RECIPE)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert key(PORTABLE) != key(RECIPE)


def learned(*program: str) -> str:
    """What `portable.py` prints, run under ceilings by a processor or by what plays one."""
    places = os.pathsep.join(str(ROOT / folder) for folder in ("src", "tests"))
    environment = {**os.environ, **CEILINGS, "PYTHONPATH": places}
    command = [*program, sys.executable, str(ROOT / "tests/portable.py"), "mlp", "cnn", "rnn"]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


@needs_avx2
@pytest.mark.skipif(EMULATOR is None, reason="qemu-x86_64, which plays other processors, is absent")
def test_the_weights_are_those_of_a_processor_of_another_maker() -> None:
    assert EMULATOR
    here = learned()
    assert here.count("\n") == 3
    assert learned(EMULATOR, "-cpu", "Haswell") == here
