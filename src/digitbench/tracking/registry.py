"""Registered models: what versions there are, and which one is champion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
ACCURACY_TAG = "test_accuracy"


@dataclass(frozen=True)
class Version:
    """One registered version, as its tags tell it."""

    architecture: str
    number: int
    sha256: str
    seed: int
    accuracy: dict[int, float]  # on the test set, by seed, of every replicate
    test_images: int
    experiment: str
    commit: str  # empty outside a repository
    is_champion: bool


def registered_name(architecture: str) -> str:
    """Name under which the versions of an architecture are registered."""
    return f"digitbench-{architecture}"


def find_versions(client: "MlflowClient", architecture: str) -> list[Version]:
    """The versions that `evaluate` registered, latest first; none is an empty list."""
    name = registered_name(architecture)
    if not client.search_registered_models(f"name = '{name}'"):
        return []
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    versions = [
        _read(version, is_champion=str(version.version) == str(champion))
        for version in client.search_model_versions(f"name = '{name}'")
        if ACCURACY_TAG in version.tags
    ]
    return sorted(versions, key=lambda version: -version.number)


def accuracy_text(accuracy: Mapping[int, float]) -> str:
    """Accuracy by seed as it stands in a tag."""
    return json.dumps({str(seed): accuracy[seed] for seed in sorted(accuracy)})


def _read(version: "ModelVersion", *, is_champion: bool) -> Version:
    tags = version.tags
    accuracy = json.loads(tags[ACCURACY_TAG])
    return Version(
        architecture=tags["architecture"],
        number=int(version.version),
        sha256=tags["model.sha256"],
        seed=int(tags["seed"]),
        accuracy={int(seed): float(value) for seed, value in accuracy.items()},
        test_images=int(tags["test_images"]),
        experiment=tags["experiment"],
        commit=tags.get("commit", ""),
        is_champion=is_champion,
    )
