"""Stage `preprocess`: arrays, split, pixel statistics, class counts and figures of the data."""

from digitbench import files
from digitbench.download.digits import load_mnist
from digitbench.figures import data as figures
from digitbench.figures.style import to_png
from digitbench.params import load_params
from digitbench.training import data


def main() -> None:
    """Run the stage."""
    params = load_params(networks=())
    (images, labels), (test_images, test_labels) = load_mnist(files.RAW)
    settings = params.preprocess
    train, validation = data.stratified_split(labels, params.validation_share, settings.split_seed)
    statistics = data.pixel_statistics(images[train])
    data.write_images(files.TRAIN, images, labels)
    data.write_images(files.TEST, test_images, test_labels)
    data.write_split(data.Split(train, validation, statistics))

    parts = {"train": labels[train], "validation": labels[validation], "test": test_labels}
    counts = {part: data.class_counts(of_part) for part, of_part in parts.items()}
    rows = [
        (part, digit, count)
        for part, of_part in counts.items()
        for digit, count in enumerate(of_part)
    ]
    files.write_csv(files.CLASS_COUNTS, ("part", "digit", "images"), rows)
    files.write_bytes(files.CLASS_FIGURE, to_png(figures.class_distribution(counts)))
    samples = figures.sample_digits(images[train], labels[train], settings.samples_per_class)
    files.write_bytes(files.SAMPLES_FIGURE, to_png(samples))
