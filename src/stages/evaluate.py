"""Stage `evaluate`: the only one that touches the test set."""

import numpy as np

from digitbench import layout
from digitbench.data.arrays import load_array, load_statistics
from digitbench.evaluation.classification import confusion_table, per_class_table, score_replicates
from digitbench.evaluation.comparison import comparison_record
from digitbench.evaluation.predict import predict_all
from digitbench.evaluation.record import architecture_record, summary_record
from digitbench.evaluation.trained import load_trained
from digitbench.outputs import write_csv, write_json, write_npz
from digitbench.params import load_params
from digitbench.tracking import EvaluationRecords


def main() -> None:
    """Run the stage."""
    params = load_params()
    images, labels = load_array(layout.TEST_IMAGES), load_array(layout.TEST_LABELS)
    trained = load_trained(params)
    probabilities = predict_all(trained, images, load_statistics(), params.evaluate.batch_size)

    scores = {}
    for name, stack in probabilities.items():
        scores[name] = score_replicates(stack, labels, params.seeds)
        arrays = {"probabilities": stack, "labels": labels, "seeds": np.array(params.seeds)}
        write_npz(layout.PREDICTIONS / f"{name}.npz", arrays)
        record = architecture_record(trained[name], scores[name])
        write_json(layout.METRICS / f"{name}.json", record)
        write_json(layout.SUMMARY / f"{name}.json", summary_record(record))
        write_csv(layout.CONFUSION / f"{name}.csv", *confusion_table(scores[name]))
        write_csv(layout.PER_CLASS / f"{name}.csv", *per_class_table(scores[name]))
    comparison = comparison_record(
        probabilities, labels, params.seeds, scores, params.evaluate.confused_pairs
    )
    write_json(layout.METRICS / "comparison.json", comparison)

    records = EvaluationRecords()
    for model in (model for replicates in trained.values() for model in replicates):
        headline = scores[model.architecture][model.seed].headline
        records.add(model.path, f"{model.architecture} seed {model.seed}", headline)
