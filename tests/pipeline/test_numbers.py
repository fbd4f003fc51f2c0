"""Every printed interval and p, computed again in a few lines from the predictions."""

import json
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from .conftest import ROOT, Project

Ends = tuple[float, float, float, float]


def recomputed(first: np.ndarray, second: np.ndarray) -> Ends:
    """Difference, ends of its 95 % interval and p, from correctness [S, N]."""
    table = second.astype(float) - first
    seeds, images = table.shape
    ms_seed = images * table.mean(axis=1).var(ddof=1)
    ms_image = seeds * table.mean(axis=0).var(ddof=1)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    ms_rest = (rest**2).sum() / ((seeds - 1) * (images - 1))
    between = max(ms_seed, ms_rest)
    combined = between + max(ms_image - ms_rest, 0)
    known = (seeds - 1) * (1 if ms_seed >= ms_rest else 5)
    error, freedom = np.sqrt(combined / table.size), known * (combined / between) ** 2
    reach = stats.t.ppf(0.975, freedom) * error
    mean = table.mean()
    return mean, mean - reach, mean + reach, 2 * stats.t.sf(abs(mean) / error, freedom)


def points(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


@pytest.mark.parametrize("where", ["the committed results", "a small clone"])
def test_what_is_printed_of_a_pair_is_what_its_predictions_give(
    where: str, request: pytest.FixtureRequest
) -> None:
    root: Path = ROOT
    if where == "a small clone":
        project: Project = request.getfixturevalue("finished")
        root = project.root
    elif not list((ROOT / "data/predictions").glob("*.npz")):
        pytest.skip("no data/predictions in this clone; `dvc repro` makes them")
    correct = {}
    for path in sorted((root / "data/predictions").glob("*.npz")):
        with np.load(path) as arrays:
            correct[path.stem] = arrays["probabilities"].argmax(axis=2) == arrays["labels"]
    record = json.loads((root / "metrics/comparison.json").read_bytes())["pairs"]
    pairs = [
        (first, second) if f"{second}_minus_{first}" in record else (second, first)
        for first, second in combinations(correct, 2)
    ]
    found = {pair: recomputed(correct[pair[0]], correct[pair[1]]) for pair in pairs}
    adjusted = multipletests([p for *_, p in found.values()], method="holm")[1]
    lines = (root / "report/report.md").read_text(encoding="utf-8").splitlines()
    assert len(found) == len(record) > 2
    for ((first, second), (mean, low, high, p)), holm in zip(found.items(), adjusted, strict=True):
        pair = record[f"{second}_minus_{first}"]
        stated = [pair[key] for key in ("difference", "difference_low", "difference_high")]
        assert stated == pytest.approx([mean, low, high], abs=1e-12)
        assert [pair["p_value"], pair["p_value_holm"]] == pytest.approx([p, holm], abs=1e-12)
        if mean < 0:
            first, second, mean, low, high = second, first, -mean, -high, -low
        row = rf"\| {second.upper()} [−-] {first.upper()} \|.*"
        (line,) = (line for line in lines if re.match(row, line))
        assert f"| {points(mean)} " in line, line
        assert f"{points(low)} to {points(high)}" in line
        assert ("< 0.001" if holm < 0.001 else f"{holm:.3f}") in line
