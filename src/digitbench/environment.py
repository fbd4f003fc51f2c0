"""What a run ran on: hardware, versions, Git state. Never part of anything that is hashed."""

import codecs
import functools
import io
import os
import platform
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from digitbench.errors import DigitbenchError

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "dvc", "mlflow")

# Memory of a batch goes back to the heap, not to the system, which would clear it page by page for
# the next one; large pages. Saves 5 to 10 % of a training step; other C libraries ignore it.
_KEEP_MEMORY = ":".join(
    (
        "glibc.malloc.hugetlb=1",
        "glibc.malloc.mmap_threshold=33554432",
        "glibc.malloc.trim_threshold=536870912",
        "glibc.malloc.top_pad=67108864",
    )
)

# For a terminal that has no such characters: a minus, above all, is no question mark.
_PLAIN = {"−": "-", "–": "-", "—": "-", "─": "-", "±": "+-", "×": "x", "→": ">", "“": '"', "”": '"'}
_PLAIN |= {"○": "o", "●": "*", "├": "|", "┤": "|", "┊": ":", "•": "*", "…": "..."}


# Name files to libraries, which read a relative one from wherever a stage runs.
_CERTIFICATES = (
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT"),
    *("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"),
)


def prepare_libraries() -> None:
    """Settings that libraries read when they are loaded, or when a worker process starts."""
    os.environ.setdefault("GLIBC_TUNABLES", _KEEP_MEMORY)
    # A command started in a notebook inherits the notebook's, which refuses to load elsewhere.
    os.environ["MPLBACKEND"] = "agg"
    for variable in _CERTIFICATES:
        if path := path_from(variable):
            os.environ[variable] = str(path)


def prepare_streams() -> None:
    """Print what a terminal has no characters for in others, instead of ending in a traceback."""
    codecs.register_error("legible", _legible)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="legible")


def _legible(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end


def project_root() -> Path:
    """The main repository: DVC names it to stages, also those that run in a temporary copy."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def path_from(variable: str) -> Path | None:
    """What an environment variable names, None if it is not set; `~` is the user's home.

    A relative path counts from the project's root, also in stages that run in another folder.

    Raises:
        DigitbenchError: It begins with the home of somebody unknown.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    try:
        return project_root() / Path(value).expanduser()
    except RuntimeError:
        raise DigitbenchError(f"{variable}={value}: there is no such home folder here.") from None


@functools.cache
def hardware() -> str:
    """Processor and number of usable cores, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}"


def fingerprint() -> dict[str, str]:
    """Hardware, system and versions, for people who wonder why a number differs."""
    return {
        "hardware": hardware(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def refusal(text: str) -> str | None:
    """What to do if Git, or a library of it, refuses a repository because another user owns it.

    Args:
        text: Its words.
    """
    found = re.search(r"dubious ownership in repository at '(.+)'", text)
    found = found or re.search(r"repository path '(.+?)/?' is not owned by current user", text)
    if found is None:
        return None
    return (
        f"{found[1]} belongs to another user, so Git refuses to work there. If you trust what is "
        f"in it: git config --global --add safe.directory {shlex.quote(found[1])}"
    )


def check_repository() -> None:
    """Ask Git whether it works here, before hours of training of which it could record nothing.

    Raises:
        DigitbenchError: It refuses, because another user owns the repository.
    """
    with suppress(OSError, subprocess.SubprocessError):
        command, english = ["git", "rev-parse", "--git-dir"], {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(command, env=english, capture_output=True, timeout=10)
        if sentence := refusal(os.fsdecode(done.stderr)):
            raise DigitbenchError(sentence)


def git_state() -> dict[str, str]:
    """Commit and whether tracked files differ from it; empty outside a repository.

    What Git doesn't tell, or not within seconds, is unknown.
    """
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = _git("status", "--porcelain", "--untracked-files=no")
    dirty = "unknown" if changes is None else str(bool(changes)).lower()
    return {"git.commit": commit, "git.dirty": dirty}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout).strip()
