"""The page and the section of the report: what they say is what was measured."""

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import studies_data as data
from digitbench.document.blocks import Prose, Table
from digitbench.report.sections import studies as studies_section
from digitbench.results.studies import (
    KEYS,
    SUMMARY,
    MainResults,
    Measured,
    Row,
    load_measured,
    own_protocol,
    read_rows,
)
from digitbench.studies.findings import NOT_RUN, Asked, answer
from digitbench.studies.page import README, main, studies_page
from digitbench.studies.published import Published
from digitbench.studies.verdicts import all_rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project(project: Path) -> Path:
    """Beside the invented metrics of the studies the committed ones of the main comparison."""
    for part in ("metrics", "plots"):
        shutil.copytree(ROOT / part, project / part)
    return project


@pytest.fixture(scope="module")
def page(studies: dict[str, Published], rows: list[Row], measured: Measured) -> str:
    return studies_page(studies, rows, measured)


# --- the page ----------------------------------------------------------------------------------


def tables(page: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)
    return [[line.strip("| ").split(" | ") for line in table.splitlines()] for table in found]


def test_every_row_stands_on_the_page(page: str, rows: list[Row]) -> None:
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert [row.reason for row in rows if sum(row.reason in line for line in lines) < 1] == []
    cells = [row for table in tables(page) if "why" in table[0] for row in table[2:]]
    assert len(cells) == len(rows)
    assert {len(row) for row in cells} == {7}


def test_the_counts_are_those_of_the_published_rows(page: str, rows: list[Row]) -> None:
    counts = next(table for table in tables(page) if "reproduced" in table[0])
    for line in counts[2:-1]:
        key = re.match(r"\[(\w+)\]", line[0])
        assert key is not None
        own = own_protocol([row for row in rows if row.study == key[1] and row.is_claim])
        for name, count in zip(counts[0][-4:], line[1:], strict=True):
            assert int(count) == sum(row.verdict == name for row in own)
    total = len(own_protocol([row for row in rows if row.is_claim]))
    assert sum(int(count) for count in counts[-1][1:]) == total


def test_second_looks_on_the_test_set_are_not_the_papers_protocol(rows: list[Row]) -> None:
    own = own_protocol([row for row in rows if row.study == "nguyen2026" and row.is_claim])
    assert {row.protocol for row in own} == {"validation", "pooled", ""}
    usps = own_protocol([row for row in rows if row.dataset == "usps" and row.is_claim])
    assert {row.protocol for row in usps} == {"stretch", "box"}


def test_contradictions_choices_and_questions_stand_on_the_page(
    page: str, studies: dict[str, Published]
) -> None:
    for key in KEYS:
        study = studies[key]
        for text in (*study.contradictions, *study.choices):
            assert f"- {text}\n" in page
        for question in study.questions:
            assert f"**{question.asks}**" in page


def test_figures_are_linked_where_they_are_drawn(page: str, project: Path) -> None:
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert links == ["domain_shift/plots/domain_shift.png", "robustness/plots/robustness.png"]
    assert all((project / "studies" / link).is_file() for link in links)


def test_links_within_the_page_lead_to_a_heading(page: str) -> None:
    targets = re.findall(r"\]\(#([^)]+)\)", page)
    assert set(targets) == {*KEYS, "domain_shift", "robustness"}
    assert all(f"\n## {target}\n" in page for target in targets)


def test_the_page_shows_no_missing_value(page: str) -> None:
    assert re.findall(r"\b(nan|None|inf)\b", page) == []
    assert NOT_RUN not in page


def test_without_any_metrics_the_page_says_what_to_run(
    studies: dict[str, Published], tmp_path: Path
) -> None:
    nothing = load_measured(tmp_path)
    rows = all_rows(studies, nothing)
    assert {row.verdict for row in rows} == {"not comparable"}
    page = studies_page(studies, rows, nothing)
    assert page.count(NOT_RUN) == sum(len(study.questions) for study in studies.values())
    assert "`dvc repro studies/domain_shift/dvc.yaml`" in page
    assert "`dvc repro studies/robustness/dvc.yaml`" in page
    assert "![" not in page


