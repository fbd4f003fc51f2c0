"""The table: a row for every number, ours taken from the right place, the same bytes every time."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import studies_data as data
from digitbench.errors import DigitbenchError
from digitbench.results.studies import SUMMARY, Row, read_rows, write_rows
from digitbench.studies.ours import (
    headline_statistic,
    load_measured,
    reach_over_images,
    row_rate,
)
from digitbench.studies.page import README, main
from digitbench.studies.published import Number, Published
from digitbench.studies.verdicts import all_rows, study_rows

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    "study,model,metric,dataset,protocol,published,published_spread,ours_mean,ours_low,ours_high,"
    "seeds,verdict,reason"
)


@pytest.fixture(scope="module")
def project(project: Path) -> Path:
    """The published numbers too."""
    ignored = shutil.ignore_patterns("metrics", "plots", "models", "README.md", "summary.csv")
    shutil.copytree(ROOT / "studies", project / "studies", ignore=ignored, dirs_exist_ok=True)
    return project


def one(rows: list[Row], study: str, model: str, metric: str, protocol: str, value: str) -> Row:
    key = (study, model, metric, protocol, value)
    (row,) = (r for r in rows if (r.study, r.model, r.metric, r.protocol, r.published) == key)
    return row


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and ends of the t interval, by another road than `summarise`."""
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return float(np.mean(values)), float(low), float(high)


# --- a row for every number ------------------------------------------------------------------


def expected_rows(number: Number, trial: bool) -> set[tuple[str, str]]:
    """Model and protocol of the rows that a number must have."""
    own = number.protocol or ""
    protocols = {own}
    if not trial and not number.incomparable and number.dataset == "usps":
        protocols = {"stretch", "box"}
    elif not trial and not number.incomparable and own in ("validation", "pooled"):
        protocols = {own, "test"}
    models = number.models or (number.model,)
    return {(model, p + (" (trial)" if trial else "")) for model in models for p in protocols}


def printed(number: Number) -> str:
    """A number, or the range that was given instead."""
    return f"{number.value} to {number.until}" if number.until else number.value


def test_every_number_has_its_rows_and_no_row_is_without_a_number(
    studies: dict[str, Published], rows: list[Row]
) -> None:
    expected = sorted(
        (key, number.metric, printed(number), *place)
        for key, study in studies.items()
        for number in (*study.results, *study.other, *study.trials)
        for place in expected_rows(number, number in study.trials)
    )
    found = [(row.study, row.metric, row.published, row.model, row.protocol) for row in rows]
    assert sorted(found) == expected
    assert len(set(found)) == len(found) > 100


def test_the_papers_own_protocol_comes_first(rows: list[Row]) -> None:
    places = [(row.study, row.model, row.metric, row.published, row.protocol) for row in rows]
    for place in places:
        if place[-1] in ("validation", "pooled"):
            assert places.index((*place[:-1], "test")) == places.index(place) + 1


def test_every_row_has_a_reason_with_the_number(rows: list[Row]) -> None:
    for row in rows:
        published = f"{int(row.published):,}" if row.metric == "parameters" else row.published
        assert published in row.reason
        assert row.published_spread in row.reason
        assert (row.verdict == "not comparable") or row.ours_mean is not None


# --- ours --------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["pooled", "test"])
@pytest.mark.parametrize("metric", ["macro_recall", "macro_precision", "macro_f1"])
def test_ours_is_that_of_the_protocol_in_percent(
    protocol: str, metric: str, rows: list[Row]
) -> None:
    accuracy = {"pooled": 0.976 - 0.007, "test": 0.976}[protocol]
    per_seed = data.part(accuracy, protocol).metrics[metric].per_seed
    value = {"macro_recall": "96.9", "macro_precision": "97.0", "macro_f1": "97.0"}[metric]
    row = one(rows, "nguyen2026", "mlp", metric, protocol, value)
    mean, low, high = interval([100 * v for v in per_seed.values()])
    assert row.ours_mean == pytest.approx(mean, abs=1e-6)
    assert row.seeds == len(data.SEEDS)
    # Held-out images were drawn, ten classes of equal size; their errors count like accuracy's.
    drawn = binomial_reach(mean / 100, data.IMAGES["validation"]) if protocol == "pooled" else 0
    assert row.ours_high is not None
    assert row.ours_low == pytest.approx(2 * mean - row.ours_high, abs=1e-5)
    assert row.ours_high - mean == pytest.approx(np.hypot((high - low) / 2, drawn), rel=0.08)


def binomial_reach(rate: float, images: int) -> float:
    """Half of the 95 % interval, in percent, of a rate on images drawn from 60,000."""
    return float(196 * np.sqrt(rate * (1 - rate) / images * (1 - images / 60_000)))


def test_confusions_are_shares_of_the_true_digits(rows: list[Row]) -> None:
    images = data.IMAGES["test"]
    counts = [np.array(data.confusion(0.989, images, seed)) for seed in data.SEEDS]
    expected = interval([100 * float(m[9, 4] / m[9].sum()) for m in counts])
    row = one(rows, "nguyen2026", "cnn", "confusion 9>4", "test", "0.55")
    assert (row.ours_mean, row.ours_low, row.ours_high) == pytest.approx(expected, abs=1e-6)


def test_drawing_held_out_images_is_part_of_the_interval() -> None:
    confusion = data.confusion(0.9, 12_000, seed=0)
    rate = confusion[9][4] / 1200
    # By hand: a binomial rate on the 1,200 images of one digit; a fifth of all is drawn.
    expected = 1.96 * np.sqrt(rate * (1 - rate) / 1200 * 0.8)
    assert reach_over_images(confusion, 12_000, row_rate(9, 4)) == pytest.approx(expected, rel=0.08)
    everything = reach_over_images(confusion, 60_000, headline_statistic("accuracy"))
    assert everything == 0


