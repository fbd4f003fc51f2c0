"""Every reader of a file or a variable: a valid input, how it is spoilt, what reads it.

And what must hold of what it lets in, written apart from what refuses it.
"""

import dataclasses
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from PIL import Image
from pydantic import BaseModel

import review_data
from bad_input import damage
from digitbench import processed
from digitbench.download import digits
from digitbench.download.folder import drop_in_folder
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import load_available, load_models, predict_all
from digitbench.execution import exchange
from digitbench.execution.audit import audited_share
from digitbench.execution.inventory import take_in
from digitbench.execution.keeper import Keeper, store_address
from digitbench.execution.store import Store, Trained
from digitbench.execution.workers import parallel_jobs
from digitbench.params import load_params, load_plan, load_study
from digitbench.predict.answers import gather
from digitbench.results import sheets
from digitbench.results.clocks import LatencyRecord, TimingRecord
from digitbench.results.receipts import read_receipts
from digitbench.results.record import Record
from digitbench.results.records import (
    ComparisonRecord,
    DomainShiftRecord,
    DomainsRecord,
    ModelRecord,
    RobustnessRecord,
    TrainingRecord,
)
from digitbench.results.studies import read_rows
from digitbench.studies.published import load_all
from digitbench.training.data import PixelStatistics
from digitbench.training.recipe import Plan
from receipt_data import receipt
from usps import usps_file

ROOT = Path(__file__).resolve().parents[2]
Files = Mapping[str, bytes]
IMAGES, SIDE = 40, 28


@dataclass(frozen=True)
class Door:
    """A reader of files.

    Attributes:
        files: Valid ones by path, made when they are asked for.
        read: In a folder that has them; whatever it gives is looked at by `sensible`.
        sensible: Fails where what was let in is none.
        spoilt: Beginnings of the paths that are spoilt; the others stay as they are.
        how: Other ways than those of the suffix.
        names: What a message may name in place of a file.
        weight: Of how many cases the usual number of cases is one, where reading takes long.
    """

    files: Callable[[], Files]
    read: Callable[[], Any]
    sensible: Callable[[Any], None]
    spoilt: tuple[str, ...] = ("",)
    how: Mapping[str, damage.Damaged] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    weight: int = 1

    def spoils(self) -> dict[str, SearchStrategy[bytes]]:
        """By path, how each of the files is spoilt."""
        return {
            path: self.how.get(path, _BY_SUFFIX.get(Path(path).suffix, damage.as_bytes))(content)
            for path, content in self.files().items()
            if path.startswith(self.spoilt)
        }


_BY_SUFFIX: dict[str, damage.Damaged] = {
    ".json": damage.as_json,
    ".yaml": damage.as_yaml,
    ".lock": damage.as_yaml,
    ".csv": damage.as_csv,
    ".npy": damage.as_npy,
    ".npz": damage.as_npz,
    ".safetensors": damage.as_safetensors,
    ".txt": damage.as_text,
}


@dataclass(frozen=True)
class Variable:
    """A variable of the environment."""

    name: str
    read: Callable[[], Any]
    sensible: Callable[[Any], None]
    values: SearchStrategy[str]


# --- what makes sense --------------------------------------------------------------------------


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


# --- valid files -------------------------------------------------------------------------------


def committed(*patterns: str) -> dict[str, bytes]:
    """Files of this repository by pattern."""
    paths = chain.from_iterable(sorted(ROOT.glob(pattern)) for pattern in patterns)
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}


def npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def npz(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def drawn() -> np.random.Generator:
    return np.random.default_rng(0)


def idx_files() -> dict[str, bytes]:
    images = drawn().integers(0, 256, (IMAGES, SIDE, SIDE)).astype(np.uint8)
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    parts = {"images-idx3": images, "labels-idx1": labels}
    return {
        f"data/raw/mnist/{part}-{name}-ubyte": digits.encode(array)
        for part in ("train", "t10k")
        for name, array in parts.items()
    }


def arrays() -> dict[str, bytes]:
    images = drawn().integers(0, 256, (IMAGES, SIDE, SIDE)).astype(np.uint8)
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    index = np.arange(IMAGES, dtype=np.int64)
    return {
        "data/processed/train/images.npy": npy(images),
        "data/processed/train/labels.npy": npy(labels),
        "data/processed/test/images.npy": npy(images),
        "data/processed/test/labels.npy": npy(labels),
        "data/processed/split/train.npy": npy(index[index % 4 > 0]),
        "data/processed/split/validation.npy": npy(index[index % 4 == 0]),
        "data/processed/split/statistics.json": b'{\n  "mean": 0.13,\n  "std": 0.31\n}\n',
    }


SMALL = b"mlp:\n  hidden: [4]\n  dropout_hidden: 0.0\n  dropout: 0.2\n"


@cache
def small_params() -> bytes:
    """The committed parameters with two seeds and a tiny MLP."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("\nmlp:")
    tail = rest[rest.index("\ncnn:") :]
    return (head.replace("- 2\n- 3\n", "") + "\n" + SMALL.decode() + tail).encode()


@cache
def weights() -> dict[str, bytes]:
    from digitbench.models.mlp import Params
    from digitbench.training.model import build_model, weights_to_bytes

    params = Params(hidden=(4,), dropout_hidden=0.0, dropout=0.2)
    return {
        f"models/mlp/seed-{seed}.safetensors": weights_to_bytes(build_model("mlp", params))
        for seed in (0, 1)
    }


def account() -> dict[str, bytes]:
    content = json.loads((ROOT / "metrics/training/mlp.json").read_bytes())
    content["network"] = {"hidden": [4], "dropout_hidden": 0.0, "dropout": 0.2}
    content["recipe"]["seeds"] = [0, 1]
    content["weights"] = {}
    return {"metrics/training/mlp.json": json.dumps(content).encode()}


def project() -> dict[str, bytes]:
    return {
        **arrays(),
        **weights(),
        **account(),
        "params.yaml": small_params(),
        "metrics/timing/mlp.json": (ROOT / "metrics/timing/mlp.json").read_bytes(),
    }


def only(files: Callable[[], Files], *names: str) -> Callable[[], Files]:
    return lambda: {path: files()[path] for path in names}


def study_files() -> dict[str, bytes]:
    return {
        f"studies/{name}": content
        for name, content in (
            *(
                (f"pavon2025/{part}", (ROOT / f"studies/pavon2025/{part}").read_bytes())
                for part in ("params.yaml", "published.yaml")
            ),
            ("literature.yaml", (ROOT / "studies/literature.yaml").read_bytes()),
        )
    }


def confusions() -> dict[str, bytes]:
    table = np.tile(np.eye(10, dtype=np.int64), (2, 1, 1))
    header = "seed,epoch,train_loss,train_accuracy,validation_loss,validation_accuracy\n"
    lines = [f"{seed},{epoch},0.5,0.9,0.4,1.0\n" for seed in (0, 1) for epoch in (1, 2)]
    return {
        "data/confusions/mlp.npz": npz(**{"seed-0": table, "seed-1": table}),
        "plots/curves/mlp.csv": (header + "".join(lines)).encode(),
    }


def predictions() -> dict[str, bytes]:
    record = review_data.named("mlp", review_data.record({0: 0.9, 1: 0.9}, images=IMAGES * 10))
    timing = TimingRecord.of(
        {0: [1.0], 1: [1.0]}, 2.0, replicates_at_once=1, keys={0: "a" * 64, 1: "b" * 64}
    )
    stack = np.full((2, IMAGES, 10), 0.1, np.float32)
    return {
        "metrics/mlp.json": json.dumps(record.content(), default=vars).encode(),
        "metrics/timing/mlp.json": json.dumps(timing.content(), default=vars).encode(),
        "data/predictions/mlp.npz": npz(
            seeds=np.array([0, 1]), labels=np.zeros(IMAGES, np.uint8), probabilities=stack
        ),
    }


def picture(kind: str) -> bytes:
    image = np.full((40, 40), 255, np.uint8)
    image[8:32, 18:23] = 20
    target = io.BytesIO()
    Image.fromarray(image).save(target, kind)
    return target.getvalue()


def everything() -> dict[str, bytes]:
    """What the report reads, as it is committed."""
    return committed(
        "params.yaml",
        "metrics/*.json",
        "metrics/t*/*.json",
        "plots/*/*.csv",
        "plots/*/*/*.csv",
        "plots/evaluate/examples/*.npz",
        "plots/preprocess/*",
        "studies/summary.csv",
        "studies/nguyen2026/published.yaml",
        "studies/domain_shift/metrics/*.json",
        "benchmarks/results.json",
        "README.md",
    )


def all_studies() -> dict[str, bytes]:
    return committed(
        "metrics/*.json",
        "metrics/timing/evaluate.json",
        "plots/evaluate/robustness.csv",
        "plots/preprocess/classes.csv",
        "studies/*/metrics/**/*.json",
        "studies/*/published.yaml",
        "studies/literature.yaml",
    )


# --- readers -----------------------------------------------------------------------------------


def reading(kind: type[Record], path: str) -> Callable[[], Any]:
    return lambda: kind.read(Path(path))


def record_door(kind: type[Record], path: str, sensible: Callable[[Any], None]) -> Door:
    """The record of a committed file."""
    return Door(lambda: committed(path), reading(kind, path), sensible)


def read_mnist() -> Any:
    return digits.load_mnist(Path("data/raw/mnist"))


def mnist_makes_sense(pairs: Any) -> None:
    for pair in pairs:
        images_make_sense(pair)


USPS = Path("usps")


def usps_files() -> dict[str, bytes]:
    return {
        "usps/zip.train.gz": usps_file([3, 0, 9]),
        "usps/zip.test.gz": usps_file([7, 1]),
    }


def read_usps() -> Any:
    """As if the files were those that are expected: the hashes of the originals stop all else."""
    from usps import spec

    specs = tuple(spec(file.name, (USPS / file.name).read_bytes()) for file in digits.FILES)
    with patch.object(digits, "FILES", specs):
        return digits.load_usps(USPS)


@st.composite
def spoilt_usps(draw: st.DrawFn, content: bytes) -> bytes:
    """Lines of the unpacked text."""
    import gzip

    lines = gzip.decompress(content).decode().splitlines()
    words = lines[0].split()
    how = draw(st.sampled_from(("word", "word", "fewer", "more", "none", "bytes", "whole")))
    if how == "whole":
        return draw(damage.cut_or_flipped(content))
    if how == "word":
        texts = (*map(str, damage.NUMBERS), "x", "1e999", "nan", "#", "0x1", "1_0", "١")
        words[draw(st.sampled_from((0, 1, -1)))] = draw(st.sampled_from(texts))
    elif how == "fewer":
        words = words[: draw(st.sampled_from((0, 1, 2, 256)))]
    elif how == "more":
        words.append("0.5")
    elif how == "none":
        lines, words = [], []
    text = "\n".join([" ".join(words), *lines[1:]]).encode()
    if how == "bytes":
        text = draw(st.one_of(damage.badly_encoded(text), damage.cut_or_flipped(text)))
    return gzip.compress(text, mtime=0)


def optical_files() -> dict[str, bytes]:
    images = drawn().integers(0, 256, (5, 8, 8)).astype(np.uint8)
    return {"domains/optical.npz": npz(images=images, labels=np.arange(5))}


def read_optical() -> Any:
    return digits.DOMAINS["optical"].load(Path("domains"))


def plan() -> Plan:
    return load_plan("mlp")


def read_models() -> Any:
    from digitbench.evaluation.predictions import as_trained

    trained = {"mlp": load_models(as_trained(plan()))}
    images = drawn().integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8)
    return predict_all(trained, images, PixelStatistics(0.13, 0.31), 2)


def read_available() -> Any:
    """As `digitbench predict` does."""
    available = load_available(load_params())
    images = drawn().integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8)
    return predict_all(available.models, images, processed.read_statistics(), 2)


def read_assessment() -> Any:
    from digitbench.studies.protocol import assess, load_confusions, load_validation_losses

    asked = plan()
    stack = np.full((2, 100, 10), 0.1, np.float32)
    labels = (np.arange(100) % 10).astype(np.uint8)
    losses = load_validation_losses(asked)
    return assess(asked, stack, labels, load_confusions(asked, losses), losses)


def read_predictions() -> Any:
    return exchange.export_rows(["mlp"])


def read_exported() -> Any:
    rows, _ = exchange.merge([exchange.read_rows(Path("table.csv"))])
    return exchange.to_csv(rows)


def exported() -> dict[str, bytes]:
    row = {
        "key": "a" * 64,
        "architecture": "mlp",
        "seed": "0",
        "predictions_sha256": "b" * 64,
        "accuracy": "0.9",
        "machine.hardware": "Abacus",
    }
    text = exchange.to_csv([row, row | {"seed": "1", "predictions_sha256": "c" * 64}])
    return {"table.csv": text.encode()}


FACTS = {"architecture": "mlp", "seed": 0}


@cache
def store_files() -> dict[str, bytes]:
    import tempfile

    from digitbench.execution.archive import pack
    from digitbench.execution.key import key_of
    from digitbench.training.replicates import Replicate
    from digitbench.training.trainer import Epoch

    with tempfile.TemporaryDirectory() as folder:
        epoch = Epoch(0, 1, 0.5, 0.8, 0.4, 0.9, (1,) * 100, seconds=1.0)
        content = weights()["models/mlp/seed-0.safetensors"]
        Store(folder).put(
            FACTS, Trained(Replicate(0, content, (epoch,)), {"hardware": "Abacus"}, 1)
        )
        key = key_of(dict(FACTS))
        entry = (Path(folder) / "finished" / key[:2] / f"{key}.zip").read_bytes()
    return {
        f"store/finished/{key[:2]}/{key}.zip": entry,
        "exported.zip": pack({f"{key}.zip": entry}),
    }


@st.composite
def resealed(draw: st.DrawFn, content: bytes) -> bytes:
    """A member changed and the checksums made anew, as another version might write it."""
    from digitbench.execution.archive import pack, unpack

    members = unpack(content)
    if draw(st.integers(0, 3)) == 0:
        return draw(damage.cut_or_flipped(content))
    name = draw(st.sampled_from(sorted(members)))
    if draw(st.integers(0, 5)) == 0:
        del members[name]
    elif name.endswith(".json"):
        members[name] = draw(damage.as_json(members[name]))
    else:
        members[name] = draw(damage.cut_or_flipped(members[name]))
    return pack(members)


def read_entry() -> Any:
    keeper = Keeper("store")
    (path,) = Path("store/finished").glob("*/*.zip")
    found = keeper.find(path.stem)
    if keeper.problems:
        # A sentence, and the replicate is trained again.
        raise DigitbenchError("\n".join(keeper.problems))
    assert found is not None
    # What `train` does with a kept one.
    return found.environment, found.at_once, found.seconds, found.replicate.history


def entry_makes_sense(found: Any) -> None:
    environment, at_once, seconds, history = found
    assert environment
    assert at_once >= 1
    assert seconds >= 0
    finite(history)
    for epoch in history:
        assert len(epoch.validation_confusion) == 100


def read_import() -> Any:
    return take_in(Store("memory://elsewhere"), Path("exported.zip"))


def read_document() -> str:
    """What the report and README say."""
    from matplotlib.figure import Figure

    from digitbench.document.markdown import render_markdown
    from digitbench.figures import style
    from digitbench.report.compose import compose
    from digitbench.report.readme import README, refreshed
    from digitbench.results.collection import load_results

    # How a figure is laid out and painted takes seconds; what it is made from is looked at before.
    def painted(figure: Any, target: Any, **_: Any) -> None:
        target.write(picture("PNG"))

    with patch.object(Figure, "savefig", painted), patch.object(style, "_settle", anything):
        results = load_results(load_params(networks=()))
        document = compose(results)
        readme = refreshed(README.read_text(encoding="utf-8"), results)
    return render_markdown(document) + readme[readme.index("results: generated") :]


def read_review() -> tuple[str, str]:
    """A review of the files against themselves as they are committed."""
    from digitbench.document.markdown import render_comment
    from digitbench.document.terminal import print_terminal
    from digitbench.review.quality import collect_changes, compare_quality
    from digitbench.review.revisions import Revision, read_margin, read_snapshot
    from digitbench.review.tell import compose

    names = ("params.yaml", "dvc.lock", "requirements.lock")
    paths = [*Path("metrics").glob("*.json"), *Path("metrics/timing").glob("*.json")]
    content = {path.as_posix(): path.read_bytes() for path in (*paths, *map(Path, names))}
    head = Revision("workspace", None, content)
    before, after = read_snapshot(Revision("main", "a" * 40, review_files())), read_snapshot(head)
    margin = read_margin(head)
    quality = compare_quality(before, after, (margin or 0.2) / 100)
    document = compose(before, after, quality, collect_changes(before, after))
    shown = io.StringIO()
    print_terminal(document, shown)
    return render_comment(document), shown.getvalue()


@cache
def review_files() -> dict[str, bytes]:
    return committed(
        "metrics/*.json", "metrics/timing/*.json", "params.yaml", "dvc.lock", "requirements.lock"
    )


def read_page() -> str:
    from digitbench.studies.ours import load_measured
    from digitbench.studies.page import studies_page
    from digitbench.studies.verdicts import all_rows

    studies = load_all(Path())
    measured = load_measured(Path(), studies)
    rows = all_rows(studies, measured)
    return studies_page(studies, rows, measured)


def read_benchmark() -> str:
    from digitbench.report.readme import benchmark_block, load_benchmark

    return benchmark_block(load_benchmark(), ["cnn", "lstm", "mlp", "rnn"])


def read_pictures() -> Any:
    inputs, problems = gather([Path("pictures")])
    if problems:
        raise DigitbenchError("\n".join(problems))
    return [given.pixels for given in inputs]


def field_makes_sense(fields: Any) -> None:
    for one in fields:
        assert one.shape == (28, 28)
        assert one.dtype == np.uint8
        assert one.max() > 0


def pictures() -> dict[str, bytes]:
    return {f"pictures/a.{kind.lower()}": picture(kind) for kind in ("PNG", "JPEG", "GIF", "TIFF")}


PROJECT = ("params.yaml", "metrics/", "models/", "data/")
DOORS: dict[str, Door] = {
    "params.yaml": Door(lambda: committed("params.yaml"), load_params, params_make_sense),
    "studies/*/params.yaml": Door(
        study_files,
        lambda: load_study(Path("studies/pavon2025/params.yaml")),
        study_makes_sense,
        ("studies/pavon2025/params.yaml",),
    ),
    "studies/*/published.yaml": Door(
        study_files,
        lambda: load_all(Path()),
        published_makes_sense,
        ("studies/pavon2025/published.yaml", "studies/literature.yaml"),
    ),
    "metrics/<network>.json": record_door(ModelRecord, "metrics/mlp.json", scores_make_sense),
    "a study's metrics": record_door(
        ModelRecord, "studies/pavon2025/metrics/cnn_10.json", scores_make_sense
    ),
    "metrics/comparison.json": record_door(
        ComparisonRecord, "metrics/comparison.json", comparison_makes_sense
    ),
    "metrics/robustness.json": record_door(
        RobustnessRecord, "metrics/robustness.json", robustness_makes_sense
    ),
    "the study robustness": record_door(
        RobustnessRecord, "studies/robustness/metrics/robustness.json", robustness_makes_sense
    ),
    "metrics/domains.json": record_door(DomainsRecord, "metrics/domains.json", domains_make_sense),
    "the study domain_shift": record_door(
        DomainShiftRecord,
        "studies/domain_shift/metrics/domain_shift.json",
        domain_shift_makes_sense,
    ),
    "metrics/training": record_door(
        TrainingRecord, "metrics/training/mlp.json", training_makes_sense
    ),
    "metrics/timing": record_door(TimingRecord, "metrics/timing/mlp.json", timing_makes_sense),
    "metrics/timing/evaluate.json": record_door(
        LatencyRecord, "metrics/timing/evaluate.json", latency_makes_sense
    ),
    "verifications/*.json": Door(
        lambda: {"verifications/a.json": json.dumps(receipt()).encode()},
        read_receipts,
        receipts_make_sense,
    ),
    "studies/summary.csv": Door(
        lambda: committed("studies/summary.csv"),
        lambda: read_rows(Path("studies/summary.csv")),
        rows_make_sense,
    ),
    "raw MNIST": Door(idx_files, read_mnist, mnist_makes_sense),
    "raw USPS": Door(
        usps_files,
        read_usps,
        foreign_digits_make_sense,
        how=dict.fromkeys(usps_files(), spoilt_usps),
    ),
    "raw optical digits": Door(optical_files, read_optical, foreign_digits_make_sense),
    "processed arrays": Door(
        arrays,
        processed.read_training_data,
        training_data_make_sense,
        ("data/processed/train", "data/processed/split/train", "data/processed/split/val"),
    ),
    "test images": Door(
        arrays,
        lambda: processed.read_images(Path("data/processed/test")),
        images_make_sense,
        ("data/processed/test",),
    ),
    "statistics.json": Door(
        arrays,
        processed.read_statistics,
        statistics_make_sense,
        ("data/processed/split/statistics.json",),
    ),
    "models": Door(project, read_models, probabilities_make_sense, ("models",)),
    "models of predict": Door(
        project, read_available, probabilities_make_sense, ("models", "data/processed/split/stat")
    ),
    "account of a training": Door(
        project, read_models, probabilities_make_sense, ("metrics/training",)
    ),
    "curves and confusions": Door(
        lambda: {**confusions(), "params.yaml": small_params()},
        read_assessment,
        scores_make_sense,
        ("data", "plots"),
    ),
    "data/predictions": Door(
        predictions, read_predictions, predictions_make_sense, ("data/predictions",)
    ),
    "exported results": Door(exported, read_exported, legible),
    "entries of the store": Door(
        only(store_files, next(iter(store_files()))),
        read_entry,
        entry_makes_sense,
        how=dict.fromkeys(store_files(), resealed),
        names=("kept in store",),
    ),
    "exported store": Door(
        only(store_files, "exported.zip"),
        read_import,
        anything,
        how={"exported.zip": resealed},
    ),
    "pictures": Door(pictures, read_pictures, field_makes_sense),
    "report and README": Door(
        everything,
        read_document,
        page_makes_sense,
        ("metrics", "plots", "studies", "params.yaml"),
        weight=20,
    ),
    "benchmarks/results.json": Door(
        lambda: committed("benchmarks/results.json"), read_benchmark, text_makes_sense
    ),
    "review": Door(
        review_files,
        read_review,
        review_makes_sense,
        weight=10,
        how={"requirements.lock": damage.as_text},
    ),
    "page of the studies": Door(all_studies, read_page, page_makes_sense, weight=10),
}
DOORS |= {
    f"digits shown: {name}": Door(
        partial(committed, f"{sheets.FOLDER}/{name}.npz"),
        partial(kind.read, name),
        sheet_makes_sense,
    )
    for name, kind in {
        "errors_mlp": sheets.Mistakes,
        "disagreements": sheets.Disagreements,
        "always_wrong": sheets.AlwaysWrong,
        "random": sheets.Sample,
        "corruptions": sheets.Corrupted,
    }.items()
}


def read_store() -> None:
    """As a training stage looks into it, where a place that can't be read is one sentence."""
    keeper = Keeper(store_address())
    found = keeper.find("a" * 64)
    assert found is None
    for problem in keeper.problems:
        assert len(problem) <= 2_000
        legible(problem)


SILLY = st.one_of(
    st.sampled_from(
        (
            *("-1", "0", "1", "2", "1.5", "nan", "inf", "1e999", "9" * 5_000, "true", "x", " "),
            *("\x1b[31mred", "a" * 100_000, "~nobody/x", "~", "../..", "/", "/dev/null", "a\nb"),
            *("://", "http://", "nosuch://x", "s3://", "tcp://", "tcp://x:y", "tcp://:0", "²", "١"),
            *("file:///x", "memory://x", "\udcff", "off", "OFF", "0x1", "1_000", "+1", "1e-320"),
        )
    ),
    st.text(st.characters(exclude_characters="\0"), max_size=30),
)
VARIABLES: tuple[Variable, ...] = (
    Variable("DIGITBENCH_JOBS", lambda: parallel_jobs(4, "cpu"), lambda n: between(1, n, 4), SILLY),
    Variable("DIGITBENCH_AUDIT", lambda: audited_share(0.0), lambda x: between(0, x, 1), SILLY),
    Variable("DIGITBENCH_DATA_DIR", drop_in_folder, anything, SILLY),
    Variable("DIGITBENCH_STORE", read_store, anything, SILLY),
)
