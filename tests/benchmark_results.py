"""Results of a benchmark that nobody ran: the committed ones, but for the numbers of tests."""

import json
from pathlib import Path
from typing import Any

from benchmarks.results import SECTIONS, quoted, spread

COMMITTED = Path(__file__).resolve().parents[1] / "benchmarks/results.json"
# Images per second in three rounds of the papers' loop, of one replicate and of all.
LOOP = (1_000.0, 2_000.0, 4_000.0)
ONE = (20_000.0, 21_000.0, 22_000.0)
ALL = (40_000.0, 41_000.0, 42_000.0)
SPEEDUP = {"mlp": 20.54, "cnn": 5.26, "rnn": 3.14, "lstm": 4.0}
SHARE = {"mlp": 0.123, "cnn": 0.456, "rnn": 0.07, "lstm": 0.999}


def told(*values: float) -> dict[str, Any]:
    return spread(values)


def whole() -> dict[str, Any]:
    """All sections, as results.json holds them."""
    content = json.loads(COMMITTED.read_text(encoding="utf-8"))
    for name in SECTIONS:
        environment = {"hardware": "Abacus Mk II, 2 cores", "system": "Linux x86_64"}
        content[name]["environment"] |= environment
        content[name] |= {"scale": "full", "repeats": 3}
        if "devices" in content[name]:
            content[name]["devices"] = {"cpu": content[name]["devices"]["cpu"]}
    contests = content["throughput"]["devices"]["cpu"]
    for name, contest in contests.items():
        rates = {"papers_loop": LOOP, "ours_one_replicate": ONE, "ours": ALL}
        contest["images_per_second"] |= {key: told(*values) for key, values in rates.items()}
        contest["speedup_over"]["papers_loop"] = told(*[SPEEDUP[name]] * 3)
    contests["mlp"]["images_per_second"]["scikit_learn"] = told(5_555, 5_555, 5_555)
    content["peak"]["precision"] = "float32"
    products = content["peak"]["devices"]["cpu"]["matrix_products"]["float32"]
    products["all_threads"] |= {"side": 512, **told(1.5e11, 1.5e11, 1.5e11)}
    for name, precisions in content["peak"]["devices"]["cpu"]["training"].items():
        for where, share in (("one_thread", 0.0321), ("all_cores", SHARE[name])):
            precisions["float32"][where]["fraction_of_peak"] = told(share, share, share)
    sizes = {"peak_resident": 765_000_000, "peak_unique": 432_000_000, "unique_before": 321_000_000}
    content["scaling"]["memory"]["bytes"]["rnn"] |= sizes
    content["scaling"]["replicates"]["rnn"]["8"]["images_per_second"] = told(31_337, 31_338, 31_339)
    content["pipeline"] |= {"pipeline_seconds": 234.5, "papers_loop_seconds": 345.6, "seeds": 4}
    epochs = {"mlp": told(9, 11), "cnn": told(59, 61)}
    content["pipeline"]["papers_loop"] = {"epochs": 5, "seconds_per_epoch": epochs}
    content["pipeline"]["stages"]["train_mlp"] = 77.7
    change = {"difference": 0.0015, "difference_low": -0.0048, "difference_high": 0.0079}
    content["precision"]["architectures"]["cnn"] |= {**change, "p_value_holm": 0.204}
    kinds = content["arithmetic"]["architectures"]["lstm"]
    kinds["native_float32"]["images_per_second"] = told(4_000, 4_000, 4_000)
    kinds["portable"] = {
        "images_per_second": told(999, 1_000, 1_001),
        "relative": told(0.1, 0.2, 0.3),
    }
    content["seeds"]["runs"]["few"] |= {"seeds": 4, "trained": 16, "kept": 0}
    more = {"seeds": 10, "trained": 24, "kept": 16, "seconds": 1_234.56, "training_seconds": 999.0}
    content["seeds"]["runs"]["more"] |= more
    content["seeds"]["runs"]["afresh"] |= {"seeds": 10, "trained": 40, "kept": 0}
    content["seeds"]["ratios"] = {"seconds": 0.654, "training_seconds": 0.612}
    of_two = {"images_per_second": told(7_653, 7_654, 7_655), "relative": told(1.8, 1.9, 2.0)}
    content["workers"]["workers"]["2"]["with_start_up"] = of_two
    hundred = content["cluster"]["workloads"]["hundred_seeds"]
    hundred["seconds"] = {
        pool: {"in_turn": 60 * minutes, "at_once": 30 * minutes}
        for pool, minutes in zip(hundred["seconds"], (200.0, 50.0, 10.0, 8.0), strict=True)
    }
    content["cluster"]["check"] = {"simulated_seconds": 3_600.0, "measured_seconds": 3_660.0}
    return quoted(content)
