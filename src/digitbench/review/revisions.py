"""Reading the committed results of a Git revision, or those in the working folder.

All that is compared of one revision, read out of its files.
"""

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES
from digitbench.results.revision import SCHEMA, Grid, Lock, Metrics, Stage, Summary, Timing

WORKSPACE = "workspace"
# Where a project's main line of work is usually found; the first that exists counts.
MAIN_BRANCHES = ("main", "origin/main", "master", "origin/master")
SINGLE_FILES = ("params.yaml", "dvc.lock", "requirements.lock")
FOLDERS = (files.METRICS.as_posix(), files.TIMING.as_posix())


@dataclass(frozen=True)
class Revision:
    """The files of one side of the comparison.

    Attributes:
        name: What it is called in the review.
        commit: Full hash; None for the files on disk.
        files: Content by path relative to the root of the repository.
    """

    name: str
    commit: str | None
    files: Mapping[str, bytes]

    @property
    def label(self) -> str:
        """Name and abbreviated hash, of fixed length so that it never changes."""
        if self.commit is None or self.commit.startswith(self.name):
            return self.name if self.commit is None else self.commit[:10]
        return f"{self.name} ({self.commit[:10]})"


def repository_root(folder: Path) -> Path:
    """The top folder of the repository around a folder.

    Raises:
        DigitbenchError: There is no repository, or Git is missing or refuses to read it.
    """
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise DigitbenchError(
            f"{folder}: no Git repository can be read here ({''.join(reason)}). Run the review "
            "inside a clone of the project."
        )
    return Path(done.stdout.decode().rstrip("\n"))


def read_base(root: Path, name: str | None) -> Revision:
    """The named revision, or without a name the commit where HEAD left the main branch.

    Raises:
        DigitbenchError: As `read_commit`; or no main branch or no common commit is found.
    """
    if name is not None:
        return read_commit(root, name)
    branch = next((name for name in MAIN_BRANCHES if _commit(root, name)), None)
    if branch is None:
        raise DigitbenchError(
            f"No main branch found to compare with (tried {', '.join(MAIN_BRANCHES)}). Name a "
            "revision: digitbench review BASE."
        )
    done = _git(root, "merge-base", "HEAD", branch)
    if done.returncode != 0:
        raise DigitbenchError(
            f"HEAD and {branch} have no commit in common here. If this clone is shallow, run "
            "`git fetch --unshallow`; or name a revision: digitbench review BASE."
        )
    commit = done.stdout.decode().strip()
    return Revision(f"merge base with {branch}", commit, _read_tree(root, commit))


def read_head(root: Path, name: str | None) -> Revision:
    """The named revision, or without a name the files on disk.

    Raises:
        DigitbenchError: As `read_commit`; or a file cannot be read.
    """
    if name is not None:
        return read_commit(root, name)
    files = {}
    for path in _candidates(root):
        try:
            files[path.relative_to(root).as_posix()] = path.read_bytes()
        except OSError as error:
            raise DigitbenchError(f"{path}: cannot be read ({error.strerror}).") from None
    return Revision(WORKSPACE, None, files)


def read_commit(root: Path, name: str) -> Revision:
    """The files of a commit, whatever Git understands as its name.

    Raises:
        DigitbenchError: There is no such revision.
    """
    commit = _commit(root, name)
    if commit is None:
        raise DigitbenchError(
            f"{name!r} is not a revision of this repository. `git log --oneline --all` lists "
            "them; a branch of the server may need `git fetch` first."
        )
    return Revision(name, commit, _read_tree(root, commit))


def _candidates(root: Path) -> list[Path]:
    found = [path for folder in FOLDERS for path in (root / folder).glob("*.json")]
    found += [root / name for name in SINGLE_FILES]
    return sorted(path for path in found if path.is_file())


