"""Stage `report`: one page for people, one for pull requests."""

from digitbench.document.html import render_html
from digitbench.document.markdown import FIGURES, figure_files, render_markdown
from digitbench.files import METRICS, REPORT, write_bytes, write_text
from digitbench.params import load_params
from digitbench.report.compose import compose
from digitbench.results.collection import load_results
from digitbench.tracking.runs import record_report


def main() -> None:
    """Run the stage."""
    document = compose(load_results(load_params(networks=())))
    for name, png in figure_files(document).items():
        write_bytes(REPORT / FIGURES / name, png)
    write_text(REPORT / "report.md", render_markdown(document))
    write_text(REPORT / "index.html", render_html(document))
    record_report(REPORT, METRICS / "comparison.json")
