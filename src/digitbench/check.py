"""Whether the results in a clone come from its code and parameters, and what weakens them.

One sentence for everything that doesn't, with what to run; then the checks of the method.
`.ci/check` has it look at a clone of the last commit, in which nothing on disk can lend it what Git
doesn't have.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pygit2
import yaml
from dvc.dvcfile import is_git_ignored
from dvc.exceptions import DvcException
from dvc.repo import Repo

from digitbench import files
from digitbench.checks.catalogue import Examination, examine
from digitbench.checks.provenance import SEVERAL_LOOKS, History, Workspace
from digitbench.document.markdown import render_markdown
from digitbench.errors import DigitbenchError
from digitbench.files import PREDICTIONS, REPORT
from digitbench.params import load_params
from digitbench.report.compose import compose
from digitbench.report.readme import README, refreshed
from digitbench.results.collection import Results, load_results
from digitbench.review.revisions import open_repository, read_base
from digitbench.wording import listing

LOCK = Path("dvc.lock")
REPRODUCE = "Run `dvc repro`, then `make readme`, and commit what they change"
REPORT_AGAIN = "Run `dvc repro --force --single-item report` and commit it"


@dataclass(frozen=True)
class Inspection:
    """What is not as the code and the parameters give it, and what the checks of the method found.

    Attributes:
        complaints: One sentence for everything that is stale.
        examination: None while files are missing that it reads.
        unmade: Why checks could not be made.
    """

    complaints: list[str]
    examination: Examination | None = None
    unmade: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        found = self.complaints or ["The results come from this code and these parameters."]
        if self.examination is None:
            return found
        findings = [f"{f.check.code} {f.check.title}. {f.text}" for f in self.examination.findings]
        return [*found, "", *findings, *self.unmade, self.examination.summary]

    def content(self) -> dict[str, Any]:
        """For programs."""
        if self.examination is None:
            return {"complaints": self.complaints, "checks": None}
        checks = {
            "made": self.examination.made,
            "muted": self.examination.muted,
            "unmade": self.unmade,
            "findings": [
                {"code": f.check.code, "title": f.check.title, "text": f.text}
                for f in self.examination.findings
            ],
        }
        return {"complaints": self.complaints, "checks": checks}


def inspect(mute: Iterable[str] = ()) -> Inspection:
    """Look at the current folder.

    Args:
        mute: Codes of checks to leave out, beside those of params.yaml.

    Raises:
        DigitbenchError: The graph or the results cannot be read, or no check has such a code.
    """
    if missing := missing_files():
        return Inspection([f"{listing(missing)}: named in dvc.yaml, but not there. {REPRODUCE}."])
    found = []
    if stages := stale_stages():
        found.append(
            f"{listing(stages)}: code, parameters or results changed since dvc.lock was written. "
            f"{REPRODUCE}."
        )
    if frozen := frozen_stages():
        found.append(
            f"{listing(frozen)}: frozen, so that `dvc repro` leaves it out, though code, "
            f"parameters or data changed since. Take `frozen: true` out of dvc.yaml. {REPRODUCE}."
        )
    results = load_results(load_params())
    for page in stale_pages(results):
        remedy = "Run `make readme` and commit it" if page == README else REPORT_AGAIN
        found.append(f"{page}: not what the results in metrics/ and plots/ give. {remedy}.")
    evidence: list[object] = [results, Workspace([*stages, *frozen])]
    unmade = []
    try:
        evidence.append(read_history(Path.cwd()))
    except DigitbenchError as error:
        unmade.append(f"Not made without history: {SEVERAL_LOOKS.code}. {error}")
    muted = {*results.params.checks.mute, *mute}
    return Inspection(found, examine(evidence, muted), tuple(unmade))


def read_history(folder: Path) -> History:
    """Test results of this branch and of the experiments on it, from Git.

    Raises:
        DigitbenchError: There is no Git repository, or no commit where the branch began.
    """
    repository = open_repository(folder)
    base = str(read_base(repository, None).commit)
    walker = repository.walk(repository.head.target)
    walker.hide(base)
    commits = [str(commit.id) for commit in walker]
    named = {f"commit {commit[:10]}": commit for commit in commits}
    for name in repository.references:
        experiment = re.fullmatch(r"refs/exps/(\w\w)/(\w{38})/(.+)", name)
        if experiment and experiment[1] + experiment[2] in (base, *commits):
            named[f"experiment {experiment[3]}"] = name
    answers = {name: _answers(_locked(repository, revision)) for name, revision in named.items()}
    answers["the workspace"] = _answers(files.read_bytes(LOCK))
    found: dict[str, list[str]] = {}
    for name, answer in answers.items():
        if answer not in ("", _answers(_locked(repository, base))):
            found.setdefault(answer, []).append(name)
    return History(base, found)


def _locked(repository: pygit2.Repository, revision: str) -> bytes:
    """The `dvc.lock` of a revision, empty where there is none."""
    tree = repository.revparse_single(revision).peel(pygit2.Tree)
    name = LOCK.as_posix()
    return tree[name].peel(pygit2.Blob).data if name in tree else b""


@cache
def _answers(lock: bytes) -> str:
    """Hashes of what all networks answered on the test images; empty if it doesn't say."""
    try:
        outs = yaml.load(lock, yaml.CSafeLoader)["stages"]["evaluate"]["outs"]
        answers = [out["md5"] for out in outs if Path(out["path"]).is_relative_to(PREDICTIONS)]
    except (yaml.YAMLError, KeyError, TypeError):
        return ""
    return " ".join(answers)


