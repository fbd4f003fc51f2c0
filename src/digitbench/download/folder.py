"""The drop-in folder: files put there by hand, under whatever names and however packed.

Kaggle, torchvision and MNIST's own site name and pack the same files differently, and browsers
unpack some. Hence contents decide; a name only tells which file a bad one was meant to be.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from digitbench.download.digits import FileSpec
from digitbench.download.sources import DROP_IN_VARIABLE, SourceError, gunzip
from digitbench.environment import path_from
from digitbench.errors import DigitbenchError

# torchvision has MNIST/raw/ below its folder, Kaggle a folder for each file.
_LEVELS = ("*", "*/*", "*/*/*", "*/*/*/*")
# RuntimeError: a zip file with a password.
_UNREADABLE = (OSError, RuntimeError, zipfile.BadZipFile, zlib.error)


def drop_in_folder() -> Path | None:
    """What the user's variable names: a folder or a zip file; None without any.

    Raises:
        DigitbenchError: It is not there.
    """
    path = path_from(DROP_IN_VARIABLE)
    # A name may be longer than any that the system has.
    with suppress(OSError):
        if path is None or path.exists():
            return path
    raise DigitbenchError(
        f"{DROP_IN_VARIABLE} names {path}, which is not there. Correct it, or unset it to download."
    )


@dataclass(frozen=True)
class _Candidate:
    """Something that may be the file: on disk, or in a zip file."""

    name: str
    size: int
    read: Callable[[], bytes]

    def is_meant(self, spec: FileSpec) -> bool:
        """Whether it is called like the file, gzipped or not; Kaggle has a dot for a hyphen."""
        own, wanted = (name.removesuffix(".gz") for name in (self.name, spec.name))
        return own.replace(".", "-") == wanted.replace(".", "-")

    def may_be(self, spec: FileSpec) -> bool:
        """Whether it is worth reading."""
        is_packed = self.name.endswith(".gz") and self.size < 2 * spec.size
        return is_packed or self.size == spec.size or self.is_meant(spec)

    def content(self, spec: FileSpec) -> bytes:
        """What it holds, unpacked unless the file is one that stays gzipped."""
        if self.name.endswith(".gz") and not spec.name.endswith(".gz"):
            return gunzip(self.read(), spec)
        return self.read()


@dataclass(frozen=True)
class DropIn:
    """A folder filled by hand, or a zip file."""

    folder: Path

    @property
    def name(self) -> str:
        """The variable and the folder it names."""
        return f"drop-in folder {self.folder} ({DROP_IN_VARIABLE})"

    def fetch(self, spec: FileSpec) -> bytes:
        """The first file, gzipped or not, whose content is right."""
        problems: list[str] = []
        for candidate in self._candidates(problems):
            if not candidate.may_be(spec):
                continue
            try:
                content = candidate.content(spec)
                problem = spec.problem(content)
                if not problem:
                    return content
            except SourceError as error:
                problem = str(error)
            except _UNREADABLE as error:
                problem = f"{candidate.name} cannot be read ({_reason(error)})"
            if candidate.is_meant(spec):
                problems.append(problem)
        raise SourceError("; ".join(problems) or f"{spec.name} is not there, under any name")

    def _candidates(self, problems: list[str]) -> Iterator[_Candidate]:
        for path in self._paths():
            if path.suffix != ".zip":
                yield _Candidate(path.name, path.stat().st_size, path.read_bytes)
                continue
            try:
                with zipfile.ZipFile(path) as archive:
                    for item in archive.infolist():
                        read = partial(archive.read, item)
                        yield _Candidate(Path(item.filename).name, item.file_size, read)
            except _UNREADABLE as error:
                problems.append(f"{path.name} is not a whole zip file ({_reason(error)})")

    def _paths(self) -> Iterator[Path]:
        if self.folder.is_file():
            yield self.folder
        for level in _LEVELS:
            yield from sorted(path for path in self.folder.glob(level) if path.is_file())


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
