"""GitHub's workflows: what they run exists here, and a stranger's code gets no rights from them."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    return [step for step in steps if step.get("uses", "").startswith(f"actions/{action}@")]


def rights(name: str) -> list[dict[str, str]]:
    """The permissions of every job; a job's own replace those of the workflow."""
    workflow = WORKFLOWS[name]
    return [job.get("permissions", workflow["permissions"]) for job in workflow["jobs"].values()]


def test_every_command_is_a_script_or_a_target_that_exists() -> None:
    commands = [step["run"] for _, step in STEPS if "run" in step]
    assert len(commands) >= 4
    for command in commands:
        program, *arguments = command.split()
        if program == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in arguments)
        else:
            assert program.startswith(".ci/"), command
            assert os.access(ROOT / program, os.X_OK), command


def test_nothing_that_a_stranger_named_reaches_a_shell() -> None:
    assert [step for _, step in STEPS if "${{" in step.get("run", "")] == []


def test_actions_are_pinned_and_leave_no_token_behind() -> None:
    for name, step in STEPS:
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@([0-9a-f]{40}|v\d+)", step["uses"]), name
    for name in WORKFLOWS:
        for step in using("checkout", name):
            assert step["with"]["persist-credentials"] is False, name


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if name != COMMENT])
def test_what_runs_the_code_of_a_pull_request_may_only_read(name: str) -> None:
    assert set(WORKFLOWS[name]["on"]) <= {"push", "pull_request"}
    assert all(granted == {"contents": "read"} for granted in rights(name))
    assert "secrets" not in (FOLDER / name).read_text(encoding="utf-8")


def test_the_review_sees_the_whole_history_and_hands_over_what_it_wrote() -> None:
    (checkout,) = using("checkout", REVIEW)
    assert checkout["with"]["fetch-depth"] == 0
    (upload,) = using("upload-artifact", REVIEW)
    assert upload["with"]["path"] == "review/"
    assert "folder=${2:-review}" in (ROOT / ".ci/review").read_text(encoding="utf-8")
    (download,) = using("download-artifact", COMMENT)
    assert download["with"]["name"] == upload["with"]["name"]


def test_what_may_comment_runs_code_of_the_main_branch_only() -> None:
    workflow = WORKFLOWS[COMMENT]
    assert set(workflow["on"]) & PRIVILEGED == {"workflow_run"}
    assert workflow["on"]["workflow_run"]["workflows"] == [WORKFLOWS[REVIEW]["name"]]
    assert workflow["permissions"] == {}
    assert rights(COMMENT) == [{"actions": "read", "contents": "read", "pull-requests": "write"}]
    (job,) = workflow["jobs"].values()
    assert "workflow_run.event == 'pull_request'" in job["if"]
    (checkout,) = using("checkout", COMMENT)
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert "repository" not in checkout["with"]
    # The artifact lies beside the checkout, and is only read.
    (download,) = using("download-artifact", COMMENT)
    assert download["with"]["path"].startswith("${{ runner.temp }}/")
    (command,) = [step["run"] for name, step in STEPS if name == COMMENT and "run" in step]
    assert command == '.ci/comment.py "$RUNNER_TEMP/review/review.md"'
