"""How to get these numbers again."""

from digitbench.document.blocks import Command, Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.wording import arithmetic, listing

POSITION = 130


def section(results: Results) -> Section:
    """How to get these numbers again."""
    params = results.params
    clocks = results.timing.values()
    facts = [
        ["seeds", ", ".join(str(seed) for seed in params.seeds)],
        ["epochs", str(params.epochs)],
        ["batch size", str(params.batch_size)],
        ["optimiser", f"Adam, learning rate {params.learning_rate:g}"],
        ["arithmetic of training", arithmetic(clock.precision for clock in clocks)],
        ["validation share", f"{params.validation_share:g}"],
    ]
    environments = [clock.environment for clock in clocks]
    facts += [
        [key, listing(sorted({item[key] for item in environments}))] for key in environments[0]
    ]
    return Section(
        "How to reproduce",
        [
            Command("make\ndvc exp run -S epochs=10\ndvc metrics diff"),
            Prose(
                "On another processor the last digits may differ; within one machine every run "
                "repeats to the byte."
            ),
            Table("Recipe and environment of these numbers.", ["", "value"], facts),
        ],
    )
