"""The comment on a pull request, posted by the real script to a stand-in for GitHub."""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digitbench.document.markdown import LIMIT, MARKER
from github_server import BOT, NAME, TOKEN, GitHub, serve

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "comment.py"
SHA = "0123456789abcdef0123456789abcdef01234567"
REVIEW = f"{MARKER}\n\n## Review of results\n\nMLP: no evidence of a change.\n"
FORK = {"id": 77, "owner": {"login": "a-fork"}}
EVENT: dict[str, Any] = {
    "repository": {"default_branch": "main"},
    "workflow_run": {
        "head_sha": SHA,
        "head_branch": "wider/mlp & more",
        "head_repository": FORK,
        "run_number": 12,
        "html_url": "https://github.example/runs/1",
    },
}
PULL: dict[str, Any] = {
    "number": 5,
    "state": "open",
    "base": {"ref": "main"},
    "head": {
        "ref": "wider/mlp & more",
        "sha": SHA,
        "user": {"login": "a-fork"},
        "repo": {"id": 77},
    },
}


@pytest.fixture
def hub() -> Iterator[GitHub]:
    """The pull request number 5 of a fork is open."""
    made = GitHub()
    made.pulls.append(copy.deepcopy(PULL))
    with serve(made):
        yield made


def comment(
    hub: GitHub, folder: Path, review: str | bytes = REVIEW, event: dict[str, Any] = EVENT
) -> subprocess.CompletedProcess[str]:
    file = folder / "review.md"
    if not file.is_symlink():
        file.write_bytes(review.encode() if isinstance(review, str) else review)
    (folder / "event.json").write_text(json.dumps(event))
    variables = {
        "GITHUB_API_URL": hub.url,
        "GITHUB_REPOSITORY": NAME,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
    }
    # Isolated: on the runner there is nothing but the standard library.
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence with which the script refused."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert TOKEN not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


# --- one comment, kept up to date ------------------------------------------------------------


def test_the_first_review_is_posted_and_later_ones_replace_it(hub: GitHub, tmp_path: Path) -> None:
    first = comment(hub, tmp_path)
    assert first.stdout == "Commented on pull request 5.\n", first.stderr
    (posted,) = hub.comments
    assert posted["body"].startswith(REVIEW.rstrip())
    assert f"Commit {SHA[:10]}, [run 12](https://github.example/runs/1)." in posted["body"]

    second = comment(hub, tmp_path, REVIEW.replace("no evidence", "better"))
    assert second.stdout == "Updated the comment on pull request 5.\n", second.stderr
    assert [entry["id"] for entry in hub.comments] == [posted["id"]]
    assert "MLP: better of a change." in hub.comments[0]["body"]
    assert [(method, path) for method, path, _ in hub.written] == [
        ("POST", f"/repos/{NAME}/issues/5/comments"),
        ("PATCH", f"/repos/{NAME}/issues/comments/{posted['id']}"),
    ]
    assert set(hub.tokens) == {f"Bearer {TOKEN}"}


def test_comments_of_people_are_never_touched(hub: GitHub, tmp_path: Path) -> None:
    hub.comment(f"{MARKER}\nsomebody quotes the review", author="a-person")
    hub.comment(f"see {MARKER}", author=BOT)
    hub.comment(f"{MARKER}\nof a deleted account", author=None)
    before = copy.deepcopy(hub.comments)
    assert comment(hub, tmp_path).stdout == "Commented on pull request 5.\n"
    assert hub.comments[:3] == before
    assert len(hub.comments) == 4


def test_its_own_comment_is_found_after_a_long_discussion(hub: GitHub, tmp_path: Path) -> None:
    for _ in range(200):
        hub.comment("a word", author="a-person")
    mine = hub.comment(f"{MARKER}\nold")
    comment(hub, tmp_path)
    (changed,) = (entry for entry in hub.comments if entry["id"] == mine)
    assert "Review of results" in changed["body"]
    assert len(hub.comments) == 201


