"""Servers on this machine's loopback that do what no server should."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

PART = b"x" * (1 << 16)
# What a server may repeat of what it was asked with.
BODY = "you sent Basic YWxpY2U6Z2VoZWlt, alice:geheim, password=geheim"
HTML = f"<!DOCTYPE html><html><body>Log in, {BODY}</body></html>"
MANNERS = ("silent", "dripping", "endless", "failing", "busy", "another", "closing")


class _Handler(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        with suppress(OSError):
            getattr(self, self.server.manner)()

    def silent(self) -> None:
        """Accept and never answer."""
        self.server.ended.wait()

    def dripping(self) -> None:
        """Send a byte now and then, for hours: no wait for a single one is long."""
        self._head("200 OK", length=1 << 20)
        while not self.server.ended.wait(0.1):
            self.wfile.write(b" ")

    def endless(self) -> None:
        self._head("200 OK")
        while not self.server.ended.is_set():
            self.wfile.write(PART)

    def failing(self) -> None:
        self._answer("500 Internal Server Error", BODY)

    def busy(self) -> None:
        """Ask for an hour."""
        self._answer("429 Too Many Requests", BODY, "Retry-After: 3600\r\n")

    def another(self) -> None:
        """A page where an answer was expected."""
        self._answer("200 OK", HTML, "Content-Type: text/html\r\n")

    def closing(self) -> None:
        """Hang up without a word."""

    def _answer(self, status: str, body: str, headers: str = "") -> None:
        self._head(status, headers, len(body))
        self.wfile.write(body.encode())

    def _head(self, status: str, headers: str = "", length: int | None = None) -> None:
        if length is not None:
            headers += f"Content-Length: {length}\r\n"
        self.wfile.write(f"HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, manner: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = manner
        self.ended = Event()


@contextmanager
def rude_server(manner: str) -> Iterator[str]:
    """The address of a server of one of the manners."""
    with _Server(manner) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.ended.set()
            server.shutdown()
