"""Reading results out of Git and from disk: the right files, and sentences where there are none."""

import hashlib
import json
from pathlib import Path

import pygit2
import pytest

from digitbench.errors import DigitbenchError
from digitbench.results.records import DomainsRecord, RobustnessRecord
from digitbench.review.revisions import (
    Revision,
    open_repository,
    read_base,
    read_commit,
    read_head,
    read_snapshot,
)
from review_data import Repository, conditions, encoded, named, per_seed, record, timing

RECORD = record(per_seed(0.98, 0.99))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "with space")
    made.results(cnn=RECORD, mlp=RECORD)
    made.commit()
    return made


def opened(repository: Repository) -> pygit2.Repository:
    return open_repository(repository.root)


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
    revision = read_commit(opened(repository), "HEAD")
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
    repository.write({"params.yaml": "epochs: 6", "metrics/gru.json": named("gru", RECORD)})
    (repository.root / "metrics/mlp.json").unlink()
    revision = read_head(opened(repository), None)
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
    base = read_base(opened(repository), None)
    assert base.commit == fork
    assert base.label == f"merge base with main ({fork[:10]})"
    assert read_base(opened(repository), "main").commit == tip


@pytest.mark.parametrize("branch", ["master", "origin/main", "origin/master"])
def test_main_branch_may_have_another_usual_name(repository: Repository, branch: str) -> None:
    commit = repository.commit()
    kind = "remotes" if "/" in branch else "heads"
    repository.git("checkout", "--quiet", "--detach")
    repository.git("branch", "--quiet", "-D", "main")
    repository.git("update-ref", f"refs/{kind}/{branch}", commit)
    assert read_base(opened(repository), None).name == f"merge base with {branch}"


@pytest.mark.parametrize(
    ("leave", "message"),
    [
        (("branch", "-m", "trunk"), r"No main branch .*master.* or name a revision"),
        (("checkout", "--orphan", "other"), "HEAD and main have no commit in common"),
    ],
)
def test_without_a_base_one_is_asked_for(
    repository: Repository, leave: tuple[str, ...], message: str
) -> None:
    repository.git(*leave)
    for _ in range(2):  # an orphan has no commit at first
        with pytest.raises(DigitbenchError, match=message):
            read_base(opened(repository), None)
        repository.commit()


@pytest.mark.parametrize("name", ["nowhere", "--all", "-n1", "main:metrics/cnn.json", "", "a b"])
def test_unknown_revision_is_named(repository: Repository, name: str) -> None:
    with pytest.raises(DigitbenchError, match="is not a revision of this repository") as caught:
        read_commit(opened(repository), name)
    assert repr(name) in str(caught.value)


def test_repository_is_found_from_any_folder_inside(repository: Repository) -> None:
    deep = repository.root / "metrics" / "timing" / "deep"
    deep.mkdir(parents=True)
    assert Path(open_repository(deep).workdir).samefile(repository.root)


def test_without_files_on_disk_is_a_sentence(tmp_path: Path) -> None:
    pygit2.init_repository(tmp_path / "bare", bare=True)
    for folder in (tmp_path, tmp_path / "bare"):
        with pytest.raises(
            DigitbenchError, match=r"no Git repository can be read here \(.*\)\. Run"
        ):
            open_repository(folder)


