"""The report made from the results in this repository: what it says, and that it stands alone."""

import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.legend import Legend
from pydantic import BaseModel

import studies_data
from digitbench.document.blocks import (
    Chart,
    Command,
    Document,
    Folded,
    Picture,
    Prose,
    Table,
)
from digitbench.document.html import render_html
from digitbench.document.markdown import FIGURES, figure_files, render_markdown
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES, load_params
from digitbench.report import readme, sections
from digitbench.report.compose import compose, verdict
from digitbench.results.clocks import Seconds
from digitbench.results.collection import Results, load_results
from digitbench.results.records import ModelRecord, Movements
from digitbench.results.sheets import Sample
from digitbench.statistics.comparison import ONE_SEED_LIMITATION
from digitbench.statistics.summary import summarise
from digitbench.wording import NAMES, listing
from pages import Page, wrong_plurals
from studies_data import trained_as

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def at_root() -> Iterator[None]:
    with chdir(ROOT):  # plot data are read when they are drawn
        yield


@pytest.fixture(scope="module")
def results(at_root: None) -> Results:
    return load_results(load_params())


@pytest.fixture(scope="module")
def document(results: Results) -> Document:
    return compose(results)


@pytest.fixture(scope="module")
def html(document: Document) -> str:
    return render_html(document)


@pytest.fixture(scope="module")
def markdown(document: Document) -> str:
    return render_markdown(document)


@pytest.fixture(scope="module")
def figures(document: Document, html: str) -> dict[str, bytes]:
    """Drawn after the page, while the stage draws them before it."""
    return figure_files(document)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


# --- the page stands alone -------------------------------------------------------------------


def test_the_page_fetches_nothing(page: Page) -> None:
    assert page.fetches_nothing()


def test_every_section_is_found_by_name_and_has_its_link(page: Page, document: Document) -> None:
    ids = page.values("id")
    targets = [href.removeprefix("#") for href in page.values("href", "a")]
    assert targets == [section.anchor for section in document.sections]
    assert [ids.count(target) for target in targets] == [1] * len(targets)
    folder = Path(sections.__path__[0])
    assert sorted(targets) == sorted(path.stem for path in folder.glob("[a-z]*.py"))


def test_what_is_drawn_is_also_told(page: Page, document: Document) -> None:
    charts = [values for _, values in page.elements if values.get("role") == "img"]
    for kind, told in ((Picture, page.values("alt", "img")), (Chart, charts)):
        assert len(told) == sum(isinstance(block, kind) for block in document.blocks) > 0
    told = [*page.values("alt", "img"), *(values["aria-label"] for values in charts)]
    assert all(text.strip() for text in told)


def test_what_a_figure_refers_to_is_in_it_and_the_same_wherever_the_id_is_used(html: str) -> None:
    # Ids are shared by the whole page: the first of a name wins, also for later figures.
    drawn: dict[str, str] = {}
    references = 0
    for svg in re.findall(r"<svg .*?</svg>", html, flags=re.DOTALL):
        root = ET.fromstring(svg)
        by_id = {e.get("id"): e for e in root.iter() if e.get("id")}
        assert len(by_id) == sum(1 for e in root.iter() if e.get("id"))
        used = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", svg))
        for name in {a or b for a, b in used}:
            references += 1
            element = copy.deepcopy(by_id[name])
            element.tail = None
            content = ET.tostring(element, encoding="unicode")
            assert drawn.setdefault(name, content) == content, f"#{name} means two things"
    assert references > 100


def test_no_missing_value_is_shown_or_drawn(page: Page, markdown: str) -> None:
    broken = re.compile(r"\b(nan|NaN|None|inf|Infinity|undefined \d)\b")
    assert broken.findall(page.text) == []
    assert broken.findall(markdown) == []
    geometry = ("d", "x", "y", "width", "height", "transform", "points", "viewbox", "style")
    drawn = [value for key in geometry for value in page.values(key)]
    assert len(drawn) > 1000
    assert [value for value in drawn if re.search(r"\b(nan|inf)\b", value)] == []


