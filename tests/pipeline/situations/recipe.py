"""Networks that were not all trained with what params.yaml says now."""

import re

from ..conftest import Project
from ..situation import Situation


def rate_is_that_of_the_training(project: Project) -> None:
    """The frozen network's is the old one, the others' the new one, and both are named."""
    report = (project.root / "report/report.md").read_text(encoding="utf-8")
    rates = next(line for line in report.splitlines() if line.startswith("| learning rate"))
    assert "MLP 0.001 throughout" in rates
    assert "CNN 0.01 throughout" in rates
    assert re.search(r"DB008.*learning rate \(.*MLP 0\.001", report)


def layers_are_those_of_the_training(project: Project) -> None:
    report = (project.root / "report/report.md").read_text(encoding="utf-8")
    assert "MLP (0.2)" in report
    assert "dropout, 0.2" in report
    assert "0.75" not in report


def frozen(project: Project) -> None:
    """By hand: `dvc freeze` refuses a stage with a variable in it."""
    project.edit("dvc.yaml", r"train_mlp: &train$", r"\g<0>\n    frozen: true")
    # The others take over what stands at the anchor.
    project.edit("dvc.yaml", r"\{<<: \*train, ", r"\g<0>frozen: false, ")


SITUATIONS = [
    Situation(
        # dvc#11004: the rate is a new one, the network that `freeze` kept an old one.
        "a frozen training and another learning rate",
        (
            ("dvc", "exp", "run", "-S", "learning_rate=0.01"),
            ("digitbench", "check"),
        ),
        frozen,
        says=("DB008 Networks not trained alike", "learning rate ("),
        status=1,
        after=rate_is_that_of_the_training,
    ),
    Situation(
        "a frozen training and another network",
        (("dvc", "exp", "run", "-S", "mlp.dropout=0.75", "-S", "mlp.hidden=[7]"),),
        frozen,
        after=layers_are_those_of_the_training,
    ),
]
