"""What each architecture costs."""

from math import nan

import pandas as pd

from digitbench.document.blocks import Chart, Folded, Prose, Section, Table
from digitbench.figures.cost import error_against_cost, growth
from digitbench.results.collection import Results
from digitbench.wording import NAMES, listing

POSITION = 30
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
    sizes = results.ranked(results.growth).rename(columns={"macs": "multiply_accumulates"})
    return Section(
        "Cost",
        [
            Table(
                f"On {where}, one thread per model. Training: seconds per epoch of {images:,} "
                f"images, validation included, {at_once} replicates at once; median over epochs, "
                "and its range over seeds. Inference: float32, from pixels in memory to logits; "
                "median and quartiles. Sizes are exact. No times of another machine follow.",
                ["", *(NAMES[name] for name in names)],
                _rows(results),
            ),
            *_ratio(results),
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
            Chart(
                "growth",
                growth(sizes),
                "The same architectures built for images of 28, 56 and 112 pixels a side. A slope "
                "of 2 means proportional to the number of pixels.",
                "Parameters and multiply-accumulates against the side of the image.",
            ),
            Prose(_formula(sizes)),
            Folded("Layer by layer", [_layers(results, name) for name in names]),
        ],
    )


def _rows(results: Results) -> list[list[str]]:
    records = [results.metrics[name] for name in results.ranking]
    epochs = [results.timing[name].seconds_per_epoch for name in results.ranking]
    speeds = [results.latency.models[name] for name in results.ranking]
    single, batched = zip(
        *((s.milliseconds_per_image, s.images_per_second) for s in speeds), strict=True
    )
    return [
        ["parameters", *(f"{record.parameters:,}" for record in records)],
        ["multiply-accumulates per image", *(f"{record.macs:,}" for record in records)],
        ["kB", *(f"{record.bytes / 1000:,.0f}" for record in records)],
        ["s per epoch", *(_between(s.median, *s.range, digits=1) for s in epochs)],
        ["ms for one image", *(_between(q.median, q.q1, q.q3, digits=3) for q in single)],
        ["images per s", *(_between(q.median, q.q1, q.q3, digits=0) for q in batched)],
    ]


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
    rows = []
    for name in results.ranking:
        record = results.metrics[name]
        ends = [record.accuracy.ci95_high, record.accuracy.ci95_low]
        errors = [nan if end is None else 1 - end for end in ends]
        seconds = results.timing[name].seconds_per_epoch.median
        rows.append([name, 1 - record.accuracy.mean, *errors, record.macs, seconds])
    return pd.DataFrame(rows, columns=_POINT)


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
    ]
    rows.append(["total", "–", f"{record.parameters:,}", f"{record.macs:,}"])
    return Table(f"{NAMES[name]}, layer by layer.", ["layer", "output", "parameters", "MACs"], rows)
