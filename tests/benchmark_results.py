"""Results of a benchmark that nobody ran, every number of them chosen."""

from typing import Any

from benchmarks.results import merged
from benchmarks.spread import summary
from digitbench.params import ARCHITECTURES

# Images per second in three rounds of the papers' loop, of one replicate and of all.
LOOP = (1_000.0, 2_000.0, 4_000.0)
ONE = (20_000.0, 21_000.0, 22_000.0)
ALL = (40_000.0, 41_000.0, 42_000.0)
SPEEDUP = {"mlp": 20.54, "cnn": 5.26, "rnn": 3.14, "lstm": 4.0}
SHARE = {"mlp": 0.123, "cnn": 0.456, "rnn": 0.07, "lstm": 0.999}


def stamp() -> dict[str, Any]:
    """What every section carries."""
    return {
        "date": "2020-02-02",
        "environment": {
            "hardware": "Abacus Mk II, 2 cores",
            "system": "Linux x86_64",
            "python": "3.11.7",
            "torch": "2.0",
        },
        "git": {"git.commit": "0123456789abcdef", "git.dirty": "false"},
        "load_before": 0.1,
        "scale": "full",
        "seconds": 60,
        "repeats": 3,
        "method": "How it was measured.",
    }


def throughput() -> dict[str, Any]:
    contests = {}
    for name in ARCHITECTURES:
        rates = {"papers_loop": LOOP, "ours_one_replicate": ONE, "ours": ALL}
        if name == "mlp":
            rates["scikit_learn"] = (5_555.0,) * 3
        contests[name] = {
            "images_per_second": {key: summary(values) for key, values in rates.items()},
            "replicates_at_once": 2,
            "speedup_over": {"papers_loop": summary([SPEEDUP[name]] * 3)},
        }
    return {**stamp(), "precision": "float32", "seeds": 4, "devices": {"cpu": contests}}


def peak() -> dict[str, Any]:
    def share(value: float) -> dict[str, Any]:
        return {"fraction_of_peak": summary([value] * 3)}

    kinds = ("one_thread", "side_by_side", "all_threads")
    precisions = ("float32", "bfloat16")
    product = {kind: {"side": 512, **summary([1.5e11] * 3)} for kind in kinds}
    speed = {"one_thread": 1.5e11, "all_cores": 1.5e11}
    return {
        **stamp(),
        "counted": "What was counted.",
        "precision": "float32",
        "cores": 2,
        "flop_per_image": dict.fromkeys(ARCHITECTURES, 1_007_104),
        "devices": {
            "cpu": {
                "matrix_products": dict.fromkeys(precisions, product),
                "peak_flop_per_second": dict.fromkeys(precisions, speed),
                "training": {
                    name: {
                        precision: {"one_thread": share(0.0321), "all_cores": share(SHARE[name])}
                        for precision in precisions
                    }
                    for name in ARCHITECTURES
                },
            }
        },
    }


def scaling() -> dict[str, Any]:
    speed, none = summary([31_337.0] * 3), summary([1.0] * 3)
    sizes = {"peak_resident": 765e6, "peak_unique": 432e6, "unique_before": 321e6}
    return {
        **stamp(),
        "replicates": {
            name: {size: {"images_per_second": speed, "efficiency": none} for size in ("1", "8")}
            for name in ARCHITECTURES
        },
        "batch_size": {name: {"1024": {"images_per_second": speed}} for name in ARCHITECTURES},
        "data_size": {name: {"4": {"microseconds_per_image": none}} for name in ARCHITECTURES},
        "memory": {"method": "How memory is read.", "bytes": dict.fromkeys(ARCHITECTURES, sizes)},
    }


def pipeline() -> dict[str, Any]:
    return {
        **stamp(),
        "pipeline_seconds": 234.5,
        "papers_loop_seconds": 345.6,
        "papers_loop": {
            "epochs": 5,
            "seconds_per_epoch": {"mlp": summary([9.0, 11.0]), "cnn": summary([59.0, 61.0])},
        },
        "seeds": 4,
        "phases": {"data": 4.0, "training": 200.0},
        "stages": {"train_mlp": 77.7},
        "download_seconds": 3.0,
        "no_op_seconds": summary([1.2, 1.3, 1.4]),
        "start_up_seconds": {"report": summary([0.7, 0.8, 0.9])},
    }


def precision() -> dict[str, Any]:
    change = {
        "float32": {"0": 0.97, "1": 0.98},
        "bfloat16": {"0": 0.971, "1": 0.982},
        "difference": 0.0015,
        "difference_low": -0.0048,
        "difference_high": 0.0079,
        "p_value_holm": 0.204,
        "verdict": "no evidence",
    }
    return {
        **stamp(),
        "epochs": 5,
        "validation_images": 6_000,
        "architectures": dict.fromkeys(ARCHITECTURES, change),
    }


def whole() -> dict[str, Any]:
    """All sections, as results.json holds them."""
    found: dict[str, Any] = {}
    for section in (precision, pipeline, scaling, peak, throughput):
        found = merged(found, section.__name__, section())
    return found
