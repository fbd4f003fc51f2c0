"""What more replicates, larger batches and more data do to the speed."""

import dataclasses
from functools import partial
from typing import Any

import joblib
import numpy as np

from benchmarks.ours import cut, epoch_speed, memory_of_one_replicate, recipe, update_cost
from benchmarks.results import spread
from benchmarks.scale import Say, Scale, described, run_afresh
from digitbench.execution.workers import parallel_jobs
from digitbench.training.data import TrainingData, load_training_data

MICROSECONDS = 1e6


def scaling(scale: Scale, say: Say) -> dict[str, Any]:
    """On the CPU.

    Replicates: images per second as in the section throughput, as many at once as there are cores;
    efficiency is the speed over that of one replicate times those at once. Batch size: images per
    second of some updates, one replicate. Data size: microseconds per image while learning, the
    train part lying in memory so many times over; what comes before the first update is spread over
    the images of the epoch and included.
    """
    data = load_training_data()
    data = cut(data, min(scale.data_images, len(data.train_index)))
    parts = {
        "replicates": partial(_by_replicates, scale, cut(data, scale.replicate_images)),
        "batch_size": partial(_by_batch_size, scale, data),
        "data_size": partial(_by_data_size, scale, data),
        "memory": partial(run_afresh, memory_of_one_replicate, scale.data_images),
    }
    found: dict[str, Any] = {part: {} for part in parts}
    for part, measure in parts.items():
        for name in scale.architectures:
            found[part][name] = measure(name)
            say(f"{name}: {part.replace('_', ' ')}")
    memory = {"method": described(memory_of_one_replicate), "bytes": found["memory"]}
    return {"cores": int(joblib.cpu_count()), **found, "memory": memory}


def _by_replicates(scale: Scale, data: TrainingData, name: str) -> dict[str, Any]:
    jobs = {count: parallel_jobs(count, "cpu") for count in scale.replicates}
    speed = partial(epoch_speed, name, data=data)
    rounds = scale.in_turn(
        {
            count: partial(speed, recipe(2, seeds=tuple(range(count))), jobs=at_once)
            for count, at_once in jobs.items()
        }
    )
    alone = rounds[scale.replicates[0]]
    return {
        str(count): {
            "at_once": jobs[count],
            "images_per_second": spread(rates),
            "efficiency": spread([rate / jobs[count] for rate in rates], alone),
        }
        for count, rates in rounds.items()
    }


def _by_batch_size(scale: Scale, data: TrainingData, name: str) -> dict[str, Any]:
    cost = partial(update_cost, name, data=data, images=scale.update_images)
    rounds = scale.in_turn(
        {size: partial(cost, recipe(1, batch_size=size)) for size in scale.batch_sizes}
    )
    return {
        str(size): {"images_per_second": spread([1 / update for _, update in costs])}
        for size, costs in rounds.items()
    }


def _by_data_size(scale: Scale, data: TrainingData, name: str) -> dict[str, Any]:
    larger = {times: repeated(data, times) for times in scale.data_sizes}
    cost = partial(update_cost, name, recipe(1), images=scale.update_images)
    rounds = scale.in_turn({times: partial(cost, each) for times, each in larger.items()})
    seconds = {
        times: [MICROSECONDS * sum(cost) for cost in costs] for times, costs in rounds.items()
    }
    return {
        str(times): {
            "images": len(larger[times].train_index),
            "microseconds_per_image": spread(values),
            "relative": spread(values, seconds[scale.data_sizes[0]]),
        }
        for times, values in seconds.items()
    }


def repeated(data: TrainingData, times: int) -> TrainingData:
    """The train part several times over in memory, not one image referred to several times."""
    index = np.concatenate([data.validation_index, *[data.train_index] * times])
    held_out = len(data.validation_index)
    return dataclasses.replace(
        data,
        images=data.images[index],
        labels=data.labels[index],
        train_index=np.arange(held_out, len(index)),
        validation_index=np.arange(held_out),
    )
