"""What must hold of what a reader lets in, written apart from what refuses it."""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from digitbench.results import sheets
from digitbench.results.clocks import LatencyRecord, TimingRecord
from digitbench.results.records import (
    ComparisonRecord,
    DomainShiftRecord,
    DomainsRecord,
    ModelRecord,
    RobustnessRecord,
    TrainingRecord,
)
from digitbench.training.data import PixelStatistics


def leaves(value: Any) -> Iterable[Any]:
    """Every plain value within records, dataclasses, mappings and sequences."""
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, Mapping):
        return chain.from_iterable(map(leaves, chain(value.keys(), value.values())))
    if isinstance(value, list | tuple | set):
        return chain.from_iterable(map(leaves, value))
    return [value]


def finite(value: Any) -> None:
    for leaf in leaves(value):
        assert not isinstance(leaf, float) or math.isfinite(leaf), leaf


def between(low: float, value: float | None, high: float) -> None:
    assert value is None or low <= value <= high, value


def summary_makes_sense(summary: Any, highest: float = 1.0) -> None:
    assert summary.per_seed
    assert all(seed >= 0 for seed in summary.per_seed)
    for value in (summary.mean, *summary.per_seed.values()):
        between(0, value, highest)
    if summary.ci95_low is not None:
        assert summary.ci95_low <= summary.mean <= summary.ci95_high
    between(0, summary.std, highest)


def scores_make_sense(record: ModelRecord) -> None:
    finite(record)
    assert len(set(record.seeds)) == len(record.seeds) >= 1
    assert all(0 <= seed < 2**32 for seed in record.seeds)
    for part in record.protocols.values():
        assert 0 < part.images <= 10**7
        for key, summary in part.metrics.items():
            summary_makes_sense(summary, math.inf if key in ("nll", "errors") else 1e6)
        for of_digit in (part.per_class or {}).values():
            for digit, summary in of_digit.items():
                between(0, digit, 9)
                summary_makes_sense(summary)
        assert all(cell >= 0 for row in part.confusion.total for cell in row)
        for row in part.confusion.rates or ():
            for rate in row:
                between(0, rate, 1)
    between(0, record.test.metrics["accuracy"].mean, 1)
    if record.epochs is not None:
        assert record.epochs.run.keys() == record.epochs.kept.keys() == set(record.seeds)
        for seed, kept in record.epochs.kept.items():
            between(1, kept, record.epochs.run[seed])


def comparison_makes_sense(record: ComparisonRecord) -> None:
    finite(record)
    for key, pair in record.pairs.items():
        assert key == f"{pair.second}_minus_{pair.first}"
        assert pair.difference_low <= pair.difference <= pair.difference_high
        between(-1, pair.difference, 1)
        for p in (pair.p_value, pair.p_value_holm, *(test.p_value for test in pair.mcnemar)):
            between(0, p, 1)
        assert pair.p_value_holm >= pair.p_value
        assert all(test.n10 >= 0 and test.n01 >= 0 for test in pair.mcnemar)
        between(0, pair.standard_error, math.inf)
        between(0, pair.seed_variance, math.inf)
    for confused in chain.from_iterable(record.most_confused.values()):
        between(0, confused.first, 9)
        between(0, confused.second, 9)
        assert confused.count >= 0
        between(0, confused.rate_first_as_second, 1)
        between(0, confused.rate_second_as_first, 1)


def estimate_makes_sense(estimate: Any) -> None:
    between(-2, estimate.value, 2)
    between(0, estimate.p_value, 1)
    if estimate.ci95_low is not None:
        assert estimate.ci95_low <= estimate.value <= estimate.ci95_high


def robustness_makes_sense(record: RobustnessRecord) -> None:
    finite(record)
    assert record.images > 0
    for by_kind in record.accuracy.values():
        for summary in by_kind.values():
            summary_makes_sense(summary)
    for effect in chain.from_iterable((record.effects or {}).values()):
        estimate_makes_sense(effect.estimate)


def domains_make_sense(record: DomainsRecord) -> None:
    finite(record)
    for domain in record.domains.values():
        assert domain.images > 0
        for by_name in domain.accuracy.values():
            for summary in by_name.values():
                summary_makes_sense(summary)


def domain_shift_makes_sense(record: DomainShiftRecord) -> None:
    finite(record)
    for domain in record.domains.values():
        assert domain.images > 0
        for cell in domain.cells:
            summary_makes_sense(cell.accuracy)
        for effect in domain.effects:
            estimate_makes_sense(effect.estimate)
        for gap in domain.gaps:
            for estimate in (gap.gap, *gap.parts.values()):
                estimate_makes_sense(estimate)


def training_makes_sense(record: TrainingRecord) -> None:
    finite(record)
    recipe = record.recipe
    assert len(set(recipe.seeds)) == len(recipe.seeds) >= 1
    assert all(0 <= seed < 2**32 for seed in recipe.seeds)
    assert recipe.epochs >= 1
    assert recipe.batch_size >= 1
    assert recipe.learning_rate > 0
    between(0, recipe.augmentation.shift, 1)
    between(0, recipe.augmentation.zoom, 1)
    between(0, recipe.augmentation.rotation, 180)
    assert record.data.train_images > 0
    assert record.data.validation_images > 0
    assert set(record.weights) <= set(recipe.seeds)


