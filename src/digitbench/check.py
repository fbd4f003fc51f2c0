"""Whether the results in a clone come from its code and parameters.

One sentence for everything that doesn't, with what to run. `.ci/check` has it look at a clone of
the last commit, in which nothing on disk can lend it what Git doesn't have.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from digitbench.document.markdown import render_markdown
from digitbench.errors import DigitbenchError
from digitbench.files import REPORT
from digitbench.params import load_params
from digitbench.report.compose import compose
from digitbench.report.readme import README, refreshed
from digitbench.results.collection import Results, load_results
from digitbench.wording import listing

REPRODUCE = "Run `dvc repro`, then `make readme`, and commit what they change"
REPORT_AGAIN = "Run `dvc repro --force --single-item report` and commit it"


def complaints() -> list[str]:
    """One sentence for everything that is stale in the current folder; empty if nothing is.

    Raises:
        DigitbenchError: The graph or the results cannot be read.
    """
    if missing := missing_files():
        return [f"{listing(missing)}: named in dvc.yaml, but not there. {REPRODUCE}."]
    found = []
    if stages := stale_stages():
        found.append(
            f"{listing(stages)}: code, parameters or results changed since dvc.lock was written. "
            f"{REPRODUCE}."
        )
    for page in stale_pages(load_results(load_params())):
        remedy = "Run `make readme` and commit it" if page == README else REPORT_AGAIN
        found.append(f"{page}: not what the results in metrics/ and plots/ give. {remedy}.")
    return found


def missing_files() -> list[str]:
    """Files of the graph that Git should have: sources, and outputs that DVC doesn't cache."""
    with _graph() as repo:
        cached = [Path(out.fs_path) for out in repo.index.outs if out.use_cache]
        named = {Path(item.fs_path) for item in (*repo.index.deps, *repo.index.outs)}
        expected = {path for path in named if not any(map(path.is_relative_to, cached))}
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
