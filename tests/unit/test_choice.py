"""The replicate that is registered is chosen on the validation part alone."""

from pathlib import Path

import pandas as pd
import pytest

from digitbench.errors import DigitbenchError
from digitbench.files import write_csv
from digitbench.tracking.registry import Choice, best_on_validation, load_curves
from digitbench.training.replicates import CURVE_COLUMNS

ROWS = [
    (7, 1, 0.9, 0.7, 0.9, 0.99),  # the best of all epochs, but not the last of its seed
    (7, 2, 0.5, 0.8, 0.6, 0.91),
    (4, 2, 0.5, 0.8, 0.6, 0.93),
    (4, 1, 0.9, 0.7, 0.9, 0.50),
    (2, 1, 0.9, 0.7, 0.9, 0.40),
    (2, 2, 0.5, 0.8, 0.6, 0.93),  # as good as seed 4
]


def test_the_last_epoch_decides_and_among_equals_the_lowest_seed(tmp_path: Path) -> None:
    path = tmp_path / "mlp.csv"
    write_csv(path, CURVE_COLUMNS, ROWS)
    assert best_on_validation(load_curves(path, [2, 4, 7])) == Choice(2, 0.93)
    write_csv(path, CURVE_COLUMNS, [(7, 3, 0.5, 0.8, 0.6, 0.94), *ROWS])
    assert best_on_validation(load_curves(path, {2, 4, 7})) == Choice(7, 0.94)


@pytest.mark.parametrize("seeds", [[2, 4], [2, 4, 7, 8]])
def test_curves_of_other_seeds_are_refused(seeds: list[int], tmp_path: Path) -> None:
    path = tmp_path / "rnn.csv"
    write_csv(path, CURVE_COLUMNS, ROWS)
    with pytest.raises(DigitbenchError, match=r"rnn\.csv.*other seeds.*train_rnn"):
        load_curves(path, seeds)


@pytest.mark.parametrize("content", [None, "", "seed,epoch\n1,1\n"])
def test_unreadable_curves_are_named_with_the_stage_to_run(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "cnn.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DigitbenchError, match=r"cnn\.csv.*train_cnn"):
        load_curves(path, [1])


def test_the_curves_of_this_project_name_a_trained_seed() -> None:
    for path in (Path(__file__).parents[2] / "plots" / "curves").glob("*.csv"):
        curves = pd.read_csv(path)
        last = curves[curves["epoch"] == curves["epoch"].max()].set_index("seed")
        choice = best_on_validation(load_curves(path, last.index))
        assert last["validation_accuracy"][choice.seed] == last["validation_accuracy"].max()