def timing_makes_sense(record: TimingRecord) -> None:
    finite(record)
    for seconds in (record.stage_seconds, *record.seconds_per_epoch.per_seed.values()):
        assert 0 <= seconds <= 1e12
    assert record.replicates_at_once >= 1


def latency_makes_sense(record: LatencyRecord) -> None:
    finite(record)
    for model in record.models.values():
        for quartiles in (model.milliseconds_per_image, model.images_per_second):
            assert 0 <= quartiles.q1 <= quartiles.median <= quartiles.q3
        for number in (model.single_images, model.images, model.batch_size, model.passes):
            assert number >= 1


def params_make_sense(params: Any) -> None:
    finite(params)
    assert 1 <= params.epochs <= 1_000
    assert 0 < params.learning_rate <= 1
    assert len(set(params.seeds)) == len(params.seeds) >= 1
    between(0.01, params.validation_share, 0.9)
    assert 0 < params.margin <= 100
    assert params.report.title.isprintable()
    assert params.report.title.strip()


def study_makes_sense(params: Any) -> None:
    finite(params)
    for name, variant in params.variants.items():
        assert name
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-"), name
        assert len(name) <= 100
        assert 0 < variant.learning_rate <= 1


def published_makes_sense(studies: Mapping[str, Any]) -> None:
    finite(studies)
    for study in studies.values():
        for number in (*study.results, *study.other):
            assert number.exact.is_finite()
            low, high = number.rounding
            assert low <= high
        for leaf in leaves(study):
            assert not isinstance(leaf, str) or leaf.isprintable(), leaf


def rows_make_sense(rows: Any) -> None:
    finite(rows)
    assert rows
    for row in rows:
        for low, high in ((row.ours_low, row.ours_high), (row.run_low, row.run_high)):
            assert (low is None) == (high is None)
            assert low is None or low <= high
        if row.ours_low is not None:
            assert row.ours_low <= row.ours_mean <= row.ours_high
        # What is told of it can be told.
        assert all((row.label, row.theirs, row.ours, row.one_run, row.on_test))


def receipts_make_sense(receipts: Mapping[Path, Any]) -> None:
    for item in receipts.values():
        assert item.subset.replicates <= item.subset.of
        assert item.subset.replicates >= 1
        for leaf in leaves(item):
            assert not isinstance(leaf, str) or leaf.isprintable(), leaf


def images_make_sense(pair: Any) -> None:
    images, labels = pair
    assert images.dtype == labels.dtype == np.uint8
    assert images.shape == (len(labels), 28, 28)
    assert len(labels)
    assert labels.max() <= 9


def foreign_digits_make_sense(pair: Any) -> None:
    images, labels = pair
    assert images.dtype == np.uint8
    assert images.ndim == 3
    assert len(images) == len(labels) > 0
    assert min(images.shape) > 0
    assert labels.ndim == 1
    assert labels.dtype.kind in "iu"
    assert 0 <= labels.min() <= labels.max() <= 9


def statistics_make_sense(statistics: PixelStatistics) -> None:
    between(0, statistics.mean, 1)
    assert 0 < statistics.std <= 1


def training_data_make_sense(data: Any) -> None:
    images_make_sense((data.images, data.labels))
    statistics_make_sense(data.statistics)
    both = np.concatenate([data.train_index, data.validation_index])
    assert both.dtype == np.int64
    assert len(data.train_index) > 0
    assert len(data.validation_index) > 0
    assert sorted(both.tolist()) == list(range(len(data.labels)))


def predictions_make_sense(rows: Any) -> None:
    assert {row["seed"] for row in rows} == {"0", "1"}
    assert all(len(row["predictions_sha256"]) == 64 for row in rows)


def probabilities_make_sense(stacks: Mapping[str, Any]) -> None:
    for stack in stacks.values():
        assert stack.dtype == np.float32
        assert np.isfinite(stack).all()
        assert np.allclose(stack.sum(axis=2), 1, atol=1e-3)


def legible(text: str) -> None:
    """Nothing that steers a terminal."""
    for letter in "\x1b\x00\x07\u202e":
        assert letter not in text, repr(letter)


def text_makes_sense(text: str) -> None:
    """Legible, and without nonsense numbers."""
    legible(text)
    assert not re.search(r"(?<![\w.])(nan|[-−]?inf|infinity)(?![\w.])", text.lower())


def page_makes_sense(page: str) -> None:
    """Markdown that nobody from outside wrote a part of; what stands in code is shown as it is."""
    text_makes_sense(page)
    outside = re.sub(r"(`+).*?(?<!`)\1(?!`)", "", page.replace(r"\`", ""), flags=re.DOTALL).lower()
    for mark in ("<script", "![x](", "\n# heading", "@somebody"):
        assert mark not in outside, mark


def review_makes_sense(forms: tuple[str, str]) -> None:
    comment, terminal = forms
    page_makes_sense(comment)
    text_makes_sense(terminal)


def sheet_makes_sense(sheet: sheets.Sheet) -> None:
    count = len(sheet.images)
    assert sheet.images.shape == (count, 28, 28)
    for name, array in vars(sheet).items():
        assert array.dtype.kind in "iufbU"
        if name in ("labels", "answers"):
            assert array.shape[-1] == count
            assert np.isin(array, range(10)).all()
        if array.dtype.kind == "f":
            assert np.isfinite(array).all()


def anything(_: Any) -> None:
    """Reading it at all is what is looked at."""
