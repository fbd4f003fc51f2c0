"""What an image costs: counts against hand counts, clocks against a clock that stands still."""

import time

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from architectures import FULL, MACS, PARAMETERS
from digitbench.evaluation.cost import (
    BATCH_SIZE,
    PASSES,
    WARM_UP,
    growth,
    layer_table,
    measure_latency,
)
from digitbench.params import ARCHITECTURES
from digitbench.training.model import build_model, count_parameters

# --- counts ----------------------------------------------------------------------------------


def test_every_architecture_is_held_against_a_hand_count() -> None:
    assert set(MACS) == set(PARAMETERS) == set(FULL) == set(ARCHITECTURES)
    assert MACS["mlp"](28) == 234_752


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_growth_is_that_of_the_hand_count(architecture: str) -> None:
    table = growth(architecture, FULL[architecture], sides=(28, 56, 112))
    assert [row.side for row in table] == [28, 56, 112]
    assert [row.macs for row in table] == [MACS[architecture](row.side) for row in table]
    assert [row.formula_macs for row in table] == [row.macs for row in table]
    assert [row.parameters for row in table] == [
        PARAMETERS[architecture](row.side) for row in table
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_add_up_to_the_model(architecture: str) -> None:
    model = build_model(architecture, FULL[architecture])
    rows = layer_table(architecture, FULL[architecture])
    assert sum(row.parameters for row in rows) == count_parameters(model)
    assert len(rows) == sum(not list(module.children()) for module in model.modules())
    assert rows[-1].output_shape == (10,)
    for row in rows:
        assert row.macs == row.formula_macs, row.name


def test_mlp_layer_by_layer() -> None:
    rows = layer_table("mlp", FULL["mlp"])
    assert [(row.name, row.output_shape, row.parameters, row.macs) for row in rows] == [
        ("flatten", (784,), 0, 0),
        ("linear, 784 → 256", (256,), 200_960, 784 * 256),
        ("ReLU", (256,), 0, 0),
        ("linear, 256 → 128", (128,), 32_896, 256 * 128),
        ("ReLU", (128,), 0, 0),
        ("dropout, 0.2", (128,), 0, 0),
        ("linear, 128 → 10", (10,), 1_290, 1_280),
    ]


def test_cnn_layer_by_layer() -> None:
    rows = layer_table("cnn", FULL["cnn"])
    assert [(row.name, row.output_shape, row.parameters, row.macs) for row in rows] == [
        ("convolution 3×3, 1 → 32", (32, 28, 28), 320, 28 * 28 * 9 * 32),
        ("max-pooling 2×2", (32, 14, 14), 0, 0),
        ("ReLU", (32, 14, 14), 0, 0),
        ("convolution 3×3, 32 → 64", (64, 14, 14), 18_496, 14 * 14 * 9 * 32 * 64),
        ("max-pooling 2×2", (64, 7, 7), 0, 0),
        ("dropout of maps, 0.5", (64, 7, 7), 0, 0),
        ("ReLU", (64, 7, 7), 0, 0),
        ("flatten", (3_136,), 0, 0),
        ("linear, 3,136 → 128", (128,), 401_536, 3_136 * 128),
        ("ReLU", (128,), 0, 0),
        ("dropout, 0.5", (128,), 0, 0),
        ("linear, 128 → 10", (10,), 1_290, 1_280),
    ]


@pytest.mark.parametrize(("architecture", "gates"), [("rnn", 1), ("lstm", 4)])
def test_recurrent_layer_by_layer(architecture: str, gates: int) -> None:
    recurrent, output = layer_table(architecture, FULL[architecture])
    assert recurrent.name == f"{architecture.upper()}, 28 → 128"
    assert recurrent.output_shape == (28, 128)
    assert recurrent.parameters == gates * (28 * 128 + 128 * 128 + 2 * 128)
    # A counter that misses the fused LSTM, or all steps but one, fails here.
    assert recurrent.macs == 28 * gates * (28 + 128) * 128
    assert (output.parameters, output.macs) == (1_290, 1_280)


# --- clocks ----------------------------------------------------------------------------------


class Clock:
    """Stands still but for what the network below adds."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Network(nn.Module):
    """Takes 2 ms per call and 0.1 ms per image, a second more when it sees a new shape."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.dropout = nn.Dropout(0.5)
        self.calls: list[tuple[int, bool, int, bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        size = len(images)
        is_new = size not in [call[0] for call in self.calls]
        self.clock.now += 2e-3 + 1e-4 * size + is_new
        threads, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()
        self.calls.append((size, self.dropout.training, threads, inference))
        return images


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    return Network(clock)


def test_units_and_warm_up(network: Network) -> None:
    latency = measure_latency(network, torch.zeros(1_000, 1, 28, 28))
    # Every call takes equally long but the first of a shape, which must not show.
    for quartile in ("q1", "median", "q3"):
        assert getattr(latency.milliseconds_per_image, quartile) == pytest.approx(2.1)
        # Ten batches of 2 + 10 ms.
        assert getattr(latency.images_per_second, quartile) == pytest.approx(1_000 / 0.12)


def test_counts_are_those_of_the_calls(network: Network) -> None:
    latency = measure_latency(network, torch.zeros(250, 1, 28, 28))
    sizes = [call[0] for call in network.calls]
    assert sizes.count(1) == WARM_UP + latency.single_images
    assert latency.single_images == latency.images == 250
    assert sizes.count(BATCH_SIZE) == 2 * (PASSES + 1)
    assert sizes.count(50) == latency.passes + 1  # the rest of 250 images
    assert latency.batch_size == max(sizes)


def let_calls_take(network: Network, *seconds: float) -> None:
    """So long each, and a second every later one."""
    waits = iter(seconds)

    def wait(images: Tensor) -> Tensor:
        network.clock.now += next(waits, 1.0)
        return images

    network.forward = wait  # type: ignore[method-assign]


def test_quartiles_span_the_middle_half_of_the_images(network: Network) -> None:
    durations = np.random.default_rng(0).exponential(1e-3, 301)
    let_calls_take(network, *[0.0] * WARM_UP, *durations)
    single = measure_latency(network, torch.zeros(301, 1, 28, 28)).milliseconds_per_image
    ordered = np.sort(1_000 * durations)
    assert [single.q1, single.median, single.q3] == pytest.approx(ordered[[75, 150, 225]])


def test_quartiles_of_the_throughput_leave_the_first_pass_out(network: Network) -> None:
    durations = np.sort(np.random.default_rng(1).exponential(1e-3, PASSES))
    let_calls_take(network, *[1e-3] * (WARM_UP + 1), 1e-9, *durations)
    rate = measure_latency(network, torch.zeros(1, 1, 28, 28)).images_per_second
    ordered = np.sort(1 / durations)
    assert [rate.q1, rate.median, rate.q3] == pytest.approx(ordered[[2, 4, 6]])


@pytest.mark.usefixtures("threads")
def test_runs_on_one_thread_without_dropout_or_gradients(network: Network) -> None:
    torch.set_num_threads(2)
    network.train()
    measure_latency(network, torch.zeros(10, 1, 28, 28))
    assert {call[1:] for call in network.calls} == {(False, 1, True)}
    assert network.dropout.training
    assert torch.get_num_threads() == 2
    network.eval()
    measure_latency(network, torch.zeros(10, 1, 28, 28))
    assert not network.training


@pytest.mark.usefixtures("threads")
def test_mode_and_threads_come_back_after_an_error(network: Network) -> None:
    torch.set_num_threads(2)

    def fail(images: Tensor) -> Tensor:
        raise RuntimeError("out of memory")

    network.train().forward = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="out of memory"):
        measure_latency(network, torch.zeros(10, 1, 28, 28))
    assert network.training
    assert torch.get_num_threads() == 2
    assert not torch.is_inference_mode_enabled()
