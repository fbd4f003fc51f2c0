"""The short version of `make torture`: a round of each kind, on every change."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from torture.base import LOG, Base
from torture.fault import catalogue
from torture.round import Round

pytestmark = pytest.mark.pipeline

FAULTS = {fault.name: fault for fault in catalogue()}
# Of the stage alone, and such as every training has: the base of the tests has noted none.
MOMENTS = (("start", ""), ("os.rename", "models/mlp/seed-1.safetensors"))
SEED = 17


@pytest.mark.parametrize(
    "name",
    [
        "SIGKILL to the stage",
        "full disk: models",
        "ulimit -n: few open files",
        "damaged processed data meanwhile",
        "MLflow: database is garbage",
    ],
)
def test_what_is_broken_recovers(name: str, made: Path, tmp_path: Path) -> None:
    fault = FAULTS[name]
    if fault.skip:
        pytest.skip(fault.skip)
    place = tmp_path / "base"
    shutil.copytree(made, place, symlinks=True)
    rows = ("\t".join(("1", "train_mlp", *moment)) for moment in MOMENTS)
    (place / LOG).write_text("\n".join(rows))
    at = ("stage",) if fault.at else ()
    quick = replace(fault, stages=("train_mlp",), at=at, jobs=(1,))
    round = Round(Base(place), quick, f"{SEED}/{name}", tmp_path / "round")
    verdict = round.hold()
    assert verdict.complaints() == [], "\n".join([str(round), *round.said().values()])
    assert verdict.reached
