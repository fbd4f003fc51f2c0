"""What the benchmark computes; never how long anything takes."""

import math
import multiprocessing
import os
import statistics
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import psutil
import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks import loop, multilayer, ours, phases, processes, scale, sections, spread
from benchmarks.app import main
from benchmarks.flop import training_flop
from benchmarks.inputs import cut, recipe, repeated
from benchmarks.peak import matrix_product_rate, shares
from benchmarks.throughput import speeds
from digitbench.params import ARCHITECTURES, Params, load_params
from digitbench.training import trainer
from digitbench.training.data import TrainingData
from digitbench.training.model import build_model, load_weights
from digitbench.training.replicates import Job, Replicate, run_replicates
from digitbench.training.trainer import Epoch, Recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


# --- counted operations ----------------------------------------------------------------------

# Multiply-accumulates of one image, forward, by hand; and what backward saves of its double: the
# gradient with respect to the pixels, and to a recurrent network's state before the first row.
FORWARD = {
    "mlp": 784 * 256 + 256 * 128 + 128 * 10,
    "cnn": 28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 7 * 7 * 64 * 128 + 128 * 10,
    "rnn": 28 * (28 * 128 + 128 * 128) + 128 * 10,
    "lstm": 28 * 4 * (28 * 128 + 128 * 128) + 128 * 10,
}
SAVED = {
    "mlp": 784 * 256,
    "cnn": 28 * 28 * 9 * 32,
    "rnn": 28 * 28 * 128 + 128 * 128,
    "lstm": 4 * (28 * 28 * 128 + 128 * 128),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_operations_of_training_are_those_of_a_hand_count(
    architecture: str, params: Params
) -> None:
    counted = training_flop(architecture, params.network(architecture))
    assert counted == 2 * (3 * FORWARD[architecture] - SAVED[architecture])


def test_the_mlp_of_the_hand_count_is_the_published_one(params: Params) -> None:
    # 235,146 parameters: one per multiply-accumulate and the biases.
    assert FORWARD["mlp"] + 256 + 128 + 10 == 235_146
    assert training_flop("mlp", params.mlp) == 1_007_104


# --- the papers' loop ------------------------------------------------------------------------


def without_dropout(params: Params, architecture: str) -> Any:
    section = params.network(architecture)
    rates = {name: 0.0 for name in type(section).model_fields if name.startswith("dropout")}
    return section.model_copy(update=rates)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_papers_loop_computes_what_ours_does(
    architecture: str, params: Params, small_data: TrainingData, tmp_path: Path
) -> None:
    """The same weights after three updates from all images: no order of batches to agree on."""
    section = without_dropout(params, architecture)
    data = cut(small_data, 120)
    settings = recipe(params, epochs=3, batch_size=120, precision="float32")
    job = Job("", architecture, architecture, section, settings, data, tmp_path)
    (replicate,) = run_replicates(job, (5,), 1, on_epoch=lambda epoch: None)
    trained = load_weights(architecture, section, replicate.weights, "test").state_dict()

    model = trainer.start(architecture, section, settings, seed=5).model
    model = model.to(memory_format=torch.contiguous_format)
    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    chosen = data.train_index
    digits = loop.Digits(data.images[chosen], data.labels[chosen], data.statistics)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    losses = [
        loop.train_epoch(model, optimiser, DataLoader(digits, 120, shuffle=True), "cpu")
        for _ in range(3)
    ]
    assert losses == pytest.approx([e.train_loss for e in replicate.history], rel=1e-4)
    for name, tensor in model.state_dict().items():
        moved = (trained[name] - initial[name]).norm()
        assert moved > 0
        assert (tensor - trained[name]).norm() < 0.01 * moved, name


def test_items_of_the_papers_dataset_are_standardised_images(small_data: TrainingData) -> None:
    digits = loop.Digits(small_data.images, small_data.labels, small_data.statistics)
    assert len(digits) == len(small_data.labels)
    for index in (0, 7, 639):
        image, label = digits[index]
        ours_ = trainer.standardise(
            torch.from_numpy(small_data.images[index : index + 1]), small_data.statistics
        )
        torch.testing.assert_close(image, ours_[0].contiguous(), rtol=1e-5, atol=1e-5)
        assert label == small_data.labels[index]


def test_the_papers_model_lies_in_memory_as_torch_has_it_by_default(
    monkeypatch: pytest.MonkeyPatch, params: Params
) -> None:
    monkeypatch.chdir(ROOT)
    torch.manual_seed(0)
    model = loop.new_model("cnn")
    torch.manual_seed(0)
    same = build_model("cnn", params.cnn)
    for ours_, theirs in zip(same.parameters(), model.parameters(), strict=True):
        assert theirs.is_contiguous()
        assert torch.equal(ours_, theirs)


@pytest.fixture
def as_mnist(small_data: TrainingData, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small digits in place of MNIST."""
    for module in (loop, multilayer, ours):
        monkeypatch.setattr(module, "load_training_data", lambda: small_data)
        monkeypatch.setattr(module, "load_params", lambda: params)


class Clock:
    """Stands still but for what is added."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (loop, multilayer, ours):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


def test_speed_of_the_loop_leaves_the_warm_up_out(
    as_mnist: None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def learn(model: Any, optimiser: Any, batches: Any, device: str) -> float:
        for images, _ in batches:
            # The first batch takes ten seconds, the others one millisecond per image.
            clock.now += 1e-3 * len(images) if sizes else 10
            sizes.append(len(images))
        return 0.0

    monkeypatch.setattr(loop, "train_epoch", learn)
    setting = loop.Setting("mlp", images=300, workers=0)
    assert loop.images_per_second(setting, warm_up_batches=2) == pytest.approx(1_000)
    assert sizes == [64, 64, 64, 64, 44], "a whole epoch, once"
    sizes.clear()
    assert loop.epoch_seconds(setting) == pytest.approx(10 + 1e-3 * (300 - 64))


def test_the_loop_has_two_workers_shuffles_and_leaves_adam_as_it_is(as_mnist: None) -> None:
    _, optimiser, loader = loop._prepare(loop.Setting("mlp", 300, loop.WORKERS))
    assert (loader.num_workers, loader.batch_size) == (2, 64)
    assert isinstance(loader.sampler, torch.utils.data.RandomSampler)
    assert type(optimiser) is torch.optim.Adam
    assert (optimiser.defaults["fused"], optimiser.defaults["foreach"]) == (None, None)
    assert optimiser.defaults["lr"] == 1e-3


def test_scikit_learns_perceptron_has_the_same_sizes_and_learns_for_one_epoch(
    as_mnist: None, clock: Clock, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, tuple[int, ...], float]] = []

    class Spy(multilayer.MLPClassifier):  # type: ignore[misc]
        def fit(self, pixels: Any, labels: Any) -> None:
            super().fit(pixels, labels)
            clock.now += 0.5
            count = sum(w.size for w in [*self.coefs_, *self.intercepts_])
            seen.append((count, pixels.shape, self.n_iter_))

    monkeypatch.setattr(multilayer, "MLPClassifier", Spy)
    assert multilayer.images_per_second(400) == pytest.approx(800)
    assert seen[-1] == (235_146, (400, 784), 1)


# --- ours ------------------------------------------------------------------------------------


def test_speed_counts_epochs_but_the_first_and_replicates_at_once(
    clock: Clock, params: Params, small_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {3: (9.0, 1.0, 2.0), 4: (9.0, 4.0, 5.0)}

    def run(job: Job, seeds: Any, jobs: int, on_epoch: Any) -> list[Replicate]:
        clock.now += 24
        assert (job.data, jobs, list(seeds)) == (data, 2, [3, 4])
        return [
            Replicate(
                seed, b"", tuple(Epoch(seed, n, 0, 0, 0, 0, (), s) for n, s in enumerate(each))
            )
            for seed, each in seconds.items()
        ]

    data = cut(small_data, 120)
    monkeypatch.setattr(ours, "run_replicates", run)
    settings = recipe(params, epochs=3)
    speed = ours.replicate_speed("mlp", params.mlp, settings, data, (3, 4), jobs=2)
    # Epochs of 1, 2, 4 and 5 s: 120, 60, 30 and 24 images per second, two at once.
    assert speed.per_epoch == pytest.approx(2 * 45)
    assert speed.with_start_up == pytest.approx(2 * 3 * 120 / 24)


def test_updates_are_timed_after_two_and_no_longer_than_asked(
    clock: Clock, params: Params, small_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def learn(
        progress: Any, settings: Recipe, data: Any, seed: int, on_batch: Any, on_epoch: Any
    ) -> None:
        clock.now += 7
        for wait in (5, 4, 1, 1, 1, 1, 1):
            clock.now += wait
            seen.append(settings.batch_size)
            on_batch(settings.batch_size)

    monkeypatch.setattr(ours, "train", learn)
    settings = recipe(params, epochs=1, batch_size=32)
    cost = ours.update_cost("mlp", params.mlp, settings, small_data, images=96)
    assert len(seen) == 2 + 3
    assert cost.update == pytest.approx(1 / 32)
    assert cost.preparation == pytest.approx(12 / len(small_data.train_index))


def test_timed_updates_are_real_ones(params: Params, small_data: TrainingData) -> None:
    settings = recipe(params, epochs=1, batch_size=32)
    cost = ours.update_cost("mlp", params.mlp, settings, small_data, images=64)
    assert cost.update > 0
    assert cost.preparation > 0


def test_cut_keeps_the_share_of_validation(small_data: TrainingData) -> None:
    data = cut(small_data, 240)
    assert (len(data.train_index), len(data.validation_index)) == (240, 80)
    assert len(cut(small_data, 240, 10).validation_index) == 10
    assert not set(data.train_index) & set(data.validation_index)
    assert data.statistics == small_data.statistics


def test_repeated_data_hold_every_image_as_often(small_data: TrainingData) -> None:
    data = repeated(small_data, 3)
    for one, many in ((small_data.images, data.images), (small_data.labels, data.labels)):
        part = one[small_data.train_index]
        assert np.array_equal(many[data.train_index], np.concatenate([part] * 3))
        held_out = small_data.validation_index
        assert np.array_equal(many[data.validation_index], one[held_out])
    assert len(data.labels) == 3 * 480 + 160


# --- figures ---------------------------------------------------------------------------------


def test_median_and_quartiles() -> None:
    values = np.random.default_rng(0).exponential(1e4, 11).tolist()
    found = spread.summary(values)
    wanted = statistics.quantiles(values, n=4, method="inclusive")
    assert [found["q1"], found["median"], found["q3"]] == pytest.approx(wanted, rel=1e-4)
    assert found["values"] == pytest.approx(values, rel=1e-4)
    assert spread.summary([123456.789])["median"] == 123460


def test_speedups_are_those_of_each_round() -> None:
    speed = ours.Speed
    result = speeds(
        {
            "papers_loop": [100.0, 50.0, 10.0],
            "ours_one_replicate": [speed(300.0, 3.0, 1)] * 3,
            # A machine that is half as fast in the second round.
            "ours": [speed(700.0, 200.0, 2), speed(300.0, 50.0, 2), speed(80.0, 20.0, 2)],
        }
    )
    assert result["speedup_over"]["papers_loop"]["values"] == [7, 6, 8]
    assert result["speedup_with_start_up_over"]["papers_loop"]["values"] == [2, 1, 2]
    assert result["images_per_second"]["ours"]["median"] == 300
    assert result["replicates_at_once"] == 2


def test_shares_of_the_peak() -> None:
    rounds: dict[tuple[str, str, str], list[float]] = {}
    for precision, factor in (("float32", 1.0), ("bfloat16", 4.0)):
        rounds |= {
            ("one_thread", precision, "64"): [90 * factor, 80 * factor, 10 * factor],
            ("one_thread", precision, "128"): [100 * factor, 60 * factor, 100 * factor],
            ("side_by_side", precision, "64"): [180 * factor] * 3,
            ("all_threads", precision, "64"): [200 * factor] * 3,
            ("train_one", precision, "mlp"): [10.0, 15.0, 20.0],
            ("train_all", precision, "mlp"): [30.0] * 3,
        }
    result = shares(rounds, {"mlp": 5})
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


def test_a_gpu_has_one_way_of_being_used_whole() -> None:
    rounds = {
        (kind, precision, name): [8.0]
        for precision in ("float32", "bfloat16")
        for kind, name in (("one_thread", "64"), ("train_one", "mlp"), ("train_all", "mlp"))
    }
    result = shares(rounds, {"mlp": 1})
    assert result["training"]["mlp"]["float32"]["all_cores"]["fraction_of_peak"]["median"] == 1


def test_the_rate_of_matrix_products_counts_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, real = Clock(), torch.mm

    def product(*args: Any, **kwargs: Any) -> Any:
        clock.now += 0.25
        return real(*args, **kwargs)

    monkeypatch.setattr(torch, "mm", product)
    monkeypatch.setattr("benchmarks.peak.time.perf_counter", clock.perf_counter)
    rate = matrix_product_rate(8, "bfloat16", 1, seconds=1.1)
    assert rate == pytest.approx(2 * 8**3 / 0.25)
    assert clock.now == pytest.approx(0.25 * (2 + 5))


# --- phases ----------------------------------------------------------------------------------


def test_phases_add_up_to_the_whole() -> None:
    found = phases.by_phase(
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
    phases.stand_in(folder, log)
    path = os.pathsep.join((str(folder), os.environ["PATH"]))
    (tmp_path / "src").write_text(
        "import pathlib, sys; pathlib.Path('ran').write_text(sys.prefix); sys.exit(len(sys.argv))"
    )
    done = subprocess.run(
        "python src train mlp", shell=True, cwd=tmp_path, env={"PATH": path}, check=False
    )
    assert done.returncode == 3
    assert (tmp_path / "ran").read_text() == sys.prefix, "the environment's own Python"
    assert list(phases.stage_seconds(log)) == ["train_mlp"]


# --- processes -------------------------------------------------------------------------------


def _workers_then_none() -> tuple[int, int, str | None]:
    joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(math.sqrt)(n) for n in range(4))
    workers = psutil.Process().children(recursive=True)
    processes._end_workers()
    left = [each for each in workers if each.is_running() and "LokyProcess" in _command(each)]
    return len(workers), len(left), multiprocessing.get_start_method()


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _peak_with(megabytes: int) -> int:
    block = np.ones(megabytes * 2**20, np.uint8)
    return processes.peak_resident_bytes() if block.all() else 0


def test_a_fresh_process_is_a_program_of_its_own() -> None:
    ballast = np.ones(600 * 2**20, np.uint8)
    with processes.fresh_process() as fresh:
        small = fresh.submit(processes.peak_resident_bytes).result()
        large = fresh.submit(_peak_with, 100).result()
        had, left, method = fresh.submit(_workers_then_none).result()
    assert small < len(ballast), "memory of the process that started it doesn't count"
    assert large >= small + 90 * 2**20
    assert had >= 2
    assert left == 0
    assert method == multiprocessing.get_all_start_methods()[0]


def test_settings_of_the_shell_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "DIGITBENCH_JOBS", "MLFLOW_TRACKING_URI", "OTHER"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(os, "environ", os.environ.copy())
    processes.forget_settings()
    assert os.environ["OTHER"] == "1"
    assert not {"OMP_NUM_THREADS", "DIGITBENCH_JOBS", "MLFLOW_TRACKING_URI"} & set(os.environ)
    assert os.environ["TQDM_DISABLE"] == "1"


# --- what is measured and written ------------------------------------------------------------


@pytest.mark.parametrize("size", [scale.FULL, scale.QUICK])
def test_what_others_are_compared_with_is_measured_first(size: scale.Scale) -> None:
    assert (size.replicates[0], size.data_sizes[0]) == (1, 1)
    assert size.epochs >= 2, "the first is warm-up"
    assert size.loop_warm_up_batches * 64 < size.images
    assert {"preprocess", "train"} <= set(size.start_ups)


def test_a_measurement_covers_all_architectures_and_repeats() -> None:
    assert scale.FULL.architectures == ARCHITECTURES
    assert scale.FULL.repeats >= 3
    assert scale.FULL.folder != scale.QUICK.folder


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["thruput"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "'thruput'" in said
    assert all(name in said for name in sections.SECTIONS)
