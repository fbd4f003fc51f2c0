"""Reading results out of Git and from disk: the right files, and sentences where there are none."""

import json
from pathlib import Path

import pytest

from digitbench.errors import DigitbenchError
from digitbench.review.revisions import (
    Revision,
    read_base,
    read_commit,
    read_head,
    read_snapshot,
    repository_root,
)
from review_data import Repository, per_seed, record, timing

RECORD = record(per_seed(0.98, 0.99))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "with space")
    made.results(cnn=RECORD, mlp=RECORD)
    return made


# --- which revision, which files -------------------------------------------------------------


def test_files_of_a_commit_are_those_that_git_shows(repository: Repository) -> None:
    repository.write(
        {
            "metrics/timing/cnn.json": timing(1.5),
            "metrics/summary/cnn.json": {"accuracy": 0.98},
            "metrics/notes.txt": "no result",
            "params.yaml": "epochs: 5\n\n# ünïcode, and no newline at the end",
            "dvc.lock": "",
            "src/params.yaml": "epochs: 7",
        }
    )
    commit = repository.commit()
    repository.write({"params.yaml": "epochs: 6", "metrics/cnn.json": {}})
    revision = read_commit(repository.root, "HEAD")
    assert set(revision.files) == {
        "metrics/cnn.json",
        "metrics/mlp.json",
        "metrics/timing/cnn.json",
        "params.yaml",
        "dvc.lock",
    }
    assert revision.commit == commit
    assert revision.label == f"HEAD ({commit[:10]})"
    for path, content in revision.files.items():
        assert content.decode().rstrip("\n") == repository.git("show", f"HEAD:{path}")


def test_workspace_is_what_lies_on_disk(repository: Repository) -> None:
    repository.commit()
    repository.write({"params.yaml": "epochs: 6", "metrics/gru.json": RECORD})
    (repository.root / "metrics/mlp.json").unlink()
    revision = read_head(repository.root, None)
    assert set(revision.files) == {"metrics/cnn.json", "metrics/gru.json", "params.yaml"}
    assert revision.files["params.yaml"] == b"epochs: 6"
    assert (revision.commit, revision.label) == (None, "workspace")


def test_base_is_where_the_branch_left_main(repository: Repository) -> None:
    fork = repository.commit()
    repository.git("checkout", "--quiet", "-b", "change")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    tip = repository.commit()
    repository.git("checkout", "--quiet", "change")
    assert fork != tip
    base = read_base(repository.root, None)
    assert base.commit == fork
    assert base.label == f"merge base with main ({fork[:10]})"
    assert read_base(repository.root, "main").commit == tip


@pytest.mark.parametrize("branch", ["master", "origin/main", "origin/master"])
def test_main_branch_may_have_another_usual_name(repository: Repository, branch: str) -> None:
    commit = repository.commit()
    kind = "remotes" if "/" in branch else "heads"
    repository.git("checkout", "--quiet", "--detach")
    repository.git("branch", "--quiet", "-D", "main")
    repository.git("update-ref", f"refs/{kind}/{branch}", commit)
    assert read_base(repository.root, None).name == f"merge base with {branch}"


def test_without_a_main_branch_one_is_asked_for(repository: Repository) -> None:
    repository.commit()
    repository.git("branch", "--quiet", "-m", "trunk")
    with pytest.raises(DigitbenchError, match=r"No main branch .*master.* Name a revision"):
        read_base(repository.root, None)


def test_without_a_common_commit_the_reason_is_told(repository: Repository) -> None:
    repository.commit()
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit()
    with pytest.raises(DigitbenchError, match="HEAD and main have no commit in common"):
        read_base(repository.root, None)


@pytest.mark.parametrize("name", ["nowhere", "--all", "-n1", "main:metrics/cnn.json", "", "a b"])
def test_unknown_revision_is_named(repository: Repository, name: str) -> None:
    repository.commit()
    with pytest.raises(DigitbenchError, match="is not a revision of this repository") as caught:
        read_commit(repository.root, name)
    assert repr(name) in str(caught.value)


def test_root_is_found_from_any_folder_inside(repository: Repository) -> None:
    deep = repository.root / "metrics" / "timing" / "deep"
    deep.mkdir(parents=True)
    assert repository_root(deep).samefile(repository.root)


def test_outside_a_repository_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(DigitbenchError, match="no Git repository can be read here"):
        repository_root(tmp_path)


def test_without_git_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DigitbenchError, match="Git cannot be started"):
        repository_root(tmp_path)


# --- what is in them -------------------------------------------------------------------------


