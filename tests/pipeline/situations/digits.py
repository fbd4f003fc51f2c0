"""Where the digits come from: a folder that people filled, or a network that stands in the way."""

import dataclasses
import shutil
from pathlib import Path

from digitbench.download.sources import DROP_IN_VARIABLE

from ..conftest import Project
from ..situation import Change, Situation, environment

DOWNLOAD = ("dvc", "repro", "--force", "--single-item", "download")
# Nothing listens there.
DEAD = "http://me:secret@127.0.0.1:9"


def at_home(project: Project) -> Project:
    """The drop-in folder lies in the user's home, and its address says so."""
    home = {"HOME": str(project.root.parent), DROP_IN_VARIABLE: "~/drop-in"}
    return dataclasses.replace(project, environment=project.environment | home)


def kaggle(project: Project) -> Project:
    """As Kaggle's archive is unpacked: a dot in one name, a folder for each of the others."""
    digits = project.root / "archive"
    for file in Path(project.environment[DROP_IN_VARIABLE]).glob("*ubyte"):
        folder = digits / file.name if file.name.startswith("t10k") else digits
        folder.mkdir(parents=True, exist_ok=True)
        name = file.name if file.name.startswith("t10k") else file.name.replace("-idx", ".idx")
        shutil.copy(file, folder / name)
    return environment(**{DROP_IN_VARIABLE: "archive"})(project) or project


def torchvision(project: Project) -> Project:
    """As `datasets.MNIST("digits")` leaves it."""
    raw = project.root / "digits/MNIST/raw"
    shutil.copytree(project.environment[DROP_IN_VARIABLE], raw)
    return environment(**{DROP_IN_VARIABLE: "digits"})(project) or project


def without_folder(**variables: str) -> Change:
    """Nothing but the network."""
    # One try in place of six, between which pip waits.
    return environment(**{DROP_IN_VARIABLE: "", "PIP_RETRIES": "0", **variables})


def digits_are_there(project: Project) -> None:
    assert project.run("git", "status", "--porcelain", "dvc.lock").stdout == ""


SITUATIONS = [
    Situation(
        "a folder named relatively, and an experiment in a temporary copy",
        (("dvc", "exp", "run", "--temp", "-S", "download.timeout_seconds=6", "download"),),
        environment(**{DROP_IN_VARIABLE: "../drop-in"}),
        says=("verified, from drop-in folder",),
    ),
    Situation(
        "a folder named relatively, and a stage that runs in studies/",
        (("dvc", "repro", "studies/dvc.yaml:usps"),),
        environment(**{DROP_IN_VARIABLE: "../drop-in"}),
        says=("verified, from drop-in folder",),
    ),
    Situation(
        "a folder in the user's home",
        (DOWNLOAD,),
        at_home,
        says=("verified, from drop-in folder",),
        after=digits_are_there,
    ),
    Situation(
        "a folder that is not there",
        (DOWNLOAD,),
        environment(**{DROP_IN_VARIABLE: "../digits"}),
        status=255,
        says=(f"{DROP_IN_VARIABLE} names", "which is not there. Correct it, or unset it"),
        never=("trying the next source",),
    ),
    Situation(
        "digits from Kaggle", (DOWNLOAD,), kaggle, says=("verified",), after=digits_are_there
    ),
    Situation(
        "digits from torchvision",
        (DOWNLOAD,),
        torchvision,
        says=("verified",),
        after=digits_are_there,
    ),
    Situation(
        "a proxy that does not answer",
        (DOWNLOAD,),
        without_folder(HTTPS_PROXY=DEAD, HTTP_PROXY=DEAD),
        status=255,
        says=("the proxy does not answer; requests go through the proxy that HTTPS_PROXY",),
        never=("secret",),
    ),
    Situation(
        "certificates that are not there",
        (DOWNLOAD,),
        without_folder(REQUESTS_CA_BUNDLE="certificates/own.pem", HTTP_PROXY=DEAD),
        status=255,
        says=("REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that is not there",),
    ),
]
