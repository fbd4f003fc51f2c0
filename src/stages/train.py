"""Stages `train_<architecture>`: one replicate per seed, weights, curves and timings."""

import time

from digitbench import layout
from digitbench.data.arrays import load_training_data
from digitbench.environment import fingerprint, project_root
from digitbench.outputs import write_bytes, write_csv, write_json
from digitbench.params import architecture_params, load_params
from digitbench.tracking import TrainingRuns
from digitbench.training.history import CURVE_COLUMNS, curve_rows, timing
from digitbench.training.recipe import settle
from digitbench.training.replicates import Job, parallel_jobs, run_replicates


def main(architecture: str) -> None:
    """Run the stage for one architecture."""
    began = time.perf_counter()
    params = load_params()
    recipe = settle(params)
    job = Job(
        architecture=architecture,
        params=architecture_params(params, architecture),
        recipe=recipe,
        data=load_training_data(),
        checkpoints=project_root() / ".checkpoints",
    )
    jobs = parallel_jobs(len(params.seeds), recipe.device)
    with TrainingRuns(job, params.seeds) as runs:
        replicates = run_replicates(job, params.seeds, jobs, on_epoch=runs.log_epoch)
        for replicate in replicates:
            path = layout.model_file(architecture, replicate.seed)
            write_bytes(path, replicate.weights)
            runs.log_model(replicate.seed, path)
        curves = layout.CURVES / f"{architecture}.csv"
        write_csv(curves, CURVE_COLUMNS, curve_rows(replicates))
        runs.log_curves(curves)
    record = timing(replicates, jobs, time.perf_counter() - began, recipe.precision, fingerprint())
    write_json(layout.TIMING / f"{architecture}.json", record)
