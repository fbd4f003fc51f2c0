"""The committed results of a Git revision, or those in the working folder, as they are compared."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pygit2
from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from digitbench import files
from digitbench.environment import refusal
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES, Params, refuse_unknown_params
from digitbench.results.clocks import TimingRecord
from digitbench.results.record import Record, damaged
from digitbench.results.records import DomainAccuracy, DomainsRecord, ModelRecord, RobustnessRecord
from digitbench.schema import Float, Section, check
from digitbench.statistics.summary import Summary

AnyRecord = TypeVar("AnyRecord", bound=Record)
WORKSPACE = "workspace"
# Where a project's main line of work is usually found; the first that exists counts.
MAIN_BRANCHES = ("main", "origin/main", "master", "origin/master")
SINGLE_FILES = ("params.yaml", "dvc.lock", "requirements.lock")
# Points of accuracy that matter to projects whose params.yaml doesn't say.
DEFAULT_MARGIN = 0.2
FOLDERS = (files.METRICS.as_posix(), files.TIMING.as_posix())
# Values of a YAML file, each counted as often as aliases repeat it: far more than any of ours has.
MANY_VALUES = 100_000


@dataclass(frozen=True)
class Revision:
    """The files of one side of the comparison."""

    name: str  # what it is called in the review
    commit: str | None  # full hash; None for the files on disk
    files: Mapping[str, bytes]  # by path relative to the root of the repository

    @property
    def label(self) -> str:
        """Name and abbreviated hash, of fixed length so that it never changes."""
        if self.commit is None or self.commit.startswith(self.name):
            return self.name if self.commit is None else self.commit[:10]
        return f"{self.name} ({self.commit[:10]})"


def open_repository(folder: Path) -> pygit2.Repository:
    """The repository around a folder.

    Raises:
        DigitbenchError: There is none with files on disk, or it is not to be read.
    """
    try:
        repository = pygit2.Repository(pygit2.discover_repository(str(folder)) or str(folder))
        reason = "" if repository.workdir else "it has no files on disk"
    except pygit2.GitError as error:
        reason = str(error)
    if sentence := refusal(reason):
        raise DigitbenchError(sentence)
    if reason:
        raise DigitbenchError(
            f"{folder}: no Git repository can be read here ({reason}). Run the review inside a "
            "clone of the project."
        )
    return repository


def read_base(repository: pygit2.Repository, name: str | None) -> Revision:
    """The named revision, or without a name the commit where HEAD left the main branch.

    Raises:
        DigitbenchError: As `read_commit`; or no main branch or no common commit is found.
    """
    if name is not None:
        return read_commit(repository, name)
    branch = next((name for name in MAIN_BRANCHES if _commit(repository, name)), None)
    if branch is None:
        raise DigitbenchError(
            f"No main branch found to compare with (tried {', '.join(MAIN_BRANCHES)}). "
            f"{_fetch(repository)}; or name a revision: digitbench review BASE."
        )
    tips = [_commit(repository, name) for name in ("HEAD", branch)]
    common = repository.merge_base(*(tip.id for tip in tips if tip)) if all(tips) else None
    if common is None:
        raise DigitbenchError(
            f"HEAD and {branch} have no commit in common here. {_fetch(repository)}; or name a "
            "revision: digitbench review BASE."
        )
    return _read_tree(f"merge base with {branch}", repository[common].peel(pygit2.Commit))


def read_head(repository: pygit2.Repository, name: str | None) -> Revision:
    """The named revision, or without a name the files on disk.

    Raises:
        DigitbenchError: As `read_commit`; or a file cannot be read.
    """
    if name is not None:
        return read_commit(repository, name)
    root = Path(repository.workdir)
    found = [path for folder in FOLDERS for path in (root / folder).glob("*.json")]
    paths = sorted(path for path in (*found, *map(root.joinpath, SINGLE_FILES)) if path.is_file())
    content = {path.relative_to(root).as_posix(): files.read_bytes(path) for path in paths}
    return Revision(WORKSPACE, None, content)


def read_commit(repository: pygit2.Repository, name: str) -> Revision:
    """The files of a commit, whatever Git understands as its name.

    Raises:
        DigitbenchError: There is no such revision, or its files are missing.
    """
    commit = _commit(repository, name)
    if commit is None:
        raise DigitbenchError(
            f"{name!r} is not a revision of this repository. `git log --oneline --all` lists "
            f"them. {_hint(repository, name)}"
        )
    return _read_tree(name, commit)


def _hint(repository: pygit2.Repository, name: str) -> str:
    """What helps someone whose name of a revision is none."""
    if found := re.fullmatch(r"(.*?)(\.\.\.?)(.*)", name, re.DOTALL):
        base, dots, head = found[1] or "HEAD", found[2], found[3] or "HEAD"
        base = base if dots == ".." else f"$(git merge-base {base} {head})"
        return f"Two revisions are named apart: digitbench review {base} {head}."
    return f"{_fetch(repository)}."


def _fetch(repository: pygit2.Repository) -> str:
    """How a clone comes by the rest of the server's branches and history."""
    commands = [
        f"git remote set-branches {remote.name} '*'"
        for remote in repository.remotes
        if not any("*" in refspec for refspec in remote.fetch_refspecs)
    ]
    lacks = ["has a single branch of the server"] if commands else []
    if repository.is_shallow:
        lacks.append("is shallow")
    commands.append("git fetch --unshallow" if repository.is_shallow else "git fetch")
    reason = f"This clone {' and '.join(lacks)}: run" if lacks else "What the server has may need"
    return f"{reason} `{' && '.join(commands)}`"


