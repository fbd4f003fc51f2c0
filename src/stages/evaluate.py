"""Stage `evaluate`: the only one that touches the test set."""

from digitbench import files
from digitbench.environment import fingerprint
from digitbench.evaluation import outputs
from digitbench.evaluation.predictions import load_trained, predict_all
from digitbench.evaluation.scores import score_replicates
from digitbench.files import write_all
from digitbench.params import load_params
from digitbench.tracking.registry import candidates
from digitbench.tracking.runs import record_evaluation
from digitbench.training.data import load_array, load_statistics


def main() -> None:
    """Run the stage."""
    params = load_params()
    settings, seeds = params.evaluate, params.seeds
    images, labels = load_array(files.TEST_IMAGES), load_array(files.TEST_LABELS)
    statistics, trained = load_statistics(), load_trained(params)
    stacks = predict_all(trained, images, statistics, settings.batch_size)
    scores = {name: score_replicates(name, stack, labels, seeds) for name, stack in stacks.items()}
    best = candidates(trained, scores, statistics, images)

    write_all(outputs.classification(trained, stacks, scores, labels))
    write_all(outputs.comparison(stacks, labels, scores, settings.confused_pairs))
    write_all(outputs.robustness_and_domains(trained, images, labels, statistics, settings))
    write_all(outputs.pictures(stacks, images, labels))
    write_all(outputs.sizes(trained))
    write_all(outputs.latency(trained, images, statistics, fingerprint()))

    record_evaluation(trained, scores, best)
