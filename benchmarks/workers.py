"""What more worker processes do to the speed, up to the cores there are and beyond."""

from functools import partial
from typing import Any

import joblib

from benchmarks.ours import speed_by
from benchmarks.results import spread
from benchmarks.scale import Say, Scale, run_afresh


def workers(scale: Scale, say: Say) -> dict[str, Any]:
    """The same replicates of one network by so many worker processes, as DIGITBENCH_JOBS asks.

    Images per second of all replicates over the whole call, with the start of the processes and
    first epochs, as somebody waits for it; and without: images / Epoch.seconds, median over epochs
    but the first of each replicate, times the processes. Relative: over one process, round by
    round. Counts above the cores show that there is nothing more to be had. CPU.
    """
    size = scale.worker_architecture, scale.replicate_images, scale.epochs, max(scale.workers)
    rounds = scale.in_turn(
        {count: partial(run_afresh, speed_by, count, *size) for count in scale.workers}
    )
    one = rounds[scale.workers[0]]
    by_count = {}
    for count, speeds in rounds.items():
        by_count[str(count)] = {
            kind: {
                "images_per_second": spread([getattr(speed, kind) for speed in speeds]),
                "relative": spread(
                    [getattr(speed, kind) for speed in speeds],
                    [getattr(speed, kind) for speed in one],
                ),
            }
            for kind in one[0]._fields
        }
        relative = by_count[str(count)]["with_start_up"]["relative"]["median"]
        say(f"{count} at once: {relative:.2f} times the speed of one")
    return {
        "cores": int(joblib.cpu_count()),
        "architecture": scale.worker_architecture,
        "replicates": max(scale.workers),
        "images": scale.replicate_images,
        "epochs": scale.epochs,
        "workers": by_count,
    }
