"""What cannot be, or is gone: refused with file and key, or said before any number."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digitbench.cli import app
from digitbench.document.blocks import Document
from digitbench.document.markdown import render_comment
from digitbench.errors import DigitbenchError
from digitbench.results.clocks import TimingRecord
from digitbench.results.metrics import METRICS, Metric
from digitbench.results.records import ModelRecord
from digitbench.review.quality import collect_changes, compare_quality, flatten
from digitbench.review.revisions import (
    Revision,
    Snapshot,
    open_repository,
    read_commit,
    read_snapshot,
)
from digitbench.review.tell import compose
from digitbench.statistics.summary import summarise
from digitbench.wording import decimal, percent, points, points_interval
from review_data import (
    BETTER,
    LEVEL,
    Repository,
    conditions,
    encoded,
    per_seed,
    record,
    snapshot,
    timing,
)

SRC = Path(__file__).resolve().parents[2] / "src"
CNN = "metrics/cnn.json"
TEXT = encoded(record(LEVEL)).decode()
HUGE = "1" * 400


def reviewed(before: Snapshot, after: Snapshot) -> Document:
    return compose(before, after, compare_quality(before, after), collect_changes(before, after))


# --- "unchanged" -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            per_seed(0.99, 0.99, 0.95),
            per_seed(0.99, 0.99),
            "Seeds 2 dropped; mean over all of them: CNN 97.67 % → 99.00 %.",
        ),
        (
            per_seed(0.99, 0.99),
            per_seed(0.99, 0.99, 0.95),
            "Seeds 2 added; mean over all of them: CNN 99.00 % → 97.67 %.",
        ),
    ],
)
def test_another_choice_of_seeds_is_no_result_unchanged(
    before: dict[int, float], after: dict[int, float], said: str
) -> None:
    found = reviewed(snapshot({"cnn": before}), snapshot({"cnn": after}))
    assert said in found.lead
    assert "all results unchanged" not in found.lead
    assert "to the last digit" not in render_comment(found)


def test_worse_elsewhere_is_no_result_unchanged() -> None:
    worse = {seed: value - 0.1 for seed, value in LEVEL.items()}
    parts = (
        ("Robustness: CNN worse on blur", {"robustness": conditions(1000, blur=LEVEL)}),
        ("New domains: CNN worse on usps, box", {"domains": {"usps": conditions(900, box=LEVEL)}}),
    )
    after = (
        {"robustness": conditions(1000, blur=worse)},
        {"domains": {"usps": conditions(900, box=worse)}},
    )
    for (said, before), later in zip(parts, after, strict=True):
        found = reviewed(snapshot({"cnn": LEVEL}, **before), snapshot({"cnn": LEVEL}, **later))
        assert found.lead == f"CNN: accuracy unchanged. {said}."


def test_what_is_gone_is_named() -> None:
    usps = {"usps": conditions(900, "cnn", "mlp", box=LEVEL)}
    robust = conditions(1000, "cnn", "mlp", blur=LEVEL, shift=LEVEL)
    more = snapshot({"cnn": LEVEL, "mlp": LEVEL}, robustness=robust, domains=usps)
    less = snapshot({"cnn": LEVEL}, robustness=conditions(1000, "cnn", blur=LEVEL))
    found = reviewed(more, less)
    assert found.lead == "CNN: accuracy unchanged. MLP: no results any more."
    assert found.remarks[0] == (
        "Only before the change: robustness on shift, robustness of MLP, usps."
    )


def test_a_loss_asks_for_its_reason_in_the_pull_request() -> None:
    asked = "write in the pull request why the change is worth it"
    lost = render_comment(reviewed(snapshot({"cnn": BETTER}), snapshot({"cnn": LEVEL})))
    won = render_comment(reviewed(snapshot({"cnn": LEVEL}), snapshot({"cnn": BETTER})))
    assert (asked in lost, asked in won) == (True, False)


# --- values that cannot be -------------------------------------------------------------------


def swapped(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (swapped('"parameters": 1000', '"parameters": true'), "parameters: .*valid integer"),
        (swapped('"parameters": 1000', f'"parameters": {HUGE}'), "parameters: .*less than"),
        (swapped('"parameters": 1000', '"parameters": -1'), "parameters: .*greater than"),
        (swapped('"parameters": 1000', '"parameters": 1, "parameters": 2'), "parameters stands tw"),
        (swapped('"images": 10000', f'"images": {HUGE}'), r"test\.images: .*less than"),
        (swapped('"images": 10000', '"images": 9990'), "contradict each other"),
        (swapped('"0": 0.98', '"0": "0.98"'), r"accuracy\.per_seed\.0: .*valid number"),
        (swapped('"0": 0.98', '"0": true'), r"accuracy\.per_seed\.0: .*valid number"),
        (swapped('"0": 0.98', f'"0": {HUGE}'), r"accuracy\.per_seed\.0: .*finite"),
        (swapped('"0": 0.98', '"0": 0.97'), r"metrics\.accuracy: mean is .*, but its values per"),
        (swapped('"seeds": [0, 1', '"seeds": [0, 7'), "accuracy is not of the seeds 0, 7, 2 and 3"),
        (swapped('"seeds": [0, 1, 2, 3]', '"seeds": []'), "seeds: "),
        (swapped('"schema": 2', '"schema": true'), "has schema True"),
        (swapped('"schema": 2', '"schema": 2.0'), "has schema 2.0"),
        (swapped('"counts": [[', '"counts": [[1], ['), "a square"),
        (swapped('"cnn"', '"mlp"'), "results of mlp"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_contradictions_are_refused_with_file_and_key(text: str, problem: str) -> None:
    with pytest.raises(DigitbenchError, match=rf"^metrics/cnn\.json in there.*{problem}"):
        read_snapshot(Revision("there", None, {CNN: text.encode()}))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_every_metric_has_its_bounds(metric: Metric) -> None:
    over = metric.highest + 0.5 if metric.highest < 3 else None
    for value in filter(None, (-0.5, over)):
        with pytest.raises(ValueError, match=f"{metric.title} of seed 0 is {value}, "):
            metric.possible(summarise({0: value}))
    assert metric.possible(summarise({0: 1.0})).mean == 1


def test_results_edited_all_through_contradict_their_counts() -> None:
    edited = record(LEVEL).model_dump(exclude_unset=True)
    edited["protocols"]["test"]["metrics"]["accuracy"] = summarise(BETTER)
    with pytest.raises(ValueError, match=r"images, accuracy and confusion .* contradict"):
        ModelRecord.model_validate(edited)


def test_no_clock_runs_backwards() -> None:
    text = encoded(timing(1.0))
    for old, new in ((b"10.0", b"-10.0"), (b"10.0", b'"10.0"'), (b"10.0", HUGE.encode())):
        with pytest.raises(DigitbenchError, match=r"t: damaged .stage_seconds: "):
            TimingRecord.parse(text.replace(old, new), "t")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &x {b: *x}\n", "within itself, or aliases of too many"),
        ("a: &b [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n", ""),
        ("[" * 5000, "within itself"),
        ('a: "\\ud800"\n', "surrogates"),
        (f"a: {'9' * 5000}\n", "4300 digits"),
    ],
)
def test_yaml_without_end_or_sense_is_refused(text: str, problem: str) -> None:
    revision = Revision("there", None, {CNN: TEXT.encode(), "params.yaml": text.encode()})
    if not problem:
        assert read_snapshot(revision).params == {"a": [1] * 10}
        return
    with pytest.raises(DigitbenchError, match=rf"params\.yaml in there: damaged .*{problem}"):
        read_snapshot(revision)


def test_aliases_that_multiply_are_refused() -> None:
    doubled = "a: &a [1, 1, 1, 1]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n"
        for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    revision = Revision("there", None, {CNN: TEXT.encode(), "params.yaml": doubled.encode()})
    with pytest.raises(DigitbenchError, match="aliases of too many"):
        read_snapshot(revision)


def test_text_that_looks_like_a_number_is_not_one() -> None:
    assert flatten({"a": 5}) != flatten({"a": "5"})
    assert flatten({"a": True, "b": None}) != flatten({"a": "true", "b": "null"})
    assert flatten({"a": "adam"}) == {"a": "adam"}


# --- what the lock knows ---------------------------------------------------------------------


def locked(md5: str, path: str = CNN, scheme: str = "hash: md5, ") -> dict[str, bytes]:
    lock = f"stages: {{evaluate: {{outs: [{{path: {path}, {scheme}md5: '{md5}'}}]}}}}"
    return {CNN: TEXT.encode(), "dvc.lock": lock.encode()}


def test_metrics_that_the_lock_does_not_know_are_pointed_out() -> None:
    md5 = hashlib.md5(TEXT.encode(), usedforsecurity=False).hexdigest()
    for files, astray in (
        (locked(md5), ()),
        (locked(""), ()),
        (locked("0" * 32), (CNN,)),
        (locked("0" * 32, "metrics/mlp.json"), ("metrics/mlp.json",)),  # gone
        (locked("0" * 32, "models/cnn.json"), ()),  # DVC's own to keep
        (locked(md5, scheme="") | {CNN: TEXT.replace(",", ",\r\n").encode()}, (CNN,)),
    ):
        assert read_snapshot(Revision("there", None, files)).astray == astray
    old = TEXT.replace(",", ",\n").encode()
    dos = locked(hashlib.md5(old, usedforsecurity=False).hexdigest(), scheme="")
    windows = Revision("there", None, dos | {CNN: old.replace(b"\n", b"\r\n")})
    assert read_snapshot(windows).astray == (), "DVC 2 took line ends of Windows for ours"


def test_both_sides_are_held_against_their_lock() -> None:
    sides = [
        read_snapshot(Revision(name, None, locked("0" * 32))) for name in ("main", "workspace")
    ]
    assert [remark.partition(" not what")[0] for remark in reviewed(*sides).remarks] == [
        f"main: {CNN}",
        f"workspace: {CNN}",
    ]


# --- one rounding ----------------------------------------------------------------------------


def test_a_mean_is_rounded_alike_before_and_after_it_becomes_percent() -> None:
    for tens in range(2_000):
        share = 0.97 + tens / 100_000
        seeds = (share, share + 5e-5, share - 5e-5, 0.97615)
        of_shares = sum(seeds) / 4
        of_percents = sum(100 * value for value in seeds) / 4
        assert percent(of_shares) == f"{decimal(of_percents)} %"


def test_nothing_is_minus_zero() -> None:
    assert (points(-1e-15), decimal(-1e-9, 4), decimal(-0.5)) == ("+0.00", "0.0000", "−0.50")
    # But an interval that ends just below 0 holds it, and must not look as if it began there.
    assert points_interval(-1e-6, 0.005) == "−0.00 to +0.50"


# --- as a program ----------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "project")
    made.results(mlp=record(LEVEL), cnn=record(BETTER))
    made.commit()
    monkeypatch.chdir(made.root)
    return made


def status(*arguments: str) -> int:
    return CliRunner().invoke(app, ["review", *arguments]).exit_code


WORSE = record({seed: value - 0.01 for seed, value in LEVEL.items()})


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({}, 2),  # gone
        ({"cnn2": record(BETTER)}, 2),  # renamed
        ({"cnn": record({9: 0.99})}, 2),
        ({"cnn": record(BETTER, images=5000)}, 2),
        ({"cnn": record(BETTER, nll=None)}, 2),
        ({"mlp": WORSE}, 1),  # and gone
        ({"cnn": record(BETTER), "gru": record(LEVEL)}, 0),
    ],
)
def test_what_has_no_verdict_any_more_is_a_failure(
    repository: Repository, after: dict[str, ModelRecord], expected: int
) -> None:
    (repository.root / CNN).unlink()
    repository.results(**after)
    assert status("--fail-on", "worse") == expected
    assert status() == 0, "only on request"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["latin-1", "C"],
)
def test_any_encoding_of_a_terminal_will_do(
    repository: Repository, variables: dict[str, str]
) -> None:
    repository.results(cnn=record(LEVEL), mlp=record(BETTER))

    def run(*arguments: str) -> bytes:
        program = "import sys; from digitbench.cli import main; sys.argv[0] = 'digitbench'; main()"
        return subprocess.run(
            [sys.executable, "-c", program, "review", *arguments],
            env={**os.environ, "PYTHONPATH": str(SRC), **variables},
            capture_output=True,
            check=True,
        ).stdout

    shown = run().decode("latin-1")
    assert "-1.00 points, 95 % interval -1.16 to -0.84" in shown
    assert "?" not in shown
    assert "−1.00 points" in run("--markdown").decode(), "a file is UTF-8 everywhere"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("HEAD~1..HEAD", "digitbench review HEAD~1 HEAD."),
        ("main..", "digitbench review main HEAD."),
        ("main...HEAD", "digitbench review $(git merge-base main HEAD) HEAD."),
    ],
)
def test_a_range_gets_the_command_that_was_meant(
    repository: Repository, name: str, hint: str
) -> None:
    with pytest.raises(DigitbenchError, match=re.escape(hint) + "$"):
        read_commit(open_repository(repository.root), name)


@pytest.mark.parametrize(
    ("options", "command"),
    [
        (("--depth=1", "--no-single-branch"), "git fetch --unshallow"),
        (("--depth=1",), "git remote set-branches origin '*' && git fetch --unshallow"),
        (("--single-branch",), "git remote set-branches origin '*' && git fetch"),
    ],
)
def test_a_clone_of_a_part_is_told_how_to_get_the_rest(
    options: tuple[str, ...], command: str, repository: Repository
) -> None:
    repository.commit()
    repository.git("branch", "other")
    clone = repository.root.parent / "clone"
    repository.git("clone", "--quiet", *options, f"file://{repository.root}", str(clone))
    name = "origin/other" if "set-branches" in command else "HEAD~1"
    with pytest.raises(DigitbenchError, match=re.escape(f"`{command}`")):
        read_commit(open_repository(clone), name)
    subprocess.run(command, shell=True, cwd=clone, check=True, capture_output=True)
    assert read_commit(open_repository(clone), name).commit


def test_a_folder_with_the_name_of_a_file_is_none(repository: Repository) -> None:
    repository.write({"metrics/rnn.json/x": "a"})
    repository.commit()
    assert status("HEAD", "HEAD") == 0
