"""How the results of groups of networks are drawn."""

from dataclasses import dataclass

from digitbench.plots.style import COLOURS, NAMES


@dataclass(frozen=True)
class Look:
    """Colour, name and kind of line."""

    colour: str
    label: str
    line: str = "-"


LOOKS = {name: Look(COLOURS[name], NAMES[name]) for name in COLOURS}
# Colour tells the architecture, a whole line that it was trained with augmentation.
GROUP_LOOKS = {
    "mlp": Look(COLOURS["mlp"], "MLP", "--"),
    "mlp_augmented": Look(COLOURS["mlp"], "MLP, augmented"),
    "cnn": Look(COLOURS["cnn"], "CNN", "--"),
    "cnn_augmented": Look(COLOURS["cnn"], "CNN, augmented"),
}
# The same by the levels of model and augmentation.
GROUP_OF = {
    ("mlp", False): "mlp",
    ("mlp", True): "mlp_augmented",
    ("cnn", False): "cnn",
    ("cnn", True): "cnn_augmented",
}
