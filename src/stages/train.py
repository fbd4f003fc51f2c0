"""Stages `train`: one replicate per seed; weights, curves, confusions, the account, timings."""

import hashlib
import time
from pathlib import Path

from digitbench import files
from digitbench.execution.workers import execute
from digitbench.params import load_plan
from digitbench.processed import read_training_data
from digitbench.results.clocks import TimingRecord
from digitbench.tracking.runs import TrainingRuns
from digitbench.training import replicates as training
from digitbench.training.arithmetic import enter


def main(name: str) -> None:
    """Run the stage for an architecture, or for `<study>/<variant>` in the folder of studies."""
    began = time.perf_counter()
    plan = load_plan(name)
    enter(plan.recipe.arithmetic)
    recipe, folder = plan.recipe.resolved(), plan.folder
    data = read_training_data(Path(".." if plan.study else "."), folder)
    job = training.Job(**vars(plan) | {"recipe": recipe}, data=data)
    curves = folder / files.CURVES / f"{plan.name}.csv"
    with TrainingRuns(job, recipe.seeds) as runs:
        replicates, how = execute(job, runs)
        for replicate in replicates:
            path = folder / files.model_file(plan.name, replicate.seed)
            files.write_bytes(path, replicate.weights)
            runs.log_model(replicate.seed, path)
        files.write_csv(curves, training.CURVE_COLUMNS, training.curve_rows(replicates))
        runs.log_curves(curves)
    confusions = training.confusions(replicates)
    files.write_npz(folder / files.CONFUSIONS / f"{plan.name}.npz", confusions)
    weights = {r.seed: hashlib.sha256(r.weights).hexdigest() for r in replicates}
    account = training.account(job) | {"weights": weights}
    files.write_json(folder / files.TRAININGS / f"{plan.name}.json", account)
    seconds = {r.seed: [epoch.seconds for epoch in r.history] for r in replicates}
    record = TimingRecord.of(seconds, time.perf_counter() - began, **how)
    record.write(folder / files.TIMING / f"{plan.name}.json")
