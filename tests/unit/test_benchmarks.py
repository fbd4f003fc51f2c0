"""What the benchmark computes; never how long anything takes."""

import json
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import psutil
import pytest
import torch
from torch.utils.data import DataLoader

import architectures
from benchmarks import __main__ as command
from benchmarks import (
    arithmetic,
    clone,
    cluster,
    contestants,
    ours,
    pipeline,
    results,
    scale,
    scaling,
    throughput,
    workers,
)
from benchmarks.ours import Speed, cut, recipe
from benchmarks.schedule import Overhead, at_once, in_turn, makespan
from digitbench.errors import DigitbenchError
from digitbench.execution.store import FINISHED, FOLDER
from digitbench.execution.workers import JOBS_VARIABLE, run_replicates
from digitbench.params import ARCHITECTURES, Params, load_params
from digitbench.results.clocks import TimingRecord
from digitbench.training import recipe as recipe_module
from digitbench.training.data import TrainingData
from digitbench.training.model import build_model, load_weights
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch, Recipe, start
from imports import ROOT, closure


@pytest.fixture(autouse=True)
def params(monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(ROOT)
    return load_params()


@pytest.fixture
def as_mnist(small_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small digits in place of MNIST."""
    own = ("arithmetic", "cluster", "contestants", "ours", "throughput", "scaling", "precision")
    for name in own:
        monkeypatch.setattr(f"benchmarks.{name}.load_training_data", lambda: small_data)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands still but for what is added."""
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    for module in (contestants, ours, throughput):
        monkeypatch.setattr(module, "time", clock)
    return clock


# --- counted operations ----------------------------------------------------------------------

# Multiply-accumulates of one image that backward saves of its double: the gradient with respect to
# the pixels, and to a recurrent network's state before the first row.
SAVED = {
    "mlp": 784 * 256,
    "cnn": 28 * 28 * 9 * 32,
    "rnn": 28 * 28 * 128 + 128 * 128,
    "lstm": 4 * (28 * 28 * 128 + 128 * 128),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_operations_of_training_are_those_of_a_hand_count(architecture: str) -> None:
    forward = architectures.MACS[architecture](28)
    assert throughput.training_flop(architecture) == 2 * (3 * forward - SAVED[architecture])


# --- contestants -----------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_papers_loop_computes_what_ours_does(
    architecture: str, params: Params, small_data: TrainingData, tmp_path: Path
) -> None:
    """The same weights after three updates from all images: no order of batches to agree on."""
    section = params.network(architecture)
    rates = {name: 0.0 for name in type(section).model_fields if name.startswith("dropout")}
    section, data = section.model_copy(update=rates), cut(small_data, 120)
    settings = recipe(epochs=3, batch_size=120, precision="float32", seeds=(5,))
    job = Job("", architecture, architecture, section, settings, data)
    (replicate,) = run_replicates(job, 1, lambda epoch: None)
    trained = load_weights(architecture, section, replicate.weights, "test").state_dict()

    model = start(architecture, section, settings, seed=5).model
    model = model.to(memory_format=torch.contiguous_format)
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    chosen = data.train_index
    digits = contestants.Digits(data.images[chosen], data.labels[chosen], data.statistics)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    batches = DataLoader(digits, 120, shuffle=True)
    losses = [contestants.papers_epoch(model, optimiser, batches, "cpu") for _ in range(3)]
    assert losses == pytest.approx([e.train_loss for e in replicate.history], rel=1e-4)
    for name, tensor in model.state_dict().items():
        moved = (trained[name] - initial[name]).norm()
        assert moved > 0
        assert (tensor - trained[name]).norm() < 0.01 * moved, name


def test_the_papers_setting_is_that_of_torch_by_default(as_mnist: None, params: Params) -> None:
    torch.manual_seed(0)
    model, optimiser, loader = contestants.papers_setting("cnn", 300, "cpu", 2)
    torch.manual_seed(0)
    same = build_model("cnn", params.network("cnn"))
    for own, theirs in zip(same.parameters(), model.parameters(), strict=True):
        assert theirs.is_contiguous()
        assert torch.equal(own, theirs)
    assert (loader.num_workers, loader.batch_size) == (contestants.LOOP_WORKERS, 64)
    assert isinstance(loader.sampler, torch.utils.data.RandomSampler)
    assert type(optimiser) is torch.optim.Adam
    assert (optimiser.defaults["fused"], optimiser.defaults["foreach"]) == (None, None)
    assert optimiser.defaults["lr"] == 1e-3


def test_speed_of_the_loop_leaves_the_warm_up_out(
    as_mnist: None, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def learn(model: Any, optimiser: Any, batches: Any, device: str) -> None:
        for images, _ in batches:
            # The first batch takes ten seconds, the others one millisecond per image.
            clock.now += 1e-3 * len(images) if sizes else 10
            sizes.append(len(images))

    monkeypatch.setattr(contestants, "papers_epoch", learn)
    speed = contestants.papers_speed("mlp", 300, "cpu", workers=0, warm_up_batches=2)
    assert speed == pytest.approx(1_000)
    assert sizes == [64, 64, 64, 64, 44], "a whole epoch, once"
    sizes.clear()
    speed = contestants.papers_speed("mlp", 300, "cpu", workers=0)
    assert speed == pytest.approx(300 / (10 + 1e-3 * (300 - 64)))


def test_scikit_learns_perceptron_has_the_same_sizes_and_learns_for_one_epoch(
    as_mnist: None, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, tuple[int, ...], float]] = []

    class Spy(contestants.MLPClassifier):  # type: ignore[misc]
        def fit(self, pixels: Any, labels: Any) -> None:
            super().fit(pixels, labels)
            clock.now += 0.5
            assert (self.solver, self.alpha, self.learning_rate_init) == ("adam", 0, 1e-3)
            count = sum(w.size for w in [*self.coefs_, *self.intercepts_])
            seen.append((count, pixels.shape, self.n_iter_))

    monkeypatch.setattr(contestants, "MLPClassifier", Spy)
    assert contestants.perceptron_speed(400) == pytest.approx(800)
    assert seen[-1] == (235_146, (400, 784), 1)
    assert len(seen) == 2, "a fit for warm-up first"


def test_speed_counts_epochs_but_the_first_and_replicates_at_once(
    clock: SimpleNamespace, small_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {3: (9.0, 1.0, 2.0), 4: (9.0, 4.0, 5.0)}

    def run(job: Job, jobs: int, on_epoch: Any, store: str) -> list[Replicate]:
        clock.now += 24
        assert (job.data, jobs, job.recipe.seeds) == (data, 2, (3, 4))
        return [
            Replicate(seed, b"", tuple(Epoch(seed, 1, 0, 0, 0, 0, (), took) for took in each))
            for seed, each in seconds.items()
        ]

    data = cut(small_data, 120)
    monkeypatch.setattr(ours, "run_replicates", run)
    speed = ours.replicate_speed("mlp", recipe(epochs=3, seeds=(3, 4)), data, jobs=2)
    # Epochs of 1, 2, 4 and 5 s: 120, 60, 30 and 24 images per second, two at once.
    assert speed.per_epoch == pytest.approx(2 * 45)
    assert speed.with_start_up == pytest.approx(2 * 3 * 120 / 24)


def test_updates_are_timed_after_two_and_no_longer_than_asked(
    clock: SimpleNamespace, small_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def learn(
        progress: Any, settings: Recipe, data: Any, seed: int, on_batch: Any, **_: Any
    ) -> None:
        for wait in (7 + 5, 4, 1, 1, 1, 1, 1):
            clock.now += wait
            seen.append(settings.batch_size)
            on_batch(settings.batch_size)

    monkeypatch.setattr(ours, "train", learn)
    settings = recipe(epochs=1, batch_size=32)
    preparation, update = ours.update_cost("mlp", settings, small_data, images=96)
    assert len(seen) == 2 + 3
    assert update == pytest.approx(1 / 32)
    assert preparation == pytest.approx(12 / len(small_data.train_index))


def test_cut_keeps_the_share_of_validation(small_data: TrainingData) -> None:
    data = cut(small_data, 240)
    assert (len(data.train_index), len(data.validation_index)) == (240, 80)
    assert len(cut(small_data, 240, 10).validation_index) == 10
    assert not set(data.train_index) & set(data.validation_index)
    assert data.statistics == small_data.statistics


def test_repeated_data_hold_every_image_as_often(small_data: TrainingData) -> None:
    data = scaling.repeated(small_data, 3)
    for one, many in ((small_data.images, data.images), (small_data.labels, data.labels)):
        part = one[small_data.train_index]
        assert np.array_equal(many[data.train_index], np.concatenate([part] * 3))
        held_out = small_data.validation_index
        assert np.array_equal(many[data.validation_index], one[held_out])
    assert len(data.labels) == 3 * 480 + 160


# --- throughput and peak ---------------------------------------------------------------------


def test_speedups_are_those_of_each_round() -> None:
    rounds = {
        "papers_loop": [100.0, 50.0, 10.0],
        "ours_one_replicate": [Speed(300.0, 3.0)] * 3,
        # A machine that is half as fast in the second round.
        "ours": [Speed(700.0, 200.0), Speed(300.0, 50.0), Speed(80.0, 20.0)],
    }
    result = throughput.contest(rounds, at_once=2)
    assert result["speedup_over"]["papers_loop"]["values"] == [7, 6, 8]
    assert result["speedup_with_start_up_over"]["papers_loop"]["values"] == [2, 1, 2]
    assert result["images_per_second"]["ours"]["median"] == 300
    assert result["replicates_at_once"] == 2


def test_shares_of_the_peak() -> None:
    rounds: dict[throughput.Kind, list[float]] = {}
    for precision, factor in (("float32", 1.0), ("bfloat16", 4.0)):
        rounds |= {
            ("one_thread", precision, "64"): [90 * factor, 80 * factor, 10 * factor],
            ("one_thread", precision, "128"): [100 * factor, 60 * factor, 100 * factor],
            ("side_by_side", precision, "64"): [180 * factor] * 3,
            ("all_threads", precision, "64"): [200 * factor] * 3,
            ("train_one", precision, "mlp"): [10.0, 15.0, 20.0],
            ("train_all", precision, "mlp"): [30.0] * 3,
        }
    result = throughput.shares(rounds, {"mlp": 5})
    assert result["matrix_products"]["float32"]["one_thread"]["side"] == 128
    assert result["peak_flop_per_second"] == {
        "float32": {"one_thread": 100, "all_cores": 200},
        "bfloat16": {"one_thread": 400, "all_cores": 800},
    }
    found = {
        precision: [where["fraction_of_peak"]["median"] for where in kinds.values()]
        for precision, kinds in result["training"]["mlp"].items()
    }
    assert found == {"float32": [0.75, 0.75], "bfloat16": [0.1875, 0.1875]}


def test_a_gpu_has_one_way_of_being_used_whole(params: Params, small_data: TrainingData) -> None:
    calls = throughput._rates(scale.QUICK, small_data, "cuda", cores=8)
    assert {kind for kind, _, _ in calls} == {"one_thread", "train_one", "train_all"}
    assert {int(side) for kind, _, side in calls if kind == "one_thread"} == {4 * 256}
    result = throughput.shares({kind: [8.0] for kind in calls}, {"mlp": 1})
    assert result["training"]["mlp"]["float32"]["all_cores"]["fraction_of_peak"]["median"] == 1


def test_the_rate_of_matrix_products_counts_all_of_them(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.mm

    def product(*args: Any, **kwargs: Any) -> Any:
        clock.now += 0.25
        return real(*args, **kwargs)

    monkeypatch.setattr(torch, "mm", product)
    rate = throughput.product_rate(8, "bfloat16", 1.1, "cpu", threads=1)
    assert rate == pytest.approx(2 * 8**3 / 0.25)
    assert clock.now == pytest.approx(0.25 * (2 + 5))


# --- pipeline and clones ----------------------------------------------------------------------


def test_phases_add_up_to_the_whole() -> None:
    found = pipeline.by_phase(
        100.0,
        {"preprocess": 5, "train_mlp": 20, "train_cnn": 40, "evaluate": 20, "report": 6},
        {"preprocess": 1, "train": 2, "evaluate": 3, "report": 1},
    )
    assert found == {
        "interpreter_and_imports": 9,
        "data": 4,
        "training": 56,
        "evaluation": 17,
        "report": 5,
        "dvc": 9,
    }
    assert sum(found.values()) == 100


def test_the_stand_in_runs_python_and_notes_it(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", tmp_path / "bin"
    clone.stand_in(folder, log)
    path = os.pathsep.join((str(folder), os.environ["PATH"]))
    (tmp_path / "src").write_text(
        "import pathlib, sys; pathlib.Path('ran').write_text(sys.prefix); sys.exit(len(sys.argv))"
    )
    done = subprocess.run(
        "python src train mlp", shell=True, cwd=tmp_path, env={"PATH": path}, check=False
    )
    assert done.returncode == 3
    assert (tmp_path / "ran").read_text() == sys.prefix, "the environment's own Python"
    stage, seconds = json.loads(log.read_text())
    assert (stage, seconds > 0) == ("train_mlp", True)


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(DigitbenchError, match=r"raise.*: failed in a clone of the last commit\.\n"):
        clone.timed((sys.executable, "-c", "raise SystemExit('no')"), tmp_path, os.environ)


# --- a cluster, simulated --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replicates", "workers", "start", "seconds"),
    [
        # 3 and 5 begin; 2 follows the 3 (5), 4 follows either (9), 1 the other (6).
        ((3, 5, 2, 4, 1), 2, 0, 9),
        ((3, 5, 2, 4, 1), 1, 0, 15),
        # The longest comes last and waits for a worker: 1, then 10.
        ((1, 1, 10), 2, 0, 11),
        ((10, 1, 1), 2, 0, 10),
        # More workers than replicates: the longest alone counts, after its worker's start.
        ((1, 1, 10), 50, 4, 14),
        # A worker starts once, not for each of its replicates.
        ((2, 2, 2, 2), 2, 3, 7),
        ((), 8, 3, 0),
    ],
)
def test_the_last_replicate_is_done(
    replicates: tuple[float, ...], workers: int, start: float, seconds: float
) -> None:
    assert makespan(replicates, workers, start) == seconds


def test_stages_in_turn_and_at_once() -> None:
    stages, overhead = ((4, 4, 4), (6,), (1, 1)), Overhead(stage=10, replicate=0.5, worker=2)
    # On two workers 8, 6 and 1 s; each stage 10 s and 2 s of workers, each replicate 0.5 s.
    assert in_turn(stages, 2, overhead) == (8 + 6 + 1) + 3 * (10 + 2) + 6 * 0.5
    # 4 and 4; 4 and 6 until 8 and 10; 1 and 1 until 10; the largest stage has three.
    assert at_once(stages, 2, overhead) == 10 + 10 + 2 + 3 * 0.5
    assert at_once(stages, 6, overhead) == 6 + 10 + 2 + 3 * 0.5
    assert in_turn(stages, 6, overhead) == (4 + 6 + 1) + 3 * (10 + 2) + 6 * 0.5


def test_pools_are_simulated_with_what_each_has() -> None:
    """Ten machines fetch the data before they begin; what nobody trained is as what was."""
    stages = {name: [1.0, 3.0] for name in ARCHITECTURES} | {"study/large": [7.0] * 81}
    found = cluster.simulated(stages, Overhead(0, 0, 0), data_bytes=25_000_000)
    trainings, hundred = found["all_trainings"], found["hundred_seeds"]
    assert (trainings["replicates"], trainings["stages"]) == (89, 5)
    assert (hundred["replicates"], hundred["training_seconds"]) == (400, 400 * 2)
    two, eight, many, endless = trainings["seconds"].values()
    assert (two["in_turn"], endless) == (4 * 3 + 41 * 7, {"in_turn": 4 * 3 + 7, "at_once": 7})
    assert eight["in_turn"] == 4 * 3 + 11 * 7
    assert many["in_turn"] == 10 * 0.2 + 4 * 3 + 2 * 7
    # Fifty times 1 and 3 on eight workers, whose turns are 1 and 3 by turns.
    assert hundred["seconds"]["one machine of 8 cores"]["at_once"] >= 400 * 2 / 8
    assert hundred["seconds"]["endless cores"]["in_turn"] == 4 * 3


def test_the_committed_cluster_is_that_of_its_own_times() -> None:
    section = results.load(ROOT / "benchmarks/results.json")["cluster"]
    overhead = Overhead(**{kind: each["median"] for kind, each in section["overhead"].items()})
    found = cluster.simulated(section["stages"], overhead, section["data_bytes"])
    assert found == section["workloads"]
    assert section["assumptions"] == list(cluster.ASSUMPTIONS)
    for workload in found.values():
        for order in cluster.ORDERS:
            seconds = [pool[order] for pool in workload["seconds"].values()]
            fetch = cluster.MACHINES * section["data_bytes"] / cluster.LINK
            rounding = 1e-4 * seconds[2]
            assert seconds[0] >= seconds[1] >= seconds[2] - fetch >= seconds[3] - rounding
            assert seconds[3] >= workload["longest_seconds"]


def test_a_replicate_takes_its_epochs() -> None:
    epochs = {0: [2, 4, 3], 7: [5, 5]}
    record = TimingRecord.of(epochs, seconds=60, replicates_at_once=2)
    assert cluster.replicate_seconds(record, {7: 2, 0: 3}) == [9, 10]


def test_every_committed_training_has_a_clock_and_epochs() -> None:
    for record, epochs in cluster.timing_records().values():
        assert set(record.seconds_per_epoch.per_seed) == set(epochs)
        assert min(epochs.values()) > 0


# --- processes -------------------------------------------------------------------------------


def _workers_then_none() -> tuple[int, int, str | None]:
    joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(math.sqrt)(n) for n in range(4))
    workers = psutil.Process().children(recursive=True)
    scale._end_workers()
    left = 0
    for worker in workers:
        with suppress(psutil.Error):
            left += worker.is_running() and "LokyProcess" in " ".join(worker.cmdline())
    return len(workers), left, multiprocessing.get_start_method()


def _peak_with(megabytes: int) -> int:
    block = np.ones(megabytes * 2**20, np.uint8)
    return scale.peak_resident_bytes() if block.all() else 0


def test_a_fresh_process_is_a_program_of_its_own() -> None:
    ballast = np.ones(600 * 2**20, np.uint8)
    with scale.fresh_process() as run:
        small = run(scale.peak_resident_bytes)
        large = run(_peak_with, 100)
        had, left, method = run(_workers_then_none)
    assert small < len(ballast), "memory of the process that started it doesn't count"
    assert large >= small + 90 * 2**20
    assert (had >= 2, left) == (True, 0)
    assert method == multiprocessing.get_all_start_methods()[0]


def test_a_process_of_ours_loads_what_stages_load() -> None:
    """What is loaded counts in the memory that is measured."""
    start = [ROOT / "benchmarks/ours.py", ROOT / "benchmarks/scale.py"]
    found = {Path(name).parent.name for name in closure(start, lambda name: False)}
    assert found <= {"benchmarks", "digitbench", "execution", "training", "models", "download"}


def test_settings_of_the_shell_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"OMP_NUM_THREADS", "DIGITBENCH_JOBS", "MLFLOW_TRACKING_URI", "PYTHONPATH"}
    for name in (*names, "OTHER", "A_DVC_ROOT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    command.forget_settings()
    assert os.environ["OTHER"] == os.environ["A_DVC_ROOT"] == os.environ["TQDM_DISABLE"] == "1"
    assert not names & set(os.environ)


# --- what is measured and written ------------------------------------------------------------


def test_a_measurement_covers_all_and_has_what_others_are_compared_with_first() -> None:
    for size in (scale.FULL, scale.QUICK):
        assert (size.replicates[0], size.data_sizes[0]) == (1, 1)
        assert size.epochs >= 2, "the first is warm-up"
        assert size.loop_warm_up_batches * 64 < size.images
        assert 2 * max(size.batch_sizes) + size.update_images < size.data_images
        assert {"preprocess", "train"} <= set(size.start_ups)
    assert scale.FULL.architectures == ARCHITECTURES
    assert scale.FULL.repeats >= 3
    assert scale.FULL.folder != scale.QUICK.folder


def seconds_of(command: Sequence[str], folder: Path, environment: Any) -> float:
    """In place of running it in a clone, with the notes of the stand-in and a store that fills.

    Training a replicate that is not kept takes ten seconds, a stage two.
    """
    if "clone" in command:
        (folder / "clone").mkdir()
        shutil.copy(ROOT / "params.yaml", folder / "clone")
    if "train_mlp" not in command:
        return 2.0
    asked = load_params(folder / "params.yaml")
    assert asked.epochs == 1, "of the try-out"
    seconds = 2.0
    for seed in asked.seeds:
        entry = folder / FOLDER / FINISHED / f"{seed}.zip"
        entry.parent.mkdir(parents=True, exist_ok=True)
        seconds += 0 if entry.exists() else 10
        entry.touch()
    notes = [f'["{stage}", {seconds}]\n' for stage in ("preprocess", "train_mlp")]
    (folder.parent / "log").write_text("".join(notes))
    return 3 * seconds


def test_a_try_out_measures_every_section_and_leaves_the_measurement_alone(
    as_mnist: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All of the code on small digits, in one process; of the pipeline, not its commands."""

    def here(function: Callable[..., Any], *arguments: object) -> Any:
        return function(*arguments)

    monkeypatch.setattr(command, "forget_settings", lambda: monkeypatch.setenv(JOBS_VARIABLE, "1"))
    monkeypatch.setattr(command, "HERE", tmp_path)
    monkeypatch.setattr(command.os, "chdir", lambda folder: None)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    monkeypatch.setattr(throughput, "DEVICES", ("cpu",))
    for module in (clone, pipeline):
        monkeypatch.setattr(module, "timed", seconds_of)
    for module in (contestants, pipeline):
        monkeypatch.setattr(module, "LOOP_WORKERS", 0)
    for module in (command, throughput, scaling, arithmetic, workers, cluster):
        monkeypatch.setattr(module, "run_afresh", here)
    # This process has no ceilings; the test of portable arithmetic has one that has.
    monkeypatch.setattr(recipe_module, "check_ceilings", lambda: None)
    for module in (throughput, pipeline):
        monkeypatch.setattr(module, "fresh_process", lambda: nullcontext(here))
    assert command.main(["--quick"]) == 0
    told = capsys.readouterr().out
    assert all(f"{name}: took" in told for name in results.SECTIONS)
    assert {path.name for path in tmp_path.iterdir()} == {"quick"}
    assert "not a measurement" in (tmp_path / "quick/results.md").read_text("utf-8")
    found = json.loads((tmp_path / "quick/results.json").read_bytes())
    contest = found["throughput"]["devices"]["cpu"]["mlp"]
    own = {"ours_one_replicate", "ours", "ours_with_start_up"}
    others = {"papers_loop", "papers_loop_without_workers", "scikit_learn"}
    assert set(contest["images_per_second"]) == others | own
    assert set(contest["speedup_over"]) == set(contest["speedup_with_start_up_over"]) == others
    products = found["peak"]["devices"]["cpu"]["matrix_products"]
    assert [*products] == ["float32", "bfloat16"]
    assert [*products["float32"]] == ["one_thread", "side_by_side", "all_threads"]
    for part, sizes in (("replicates", "12"), ("data_size", "12"), ("batch_size", ("32", "128"))):
        assert [*found["scaling"][part]["mlp"]] == [*sizes]
    assert found["scaling"]["memory"]["bytes"]["mlp"]["peak_resident"] > 0
    assert found["pipeline"]["phases"] == {
        **{"interpreter_and_imports": 4, "data": 10, "training": 10, "evaluation": 0, "report": 0},
        "dvc": 12,
    }
    assert [*found["precision"]["architectures"]["mlp"]["float32"]] == ["0", "1", "2", "3"]
    assert found["precision"]["method"].startswith("Accuracy on the validation part")
    kinds = found["arithmetic"]["architectures"]["mlp"]
    assert [*kinds] == ["native", "native_float32", "portable"]
    assert kinds["native"]["relative"]["values"] == [1]
    runs = {
        name: [run[key] for key in ("seeds", "trained", "kept", "training_seconds")]
        for name, run in found["seeds"]["runs"].items()
    }
    assert runs == {
        "few": [1, 1, 0, 12],
        "more": [2, 1, 1, 12],
        "few_again": [1, 0, 1, 2],
        "afresh": [2, 2, 0, 22],
    }
    assert found["seeds"]["ratios"]["seconds"] == pytest.approx(12 / 22, rel=1e-4)
    assert [*found["workers"]["workers"]] == ["1", "2"]
    assert found["workers"]["workers"]["1"]["with_start_up"]["relative"]["values"] == [1]
    overhead = found["cluster"]["overhead"]
    assert (overhead["stage"]["values"], overhead["replicate"]["values"]) == ([2], [0])


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["thruput"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "'thruput'" in said
    assert all(name in said for name in results.SECTIONS)


def test_the_launcher_finds_this_copy_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert b"section" in done.stdout