def revision(files: dict[str, object]) -> Revision:
    contents = {
        name: content if isinstance(content, bytes) else json.dumps(content).encode()
        for name, content in files.items()
    }
    return Revision("there", "0123456789abcdef", contents)


def test_architectures_come_in_their_usual_order_then_by_name() -> None:
    names = ["zeta", "lstm", "alpha", "cnn", "mlp", "rnn"]
    files = {f"metrics/{name}.json": RECORD for name in names}
    others = {"metrics/comparison.json": {"pairs": {}}, "metrics/anything.json": {"a": 1}}
    snapshot = read_snapshot(revision({**files, **others}))
    assert list(snapshot.metrics) == ["mlp", "cnn", "rnn", "lstm", "alpha", "zeta"]


def test_files_that_did_not_exist_yet_are_none() -> None:
    snapshot = read_snapshot(revision({"metrics/cnn.json": RECORD}))
    assert snapshot.timing == {}
    for part in ("robustness", "domains", "params", "stages", "packages"):
        assert getattr(snapshot, part) is None


def test_robustness_and_domains_are_read_by_condition() -> None:
    summary = {"mean": 0.5, "per_seed": {"0": 0.5}}
    snapshot = read_snapshot(
        revision(
            {
                "metrics/cnn.json": RECORD,
                "metrics/robustness.json": {
                    "images": 1000,
                    "units": {"blur": "pixels"},
                    "cnn": {"mean": summary, "blur": summary},
                },
                "metrics/domains.json": {"usps": {"images": 2007, "box": {"cnn": summary}}},
            }
        )
    )
    assert snapshot.robustness is not None
    assert snapshot.robustness.images == 1000
    assert {kind: set(by) for kind, by in snapshot.robustness.accuracy.items()} == {
        "mean": {"cnn"},
        "blur": {"cnn"},
    }
    assert snapshot.domains is not None
    assert snapshot.domains["usps"].images == 2007
    assert snapshot.domains["usps"].accuracy["box"]["cnn"].per_seed == {"0": 0.5}


def test_locked_versions_are_read_with_their_alternatives() -> None:
    lock = (
        b"alpha==1.0 \\\n    --hash=sha256:00\n    # via beta\n"
        b"beta==2.0 ; python_full_version < '3.12' \\\n    --hash=sha256:01\n"
        b"beta==2.5 ; python_full_version >= '3.12' \\\n    --hash=sha256:02\n"
        b"# gamma==3.0\n"
    )
    snapshot = read_snapshot(revision({"metrics/cnn.json": RECORD, "requirements.lock": lock}))
    assert snapshot.packages == {"alpha": "1.0", "beta": "2.0 or 2.5"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"No metrics of an architecture in there \(0123456789\)"),
        ({"metrics/comparison.json": {}}, "No metrics of an architecture"),
        ({"metrics/cnn.json": {**RECORD, "schema": 2}}, r"cnn.json in there .* has schema 2;"),
        ({"metrics/cnn.json": {"accuracy": 0.98}}, r"cnn.json in there .* has no schema;"),
        ({"metrics/cnn.json": b'{"schema": 1,'}, "cnn.json in there .* is damaged .not JSON"),
        ({"metrics/cnn.json": b"<<<<<<< ours\n"}, "is damaged .not JSON"),
        ({"metrics/cnn.json": b"\xff\xfe"}, "is damaged .not text in UTF-8"),
        ({"metrics/cnn.json": [1]}, "is damaged .no keys with values"),
        ({"metrics/cnn.json": {**RECORD, "accuracy": {}}}, r"accuracy\.per_seed: Field required"),
        (
            {"metrics/cnn.json": {**RECORD, "nll": {"per_seed": {"0": float("nan")}}}},
            r"nll\.per_seed\.0: Input should be a finite number",
        ),
        ({"metrics/cnn.json": {**RECORD, "confusion": {"counts": [[0]]}}}, "no image was counted"),
        (
            {"metrics/cnn.json": RECORD, "params.yaml": b"a: [1"},
            "yaml in there .* .not YAML",
        ),
        ({"metrics/cnn.json": RECORD, "dvc.lock": b"stages: 3"}, r"dvc.lock in there .* .stages: "),
        ({"metrics/cnn.json": RECORD, "metrics/robustness.json": {"cnn": {}}}, "robustness.json"),
        ({"metrics/cnn.json": RECORD, "metrics/domains.json": {"usps": 3}}, "domains.json"),
        ({"metrics/cnn.json": RECORD, "metrics/timing/cnn.json": {}}, "seconds_per_epoch"),
    ],
)
def test_what_cannot_be_read_is_named(files: dict[str, object], message: str) -> None:
    with pytest.raises(DigitbenchError, match=message):
        read_snapshot(revision(files))
