"""The table: a row for every number, ours taken from the right place, the same bytes every time."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import studies_data as data
from digitbench.errors import DigitbenchError
from digitbench.results.records import Confusion
from digitbench.results.studies import (
    SUMMARY,
    VERDICTS,
    Claim,
    Row,
    Verdict,
    claims_of,
    least_agreeing,
    read_rows,
    tally,
    verdict_counts,
    write_rows,
)
from digitbench.studies.ours import (
    Measured,
    error_over_images,
    find_ours,
    headline_statistic,
    load_measured,
    row_rate,
)
from digitbench.studies.page import README, main
from digitbench.studies.published import Number, Published
from digitbench.studies.verdicts import all_rows

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    "study,claim,model,metric,dataset,protocol,published,published_spread,place,ours_mean,ours_low,"
    "ours_high,run_low,run_high,seeds,test_mean,test_low,test_high,verdict,claim_verdict,reason"
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


def printed(number: Number) -> str:
    """A number, or the range that was given instead."""
    return f"{number.value} to {number.until}" if number.until else number.value


def test_every_number_has_its_rows_and_no_row_is_without_a_number(
    studies: dict[str, Published], rows: list[Row]
) -> None:
    expected = sorted(
        (key, number.metric, printed(number), number.place, model, protocol or "")
        for key, study in studies.items()
        for number in (*study.results, *study.other)
        for model in number.models or (number.model,)
        for protocol in (
            ("stretch", "box")
            if number.dataset == "usps" and not number.incomparable
            else (number.protocol,)
        )
    )
    found = [(r.study, r.metric, r.published, r.place, r.model, r.protocol) for r in rows]
    assert sorted(found) == expected
    assert len(set(found)) == len(found) > 50


def test_ours_on_the_test_set_stands_beside_held_out_images(rows: list[Row]) -> None:
    for row in rows:
        held_out = row.protocol in ("validation", "pooled")
        assert (row.test_mean is not None) == held_out, row
        assert (row.verdict == "not comparable") or row.ours_mean is not None
    accuracy = one(rows, "nguyen2026", "mlp", "accuracy", "validation", "97.7")
    per_seed = data.part(0.976, "test").metrics["accuracy"].per_seed
    told = (accuracy.test_mean, accuracy.test_low, accuracy.test_high)
    assert told == pytest.approx(interval([100 * v for v in per_seed.values()]), abs=1e-6)


# --- claims ------------------------------------------------------------------------------------

# Rows per claim: USPS stands twice, enlarged in two ways, and pavon2025 with two numbers of epochs.
CLAIMS = {
    "nguyen2026": [1] * 13 + [3, 3],
    "pedrogiu13": [1] * 4 + [2, 2],
    "report2002": [1] * 6,
    "pavon2025": [5, 8],
    "toyobo2025": [4, 4],
}


def test_each_claim_is_counted_once(rows: list[Row]) -> None:
    claims = claims_of(rows)
    sizes = {key: sorted(len(c.rows) for c in claims if c.study == key) for key in CLAIMS}
    assert sizes == CLAIMS
    assert len(claims) == sum(map(len, CLAIMS.values()))
    for claim in claims:
        assert len({(row.model.partition("_")[0], row.dataset) for row in claim.rows}) == 1
    assert [row.claim for row in rows] == sorted(row.claim for row in rows)


def row_of(rows: list[Row], verdict: Verdict, **where: str) -> Row:
    return replace(rows[0], verdict=verdict, **where)  # type: ignore[arg-type]


def test_of_several_numbers_the_one_that_agrees_least_decides_of_several_recipes_the_best(
    rows: list[Row],
) -> None:
    long = [row_of(rows, "reproduced", model="cnn_15"), row_of(rows, "lower", model="cnn_15")]
    short = [
        row_of(rows, "consistent with one run", model="cnn_10"),
        row_of(rows, "reproduced", model="cnn_10"),
    ]
    recipes = Claim([*long, *short]).recipes
    assert recipes == [short, long]
    assert [VERDICTS[least_agreeing(recipe)] for recipe in recipes] == [
        "consistent with one run",
        "lower",
    ]
    for claim in claims_of(rows):
        assert claim.verdict == VERDICTS[least_agreeing(claim.recipes[0])]
        assert {row.claim_verdict for row in claim.rows} == {claim.verdict}
        assert claim.deciding.verdict == claim.verdict


def test_the_other_way_of_enlarging_usps_is_under_specified(rows: list[Row]) -> None:
    (usps,) = (claim for claim in claims_of(rows) if claim.rows[0].published == "41.18")
    assert {row.protocol: row.verdict for row in usps.rows}["box"] == "under-specified"
    assert {row.reason for row in usps.rows} == {"how USPS was enlarged is our choice"}


def test_all_verdicts_make_one_sentence(rows: list[Row]) -> None:
    claims = claims_of(rows)
    assert tally(claims[:1]) == f"1 claim of 1 study: 1 {claims[0].verdict}."
    counts = verdict_counts(claims)
    assert sum(counts) == len(claims)
    told = dict(zip(VERDICTS, counts, strict=True))
    assert f" {told['reproduced']} reproduced" in tally(claims)


# --- ours --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "model", "metric", "protocol", "value", "accuracy"),
    [
        ("nguyen2026", "mlp", "macro_recall", "pooled", "96.9", 0.976 - 0.007),
        ("nguyen2026", "mlp", "macro_precision", "pooled", "97.0", 0.976 - 0.007),
        ("nguyen2026", "mlp", "macro_f1", "pooled", "97.0", 0.976 - 0.007),
        ("pavon2025", "cnn_15", "macro_f1", "test", "98.4", 0.991),
    ],
)
def test_ours_is_that_of_the_protocol_in_percent(
    study: str, model: str, metric: str, protocol: str, value: str, accuracy: float, rows: list[Row]
) -> None:
    per_seed = data.part(accuracy, protocol).metrics[metric].per_seed
    row = one(rows, study, model, metric, protocol, value)
    mean, _, high = interval([100 * v for v in per_seed.values()])
    assert row.ours_mean == pytest.approx(mean, abs=1e-6)
    assert row.seeds == len(data.SEEDS)
    # Held-out images were drawn, ten classes of equal size; their errors count like accuracy's.
    drawn = binomial_error(mean / 100, data.IMAGES["validation"]) if protocol == "pooled" else 0
    assert row.ours_high is not None
    assert row.ours_low == pytest.approx(2 * mean - row.ours_high, abs=1e-5)
    between = (high - mean) / stats.t.ppf(0.975, len(data.SEEDS) - 1)
    for upper, seeds, draws in ((row.ours_high, 1, 1), (row.run_high, len(data.SEEDS) + 1, 2)):
        own = seeds * between**2
        total = own + draws * drawn**2
        freedom = (len(data.SEEDS) - 1) * (total / own) ** 2
        assert upper is not None
        expected = stats.t.ppf(0.975, freedom) * np.sqrt(total)
        assert upper - mean == pytest.approx(expected, rel=0.08)


def binomial_error(rate: float, images: int) -> float:
    """Standard error, in percent, of a rate on images drawn from 60,000."""
    return float(100 * np.sqrt(rate * (1 - rate) / images * (1 - images / 60_000)))


def test_confusions_are_shares_of_the_true_digits(rows: list[Row]) -> None:
    counts = [np.array(data.confusion(0.989 - 0.007, 60_000, seed)) for seed in data.SEEDS]
    mean = np.mean([100 * float(m[9, 4] / m[9].sum()) for m in counts])
    row = one(rows, "nguyen2026", "cnn", "confusion 9>4", "pooled", "0.55")
    assert row.ours_mean == pytest.approx(mean, abs=1e-6)


def test_what_never_happened_is_bounded_by_the_images_of_its_digit() -> None:
    never = [[1_000 * (row == column) for column in range(10)] for row in range(10)]
    record = data.record("nguyen2026", "cnn")
    confusion = Confusion.model_validate({"per_seed": dict.fromkeys(data.SEEDS, never)})
    test = record.test.model_copy(update={"confusion": confusion})
    measured = Measured(
        {"nguyen2026": {"cnn": record.model_copy(update={"protocols": {"test": test}})}}
    )
    number = Number(
        model="cnn",
        metric="confusion 9>4",
        dataset="mnist",
        protocol="test",
        value="0",
        place="here",
    )
    ours = find_ours(number, "nguyen2026", "cnn", "test", measured)
    assert ours is not None
    # Clopper and Pearson's, of none in 1,000 nines, not of none in 10,000 images.
    assert (ours.low, ours.high) == pytest.approx((0, 100 * (1 - 0.025 ** (1 / 1000))))


def test_drawing_held_out_images_is_part_of_the_interval() -> None:
    confusion = data.confusion(0.9, 12_000, seed=0)
    rate = confusion[9][4] / 1200
    # By hand: a binomial rate on the 1,200 images of one digit; a fifth of all is drawn.
    expected = np.sqrt(rate * (1 - rate) / 1200 * 0.8)
    assert error_over_images(confusion, 12_000, row_rate(9, 4)) == pytest.approx(expected, rel=0.08)
    assert error_over_images(confusion, 60_000, headline_statistic("accuracy")) == 0


def test_the_error_reduction_is_paired_by_seed(rows: list[Row]) -> None:
    accuracies = [
        list(data.part(accuracy, "validation").metrics["accuracy"].per_seed.values())
        for accuracy in (0.975, 0.988)
    ]
    expected = interval([100 * (1 - (1 - c) / (1 - m)) for m, c in zip(*accuracies, strict=True)])
    row = one(rows, "nguyen2026", "cnn", "error_reduction", "validation", "52")
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


@pytest.mark.parametrize(
    ("variant", "model", "augmentation", "mapping", "value"),
    [
        ("mlp", "mlp", False, "stretch", "41.18"),
        ("mlp", "mlp", False, "box", "41.18"),
        ("cnn", "cnn", True, "stretch", "97.45"),
        ("cnn", "cnn", True, "box", "97.45"),
    ],
)
def test_on_usps_ours_is_the_cell_of_that_network(
    variant: str, model: str, augmentation: bool, mapping: str, value: str, rows: list[Row]
) -> None:
    row = one(rows, "pedrogiu13", variant, "accuracy", mapping, value)
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
            assert after.reason == "not run here"
            assert {after.ours_mean, after.ours_low, after.ours_high, after.seeds} == {None}


def test_one_seed_has_no_interval(studies: dict[str, Published], tmp_path: Path) -> None:
    data.write_metrics(tmp_path, seeds=(7,))
    toyobo = {"toyobo2025": studies["toyobo2025"]}
    for row in all_rows(toyobo, load_measured(tmp_path, studies)):
        assert (row.ours_low, row.ours_high, row.run_low, row.run_high) == (None,) * 4
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
        ("study,claim", "study,net", "the header is another"),
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


def test_what_a_system_leaves_beside_metrics_is_none(tmp_path: Path) -> None:
    path = tmp_path / "studies/pavon2025/metrics/._cnn_10.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0\5\x16\7")
    assert load_measured(tmp_path, ["pavon2025"]).variants == {"pavon2025": {}}


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
