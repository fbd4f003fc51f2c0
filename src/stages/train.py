"""Stages `train_<name>`: one replicate per seed, weights, curves, confusions and timings."""

import time

from digitbench import files
from digitbench.environment import fingerprint, project_root
from digitbench.files import write_bytes, write_csv, write_json, write_npz
from digitbench.params import load_plan
from digitbench.tracking.runs import TrainingRuns
from digitbench.training.data import load_training_data
from digitbench.training.recipe import settle
from digitbench.training.replicates import (
    CURVE_COLUMNS,
    Job,
    confusions,
    curve_rows,
    parallel_jobs,
    run_replicates,
    timing,
)


def main(name: str) -> None:
    """Run the stage for one architecture of the main pipeline, or one variant of a study."""
    began = time.perf_counter()
    plan = load_plan(name)
    recipe, seeds = settle(plan.recipe), plan.recipe.seeds
    job = Job(
        study=plan.study,
        name=name,
        architecture=plan.architecture,
        params=plan.params,
        recipe=recipe,
        data=load_training_data(plan.processed),
        checkpoints=project_root() / ".checkpoints",
    )
    jobs = parallel_jobs(len(seeds), recipe.device)
    with TrainingRuns(job, seeds) as runs:
        replicates = run_replicates(job, seeds, jobs, on_epoch=runs.log_epoch)
        for replicate in replicates:
            path = files.model_file(name, replicate.seed)
            write_bytes(path, replicate.weights)
            runs.log_model(replicate.seed, path)
        curves = files.CURVES / f"{name}.csv"
        write_csv(curves, CURVE_COLUMNS, curve_rows(replicates))
        runs.log_curves(curves)
    write_npz(files.CONFUSIONS / f"{name}.npz", confusions(replicates))
    record = timing(replicates, jobs, time.perf_counter() - began, recipe.precision, fingerprint())
    write_json(files.TIMING / f"{name}.json", record)