def test_lost_content_is_named(repository: Repository) -> None:
    name = repository.git("rev-parse", "HEAD:metrics/cnn.json")
    (repository.root / ".git/objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(DigitbenchError, match=rf"no content for .*{name[:7]}.*git fsck"):
        read_commit(opened(repository), "HEAD")


# --- what is in them -------------------------------------------------------------------------


def revision(files: dict[str, object]) -> Revision:
    contents = {name: encoded(content) for name, content in files.items()}
    return Revision("there", "0123456789abcdef", contents)


def test_architectures_come_in_their_usual_order_then_by_name() -> None:
    names = ["zeta", "lstm", "alpha", "cnn", "mlp", "rnn"]
    files = {f"metrics/{name}.json": named(name, RECORD) for name in names}
    others = {"metrics/comparison.json": {"pairs": {}}, "metrics/anything.json": {"a": 1}}
    snapshot = read_snapshot(revision({**files, **others}))
    assert list(snapshot.metrics) == ["mlp", "cnn", "rnn", "lstm", "alpha", "zeta"]


def test_files_that_did_not_exist_yet_are_none() -> None:
    snapshot = read_snapshot(revision({"metrics/cnn.json": RECORD}))
    assert snapshot.timing == {}
    for part in ("robustness", "domains", "params", "stages", "packages"):
        assert getattr(snapshot, part) is None


@pytest.mark.parametrize("schema", [1, 2])
def test_results_of_the_schema_before_are_those_of_this_one(schema: int) -> None:
    blurred = conditions(1000, mean=per_seed(0.5), blur=per_seed(0.7))
    cnn = {kind: vars(summaries["cnn"]) for kind, summaries in blurred.accuracy.items()}
    by_kind = {kind: {"cnn": summary} for kind, summary in cnn.items()}
    sizes = {key: getattr(RECORD, key) for key in ("architecture", "parameters", "macs", "bytes")}
    metrics = {key: vars(summary) for key, summary in RECORD.metrics.items()}
    confusion = RECORD.test.confusion.model_dump(exclude_unset=True)
    flat: dict[str, object] = {
        "metrics/cnn.json": {"schema": 1, **sizes, **metrics, "confusion": confusion},
        "metrics/robustness.json": {"images": 1000, "units": {}, "cnn": cnn},
        "metrics/domains.json": {"usps": {"images": 1000, **by_kind}},
    }
    records: dict[str, object] = {
        "metrics/cnn.json": RECORD,
        "metrics/robustness.json": RobustnessRecord(images=1000, units={}, accuracy={"cnn": cnn}),
        "metrics/domains.json": DomainsRecord(domains={"usps": blurred}),
    }
    snapshot = read_snapshot(revision(flat if schema == 1 else records))
    assert snapshot.metrics == {"cnn": RECORD}
    assert snapshot.robustness is not None
    assert snapshot.robustness.model_dump() == blurred.model_dump()
    assert snapshot.domains == {"usps": blurred}


def test_locked_versions_are_read_with_their_alternatives() -> None:
    lock = (
        b"alpha==1.0 \\\n    --hash=sha256:00\n    # via beta\n"
        b"beta==2.0 ; python_full_version < '3.12' \\\n    --hash=sha256:01\n"
        b"beta==2.5 ; python_full_version >= '3.12' \\\n    --hash=sha256:02\n"
        b"# gamma==3.0\n"
    )
    snapshot = read_snapshot(revision({"metrics/cnn.json": RECORD, "requirements.lock": lock}))
    assert snapshot.packages == {"alpha": "1.0", "beta": "2.0 or 2.5"}


CONTENT = RECORD.content()
CNN = "metrics/cnn.json"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"No metrics of an architecture in there \(0123456789\)"),
        ({"metrics/comparison.json": {}}, "No metrics of an architecture"),
        ({CNN: {**CONTENT, "schema": 7}}, r"cnn.json in there \(0123456789\) has schema 7;"),
        ({CNN: b'{"schema": 1,'}, r"cnn.json in there .*: damaged \(not JSON"),
        ({CNN: b"<<<<<<< ours\n"}, "damaged .not JSON"),
        ({CNN: b"\xff\xfe"}, "damaged .not JSON"),
        ({CNN: [1]}, "damaged .no keys with values"),
        ({CNN: {"accuracy": 0.98}}, "not as schema 1 has it"),
        ({CNN: {**CONTENT, "protocols": {}}}, "no accuracy on the test set"),
        ({CNN: json.dumps(CONTENT).replace("0.985", "NaN")}, r"protocols\..*finite number"),
        ({CNN: RECORD, "params.yaml": b"a: [1"}, "yaml in there .*damaged .not YAML"),
        ({CNN: RECORD, "params.yaml": b"\xff"}, "yaml in there .*damaged .not YAML"),
        ({CNN: RECORD, "dvc.lock": b"stages: 3"}, r"dvc.lock in there .*stages: "),
        ({CNN: RECORD, "metrics/robustness.json": {"cnn": {}}}, "robustness.json in there"),
        ({CNN: RECORD, "metrics/domains.json": {"usps": 3}}, "domains.json in there"),
        ({CNN: RECORD, "metrics/timing/cnn.json": {}}, "seconds_per_epoch"),
    ],
)
def test_what_cannot_be_read_is_named(files: dict[str, object], message: str) -> None:
    with pytest.raises(DigitbenchError, match=message):
        read_snapshot(revision(files))


# --- what does not fit together --------------------------------------------------------------


def lock_of(path: str, content: object, params: str) -> bytes:
    md5 = hashlib.md5(encoded(content)).hexdigest()
    return (
        f"schema: '2.0'\nstages:\n  evaluate:\n    cmd: run\n    params:\n"
        f"      params.yaml:\n        {params}\n    outs:\n"
        f"    - path: {path}\n      hash: md5\n      md5: {md5}\n"
    ).encode()


@pytest.mark.parametrize(
    ("metrics", "params", "astray", "not_run"),
    [
        (RECORD, b"epochs: 5", (), ()),
        (named("cnn", record(per_seed(0.9, 0.8))), b"epochs: 5", (CNN,), ()),
        (RECORD, b"epochs: 9", (), ("epochs",)),
        (RECORD, b"epochs: '5'", (), ("epochs",)),
        (RECORD, b"seeds: [0]", (), ("epochs",)),
    ],
)
def test_results_that_the_lock_does_not_know_are_pointed_out(
    metrics: object, params: bytes, astray: tuple[str, ...], not_run: tuple[str, ...]
) -> None:
    lock = lock_of(CNN, RECORD, "epochs: 5")
    snapshot = read_snapshot(revision({CNN: metrics, "dvc.lock": lock, "params.yaml": params}))
    assert (snapshot.astray, snapshot.not_run) == (astray, not_run)


def test_valid_yaml_of_any_type_is_read_as_text() -> None:
    params = b"2026-11-25: [1, [2, 3]]\n? [1, 2]\n: a\nsince: 2026-11-25\n"
    snapshot = read_snapshot(revision({CNN: RECORD, "params.yaml": params}))
    assert snapshot.params is not None
    assert snapshot.params["2026-11-25"] == [1, [2, 3]]
    assert snapshot.params["since"] == "2026-11-25"


@pytest.mark.parametrize(
    "params",
    [
        b"a: &a [*a]",
        b"a: &a {b: *a}",
        b"a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 10)) for n in range(97, 105)
        ),
    ],
    ids=["list", "mapping", "many"],
)
def test_values_within_themselves_are_a_sentence(params: bytes) -> None:
    with pytest.raises(DigitbenchError, match=r"params.yaml in there .*damaged"):
        read_snapshot(revision({CNN: RECORD, "params.yaml": params}))
