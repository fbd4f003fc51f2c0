"""Whether networks were trained alike, so that a difference is one of architecture."""

from collections.abc import Iterator

from digitbench.checks.catalogue import Check
from digitbench.results.collection import Results
from digitbench.results.records import TrainingRecord
from digitbench.wording import NAMES, by_name, listing


def _trained_unlike(results: Results) -> Iterator[str]:
    settings = {name: _settings(results.training[name]) for name in results.ranking}
    unlike = {
        key: {name: own[key] for name, own in settings.items()}
        for key in next(iter(settings.values()))
    }
    told = [f"{key} ({by_name(of)})" for key, of in unlike.items() if len(set(of.values())) > 1]
    if told:
        yield f"{listing([NAMES[name] for name in settings])} differ in {listing(told)}."


def _settings(training: TrainingRecord) -> dict[str, str]:
    """What one comparison has in common, as text; the processor's kind moves last digits alone."""
    recipe = training.recipe.model_dump(exclude={"seeds", "device"})
    recipe |= recipe.pop("augmentation") | {"data": training.data.sha256[:12]}
    return {key.replace("_", " "): str(value) for key, value in recipe.items()}


TRAINED_UNLIKE = Check("DB008", "Networks not trained alike", Results, _trained_unlike)
