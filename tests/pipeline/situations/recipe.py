"""Networks that were not all trained with what params.yaml says now."""

import re

from ..conftest import Project
from ..situation import Situation


def rate_is_that_of_the_training(project: Project) -> None:
    """The frozen network's is the old one, the others' the new one, and both are named."""
    report = (project.root / "report/report.md").read_text(encoding="utf-8")
    rates = next(line for line in report.splitlines() if line.startswith("| learning rate"))
    assert all(f"{name} 0.001 throughout" in rates for name in ("MLP", "RNN", "LSTM"))
    assert "CNN 0.01 throughout" in rates
    assert re.search(r"DB008.*learning rate \(.*MLP 0\.001", report)


def network_is_the_trained_one(project: Project) -> None:
    """Its layers and its scores, though other sizes were asked for."""
    assert project.run("git", "status", "--porcelain", "metrics/mlp.json").stdout == ""
    report = (project.root / "report/report.md").read_text(encoding="utf-8")
    assert re.search(r"^\| dropout +\|.*MLP \(0\.5\)", report, re.MULTILINE)
    assert "dropout, 0.75" not in report


def frozen(project: Project) -> None:
    """All trainings but the CNN's, by hand: `dvc freeze` refuses a stage with a variable in it."""
    # The others take over what stands at the anchor.
    project.edit("dvc.yaml", r"train_mlp: &train$", r"\g<0>\n    frozen: true")
    project.edit("dvc.yaml", r"train_cnn: \{<<: \*train, ", r"\g<0>frozen: false, ")


SITUATIONS = [
    Situation(
        # dvc#11004: the rate is a new one, the network that `freeze` kept an old one.
        "frozen trainings and another learning rate",
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
        (
            ("dvc", "exp", "run", "-S", "mlp.dropout=0.75", "-S", "mlp.hidden=[7]"),
            ("dvc", "repro", "--force", "--single-item", "evaluate"),
            ("dvc", "repro", "--single-item", "report"),
        ),
        frozen,
        after=network_is_the_trained_one,
    ),
]
