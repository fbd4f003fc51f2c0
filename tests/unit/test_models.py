import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from architectures import FULL as PARAMS
from digitbench.models import mlp
from digitbench.params import ARCHITECTURES
from digitbench.training.model import build_model

pytestmark = pytest.mark.usefixtures("one_thread")
GATES = {"rnn": 1, "lstm": 4}


def model(architecture: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(architecture, PARAMS[architecture]).eval()


def images(count: int = 3) -> Tensor:
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def weights(architecture: str) -> dict[str, NDArray[np.float64]]:
    return {
        name: value.double().numpy() for name, value in model(architecture).state_dict().items()
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_depend_on_every_row_of_the_image_and_on_neither_batch_nor_strides(
    architecture: str,
) -> None:
    network, pixels = model(architecture), images(5).requires_grad_()
    together = network(pixels)
    assert together.shape == (5, 10)
    together[0].square().sum().backward()
    assert pixels.grad is not None
    assert torch.all(pixels.grad[0].abs().sum(dim=(0, 2)) > 0)
    with torch.no_grad():
        alone = torch.cat([network(image) for image in images(5).split(1)])
        torch.testing.assert_close(together, alone)
        channels_last = images(5).squeeze(1).unsqueeze(-1).permute(0, 3, 1, 2)
        torch.testing.assert_close(together, network(channels_last))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_linear_and_convolutional_weights_have_variance_two_over_inputs(architecture: str) -> None:
    layers = [m for m in model(architecture).modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert layers
    for layer in layers:
        drawn = layer.weight.detach().double()
        scaled = drawn * (drawn[0].numel() / 2) ** 0.5  # N(0, 1) if the rule holds
        # Five standard errors of a mean and of a variance of normal values.
        count = scaled.numel()
        assert abs(float(scaled.mean())) < 5 / count**0.5
        assert abs(float(scaled.square().mean()) - 1) < 5 * (2 / count) ** 0.5
        assert layer.bias is not None
        assert not layer.bias.any()


@pytest.mark.parametrize("architecture", ["rnn", "lstm"])
def test_recurrent_weights_are_orthogonal_and_input_weights_glorot_for_every_gate(
    architecture: str,
) -> None:
    drawn = weights(architecture)
    state_gates = np.split(drawn["recurrent.weight_hh_l0"], GATES[architecture])
    for gate in state_gates:
        np.testing.assert_allclose(gate @ gate.T, np.eye(128), atol=1e-5)
    limit = (6 / (28 + 128)) ** 0.5
    for gate in np.split(drawn["recurrent.weight_ih_l0"], GATES[architecture]):
        assert np.abs(gate).max() <= limit
        # Uniform on [-limit, limit]: variance limit^2/3, and 4/45 limit^4 for that of a square.
        error = limit**2 * (4 / 45 / gate.size) ** 0.5
        assert abs((gate**2).mean() - limit**2 / 3) < 5 * error
    # Each gate is a draw of its own.
    assert len({gate.tobytes() for gate in state_gates}) == GATES[architecture]


def test_biases_are_zero_but_for_the_forget_gate() -> None:
    plain = weights("rnn")
    assert not plain["recurrent.bias_ih_l0"].any()
    assert not plain["recurrent.bias_hh_l0"].any()
    gated = weights("lstm")
    total = gated["recurrent.bias_ih_l0"] + gated["recurrent.bias_hh_l0"]
    assert total.reshape(4, 128).tolist() == [[0.0] * 128, [1.0] * 128, [0.0] * 128, [0.0] * 128]


def perturbed(architecture: str) -> tuple[nn.Module, dict[str, NDArray[np.float64]]]:
    """A model whose biases differ from 0, and its weights."""
    network = model(architecture)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    state = {name: value.double().numpy() for name, value in network.state_dict().items()}
    return network, state


@pytest.mark.parametrize("architecture", ["rnn", "lstm"])
def test_recurrent_networks_are_those_of_the_textbook_and_read_out_their_last_step(
    architecture: str,
) -> None:
    network, w = perturbed(architecture)
    rows = images().squeeze(1).double().numpy()  # [B, 28, 28]
    state, cell = np.zeros((len(rows), 128)), np.zeros((len(rows), 128))
    for step in range(28):
        total = (
            rows[:, step] @ w["recurrent.weight_ih_l0"].T
            + w["recurrent.bias_ih_l0"]
            + state @ w["recurrent.weight_hh_l0"].T
            + w["recurrent.bias_hh_l0"]
        )
        if architecture == "rnn":
            state = np.tanh(total)
            continue
        entry, forget, candidate, out = np.split(total, 4, axis=1)
        cell = cell / (1 + np.exp(-forget)) + np.tanh(candidate) / (1 + np.exp(-entry))
        state = np.tanh(cell) / (1 + np.exp(-out))
    expected = state @ w["output.weight"].T + w["output.bias"]
    np.testing.assert_allclose(network(images()).detach().numpy(), expected, atol=1e-4)


def test_cnn_is_the_published_sequence_of_layers_also_while_dropping() -> None:
    network = model("cnn", seed=2).train()
    published = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.Dropout2d(0.5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3136, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )
    tensors = list(network.state_dict().values())
    # Columns of the hidden layer: from row, column, map to map, row, column.
    tensors[4] = tensors[4].view(128, 7, 7, 64).permute(0, 3, 1, 2).flatten(1)
    published.load_state_dict(dict(zip(published.state_dict(), tensors, strict=True)))
    torch.manual_seed(5)
    logits = network(images(8))
    torch.manual_seed(5)
    torch.testing.assert_close(logits, published(images(8)))


def test_rnn_computes_in_float32_under_autocast() -> None:
    recurrent = model("rnn").recurrent
    rows = images().squeeze(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, state = recurrent(rows)
    assert torch.equal(state, recurrent(rows)[1])


def test_dropout_between_hidden_layers_stands_only_where_it_is_asked_for() -> None:
    params = mlp.Params(hidden=(8, 6, 4), dropout_hidden=0.3, dropout=0.2)

    def rates(params: mlp.Params) -> list[float]:
        modules = build_model("mlp", params).modules()
        return [module.p for module in modules if isinstance(module, nn.Dropout)]

    assert rates(params) == [0.3, 0.3, 0.2]
    assert rates(params.model_copy(update={"dropout_hidden": 0.0})) == [0.2]