def _read_tree(root: Path, commit: str) -> dict[str, bytes]:
    """One process lists the files, another hands over all their contents."""
    listing = _git(root, "ls-tree", "-rz", "--full-tree", commit, "--", *FOLDERS, *SINGLE_FILES)
    objects: dict[str, str] = {}
    for entry in filter(None, listing.stdout.decode(errors="replace").split("\0")):
        description, path = entry.split("\t", 1)
        if _is_wanted(path):
            objects[path] = description.split()[2]
    asked = "".join(f"{name}\n" for name in objects.values())
    done = _git(root, "cat-file", "--batch", feed=asked.encode())
    if listing.returncode or done.returncode:
        raise DigitbenchError(f"Git cannot read the files of {commit[:10]}. Run `git fsck`.")
    return dict(zip(objects, _batch(done.stdout, len(objects)), strict=True))


def _is_wanted(path: str) -> bool:
    place = PurePosixPath(path)
    return path in SINGLE_FILES or (place.suffix == ".json" and str(place.parent) in FOLDERS)


def _batch(answer: bytes, count: int) -> list[bytes]:
    """Contents out of the stream `<name> <type> <size>`, newline, content, newline, and so on."""
    contents = []
    for _ in range(count):
        header, _, answer = answer.partition(b"\n")
        try:
            size = int(header.split()[2])
        except (IndexError, ValueError):
            raise DigitbenchError(
                f"Git has no content for {header.decode(errors='replace')!r}. If this is a "
                "partial clone, run `git fetch --refetch`; else run `git fsck`."
            ) from None
        contents.append(answer[:size])
        answer = answer[size + 1 :]
    return contents


