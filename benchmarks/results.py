"""benchmarks/results.json: what each section measured; and results.md, which shows it as tables."""

import json
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
from digitbench.errors import DigitbenchError
from digitbench.wording import NAMES, p_value, points

JSON, MARKDOWN = "results.json", "results.md"
# In the order in which they are measured.
SECTIONS = (
    *("throughput", "peak", "scaling", "pipeline", "precision", "arithmetic"),
    *("seeds", "workers", "cluster"),
)
# Of the sections that are there, what others quote: it stands first.
QUOTED = (
    *("speedup_over_papers_loop", "fraction_of_peak"),
    *("pipeline_seconds", "papers_loop_seconds"),
)
Results = dict[str, Any]
Spread = dict[str, Any]
_REMEDY = "Delete it and measure again."


def spread(values: Sequence[float], others: Sequence[float] | float = 1) -> Spread:
    """Of values, or of quotients round by round: what slows a whole round down cancels out.

    Returns:
        `median`, `q1` and `q3`, linear between order statistics, and `values` as measured.
    """
    ratios = np.divide(values, others)
    q1, median, q3, *each = map(rounded, (*np.percentile(ratios, (25, 50, 75)), *ratios))
    return {"median": median, "q1": q1, "q3": q3, "values": each}


def told(measured: Spread, form: str = "{:,.0f}", factor: float = 1) -> str:
    """`median (q1 to q3)`; the quartiles of a single repeat say nothing."""
    median, q1, q3 = (form.format(factor * measured[key]) for key in ("median", "q1", "q3"))
    return median if len(measured["values"]) < 2 else f"{median} ({q1} to {q3})"


def rounded(value: float) -> float:
    """Five significant digits; no clock here is better."""
    return float(f"{value:.5g}")


def load(path: Path) -> Results:
    """What has been measured so far; nothing where there is no file.

    Raises:
        DigitbenchError: It is damaged.
    """
    return files.read(path, _sections, _REMEDY) if path.exists() else {}


def _sections(path: Path) -> Results:
    content: Results = json.loads(path.read_bytes())
    if unknown := set(content) - {*QUOTED, *SECTIONS}:
        raise ValueError(f"unknown: {unknown}")
    return content


def record(folder: Path, name: str, section: Mapping[str, Any]) -> None:
    """Put a freshly measured section beside those that are there; write numbers and tables.

    Raises:
        DigitbenchError: What is there is damaged; it stays as it is.
    """
    date = datetime.now(UTC).date().isoformat()
    stamp = {"date": date, "environment": fingerprint(), "git": git_state()}
    try:
        results = quoted({**load(folder / JSON), name: {**stamp, **section}})
        page = render(results)
    except (AttributeError, LookupError, TypeError, jinja2.UndefinedError) as error:
        raise DigitbenchError(f"{folder / JSON}: cannot be read ({error}). {_REMEDY}") from None
    files.write_json(folder / JSON, results)
    files.write_text(folder / MARKDOWN, page)


def quoted(results: Results) -> Results:
    """With the quoted figures of the sections that are there, medians on the CPU; in order."""
    found = dict(results)
    if section := results.get("throughput"):
        found["speedup_over_papers_loop"] = {
            name: contest["speedup_over"]["papers_loop"]["median"]
            for name, contest in section["devices"]["cpu"].items()
        }
    if section := results.get("peak"):
        found["fraction_of_peak"] = {
            name: shares[section["precision"]]["all_cores"]["fraction_of_peak"]["median"]
            for name, shares in section["devices"]["cpu"]["training"].items()
        }
    if section := results.get("pipeline"):
        found |= {key: section[key] for key in ("pipeline_seconds", "papers_loop_seconds")}
    return {key: found[key] for key in (*QUOTED, *SECTIONS) if key in found}


def render(results: Results) -> str:
    """All sections that are there, in Markdown."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"told": told, "points": points, "p_value": p_value}
    sections = dict.fromkeys(SECTIONS) | results
    page = environment.get_template(f"{MARKDOWN}.j2").render(results=sections, names=NAMES)
    return "\n\n".join(_aligned(block) for block in re.split(r"\n{2,}", page.strip())) + "\n"


def _aligned(block: str) -> str:
    if not block.startswith("|"):
        return block
    lines = [line.strip().strip("|").split("|") for line in block.splitlines()]
    return aligned_table([[cell.strip() for cell in line] for line in lines])
