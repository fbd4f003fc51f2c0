#!/usr/bin/env python3
"""Post a review on its pull request, or update the comment that an earlier one left.

``.ci/comment.py REVIEW.md`` runs in a workflow that may write to pull requests, after one that ran
code which nobody has looked at yet. So it trusts only what GitHub itself says: the event in
``GITHUB_EVENT_PATH`` names commit and branch of the finished run, and the API tells which open pull
request has them. The text of the review is data: checked, bounded, and never run.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

# First line of every review; src/digitbench/review/document.py writes it.
MARKER = "<!-- digitbench-review -->"
# GitHub takes 65,536 characters.
LIMIT = 65_536
AUTHOR = "github-actions[bot]"
PAGE = 100
SECONDS = 30

Json = dict[str, Any]


class RefusedError(Exception):
    """Why nothing is posted, as a sentence."""


class Repository:
    """GitHub's API for one repository."""

    def __init__(self, api: str, name: str, token: str) -> None:
        self._address = f"{api}/repos/{name}"
        self._token = token

    def call(self, method: str, path: str, content: Json | None = None) -> Any:
        """The answer to a request; RefusedError where there is none."""
        request = urllib.request.Request(
            f"{self._address}/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            method=method,
        )
        # A redirect to another host must not take the token along.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RefusedError(f"GitHub answered {error.code} to {method} {path}.") from None
        except (OSError, ValueError) as error:
            raise RefusedError(f"GitHub did not answer {method} {path}: {error}.") from None

    def listed(self, path: str, **query: str) -> list[Json]:
        """All entries of a listing, page by page."""
        entries: list[Json] = []
        while True:
            number = 1 + len(entries) // PAGE
            asked = urllib.parse.urlencode({**query, "per_page": PAGE, "page": number})
            found = self.call("GET", f"{path}?{asked}")
            entries += found
            if len(found) < PAGE:
                return entries


def read_review(path: Path) -> str:
    """The text of a review, fit to be posted."""
    if path.is_symlink() or not path.is_file():
        raise RefusedError(f"{path} is not a file.")
    if path.stat().st_size > 4 * LIMIT:  # a character takes four bytes at most
        raise RefusedError(f"{path} is too long for a comment.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RefusedError(f"{path} is not text.") from None
    if text.split("\n", 1)[0] != MARKER:
        raise RefusedError(f"{path} is not a review: its first line must be {MARKER}")
    # Nobody is called by a mention in what a stranger's code has written.
    return re.sub(r"@(?=\w)", "@\u200b", text)


def comment_text(review: str, run: Json) -> str:
    """The review with the commit it is of, as long as GitHub allows at most."""
    origin = f"Commit {run['head_sha'][:10]}, [run {run['run_number']}]({run['html_url']})."
    text = f"{review.rstrip()}\n\n<sub>{origin}</sub>\n"
    if len(text) > LIMIT:
        raise RefusedError(
            f"The comment would have {len(text):,} characters; {LIMIT:,} are allowed."
        )
    return text


def find_pull_request(repository: Repository, run: Json, base: str) -> int | None:
    """The open pull request that still stands at the commit of the run."""
    origin = run["head_repository"]
    if origin is None:  # the fork was deleted meanwhile
        return None
    owner, branch = origin["owner"]["login"], run["head_branch"]
    pulls = repository.listed("pulls", state="open", base=base, head=f"{owner}:{branch}")
    for pull in pulls:
        head = pull["head"]
        ours = head["repo"] is not None and head["repo"]["id"] == origin["id"]
        if ours and head["sha"] == run["head_sha"]:
            return int(pull["number"])
    return None


def find_comment(repository: Repository, number: int) -> int | None:
    """The comment of an earlier review; a person's comment is never touched, whatever it says."""
    for comment in repository.listed(f"issues/{number}/comments"):
        author = (comment["user"] or {}).get("login")
        if author == AUTHOR and (comment["body"] or "").startswith(MARKER):
            return int(comment["id"])
    return None


def post(repository: Repository, event: Json, path: Path) -> str:
    """Create or update the comment; what was done, as a sentence."""
    run = event["workflow_run"]
    number = find_pull_request(repository, run, event["repository"]["default_branch"])
    if number is None:
        return f"No open pull request stands at {run['head_sha'][:10]} any more: nothing to post."
    content = {"body": comment_text(read_review(path), run)}
    comment = find_comment(repository, number)
    if comment is None:
        repository.call("POST", f"issues/{number}/comments", content)
        return f"Commented on pull request {number}."
    repository.call("PATCH", f"issues/comments/{comment}", content)
    return f"Updated the comment on pull request {number}."


def main(arguments: list[str]) -> int:
    """Run the script; the exit status."""
    if len(arguments) != 1:
        print("Usage: .ci/comment.py REVIEW.md", file=sys.stderr)
        return 2
    names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN", "GITHUB_EVENT_PATH")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        print(f"comment: {', '.join(missing)} must be set, as GitHub does.", file=sys.stderr)
        return 2
    api, name, token, event = (os.environ[name] for name in names)
    try:
        content = json.loads(Path(event).read_text(encoding="utf-8"))
        print(post(Repository(api, name, token), content, Path(arguments[0])))
    except RefusedError as error:
        print(f"comment: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
