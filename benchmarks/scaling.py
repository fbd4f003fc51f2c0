"""Section `scaling`: what more replicates, larger batches and more data do to the speed."""

from collections.abc import Callable
from typing import Any

import joblib

from benchmarks import memory
from benchmarks.inputs import cut, recipe, repeated
from benchmarks.ours import replicate_speed, update_cost
from benchmarks.processes import fresh_process
from benchmarks.scale import Scale
from benchmarks.spread import ratios, summary
from digitbench.params import Params, load_params
from digitbench.training.data import TrainingData, load_training_data
from digitbench.training.replicates import parallel_jobs

METHOD = (
    "On the CPU. Replicates: images per second as in the section throughput, as many at once as "
    "there are cores; efficiency is the speed over that of one replicate times those at once. "
    "Batch size: images per second of some updates, one replicate. Data size: microseconds per "
    "image while learning, the train part lying in memory so many times over; what comes before "
    "the first update is spread over the images of the epoch and included."
)
MICROSECONDS = 1e6
Say = Callable[[str], None]


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    """The four parts; for a process of its own. A replicate's memory is taken in yet others."""
    params, data = load_params(), load_training_data()
    data = cut(data, min(scale.data_images, len(data.train_index)))
    return {
        "method": METHOD,
        "cores": int(joblib.cpu_count()),
        "replicates": _by_replicates(scale, params, cut(data, scale.replicate_images), say),
        "batch_size": _by_batch_size(scale, params, data, say),
        "data_size": _by_data_size(scale, params, data, say),
        "memory": _memory(scale, say),
    }


def _by_replicates(scale: Scale, params: Params, data: TrainingData, say: Say) -> dict[str, Any]:
    settings = recipe(params, epochs=2)
    result = {}
    for name in scale.architectures:
        section = params.network(name)
        jobs = {count: parallel_jobs(count, "cpu") for count in scale.replicates}
        rounds: dict[int, list[float]] = {count: [] for count in scale.replicates}
        for _ in range(scale.repeats):
            for count, values in rounds.items():
                speed = replicate_speed(name, section, settings, data, range(count), jobs[count])
                values.append(speed.per_epoch)
        alone = rounds[scale.replicates[0]]
        result[name] = {
            str(count): {
                "at_once": jobs[count],
                "images_per_second": summary(values),
                "efficiency": summary([r / jobs[count] for r in ratios(values, alone)]),
            }
            for count, values in rounds.items()
        }
        say(f"{name}: replicates {', '.join(map(str, rounds))}")
    return result


def _by_batch_size(scale: Scale, params: Params, data: TrainingData, say: Say) -> dict[str, Any]:
    result = {}
    for name in scale.architectures:
        section = params.network(name)
        rounds: dict[int, list[float]] = {size: [] for size in scale.batch_sizes}
        for _ in range(scale.repeats):
            for size, values in rounds.items():
                settings = recipe(params, epochs=1, batch_size=size)
                cost = update_cost(name, section, settings, data, scale.update_images)
                values.append(1 / cost.update)
        result[name] = {
            str(size): {"images_per_second": summary(values)} for size, values in rounds.items()
        }
        say(f"{name}: batches of {', '.join(map(str, rounds))}")
    return result


def _by_data_size(scale: Scale, params: Params, data: TrainingData, say: Say) -> dict[str, Any]:
    settings = recipe(params, epochs=1)
    larger = {times: repeated(data, times) for times in scale.data_sizes}
    result = {}
    for name in scale.architectures:
        section = params.network(name)
        rounds: dict[int, list[float]] = {times: [] for times in scale.data_sizes}
        for _ in range(scale.repeats):
            for times, values in rounds.items():
                cost = update_cost(name, section, settings, larger[times], scale.update_images)
                values.append(MICROSECONDS * (cost.preparation + cost.update))
        first = rounds[scale.data_sizes[0]]
        result[name] = {
            str(times): {
                "images": len(larger[times].train_index),
                "microseconds_per_image": summary(values),
                "relative": summary(ratios(values, first)),
            }
            for times, values in rounds.items()
        }
        say(f"{name}: data {', '.join(f'x{times}' for times in rounds)}")
    return result


def _memory(scale: Scale, say: Say) -> dict[str, Any]:
    result = {}
    for name in scale.architectures:
        with fresh_process() as fresh:
            result[name] = fresh.submit(memory.of_one_replicate, name, scale.memory_images).result()
        say(f"{name}: {result[name]['peak_resident'] / 1e6:.0f} MB resident at the peak")
    return {"method": memory.METHOD, "bytes": result}
