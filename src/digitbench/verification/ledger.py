"""Receipts held against the commits that they are about."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pygit2
import yaml

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.results.receipts import FOLDER, Receipt
from digitbench.results.records import TrainingRecord
from digitbench.review.revisions import open_repository, read_commit


def audit(root: Path) -> tuple[int, list[str]]:
    """How many receipts there are, and a sentence for each that doesn't hold.

    Raises:
        DigitbenchError: There is no repository.
    """
    repository = open_repository(root)
    paths = sorted((root / FOLDER).glob("*.json"))
    return len(paths), [
        f"{path.relative_to(root)}: {problem}"
        for path in paths
        for problem in list(_problems(repository, path))[:1]
    ]


def _problems(repository: pygit2.Repository, path: Path) -> Iterator[str]:
    try:
        receipt = Receipt.read(path)
        read_commit(repository, receipt.commit)
    except DigitbenchError as error:
        yield str(error)
        return
    commit = receipt.commit[:10]
    tree = repository.revparse_single(receipt.commit).peel(pygit2.Tree)
    for name, sha256 in receipt.locks.items():
        if hashlib.sha256(_blob(tree, name)).hexdigest() != sha256:
            yield f"{name} of {commit} has another hash."
    outs = {**_outs(tree, ""), **_outs(tree, "studies/")}
    for name, claimed in receipt.expected.items():
        known = _weights(tree, name) if name.endswith(".safetensors") else outs.get(name)
        if known != claimed:
            yield f"{name}: {commit} has {known or 'no hash'}, not {claimed}."


def _outs(tree: pygit2.Tree, folder: str) -> dict[str, str]:
    content = yaml.load(_blob(tree, f"{folder}dvc.lock"), yaml.CSafeLoader) or {}
    return {
        f"{folder}{out['path']}": out["md5"]
        for stage in content.get("stages", {}).values()
        for out in stage.get("outs", [])
    }


def _weights(tree: pygit2.Tree, path: str) -> str | None:
    """SHA-256 of a replicate, from the account of its training."""
    folder, _, rest = path.rpartition(f"{files.MODELS.as_posix()}/")
    name, _, file = rest.partition("/")
    where = f"{folder}{files.TRAININGS.as_posix()}/{name}.json"
    text = _blob(tree, where)
    seed = file.removeprefix("seed-").removesuffix(".safetensors")
    weights = TrainingRecord.parse(text, where).weights if text else {}
    return weights.get(int(seed)) if seed.isdecimal() else None


def _blob(tree: pygit2.Tree, path: str) -> bytes:
    """Content of a file; empty where there is none."""
    try:
        return tree[path].peel(pygit2.Blob).data
    except (KeyError, pygit2.GitError, ValueError):
        return b""
