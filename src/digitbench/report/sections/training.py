"""How training went."""

from digitbench.document.blocks import Chart, Section
from digitbench.figures.training import learning_curves
from digitbench.results.collection import Results
from digitbench.wording import by_name, percent

POSITION = 90


def section(results: Results) -> Section:
    """How training went."""
    curves = {name: results.curves[name] for name in results.ranking}
    last = {name: frame.query("epoch == epoch.max()") for name, frame in curves.items()}
    ends = {name: percent(rows["validation_accuracy"].mean()) for name, rows in last.items()}
    chart = Chart(
        "curves",
        learning_curves(curves),
        "Solid: validation. Dashed: training, the running mean while dropout is active, which is "
        "why it can lie below. Bands span all seeds.",
        f"Validation accuracy after the last epoch: {by_name(ends)}.",
    )
    return Section("Training", [chart])
