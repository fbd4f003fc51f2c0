"""Records: what is committed reads, comes back as it was, and says what is wrong with it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES
from digitbench.results.clocks import LatencyRecord, TimingRecord
from digitbench.results.metrics import METRICS, shown
from digitbench.results.record import Record
from digitbench.results.records import (
    ComparisonRecord,
    DomainShiftRecord,
    DomainsRecord,
    ModelRecord,
    RobustnessRecord,
    SummaryRecord,
    TrainingRecord,
)
from digitbench.statistics.summary import Summary, summarise

ROOT = Path(__file__).resolve().parents[2]
NAMED: dict[str, type[Record]] = {
    "comparison": ComparisonRecord,
    "robustness": RobustnessRecord,
    "domains": DomainsRecord,
    "domain_shift": DomainShiftRecord,
}


def kind_of(path: Path) -> type[Record]:
    if path.parent.name == "training":
        return TrainingRecord
    if path.parent.name == "timing":
        return LatencyRecord if path.stem == "evaluate" else TimingRecord
    return NAMED.get(path.stem, ModelRecord)


COMMITTED = [
    path
    for folder in ("metrics", "metrics/training", "metrics/timing")
    for pattern in (folder, f"studies/*/{folder}")
    for path in sorted(ROOT.glob(f"{pattern}/*.json"))
]


def leaves(value: Any) -> Iterator[float | str | None]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    else:
        yield value


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_committed_comes_back_with_every_number(path: Path, tmp_path: Path) -> None:
    record = kind_of(path).read(path)
    record.write(tmp_path / "a.json")
    again = kind_of(path).read(tmp_path / "a.json")
    again.write(tmp_path / "b.json")
    assert again == record
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    before, after = (json.loads(file.read_bytes()) for file in (path, tmp_path / "a.json"))
    assert after["schema"] == kind_of(path).SCHEMA
    before.pop("schema", None)
    assert Counter(map(repr, leaves(before))) <= Counter(map(repr, leaves(after)))


def test_the_committed_headlines_are_those_of_the_records() -> None:
    for name in ARCHITECTURES:
        headline = SummaryRecord.of(ModelRecord.read(ROOT / f"metrics/{name}.json"))
        text = (ROOT / f"metrics/summary/{name}.json").read_text(encoding="utf-8")
        assert json.dumps(headline.model_dump(), indent=2) + "\n" == text


# --- the schema before -----------------------------------------------------------------------

OVER_SEEDS = {
    "mean": 0.75,
    "std": 0.0,
    "ci95_low": 0.75,
    "ci95_high": 0.75,
    "per_seed": {"3": 0.75, "1": 0.75},
}
COUNTS = [[3, 1], [1, 3]]
OLD: dict[str, Any] = {
    "schema": 1,
    "architecture": "mlp",
    "parameters": 12,
    "macs": 34,
    "bytes": 56,
    "accuracy": OVER_SEEDS,
    "confusion": {"counts": COUNTS, "rates": [[0.75, 0.25], [0.25, 0.75]]},
}


def parse(content: Any) -> ModelRecord:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ModelRecord.parse(text, "metrics/mlp.json in main")


def test_flat_metrics_of_the_main_pipeline_move_to_the_test_set() -> None:
    record = parse(OLD)
    assert record.accuracy == Summary(0.75, 0.0, 0.75, 0.75, {3: 0.75, 1: 0.75})
    assert list(record.metrics) == ["accuracy"], "a later metric may be absent"
    assert (record.seeds, record.test.images, record.images_per_class) == ((3, 1), 4, (2, 2))
    assert (record.parameters, record.macs, record.bytes, record.layers) == (12, 34, 56, ())
    assert parse(record.content()) == record


def test_a_study_has_the_same_shape_with_counts_per_seed() -> None:
    part = {
        "images": 8,
        "metrics": {"accuracy": OVER_SEEDS},
        "confusion": {"3": COUNTS, "1": COUNTS},
    }
    study = {"architecture": "mlp", "parameters": 12, "seeds": [3, 1], "protocols": {"test": part}}
    record = parse(study)
    assert record.test.confusion.total == [[6, 2], [2, 6]]
    assert record.accuracy == parse(OLD).accuracy
    assert "macs" not in record.content(), "what was not measured is not written"


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b'{"schema": 1', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        ([OLD], "no keys with values"),
        ({"schema": 1}, "not as schema 1 has it: 'accuracy'"),
        (OLD | {"accuracy": 0.9}, "not as schema 1 has it"),
        (OLD | {"accuracy": OVER_SEEDS | {"mean": "high"}}, "accuracy.mean: .*number"),
        (OLD | {"accuracy": OVER_SEEDS | {"mean": float("nan")}}, "accuracy.mean: .*finite"),
        (OLD | {"confusion": {"counts": [[0, 0]], "rates": [[0.0, 0.0]]}}, "test.images: "),
        (OLD | {"parameters": 1.5}, "parameters: "),
        (parse(OLD).content() | {"surprise": 1}, "surprise: Extra inputs"),
        (parse(OLD).content() | {"protocols": {}}, "no accuracy on the test set"),
    ],
)
def test_a_damaged_record_is_named_with_its_revision(content: Any, message: str) -> None:
    with pytest.raises(
        DigitbenchError, match=rf"^metrics/mlp\.json in main: damaged \(.*{message}.*dvc repro"
    ):
        parse(content)


@pytest.mark.parametrize("schema", [0, 3, "2", None])
def test_an_unknown_schema_is_refused(schema: Any) -> None:
    with pytest.raises(DigitbenchError, match=rf"in main has schema {schema}; .* reads 1 and 2"):
        parse(OLD | {"schema": schema})


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DigitbenchError, match=r"none\.json: cannot be read .*dvc repro"):
        ModelRecord.read(tmp_path / "none.json")


# --- metrics -----------------------------------------------------------------------------------


def test_a_metric_has_one_row_with_one_name_per_place() -> None:
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert len({metric.title for metric in METRICS}) == len(METRICS)
    for place in ("comparison", "probabilities", "readme", "review"):
        labels = [metric.label for metric in shown(place)]
        assert len(set(labels)) == len(labels) > 0
    accuracy, *_, errors, _ = shown("comparison")
    summary = summarise({0: 0.98688, 1: 0.98852})
    assert accuracy.mean_and_interval(summary) == "98.77 (97.73 to 99.81)"
    assert errors.mean_and_interval(Summary(104.25, None, None, None, {0: 104.25})) == "104.3"
