"""Valid files: committed ones, and small ones made here."""

import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import review_data
from digitbench.download import digits
from digitbench.results.clocks import TimingRecord

ROOT = Path(__file__).resolve().parents[2]
Files = Mapping[str, bytes]
IMAGES, SIDE = 40, 28


def committed(*patterns: str) -> dict[str, bytes]:
    """Files of this repository by pattern."""
    paths = chain.from_iterable(sorted(ROOT.glob(pattern)) for pattern in patterns)
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}


def npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def npz(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def drawn() -> np.random.Generator:
    return np.random.default_rng(0)


def idx_files() -> dict[str, bytes]:
    images = drawn().integers(0, 256, (IMAGES, SIDE, SIDE)).astype(np.uint8)
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    parts = {"images-idx3": images, "labels-idx1": labels}
    return {
        f"data/raw/mnist/{part}-{name}-ubyte": digits.encode(array)
        for part in ("train", "t10k")
        for name, array in parts.items()
    }


def arrays() -> dict[str, bytes]:
    images = drawn().integers(0, 256, (IMAGES, SIDE, SIDE)).astype(np.uint8)
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    index = np.arange(IMAGES, dtype=np.int64)
    return {
        "data/processed/train/images.npy": npy(images),
        "data/processed/train/labels.npy": npy(labels),
        "data/processed/test/images.npy": npy(images),
        "data/processed/test/labels.npy": npy(labels),
        "data/processed/split/train.npy": npy(index[index % 4 > 0]),
        "data/processed/split/validation.npy": npy(index[index % 4 == 0]),
        "data/processed/split/statistics.json": b'{\n  "mean": 0.13,\n  "std": 0.31\n}\n',
    }


SMALL = b"mlp:\n  hidden: [4]\n  dropout_hidden: 0.0\n  dropout: 0.2\n"


@cache
def small_params() -> bytes:
    """The committed parameters with two seeds and a tiny MLP."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("\nmlp:")
    tail = rest[rest.index("\ncnn:") :]
    return (head.replace("- 2\n- 3\n", "") + "\n" + SMALL.decode() + tail).encode()


@cache
def weights() -> dict[str, bytes]:
    from digitbench.models.mlp import Params
    from digitbench.training.model import build_model, weights_to_bytes

    params = Params(hidden=(4,), dropout_hidden=0.0, dropout=0.2)
    return {
        f"models/mlp/seed-{seed}.safetensors": weights_to_bytes(build_model("mlp", params))
        for seed in (0, 1)
    }


def account() -> dict[str, bytes]:
    content = json.loads((ROOT / "metrics/training/mlp.json").read_bytes())
    content["network"] = {"hidden": [4], "dropout_hidden": 0.0, "dropout": 0.2}
    content["recipe"]["seeds"] = [0, 1]
    content["weights"] = {}
    return {"metrics/training/mlp.json": json.dumps(content).encode()}


def project() -> dict[str, bytes]:
    return {
        **arrays(),
        **weights(),
        **account(),
        "params.yaml": small_params(),
        "metrics/timing/mlp.json": (ROOT / "metrics/timing/mlp.json").read_bytes(),
    }


def only(files: Callable[[], Files], *names: str) -> Callable[[], Files]:
    return lambda: {path: files()[path] for path in names}


def study_files() -> dict[str, bytes]:
    return {
        f"studies/{name}": content
        for name, content in (
            *(
                (f"pavon2025/{part}", (ROOT / f"studies/pavon2025/{part}").read_bytes())
                for part in ("params.yaml", "published.yaml")
            ),
            ("literature.yaml", (ROOT / "studies/literature.yaml").read_bytes()),
        )
    }


def confusions() -> dict[str, bytes]:
    table = np.tile(np.eye(10, dtype=np.int64), (2, 1, 1))
    header = "seed,epoch,train_loss,train_accuracy,validation_loss,validation_accuracy\n"
    lines = [f"{seed},{epoch},0.5,0.9,0.4,1.0\n" for seed in (0, 1) for epoch in (1, 2)]
    return {
        "data/confusions/mlp.npz": npz(**{"seed-0": table, "seed-1": table}),
        "plots/curves/mlp.csv": (header + "".join(lines)).encode(),
    }


def predictions() -> dict[str, bytes]:
    record = review_data.named("mlp", review_data.record({0: 0.9, 1: 0.9}, images=IMAGES * 10))
    timing = TimingRecord.of(
        {0: [1.0], 1: [1.0]}, 2.0, replicates_at_once=1, keys={0: "a" * 64, 1: "b" * 64}
    )
    stack = np.full((2, IMAGES, 10), 0.1, np.float32)
    return {
        "metrics/mlp.json": json.dumps(record.content(), default=vars).encode(),
        "metrics/timing/mlp.json": json.dumps(timing.content(), default=vars).encode(),
        "data/predictions/mlp.npz": npz(
            seeds=np.array([0, 1]), labels=np.zeros(IMAGES, np.uint8), probabilities=stack
        ),
    }


def picture(kind: str) -> bytes:
    image = np.full((40, 40), 255, np.uint8)
    image[8:32, 18:23] = 20
    target = io.BytesIO()
    Image.fromarray(image).save(target, kind)
    return target.getvalue()


def everything() -> dict[str, bytes]:
    """What the report reads, as it is committed."""
    return committed(
        "params.yaml",
        "metrics/*.json",
        "metrics/t*/*.json",
        "plots/*/*.csv",
        "plots/*/*/*.csv",
        "plots/evaluate/examples/*.npz",
        "plots/preprocess/*",
        "studies/summary.csv",
        "studies/nguyen2026/published.yaml",
        "studies/domain_shift/metrics/*.json",
        "benchmarks/results.json",
        "README.md",
    )


def all_studies() -> dict[str, bytes]:
    return committed(
        "metrics/*.json",
        "metrics/timing/evaluate.json",
        "plots/evaluate/robustness.csv",
        "plots/preprocess/classes.csv",
        "studies/*/metrics/**/*.json",
        "studies/*/published.yaml",
        "studies/literature.yaml",
    )
