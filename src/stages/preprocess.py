"""Stage `preprocess`: arrays, split, pixel statistics, class counts and figures of the data."""

from dataclasses import asdict

from digitbench import files
from digitbench.download import digits
from digitbench.figures import data as figures
from digitbench.figures.style import to_png
from digitbench.files import write_bytes, write_csv, write_json, write_npy
from digitbench.params import load_params
from digitbench.training import data


def main() -> None:
    """Run the stage."""
    params = load_params()
    images, labels, test_images, test_labels = (
        digits.decode(path.read_bytes(), str(path)) for path in files.RAW_FILES
    )
    train, validation = data.stratified_split(
        labels, params.validation_share, params.preprocess.split_seed
    )

    write_npy(files.TRAIN_IMAGES, images)
    write_npy(files.TRAIN_LABELS, labels)
    write_npy(files.TEST_IMAGES, test_images)
    write_npy(files.TEST_LABELS, test_labels)
    write_npy(files.TRAIN_INDEX, train)
    write_npy(files.VALIDATION_INDEX, validation)
    write_json(files.STATISTICS, asdict(data.pixel_statistics(images[train])))

    parts = {"train": labels[train], "validation": labels[validation], "test": test_labels}
    counts = {part: data.class_counts(of_part) for part, of_part in parts.items()}
    rows = [
        (part, digit, count)
        for part, of_part in counts.items()
        for digit, count in enumerate(of_part)
    ]
    write_csv(files.CLASS_COUNTS, ("part", "digit", "images"), rows)
    write_bytes(files.CLASS_FIGURE, to_png(figures.class_distribution(counts)))
    samples = figures.sample_digits(
        images[train], labels[train], params.preprocess.samples_per_class
    )
    write_bytes(files.SAMPLES_FIGURE, to_png(samples))
