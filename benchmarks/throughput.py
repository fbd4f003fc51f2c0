"""Section `throughput`: images learned from per second, this project against the usual ways.

Contestants take turns. Whose code it is has a process of its own that lives through the section;
the default seeds side by side get a new one every time, because their start counts too.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import joblib
import torch

from benchmarks import loop, multilayer, ours
from benchmarks.processes import fresh_process
from benchmarks.scale import Scale
from benchmarks.spread import ratios, summary
from digitbench.params import load_params
from digitbench.training.recipe import settle

METHOD = (
    "Images learned from per second. Ours: images / Epoch.seconds, which include the validation of "
    "every epoch, median over epochs but the first of each replicate, times the replicates at "
    "once; with_start_up is all images over the whole call, worker processes and first epochs "
    "included. Papers' loop: from the last batch of warm-up to the end of the epoch, no "
    "validation. scikit-learn: one epoch after a fit for warm-up. Speed-ups: ours with the default "
    "seeds side by side over the contestant, round by round."
)
Call = Callable[[], Future[Any]]


def measure(scale: Scale, say: Callable[[str], None]) -> dict[str, Any]:
    """Every contestant in turn, architecture by architecture, on each device there is."""
    params = load_params()
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    with _processes() as processes:
        return {
            "method": METHOD,
            "images": scale.images,
            "epochs": scale.epochs,
            "batch_size": params.batch_size,
            "precision": settle(params).precision,
            "seeds": len(params.seeds),
            "cores": int(joblib.cpu_count()),
            "devices": {
                device: {
                    name: _contest(name, device, processes, scale, say)
                    for name in scale.architectures
                }
                for device in devices
            },
        }


def speeds(rounds: dict[str, list[Any]]) -> dict[str, Any]:
    """Rounds of all contestants as they are written down.

    Args:
        rounds: By contestant, images per second in each round; `Speed` for our two.
    """
    one, seeds = rounds["ours_one_replicate"], rounds["ours"]
    others = {name: values for name, values in rounds.items() if not name.startswith("ours")}
    per_epoch = [speed.per_epoch for speed in seeds]
    return {
        "images_per_second": {
            **{name: summary(values) for name, values in others.items()},
            "ours_one_replicate": summary([speed.per_epoch for speed in one]),
            "ours": summary(per_epoch),
            "ours_with_start_up": summary([speed.with_start_up for speed in seeds]),
        },
        "replicates_at_once": seeds[0].at_once,
        "speedup_over": {
            name: summary(ratios(per_epoch, values)) for name, values in others.items()
        },
        "speedup_with_start_up_over": {
            name: summary(ratios([speed.with_start_up for speed in seeds], values))
            for name, values in others.items()
        },
    }


def _contest(
    architecture: str,
    device: str,
    processes: dict[str, ProcessPoolExecutor],
    scale: Scale,
    say: Callable[[str], None],
) -> dict[str, Any]:
    calls = _contestants(architecture, device, processes, scale)
    rounds: dict[str, list[Any]] = {name: [] for name in [*calls, "ours"]}
    for _ in range(scale.repeats):
        for name, call in calls.items():
            rounds[name].append(call().result())
        with fresh_process() as fresh:
            rounds["ours"].append(
                fresh.submit(
                    ours.default_seeds, architecture, scale.images, scale.epochs, device
                ).result()
            )
    result = speeds(rounds)
    for name, ratio in result["speedup_over"].items():
        say(f"{architecture} on {device}: {ratio['median']:.1f} times {name.replace('_', ' ')}")
    return result


def _contestants(
    architecture: str, device: str, processes: dict[str, ProcessPoolExecutor], scale: Scale
) -> dict[str, Call]:
    """What is called in each round, besides the default seeds."""
    warm_up = scale.loop_warm_up_batches

    def papers_loop(workers: int) -> Call:
        setting = loop.Setting(architecture, scale.images, workers, device)
        return lambda: processes["loop"].submit(loop.images_per_second, setting, warm_up)

    calls = {
        "papers_loop": papers_loop(loop.WORKERS),
        "papers_loop_without_workers": papers_loop(0),
        "ours_one_replicate": lambda: processes["ours"].submit(
            ours.one_replicate, architecture, scale.images, scale.epochs, device
        ),
    }
    if architecture == "mlp" and device == "cpu":
        calls["scikit_learn"] = lambda: processes["scikit_learn"].submit(
            multilayer.images_per_second, scale.images
        )
    return calls


@contextmanager
def _processes() -> Iterator[dict[str, ProcessPoolExecutor]]:
    names = ("loop", "ours", "scikit_learn")
    with ExitStack() as stack:
        yield {name: stack.enter_context(fresh_process()) for name in names}
