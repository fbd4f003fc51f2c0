"""Stage `evaluate`: the only one that touches the test set."""

from digitbench import layout
from digitbench.data.arrays import load_array, load_statistics
from digitbench.environment import fingerprint
from digitbench.evaluation import products
from digitbench.evaluation.classification import score_replicates
from digitbench.evaluation.predict import predict_all
from digitbench.evaluation.trained import load_trained
from digitbench.outputs import write_all
from digitbench.params import load_params
from digitbench.tracking.candidate import nominate
from digitbench.tracking.evaluation import record_evaluation


def main() -> None:
    """Run the stage."""
    params = load_params()
    settings, seeds = params.evaluate, params.seeds
    images, labels = load_array(layout.TEST_IMAGES), load_array(layout.TEST_LABELS)
    statistics, trained = load_statistics(), load_trained(params)
    stacks = predict_all(trained, images, statistics, settings.batch_size)
    scores = {name: score_replicates(name, stack, labels, seeds) for name, stack in stacks.items()}
    candidates = nominate(trained, scores, statistics, images)

    write_all(products.classification(trained, stacks, scores, labels))
    write_all(products.comparison(stacks, labels, scores, settings.confused_pairs))
    write_all(products.robustness_and_domains(trained, images, labels, statistics, settings))
    write_all(products.pictures(stacks, images, labels))
    write_all(products.sizes(trained))
    write_all(products.latency(trained, images, statistics, fingerprint()))

    record_evaluation(trained, scores, candidates)
