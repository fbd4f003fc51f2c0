"""Every reader of a file or a variable: a valid input, how it is spoilt, what reads it.

And what must hold of what it lets in, written apart from what refuses it.
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from architectures import RECIPE, SMALL
from bad_input import damage
from bad_input.sense import (
    anything,
    between,
    comparison_makes_sense,
    domain_shift_makes_sense,
    domains_make_sense,
    finite,
    foreign_digits_make_sense,
    images_make_sense,
    latency_makes_sense,
    legible,
    page_makes_sense,
    params_make_sense,
    predictions_make_sense,
    probabilities_make_sense,
    published_makes_sense,
    receipts_make_sense,
    review_makes_sense,
    robustness_makes_sense,
    rows_make_sense,
    scores_make_sense,
    sheet_makes_sense,
    statistics_make_sense,
    study_makes_sense,
    text_makes_sense,
    timing_makes_sense,
    training_data_make_sense,
    training_makes_sense,
)
from bad_input.valid import (
    IMAGES,
    SIDE,
    Files,
    all_studies,
    arrays,
    committed,
    confusions,
    drawn,
    everything,
    idx_files,
    npz,
    only,
    picture,
    predictions,
    project,
    small_params,
    study_files,
    weights,
)
from digitbench import processed
from digitbench.download import digits
from digitbench.download.folder import drop_in_folder
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import load_available, load_models, predict_all
from digitbench.execution import exchange
from digitbench.execution.archive import DamagedError
from digitbench.execution.arrays import pack_data
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
from digitbench.tracking.address import database_file, place, tracking_uri
from digitbench.tracking.recorder import patience
from digitbench.training.data import PixelStatistics, TrainingData
from digitbench.training.recipe import Plan
from digitbench.training.trainer import Epoch, Progress, start
from receipt_data import receipt
from usps import usps_file


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
KEY = "a" * 64


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
    elif ways := _BY_SUFFIX.get(Path(name).suffix):
        members[name] = draw(ways(members[name]))
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


def begun() -> Progress:
    return start("mlp", SMALL["mlp"], RECIPE, 0)


@cache
def unfinished_files() -> dict[str, bytes]:
    import tempfile

    progress = begun()
    loss = progress.model(torch.zeros(2, 28, 28)).sum()
    loss.backward()
    progress.optimiser.step()
    progress.history.append(Epoch(0, 1, 0.5, 0.8, 0.4, 0.9, (1,) * 100, seconds=1.0))
    with tempfile.TemporaryDirectory() as folder:
        Store(folder).save(KEY, progress)
        (path,) = Path(folder).glob("unfinished/*/*.zip")
        return {f"store/unfinished/{path.parent.name}/{path.name}": path.read_bytes()}


def read_unfinished() -> Progress:
    """As a training does that goes on: what is damaged costs a sentence, and only that."""
    keeper = Keeper("store")
    progress = keeper.resume(KEY, begun)
    if keeper.problems:
        assert not keeper.lost
        assert not progress.history
        raise DigitbenchError("\n".join(keeper.problems))
    return progress


def progress_makes_sense(progress: Progress) -> None:
    finite(progress.history)
    assert all(epoch.validation_loss >= 0 for epoch in progress.history)
    for state in progress.optimiser.state.values():
        assert state
    for parameter in progress.model.parameters():
        assert parameter.dtype == torch.float32
        assert torch.isfinite(parameter).all()


@cache
def data_files() -> dict[str, bytes]:
    content = pack_data(learned_from())
    sha256 = learned_from().sha256
    return {f"store/data/{sha256[:2]}/{sha256}.zip": content}


def learned_from() -> TrainingData:
    images = drawn().integers(0, 256, (IMAGES, SIDE, SIDE)).astype(np.uint8)
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    index = np.arange(IMAGES)
    scale = PixelStatistics(0.13, 0.31)
    return TrainingData(index[index % 4 > 0], index[index % 4 == 0], scale, images, labels)


def read_data() -> TrainingData:
    """As a worker of a cluster does, and the one that puts them there."""
    try:
        found = Store("store").get_data(learned_from().sha256)
    except DamagedError as error:
        raise DigitbenchError(f"the data in its store are damaged ({error})") from None
    assert found is not None
    return found


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
    "unfinished replicates": Door(
        unfinished_files,
        read_unfinished,
        progress_makes_sense,
        how=dict.fromkeys(unfinished_files(), resealed),
        names=("kept in store",),
    ),
    "data of the store": Door(
        data_files,
        read_data,
        training_data_make_sense,
        how=dict.fromkeys(data_files(), resealed),
        names=("its store",),
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
        weight=10,
    ),
    "benchmarks/results.json": Door(
        lambda: committed("benchmarks/results.json"), read_benchmark, text_makes_sense
    ),
    "review": Door(
        review_files,
        read_review,
        review_makes_sense,
        weight=5,
        how={"requirements.lock": damage.as_text},
    ),
    "page of the studies": Door(all_studies, read_page, page_makes_sense, weight=5),
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


def read_address() -> tuple[str, str, Path | None]:
    address = tracking_uri()
    return address, place(), database_file(address)


def address_makes_sense(found: tuple[str, str, Path | None]) -> None:
    address, told, file = found
    assert address
    assert len(told) <= 2_000
    legible(told)
    assert file is None or file.is_absolute()


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
ADDRESSES = st.one_of(
    SILLY,
    st.tuples(
        st.sampled_from(("sqlite:", "sqlite:///", "sqlite+x:///", "file:", "file://", "http://")),
        SILLY,
    ).map("".join),
)
VARIABLES: tuple[Variable, ...] = (
    Variable("DIGITBENCH_JOBS", lambda: parallel_jobs(4, "cpu"), lambda n: between(1, n, 4), SILLY),
    Variable("DIGITBENCH_AUDIT", lambda: audited_share(0.0), lambda x: between(0, x, 1), SILLY),
    Variable("DIGITBENCH_DATA_DIR", drop_in_folder, anything, SILLY),
    Variable("DIGITBENCH_STORE", read_store, anything, SILLY),
    Variable("DIGITBENCH_MLFLOW_SECONDS", patience, lambda x: between(0, x, 3_600), SILLY),
    Variable("MLFLOW_TRACKING_URI", read_address, address_makes_sense, ADDRESSES),
)
