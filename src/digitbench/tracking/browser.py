"""MLflow's page of the recorded runs, served on this machine until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from urllib.parse import urlsplit

from digitbench.errors import DigitbenchError
from digitbench.tracking.address import tracking_uri
from digitbench.tracking.connection import ready_address
from digitbench.tracking.recorder import Recorder

FIRST_PORT = 5000
PORTS = 100


def browse() -> int:
    """Serve the page of the runs, or say which server has them; returns the exit status.

    Raises:
        DigitbenchError: No port is free, or the database can't be opened.
    """
    uri = tracking_uri()
    if urlsplit(uri).scheme in ("http", "https", "databricks"):
        print(f"The runs are on a server, which has a page of its own: {uri}")
        return 0
    with Recorder() as recorder:
        uri = recorder.ask(ready_address)
    port = str(free_port())
    print(f"MLflow: http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--port", port]
    # Not as an option: everybody may read those, and an address may hold a password.
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": uri}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    for ends in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ends, signal.default_int_handler)
    # In a group of its own: Ctrl-C, with which people end it, would end in MLflow's traceback.
    with subprocess.Popen(
        command,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as server:
        try:
            # What it says may hold the address with its password.
            for line in server.stdout or ():
                print(line, end="", file=sys.stderr, flush=True)
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def free_port() -> int:
    """The first port from 5000 on that no other program listens on.

    Raises:
        DigitbenchError: There is none.
    """
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        with suppress(OSError), closing(socket.create_server(("127.0.0.1", port))):
            return port
    raise DigitbenchError(f"No port from {FIRST_PORT} to {port} is free for MLflow's page.")
