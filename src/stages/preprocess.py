"""Stage `preprocess`: arrays, split, pixel statistics, class counts and figures of the data."""

from dataclasses import asdict

from digitbench import layout
from digitbench.data import idx, splits
from digitbench.outputs import write_bytes, write_csv, write_json, write_npy
from digitbench.params import load_params
from digitbench.plots import data as figures
from digitbench.plots.style import to_png


def main() -> None:
    """Run the stage."""
    params = load_params()
    images, labels, test_images, test_labels = (
        idx.decode(path.read_bytes(), str(path)) for path in layout.RAW_FILES
    )
    train, validation = splits.stratified_split(
        labels, params.validation_share, params.preprocess.split_seed
    )

    write_npy(layout.TRAIN_IMAGES, images)
    write_npy(layout.TRAIN_LABELS, labels)
    write_npy(layout.TEST_IMAGES, test_images)
    write_npy(layout.TEST_LABELS, test_labels)
    write_npy(layout.TRAIN_INDEX, train)
    write_npy(layout.VALIDATION_INDEX, validation)
    write_json(layout.STATISTICS, asdict(splits.pixel_statistics(images[train])))

    parts = {"train": labels[train], "validation": labels[validation], "test": test_labels}
    counts = {part: splits.class_counts(of_part) for part, of_part in parts.items()}
    rows = [
        (part, digit, count)
        for part, of_part in counts.items()
        for digit, count in enumerate(of_part)
    ]
    write_csv(layout.CLASS_COUNTS, ("part", "digit", "images"), rows)
    write_bytes(layout.CLASS_FIGURE, to_png(figures.class_distribution(counts)))
    samples = figures.sample_digits(
        images[train], labels[train], params.preprocess.samples_per_class
    )
    write_bytes(layout.SAMPLES_FIGURE, to_png(samples))
