"""What the studies of domain shift and robustness find on disk: networks, digits, a paper."""

from pathlib import Path

from digitbench import layout
from digitbench.data import optical, usps
from digitbench.data.arrays import load_statistics
from digitbench.evaluation.conditions import load_domains
from digitbench.strict_yaml import read_mapping
from digitbench.studies.design import SOURCES
from digitbench.studies.domain_shift import Domain
from digitbench.studies.network_groups import NetworkGroup
from digitbench.studies.trained import load_variant

FETCH_USPS = "Run `dvc repro --force --single-item usps` in studies/domain_shift."


def load_groups(studies: Path) -> dict[str, NetworkGroup]:
    """All groups of the experiment.

    Args:
        studies: The folder of all studies.

    Raises:
        DigitbenchError: A study was not trained; the text names the file that is missing.
    """
    return {
        name: NetworkGroup(
            load_variant(studies / study, variant),
            load_statistics(studies / study / layout.STATISTICS),
        )
        for name, (study, variant) in SOURCES.items()
    }


def load_foreign_digits(root: Path) -> dict[str, Domain]:
    """USPS as the stage `usps` left it here, and the main pipeline's optical digits.

    Args:
        root: The folder of the main pipeline.

    Raises:
        DigitbenchError: A file is missing or damaged; the text says which stage to run.
    """
    digits = load_domains(("optical",), root / layout.RAW_DOMAINS)[optical.NAME]
    return {
        "usps": Domain(usps.VARIANT, *usps.load_usps(layout.RAW, FETCH_USPS)),
        "optical": Domain(optical.NAME, *digits),
    }


def published_on_usps(studies: Path) -> dict[str, float]:
    """Published accuracy on USPS in percent, by group."""
    content = read_mapping(studies / "pedrogiu13" / "published.yaml")
    by_variant = {
        item["model"]: float(item["value"])
        for item in content["results"]
        if item.get("dataset") == "usps"
    }
    return {
        name: by_variant[variant]
        for name, (study, variant) in SOURCES.items()
        if study == "pedrogiu13" and variant in by_variant
    }
