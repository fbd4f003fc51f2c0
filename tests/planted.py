"""A store with other bytes under a key than those that its facts give."""

from pathlib import Path

from digitbench.execution.key import replicate_key
from digitbench.execution.store import Store
from digitbench.training import trainer
from digitbench.training.replicates import Job


def plant(job: Job, seed: int, store: Path) -> None:
    """Leave a half that is another replicate's as that of a seed."""
    progress = trainer.start(job.architecture, job.params, job.recipe, seed + 100)
    first = job.recipe.model_copy(update={"epochs": 1})
    trainer.train(progress, first, job.data, seed, lambda count: None, lambda progress: None)
    Store(str(store)).save(replicate_key(job, seed), progress)