def missing_files() -> list[str]:
    """Files of the graph that Git should have: sources, and outputs that it doesn't ignore."""
    with _graph() as repo:
        outs = {out.fs_path: out.use_cache for out in repo.index.outs}
        elsewhere = [
            Path(out) for out, cached in outs.items() if cached or is_git_ignored(repo, out)
        ]
        named = {Path(item.fs_path) for item in (*repo.index.deps, *repo.index.outs)}
        expected = {path for path in named if not any(map(path.is_relative_to, elsewhere))}
        root = Path(repo.root_dir)
        return sorted(str(path.relative_to(root)) for path in expected if not path.exists())


def stale_stages() -> list[str]:
    """Stages that `dvc repro` would run, data and models taken for what `dvc.lock` says of them.

    `dvc repro --dry --allow-missing` stops at the first of them if its data are missing; here each
    stage is asked, as that command would ask it.
    """
    with _graph() as repo, repo.lock:
        stages = repo.index.stages
        return [
            stage.addressing
            for stage in stages
            if stage.changed(allow_missing=True, upstream=stages)
        ]


def frozen_stages() -> list[str]:
    """Stages that are frozen and that `dvc repro` would run if they weren't."""
    with _graph() as repo, repo.lock:
        stages = repo.index.stages
        frozen = [stage for stage in stages if stage.frozen]
        for stage in frozen:
            stage.frozen = False
        return [
            stage.addressing
            for stage in frozen
            if stage.changed(allow_missing=True, upstream=stages)
        ]


@contextmanager
def _graph() -> Iterator[Repo]:
    try:
        with Repo() as repo:
            yield repo
    except DvcException as error:
        raise DigitbenchError(f"DVC cannot tell what is up to date: {error}") from None


def stale_pages(results: Results) -> list[Path]:
    """Which of README and the report in Markdown differ from what the results give.

    The report in HTML is DVC's, made from the same results by the same code.

    Raises:
        DigitbenchError: README.md has no place for the numbers.
    """
    report = REPORT / "report.md"
    readme, markdown = (page.read_text(encoding="utf-8") for page in (README, report))
    fresh = {
        README: readme == refreshed(readme, results),
        report: markdown == render_markdown(compose(results)),
    }
    return [page for page, is_fresh in fresh.items() if not is_fresh]