# --- the right pull request, or none ---------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("state",), "closed"),
        (("base", "ref"), "another-branch"),
        (("head", "sha"), "f" * 40),
        (("head", "repo", "id"), 78),
        (("head", "user", "login"), "another-fork"),
        (("head", "ref"), "another-branch"),
        (("head", "repo"), None),
    ],
)
def test_no_other_pull_request_is_commented(
    hub: GitHub, tmp_path: Path, where: tuple[str, ...], value: object
) -> None:
    part = hub.pulls[0]
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    done = comment(hub, tmp_path)
    assert done.returncode == 0
    assert f"No open pull request stands at {SHA[:10]}" in done.stdout
    assert hub.written == []


def test_of_several_pull_requests_the_one_at_the_commit_is_commented(
    hub: GitHub, tmp_path: Path
) -> None:
    stranger = copy.deepcopy(PULL) | {"number": 4}
    stranger["head"]["sha"] = "f" * 40
    hub.pulls.insert(0, stranger)
    assert comment(hub, tmp_path).stdout == "Commented on pull request 5.\n"


def test_a_fork_that_is_gone_gets_no_comment(hub: GitHub, tmp_path: Path) -> None:
    event = copy.deepcopy(EVENT)
    event["workflow_run"]["head_repository"] = None
    assert comment(hub, tmp_path, event=event).returncode == 0
    assert hub.written == []


# --- the text is a stranger's ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        ("## no marker\n", "is not a review"),
        (f" {MARKER}\n", "is not a review"),
        ("", "is not a review"),
        (MARKER.encode() + b"\n\xff\xfe\n", "is not text"),
        (f"{MARKER}\n{'x' * 65_500}", "characters; 65,536 are allowed"),
        (f"{MARKER}\n{'x' * 1_000_000}", "is too long"),
    ],
)
def test_what_is_no_review_or_too_long_is_refused(
    hub: GitHub, tmp_path: Path, review: str | bytes, reason: str
) -> None:
    assert reason in refused(comment(hub, tmp_path, review))
    assert hub.written == []


def test_the_longest_review_fits(hub: GitHub, tmp_path: Path) -> None:
    longest = f"{MARKER}\n{'x' * (LIMIT - len(MARKER) - 1)}"
    assert comment(hub, tmp_path, longest).returncode == 0
    assert LIMIT < len(hub.comments[0]["body"]) <= 65_536


def test_a_link_to_another_file_is_not_followed(hub: GitHub, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(REVIEW)
    (tmp_path / "review.md").symlink_to(tmp_path / "secret")
    assert "is not a file" in refused(comment(hub, tmp_path))
    assert hub.written == []


def test_nobody_is_called_by_a_mention(hub: GitHub, tmp_path: Path) -> None:
    comment(hub, tmp_path, f"{REVIEW}\n`@somebody` and @a-team/all, at 3 @ 4\n")
    body = hub.comments[0]["body"]
    assert "@\u200bsomebody" in body
    assert "@\u200ba-team" in body
    assert "3 @ 4" in body
    assert "@s" not in body


# --- when GitHub is not well -----------------------------------------------------------------


def test_an_error_of_the_server_is_a_sentence(hub: GitHub, tmp_path: Path) -> None:
    hub.status = 503
    assert "GitHub answered 503 to GET pulls?" in refused(comment(hub, tmp_path))


def test_no_server_is_a_sentence(hub: GitHub, tmp_path: Path) -> None:
    gone = GitHub()
    with serve(gone):
        pass
    assert "GitHub did not answer GET pulls?" in refused(comment(gone, tmp_path))


def test_a_redirect_does_not_take_the_token_along(hub: GitHub, tmp_path: Path) -> None:
    other = GitHub()
    with serve(other):
        hub.redirect = f"{other.url}/elsewhere"
        assert "404" in refused(comment(hub, tmp_path))
    assert hub.tokens == [f"Bearer {TOKEN}"]
    assert other.tokens == [None]


def test_outside_of_a_workflow_it_says_what_is_missing(tmp_path: Path) -> None:
    for arguments, sentence in ([], "Usage"), (["review.md"], "GITHUB_API_URL, GITHUB_REPO"):
        done = subprocess.run(
            [sys.executable, "-I", str(SCRIPT), *arguments],
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert sentence in done.stderr
