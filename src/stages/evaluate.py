"""Stage `evaluate`: the only one that touches the test set."""

from digitbench import files
from digitbench.environment import fingerprint
from digitbench.evaluation import outputs
from digitbench.evaluation.predictions import as_trained, load_models, predict_all
from digitbench.evaluation.scores import score_replicates
from digitbench.files import write_all
from digitbench.params import load_params, main_plans
from digitbench.processed import read_images, read_statistics
from digitbench.tracking.registry import candidates
from digitbench.tracking.runs import record_evaluation
from digitbench.training.arithmetic import enter


def main() -> None:
    """Run the stage."""
    params = load_params()
    enter(params.arithmetic)
    settings, seeds = params.evaluate, params.seeds
    images, labels = read_images(files.TEST)
    plans = main_plans(params).items()
    trained = {name: load_models(as_trained(plan)) for name, plan in plans}
    statistics = read_statistics()
    stacks = predict_all(trained, images, statistics, settings.batch_size)
    scores = {name: score_replicates(name, stack, labels, seeds) for name, stack in stacks.items()}
    best = candidates(trained, scores, statistics, images)

    write_all(outputs.classification(trained, stacks, scores, labels))
    write_all(outputs.comparison(stacks, labels, scores, settings.confused_pairs))
    write_all(outputs.robustness_and_domains(trained, images, labels, statistics, settings))
    write_all(outputs.examples(stacks, images, labels))
    write_all(outputs.sizes(trained))
    write_all(outputs.latency(trained, images, statistics, fingerprint()))

    record_evaluation(trained, scores, best)
