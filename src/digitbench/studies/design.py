"""The experiment behind the studies of domain shift and robustness, and where its networks are.

`pedrogiu13` compared an MLP without augmentation with a CNN with it. Two more groups of networks
complete the square, so that architecture and augmentation can be told apart.
"""

from digitbench.evaluation.factorial_design import Design, Factor, Level

MODEL = Factor("model", "mlp", "cnn")
AUGMENTATION = Factor("augmentation", False, True)
MAPPING = Factor("mapping", "stretch", "box")

# Levels of model and augmentation.
GROUPS: dict[str, tuple[Level, ...]] = {
    "mlp": ("mlp", False),
    "mlp_augmented": ("mlp", True),
    "cnn": ("cnn", False),
    "cnn_augmented": ("cnn", True),
}
# The study that trains a group, and the variant's name there.
SOURCES: dict[str, tuple[str, str]] = {
    "mlp": ("pedrogiu13", "mlp"),
    "mlp_augmented": ("domain_shift", "mlp_augmented"),
    "cnn": ("domain_shift", "cnn_plain"),
    "cnn_augmented": ("pedrogiu13", "cnn"),
}
ON_CORRUPTED_DIGITS = Design((MODEL, AUGMENTATION))
# Every network sees the digits of another origin in both mappings.
ON_FOREIGN_DIGITS = Design((MODEL, AUGMENTATION), (MAPPING,))

# Pairs of cells whose gap is split up: as far apart as the published numbers may be, and what is
# left of that if both networks are shown the same mapping.
GAPS: tuple[tuple[dict[str, Level], dict[str, Level]], ...] = tuple(
    (
        {"model": "mlp", "augmentation": False, "mapping": before},
        {"model": "cnn", "augmentation": True, "mapping": after},
    )
    for before, after in (("stretch", "box"), ("stretch", "stretch"), ("box", "box"))
)
