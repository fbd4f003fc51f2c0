"""DVC's own commands, in a clone whose studies ran elsewhere: a fresh one after `make`."""

import dataclasses

from ..conftest import Project
from ..situation import Change, Situation, environment

HERE = environment(PYTHONPATH="src")  # the command's code is the clone's
# Left behind by macOS, Windows, KDE, Jupyter, an office, a network drive, editors.
LITTER = (
    *("models/cnn/.DS_Store", "models/mlp/Thumbs.db", "data/predictions/desktop.ini"),
    *("plots/curves/._cnn.csv", "metrics/summary/._cnn.json", "models/rnn/.directory"),
    *("plots/curves/.ipynb_checkpoints/cnn.csv", "plots/evaluate/.~lock.growth.csv#"),
    *("plots/evaluate/.nfs0001", "src/digitbench/training/.trainer.py.swo", "metrics/cnn.json~"),
)
UNKNOWN = "params.yaml: epoch: unknown key; did you mean 'epochs'?"


def littered(project: Project) -> None:
    for name in LITTER:
        (project.root / name).parent.mkdir(exist_ok=True)
        (project.root / name).write_bytes(b"x")


def written(name: str, line: str) -> Change:
    """A line at the end of a file, by hand; digitbench is the clone's."""

    def write(project: Project) -> Project | None:
        with (project.root / name).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        return HERE(project)

    return write


def trainings_frozen(project: Project) -> Project | None:
    project.edit("dvc.yaml", r"^  train_mlp: &train\n", r"\g<0>    frozen: true\n")
    project.edit("params.yaml", r"^learning_rate: .*", "learning_rate: 0.002")
    return HERE(project)


def cloned(project: Project) -> Project:
    """A second clone, of someone who gets the data from a DVC remote."""
    remote = project.root.parent / "remote"
    project.dvc("remote", "add", "--local", "-d", "-f", "storage", str(remote))
    project.dvc("push")
    second = dataclasses.replace(project, root=project.root.parent / "second")
    project.run("rm", "-rf", str(second.root))
    project.run("git", "clone", "-q", str(project.root), str(second.root))
    second.dvc("remote", "add", "--local", "-d", "storage", str(remote))
    return second


def unchanged(*paths: str) -> Change:
    """Nothing that Git knows differs from the last commit, in these files or anywhere."""

    def look(project: Project) -> None:
        assert project.run("git", "status", "--porcelain", *paths).stdout == ""

    return look


def lock_alone_has_changed(project: Project) -> None:
    """DVC adds to Git what it doesn't cache (`core.autostage`), but not what Git ignores."""
    assert project.run("git", "status", "--porcelain").stdout.split() == ["M", "studies/dvc.lock"]


def only_new_lines(project: Project) -> None:
    changed = project.run("git", "diff", "HEAD", "--numstat", "dvc.yaml", "studies/dvc.yaml").stdout
    ((added, deleted, _),) = (line.split() for line in changed.splitlines())
    assert (int(added) > 0, deleted) == (True, "0"), changed


def titled(project: Project) -> None:
    assert "title: Other" in (project.root / "params.yaml").read_text(encoding="utf-8")
    assert "Other" in (project.root / "report/index.html").read_text(encoding="utf-8")


SITUATIONS = [
    Situation(
        # treeverse/dvc#4746, #9653: outputs of studies that nobody trained here.
        "without the studies: status, pull, checkout, data, gc",
        (
            ("dvc", "pull"),
            ("dvc", "gc", "-w", "-f"),
            ("dvc", "data", "status"),
            ("dvc", "status", "dvc.yaml"),
            ("dvc", "status"),
            ("dvc", "checkout"),
        ),
        never=("Checkout failed", "ERROR"),
        after=unchanged(),
    ),
    Situation(
        "without the studies: an experiment there and back",
        (
            ("dvc", "exp", "run", "-n", "titled", "-S", "report.title=Other"),
            ("git", "restore", "-SW", "."),
            ("dvc", "checkout"),
            ("git", "diff", "--exit-code"),
            ("dvc", "exp", "apply", "titled"),
        ),
        never=("Checkout failed", "ERROR"),
        after=titled,
    ),
    Situation(
        "without the studies: results saved by hand as an experiment",
        (
            ("dvc", "exp", "save", "-n", "mine", "dvc.yaml"),
            ("dvc", "exp", "list", "--name-only"),
        ),
        written("report/report.md", ""),
        says=("mine",),
    ),
    Situation(
        "a second clone pulls from a remote",
        (("dvc", "pull"), ("dvc", "checkout"), ("dvc", "status", "dvc.yaml")),
        cloned,
        says=("Data and pipelines are up to date.",),
        never=("Checkout failed",),
        after=unchanged(),
    ),
    Situation(
        "a study trained here, and then dvc checkout",
        (
            ("dvc", "repro", "studies/dvc.yaml:split@nguyen2026"),
            ("dvc", "checkout"),
            ("dvc", "repro", "studies/dvc.yaml:split@nguyen2026"),
        ),
        says=("Data and pipelines are up to date.",),
        after=lock_alone_has_changed,
    ),
    Situation(
        # dvc#5477: DVC advises the plus.
        "an unknown parameter, added as DVC advises",
        (("dvc", "exp", "run", "-S", "+epoch=10"),),
        status=255,
        says=(UNKNOWN,),
    ),
    Situation(
        "an unknown parameter, by hand",
        (("dvc", "repro"),),
        written("params.yaml", "epoch: 10"),
        status=255,
        says=(UNKNOWN,),
    ),
    Situation(
        "an unknown parameter in a study",
        (("dvc", "repro", "studies/dvc.yaml:parameters@nguyen2026"),),
        written("studies/nguyen2026/params.yaml", "recipes: {}"),
        status=255,
        says=("nguyen2026/params.yaml: recipes: unknown key; did you mean 'recipe'?",),
    ),
    Situation(
        "an unknown parameter is reviewed",
        (("digitbench", "review"),),
        written("params.yaml", "epoch: 10"),
        status=2,
        says=("params.yaml in workspace: epoch: unknown key; did you mean 'epochs'?",),
    ),
    Situation(
        # dvc#11004: the report would state a rate that nothing was trained with.
        "trainings are frozen and have another learning rate",
        (("digitbench", "check"),),
        trainings_frozen,
        status=1,
        says=("train_mlp, train_cnn, train_rnn and train_lstm: frozen",),
    ),
    Situation(
        "DVC freezes a stage and thaws it",
        (("dvc", "freeze", "report"), ("dvc", "unfreeze", "report")),
        after=unchanged(),
    ),
    Situation(
        "DVC adds a stage",
        (("dvc", "stage", "add", "-n", "own", "-d", "metrics", "-o", "data/own", "true"),),
        after=only_new_lines,
    ),
    Situation(
        "what systems and editors leave in every folder",
        (("dvc", "repro"),),
        littered,
        says=("Data and pipelines are up to date.",),
        never=("Running stage",),
        after=unchanged(),
    ),
]
