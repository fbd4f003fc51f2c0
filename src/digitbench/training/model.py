"""The model contract: images [B, 1, 28, 28] in, one logit per class [B, 10] out.

Each architecture is one module of `models/` with a class ``Params`` and ``build(params, side=28)``,
named like its section of ``params.yaml``; other sides serve the study of cost alone. It is imported
when it is asked for: a change to one architecture must not touch the others' stages. A model is
built first, then its weights are drawn anew by one of three rules.
"""

import importlib
from collections.abc import Callable
from typing import cast

import safetensors.torch
import torch
from torch import Tensor, nn

from digitbench.errors import DigitbenchError
from digitbench.schema import Section


def build_model(
    architecture: str, params: Section, side: int = 28, initialisation: str = "he"
) -> nn.Module:
    """A new model for images of side x side pixels, weights drawn from torch's global generator.

    Its maps lie channels last in memory: pooling and small convolutions are then about twice as
    fast.
    """
    module = importlib.import_module(f"digitbench.models.{architecture}")
    model = cast(nn.Module, module.build(params, side))
    initialise(model, initialisation)
    return model.to(memory_format=torch.channels_last)


def weights_to_bytes(model: nn.Module) -> bytes:
    """The weights in the safetensors format, without metadata: the same weights, the same bytes."""
    return safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    )


def load_weights(architecture: str, params: Section, content: bytes, origin: str) -> nn.Module:
    """A model in evaluation mode from the bytes that training wrote.

    Raises:
        DigitbenchError: The bytes are damaged or belong to another architecture; the text names
            their origin and the stage to run again.
    """
    model = build_model(architecture, params)
    try:
        model.load_state_dict(safetensors.torch.load(content))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise DigitbenchError(
            f"{origin}: not the weights of the {architecture} in params.yaml ({reason}). "
            f"Run `dvc repro --force --single-item train_{architecture}`."
        ) from None
    return model.eval()


def count_parameters(model: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def initialise(model: nn.Module, rule: str) -> None:
    """Draw new weights from torch's global generator by one of the rules below."""
    _RULES[rule](model)


def _he(model: nn.Module) -> None:
    """Linear and convolutional layers N(0, 2/n_in), which fits ReLU (He et al., 2015)."""
    _draw(model, lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"))


def _keras(model: nn.Module) -> None:
    """The defaults of Keras: uniform with variance 2/(n_in + n_out) (Glorot and Bengio, 2010)."""
    _draw(model, nn.init.xavier_uniform_)


def _torch(model: nn.Module) -> None:
    """The defaults of torch, uniform within 1/sqrt(n_in): building the model drew them."""


_RULES: dict[str, Callable[[nn.Module], None]] = {"he": _he, "keras": _keras, "torch": _torch}


def _draw(model: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    """Draw linear and convolutional weights; biases are 0, recurrent layers have their own rule."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RNN | nn.LSTM):
            initialise_recurrent(module)


def initialise_recurrent(layer: nn.RNN | nn.LSTM) -> None:
    """Weights and biases of a recurrent layer, each gate drawn for itself.

    - From the input: uniform with variance 2/(n_in + n_out) (Glorot and Bengio, 2010). He's rule
      counts on ReLU; its larger weights cost the RNN 3 points of accuracy and the LSTM 0.6 (means
      of two seeds after five epochs).
    - From state to state: orthogonal, so that neither the state nor its gradient dies out or
      explodes over 28 steps (Saxe et al., 2014).
    - Biases 0, that of the forget gate 1: a memory keeps by default (Jozefowicz et al., 2015).
    """
    for name, parameter in layer.named_parameters():
        # [gates * hidden, n_in]; the LSTM's gates are input, forget, cell, output.
        gates = torch.split(parameter.detach(), layer.hidden_size)
        for gate in gates:
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(gate)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            else:
                nn.init.zeros_(gate)
        # The two biases of a gate are added up: one of them carries the 1.
        if name.startswith("bias_ih") and isinstance(layer, nn.LSTM):
            nn.init.ones_(gates[1])


class LastStepClassifier(nn.Module):
    """Reads an image row by row, from the top; the state after the last row decides.

    Maps [B, 1, side, side] to logits [B, 10].
    """

    def __init__(self, recurrent: nn.RNN | nn.LSTM) -> None:
        """Add an output layer to a recurrent layer that takes its batch first."""
        super().__init__()
        self.recurrent = recurrent
        self.output = nn.Linear(recurrent.hidden_size, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, 10] of images [B, 1, side, side]."""
        rows = images.squeeze(1)  # [B, side steps, side inputs]
        _, state = self.recurrent(rows)
        # The final state, not the last of all outputs: its gradient needs no array of all steps.
        last = state[0] if isinstance(state, tuple) else state  # [1, B, hidden]; LSTM: (h, c)
        logits: Tensor = self.output(last.squeeze(0))
        return logits
