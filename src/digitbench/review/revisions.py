"""Reading the committed results of a Git revision, or those in the working folder."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from digitbench import layout
from digitbench.errors import DigitbenchError

WORKSPACE = "workspace"
# Where a project's main line of work is usually found; the first that exists counts.
MAIN_BRANCHES = ("main", "origin/main", "master", "origin/master")
SINGLE_FILES = ("params.yaml", "dvc.lock", "requirements.lock")
FOLDERS = (layout.METRICS.as_posix(), layout.TIMING.as_posix())


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
