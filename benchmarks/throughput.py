"""Images learned from per second, against the usual ways and against the machine's own speed."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any

import joblib
import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import ours
from benchmarks.results import rounded, spread
from benchmarks.scale import PRECISIONS, Run, Say, Scale, described, fresh_process, run_afresh
from digitbench.execution.workers import parallel_jobs
from digitbench.params import load_params
from digitbench.training.data import TrainingData, load_training_data
from digitbench.training.model import build_model

DEVICES = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
# Enough for an epoch to be whole, too few to show in its time.
VALIDATION_IMAGES = 10
Kind = tuple[str, str, str]  # of a rate; its precision; the architecture, or the side of a matrix


def throughput(scale: Scale, say: Say) -> dict[str, Any]:
    """Images learned from per second.

    Ours: images / Epoch.seconds, which include the validation of every epoch, median over epochs
    but the first of each replicate, times the replicates at once; with_start_up is all images over
    the whole call, worker processes and first epochs included. Papers' loop: from the last batch of
    warm-up to the end of the epoch, no validation. scikit-learn: one epoch after a fit for warm-up.
    Speed-ups: ours with the default seeds side by side over the contestant, round by round.
    """
    params = load_params()
    devices: dict[str, dict[str, Any]] = {device: {} for device in DEVICES}
    with ExitStack() as stack:
        # Whose code it is has a process of its own that lives through the section.
        processes = [stack.enter_context(fresh_process()) for _ in range(3)]
        for device, contests in devices.items():
            at_once = parallel_jobs(len(params.seeds), device)
            for name in scale.architectures:
                rounds = scale.in_turn(_contestants(name, device, scale, *processes))
                contests[name] = contest(rounds, at_once)
                for other, ratio in contests[name]["speedup_over"].items():
                    say(
                        f"{name} on {device}: {ratio['median']:.1f} times {other.replace('_', ' ')}"
                    )
    return {
        "images": scale.images,
        "epochs": scale.epochs,
        "batch_size": params.batch_size,
        "precision": params.resolved().precision,
        "seeds": len(params.seeds),
        "cores": int(joblib.cpu_count()),
        "devices": devices,
    }


def _contestants(
    name: str, device: str, scale: Scale, loop: Run, own: Run, scikit_learn: Run
) -> dict[str, Callable[[], Any]]:
    """What is called in each round. The default seeds get a new process: their start counts too."""
    from benchmarks import contestants  # here: nothing that others load is there for the peak

    papers = partial(loop, contestants.papers_speed, name, scale.images, device)
    setting = ours.default_speed, name, scale.images, scale.epochs, device
    calls = {
        "papers_loop": partial(papers, contestants.LOOP_WORKERS, scale.loop_warm_up_batches),
        "papers_loop_without_workers": partial(papers, 0, scale.loop_warm_up_batches),
        "ours_one_replicate": partial(own, *setting, 1),
    }
    if (name, device) == ("mlp", "cpu"):
        calls["scikit_learn"] = partial(scikit_learn, contestants.perceptron_speed, scale.images)
    return {**calls, "ours": partial(run_afresh, *setting, None)}


def contest(rounds: Mapping[str, list[Any]], at_once: int) -> dict[str, Any]:
    """Rounds of all contestants as they are written down.

    Args:
        rounds: By contestant, images per second in each round; `Speed` for our two.
        at_once: How many replicates of ours run side by side.
    """
    others = {name: rates for name, rates in rounds.items() if not name.startswith("ours")}
    one = [speed.per_epoch for speed in rounds["ours_one_replicate"]]
    own = [speed.per_epoch for speed in rounds["ours"]]
    whole = [speed.with_start_up for speed in rounds["ours"]]
    every = {**others, "ours_one_replicate": one, "ours": own, "ours_with_start_up": whole}
    return {
        "images_per_second": {name: spread(rates) for name, rates in every.items()},
        "replicates_at_once": at_once,
        "speedup_over": {name: spread(own, rates) for name, rates in others.items()},
        "speedup_with_start_up_over": {
            name: spread(whole, rates) for name, rates in others.items()
        },
    }


def peak(scale: Scale, say: Say) -> dict[str, Any]:
    """How much of the machine's own matrix-product speed training reaches.

    Peak: product of two square matrices, the side with the highest median; on all cores the higher
    of one process per core with one thread each and one process with all threads. Training: images
    per second as in the section throughput, but next to no validation, times counted operations; on
    all cores one replicate per core. All in alternation in one run.
    """
    data = ours.cut(load_training_data(), scale.images, VALIDATION_IMAGES)
    cores, precision = int(joblib.cpu_count()), load_params().resolved().precision
    flop = {name: training_flop(name) for name in scale.architectures}
    _side_by_side(partial(product_rate, scale.sides[0], "float32", 0, "cpu"), cores)  # starts them
    calls = {device: _rates(scale, data, device, cores) for device in DEVICES}
    rounds = scale.in_turn(
        {(device, *kind): calls[device][kind] for device in DEVICES for kind in calls[device]}
    )
    devices = {
        device: shares({kind: rounds[device, *kind] for kind in calls[device]}, flop)
        for device in DEVICES
    }
    for name, reached in devices["cpu"]["training"].items():
        share = reached[precision]["all_cores"]["fraction_of_peak"]["median"]
        say(f"{name}: {100 * share:.0f} % of the peak of {cores} cores in {precision}")
    return {
        "counted": described(training_flop),
        "precision": precision,
        "cores": cores,
        "flop_per_image": flop,
        "devices": devices,
    }


def training_flop(architecture: str) -> int:
    """Operations of learning from one image.

    Matrix products and convolutions alone, forward and backward, a multiplication and an addition
    as two; biases, activations, pooling, loss and Adam are left out, and so is the gradient with
    respect to the pixels, which nobody computes.
    """
    # A real training step on torch's meta device, where nothing is computed and an LSTM runs as the
    # matrix products it consists of: the fused one of a CPU is unknown to the counter.
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build_model(architecture, load_params().network(architecture))
        image, label = torch.empty(1, 1, 28, 28), torch.empty(1, dtype=torch.int64)
        cross_entropy(model(image), label).backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def _rates(
    scale: Scale, data: TrainingData, device: str, cores: int
) -> dict[Kind, Callable[[], float]]:
    """What is called in each round; a GPU has one way of being used whole."""
    on_cpu = device == "cpu"
    calls: dict[Kind, Callable[[], float]] = {}
    for precision in PRECISIONS:
        for side in scale.sides:
            side = side if on_cpu else 4 * side
            rate = partial(product_rate, side, precision, scale.product_seconds, device)
            calls["one_thread", precision, str(side)] = partial(rate, 1)
            if on_cpu:
                calls["side_by_side", precision, str(side)] = partial(_side_by_side, rate, cores)
                calls["all_threads", precision, str(side)] = partial(rate, cores)
    for name in scale.architectures:
        for precision in PRECISIONS:
            plain = partial(ours.recipe, scale.epochs, precision=precision, device=device)
            for kind, count in (("train_one", 1), ("train_all", cores if on_cpu else 1)):
                setting = name, plain(seeds=tuple(range(count))), data, count
                calls[kind, precision, name] = partial(ours.epoch_speed, *setting)
    return calls


def _side_by_side(rate: Callable[[int], float], cores: int) -> float:
    """One thread in each of as many worker processes as training would use."""
    parallel = joblib.Parallel(n_jobs=cores, backend="loky", batch_size=1)
    return float(sum(parallel(joblib.delayed(rate)(1) for _ in range(cores))))


def product_rate(side: int, precision: str, seconds: float, device: str, threads: int) -> float:
    """Operations per second of multiplying two matrices [side, side], over at least one product."""
    torch.set_num_threads(threads)
    # Products on a GPU are queued; their time is that of their end.
    wait: Callable[[], None] = torch.cuda.synchronize if device == "cuda" else lambda: None
    dtype = getattr(torch, precision)
    left, right = (torch.rand(side, side).to(device, dtype) for _ in range(2))
    product = torch.empty_like(left)
    for _ in range(2):
        torch.mm(left, right, out=product)
    wait()
    began, products, elapsed = time.perf_counter(), 0, 0.0
    while not products or elapsed < seconds:
        torch.mm(left, right, out=product)
        wait()
        products += 1
        elapsed = time.perf_counter() - began
    return 2 * side**3 * products / elapsed


def shares(rounds: Mapping[Kind, list[float]], flop: Mapping[str, int]) -> dict[str, Any]:
    """Peaks, and what training reaches of them.

    Args:
        rounds: Operations per second of products, under the kinds `one_thread`, `side_by_side`,
            `all_threads`; images per second of trainings under `train_one` and `train_all`.
        flop: Operations per image by architecture.
    """
    products: dict[str, dict[str, Any]] = {precision: {} for precision in PRECISIONS}
    for kind, precision, _ in rounds:
        if not kind.startswith("train"):
            sides = {key[2]: rates for key, rates in rounds.items() if key[:2] == (kind, precision)}
            products[precision][kind] = _best_side(sides)
    peaks = {
        precision: {
            "one_thread": kinds["one_thread"]["median"],
            "all_cores": max(kind["median"] for kind in kinds.values()),
        }
        for precision, kinds in products.items()
    }

    def reached(rates: list[float], flop: int, peak: float) -> dict[str, Any]:
        return {
            "images_per_second": spread(rates),
            "flop_per_second": spread(rates, 1 / flop),
            "fraction_of_peak": spread(rates, peak / flop),
        }

    training = {
        name: {
            precision: {
                where: reached(rounds[kind, precision, name], flop[name], peaks[precision][where])
                for kind, where in (("train_one", "one_thread"), ("train_all", "all_cores"))
            }
            for precision in PRECISIONS
        }
        for name in flop
    }
    return {"matrix_products": products, "peak_flop_per_second": peaks, "training": training}


def _best_side(sides: Mapping[str, list[float]]) -> dict[str, Any]:
    best = max(sides, key=lambda side: median(sides[side]))
    by_side = {side: rounded(median(rates)) for side, rates in sides.items()}
    return {"side": int(best), **spread(sides[best]), "median_by_side": by_side}
