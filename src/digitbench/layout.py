"""Where the files of the pipeline lie, relative to the folder of ``dvc.yaml``."""

from pathlib import Path

RAW = Path("data/raw")
RAW_DOMAINS = RAW / "domains"
PROCESSED = Path("data/processed")
PREDICTIONS = Path("data/predictions")
MODELS = Path("models")
METRICS = Path("metrics")
TIMING = METRICS / "timing"
SUMMARY = METRICS / "summary"
PLOTS = Path("plots")
CURVES = PLOTS / "curves"
CONFUSIONS = Path("data/confusions")
EVALUATION = PLOTS / "evaluate"
REPORT = Path("report")

RAW_FILES = (
    RAW / "train-images-idx3-ubyte",
    RAW / "train-labels-idx1-ubyte",
    RAW / "t10k-images-idx3-ubyte",
    RAW / "t10k-labels-idx1-ubyte",
)
TRAIN_IMAGES = PROCESSED / "train_images.npy"
TRAIN_LABELS = PROCESSED / "train_labels.npy"
TEST_IMAGES = PROCESSED / "test_images.npy"
TEST_LABELS = PROCESSED / "test_labels.npy"
TRAIN_INDEX = PROCESSED / "train_index.npy"
VALIDATION_INDEX = PROCESSED / "validation_index.npy"
STATISTICS = PROCESSED / "statistics.json"
CLASS_COUNTS = PLOTS / "preprocess" / "classes.csv"
CLASS_FIGURE = PLOTS / "preprocess" / "classes.png"
SAMPLES_FIGURE = PLOTS / "preprocess" / "samples.png"


def model_file(architecture: str, seed: int) -> Path:
    """Final weights of one replicate."""
    return MODELS / architecture / f"seed-{seed}.safetensors"
