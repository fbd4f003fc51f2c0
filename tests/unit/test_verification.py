"""What a verification compares, how it judges that, and what it writes down."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from typer.testing import CliRunner

from digitbench.cli import app
from digitbench.errors import DigitbenchError
from digitbench.results.clocks import TimingRecord
from digitbench.results.receipts import Outcome, Receipt, read_receipts
from digitbench.results.records import TrainingRecord
from digitbench.verification.claims import Training, choose, draw, share_of
from digitbench.verification.conclusions import Scored, changed_scores
from digitbench.verification.machines import differences, side_by_side
from digitbench.verification.mismatch import Level, Mismatch
from digitbench.verification.numbers import curve_mismatch, record_mismatches, tensor_mismatch
from digitbench.verification.result import Found
from digitbench.verification.trial import _other_lines
from digitbench.wording import verified
from receipt_data import receipt

ROOT = Path(__file__).resolve().parents[2]
FACTS = {
    "code": "1" * 64,
    "torch": "2.14.1 abc cuda None hip None",
    "processor": {"avx512_bf16": True, "kernels": "AVX512"},
    "variables": {"ATEN_CPU_CAPABILITY": ""},
    "threads": 1,
}


def training(
    study: str = "",
    name: str = "mlp",
    *,
    facts: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    losses: tuple[str, ...] = ("0.5", "0.25"),
    **recipe: Any,
) -> Training:
    used = {
        "seeds": [3, 4],
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.001,
        "adam_epsilon": 1e-8,
        "patience": 0,
        "initialisation": "he",
        "augmentation": {"rotation": 0.0, "shift": 0.0, "zoom": 0.0},
        "precision": "bfloat16",
        "device": "cpu",
        **recipe,
    }
    account = {
        "architecture": name,
        "network": {},
        "recipe": used,
        "data": {"sha256": "0", "train_images": 10, "validation_images": 5},
    }
    clock = TimingRecord.of(
        {3: [1.0], 4: [1.0]},
        1,
        replicates_at_once=2,
        environment={"hardware": "Abacus, 8 cores", "torch": "2.14.1", **(environment or {})},
        facts=FACTS | {} if facts is None else facts,
    )
    curves = {
        (seed, epoch): {"train_accuracy": "0.9", "train_loss": loss}
        for seed in (3, 4)
        for epoch, loss in enumerate(losses, start=1)
    }
    return Training(study, name, TrainingRecord.model_validate(account), clock, curves)


# --- what is verified --------------------------------------------------------------------------


def test_numbers_in_a_row_draw_all_replicates() -> None:
    seeds = tuple(range(10, 20))
    for number in (0, 7, 2_000):
        quarters = [draw(seeds, Fraction(1, 4), number + week) for week in range(4)]
        assert {seed for quarter in quarters for seed in quarter} == set(seeds)
        assert {len(quarter) for quarter in quarters} == {3}
    assert draw(seeds, Fraction(1), 5) == seeds
    assert draw((7,), Fraction(1, 100), 5) == (7,)


@pytest.mark.parametrize(("text", "share"), [("1/4", (1, 4)), ("20%", (1, 5)), ("1", (1, 1))])
def test_a_share_is_a_fraction_or_percent(text: str, share: tuple[int, int]) -> None:
    assert share_of(text) == Fraction(*share)


@pytest.mark.parametrize("text", ["0", "5/4", "120%", "-1", "1/0", "a quarter", "", "nan"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(DigitbenchError, match="a share such as 1/4 or 20%"):
        share_of(text)


def test_networks_and_studies_are_chosen_by_name() -> None:
    every = [training(), training(name="cnn"), training("old", "a"), training("new", "b")]

    def chosen(networks: list[str], studies: list[str]) -> list[str]:
        return [item.title for item in choose(every, networks, studies)]

    assert chosen([], []) == ["mlp", "cnn"]
    assert chosen(["cnn"], ["old"]) == ["cnn", "old/a"]
    assert chosen([], ["all"]) == ["old/a", "new/b"]
    with pytest.raises(DigitbenchError, match=r"'mpl' is no network .* mlp and cnn"):
        chosen(["mpl"], [])
    with pytest.raises(DigitbenchError, match=r"'neu' is no study .* old and new"):
        chosen([], ["neu"])


# --- what differs ------------------------------------------------------------------------------


def test_the_first_epoch_that_differs_is_named_with_its_loss() -> None:
    there = training()
    assert curve_mismatch(there, training(), 3) is None
    found = curve_mismatch(there, training(losses=("0.5", "0.26")), 4)
    assert found == Mismatch(
        Level.NUMBERS, "train_mlp, seed 4, epoch 2, train_loss", "0.25", "0.26"
    )
    short = curve_mismatch(there, training(losses=("0.5",)), 3)
    assert short is not None
    assert short.place.endswith("epoch 2")


def test_the_first_tensor_that_differs_is_named_with_its_place() -> None:
    tensors = {"a": np.zeros((2, 3), np.float32), "b": np.ones(4, np.float32)}
    before = safetensors.numpy.save(tensors)
    tensors["b"][2] = 1.5
    found = tensor_mismatch(before, safetensors.numpy.save(tensors), "train_mlp, seed 3")
    assert (found.place, found.committed, found.here) == ("train_mlp, seed 3, b[2]", "1.0", "1.5")


def test_of_some_seeds_only_what_has_a_seed_is_compared() -> None:
    there = {"mean": 0.5, "m": {"per_seed": {"0": 0.4, "1": 0.6}, "std": 0.1}}
    here = {"mean": 0.6, "m": {"per_seed": {"1": 0.6}, "std": None}}
    assert record_mismatches("f.json", there, here, whole=False) == (1, [])
    here["m"]["per_seed"]["1"] = 0.7  # type: ignore[index]
    compared, (found,) = record_mismatches("f.json", there, here, whole=False)
    assert (compared, found.place) == (1, "f.json: m.per_seed.1")
    compared, others = record_mismatches("f.json", there, here, whole=True)
    assert compared == 4
    assert [item.place for item in others] == [
        f"f.json: {place}" for place in ("mean", "m.per_seed.0", "m.per_seed.1", "m.std")
    ]


def test_a_page_is_quoted_at_the_first_line_that_differs() -> None:
    diff = (
        "diff --git a/README.md b/README.md\nindex 1..2 100644\n--- a/README.md\n+++ b/README.md\n"
        "@@ -7 +7 @@ heading\n-CNN beats LSTM.\n+LSTM beats CNN.\n@@ -9 +9 @@\n-a\n+b\n"
        "diff --git a/x.md b/x.md\n--- a/x.md\n+++ b/x.md\n@@ -3,0 +4 @@\n+more\n"
    )
    first, second = _other_lines(diff)
    assert first.told() == (
        "README.md, line 7: committed CNN beats LSTM., here LSTM beats CNN. (verdicts)"
    )
    assert (second.place, second.committed, second.here) == ("x.md, line 3", "nothing", "more")


# --- who computed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "name"),
    [
        (training(precision="float32"), "precision"),
        (training(facts=FACTS | {"torch": "2.15.0"}), "torch"),
        (training(facts=FACTS | {"processor": {"kernels": "AVX2"}}), "processor.avx512_bf16"),
        (
            training(facts=FACTS | {"variables": {"ATEN_CPU_CAPABILITY": "avx2"}}),
            "variables.ATEN_CPU_CAPABILITY",
        ),
        (training(facts=FACTS | {"threads": 2}), "threads"),
        (training(environment={"hardware": "Enigma, 8 cores"}), "environment.hardware"),
    ],
)
def test_what_explains_other_bytes_is_named(here: Training, name: str) -> None:
    there = training()
    assert next(iter(differences(there, here)))[0] == name
    assert name in [row[0] for row in side_by_side(there, here)]


def test_cores_code_and_what_was_not_recorded_explain_nothing() -> None:
    assert differences(training(), training(environment={"hardware": "Abacus, 2 cores"})) == []
    assert differences(training(), training(facts=FACTS | {"code": "2" * 64})) == []
    assert differences(training(facts={}), training()) == []


def test_portable_arithmetic_has_no_excuse_in_the_maker_of_a_processor() -> None:
    there = training(arithmetic="portable")
    here = training(arithmetic="portable", environment={"hardware": "Enigma, 8 cores"})
    assert differences(there, here) == []


# --- what it means -----------------------------------------------------------------------------

KNOWN = {0: 0.980, 1: 0.982, 2: 0.979, 3: 0.983}


@pytest.mark.parametrize(
    ("here", "changed", "is_open"),
    [
        (KNOWN, False, False),
        ({0: 0.981, 1: 0.981, 2: 0.980, 3: 0.982}, False, False),
        ({seed: value - 0.02 for seed, value in KNOWN.items()}, True, False),
        ({2: 0.9805}, False, False),
        ({2: 0.92}, True, False),
    ],
)
def test_scores_are_judged_as_the_review_does(
    here: dict[int, float], changed: bool, is_open: bool
) -> None:
    scored = Scored("accuracy of mlp", KNOWN, here, 10_000)
    assert bool(changed_scores([scored])) is changed
    assert scored.open is is_open


def test_one_seed_alone_says_nothing_of_another_value() -> None:
    scored = Scored("accuracy of mlp", {0: 0.98}, {0: 0.97}, 10_000)
    assert scored.open
    assert not changed_scores([scored])
    assert not Scored("accuracy of mlp", {0: 0.98}, {0: 0.98}, 10_000).open


def test_every_outcome_has_a_status_of_its_own_and_a_difference_is_never_hidden() -> None:
    place = Mismatch(Level.BYTES, "train_mlp, seed 0", "a", "b")
    found = Found()
    outcomes = [found.outcome]
    found.add(place, ("torch", "1", "2"))
    outcomes.append(found.outcome)
    found.problem = "The network is gone."
    outcomes.append(found.outcome)
    found.add(place)
    outcomes.append(found.outcome)
    assert outcomes == [
        Outcome.IDENTICAL,
        Outcome.OTHER_BYTES,
        Outcome.UNCHECKED,
        Outcome.NOT_REPRODUCED,
    ]
    assert sorted(outcome.status for outcome in Outcome) == [0, 1, 2, 3]
    text = "\n".join(found.lines())
    assert "Not reproduced.\nThe network is gone.\nFirst: train_mlp, seed 0: committed a" in text


def test_a_changed_conclusion_is_not_reproduced_whatever_explains_it() -> None:
    found = Found(changed=[Mismatch(Level.VERDICTS, "the report on cnn", "higher", "same")])
    found.add(Mismatch(Level.BYTES, "train_mlp", "a", "b"), ("torch", "1", "2"))
    assert found.outcome is Outcome.NOT_REPRODUCED
    assert "Another machine: torch is 2 here, and was 1." in "\n".join(found.lines())


# --- receipts ----------------------------------------------------------------------------------


def read(content: dict[str, Any]) -> Receipt:
    return Receipt.parse(json.dumps(content).encode(), "receipt.json")


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "could not check"},
        {"outcome": "fine"},
        {"found": {}},
        {"found": receipt()["found"] | {"data/processed/train": "another"}},
        {"changed": ["something"]},
        {"commit": "HEAD"},
        {"locks": {"dvc.lock": "abc"}},
        {"expected": {}, "found": {}},
        {"more": 1},
        {"schema": 2},
    ],
)
def test_a_receipt_that_contradicts_itself_is_refused(other: dict[str, Any]) -> None:
    assert read(receipt()).outcome is Outcome.IDENTICAL
    with pytest.raises(DigitbenchError, match=r"^receipt\.json"):
        read(receipt(**other))


def test_receipts_count_for_the_networks_that_they_are_about(tmp_path: Path) -> None:
    account = training().account
    own = account.model_copy(update={"weights": {0: "a" * 64, 1: "e" * 64}})
    other = account.model_copy(update={"weights": {0: "a" * 64, 1: "b" * 64}})
    (tmp_path / "one.json").write_text(json.dumps(receipt()))
    (one,) = read_receipts(tmp_path).values()
    assert one.concerns({"mlp": own})
    assert not one.concerns({"mlp": other})
    assert not one.concerns({"mlp": account})
    assert one.processor == "Abacus"
    assert Receipt.parse(json.dumps(one.content()).encode(), "again") == one
    assert verified([], 0) == ""
    assert verified([one.outcome, Outcome.OTHER_BYTES], 1) == (
        "Verified by 2 receipts on 1 kind of processor: 1 identical and 1 same conclusions, other "
        "bytes."
    )


def test_receipts_are_held_against_their_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        names = ("-c", "user.name=A", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    lock = "stages: {preprocess: {outs: [{path: data/processed/train, md5: 123.dir}]}}"
    account = {"schema": 1, **training().account.model_dump(mode="json")}
    account["recipe"] |= {"seeds": [1]}
    account["weights"] = {"1": "e" * 64}
    for name, text in {
        "params.yaml": "margin: 1",
        ".dvc/config": "",
        "dvc.lock": lock,
        "metrics/training/mlp.json": json.dumps(account),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "state")
    sha256 = subprocess.check_output(["sha256sum", "dvc.lock"], cwd=tmp_path, text=True).split()[0]
    hashes = {"data/processed/train": "123.dir", "models/mlp/seed-1.safetensors": "e" * 64}
    good = receipt(
        commit=git("rev-parse", "HEAD"), locks={"dvc.lock": sha256}, expected=hashes, found=hashes
    )
    wrong = hashes | {"models/mlp/seed-1.safetensors": "0" * 64}
    folder = tmp_path / "verifications"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)

    def audited(**other: Any) -> str:
        (folder / "one.json").write_text(json.dumps(good | other))
        done = CliRunner().invoke(app, ["verify", "--receipts"])
        assert done.exit_code == (0 if "Receipts that hold: 1 of 1" in done.output else 1)
        return done.output

    assert "Receipts that hold: 1 of 1" in audited()
    assert "has another hash" in audited(locks={"dvc.lock": "0" * 64})
    assert "seed-1.safetensors: " in audited(expected=wrong, found=wrong)
    assert "is not a revision" in audited(commit="0" * 40)
    assert "damaged" in audited(outcome="fine")
