"""The results of the main pipeline as a whole, as the report reads them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.results.clocks import LatencyRecord, TimingRecord
from digitbench.results.metrics import BY_KEY
from digitbench.results.plot_data import CLASSES, CURVES, GROWTH, OF_ONE, ROBUSTNESS, read_table
from digitbench.results.receipts import Receipt, read_receipts
from digitbench.results.records import (
    ComparisonRecord,
    DomainsRecord,
    ModelRecord,
    RobustnessRecord,
    TrainingRecord,
)
from digitbench.results.studies import SUMMARY, Row, read_rows
from digitbench.wording import in_common, listing, verified

if TYPE_CHECKING:
    from digitbench.params import Params

PUBLISHED = Path("studies/nguyen2026/published.yaml")


@dataclass(frozen=True)
class Results:
    """Everything the report says comes from here; by architecture in the order of params.yaml."""

    params: "Params"
    metrics: dict[str, ModelRecord]
    comparison: ComparisonRecord
    training: dict[str, TrainingRecord]
    timing: dict[str, TimingRecord]
    curves: dict[str, pd.DataFrame]
    class_counts: dict[str, list[int]]
    samples: bytes
    robustness: RobustnessRecord
    robustness_curves: pd.DataFrame
    domains: DomainsRecord
    latency: LatencyRecord
    growth: pd.DataFrame
    published: dict[str, Any]
    studies: list[Row]
    receipts: list[Receipt]  # of these very networks

    def table(self, kind: str, architecture: str) -> pd.DataFrame:
        """Plot data of one architecture: confusion, per_class, roc, reliability or coverage."""
        return read_table(files.EVALUATION / kind / f"{architecture}.csv", OF_ONE[kind])

    @property
    def ranking(self) -> list[str]:
        """Architectures from the highest mean test accuracy to the lowest."""
        return sorted(self.metrics, key=lambda name: -self.metrics[name].accuracy.mean)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of every architecture."""
        return next(iter(self.metrics.values())).seeds

    def trained(self, told: Callable[[TrainingRecord], str]) -> str:
        """What is told of every training: once where all agree, else of each by name."""
        return in_common({name: told(self.training[name]) for name in self.ranking})

    @property
    def images(self) -> int:
        """Test images."""
        return next(iter(self.metrics.values())).test.images

    @property
    def hardware(self) -> str:
        """On what was trained and timed."""
        clocks = [*self.timing.values(), self.latency]
        return listing(sorted({clock.hardware for clock in clocks}))

    @property
    def verified(self) -> str:
        """By how many receipts, on how many kinds of processor; empty where there is none."""
        return verified(
            [receipt.outcome for receipt in self.receipts],
            len({receipt.processor for receipt in self.receipts}),
        )

    @property
    def minutes(self) -> float:
        """Of training all networks."""
        return sum(clock.stage_seconds for clock in self.timing.values()) / 60

    def ranked(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows in the order of the ranking, by their column `architecture`."""
        places = {name: place for place, name in enumerate(self.ranking)}
        return table.sort_values("architecture", key=lambda names: names.map(places), kind="stable")


def load_results(params: "Params") -> Results:
    """Read all results of a finished pipeline.

    Raises:
        DigitbenchError: A file is missing or damaged, or made with other seeds than the others; the
            text names it.
    """
    comparison = ComparisonRecord.read(files.METRICS / "comparison.json")
    names = list(comparison.most_confused)
    metrics = {name: ModelRecord.read(files.METRICS / f"{name}.json") for name in names}
    _check_seeds(metrics)
    counts = read_table(files.CLASS_COUNTS, CLASSES)
    training = {name: TrainingRecord.read(files.TRAININGS / f"{name}.json") for name in names}
    results = Results(
        params=params,
        metrics=metrics,
        comparison=comparison,
        training=training,
        timing={name: TimingRecord.read(files.TIMING / f"{name}.json") for name in names},
        curves={name: read_table(files.CURVES / f"{name}.csv", CURVES) for name in names},
        class_counts={
            str(part): frame["images"].tolist()
            for part, frame in counts.groupby("part", sort=False)
        },
        samples=files.read_bytes(files.SAMPLES_FIGURE),
        robustness=RobustnessRecord.read(files.METRICS / "robustness.json"),
        robustness_curves=read_table(files.EVALUATION / "robustness.csv", ROBUSTNESS),
        domains=DomainsRecord.read(files.METRICS / "domains.json"),
        latency=LatencyRecord.read(files.TIMING / "evaluate.json"),
        growth=read_table(files.EVALUATION / "growth.csv", GROWTH),
        published=files.read(PUBLISHED, lambda path: yaml.safe_load(path.read_bytes())),
        studies=read_rows(SUMMARY),
        receipts=[item for item in read_receipts().values() if item.concerns(training)],
    )
    for path, problem in _contradictions(results):
        raise DigitbenchError(
            f"{path}: does not go with the results beside it ({problem}). Run `dvc repro --force`."
        )
    return results


def _contradictions(results: Results) -> Iterator[tuple[Path, str]]:
    """Files, each right by itself, that are not of the same networks, seeds and images."""
    names, seeds = set(results.metrics), set(results.seeds)
    for pair in results.comparison.pairs.values():
        if set(pair.seeds) != seeds:
            yield files.METRICS / "comparison.json", f"seeds of {pair.first} and {pair.second}"
    for name, record in results.metrics.items():
        if record.architecture != name or results.training[name].architecture != name:
            yield files.METRICS / f"{name}.json", "results of another network"
        if record.images_per_class != next(iter(results.metrics.values())).images_per_class:
            yield files.METRICS / f"{name}.json", "other test images"
        if lacking := set(BY_KEY) - record.metrics.keys():
            yield files.METRICS / f"{name}.json", f"no {listing(sorted(lacking))}"
        if (record.test.per_class or {}).keys() < {"precision", "recall", "f1"}:
            yield files.METRICS / f"{name}.json", "not every metric of single digits"
        if set(results.curves[name]["seed"]) != seeds:
            yield files.CURVES / f"{name}.csv", "other seeds"
        if set(results.timing[name].seconds_per_epoch.per_seed) != seeds:
            yield files.TIMING / f"{name}.json", "other seeds"
    corrupted = results.robustness
    kinds = {*corrupted.units, "mean"}
    if corrupted.accuracy.keys() != names:
        yield files.METRICS / "robustness.json", "other networks"
    for name, accuracy in corrupted.accuracy.items():
        if accuracy.keys() != kinds:
            yield files.METRICS / "robustness.json", f"{name} under other corruptions"
    for origin, domain in results.domains.domains.items():
        if any(accuracy.keys() != names for accuracy in domain.accuracy.values()):
            yield files.METRICS / "domains.json", f"{origin}: other networks"
    if results.latency.models.keys() != names:
        yield files.TIMING / "evaluate.json", "other networks"
    if set(results.growth["architecture"]) != names:
        yield files.EVALUATION / "growth.csv", "other networks"
    table = results.robustness_curves
    if set(table["architecture"]) != names or set(table["seed"]) != seeds:
        yield files.EVALUATION / "robustness.csv", "other networks or seeds"
    if set(table["corruption"]) != set(corrupted.units):
        yield files.EVALUATION / "robustness.csv", "other corruptions"
    counts = results.class_counts
    if counts.keys() != {"train", "validation", "test"} or {*map(len, counts.values())} != {10}:
        yield files.CLASS_COUNTS, "not ten digits of each part"


def _check_seeds(metrics: Mapping[str, ModelRecord]) -> None:
    (first, record), *others = metrics.items()
    for name, other in others:
        if other.seeds != record.seeds:
            raise DigitbenchError(
                f"{files.METRICS / name}.json: made with other seeds than {first}.json "
                f"({', '.join(map(str, record.seeds))}). Run `dvc repro evaluate`."
            )
