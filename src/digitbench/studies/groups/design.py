"""The experiment behind the studies of domain shift and robustness, and where its networks are.

`pedrogiu13` compared an MLP without augmentation with a CNN with it. Two more groups of networks
complete the square, so that architecture and augmentation can be told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitbench import files
from digitbench.download import digits
from digitbench.evaluation.corruptions import Images
from digitbench.evaluation.domains import load_domains
from digitbench.evaluation.predictions import (
    TrainedModel,
    as_trained,
    load_models,
    predict_all,
)
from digitbench.evaluation.scores import Labels
from digitbench.params import load_plan
from digitbench.processed import read_statistics
from digitbench.schema import read_mapping
from digitbench.statistics.factorial import Design, Factor, Level
from digitbench.training.data import PixelStatistics

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


@dataclass(frozen=True)
class Domain:
    """Digits of one origin."""

    name: str  # with the variant
    images: Images  # as the domain has them, white on black [N, h, h]
    labels: Labels  # [N]


@dataclass(frozen=True)
class NetworkGroup:
    """Replicates of one recipe, and the statistics of the pixels that they were trained on."""

    models: Sequence[TrainedModel]
    statistics: PixelStatistics

    @property
    def seeds(self) -> list[int]:
        """In the order of the replicates."""
        return [model.seed for model in self.models]


def predict_groups(
    groups: Mapping[str, NetworkGroup], images: NDArray[np.uint8], batch_size: int
) -> dict[str, NDArray[np.float32]]:
    """Probabilities [S, N, 10] of images [N, 28, 28] per group, S of its own."""
    stacks: dict[str, NDArray[np.float32]] = {}
    for name, group in groups.items():
        stacks |= predict_all({name: group.models}, images, group.statistics, batch_size)
    return stacks


FETCH_USPS = "Run `dvc repro --force --single-item studies/dvc.yaml:usps`."


def load_groups() -> dict[str, NetworkGroup]:
    """All groups of the experiment; the working directory is the folder of all studies.

    Raises:
        DigitbenchError: A study was not trained; the text names the file that is missing.
    """
    plans = {
        name: as_trained(load_plan(f"{study}/{variant}"))
        for name, (study, variant) in SOURCES.items()
    }
    return {
        name: NetworkGroup(load_models(plan), read_statistics(plan.folder))
        for name, plan in plans.items()
    }


def load_foreign_digits(root: Path, usps: Path) -> dict[str, Domain]:
    """USPS as the stage `usps` left it, and the main pipeline's optical digits.

    Args:
        root: The folder of the main pipeline.
        usps: The folder of the USPS files.

    Raises:
        DigitbenchError: A file is missing or damaged; the text says which stage to run.
    """
    optical = load_domains(("optical",), root / files.RAW_DOMAINS)[digits.NAME]
    return {
        "usps": Domain(digits.VARIANT, *digits.load_usps(usps, FETCH_USPS)),
        "optical": Domain(digits.NAME, *optical),
    }


def published_on_usps(studies: Path) -> dict[str, float]:
    """Published accuracy on USPS in percent, by group."""
    content = read_mapping(studies / "pedrogiu13" / "published.yaml")
    groups = {source: name for name, source in SOURCES.items()}
    return {
        groups["pedrogiu13", item["model"]]: float(item["value"])
        for item in content["results"]
        if item.get("dataset") == "usps"
    }
