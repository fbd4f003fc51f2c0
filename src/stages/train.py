"""Stages `train`: one replicate per seed; weights, curves, confusions and timings."""

import time
from pathlib import Path

from digitbench import files
from digitbench.environment import fingerprint, project_root
from digitbench.params import load_plan
from digitbench.tracking.runs import TrainingRuns
from digitbench.training.data import load_training_data
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
    """Run the stage for an architecture, or for `<study>/<variant>` in the folder of studies."""
    began = time.perf_counter()
    plan = load_plan(name)
    recipe, root = plan.recipe.resolved(), Path(".." if plan.study else ".")
    job = Job(
        **vars(plan) | {"recipe": recipe},
        data=load_training_data(root, plan.folder),
        checkpoints=project_root() / ".checkpoints",
    )
    jobs = parallel_jobs(len(recipe.seeds), recipe.device)
    with TrainingRuns(job, recipe.seeds) as runs:
        replicates = run_replicates(job, jobs, on_epoch=runs.log_epoch)
        for replicate in replicates:
            path = plan.folder / files.model_file(plan.name, replicate.seed)
            files.write_bytes(path, replicate.weights)
            runs.log_model(replicate.seed, path)
        curves = plan.folder / files.CURVES / f"{plan.name}.csv"
        files.write_csv(curves, CURVE_COLUMNS, curve_rows(replicates))
        runs.log_curves(curves)
    matrices = plan.folder / files.CONFUSIONS / f"{plan.name}.npz"
    files.write_npz(matrices, confusions(replicates))
    record = timing(replicates, jobs, time.perf_counter() - began, recipe.precision, fingerprint())
    files.write_json(plan.folder / files.TIMING / f"{plan.name}.json", record)
