"""How training went."""

from digitbench.document.blocks import Chart, Section
from digitbench.figures.training import learning_curves
from digitbench.results.collection import Results
from digitbench.wording import NAMES, listing, percent

POSITION = 90


def section(results: Results) -> Section:
    """How training went."""
    names = results.ranking
    last = {name: results.curves[name].query("epoch == epoch.max()") for name in names}
    ends = listing(
        [f"{NAMES[name]} {percent(last[name]['validation_accuracy'].mean())}" for name in names]
    )
    return Section(
        "Training",
        [
            Chart(
                "curves",
                learning_curves({name: results.curves[name] for name in names}),
                "Solid: validation. Dashed: training, the running mean while dropout is active, "
                "which is why it can lie below. Bands span all seeds.",
                f"Validation accuracy after the last epoch: {ends}.",
            ),
        ],
    )