def test_the_error_reduction_is_paired_by_seed(rows: list[Row]) -> None:
    accuracies = [
        list(data.part(accuracy, "test").metrics["accuracy"].per_seed.values())
        for accuracy in (0.976, 0.989)
    ]
    expected = interval([100 * (1 - (1 - c) / (1 - m)) for m, c in zip(*accuracies, strict=True)])
    row = one(rows, "nguyen2026", "cnn", "error_reduction", "test", "52")
    assert (row.ours_mean, row.ours_low, row.ours_high) == pytest.approx(expected, abs=1e-6)


def test_areas_are_fractions_counts_are_counts_and_seconds_those_of_training(
    rows: list[Row],
) -> None:
    area = one(rows, "report2002", "rnn", "macro_auc", "test", "1.0")
    assert area.ours_mean == pytest.approx(0.9996 + np.mean(data.SEEDS) / 1e5)
    assert area.verdict == "reproduced"
    count = one(rows, "nguyen2026", "cnn", "parameters", "", "421642")
    assert (count.ours_mean, count.seeds, count.verdict) == (421_642, None, "reproduced")
    clock = one(rows, "nguyen2026", "mlp", "seconds_per_epoch", "", "10.8")
    assert (clock.ours_mean, clock.verdict) == (float(len("mlp")), "not comparable")
    assert "a machine" in clock.reason


@pytest.mark.parametrize(
    ("variant", "model", "augmentation", "mapping", "value"),
    [
        ("mlp", "mlp", False, "stretch", "38.9"),
        ("mlp_augmented", "mlp", True, "box", "97.3"),
        ("cnn_plain", "cnn", False, "box", "91.5"),
        ("cnn", "cnn", True, "stretch", "94.2"),
    ],
)
def test_on_usps_ours_is_the_cell_of_that_network(
    variant: str, model: str, augmentation: bool, mapping: str, value: str, rows: list[Row]
) -> None:
    row = one(rows, "pedrogiu13", variant, "accuracy", f"{mapping} (trial)", value)
    per_seed = [100 * data.cell_accuracy(model, augmentation, mapping, s) for s in data.SEEDS]
    expected = interval(per_seed)
    assert (row.ours_mean, row.ours_low, row.ours_high) == pytest.approx(expected, abs=1e-6)


def test_a_study_that_was_not_run_says_so(
    studies: dict[str, Published], rows: list[Row], project: Path
) -> None:
    changed = all_rows(studies, load_measured(project, studies.keys() - {"report2002"}))
    for before, after in zip(rows, changed, strict=True):
        assert after == before or after.study == "report2002"
        if after.study == "report2002":
            assert (after.model, after.protocol) == (before.model, before.protocol)
            assert after.verdict == "not comparable"
            assert after.reason.endswith(": not run here.")
            assert {after.ours_mean, after.ours_low, after.ours_high, after.seeds} == {None}


def test_one_seed_has_no_interval(studies: dict[str, Published], tmp_path: Path) -> None:
    data.write_metrics(tmp_path, seeds=(7,))
    for row in study_rows("toyobo2025", studies["toyobo2025"], load_measured(tmp_path, studies)):
        assert (row.ours_low, row.ours_high) == (None, None)
        assert (row.seeds, row.ours_mean is None) == (1, False)
        assert row.verdict in ("reproduced", "not comparable")


# --- files -------------------------------------------------------------------------------------


def test_the_csv_comes_back_as_it_went(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    write_rows(path, rows)
    assert path.read_text(encoding="utf-8").splitlines()[0] == COLUMNS
    assert read_rows(path) == rows
    assert any("," in row.reason for row in rows)
    assert any(row.published == "98.90" for row in read_rows(path)), "the last digit is kept"


@pytest.mark.parametrize(
    ("text", "other", "told"),
    [
        ("reproduced,", "splendid,", r"line \d+, verdict: Input should be 'reproduced'"),
        (",not comparable", ",,not comparable", r"line \d+, "),
        ("study,model", "study,net", "the header is another"),
        ("", None, "No such file"),
    ],
)
def test_a_missing_or_damaged_csv_is_named(
    text: str, other: str | None, told: str, rows: list[Row], tmp_path: Path
) -> None:
    path = tmp_path / "summary.csv"
    if other is not None:
        write_rows(path, rows)
        content = path.read_text(encoding="utf-8")
        assert text in content
        path.write_text(content.replace(text, other, 1), encoding="utf-8")
    with pytest.raises(
        DigitbenchError, match=rf"summary\.csv: cannot be read \({told}.*digitbench studies"
    ):
        read_rows(path)


def test_damaged_metrics_are_named(tmp_path: Path) -> None:
    path = tmp_path / "studies/pavon2025/metrics/cnn_10.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DigitbenchError, match=r"cnn_10\.json: damaged .*dvc repro"):
        load_measured(tmp_path, ["pavon2025"])


def written(project: Path) -> dict[Path, bytes]:
    main(project)
    return {path: (project / path).read_bytes() for path in (README, SUMMARY)}


def test_writing_twice_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    first = written(project)
    assert written(project) == first
    # Another order of the files on disk is no other order of the rows.
    copied = tmp_path / "project"
    for path in sorted((p for p in project.rglob("*") if p.is_file()), reverse=True):
        target = copied / path.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    assert written(copied) == first


def test_the_rows_stand_in_the_order_of_the_studies(
    studies: dict[str, Published], rows: list[Row]
) -> None:
    assert list(dict.fromkeys(row.study for row in rows)) == list(studies)
