"""What the UI says of the experiment, and the columns of its list of runs."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

VIEW = "digitbench"
LINK = "#/experiments/{experiment}/runs?viewStateShareKey={view}"
# As the UI names them.
COLUMNS = (
    "tags.`architecture`",
    "tags.`seed`",
    "tags.`experiment`",
    "tags.`commit`",
    "metrics.`test_accuracy`",
)
_NOTE = """\
Every training and evaluation of this project. **[List with the columns to read]({link})**

| Run | What it is |
|---|---|
| `cnn` | one execution of the stage `train_cnn`; its test metrics are means over its seeds |
| `cnn seed 0` | one replicate, below it: curves and weights, test metrics once evaluated |
| `cnn seed 0 (restored)` | a model that DVC's run cache brought back: evaluated, not trained |
| `comparison` | one evaluation of all architectures; its artifacts are metrics and report |

Columns: `architecture`, `seed`, `test_accuracy`, `experiment` (the name of the DVC experiment, or
`workspace`), `commit`. Filters, typed above the list:

- `tags.architecture = 'cnn'`: one architecture
- `tags.architecture = 'cnn' and tags.seed = '0'`: one replicate through time
- `tags.experiment = 'workspace' and tags.commit = '0123abc'`: one state of the project
- `metrics.test_accuracy < 0.98`: what went wrong
- `tags.architecture = 'all'`: the comparisons

The best replicate of each architecture by validation accuracy is a version of the registered
model `digitbench-<architecture>`; the alias `champion` is moved by `digitbench promote` alone.

A run that stays `RUNNING` lost this record on its way, or its process was killed. The stage says
which: where it lost the record, it finished all the same and its files are complete.
"""


def describe(client: "MlflowClient", experiment: str) -> None:
    """Write the description and the view it links to, where there is none: people may edit both.

    The view is stored as the UI does it when somebody shares one; MLflow has no call for that, and
    a UI that no longer reads it shows its own columns.
    """
    note = _NOTE.format(link=LINK.format(experiment=experiment, view=VIEW))
    wanted = {
        "mlflow.note.content": note,
        f"mlflow.sharedViewState.{VIEW}": json.dumps(
            {"selectedColumns": COLUMNS, "columnOrder": COLUMNS}
        ),
    }
    present = client.get_experiment(experiment).tags
    for key, value in wanted.items():
        if key not in present:
            client.set_experiment_tag(experiment, key, value)