# --- answers -----------------------------------------------------------------------------------


def told(name: str, key: str, studies: dict[str, Published], measured: Measured) -> str:
    question = next(q for q in studies[key].questions if q.answer == name)
    return answer(Asked(key, studies[key], question, measured))


def percents(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(\d+\.\d+) %", text)]


def test_the_gap_on_usps_is_split_without_a_rest(
    studies: dict[str, Published], measured: Measured
) -> None:
    text = told("usps_attribution", "pedrogiu13", studies, measured)
    assert "The published gap is 56.27 points." in text
    found = re.findall(
        r"changes by ([+−][\d.]+) .*?architecture ([+−][\d.]+) \(.*?; (\d+) %\).*?"
        r"augmentation ([+−][\d.]+) \(.*?; (\d+) %\)(?: and alignment ([+−][\d.]+) \()?",
        text,
    )
    numbers = [[float(n.replace("−", "-")) for n in line if n] for line in found]
    # Architecture 0.2, the seeds' mean of 0.01 x seed, half of the interaction with augmentation,
    # -0.04, and of that with the box, -0.15; augmentation 0.1 and half of -0.04; alignment 0.3 and
    # half of -0.15. Within one mapping its interaction counts in full or not at all.
    assert numbers == [
        pytest.approx([42.0, 11.5, 27, 8.0, 19, 22.5], abs=0.006),
        pytest.approx([27.0, 19.0, 70, 8.0, 30], abs=0.006),
        pytest.approx([12.0, 4.0, 33, 8.0, 67], abs=0.006),
    ]
    assert "moves the MLP without augmentation by +30.00" in text
    assert "the gap between the published pair goes from +27.00 to +12.00 points" in text


def test_pooling_is_told_by_three_scores(studies: dict[str, Published], measured: Measured) -> None:
    text = told("pooling", "nguyen2026", studies, measured)
    for variant in ("mlp", "cnn"):
        parts = measured.variants["nguyen2026"][variant]["protocols"]
        pooled = 100 * parts["pooled"]["metrics"]["macro_f1"]["mean"]
        kept = 100 * parts["validation"]["metrics"]["macro_f1"]["mean"]
        accuracy = 100 * parts["validation"]["metrics"]["accuracy"]["mean"]
        for value in (pooled, kept, accuracy):
            assert f"{value:.2f} %" in text
        assert f"{accuracy - pooled:+.2f} points the paper's way" in text


def test_pooling_is_not_blamed_where_it_costs_nothing(
    studies: dict[str, Published],
) -> None:
    record = data.record("nguyen2026", "mlp")
    protocols = record["protocols"]
    same = {**record, "protocols": {**protocols, "pooled": protocols["validation"]}}
    measured = Measured(variants={"nguyen2026": {"mlp": same}})
    assert told("pooling", "nguyen2026", studies, measured).startswith(
        "Pooling the epochs does not"
    )


def test_confusions_are_named_by_rate_and_pairs_ranked_by_count(
    studies: dict[str, Published], measured: Measured
) -> None:
    text = told("confused_pairs", "pavon2025", studies, measured)
    matrices = measured.variants["pavon2025"]["cnn_10"]["protocols"]["test"]["confusion"]
    total = sum(np.array(matrix) for matrix in matrices.values())
    off = total - np.diag(np.diag(total))
    rates = 100 * off / total.sum(axis=1, keepdims=True)
    true, taken = np.unravel_index(rates.argmax(), off.shape)
    sentence = next(s for s in text.split("CNN, ") if s.startswith("10 epochs"))
    first = f"{true} taken for {taken} ({rates.max():.2f} % of true {true}s)"
    assert f"most frequent on the test set: {first}" in sentence
    pairs = np.triu(off + off.T)
    above = int((pairs > pairs[4, 9]).sum())
    rank = re.search(r"Of the 45 pairs, by count, 4 with 9 ranks (\d+)", sentence)
    assert rank is not None
    ties = int((pairs == pairs[4, 9]).sum())
    assert above < int(rank[1]) <= above + ties


def test_who_is_better_is_said_only_of_an_interval_without_zero(
    studies: dict[str, Published], measured: Measured
) -> None:
    text = told("ranking", "nguyen2026", studies, measured)
    assert text.startswith("CNN is more accurate than MLP: +1.")
    same = measured.variants["nguyen2026"]["mlp"]
    equal = Measured(variants={"nguyen2026": {"mlp": same, "cnn": same}})
    assert told("ranking", "nguyen2026", studies, equal).startswith("No evidence of a difference")
    single = {name: data.record("nguyen2026", name, (3,)) for name in ("mlp", "cnn")}
    alone = Measured(variants={"nguyen2026": single})
    assert told("ranking", "nguyen2026", studies, alone).startswith("One seed does not tell")


def test_speed_names_the_fastest_for_one_image_and_for_many(
    studies: dict[str, Published],
) -> None:
    def speed(milliseconds: float, rate: float) -> dict[str, object]:
        single = {"median": milliseconds}
        return {
            "milliseconds_per_image": single,
            "images_per_second": {"median": rate},
            "batch_size": 100,
        }

    latency = {
        "cnn": speed(0.2, 1000),
        "lstm": speed(0.5, 3000),
        "environment": {"hardware": "a machine"},
    }
    metrics = {"cnn": {"macs": 4000}, "lstm": {"macs": 2000}}
    measured = Measured(main=MainResults(metrics=metrics, latency=latency))
    text = told("inference_speed", "toyobo2025", studies, measured)
    assert "For one image CNN is 2.5 times as fast as LSTM" in text
    assert "In batches of 100 LSTM is 3.0 times as fast as CNN" in text


def test_the_classes_are_counted_without_the_test_set(studies: dict[str, Published]) -> None:
    counts = pd.DataFrame(
        {
            "part": ["train"] * 2 + ["validation"] * 2 + ["test"] * 2,
            "digit": [0, 1] * 3,
            "images": [10, 20, 1, 2, 1000, 1],
        }
    )
    measured = Measured(main=MainResults(class_counts=counts))
    text = told("class_balance", "report2002", studies, measured)
    assert "of 33 training images 11 show a 0 and 22 a 1, 2.00 times" in text


def test_slight_distortions_are_those_of_the_curves(
    studies: dict[str, Published], measured: Measured
) -> None:
    text = told("distortions", "nguyen2026", studies, measured)
    curves = measured.main.corruptions
    assert curves is not None
    shifted = curves.query("corruption == 'shift' and strength == 2")
    for name in ("mlp", "cnn"):
        chosen = shifted[shifted["architecture"] == name]
        assert f"to {100 * chosen['accuracy'].mean():.1f} %" in text
    assert re.search(r"A shift by 2 pixels takes MLP [^(]*\(not robust\)", text)
    # The invented effect: half of 0.7 - 0.6 + 0.95 - 0.8; means with the mean seed in thousandths.
    assert "over all corruptions by +12.50 (+12.37 to +12.63) points" in text
    assert re.search(r"MLP from 45\.1 % to 55\.1 % and CNN from 65\.1 % to 80\.1 %", text)
    assert "It helps against shift (+12.50), " in text


def test_where_augmentation_hurts_is_told(studies: dict[str, Published]) -> None:
    record = data.robustness()
    effect = next(e for e in record["effects"]["noise"] if e["factors"] == ["augmentation"])
    effect |= {"effect": -0.2, "p_value": 1e-9}
    effect = next(e for e in record["effects"]["blur"] if e["factors"] == ["augmentation"])
    effect |= {"p_value": 0.3}
    text = told("distortions", "nguyen2026", studies, Measured(robustness=record))
    assert "; it hurts under noise (−20.00); it leaves open blur (+12.50)." in text


def test_a_loss_is_judged_by_its_interval(
    studies: dict[str, Published], measured: Measured
) -> None:
    losses = {"shift": (0.0, 0.001, 0.002), "rotation": (0.0, 0.009, 0.02)}
    strengths = {"shift": (0.0, 1.0, 2.0), "rotation": (0.0, 10.0)}
    curves = pd.DataFrame(
        [
            {
                "architecture": name,
                "seed": seed,
                "corruption": corruption,
                "strength": strength,
                "accuracy": 0.9 - (loss if strength else 0) - (0.1 if strength == 2 else 0),
            }
            for name in ("mlp", "cnn")
            for corruption, by_seed in losses.items()
            for seed, loss in enumerate(by_seed)
            for strength in strengths[corruption]
        ]
    )
    main = MainResults(robustness={"images": 1000}, corruptions=curves)
    text = told("distortions", "nguyen2026", studies, Measured(main=main))
    verdicts = re.findall(r"CNN from [^(]*\(([^)]+)\)", text)
    assert verdicts == ["robust", "not robust", "undecided"]
    assert "augmentation" not in text


def test_training_times_stand_beside_the_published_ratio(
    studies: dict[str, Published],
) -> None:
    timing = {"nguyen2026": {"mlp": data.timing(2.0), "cnn": data.timing(9.0)}}
    text = told("training_time", "nguyen2026", studies, Measured(timing=timing))
    assert "MLP 2.0 s and CNN 9.0 s on a machine, 2 replicates at once" in text
    assert "CNN takes 4.5 times as long as MLP." in text
    assert text.endswith(f"The paper's times make it {12.6 / 10.8:.1f} times.")


def test_scores_that_look_identical_are_told_with_more_digits(
    studies: dict[str, Published], measured: Measured
) -> None:
    text = told("equal_scores", "toyobo2025", studies, measured)
    metrics = measured.variants["toyobo2025"]["lstm"]["protocols"]["test"]["metrics"]
    for score in ("precision", "recall", "f1"):
        assert f"{100 * metrics[f'macro_{score}']['mean']:.4f}" in text


# --- the section of the report -----------------------------------------------------------------


def test_the_section_holds_the_published_rows_alone(rows: list[Row]) -> None:
    section = studies_section.section(SimpleNamespace(studies=rows))  # type: ignore[arg-type]
    found = [block for block in section.blocks if isinstance(block, Table)]
    published = [row for row in rows if "trial" not in row.protocol]
    assert sum(len(table.rows) for table in found) == len(published)
    assert [line[-1] for table in found for line in table.rows] == [r.verdict for r in published]
    prose = section.blocks[0]
    assert isinstance(prose, Prose)
    claims = len(own_protocol([row for row in rows if row.is_claim]))
    assert len(published) > claims
    assert f" published numbers in {claims} comparisons" in prose.text


# --- freshness of what is committed ----------------------------------------------------------


@pytest.fixture(scope="module")
def of_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of HEAD: what is being worked on may be ahead of what it gives."""
    try:
        if git("rev-parse", "--show-toplevel").decode().strip() != str(ROOT):
            pytest.skip("this is not a checkout of its own")
        if not git("ls-tree", "HEAD", SUMMARY.as_posix()):
            pytest.skip("no table is committed yet")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    folder = tmp_path_factory.mktemp("head") / "project"
    git("clone", "--quiet", str(ROOT), str(folder))
    return folder


def git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, timeout=60
    ).stdout


def test_the_committed_page_and_table_are_made_of_the_committed_metrics(of_head: Path) -> None:
    committed = {path: (of_head / path).read_text(encoding="utf-8") for path in (README, SUMMARY)}
    read_rows(of_head / SUMMARY)
    main(of_head)
    made = {path: (of_head / path).read_text(encoding="utf-8") for path in (README, SUMMARY)}
    assert committed == made, "run `digitbench studies`"
