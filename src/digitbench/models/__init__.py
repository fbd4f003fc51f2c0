"""The model contract: images [B, 1, 28, 28] in, one logit per class [B, 10] out.

Each architecture is one module here with ``build(params, side=28) -> nn.Module``, named like its
section of ``params.yaml``; other sides serve the study of cost alone. Modules are imported on
demand: a change to one architecture must not touch the others' stages.
"""

import importlib
from typing import cast

import safetensors.torch
import torch
from torch import nn

from digitbench.errors import DigitbenchError
from digitbench.models.initialisation import initialise
from digitbench.params import ArchitectureParams


def build_model(
    architecture: str, params: ArchitectureParams, side: int = 28, initialisation: str = "he"
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


def load_weights(
    architecture: str, params: ArchitectureParams, content: bytes, origin: str
) -> nn.Module:
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
