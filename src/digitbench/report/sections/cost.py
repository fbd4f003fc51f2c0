"""What each architecture costs."""

import numpy as np
import pandas as pd

from digitbench.document.blocks import Chart, Folded, Prose, Section, Table
from digitbench.figures.cost import error_against_cost, growth
from digitbench.report.tables import network_table
from digitbench.results.collection import Results
from digitbench.results.records import ModelRecord
from digitbench.wording import NAMES, at_once, by_name

POSITION = 30


def section(results: Results) -> Section:
    """Size, computation and time, error against them, and how they grow with the image."""
    records = {name: results.metrics[name] for name in results.ranking}
    replicates = at_once(clock.replicates_at_once for clock in results.timing.values())
    sizes = results.ranked(results.growth).rename(columns={"macs": "multiply_accumulates"})
    grows = Chart(
        "growth",
        growth(sizes),
        "The same architectures built for images of 28, 56 and 112 pixels a side. A slope of 2 "
        "means proportional to the number of pixels.",
        "Parameters and multiply-accumulates against the side of the image.",
    )
    macs = {name: f"{record.macs:,}" for name, record in records.items()}
    return Section(
        "Cost",
        [
            network_table(
                results,
                f"On {results.hardware}, one thread per model. Training: seconds per epoch of "
                f"{sum(results.class_counts['train']):,} images, validation included, "
                f"{replicates}; median over epochs, and its range over "
                "seeds. Inference: float32, from pixels in memory to logits; median and quartiles. "
                "Sizes are exact.",
                _rows(results),
            ),
            *_ratio(results),
            Chart(
                "cost",
                error_against_cost(_points(results)),
                "Test error against computation and against training time; the line joins what is "
                "worth its price (the Pareto front).",
                f"Multiply-accumulates per image: {by_name(macs)}.",
            ),
            Folded("How size and computation grow with the image", [grows, Prose(_formula(sizes))]),
            Folded("Layer by layer", [_layers(NAMES[key], each) for key, each in records.items()]),
        ],
    )


def _rows(results: Results) -> dict[str, list[str]]:
    names = results.ranking
    records = [results.metrics[name] for name in names]
    epochs = [results.timing[name].seconds_per_epoch for name in names]
    single = [results.latency.models[name].milliseconds_per_image for name in names]
    batched = [results.latency.models[name].images_per_second for name in names]
    return {
        "parameters": [f"{record.parameters:,}" for record in records],
        "multiply-accumulates per image": [f"{record.macs:,}" for record in records],
        "kB": [f"{record.bytes / 1000:,.0f}" for record in records],
        "s per epoch": [_between(each.median, *each.range, digits=1) for each in epochs],
        "ms for one image": [_between(q.median, q.q1, q.q3, digits=3) for q in single],
        "images per s": [_between(q.median, q.q1, q.q3, digits=0) for q in batched],
    }


def _between(value: float, low: float, high: float, digits: int) -> str:
    return f"{value:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def _ratio(results: Results) -> list[Prose]:
    """How much longer the best trains than the second; of clocks there is a range, no interval."""
    best, *others = results.ranking
    if not others:
        return []
    one, other = (results.timing[name].seconds_per_epoch for name in (best, others[0]))
    ends = (one.range[0] / other.range[1], one.range[1] / other.range[0])
    return [
        Prose(
            f"An epoch of {NAMES[best]} took {_between(one.median / other.median, *ends, 2)} "
            f"times as long as one of {NAMES[others[0]]}; in brackets the range over all pairs of "
            "seeds, of medians over epochs."
        )
    ]


def _points(results: Results) -> pd.DataFrame:
    names = results.ranking
    accuracy = [results.metrics[name].accuracy for name in names]
    points = {
        "architecture": names,
        "error": [1 - summary.mean for summary in accuracy],
        # None, which one seed has, becomes NaN.
        "error_low": 1 - np.array([summary.ci95_high for summary in accuracy], float),
        "error_high": 1 - np.array([summary.ci95_low for summary in accuracy], float),
        "multiply_accumulates": [results.metrics[name].macs for name in names],
        "seconds_per_epoch": [results.timing[name].seconds_per_epoch.median for name in names],
    }
    return pd.DataFrame(points)


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


def _layers(title: str, record: ModelRecord) -> Table:
    rows = [
        (layer.name, " × ".join(map(str, layer.output_shape)), layer.parameters, layer.macs)
        for layer in record.layers
    ]
    rows.append(("total", "–", record.parameters, record.macs))
    return Table(
        f"{title}, layer by layer.",
        ["layer", "output", "parameters", "MACs"],
        [[layer, output, f"{count:,}", f"{macs:,}"] for layer, output, count, macs in rows],
    )
