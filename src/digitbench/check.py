"""Whether the results in this folder come from its code and parameters.

``python -m digitbench.freshness`` says in a sentence each what is stale and what to run, and exits
with status 1 if anything is. `.ci/check` runs it on a clone of the last commit.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo

from digitbench import files
from digitbench.document.html import render_html
from digitbench.document.markdown import render_markdown
from digitbench.errors import DigitbenchError
from digitbench.params import load_params
from digitbench.report.compose import compose
from digitbench.report.readme import README, brought_up_to_date
from digitbench.results.records import Results, load_results
from digitbench.wording import listing

REPRODUCE = "Run `dvc repro`, then `make readme`, and commit what they change"
REPORT_AGAIN = "Run `dvc repro --force --single-item report` and commit it"


def missing_files() -> list[str]:
    """Files of `dvc.yaml` that Git should have: sources, and outputs that DVC doesn't cache."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    outputs = [_entry(out) for stage in stages for key in _OUTPUTS for out in stage.get(key, [])]
    made = {path for path, _ in outputs}
    expected = {path for path, cached in outputs if not cached}
    expected |= {path for stage in stages for path in stage.get("deps", []) if path not in made}
    return sorted(path for path in expected if not Path(path).exists())


def stale_stages() -> list[str]:
    """Stages that `dvc repro` would run, data and models taken for what `dvc.lock` says of them.

    `dvc repro --dry --allow-missing` stops at the first of them if its data are missing; here each
    stage is asked, as that command would ask it.

    Raises:
        DigitbenchError: `dvc.yaml` or `dvc.lock` cannot be read.
    """
    try:
        with Repo() as repo, repo.lock:
            stages = repo.index.stages
            return [
                stage.addressing
                for stage in stages
                if stage.changed(allow_missing=True, upstream=stages)
            ]
    except DvcException as error:
        raise DigitbenchError(f"DVC cannot tell what is up to date: {error}") from None


def stale_pages(results: Results) -> list[Path]:
    """Which of README and both reports differ from what the results give.

    Raises:
        DigitbenchError: README.md has no place for the numbers.
    """
    document = compose(results)
    readme, markdown, html = README, files.REPORT / "report.md", files.REPORT / "index.html"
    texts = {path: path.read_text(encoding="utf-8") for path in (readme, markdown, html)}
    # Of the HTML words and numbers, those in figures included. Not coordinates: another build of
    # the drawing library may place a line a hundredth of a point away.
    fresh = {
        readme: texts[readme] == brought_up_to_date(texts[readme], results),
        markdown: texts[markdown] == render_markdown(document),
        html: _words(texts[html]) == _words(render_html(document)),
    }
    return [path for path, is_fresh in fresh.items() if not is_fresh]


def complaints() -> list[str]:
    """One sentence for everything that is stale in the current folder; empty if nothing is."""
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


_OUTPUTS = ("outs", "metrics")


def _entry(out: str | Mapping[str, Any]) -> tuple[str, bool]:
    """Path of an output, and whether DVC caches it."""
    if isinstance(out, str):
        return out, True
    path, options = next(iter(out.items()))
    return path, options.get("cache", True)


def _words(page: str) -> list[str]:
    """What stands between the tags of the body."""
    body = page.partition("<body>")[2]
    return [text.strip() for text in re.split(r"<[^>]+>", body) if text.strip()]


def main() -> int:
    """Print what is stale; the exit status."""
    try:
        found = complaints()
    except DigitbenchError as error:
        found = [str(error)]
    print("\n".join(found) or "The results come from this code and these parameters.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