def test_rendering_twice_gives_the_same_bytes(
    results: Results, figures: dict[str, bytes], html: str, markdown: str
) -> None:
    again = compose(results)
    assert figure_files(again) == figures
    assert render_html(again) == html, "whether the PNGs are drawn before or after"
    assert render_markdown(again) == markdown


def test_the_report_needs_no_torch() -> None:
    code = "import sys, stages.report; sys.exit('torch' in sys.modules)"
    path = os.pathsep.join(["src", os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    assert run.returncode == 0


# --- page and Markdown say the same ----------------------------------------------------------


def said(document: Document) -> list[str]:
    parts = [document.title, document.lead]
    parts += [text for tile in document.tiles for text in (tile.value, tile.label, tile.note)]
    for section in document.sections:
        parts.append(section.heading)
        parts += [block.summary for block in section.blocks if isinstance(block, Folded)]
    for block in document.blocks:
        match block:
            case Prose(text):
                parts.append(text)
            case Command(text):
                parts += text.splitlines()
            case Table(caption, header, rows):
                parts += [caption, *header, *(cell for row in rows for cell in row)]
            case Chart(_, _, caption, alternative) | Picture(_, _, caption, alternative):
                parts += [caption, alternative]
    return [" ".join(part.split()) for part in parts]


def test_page_and_markdown_hold_every_word(page: Page, markdown: str, document: Document) -> None:
    flat = " ".join(markdown.split())
    parts = said(document)
    assert len(parts) > 200
    assert [part for part in parts if part not in page.text] == []
    assert [part for part in parts if part not in flat] == []


def test_markdown_shows_every_figure_and_no_other(
    markdown: str, document: Document, figures: dict[str, bytes]
) -> None:
    blocks = document.blocks
    assert len(figures) == sum(isinstance(block, Chart | Picture) for block in blocks)
    shown = re.findall(r"^!\[[^\]\n]+\]\(([^)\n]+)\)$", markdown, flags=re.MULTILINE)
    assert sorted(shown) == sorted(f"{FIGURES}/{name}" for name in figures)
    assert len(shown) == len(set(shown))
    assert all(png.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" in png for png in figures.values())


def test_tables_have_as_many_cells_in_every_row(markdown: str, document: Document) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", markdown, flags=re.MULTILINE)
    blocks = document.blocks
    assert len(tables) == 1 + sum(isinstance(block, Table) for block in blocks)
    for table in tables:
        header, rule, *rows = table.splitlines()
        assert rows
        # Columns of words to the left, columns of numbers to the right.
        assert re.fullmatch(r"\|---\|(---:?\|)*", rule)
        assert {line.count("|") for line in (header, rule, *rows)} == {header.count("|")}


# --- numbers ---------------------------------------------------------------------------------


def test_the_accuracies_are_those_of_the_metrics(results: Results, document: Document) -> None:
    means = {name: results.metrics[name].accuracy.mean for name in ARCHITECTURES}
    order = sorted(means, key=means.__getitem__, reverse=True)
    assert [tile.label for tile in document.tiles] == [f"{NAMES[n]} test accuracy" for n in order]
    assert [tile.value for tile in document.tiles] == [f"{100 * means[n]:.2f} %" for n in order]
    section = next(s for s in document.sections if s.anchor == "comparison")
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert table.header[1:] == [NAMES[name] for name in order]
    rows = {row[0]: [float(cell.split(" (")[0]) for cell in row[1:]] for row in table.rows}
    for title, key in (("accuracy, %", "accuracy"), ("macro F1, %", "macro_f1")):
        per_seed = [results.metrics[name].metrics[key].per_seed.values() for name in order]
        assert rows[title] == pytest.approx([100 * fmean(v) for v in per_seed], abs=0.0051)


# --- one form for all ------------------------------------------------------------------------


def test_networks_stand_in_one_order_everywhere(results: Results, document: Document) -> None:
    order = [NAMES[name] for name in results.ranking]
    tables = [block for block in document.blocks if isinstance(block, Table)]
    headers = [named for t in tables if len(named := [h for h in t.header if h in order]) > 1]
    assert len(headers) > 5
    assert headers == [order] * len(headers)
    legends = [
        [text.get_text().split(",")[0] for text in legend.get_texts()]
        for block in document.blocks
        if isinstance(block, Chart)
        for legend in block.figure.findobj(Legend)
    ]
    listed = [named for texts in legends if len(named := [t for t in texts if t in order]) > 1]
    assert len(listed) > 5
    assert listed == [order] * len(listed)


def test_no_cell_is_blank_and_a_dash_is_explained(document: Document) -> None:
    tables = [block for block in document.blocks if isinstance(block, Table)]
    assert [table.caption for table in tables for row in table.rows if not all(row)] == []
    assert sum("A dash in a table" in table.caption for table in tables) == 1


def test_a_ratio_of_times_has_its_range(results: Results) -> None:
    best, second, *_ = results.ranking
    clocks = dict(results.timing)
    for name, seconds in ((best, {0: 8.0, 1: 12.0}), (second, {0: 4.0, 1: 5.0})):
        part = Seconds(median=fmean(seconds.values()), per_seed=seconds)
        clocks[name] = clocks[name].model_copy(update={"seconds_per_epoch": part})
    text = " ".join(said(compose(replace(results, timing=clocks))))
    assert f"An epoch of {NAMES[best]} took 2.22 (1.60 to 3.00) times as long as one of " in text
    assert "times its training time" not in text


def recipe_table(results: Results) -> dict[str, str]:
    section = next(s for s in compose(results).sections if s.anchor == "reproduce")
    return {row[0]: row[1] for row in section.blocks[-1].rows}


def retrained(results: Results, **recipes: dict[str, Any]) -> Results:
    """The same results, with the records of made-up trainings."""
    trained = {name: trained_as(name, **recipes.get(name, {})) for name in results.training}
    return replace(results, training=trained)


def test_the_recipe_is_that_of_the_trainings_not_of_the_parameters(results: Results) -> None:
    changes = {"epochs": 77, "learning_rate": 0.77, "patience": 7, "validation_share": 0.77}
    params = results.params.model_copy(update=changes)
    moved = Movements(rotation=7.0, shift=0.1, zoom=0)
    used = {"patience": 3, "initialisation": "keras", "augmentation": moved, "epochs": 10}
    altered = retrained(replace(results, params=params), **dict.fromkeys(ARCHITECTURES, used))
    rows = recipe_table(altered)
    assert rows["epochs"] == "10 (the best weights are kept; stopped 3 after them)"
    assert rows["learning rate"] == "0.001 throughout"
    assert rows["epsilon of Adam"] == "1e-08"
    assert rows["initialisation"] == "Keras's default"
    assert rows["augmentation"] == "(rotation up to 7°; shift 0.1; zoom 0)"
    assert rows["data of training"].startswith("54,000 images to learn from and 6,000 to validate")
    assert "CNN (maps 0.5; 0.5)" in rows["dropout"]
    assert "MLP (0.2)" in rows["dropout"]
    assert "RNN (none)" in rows["dropout"]
    assert rows["training of all networks"].endswith(" minutes")
    assert not [value for value in rows.values() if "77" in value]


def test_what_one_network_was_trained_with_otherwise_is_told_by_name(results: Results) -> None:
    altered = retrained(results, cnn={"learning_rate": 0.01, "epochs": 1})
    rows, text = recipe_table(altered), " ".join(said(compose(altered)))
    rates = listing(
        [f"{NAMES[n]} {0.01 if n == 'cnn' else 0.001} throughout" for n in results.ranking]
    )
    assert rows["learning rate"] == rates
    assert "CNN 1 (the last weights are kept)" in rows["epochs"]
    assert rows["batch size"] == "64"
    assert "Recipes differ. The project's own" in text
    assert "differ in epochs (" in text
    assert "CNN 1 epoch" in readme.results_block(altered)
    assert "One recipe serves all." in " ".join(said(compose(retrained(results))))


# --- honest sentences ------------------------------------------------------------------------


def test_a_pair_is_the_same_only_within_the_margin_that_is_named(results: Results) -> None:
    name, pair = next(iter(results.comparison.pairs.items()))
    close = {"difference": 0.0001, "difference_low": -0.0003, "difference_high": 0.0005}
    change = {**close, "standard_error": 0.0002, "degrees_of_freedom": None, "p_value_holm": 0.6}
    pairs = {**results.comparison.pairs, name: replace(pair, **change)}
    comparison = results.comparison.model_copy(update={"pairs": pairs})
    first, second = NAMES[pair.first], NAMES[pair.second]
    start = f"{second} and {first} are the same within ±"
    for margin, same in ((0.2, True), (0.05, False)):
        params = results.params.model_copy(update={"margin": margin})
        altered = replace(results, comparison=comparison, params=params)
        text = " ".join(said(compose(altered)))
        assert (f"{start}{margin} points: +0.01 points" in text) == same
        nor = f"Nor that they are the same within ±{margin} points: 4 seeds find a difference of "
        assert nor in text, "of a pair without evidence, always"


def beaten(text: str) -> set[tuple[str, str]]:
    """Who is said to beat whom."""
    names = "|".join(NAMES.values())
    return set(re.findall(rf"\b({names}) beats ({names})\b", text))


def test_beats_is_said_of_the_better_of_significant_pairs_alone(
    results: Results, page: Page, markdown: str
) -> None:
    evident = [pair for pair in results.comparison.pairs.values() if pair.is_evident]
    pairs = [(NAMES[pair.first], NAMES[pair.second]) for pair in evident]
    better = [pair.difference > 0 for pair in evident]
    expected = {pair[::-1] if up else pair for pair, up in zip(pairs, better, strict=True)}
    assert beaten(page.text) == beaten(markdown) == expected


DOUBTS = {
    "interval covers zero": (-0.0012, 0.0034, 0.0011, 1e-5),
    "interval covers zero, second worse": (-0.0034, 0.0012, -0.0011, 1e-5),
    "p above the level": (0.0001, 0.0034, 0.0011, 0.06),
    "neither": (-0.0012, 0.0034, 0.0011, 0.7),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_without_evidence_nobody_beats_anybody(doubt: str, results: Results) -> None:
    low, high, difference, p = DOUBTS[doubt]
    best, second = results.ranking[:2]
    changes = {"difference_low": low, "difference_high": high, "difference": difference}
    pairs = {
        name: replace(pair, **changes, p_value_holm=p)
        if {pair.first, pair.second} == {best, second}
        else pair
        for name, pair in results.comparison.pairs.items()
    }
    comparison = results.comparison.model_copy(update={"pairs": pairs})
    altered = replace(results, comparison=comparison)
    assert verdict(altered).startswith("No evidence of a difference between ")
    text = " ".join(said(compose(altered)))
    both = {(NAMES[best], NAMES[second]), (NAMES[second], NAMES[best])}
    assert beaten(text) & both == set()
    assert "Every pair differs" not in text
    named = re.findall(r"No evidence of a difference between (\w+) and (\w+):", text)
    assert {NAMES[best], NAMES[second]} in [set(pair) for pair in named]


def one_seed(value: Any) -> Any:
    """The records as they would be with the first seed alone."""
    if isinstance(value, BaseModel):
        return type(value).model_validate(one_seed(value.model_dump(exclude_unset=True)))
    if not isinstance(value, dict):
        return value
    if {"mean", "std", "ci95_low", "ci95_high", "per_seed"} <= set(value):
        return asdict(summarise(dict([*value["per_seed"].items()][:1])))
    return {key: one_seed(item) for key, item in value.items()}


def one_training(record: ModelRecord) -> ModelRecord:
    """The record of the first seed alone; all its errors are zeros taken for ones."""
    seed = record.seeds[0]
    errors = round((1 - record.accuracy.per_seed[seed]) * record.test.images)
    counts = np.diag(record.images_per_class)
    counts[0, :2] += (-errors, errors)
    rates = counts / counts.sum(axis=1, keepdims=True)
    content = one_seed(record.model_dump(exclude_unset=True)) | {"seeds": (seed,)}
    confusion = {"counts": counts.tolist(), "rates": rates.tolist()}
    content["protocols"]["test"]["confusion"] = confusion
    return ModelRecord.model_validate(content)


def test_one_seed_is_reported_with_its_limitation_and_without_gaps(results: Results) -> None:
    seed, curves = results.seeds[0], results.robustness_curves
    trained = {name: trained_as(name, seeds=(seed,), epochs=1) for name in results.training}
    clocks = {
        name: clock.model_copy(update={"replicates_at_once": 1})
        for name, clock in results.timing.items()
    }
    alone = {"limitation": ONE_SEED_LIMITATION, "seeds": (seed,)}
    pairs = {
        name: replace(pair, **alone, mcnemar=pair.mcnemar[:1])
        for name, pair in results.comparison.pairs.items()
    }
    single = replace(
        results,
        training=trained,
        timing=clocks,
        metrics={name: one_training(record) for name, record in results.metrics.items()},
        robustness=one_seed(results.robustness),
        domains=one_seed(results.domains),
        comparison=results.comparison.model_copy(update={"pairs": pairs}),
        curves={name: rows[rows["seed"] == seed] for name, rows in results.curves.items()},
        robustness_curves=curves[curves["seed"] == seed],
    )
    document = compose(single)
    assert ONE_SEED_LIMITATION in document.lead
    page = Page(render_html(document))
    assert re.findall(r"\b(nan|NaN|None|inf)\b", page.text) == []
    drawn = [value for key in ("d", "x", "y", "transform") for value in page.values(key)]
    assert [value for value in drawn if re.search(r"\bnan\b", value)] == []
    measured = [s for s in document.sections if s.anchor not in ("published", "studies")]
    blocks = replace(document, sections=measured).blocks
    ours = [block for block in blocks if isinstance(block, Table)]
    assert len(ours) > 10
    assert not any("±" in cell for t in ours for row in t.rows for cell in row), "no spread of one"
    assert "one seed" in page.text
    told = "".join((page.text, render_markdown(document), readme.results_block(single)))
    assert wrong_plurals(told) == []


def test_thirty_seeds_take_no_more_room_than_four(results: Results) -> None:
    seeds = tuple(range(30))
    records = {
        name: record.model_copy(update={"seeds": seeds}) for name, record in results.metrics.items()
    }
    assert recipe_table(replace(results, metrics=records))["seeds"] == "0 to 29 (30 seeds)"


# --- results that don't fit ------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("metrics", "plots", "studies"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    load_results(load_params())
    return tmp_path


LOADED = (
    *(f"metrics/{name}.json" for name in (*ARCHITECTURES, "comparison", "robustness", "domains")),
    *(f"metrics/training/{name}.json" for name in ARCHITECTURES),
    *(f"metrics/timing/{name}.json" for name in (*ARCHITECTURES, "evaluate")),
    *(f"plots/curves/{name}.csv" for name in ARCHITECTURES),
    "plots/evaluate/robustness.csv",
    "plots/evaluate/growth.csv",
    "plots/preprocess/classes.csv",
)


def test_a_missing_file_is_named_with_what_to_do(copied: Path) -> None:
    for name in (*LOADED, "plots/preprocess/samples.png"):
        content = (copied / name).read_bytes()
        (copied / name).unlink()
        with pytest.raises(DigitbenchError, match=f"{re.escape(name)}: .*dvc repro"):
            load_results(load_params())
        (copied / name).write_bytes(content)
    results = load_results(load_params())
    (copied / "plots/evaluate/roc/rnn.csv").unlink()
    sheet = copied / "plots/evaluate/examples/random.npz"
    sheet.unlink()
    with pytest.raises(DigitbenchError, match=r"plots/evaluate/roc/rnn\.csv: .*dvc repro"):
        results.table("roc", "rnn")
    with pytest.raises(DigitbenchError, match=r"examples/random\.npz: .*dvc repro"):
        Sample.read("random")
    shutil.copy(sheet.with_name("always_wrong.npz"), sheet)  # another kind of sheet
    with pytest.raises(DigitbenchError, match=r"examples/random\.npz: .*dvc repro"):
        Sample.read("random")


def test_a_damaged_file_is_named_with_what_to_do(copied: Path) -> None:
    for name in LOADED:
        content = (copied / name).read_bytes()
        (copied / name).write_bytes(content[: len(content) // 2] if name.endswith("json") else b"")
        with pytest.raises(
            DigitbenchError, match=rf"{re.escape(name)}: (damaged|cannot be read) .*dvc repro"
        ):
            load_results(load_params())
        (copied / name).write_bytes(content)


@pytest.mark.parametrize("change", ["other", "fewer", "order"])
def test_metrics_of_other_seeds_are_refused(change: str, copied: Path) -> None:
    path = copied / "metrics/cnn.json"
    record = ModelRecord.read(path)
    seeds = record.seeds
    changed = {"other": (9, *seeds[1:]), "fewer": seeds[:1], "order": seeds[::-1]}[change]
    if change == "order":
        record.model_copy(update={"seeds": changed}).write(path)
    else:
        studies_data.record("nguyen2026", "cnn", changed).write(path)
    with pytest.raises(DigitbenchError, match=r"metrics/\w+\.json: .*seeds.*dvc repro evaluate"):
        load_results(load_params())


# --- in a browser ----------------------------------------------------------------------------

WIDTHS = (1280, 390)
TALLEST = 16_000  # pixels of the page in a wide window
MEASURE = """<script>
console.error("sentinel");
addEventListener("load", () => {
  const figures = [...document.querySelectorAll(".chart svg, img.paper")];
  const room = document.querySelector("main").clientWidth + 1;
  parent.postMessage(
    [innerWidth, document.documentElement.scrollWidth, document.body.scrollWidth,
     document.querySelectorAll("svg").length, document.documentElement.scrollHeight,
     figures.filter(figure => figure.getBoundingClientRect().width > room).length].join(" "), "*");
});
</script></body>"""
COLLECT = """<script>
const seen = [];
addEventListener("message", event => { seen.push(event.data); document.title = seen.join(";"); });
</script>"""


def browser() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    if os.environ.get("CI"):
        pytest.fail("no Chromium on a machine that should have one")
    pytest.skip("no Chromium here")


def test_a_browser_shows_it_without_complaint_or_sideways_scrolling(
    html: str, tmp_path: Path
) -> None:
    # A window is never narrower than 500 pixels; a frame is as narrow as a telephone.
    (tmp_path / "copy.html").write_text(html.replace("</body>", MEASURE), encoding="utf-8")
    frames = "".join(
        f'<iframe src="copy.html" width="{width}" height="800" style="border:0"></iframe>'
        for width in WIDTHS
    )
    start = tmp_path / "frames.html"
    start.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><title></title>{COLLECT}{frames}', encoding="utf-8"
    )
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--enable-logging=stderr --virtual-time-budget=5000 --window-size=1200,900 --dump-dom"
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    run = subprocess.run(
        [browser(), *flags.split(), profile, start.as_uri()],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    title = re.search(r"<title>([^<]*)</title>", run.stdout)
    assert title, run.stderr[-2000:]
    seen = {}
    for measured in title.group(1).split(";"):
        width, *rest = (int(number) for number in measured.split())
        seen[width] = rest
    assert set(seen) == set(WIDTHS)
    for width, (of_page, of_body, figures, _, cut) in seen.items():
        assert max(of_page, of_body) <= width, f"wider than the window of {width} pixels"
        assert figures == html.count("<svg ")
        assert cut == 0, "every figure shows all its points without scrolling"
    assert seen[max(WIDTHS)][3] <= TALLEST
    complaints = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    # The sentinels show that complaints are heard.
    assert sum('"sentinel"' in line for line in complaints) == len(WIDTHS)
    assert [line for line in complaints if '"sentinel"' not in line] == []
