"""What the comparison does not say, what its tests take for granted, and whose digits it reads."""

from pathlib import Path

import yaml

from digitbench.checks.comparability import TRAINED_UNLIKE
from digitbench.document.blocks import Section, Table
from digitbench.results.collection import Results
from digitbench.wording import count

POSITION = 25


def section(results: Results) -> Section:
    """Limits first, then the tests by name, then the data sets; the texts stand in limits.yaml."""
    texts = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    is_one_recipe = not [*TRAINED_UNLIKE.look(results)]
    facts = {
        "images": f"{results.images:,}",
        "seeds": count(len(results.seeds), "seed"),
        "recipe": "One recipe serves all" if is_one_recipe else "Recipes differ",
        "hardware": results.hardware,
    }
    return Section(
        "Limits",
        [
            Table(
                "What does not follow from this page.",
                ["it does not say", "because"],
                [[text.format(**facts) for text in row] for row in texts["limits"]],
            ),
            Table(
                "The tests. Intervals are 95 %. Without one: sizes, which are exact; times, with "
                "the range or quartiles measured; confusion rates, reliability and ROC curves, "
                "single strengths of a corruption. A dash in a table: there is no such number.",
                ["statement", "by", "taken for granted"],
                texts["tests"],
            ),
            Table(
                "Where the digits come from; none of them is part of this repository.",
                ["digits", "source", "citation", "licence"],
                texts["sources"],
            ),
        ],
    )
