"""How much is measured: all of it, or a try-out that only shows that everything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from digitbench.params import ARCHITECTURES


@dataclass(frozen=True)
class Scale:
    """Sizes of every measurement. Images are those of one epoch unless said otherwise."""

    name: str
    folder: str  # of the results, in this one
    repeats: int
    architectures: tuple[str, ...]

    # Throughput and share of the peak. The first epoch of every replicate is warm-up.
    images: int
    epochs: int
    loop_warm_up_batches: int

    # Matrix products.
    sides: tuple[int, ...]
    sides_cuda: tuple[int, ...]
    product_seconds: float

    # Scaling.
    replicates: tuple[int, ...]
    replicate_images: int
    batch_sizes: tuple[int, ...]
    data_sizes: tuple[int, ...]
    data_images: int  # train part that is repeated
    update_images: int  # that are timed, whatever the size of the batch or of the data
    memory_images: int

    # Precision. At most what params.yaml asks for and what there is.
    precision_images: int
    precision_epochs: int

    # Pipeline.
    loop_images: int  # of the papers' epoch; their train part is 60,000
    repro: tuple[str, ...]  # what `dvc repro --force` is asked for, after the download
    repro_again: tuple[str, ...]
    start_ups: tuple[str, ...]  # kinds of stages whose imports are timed, and MLflow's
    params: Mapping[str, Any] = field(default_factory=dict)  # instead of those of params.yaml


FULL = Scale(
    name="full",
    folder="",
    repeats=3,
    architectures=ARCHITECTURES,
    images=6_400,
    epochs=3,
    loop_warm_up_batches=20,
    sides=(512, 1_024, 2_048),
    sides_cuda=(2_048, 4_096, 8_192),
    product_seconds=0.3,
    replicates=(1, 2, 4, 8),
    replicate_images=3_200,
    batch_sizes=(32, 64, 128, 256, 512, 1_024),
    data_sizes=(1, 2, 4),
    data_images=54_000,
    update_images=6_144,
    memory_images=54_000,
    precision_images=60_000,
    precision_epochs=3,
    loop_images=60_000,
    # One by one: downstream of the data there are also the studies.
    repro=(
        "--single-item",
        "preprocess",
        *(f"train_{name}" for name in ARCHITECTURES),
        "evaluate",
        "report",
    ),
    repro_again=(),
    start_ups=("download", "preprocess", "train", "evaluate", "report", "mlflow"),
)

QUICK = Scale(
    name="quick",
    folder="quick",
    repeats=1,
    architectures=("mlp",),
    images=256,
    epochs=2,
    loop_warm_up_batches=2,
    sides=(256,),
    sides_cuda=(1_024,),
    product_seconds=0.02,
    replicates=(1, 2),
    replicate_images=128,
    batch_sizes=(32, 128),
    data_sizes=(1, 2),
    data_images=512,
    update_images=128,
    memory_images=512,
    precision_images=512,
    precision_epochs=1,
    loop_images=512,
    repro=("--single-item", "preprocess", "train_mlp"),
    repro_again=("train_mlp",),
    start_ups=("preprocess", "train"),
    params={"seeds": [0], "epochs": 1},
)
