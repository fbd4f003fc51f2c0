"""A small committed pipeline, verified; and what is planted in it is found at its first place."""

import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
import safetensors.numpy

from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.execution.store import VARIABLE as STORE_VARIABLE
from digitbench.execution.workers import JOBS_VARIABLE
from digitbench.results.receipts import Outcome
from digitbench.verification.claims import share_of
from digitbench.verification.trial import Asked, Trial
from digitbench.verification.trial import verify as compute

from .conftest import Project, commit

pytestmark = pytest.mark.pipeline

MODEL, ACCOUNT = "models/mlp/seed-0.safetensors", "metrics/training/mlp.json"
CLOCK = "metrics/timing/mlp.json"


@pytest.fixture(scope="module")
def claimed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished clone whose pages, too, are those of its numbers."""
    root = tmp_path_factory.mktemp("claimed") / "project"
    shutil.copytree(finished.root, root, symlinks=True)
    environment = finished.environment | {"PYTHONPATH": str(root / "src")}
    project = dataclasses.replace(finished, root=root, environment=environment)
    project.run("digitbench", "studies")
    project.dvc("repro", "--quiet")
    project.run("digitbench", "readme")
    commit(project)
    return project


@pytest.fixture
def planted(claimed: Project) -> Iterator[Project]:
    """The same, brought back afterwards."""
    model = (claimed.root / MODEL).read_bytes()
    head = claimed.run("git", "rev-parse", "HEAD").stdout.strip()
    yield claimed
    claimed.run("git", "reset", "-q", "--hard", head)
    (claimed.root / MODEL).unlink()
    (claimed.root / MODEL).write_bytes(model)


Verify = Callable[..., tuple[Outcome, str]]


@pytest.fixture
def verify(claimed: Project, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """What is found in the clone, and told; pages, which cost three processes, where asked for."""
    monkeypatch.chdir(claimed.root)
    for name in (DROP_IN_VARIABLE, JOBS_VARIABLE, STORE_VARIABLE, "GIT_CONFIG_GLOBAL"):
        monkeypatch.setenv(name, claimed.environment[name])

    def run(
        *networks: str,
        share: str = "1",
        number: int = 1,
        revision: str = "HEAD",
        pages: bool = False,
    ) -> tuple[Outcome, str]:
        if not pages:
            monkeypatch.setattr(Trial, "_pages", lambda trial: None)
        asked = Asked(revision, networks, (), share_of(share), number)
        found = compute(claimed.root, asked, print)
        return found.outcome, found.text

    return run


def lie(project: Project) -> None:
    """Make the lock agree with whatever the files say, and commit all."""
    project.dvc("commit", "--force", "--quiet", "dvc.yaml")
    commit(project)


def test_a_commit_is_identical_here_and_the_receipt_holds(claimed: Project) -> None:
    before = claimed.run("git", "status", "--porcelain", "--ignored").stdout
    done = claimed.run("digitbench", "verify", "--seed", "1", "--subset", "1/2", "--receipt")
    told = done.stdout
    assert "\nIdentical.\n" in told
    assert "4 of 4 replicates the same" in told
    assert "4 pages say what the committed numbers give" in told
    (path,) = re.findall(r"^Receipt: (\S+)$", told, re.MULTILINE)
    receipt = json.loads((claimed.root / path).read_text())
    assert receipt["expected"] == receipt["found"]
    assert "data/processed/train" in receipt["found"]
    # The receipt of other networks, which every small clone has, is about no commit of it.
    said = claimed.run("digitbench", "verify", "--receipts", check=False).stdout
    assert "Receipts that hold: 1 of 2." in said
    claimed.run("digitbench", "readme")
    verified = re.search(r"Verified by .*", (claimed.root / "README.md").read_text())
    assert verified
    assert verified[0] == "Verified by 1 receipt on 1 kind of processor: 1 identical."
    (claimed.root / path).unlink()
    claimed.run("git", "restore", "README.md")
    assert claimed.run("git", "status", "--porcelain", "--ignored").stdout == before


CODE, TRAINER = "src/digitbench/training/data.py", "src/digitbench/training/trainer.py"


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "place"),
    [
        ("params.yaml", r"^batch_size: 32", "batch_size: 16", "params.yaml: batch_size: committed"),
        (TRAINER, r"betas=\(0.9, 0.999\)", "betas=(0.8, 0.999)", f"train_mlp: {TRAINER}"),
        ("metrics/mlp.json", r'("mean": 0\.\d+)', r"\g<1>1", "evaluate: metrics/mlp.json"),
        ("README.md", r" beats | is not ", " likes ", "README.md, line "),
        ("report/report.md", r"^# .*", "# Won", "report: report/report.md"),
    ],
    ids=["parameter", "code", "metric", "sentence", "page"],
)
def test_what_was_changed_after_the_results_is_found_without_training(
    planted: Project, verify: Verify, file: str, pattern: str, replacement: str, place: str
) -> None:
    text = (planted.root / file).read_text()
    text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if not count:  # in so small a comparison nothing may be evident
        text, count = re.subn("No evidence", "Evidence", text)
    assert count
    (planted.root / file).write_text(text)
    commit(planted)
    outcome, told = verify(pages=file == "README.md")
    assert outcome is Outcome.NOT_REPRODUCED, told
    assert "no network was trained again" in told
    first = re.search(r"^First: .*", told, re.MULTILINE)
    assert first, told
    assert place in told


def test_data_that_the_lock_has_otherwise_are_named(planted: Project, verify: Verify) -> None:
    """Everywhere alike, so that the lock agrees with itself."""
    (made,) = re.findall(
        r"- path: data/processed/train\n.*\n      md5: (\w+)\.dir",
        (planted.root / "dvc.lock").read_text().partition("  train_")[0],
    )
    planted.edit("dvc.lock", made, "0" * 32)
    planted.run("git", "commit", "-qam", "other data")
    outcome, told = verify("mlp")
    assert outcome is Outcome.NOT_REPRODUCED, told
    assert f"First: preprocess: data/processed/train: committed {'0' * 32}.dir" in told


def test_a_weight_is_named_and_so_is_what_would_explain_it(
    planted: Project, verify: Verify
) -> None:
    tensors = safetensors.numpy.load((planted.root / MODEL).read_bytes())
    name = sorted(tensors)[0]
    changed = {**tensors, name: tensors[name].copy()}
    changed[name].flat[0] += 1
    content = safetensors.numpy.save(changed)
    (planted.root / MODEL).unlink()  # it may be a link into the cache
    (planted.root / MODEL).write_bytes(content)
    account = json.loads((planted.root / ACCOUNT).read_text())
    account["weights"]["0"] = hashlib.sha256(content).hexdigest()
    (planted.root / ACCOUNT).write_text(json.dumps(account, indent=2) + "\n")
    lie(planted)
    own = {"share": "1/2", "number": 2}
    outcome, told = verify("mlp", **own)
    assert outcome is Outcome.NOT_REPRODUCED, told
    assert re.search(rf"^First: train_mlp, seed 0, {re.escape(name)}\[0", told, re.MULTILINE), told
    # The same bytes, recorded with another torch, are what another machine may have given.
    clock = json.loads((planted.root / CLOCK).read_text())
    clock["environment"]["torch"] = "1.0"
    clock["facts"]["torch"] = "1.0"
    (planted.root / CLOCK).write_text(json.dumps(clock, indent=2) + "\n")
    lie(planted)
    outcome, told = verify("mlp", **own)
    assert outcome is Outcome.OTHER_BYTES, told
    assert re.search(r"^Another machine: torch is \S+ .*here, and was 1\.0\.$", told, re.MULTILINE)


def test_under_other_arithmetic_the_conclusions_are_the_same(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    outcome, told = verify("cnn")
    assert outcome is Outcome.OTHER_BYTES, told
    assert "Another machine: processor.kernels is " in told
    assert "2 of 2 replicates the same" not in told


def test_what_cannot_be_checked_is_said(claimed: Project, verify: Verify) -> None:
    outcome, told = verify("nobody")
    assert outcome is Outcome.UNCHECKED
    assert "'nobody' is no network of this commit" in told
    outcome, told = verify(revision="HEAD~2")
    assert outcome is Outcome.UNCHECKED
    assert "This commit has no dvc.lock" in told
    done = claimed.run("digitbench", "verify", "nowhere", check=False)
    assert done.returncode == Outcome.UNCHECKED.status
    assert "'nowhere' is not a revision" in done.stdout
