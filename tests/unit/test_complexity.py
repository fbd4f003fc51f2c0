from itertools import pairwise

import pytest

from architectures import FULL as PARAMS
from architectures import MACS, PARAMETERS
from digitbench.evaluation.cost import growth, layer_table
from digitbench.params import ARCHITECTURES
from digitbench.training.model import build_model, count_parameters


def test_every_architecture_is_held_against_a_hand_count() -> None:
    assert set(MACS) == set(PARAMETERS) == set(PARAMS) == set(ARCHITECTURES)
    assert MACS["mlp"](28) == 234_752


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_growth_is_that_of_the_hand_count(architecture: str) -> None:
    table = growth(architecture, PARAMS[architecture], sides=(28, 56, 112))
    assert [row.side for row in table] == [28, 56, 112]
    assert [row.macs for row in table] == [MACS[architecture](row.side) for row in table]
    assert [row.formula_macs for row in table] == [row.macs for row in table]
    assert [row.parameters for row in table] == [
        PARAMETERS[architecture](row.side) for row in table
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_add_up_to_the_model(architecture: str) -> None:
    model = build_model(architecture, PARAMS[architecture])
    rows = layer_table(architecture, PARAMS[architecture])
    assert sum(row.parameters for row in rows) == count_parameters(model)
    assert len(rows) == sum(not list(module.children()) for module in model.modules())
    assert rows[-1].output_shape == (10,)
    for row in rows:
        assert row.macs == row.formula_macs, row.name


def test_mlp_layer_by_layer() -> None:
    rows = layer_table("mlp", PARAMS["mlp"])
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
    rows = layer_table("cnn", PARAMS["cnn"])
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
    recurrent, output = layer_table(architecture, PARAMS[architecture])
    assert recurrent.name == f"{architecture.upper()}, 28 → 128"
    assert recurrent.output_shape == (28, 128)
    assert recurrent.parameters == gates * (28 * 128 + 128 * 128 + 2 * 128)
    # A counter that misses the fused LSTM, or all steps but one, fails here.
    assert recurrent.macs == 28 * gates * (28 + 128) * 128
    assert (output.parameters, output.macs) == (1_290, 1_280)


def test_shared_weights_do_not_grow_with_the_image() -> None:
    tables = [layer_table("cnn", PARAMS["cnn"], side) for side in (28, 56, 112)]
    for smaller, larger in pairwise(tables):
        for low, high in zip(smaller, larger, strict=True):
            if low.name.startswith("convolution"):
                assert high.parameters == low.parameters
                assert high.macs == 4 * low.macs
