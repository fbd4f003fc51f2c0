"""Networks that were not all trained with what params.yaml says now."""

import re

from ..conftest import Project
from ..situation import Situation


def recipe_is_that_of_the_trainings(project: Project) -> None:
    """The frozen networks' rate is the old one, the CNN's the new one; sizes are the trained."""
    report = (project.root / "report/report.md").read_text(encoding="utf-8")
    rates = next(line for line in report.splitlines() if line.startswith("| learning rate"))
    assert all(f"{name} 0.001 throughout" in rates for name in ("MLP", "RNN", "LSTM"))
    assert "CNN 0.01 throughout" in rates
    assert re.search(r"DB008.*learning rate \(.*MLP 0\.001", report)
    assert project.run("git", "status", "--porcelain", "metrics/mlp.json").stdout == ""
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
        "frozen trainings, another learning rate and another network",
        (
            (
                *("dvc", "exp", "run", "-S", "learning_rate=0.01"),
                *("-S", "mlp.dropout=0.75", "-S", "mlp.hidden=[7]"),
            ),
            ("digitbench", "check"),
        ),
        frozen,
        says=("DB008 Networks not trained alike", "learning rate ("),
        status=1,
        after=recipe_is_that_of_the_trainings,
    ),
]
