"""Stage `evaluate`: the only one that touches the test set."""

import numpy as np

from digitbench import layout
from digitbench.data.arrays import load_array, load_statistics
from digitbench.evaluation.classification import confusion_rows, per_class_rows, score_replicates
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
        confusion = confusion_rows(scores[name])
        write_csv(
            layout.CONFUSION / f"{name}.csv", ("actual", "predicted", "count", "rate"), confusion
        )
        per_class = ("digit", "metric", "mean", "std", "ci95_low", "ci95_high")
        write_csv(layout.PER_CLASS / f"{name}.csv", per_class, per_class_rows(scores[name]))
    comparison = comparison_record(
        probabilities, labels, params.seeds, scores, params.evaluate.confused_pairs
    )
    write_json(layout.METRICS / "comparison.json", comparison)

    records = EvaluationRecords()
    for name, models in trained.items():
        for model in models:
            label = f"{name} seed {model.seed}"
            records.add(model.path, label, scores[name][model.seed].headline)
