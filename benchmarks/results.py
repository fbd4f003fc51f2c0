"""benchmarks/results.json: one key per section, and on top what people quote."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.sections import SECTIONS
from benchmarks.table import render
from digitbench.environment import fingerprint, git_state
from digitbench.errors import DigitbenchError
from digitbench.files import write_json, write_text

JSON = "results.json"
MARKDOWN = "results.md"


def record(folder: Path, name: str, section: Mapping[str, Any]) -> None:
    """Put a freshly measured section beside those that are there; write numbers and tables.

    Raises:
        DigitbenchError: What is there can't be read.
    """
    stamped = {
        "date": datetime.now(UTC).date().isoformat(),
        "environment": fingerprint(),
        "git": git_state(),
        **section,
    }
    results = merged(_read(folder / JSON), name, stamped)
    write_json(folder / JSON, results)
    write_text(folder / MARKDOWN, render(results))


def merged(results: Mapping[str, Any], name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """Results with one section replaced and the headline made anew, in a fixed order of keys."""
    found = {**results, name: section}
    sections = {key: found[key] for key in SECTIONS if key in found}
    return {**headline(sections), **sections}


def headline(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The quoted figures of the sections that are there; medians, on the CPU."""
    figures: dict[str, Any] = {}
    if "throughput" in sections:
        figures["speedup_over_papers_loop"] = {
            name: contest["speedup_over"]["papers_loop"]["median"]
            for name, contest in sections["throughput"]["devices"]["cpu"].items()
        }
    if "peak" in sections:
        precision = sections["peak"]["precision"]
        figures["fraction_of_peak"] = {
            name: shares[precision]["all_cores"]["fraction_of_peak"]["median"]
            for name, shares in sections["peak"]["devices"]["cpu"]["training"].items()
        }
    if "pipeline" in sections:
        for key in ("pipeline_seconds", "papers_loop_seconds"):
            figures[key] = sections["pipeline"][key]
    return figures


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DigitbenchError(
            f"{path}: cannot be read ({error}). Delete it and measure again."
        ) from None
    return content
