"""What each architecture costs."""

from math import nan

import pandas as pd

from digitbench.document.blocks import Chart, Prose, Section, Table
from digitbench.figures.cost import error_against_cost, growth
from digitbench.results.collection import Results
from digitbench.wording import NAMES, listing

POSITION = 30
_COLUMNS = ["parameters", "MACs per image", "kB", "s per epoch", "ms for one image", "images per s"]
_POINT = [
    "architecture",
    "error",
    "error_low",
    "error_high",
    "multiply_accumulates",
    "seconds_per_epoch",
]


def section(results: Results) -> Section:
    """Size, computation and time, error against them, and how they grow with the image."""
    names = results.ranking
    images = sum(results.class_counts["train"])
    clocks = [*results.timing.values(), results.latency]
    where = listing(sorted({clock.hardware for clock in clocks}))
    at_once = listing(sorted({str(results.timing[name].replicates_at_once) for name in names}))
    sizes = results.growth.rename(columns={"macs": "multiply_accumulates"})
    return Section(
        "Cost",
        [
            Table(
                f"On {where}, one thread per model. Training: seconds per epoch of {images:,} "
                f"images, validation included, {at_once} replicates at once, median over epochs "
                "and seeds. Inference: medians, float32, from pixels in memory to logits.",
                ["", *_COLUMNS],
                [_row(results, name) for name in names],
            ),
            Chart(
                "cost",
                error_against_cost(_points(results)),
                "Test error against computation and against training time; the line joins what is "
                "worth its price (the Pareto front).",
                "; ".join(
                    f"{NAMES[name]}: {results.metrics[name].macs:,} multiply-accumulates"
                    for name in names
                ),
            ),
            Prose(_fastest(results)),
            Chart(
                "growth",
                growth(sizes),
                "The same architectures built for images of 28, 56 and 112 pixels a side. A slope "
                "of 2 means proportional to the number of pixels.",
                "Parameters and multiply-accumulates against the side of the image.",
            ),
            Prose(_formula(sizes)),
            *[_layers(results, name) for name in names],
        ],
    )


def _row(results: Results, name: str) -> list[str]:
    record, speed = results.metrics[name], results.latency.models[name]
    return [
        NAMES[name],
        f"{record.parameters:,}",
        f"{record.macs:,}",
        f"{record.bytes / 1000:,.0f}",
        f"{results.timing[name].seconds_per_epoch.median:.1f}",
        f"{speed.milliseconds_per_image.median:.3f}",
        f"{speed.images_per_second.median:,.0f}",
    ]


def _points(results: Results) -> pd.DataFrame:
    rows = []
    for name in results.ranking:
        record = results.metrics[name]
        ends = [record.accuracy.ci95_high, record.accuracy.ci95_low]
        errors = [nan if end is None else 1 - end for end in ends]
        seconds = results.timing[name].seconds_per_epoch.median
        rows.append([name, 1 - record.accuracy.mean, *errors, record.macs, seconds])
    return pd.DataFrame(rows, columns=_POINT)


def _fastest(results: Results) -> str:
    """The papers claim inference speed and don't measure it."""
    models = results.latency.models
    speed = {name: models[name].milliseconds_per_image.median for name in results.ranking}
    order = sorted(speed, key=lambda name: speed[name])
    times = listing([f"{NAMES[name]} {speed[name]:.3f} ms" for name in order])
    return f"From the fastest to the slowest for one image: {times}."


def _formula(sizes: pd.DataFrame) -> str:
    """Whether the counted multiply-accumulates follow the papers' formulas."""
    if (sizes["multiply_accumulates"] == sizes["formula_macs"]).all():
        agree = "equal the papers' formulas at every side"
    else:
        agree = "depart from the papers' formulas"
    return (
        f"Counted multiply-accumulates {agree}: n_in·n_out for a dense layer, "
        "H·W·K²·C_in·C_out for a convolution, and steps·gates·hidden·(n_in + hidden) for a "
        "recurrent one."
    )


def _layers(results: Results, name: str) -> Table:
    record = results.metrics[name]
    rows = [
        [
            layer.name,
            " × ".join(map(str, layer.output_shape)),
            f"{layer.parameters:,}",
            f"{layer.macs:,}",
        ]
        for layer in record.layers
        if layer.parameters
    ]
    rows.append(["total", "", f"{record.parameters:,}", f"{record.macs:,}"])
    return Table(f"{NAMES[name]}, layer by layer.", ["layer", "output", "parameters", "MACs"], rows)
