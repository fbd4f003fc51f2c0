"""Section `peak`: how much of the machine's own matrix-product speed training reaches."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import joblib
import torch

from benchmarks.flop import COUNTED, training_flop
from benchmarks.inputs import cut, recipe
from benchmarks.ours import replicate_speed
from benchmarks.scale import Scale
from benchmarks.spread import rounded, summary
from digitbench.params import Params, load_params
from digitbench.training.data import TrainingData, load_training_data
from digitbench.training.recipe import settle

METHOD = (
    "Peak: product of two square matrices, the side with the highest median; on all cores the "
    "higher of one process per core with one thread each and one process with all threads. "
    "Training: images per second as in the section throughput, but next to no validation, times "
    "counted operations; on all cores one replicate per core. All in alternation in one run."
)
PRECISIONS = ("float32", "bfloat16")
# Enough for an epoch to be whole, too few to show in its time.
VALIDATION_IMAGES = 10

# Rates in each round by kind of measurement: (kind, precision, architecture or side).
Rounds = dict[tuple[str, str, str], list[float]]


def measure(scale: Scale, say: Callable[[str], None]) -> dict[str, Any]:
    """Products and trainings in turn; for a process of its own."""
    params = load_params()
    data = cut(load_training_data(), scale.images, VALIDATION_IMAGES)
    cores = int(joblib.cpu_count())
    flop = {name: training_flop(name, params.network(name)) for name in scale.architectures}
    rounds: dict[str, Rounds] = {"cpu": {}}
    if torch.cuda.is_available():
        rounds["cuda"] = {}
    _side_by_side(scale.sides[0], "float32", 0, cores)  # starts the workers
    for round_ in range(scale.repeats):
        _products(rounds["cpu"], scale, cores)
        _trainings(rounds["cpu"], scale, params, data, "cpu", cores)
        if "cuda" in rounds:
            _products_cuda(rounds["cuda"], scale)
            _trainings(rounds["cuda"], scale, params, data, "cuda", 1)
        say(f"round {round_ + 1} of {scale.repeats}")
    results = {device: shares(values, flop) for device, values in rounds.items()}
    precision = settle(params).precision
    for name, precisions in results["cpu"]["training"].items():
        share = precisions[precision]["all_cores"]["fraction_of_peak"]["median"]
        say(f"{name}: {100 * share:.0f} % of the peak of {cores} cores in {precision}")
    return {
        "method": METHOD,
        "counted": COUNTED,
        "precision": precision,
        "cores": cores,
        "flop_per_image": flop,
        "devices": results,
    }


def shares(rounds: Rounds, flop: dict[str, int]) -> dict[str, Any]:
    """Peaks, and what training reaches of them.

    Args:
        rounds: Operations per second of products, under the kinds `one_thread`, `side_by_side`,
            `all_threads`; images per second of trainings under `train_one` and `train_all`.
        flop: Operations per image by architecture.
    """
    products = {
        precision: {
            kind: _best_side(rounds, kind, precision)
            for kind in ("one_thread", "side_by_side", "all_threads")
            if any(key[:2] == (kind, precision) for key in rounds)
        }
        for precision in PRECISIONS
    }
    peaks = {
        precision: {
            "one_thread": kinds["one_thread"]["median"],
            "all_cores": max(kind["median"] for kind in kinds.values()),
        }
        for precision, kinds in products.items()
    }
    training = {
        name: {
            precision: {
                where: _share(rounds[kind, precision, name], peaks[precision][where], flop[name])
                for kind, where in (("train_one", "one_thread"), ("train_all", "all_cores"))
            }
            for precision in PRECISIONS
        }
        for name in flop
    }
    return {"matrix_products": products, "peak_flop_per_second": peaks, "training": training}


def matrix_product_rate(
    side: int, precision: str, threads: int, seconds: float, device: str = "cpu"
) -> float:
    """Operations per second of multiplying two matrices [side, side], over at least one product."""
    torch.set_num_threads(threads)
    dtype = getattr(torch, precision)
    left, right = (torch.rand(side, side).to(device, dtype) for _ in range(2))
    product = torch.empty_like(left)
    for _ in range(2):
        torch.mm(left, right, out=product)
    _wait(device)
    began, products = time.perf_counter(), 0
    while True:
        torch.mm(left, right, out=product)
        _wait(device)
        products += 1
        elapsed = time.perf_counter() - began
        if elapsed >= seconds:
            return 2 * side**3 * products / elapsed


def _share(images_per_second: list[float], peak: float, flop: int) -> dict[str, Any]:
    return {
        "images_per_second": summary(images_per_second),
        "flop_per_second": summary([rate * flop for rate in images_per_second]),
        "fraction_of_peak": summary([rate * flop / peak for rate in images_per_second]),
    }


def _best_side(rounds: Rounds, kind: str, precision: str) -> dict[str, Any]:
    sides = {key[2]: rates for key, rates in rounds.items() if key[:2] == (kind, precision)}
    best = max(sides, key=lambda side: median(sides[side]))
    by_side = {side: rounded(median(rates)) for side, rates in sides.items()}
    return {"side": int(best), **summary(sides[best]), "median_by_side": by_side}


def _products(rounds: Rounds, scale: Scale, cores: int) -> None:
    seconds = scale.product_seconds
    for precision in PRECISIONS:
        for side in scale.sides:
            for kind, rate in (
                ("one_thread", matrix_product_rate(side, precision, 1, seconds)),
                ("side_by_side", _side_by_side(side, precision, seconds, cores)),
                ("all_threads", matrix_product_rate(side, precision, cores, seconds)),
            ):
                rounds.setdefault((kind, precision, str(side)), []).append(rate)


def _products_cuda(rounds: Rounds, scale: Scale) -> None:
    """A GPU has one way of being used whole."""
    for precision in PRECISIONS:
        for side in scale.sides_cuda:
            rate = matrix_product_rate(side, precision, 1, scale.product_seconds, "cuda")
            rounds.setdefault(("one_thread", precision, str(side)), []).append(rate)


def _side_by_side(side: int, precision: str, seconds: float, cores: int) -> float:
    """One thread in each of as many worker processes as training would use."""
    rates = joblib.Parallel(n_jobs=cores, backend="loky", batch_size=1)(
        joblib.delayed(matrix_product_rate)(side, precision, 1, seconds) for _ in range(cores)
    )
    return float(sum(rates))


def _trainings(
    rounds: Rounds, scale: Scale, params: Params, data: TrainingData, device: str, cores: int
) -> None:
    for name in scale.architectures:
        for precision in PRECISIONS:
            settings = recipe(params, scale.epochs, precision=precision, device=device)
            section = params.network(name)
            for kind, replicates in (("train_one", 1), ("train_all", cores)):
                speed = replicate_speed(
                    name, section, settings, data, range(replicates), replicates
                )
                rounds.setdefault((kind, precision, name), []).append(speed.per_epoch)


def _wait(device: str) -> None:
    """Products on a GPU are queued; their time is that of their end."""
    if device == "cuda":
        torch.cuda.synchronize()
