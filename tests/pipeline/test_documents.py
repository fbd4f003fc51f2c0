"""README and guide as a test: their commands, run in their order, do what the text shows.

In a clone in which the studies ran elsewhere, as in every reader's. A command ends with 0, unless
an `ERROR:` is shown below it; of what is shown, lines without digits must be printed. Blocks of
`sh` and `text` are about several machines, or about what is broken: other tests make these.
"""

import dataclasses
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from .conftest import ROOT, Project, commit
from .servers import wait_until

pytestmark = pytest.mark.pipeline

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")),
)
# The environment is that of the tests.
SHELL = (
    f'make() {{ command make --assume-old=install VENV="{Path(sys.executable).parents[1]}" "$@"; }}'
)
NOT_HERE = {
    "make test": "these are the tests",
    "make lint": "a step of .ci/run",
    "make bench": "half an hour; tests/unit/test_benchmarks.py",
    "make torture": "an hour; test_torture.py runs a round of each kind",
    "make studies": "an hour; test_graph.py runs one of them",
    "digitbench verify": "of a commit that agrees with itself; test_verification.py",
    "make ui": "runs until Ctrl-C; test_servers.py",
    "dvc exp run -S 'seeds=": "six seeds of every network; test_store.py adds one",
    "uv pip compile": "asks a package index",
}
# DVC runs stages that don't depend on each other in any order: one may run before another fails.
DEPENDS_ON_ORDER = "M dvc.lock"


@dataclass(frozen=True)
class Command:
    """A command as a document has it."""

    heading: str
    line: str
    output: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why it isn't run; empty if it is."""
        return next((why for start, why in NOT_HERE.items() if self.line.startswith(start)), "")

    @property
    def fails(self) -> bool:
        return any(line.startswith("ERROR:") for line in self.output)

    @property
    def fixed(self) -> set[str]:
        """What must be printed, whatever the numbers are."""
        return {
            squeezed(line)
            for line in self.output
            if re.search("[a-z]", line) and not re.search(r"\d|…", line)
        } - {DEPENDS_ON_ORDER}


def squeezed(line: str) -> str:
    return " ".join(line.split())


def commands(document: str) -> Iterator[Command]:
    """Commands of the console blocks; without a prompt each line is one."""
    text = (ROOT / document).read_text(encoding="utf-8")
    heading = ""
    for title, block in re.findall(r"^#+ ([^\n]*)|^```console\n(.*?)^```", text, re.M | re.S):
        heading = title or heading
        prompted = re.split(r"^\$ ", block, flags=re.M)[1:]
        for entry in prompted or block.replace("\\\n", " ").splitlines():
            line, *output = entry.splitlines()
            yield Command(heading, line.partition("  # ")[0].strip(), tuple(output))


# --- what a command needs before it ----------------------------------------------------------


def draw(project: Project) -> None:
    picture = Image.new("L", (80, 80), "white")
    ImageDraw.Draw(picture).line((40, 10, 40, 70), "black", 8)
    picture.save(project.root / "photo.jpg")


def wait_for_the_queue(project: Project) -> None:
    def is_idle() -> bool:
        status = project.dvc("queue", "status")
        return "Running" not in status and "Queued" not in status

    wait_until(is_idle, 300, pause=1)


def drop_instead(project: Project) -> None:
    """Keeping and dropping are alternatives: the branch goes, the experiment is back."""
    project.run("git", "switch", "-q", "main")
    project.run("git", "branch", "-qD", "wider-mlp")
    project.dvc("exp", "apply", "wide")


def fill_the_store(project: Project) -> None:
    filling = project.environment | {"DIGITBENCH_STORE": "../replicates"}
    dataclasses.replace(project, environment=filling).run("python", "src", "train", "mlp")


def fail_in_the_queue(project: Project) -> None:
    project.dvc("exp", "run", "--queue", "-n", "broken", "-S", "mlp.dropout=1.5")
    project.dvc("queue", "start")
    wait_for_the_queue(project)


BEFORE: dict[tuple[str, str], Callable[[Project], None]] = {
    ("What next", "digitbench predict photo.jpg"): draw,
    ("Keep it or drop it", "git restore -SW ."): drop_instead,
    ("All of them in a table", "make experiments"): wait_for_the_queue,
    ("A failed experiment", "dvc queue status"): fail_in_the_queue,
    ("Nothing is trained twice", "digitbench store list"): fill_the_store,
}


@pytest.fixture(scope="module")
def readers(finished: Project) -> Project:
    """The finished clone, README.md brought up to date; the store is where it usually is."""
    project = dataclasses.replace(
        finished, environment=finished.environment | {"PYTHONPATH": "src", "DIGITBENCH_STORE": ""}
    )
    project.run("digitbench", "readme")
    commit(project)
    return project


@pytest.fixture
def clone(readers: Project, tmp_path: Path) -> Iterator[Project]:
    """The same with a server, as it was before the document of the last test."""
    kept = shutil.copytree(readers.root, tmp_path / "kept", symlinks=True)
    readers.run("git", "init", "-q", "--bare", str(tmp_path / "server"))
    readers.run("git", "remote", "add", "origin", str(tmp_path / "server"))
    readers.run("git", "push", "-q", "origin", "main")
    yield readers
    readers.dvc("queue", "stop", "--kill")
    shutil.rmtree(readers.root)
    shutil.copytree(kept, readers.root, symlinks=True)


@pytest.mark.parametrize(
    "document", [document for document in DOCUMENTS if list(commands(document))]
)
def test_every_command_does_what_the_document_shows(document: str, clone: Project) -> None:
    shell = SHELL
    for command in commands(document):
        if command.reason:
            continue
        if command.line.startswith("export "):
            shell += f"\n{command.line}"
        if prepare := BEFORE.get((command.heading, command.line)):
            prepare(clone)
        done = clone.run("bash", "-c", f"{shell}\n{command.line}", check=False)
        told = f"{document}: {command.line} ended with {done.returncode}\n{done.stdout}"
        assert (done.returncode != 0) == command.fails, told
        assert not command.fixed - {*map(squeezed, done.stdout.splitlines())}, told


def test_every_exception_is_a_command_of_a_document() -> None:
    found = [command for document in DOCUMENTS for command in commands(document)]
    assert {*NOT_HERE.values()} == {command.reason for command in found} - {""}
    assert BEFORE.keys() <= {(command.heading, command.line) for command in found}