def _commit(root: Path, name: str) -> str | None:
    """The full hash of a name; None if there is no such commit."""
    if name.startswith("-"):
        return None
    done = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _git(
    folder: Path, *arguments: str, feed: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    command: Sequence[str] = ("git", "-C", str(folder), *arguments)
    try:
        return subprocess.run(command, input=feed, capture_output=True, check=False)
    except OSError as error:
        raise DigitbenchError(
            f"Git cannot be started ({error.strerror}). Install Git; the review reads from it."
        ) from None


Json = dict[str, Any]
Checked = TypeVar("Checked")
Images = Annotated[int, Field(ge=1)]
ROBUSTNESS, DOMAINS = "metrics/robustness.json", "metrics/domains.json"
# libyaml, where PyYAML was built with it, is ten times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Conditions:
    """Accuracy under one kind of condition each: by condition and architecture.

    Attributes:
        images: Images behind every accuracy.
        accuracy: By condition, then by architecture.
    """

    images: int
    accuracy: Mapping[str, Mapping[str, Summary]]


@dataclass(frozen=True)
class Snapshot:
    """All that the review compares, of one revision; None where the file did not exist."""

    label: str
    metrics: Mapping[str, Metrics]
    timing: Mapping[str, Timing]
    robustness: Conditions | None
    domains: Mapping[str, Conditions] | None
    params: Mapping[Any, Any] | None
    stages: Mapping[str, Stage] | None
    packages: Mapping[str, str] | None


def read_snapshot(revision: Revision) -> Snapshot:
    """Everything out of the files of a revision.

    Raises:
        DigitbenchError: There are no metrics, or a file is damaged or of another schema; the
            text names file and revision.
    """
    source = _Source(revision)
    metrics = source.metrics()
    if not metrics:
        raise DigitbenchError(
            f"No metrics of an architecture in {revision.label} ({files.METRICS}/<name>.json). "
            "Compare with a revision that has results, or run `dvc repro` and commit them."
        )
    return Snapshot(
        label=revision.label,
        metrics=metrics,
        timing=source.timing(metrics),
        robustness=source.robustness(),
        domains=source.domains(),
        params=source.yaml("params.yaml"),
        stages=source.stages(),
        packages=source.packages(),
    )


class _Source:
    """The files of a revision, with errors that name both."""

    def __init__(self, revision: Revision) -> None:
        self._revision = revision

    def metrics(self) -> dict[str, Metrics]:
        """The architectures: known ones in their usual order, then others by name."""
        found = {}
        for path in self._revision.files:
            place = PurePosixPath(path)
            if place.parent != PurePosixPath(files.METRICS):
                continue
            content = self._json(path)
            if "architecture" in content or place.stem in ARCHITECTURES:
                self._check_schema(path, content)
                found[place.stem] = self.checked(path, Metrics.model_validate, content)
        known = {name: index for index, name in enumerate(ARCHITECTURES)}
        order = sorted(found, key=lambda name: (known.get(name, len(known)), name))
        return {name: found[name] for name in order}

    def timing(self, names: Mapping[str, Metrics]) -> dict[str, Timing]:
        paths = {name: (files.TIMING / f"{name}.json").as_posix() for name in names}
        return {
            name: self.checked(path, Timing.model_validate, self._json(path))
            for name, path in paths.items()
            if path in self._revision.files
        }

    def robustness(self) -> Conditions | None:
        if ROBUSTNESS not in self._revision.files:
            return None
        content = self._json(ROBUSTNESS)
        by_architecture = {
            name: part for name, part in content.items() if name not in ("schema", "units")
        }
        images = by_architecture.pop("images", None)
        grid = self.checked(ROBUSTNESS, TypeAdapter(Grid).validate_python, by_architecture)
        count = self.checked(ROBUSTNESS, TypeAdapter(Images).validate_python, images)
        turned: dict[str, dict[str, Summary]] = {}
        for architecture, kinds in grid.items():
            for kind, summary in kinds.items():
                turned.setdefault(kind, {})[architecture] = summary
        return Conditions(count, turned)

    def domains(self) -> dict[str, Conditions] | None:
        if DOMAINS not in self._revision.files:
            return None
        content = self.checked(
            DOMAINS, TypeAdapter(dict[str, Json]).validate_python, self._json(DOMAINS)
        )
        found = {}
        for domain, record in content.items():
            grid = {key: part for key, part in record.items() if key != "images"}
            found[domain] = Conditions(
                self.checked(DOMAINS, TypeAdapter(Images).validate_python, record.get("images")),
                self.checked(DOMAINS, TypeAdapter(Grid).validate_python, grid),
            )
        return found

    def stages(self) -> dict[str, Stage] | None:
        content = self.yaml("dvc.lock")
        if content is None:
            return None
        return self.checked("dvc.lock", Lock.model_validate, content).stages

    def packages(self) -> dict[str, str] | None:
        """Locked versions by package; where markers choose among versions, all of them."""
        text = self._text("requirements.lock")
        if text is None:
            return None
        versions: dict[str, list[str]] = {}
        for name, version in re.findall(r"^([\w.\[\]-]+)==([^\s;\\]+)", text, flags=re.MULTILINE):
            versions.setdefault(name, []).append(version)
        return {name: " or ".join(sorted(set(found))) for name, found in sorted(versions.items())}

    def yaml(self, path: str) -> dict[Any, Any] | None:
        text = self._text(path)
        if text is None:
            return None
        try:
            content = yaml.load(text, Loader=_LOADER)
        except (yaml.YAMLError, ValueError) as error:
            raise self._damaged(path, f"not YAML: {str(error).splitlines()[0]}") from None
        if not isinstance(content, dict):
            raise self._damaged(path, "no keys with values")
        return content

    def checked(self, path: str, read: Callable[[Any], Checked], content: object) -> Checked:
        try:
            return read(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise self._damaged(path, f"{place}: {first['msg']}".removeprefix(": ")) from None

    def _check_schema(self, path: str, content: Json) -> None:
        schema = content.get("schema")
        if schema != SCHEMA:
            found = "no schema" if schema is None else f"schema {schema}"
            raise DigitbenchError(
                f"{path} in {self._revision.label} has {found}; this version of digitbench reads "
                f"schema {SCHEMA}. Review it with the version of digitbench that wrote it."
            )

    def _json(self, path: str) -> Json:
        try:
            content = json.loads(self._text(path) or "")
        except ValueError as error:
            raise self._damaged(path, f"not JSON: {error}") from None
        if not isinstance(content, dict):
            raise self._damaged(path, "no keys with values")
        return content

    def _text(self, path: str) -> str | None:
        content = self._revision.files.get(path)
        if content is None:
            return None
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise self._damaged(path, "not text in UTF-8") from None

    def _damaged(self, path: str, problem: str) -> DigitbenchError:
        return DigitbenchError(
            f"{path} in {self._revision.label} is damaged ({problem}). `dvc repro --force` makes "
            "it anew; a conflict left by a merge is a common cause."
        )
