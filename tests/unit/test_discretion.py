"""Secrets: whatever the address and wherever it stands, neither user nor password is printed."""

import base64
import itertools
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from digitbench.discretion import HIDDEN, without_secrets

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = (
    *("geheim", "p@ss:w/o?r#d", "ge heim", "100%", "übel", "a+b=c&d", "0815", "ge%heim", "it's"),
    *("ghp_0123456789abcdefghij", "mlflow", "x" * 90),
)
USERS = ("alice", "alice@corp.example", "bøb", "x-access-token")
# Where a server's address may hold them, and how.
ADDRESSES = (
    "postgresql+psycopg2://{user}:{password}@db.example:5432/mlflow?sslmode=require",
    "mysql://{user}:{password}@127.0.0.1/mlflow",
    "https://{user}:{password}@tracking.example/prefix",
    "https://{password}@tracking.example",
    "http://{user}:{password}@proxy.example:3128",
    "postgresql://db.example/mlflow?user={user}&password={password}",
    "postgresql://db.example/mlflow?sslpassword={password}&sslkey=/{user}/key.pem",
    "mssql+pyodbc://?odbc_connect=DRIVER%3DX%3BUID%3D{user}%3BPWD%3D{password}",
)
# What drivers and libraries make of them.
POSITIONS = (
    "{address}",
    "connection to {address} failed: Connection refused",
    "Could not parse SQLAlchemy URL from given URL string: '{address}'",
    '{{"address": "{address}", "attempts": 2}}',
    "HTTPConnectionPool: Max retries exceeded with url: {address} (Caused by <x>)",
    "({address})",
    "fatal: unable to access '{address}': 403",
)


