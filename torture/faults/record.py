"""MLflow's database and server in all the ways in which they don't answer; no stage may fail."""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

from filelock import FileLock

from torture.base import TRAININGS
from torture.fault import Act, Fault, Steps
from torture.round import Round

_STAGES = ("evaluate", *TRAININGS)


def _locked(round: Round) -> Steps:
    with closing(sqlite3.connect(round.root / "mlflow.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")


def _newer(round: Round) -> Steps:
    with closing(sqlite3.connect(round.root / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    yield


def _garbage(round: Round) -> Steps:
    (round.root / "mlflow.db").write_bytes(round.draw.randbytes(round.draw.choice((1, 5_000))))
    yield


def _folder(round: Round) -> Steps:
    (round.root / "mlflow.db").unlink()
    (round.root / "mlflow.db").mkdir()
    yield


def _lock_held(round: Round) -> Steps:
    with FileLock(round.root / "mlflow.db.lock"), FileLock(round.root / ".mlflow.lock"):
        yield


# --- servers -------------------------------------------------------------------------------------


def _hang(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def _drip(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"{")
        time.sleep(1)


def answer(status: str, body: bytes) -> Callable[[socket.socket], None]:
    """The same to whatever is asked."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    def give(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head.encode() + body)

    return give


def served(behave: Callable[[socket.socket], None] | None) -> Act:
    """MLflow is a server on loopback that behaves so; None: nobody listens."""

    def act(round: Round) -> Steps:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            round.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{server.getsockname()[1]}"
            if behave:
                server.listen()
                threading.Thread(target=_serve, args=(server, behave), daemon=True).start()
            yield
            del round.environment["MLFLOW_TRACKING_URI"]

    return act


def _serve(server: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):  # the round is over
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_behave, args=(connection, behave), daemon=True).start()


def _behave(connection: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with connection, suppress(OSError):
        behave(connection)


_WAYS = {
    "database locked": _locked,
    "database of a newer MLflow": _newer,
    "database is garbage": _garbage,
    "database is a folder": _folder,
    "lock of the database held": _lock_held,
    "server dead": served(None),
    "server hanging": served(_hang),
    "server dripping": served(_drip),
    "server says 500": served(answer("500 Internal Server Error", b"no")),
    "server says HTML": served(answer("200 OK", b"<html><body>Sign in</body></html>")),
}
FAULTS = [Fault(f"MLflow: {name}", act, stages=_STAGES, fails=False) for name, act in _WAYS.items()]
