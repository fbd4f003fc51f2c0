"""The results as Markdown tables, the hardware named."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from digitbench.document.markdown import aligned_table
from digitbench.wording import NAMES, p_value, points

CONTESTANTS = {
    "papers_loop": "papers' loop",
    "papers_loop_without_workers": "without workers",
    "scikit_learn": "scikit-learn",
    "ours_one_replicate": "ours, one replicate",
    "ours": "ours, all seeds",
    "ours_with_start_up": "with start-up",
}
DEVICES = {"cpu": "CPU", "cuda": "GPU"}
Section = Mapping[str, Any]


def render(results: Section) -> str:
    """All sections that are there."""
    parts = ["# Speed", "Medians, in brackets the quartiles of the repeats. Made by `make bench`."]
    for name, section in results.items():
        if name in _TABLES:
            parts += [f"## {name.capitalize()}", _origin(section), section["method"]]
            parts += _TABLES[name](section)
    return "\n\n".join(parts) + "\n"


def _origin(section: Section) -> str:
    environment, commit = section["environment"], section["git"].get("git.commit", "no commit")
    changed = " with changes" if section["git"].get("git.dirty") == "true" else ""
    tried = " **A try-out, not a measurement.**" if section["scale"] != "full" else ""
    return (
        f"{environment['hardware']}; {environment['system']}, Python {environment['python']}, "
        f"torch {environment['torch']}; {section['date']}, commit {commit[:10]}{changed}; "
        f"{section['repeats']} repeats, load before the run {section['load_before']:.1f}.{tried}"
    )


def _throughput(section: Section) -> Iterator[str]:
    for device, contests in section["devices"].items():
        kinds = [
            key
            for key in CONTESTANTS
            if any(key in contest["images_per_second"] for contest in contests.values())
        ]
        rows = [["images per second", *(CONTESTANTS[key] for key in kinds), "speed-up"]]
        for name, contest in contests.items():
            rates = contest["images_per_second"]
            cells = [_spread(rates[key]) if key in rates else "" for key in kinds]
            ratio = _spread(contest["speedup_over"]["papers_loop"], "{:.1f}")
            rows.append([NAMES[name], *cells, ratio])
        at_once = next(iter(contests.values()))["replicates_at_once"]
        yield (
            f"On the {DEVICES[device]}, {section['precision']}, {section['seeds']} seeds, "
            f"{at_once} at once; speed-up of ours with all seeds over the papers' loop."
        )
        yield aligned_table(rows)


def _peak(section: Section) -> Iterator[str]:
    yield section["counted"]
    for device, result in section["devices"].items():
        products = [["GFLOP per second", "matrix product", "side", "median"]]
        for precision, kinds in result["matrix_products"].items():
            for kind, best in kinds.items():
                speed = _spread(best, "{:,.0f}", 1e-9)
                products.append([precision, kind.replace("_", " "), str(best["side"]), speed])
        yield f"Matrix products on the {DEVICES[device]}:"
        yield aligned_table(products)
        columns = [
            (precision, where)
            for precision in result["peak_flop_per_second"]
            for where in ("one_thread", "all_cores")
        ]
        headings = [f"{p}, {where.replace('_', ' ')}, %" for p, where in columns]
        rows = [["share of the peak", "MFLOP per image", *headings]]
        for name, shares in result["training"].items():
            cells = [
                _spread(shares[p][where]["fraction_of_peak"], "{:.1f}", 100) for p, where in columns
            ]
            rows.append([NAMES[name], f"{section['flop_per_image'][name] / 1e6:.2f}", *cells])
        yield f"Training on the {DEVICES[device]}:"
        yield aligned_table(rows)


def _scaling(section: Section) -> Iterator[str]:
    for part, heading, key, form in (
        ("replicates", "images per second by replicates", "images_per_second", "{:,.0f}"),
        ("replicates", "efficiency by replicates", "efficiency", "{:.2f}"),
        ("batch_size", "images per second by batch size", "images_per_second", "{:,.0f}"),
        ("data_size", "µs per image by data size", "microseconds_per_image", "{:.1f}"),
    ):
        yield _by_architecture(heading, section[part], key, form)
    rows = [["memory of one replicate, MB", "peak resident", "peak unique", "unique before"]]
    for name, sizes in section["memory"]["bytes"].items():
        keys = ("peak_resident", "peak_unique", "unique_before")
        rows.append([NAMES[name], *(f"{sizes[key] / 1e6:,.0f}" for key in keys)])
    yield section["memory"]["method"]
    yield aligned_table(rows)


def _by_architecture(heading: str, part: Section, key: str, form: str) -> str:
    sizes = list(next(iter(part.values())))
    rows = [[heading, *(f"{int(size):,}" for size in sizes)]]
    for name, values in part.items():
        rows.append([NAMES[name], *(_spread(values[size][key], form) for size in sizes)])
    return aligned_table(rows)


def _pipeline(section: Section) -> Iterator[str]:
    loops = section["papers_loop"]
    yield aligned_table(
        [
            ["", "seconds"],
            ["pipeline, from downloaded data", f"{section['pipeline_seconds']:,.1f}"],
            ["papers' loop, two models, one seed", f"{section['papers_loop_seconds']:,.1f}"],
            *(
                [f"papers' loop, an epoch of the {NAMES[name]}", _spread(values, "{:.1f}")]
                for name, values in loops["seconds_per_epoch"].items()
            ),
            ["no-op `dvc repro`", _spread(section["no_op_seconds"], "{:.2f}")],
            ["download", f"{section['download_seconds']:.1f}"],
        ]
    )
    yield aligned_table([["phase", "seconds"], *_seconds(section["phases"])])
    yield aligned_table([["stage", "seconds"], *_seconds(section["stages"])])
    start_ups = section["start_up_seconds"].items()
    rows = [[stage, _spread(values, "{:.2f}")] for stage, values in start_ups]
    yield aligned_table([["start-up", "seconds"], *rows])


def _precision(section: Section) -> Iterator[str]:
    rows = [["bfloat16 − float32", "points", "95 % interval", "adjusted p", "verdict"]]
    for name, change in section["architectures"].items():
        rows.append([NAMES[name], *_change(change), change["verdict"]])
    yield (
        f"{section['epochs']} epochs, {section['validation_images']:,} validation images; the "
        "difference in points of accuracy."
    )
    yield aligned_table(rows)


def _change(change: Section) -> list[str]:
    if change["p_value_holm"] is None:
        return [points(change["difference"]), "", ""]
    low, high = points(change["difference_low"]), points(change["difference_high"])
    return [points(change["difference"]), f"{low} to {high}", p_value(change["p_value_holm"])]


def _seconds(values: Mapping[str, float]) -> list[list[str]]:
    return [[key.replace("_", " "), f"{value:,.1f}"] for key, value in values.items()]


def _spread(values: Section, form: str = "{:,.0f}", factor: float = 1) -> str:
    """`median (q1 to q3)`; the quartiles of a single repeat say nothing."""
    numbers: Sequence[str] = [form.format(factor * values[k]) for k in ("median", "q1", "q3")]
    if len(values["values"]) < 2:
        return numbers[0]
    return f"{numbers[0]} ({numbers[1]} to {numbers[2]})"


_TABLES = {
    "throughput": _throughput,
    "peak": _peak,
    "scaling": _scaling,
    "pipeline": _pipeline,
    "precision": _precision,
}
