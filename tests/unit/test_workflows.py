"""GitHub's workflows: what they run exists here, and a stranger's code gets no rights from them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from digitbench.document.markdown import LIMIT, MARKER

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
REVIEW, COMMENT = "review.yml", "review-comment.yml"
# Those that GitHub starts on a stranger's pull request with a token that can write, or secrets.
PRIVILEGED = {"workflow_run", "pull_request_target", "issue_comment", "issues", "discussion"}


def load(name: str) -> dict[str, Any]:
    content: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    return {("on" if key is True else key): value for key, value in content.items()}


WORKFLOWS = {path.name: load(path.name) for path in sorted(FOLDER.iterdir())}
STEPS = [
    (name, step)
    for name, workflow in WORKFLOWS.items()
    for job in workflow["jobs"].values()
    for step in job["steps"]
]


def using(action: str, name: str) -> list[dict[str, Any]]:
    """The steps of a workflow that use an action."""
    steps = [step for workflow, step in STEPS if workflow == name]
    return [step for step in steps if step.get("uses", "").startswith(f"{action}@")]


def rights(name: str) -> list[dict[str, str]]:
    """The permissions of every job; a job's own replace those of the workflow."""
    workflow = WORKFLOWS[name]
    return [job.get("permissions", workflow["permissions"]) for job in workflow["jobs"].values()]


def test_every_command_is_a_script_or_a_target_that_exists() -> None:
    commands = [step["run"] for name, step in STEPS if "run" in step and name != COMMENT]
    # Nothing that a stranger named reaches a shell.
    assert [step for _, step in STEPS if "${{" in step.get("run", "")] == []
    assert len(commands) >= 3
    for command in commands:
        program, *arguments = command.split()
        if program == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in arguments)
        else:
            assert program.startswith(".ci/"), command
            assert os.access(ROOT / program, os.X_OK), command


def test_actions_are_pinned_and_leave_no_token_behind() -> None:
    for name, step in STEPS:
        if "uses" in step:
            assert re.fullmatch(r"[a-z]+/[a-z-]+@[0-9a-f]{40}", step["uses"]), name
    for name in WORKFLOWS:
        for step in using("actions/checkout", name):
            assert step["with"]["persist-credentials"] is False, name


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if name != COMMENT])
def test_what_runs_the_code_of_a_pull_request_may_only_read(name: str) -> None:
    assert set(WORKFLOWS[name]["on"]) <= {"push", "pull_request", "schedule"}
    assert all(granted == {"contents": "read"} for granted in rights(name))
    assert "secrets" not in (FOLDER / name).read_text(encoding="utf-8")


def test_the_review_sees_the_whole_history_and_hands_over_what_it_wrote() -> None:
    (checkout,) = using("actions/checkout", REVIEW)
    assert checkout["with"]["fetch-depth"] == 0
    (upload,) = using("actions/upload-artifact", REVIEW)
    assert upload["with"]["path"] == "review/"
    assert "folder=${2:-review}" in (ROOT / ".ci/review").read_text(encoding="utf-8")
    (download,) = using("actions/download-artifact", COMMENT)
    assert download["with"]["name"] == upload["with"]["name"]


def test_what_may_comment_runs_nothing_of_a_pull_request() -> None:
    workflow = WORKFLOWS[COMMENT]
    assert set(workflow["on"]) & PRIVILEGED == {"workflow_run"}
    assert workflow["on"]["workflow_run"]["workflows"] == [WORKFLOWS[REVIEW]["name"]]
    assert workflow["permissions"] == {}
    assert rights(COMMENT) == [{"actions": "read", "pull-requests": "write"}]
    (job,) = workflow["jobs"].values()
    assert "workflow_run.event == 'pull_request'" in job["if"]
    download, prepare, post = job["steps"]  # and nothing is checked out
    assert download["with"]["path"] == "${{ runner.temp }}/review"
    # Isolated: nothing that lies where it runs is imported.
    assert prepare["shell"] == "python -I {0}"
    assert post["if"] == "steps.review.outputs.number"
    assert post["with"] == {
        "header": "digitbench-review",
        "number_force": "${{ steps.review.outputs.number }}",
        "path": "${{ runner.temp }}/comment.md",
    }


# --- the step between: the right pull request or none, and a text fit to be posted -------------