def _commit(repository: pygit2.Repository, name: str) -> pygit2.Commit | None:
    try:
        return repository.revparse_single(name).peel(pygit2.Commit)
    except (pygit2.GitError, KeyError, ValueError):
        return None


def _read_tree(name: str, commit: pygit2.Commit) -> Revision:
    tree, paths = commit.tree, list(SINGLE_FILES)
    try:
        for folder in FOLDERS:
            if folder in tree and isinstance(listed := tree[folder], pygit2.Tree):
                names = [f"{folder}/{item.name}" for item in listed]
                paths += [name for name in names if name.endswith(".json")]
        content = {
            path: blob.data
            for path in paths
            if path in tree and isinstance(blob := tree[path], pygit2.Blob)
        }
    except (pygit2.GitError, KeyError) as error:
        raise DigitbenchError(
            f"Git has no content for {error} of {str(commit.id)[:10]}. If this is a partial clone, "
            "run `git fetch --refetch`; else run `git fsck`."
        ) from None
    return Revision(name, str(commit.id), content)


class File(BaseModel):
    """A dependency or an output of a stage, a file or a folder."""

    path: str
    md5: str = ""
    hash: str = ""  # "md5" of the bytes; DVC 2 did not say, and took Windows' line ends for ours


class Stage(BaseModel):
    """What a stage last ran with."""

    cmd: str | list[str] = ""
    deps: list[File] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[File] = []


@dataclass(frozen=True)
class Snapshot:
    """All that the review compares, of one revision; None where the file did not exist."""

    label: str
    metrics: Mapping[str, ModelRecord]
    timing: Mapping[str, TimingRecord]
    robustness: DomainAccuracy | None = None
    domains: Mapping[str, DomainAccuracy] | None = None
    params: Mapping[Any, Any] | None = None
    stages: Mapping[str, Stage] | None = None
    packages: Mapping[str, str] | None = None
    astray: tuple[str, ...] = ()  # metrics that are not, or not as the lock has them
    not_run: tuple[str, ...] = ()  # parameters that the stages ran with other values of


def read_snapshot(revision: Revision) -> Snapshot:
    """Everything out of the files of a revision.

    Raises:
        DigitbenchError: There are no metrics, or a file is damaged or of a schema that is not
            known; the text names file and revision.
    """
    metrics = _metrics(revision)
    if not metrics:
        raise DigitbenchError(
            f"No metrics of an architecture in {revision.label} ({files.METRICS}/<name>.json). "
            "Compare with a revision that has results, or run `dvc repro` and commit them."
        )
    timing = {name: _record(revision, f"timing/{name}", TimingRecord) for name in metrics}
    corrupted = _record(revision, "robustness", RobustnessRecord)
    domains = _record(revision, "domains", DomainsRecord)
    lock, packages = _yaml(revision, "dvc.lock"), revision.files.get("requirements.lock")
    stages = None if lock is None else _stages(revision, lock)
    params = _yaml(revision, "params.yaml")
    return Snapshot(
        label=revision.label,
        metrics=metrics,
        timing={name: record for name, record in timing.items() if record},
        robustness=None if corrupted is None else _turned(corrupted),
        domains=None if domains is None else domains.domains,
        params=params,
        stages=stages,
        packages=None if packages is None else _packages(packages.decode(errors="replace")),
        astray=() if stages is None else _astray(revision, stages),
        not_run=_not_run(params or {}, stages or {}),
    )


def refuse_ineffective(repository: pygit2.Repository, revision: Revision) -> None:
    """Refuse keys of params.yaml that nothing reads: they look like a change that changed nothing.

    Only where the code on disk is the revision's own: another one may have known them.

    Raises:
        DigitbenchError: There are some; the text names them.
    """
    here = _commit(repository, "HEAD")
    if revision.commit in (None, str(here.id) if here else None):
        params = _yaml(revision, "params.yaml") or {}
        refuse_unknown_params(params, Path(f"params.yaml in {revision.label}"))


class _Margin(Section):
    margin: Annotated[Float, Params.model_fields["margin"]]


def read_margin(revision: Revision) -> float | None:
    """The difference of accuracy that matters to a revision, in points; None if it names none.

    Raises:
        DigitbenchError: It is no such number.
    """
    params = _yaml(revision, "params.yaml") or {}
    if "margin" not in params:
        return None
    return checked_margin(params["margin"], f"params.yaml in {revision.label}")


