"""Stages `assess`: a variant of a study, by the paper's protocol and on the test set."""

from pathlib import Path

from digitbench import files
from digitbench.evaluation.predictions import as_trained, load_models, predict_all
from digitbench.params import load_plan
from digitbench.processed import read_images, read_statistics
from digitbench.studies.protocol import assess, load_confusions, load_validation_losses
from digitbench.training.arithmetic import enter

ROOT = Path("..")
# Images per forward pass; bounds memory, does not change results.
BATCH = 100


def main(name: str) -> None:
    """Run the stage for `<study>/<variant>` in the folder of all studies."""
    asked = load_plan(name)
    enter(asked.recipe.arithmetic)
    plan = as_trained(asked)
    images, labels = read_images(ROOT / files.TEST)
    trained = {plan.name: load_models(plan)}
    stack = predict_all(trained, images, read_statistics(plan.folder), BATCH)[plan.name]
    losses = load_validation_losses(plan)
    record = assess(plan, stack, labels, load_confusions(plan, losses), losses)
    record.write(plan.folder / files.METRICS / f"{plan.name}.json")