SHA = "0123456789abcdef0123456789abcdef01234567"
TEXT = f"{MARKER}\n\n## Review of results\n\nMLP: no evidence of a change.\n"
EVENT: dict[str, Any] = {
    "repository": {"default_branch": "main"},
    "workflow_run": {
        "head_sha": SHA,
        "head_branch": "wider/mlp & more",
        "head_repository": {"id": 77, "owner": {"login": "a-fork"}},
        "run_number": 12,
        "html_url": "https://github.example/runs/1",
    },
}
OURS = {"number": 5, "head": {"sha": SHA, "repo": {"id": 77}}}
OTHERS = [
    {"number": 1, "head": {"sha": "f" * 40, "repo": {"id": 77}}},
    {"number": 2, "head": {"sha": SHA, "repo": {"id": 78}}},
    {"number": 3, "head": {"sha": SHA, "repo": None}},
]


class Step:
    """The step, run as on GitHub's machine beside a stand-in for `gh` that knows pull requests."""

    def __init__(self, folder: Path, pulls: list[dict[str, Any]]) -> None:
        self.folder = folder
        (folder / "review").mkdir()
        (folder / "pulls.json").write_text(json.dumps(pulls))
        gh = folder / "gh"
        gh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/asked\ncat {folder}/pulls.json\n')
        gh.chmod(0o755)
        self.review.write_text(TEXT, encoding="utf-8")

    @property
    def review(self) -> Path:
        return self.folder / "review" / "review.md"

    def run(self, event: dict[str, Any] = EVENT) -> tuple[int, str, str | None]:
        """Exit status, output of the step, and the comment."""
        (script,) = (step["run"] for name, step in STEPS if name == COMMENT and "run" in step)
        for name, content in (("script", script), ("event", json.dumps(event)), ("output", "")):
            (self.folder / name).write_text(content, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", str(self.folder / "script")],
            env={
                "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
                "GITHUB_EVENT_PATH": str(self.folder / "event"),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_REPOSITORY": "digits/bench",
                "RUNNER_TEMP": str(self.folder),
            },
            capture_output=True,
            check=False,
            timeout=60,
        )
        comment = self.folder / "comment.md"
        text = comment.read_text(encoding="utf-8") if comment.exists() else None
        return done.returncode, (self.folder / "output").read_text(encoding="utf-8"), text


def test_the_review_goes_to_the_pull_request_of_the_fork_at_the_commit(tmp_path: Path) -> None:
    step = Step(tmp_path, [*OTHERS, OURS])
    status, output, comment = step.run()
    assert (status, output) == (0, "number=5\n")
    link = "[run 12](https://github.example/runs/1)"
    assert comment == f"{TEXT}\n<sub>Commit {SHA[:10]}, {link}.</sub>\n"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:4] == ["api", "-X", "GET", "repos/digits/bench/pulls"]
    assert set(asked[4:]) == {"-f", "state=open", "base=main", "head=a-fork:wider/mlp & more"}


@pytest.mark.parametrize("fork", [EVENT["workflow_run"]["head_repository"], None])
def test_no_other_pull_request_gets_it_nor_a_fork_that_is_gone(fork: Any, tmp_path: Path) -> None:
    event = EVENT | {"workflow_run": EVENT["workflow_run"] | {"head_repository": fork}}
    assert Step(tmp_path, OTHERS).run(event) == (0, "", None)


@pytest.mark.parametrize(
    "content",
    [
        b"## no marker\n",
        f" {MARKER}\n".encode(),
        b"",
        MARKER.encode() + b"\n\xff\xfe\n",
        f"{MARKER}\n{'x' * 65_400}".encode(),
        f"{MARKER}\n{'x' * 1_000_000}".encode(),
    ],
)
def test_what_is_no_review_or_too_long_is_refused(content: bytes, tmp_path: Path) -> None:
    step = Step(tmp_path, [OURS])
    step.review.write_bytes(content)
    assert step.run() == (1, "", None)


def test_the_longest_review_fits(tmp_path: Path) -> None:
    step = Step(tmp_path, [OURS])
    step.review.write_text(f"{MARKER}\n{'x' * (LIMIT - len(MARKER) - 1)}")
    assert LIMIT < len(step.run()[2] or "") < 65_536 - 100, "the action adds a line of its own"


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    step = Step(tmp_path, [OURS])
    step.review.rename(tmp_path / "secret")
    step.review.symlink_to(tmp_path / "secret")
    assert step.run() == (1, "", None)


def test_nobody_is_called_by_a_mention(tmp_path: Path) -> None:
    step = Step(tmp_path, [OURS])
    step.review.write_text(f"{TEXT}\n`@somebody` and @a-team/all, at 3 @ 4\n", encoding="utf-8")
    assert "`@\u200bsomebody` and @\u200ba-team/all, at 3 @ 4\n" in (step.run()[2] or "")