def checked_margin(value: object, where: str) -> float:
    """A margin in points, if it is one.

    Raises:
        DigitbenchError: It is not.
    """
    return check({"margin": value}, _Margin, Path(where)).margin


def _metrics(revision: Revision) -> dict[str, ModelRecord]:
    """The architectures: known ones in their usual order, then others by name."""
    found = {}
    for path, text in revision.files.items():
        folder, _, name = path.removesuffix(".json").rpartition("/")
        # Other files beside them are not of one architecture, and don't say of which.
        if folder == FOLDERS[0] and (name in ARCHITECTURES or b'"architecture"' in text):
            where = f"{path} in {revision.label}"
            found[name] = ModelRecord.parse(text, where)
            if found[name].architecture != name:
                raise damaged(where, f"results of {found[name].architecture}")
    order = [*ARCHITECTURES, *sorted(found)]
    return {name: found[name] for name in dict.fromkeys(order) if name in found}


def _record(revision: Revision, name: str, kind: type[AnyRecord]) -> AnyRecord | None:
    path = f"{FOLDERS[0]}/{name}.json"
    text = revision.files.get(path)
    return None if text is None else kind.parse(text, f"{path} in {revision.label}")


def _turned(record: RobustnessRecord) -> DomainAccuracy:
    """By condition and architecture, as domains are."""
    by_condition: dict[str, dict[str, Summary]] = {}
    for architecture, summaries in record.accuracy.items():
        for condition, summary in summaries.items():
            by_condition.setdefault(condition, {})[architecture] = summary
    return DomainAccuracy(images=record.images, accuracy=by_condition)


def _yaml(revision: Revision, path: str) -> dict[Any, Any] | None:
    """The keys and values of a file, in the dialect in which DVC reads it."""
    text = revision.files.get(path)
    if text is None:
        return None
    where = f"{path} in {revision.label}"
    try:
        content = _plain(YAML(typ="safe").load(text), iter(range(MANY_VALUES)))
        # A lone half of a character cannot be shown anywhere.
        json.dumps(content, ensure_ascii=False).encode()
    except (YAMLError, ValueError, TypeError) as error:
        raise damaged(where, f"not YAML: {str(error).partition(chr(10))[0]}") from None
    except (RecursionError, StopIteration):
        raise damaged(where, "a value within itself, or aliases of too many") from None
    if not isinstance(content, dict):
        raise damaged(where, "no keys with values")
    return content


def _plain(value: Any, budget: Iterator[int]) -> Any:
    """A copy in the types of JSON, whose keys are text; every value takes one of the budget."""
    next(budget)
    if isinstance(value, Mapping):
        return {str(key): _plain(inside, budget) for key, inside in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inside, budget) for inside in [*value]]
    return value if isinstance(value, str | int | float | None) else str(value)


_LIKE_JSON = re.compile(r"[-\d.\[{\"]|(true|false|null)$")


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested keys joined with dots, values as text; a list is one value."""
    flat: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            # The text "5" is not the number 5, and must not look like it.
            bare = isinstance(value, str) and not _LIKE_JSON.match(value)
            flat[f"{prefix}{key}"] = value if bare else json.dumps(value, default=str)
    return flat


def _not_run(params: Mapping[str, Any], stages: Mapping[str, Stage]) -> tuple[str, ...]:
    """Keys of which the lock's stages were given other values than params.yaml has."""
    now = flatten(params)
    return tuple(
        {
            key: None
            for stage in stages.values()
            for key, value in flatten(stage.params.get("params.yaml", {})).items()
            if now and now.get(key) != value
        }
    )


def _stages(revision: Revision, lock: dict[Any, Any]) -> dict[str, Stage]:
    try:
        return TypeAdapter(dict[str, Stage]).validate_python(lock.get("stages", {}))
    except ValidationError as error:
        place = ".".join(map(str, ("stages", *error.errors()[0]["loc"])))
        problem = f"{place}: {error.errors()[0]['msg']}"
        raise damaged(f"dvc.lock in {revision.label}", problem) from None


def _astray(revision: Revision, stages: Mapping[str, Stage]) -> tuple[str, ...]:
    """Metrics that a stage wrote and that are gone, or have another content since."""
    outs = [out for stage in stages.values() for out in stage.outs if out.path.endswith(".json")]
    return tuple(
        out.path
        for out in outs
        if out.path.rpartition("/")[0] in FOLDERS and out.md5 not in ("", _md5(revision, out))
    )


def _md5(revision: Revision, out: File) -> str:
    content = revision.files.get(out.path)
    if content is None:
        return "gone"
    if not out.hash:
        content = content.replace(b"\r\n", b"\n")
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _packages(text: str) -> dict[str, str]:
    """Locked versions by package; where markers choose among versions, all of them."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.\[\]-]+)==([^\s;\\]+)", text, flags=re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return {name: " or ".join(sorted(found)) for name, found in sorted(versions.items())}
