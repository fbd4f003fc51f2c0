"""What all architectures share when they are trained, settled for this machine."""

from dataclasses import dataclass

import torch

from digitbench.errors import DigitbenchError
from digitbench.params import RecipeParams
from digitbench.training.pixels import Augmentation


@dataclass(frozen=True)
class Recipe:
    """Shared settings; nothing in it is left to be chosen."""

    epochs: int
    batch_size: int
    learning_rate: float
    adam_epsilon: float
    patience: int  # epochs; 0: no early stopping
    initialisation: str  # he, torch or keras
    augmentation: Augmentation
    precision: str  # float32 or bfloat16
    device: str  # cpu or cuda


def settle(params: RecipeParams) -> Recipe:
    """The recipe of a run on this machine.

    Raises:
        DigitbenchError: cuda is asked for and there is none.
    """
    device = resolve_device(params.device)
    return Recipe(
        epochs=params.epochs,
        batch_size=params.batch_size,
        learning_rate=params.learning_rate,
        adam_epsilon=params.adam_epsilon,
        patience=params.patience,
        initialisation=params.initialisation,
        augmentation=Augmentation(**params.augmentation.model_dump()),
        precision=resolve_precision(params.precision, device),
        device=device,
    )


def resolve_device(device: str) -> str:
    """`auto` becomes cuda where there is a GPU.

    Raises:
        DigitbenchError: cuda is asked for and there is none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise DigitbenchError(
            "params.yaml: device: cuda was asked for, but torch finds no GPU here. Use auto or cpu."
        )
    return device


def resolve_precision(precision: str, device: str) -> str:
    """`auto` becomes bfloat16 where matrices are multiplied in it natively, else float32.

    Without such units a processor emulates bfloat16, many times slower than float32.
    """
    if precision != "auto":
        return precision
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        native = bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    return "bfloat16" if native else "float32"
