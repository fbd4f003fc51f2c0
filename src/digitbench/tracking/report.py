"""What the stage `report` leaves in MLflow."""

from pathlib import Path

from digitbench.tracking.comparison import create_comparison, find_comparison
from digitbench.tracking.connection import connect
from digitbench.tracking.experiment import describe
from digitbench.tracking.soft import Recorder, soft


class ReportRecord(Recorder):
    """The report, kept with the run of the evaluation it is about."""

    @soft
    def keep(self, report: Path, record: Path) -> None:
        """Upload the report; say in the experiment what stands there.

        Where DVC's run cache brought the evaluation back, it has no run, and one is made.

        Args:
            report: The folder.
            record: metrics/comparison.json, by whose hash the run is found.
        """
        client, experiment = connect()
        describe(client, experiment)
        run = find_comparison(client, experiment, record)
        if run is None:
            run = create_comparison(client, experiment, "report", record)
        client.log_artifacts(run, str(report), report.name)
