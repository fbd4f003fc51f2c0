"""A GitHub on loopback: the few calls of its API that the comment on a pull request needs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAME = "digits/bench"
TOKEN = "token-of-the-test"
BOT = "github-actions[bot]"
Json = dict[str, Any]


class GitHub:
    """Pull requests and comments of one repository; every request is remembered."""

    def __init__(self) -> None:
        self.pulls: list[Json] = []
        self.comments: list[Json] = []
        self.requests: list[tuple[str, str, Json | None]] = []
        self.tokens: list[str | None] = []
        self.status = 200
        self.redirect: str | None = None
        self.url = ""

    @property
    def written(self) -> list[tuple[str, str, Json | None]]:
        return [request for request in self.requests if request[0] != "GET"]

    def comment(self, body: str, author: str | None = BOT) -> int:
        """Add a comment; its id."""
        user = None if author is None else {"login": author}
        self.comments.append({"id": 1000 + len(self.comments), "body": body, "user": user})
        return int(self.comments[-1]["id"])

    def answer(self, method: str, path: str, query: dict[str, str], content: Json | None) -> Any:
        match method, path.removeprefix(f"/repos/{NAME}/").split("/"):
            case "GET", ["pulls"]:
                return _page([pull for pull in self.pulls if _asked_for(pull, query)], query)
            case "GET", ["issues", _, "comments"]:
                return _page(self.comments, query)
            case "POST", ["issues", _, "comments"] if content:
                return {"id": self.comment(content["body"])}
            case "PATCH", ["issues", "comments", number] if content:
                (found,) = (entry for entry in self.comments if entry["id"] == int(number))
                return found | {"body": found.update(content)}
        return None


def _asked_for(pull: Json, query: dict[str, str]) -> bool:
    head = f"{pull['head']['user']['login']}:{pull['head']['ref']}"
    asked = (query["state"], query["base"], query["head"])
    return (pull["state"], pull["base"]["ref"], head) == asked


def _page(entries: list[Json], query: dict[str, str]) -> list[Json]:
    size = int(query["per_page"])
    assert size <= 100, "GitHub gives no more than 100 entries a page"
    first = (int(query["page"]) - 1) * size
    return entries[first : first + size]


@contextmanager
def serve(hub: GitHub) -> Iterator[None]:
    """Answer requests at `hub.url` for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers["Content-Length"] or 0)
            content = json.loads(self.rfile.read(size)) if size else None
            hub.requests.append((self.command, parts.path, content))
            hub.tokens.append(self.headers["Authorization"])
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if hub.redirect:
                self.send_response(302)
                self.send_header("Location", hub.redirect)
                self.end_headers()
                return
            found = hub.answer(self.command, parts.path, query, content)
            self.send_response(404 if found is None else hub.status)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
