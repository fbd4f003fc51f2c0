"""A clone of the last commit in which DVC runs as for a new user, and which notes its stages."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import yaml

from digitbench import files
from digitbench.download.sources import DROP_IN_VARIABLE
from digitbench.errors import DigitbenchError

# Runs Python with the arguments given and notes when. Imports what its own start can afford.
TIMED = """
import json, subprocess, sys, time
log, *arguments = sys.argv[1:]
began = time.time()
status = subprocess.call([sys.executable, *arguments])
with open(log, "a", encoding="utf-8") as file:
    print(json.dumps(["_".join(arguments[1:]), time.time() - began]), file=file)
sys.exit(status)
"""


class Clone:
    """Shares the raw data and the environment with this copy, and nothing else.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, beside: Path) -> None:
        """Make it in a folder that nothing else is in.

        Raises:
            DigitbenchError: Git refuses.
        """
        self.folder, self._log, commands = beside / "clone", beside / "log", beside / "bin"
        stand_in(commands, self._log)
        # As a new user has it, but for the data, and with a `python` that notes its times.
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TQDM_")},
            "PATH": os.pathsep.join(
                (str(commands), str(Path(sys.executable).parent), os.environ["PATH"])
            ),
            DROP_IN_VARIABLE: str(files.RAW.resolve()),
            "DVC_SITE_CACHE_DIR": str(beside / "dvc"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        command = ("git", "clone", "--quiet", str(Path.cwd()), str(self.folder))
        timed(command, beside, self._environment)

    def change(self, params: Mapping[str, Any]) -> None:
        """Put other values into params.yaml; none leave it as it is."""
        if not params:
            return
        file = self.folder / "params.yaml"
        content = {**yaml.safe_load(file.read_text(encoding="utf-8")), **params}
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def repro(self, *arguments: str) -> float:
        """Seconds of `dvc repro` with these arguments.

        Raises:
            DigitbenchError: It failed; the text is what it said.
        """
        return timed(
            (sys.executable, "-m", "dvc", "repro", "--quiet", *arguments),
            self.folder,
            self._environment,
        )

    def stages(self) -> dict[str, float]:
        """Seconds of the process of each stage that ran since this was asked last."""
        if not self._log.exists():
            return {}
        lines = self._log.read_text(encoding="utf-8").splitlines()
        self._log.unlink()
        return dict(json.loads(line) for line in lines)


def stand_in(folder: Path, log: Path) -> None:
    """A command `python` in the folder that notes each stage and how long its process took."""
    folder.mkdir()
    script = folder / "python"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -I -S -c '{TIMED}' '{log}' \"$@\"\n")
    script.chmod(0o755)


def timed(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Wall time of a command that must succeed; what it says is shown only where it fails.

    Raises:
        DigitbenchError: It failed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, text=True, stdout=PIPE, stderr=STDOUT
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        told = " ".join(command)
        raise DigitbenchError(f"{told}: failed in a clone of the last commit.\n{done.stdout}")
    return seconds
