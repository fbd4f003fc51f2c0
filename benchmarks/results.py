"""benchmarks/results.json as a typed record, and results.md, which shows it as tables."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from digitbench import files
from digitbench.document.markdown import aligned_table
from digitbench.environment import fingerprint, git_state
from digitbench.results.record import Part
from digitbench.wording import NAMES, p_value, points

JSON, MARKDOWN = "results.json", "results.md"


class Spread(Part):
    """Repeated measurements, in the order measured; quartiles linear between order statistics."""

    median: float
    q1: float
    q3: float
    values: list[float]

    def told(self, form: str = "{:,.0f}", factor: float = 1) -> str:
        """`median (q1 to q3)`; the quartiles of a single repeat say nothing."""
        median, q1, q3 = (form.format(factor * each) for each in (self.median, self.q1, self.q3))
        return median if len(self.values) < 2 else f"{median} ({q1} to {q3})"


class _Section(Part):
    date: str
    environment: dict[str, str]
    git: dict[str, str]
    load_before: float
    scale: str
    seconds: int
    repeats: int
    method: str


class _Contest(Part):
    images_per_second: dict[str, Spread]  # by contestant
    replicates_at_once: int
    speedup_over: dict[str, Spread]
    speedup_with_start_up_over: dict[str, Spread]


class _Throughput(_Section):
    images: int
    epochs: int
    batch_size: int
    precision: str
    seeds: int
    cores: int
    devices: dict[str, dict[str, _Contest]]  # by architecture


class _Side(Part):
    side: int


class _Product(Spread, _Side):
    median_by_side: dict[str, float]


class _Device(Part):
    matrix_products: dict[str, dict[str, _Product]]  # by precision and kind
    peak_flop_per_second: dict[str, dict[str, float]]
    training: dict[str, dict[str, dict[str, dict[str, Spread]]]]  # architecture, precision, cores


class _Peak(_Section):
    counted: str
    precision: str
    cores: int
    flop_per_image: dict[str, int]
    devices: dict[str, _Device]


class _Scaling(_Section):
    cores: int
    # By architecture and size.
    replicates: dict[str, dict[str, dict[str, Spread | int]]]
    batch_size: dict[str, dict[str, dict[str, Spread]]]
    data_size: dict[str, dict[str, dict[str, Spread | int]]]
    memory: dict[str, str | dict[str, dict[str, int]]]  # `method` and `bytes`


class _Pipeline(_Section):
    papers_loop_seconds: float
    papers_loop: dict[str, int | dict[str, Spread]]  # `epochs` and `seconds_per_epoch`
    seeds: int
    pipeline_seconds: float
    phases: dict[str, float]
    stages: dict[str, float]
    download_seconds: float
    no_op_seconds: Spread
    start_up_seconds: dict[str, Spread]


class _Change(Part):
    float32: dict[int, float]  # by seed
    bfloat16: dict[int, float]
    difference: float
    difference_low: float | None
    difference_high: float | None
    p_value_holm: float | None
    verdict: str


class _Precision(_Section):
    epochs: int
    validation_images: int
    architectures: dict[str, _Change]


class Results(Part):
    """What is quoted, and the sections that have been measured."""

    speedup_over_papers_loop: dict[str, float] | None = None
    fraction_of_peak: dict[str, float] | None = None
    pipeline_seconds: float | None = None
    papers_loop_seconds: float | None = None
    throughput: _Throughput | None = None
    peak: _Peak | None = None
    scaling: _Scaling | None = None
    pipeline: _Pipeline | None = None
    precision: _Precision | None = None


# In the order in which they are measured.
SECTIONS = ("throughput", "peak", "scaling", "pipeline", "precision")


def spread(values: Sequence[float], others: Sequence[float] | float = 1) -> Spread:
    """Of values, or of quotients round by round: what slows a whole round down cancels out."""
    ratios = np.divide(values, others)
    q1, median, q3, *each = map(rounded, (*np.percentile(ratios, (25, 50, 75)), *ratios))
    return Spread(median=median, q1=q1, q3=q3, values=each)


def rounded(value: float) -> float:
    """Five significant digits; no clock here is better."""
    return float(f"{value:.5g}")


def load(path: Path) -> Results:
    """What has been measured so far; nothing where there is no file.

    Raises:
        DigitbenchError: It is damaged.
    """
    if not path.exists():
        return Results()
    remedy = "Delete it and measure again."
    return files.read(path, lambda file: Results.model_validate_json(file.read_bytes()), remedy)


def record(folder: Path, name: str, section: Mapping[str, Any]) -> None:
    """Put a freshly measured section beside those that are there; write numbers and tables."""
    date = datetime.now(UTC).date().isoformat()
    stamp = {"date": date, "environment": fingerprint(), "git": git_state()}
    found = load(folder / JSON).model_dump(exclude_unset=True)
    results = quoted(Results.model_validate({**found, name: {**stamp, **section}}))
    files.write_json(folder / JSON, results.model_dump(exclude_unset=True))
    files.write_text(folder / MARKDOWN, render(results))


def quoted(results: Results) -> Results:
    """With the quoted figures of the sections that are there; medians, on the CPU."""
    figures: dict[str, Any] = {}
    if results.throughput:
        figures["speedup_over_papers_loop"] = {
            name: contest.speedup_over["papers_loop"].median
            for name, contest in results.throughput.devices["cpu"].items()
        }
    if results.peak:
        figures["fraction_of_peak"] = {
            name: shares[results.peak.precision]["all_cores"]["fraction_of_peak"].median
            for name, shares in results.peak.devices["cpu"].training.items()
        }
    if results.pipeline:
        figures["pipeline_seconds"] = results.pipeline.pipeline_seconds
        figures["papers_loop_seconds"] = results.pipeline.papers_loop_seconds
    return results.model_copy(update=figures)


def render(results: Results) -> str:
    """All sections that are there, in Markdown."""
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(f"{MARKDOWN}.j2")
    page = template.render(results=results, names=NAMES, points=points, p_value=p_value)
    return "\n\n".join(_aligned(block) for block in re.split(r"\n{2,}", page.strip())) + "\n"


def _aligned(block: str) -> str:
    if not block.startswith("|"):
        return block
    lines = [line.strip().strip("|").split("|") for line in block.splitlines()]
    return aligned_table([[cell.strip() for cell in line] for line in lines])
