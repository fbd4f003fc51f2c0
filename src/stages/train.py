"""Stages `train_<name>`: one replicate per seed, weights, curves, confusions and timings."""

import time

from digitbench import layout
from digitbench.data.arrays import load_training_data
from digitbench.environment import fingerprint, project_root
from digitbench.outputs import write_bytes, write_csv, write_json, write_npz
from digitbench.tracking.training import TrainingRuns
from digitbench.training.history import CURVE_COLUMNS, confusions, curve_rows, timing
from digitbench.training.plan import load_plan
from digitbench.training.recipe import settle
from digitbench.training.replicates import Job, parallel_jobs, run_replicates


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
            path = layout.model_file(name, replicate.seed)
            write_bytes(path, replicate.weights)
            runs.log_model(replicate.seed, path)
        curves = layout.CURVES / f"{name}.csv"
        write_csv(curves, CURVE_COLUMNS, curve_rows(replicates))
        runs.log_curves(curves)
    write_npz(layout.CONFUSIONS / f"{name}.npz", confusions(replicates))
    record = timing(replicates, jobs, time.perf_counter() - began, recipe.precision, fingerprint())
    write_json(layout.TIMING / f"{name}.json", record)