def quoted(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((quote(value, safe=""), quote_plus(value))))


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_shows_no_secret_wherever_it_stands(address: str) -> None:
    for user, password, position in itertools.product(USERS, PASSWORDS, POSITIONS):
        for hidden_user, hidden in itertools.product(quoted(user), quoted(password)):
            text = position.format(address=address.format(user=hidden_user, password=hidden))
            shown = without_secrets(text)
            assert HIDDEN in shown
            rest = shown.replace("/mlflow", "")  # the database's name
            assert hidden not in rest, shown
            assert hidden_user not in rest, shown


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "HTTPS_PROXY"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_what_the_environments_address_holds_is_hidden_by_its_value(
    variable: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver's message has no address, but the decoded user and password."""
    pairs = [(password, hidden) for password in PASSWORDS for hidden in quoted(password)]
    for password, hidden in pairs:
        if password == "mlflow":
            continue  # a word of our own sentences
        monkeypatch.setenv(variable, address.format(user="alice", password=hidden))
        shown = without_secrets(
            f"1045: Access denied for user 'alice'@'localhost' (tried {password!s}) [{hidden}]"
        )
        assert password not in shown
        assert hidden not in shown
        if "{user}:" in address or "user=" in address:
            assert "alice" not in shown
            pair = base64.b64encode(f"alice:{password}".encode()).decode()
            assert pair not in without_secrets(f"headers={{'x': '{pair}'}}")


def test_variables_that_are_secrets_by_their_name_are_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, f"value-of-{name}")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "carol")
    monkeypatch.setenv("PASSWORD_STORE_DIR", "/home/somebody/store")
    text = "carol, value-of-MLFLOW_TRACKING_PASSWORD value-of-MLFLOW_TRACKING_TOKEN"
    assert without_secrets(text) == f"{HIDDEN}, {HIDDEN} {HIDDEN}"
    assert without_secrets("Carolina carols") == "Carolina carols"
    assert without_secrets("at /home/somebody/store") == "at /home/somebody/store"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic YWxpY2U6Z2VoZWlt",
        "{'Authorization': 'Bearer abc.def', 'Accept': '*/*'}",
        "connection string: host=db user=alice password=geheim dbname=mlflow",
        "{'user': 'alice', 'password': 'geheim'}",
        "https://bucket.example/key?X-Amz-Signature=geheim&X-Amz-Credential=alice",
    ],
)
def test_headers_and_parameters_are_hidden_without_an_address(text: str) -> None:
    shown = without_secrets(text)
    for secret in ("YWxp", "abc.def", "alice", "geheim"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000 (Ctrl-C ends it)",
        "https://example.org/a@b",
        "models:/digitbench-cnn@champion",
        "sqlite:////home/me/My%20Repo/mlflow.db",
        "params.yaml: mlp.dropout: 1.5 is not allowed",
        "git@github.com:owner/name.git",
        "mail me@example.org, see https://example.org/path?page=2#part",
        "Accuracy 97.67 %, p = 0.031",
        "mlflow db upgrade 'sqlite+pysqlite:////srv/mlflow.db'",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


LEAK = """
import logging, sys, warnings
sys.path.insert(0, "src")
from digitbench.discretion import guard_streams
guard_streams()
address = "postgresql://alice:geheim@db.example/mlflow"
print(address)
print("to", address, "at once", file=sys.stderr)
warnings.warn(address)
logging.getLogger("urllib3").warning("Retrying %s", address)
sys.stdout.write("übrig\\n")
raise ValueError(address)
"""


def test_nothing_gets_past_the_guarded_streams() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAK],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"postgresql://{HIDDEN}@db.example/mlflow", "übrig"]
    assert "ValueError" in done.stderr
    assert done.stderr.count(HIDDEN) >= 4
    # The line of code that a traceback shows is the only one that holds it here.
    assert "alice" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://me:secret@host:9/x", "http://***@host:9/x"),
        ("me:secret@host:9", "***@host:9"),
        ("http://me@host", "http://***@host"),
        ("https://me:s@e/c:r?e#t@host/x", "https://***@host/x"),
        ("postgresql+psycopg2://me:secret@db/runs", "postgresql+psycopg2://***@db/runs"),
        ("mail me@host about sqlite:///a/b.db", "mail me@host about sqlite:///a/b.db"),
        (
            "from 'http://a:b@one/x', then (http://c:d@two/y)",
            "from 'http://***@one/x', then (http://***@two/y)",
        ),
    ],
)
def test_addresses_are_shown_without_user_and_password(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


BAR = """
import logging, sys, threading, warnings
sys.path.insert(0, "src")
from digitbench.discretion import guard_streams
guard_streams()
from tqdm import tqdm
address = "postgresql://alice:geheim@db.example/mlflow"
with tqdm(total=50, desc="train", mininterval=0, ascii=True) as bar:
    bar.update(10)
    warnings.warn(address)
    logging.getLogger("urllib3").warning("Retrying %s", address)
    print("two", "words", file=sys.stderr)
    print("on the other stream")
    sys.stderr.write("begun ")
    bar.update(10)
    sys.stderr.write("and ended\\n")
    with bar.external_write_mode():
        print("by the bar's own way", flush=True)
    other = threading.Thread(target=print, args=("of a thread",))
    other.start()
    other.join()
    bar.update(30)
print("after it")
"""


def shown(written: str) -> list[str]:
    """The lines of a terminal on which this was written."""
    screen = []
    for line in written.split("\n"):
        cells: list[str] = []
        for part in line.split("\r"):
            cells[: len(part)] = part
        screen.append("".join(cells).rstrip())
    return screen


def test_what_is_said_while_a_progress_bar_is_drawn_has_lines_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BAR],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=True,
    )
    # As bytes: read as text, a return would be a new line.
    written = done.stdout.decode()
    lines = shown(written)
    (bar,) = [line for line in lines if line.startswith("train:")]
    assert "50/50" in bar
    for said in (
        *("Retrying postgresql://***@db.example/mlflow", "two words", "on the other stream"),
        *("begun and ended", "by the bar's own way", "of a thread", "after it"),
    ):
        assert said in lines, written
    assert "geheim" not in written
