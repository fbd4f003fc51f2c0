"""Nothing is trained twice: seeds are added, code is reworked, a clone begins with a full store."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from digitbench.params import ARCHITECTURES

from .conftest import Project, with_store

pytestmark = pytest.mark.pipeline


@pytest.fixture
def kept(finished: Project) -> Project:
    """The finished clone with the store in which its replicates are."""
    return with_store(finished)


def weights(project: Project) -> dict[str, bytes]:
    paths = project.root.glob("models/*/*.safetensors")
    return {path.relative_to(project.root).as_posix(): path.read_bytes() for path in paths}


def test_more_seeds_train_the_new_ones_alone(kept: Project) -> None:
    before = weights(kept)
    said = kept.dvc("exp", "run", "-n", "three", "-S", "seeds=[0,1,2]")
    assert said.count("2 of 3 replicates kept, 1 to train") == len(ARCHITECTURES)
    after = weights(kept)
    assert len(after) == 3 * len(ARCHITECTURES)
    assert {name: after[name] for name in before} == before
    # A seed that was never alone: what the store has serves any choice.
    trainings = [f"train_{name}" for name in ARCHITECTURES]
    said = kept.dvc("exp", "run", "-n", "other", "-S", "seeds=[2,0]", *trainings)
    assert said.count("2 of 2 replicates kept, nothing to train") == len(ARCHITECTURES)
    kept.run("git", "restore", "-SW", ".")
    kept.dvc("checkout", "dvc.yaml")


def test_a_comment_in_the_trainer_trains_nothing_and_a_change_does(kept: Project) -> None:
    before = weights(kept)
    trainer = "src/digitbench/training/trainer.py"
    kept.edit(trainer, r"\Z", "# A comment.\n")
    said = kept.dvc("repro", "--single-item", "train_mlp")
    assert "2 of 2 replicates kept, nothing to train" in said
    kept.edit(trainer, r"betas=\(0.9, 0.999\)", "betas=(0.8, 0.999)")
    assert "kept" not in kept.dvc("repro", "--single-item", "train_mlp")
    assert weights(kept) != before
    kept.run("git", "restore", "-SW", ".")
    kept.dvc("checkout", "dvc.yaml")
    assert weights(kept) == before


def test_a_fresh_clone_with_a_full_store_trains_nothing(kept: Project, tmp_path: Path) -> None:
    kept.run("git", "clone", "-q", str(kept.root), str(tmp_path / "clone"))
    clone = dataclasses.replace(kept, root=tmp_path / "clone")
    said = clone.dvc("repro")
    assert said.count("2 of 2 replicates kept, nothing to train") == len(ARCHITECTURES)
    assert weights(clone) == weights(kept)
    report = (clone.root / "report/report.md").read_text()
    assert "Handwritten digits" in report
    verified = clone.run("digitbench", "store", "verify").stdout
    assert re.search(r"^(\d+) of \1 replicates are whole", verified, re.MULTILINE)


def test_portable_arithmetic_is_one_parameter(kept: Project) -> None:
    native = weights(kept)
    kept.dvc("exp", "run", "-n", "portable", "-S", "arithmetic=portable", "train_mlp")
    recipe = json.loads((kept.root / "metrics/training/mlp.json").read_text())["recipe"]
    assert [recipe[key] for key in ("arithmetic", "precision")] == ["portable", "float32"]
    portable = weights(kept)
    assert portable.keys() == native.keys()
    assert all((portable[name] != native[name]) == ("mlp" in name) for name in native)
    kept.run("git", "restore", "-SW", ".")
    kept.dvc("checkout", "dvc.yaml")
