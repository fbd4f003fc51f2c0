"""Whether data and models are those that dvc.lock and the manifest of MNIST say."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from digitbench.diagnosis.locks import at_work
from digitbench.diagnosis.symptoms import Probe, Symptom, fine, problem, some, warning
from digitbench.download.digits import AGAIN, load_manifest
from digitbench.files import RAW, read, read_bytes
from digitbench.wording import count, listing

LOCKS = ("dvc.lock", "studies/dvc.lock")
# What lies elsewhere is in Git, and `digitbench check` looks at it.
OURS = {"data", "models"}


def _raw(project: Path) -> Iterator[Symptom]:
    folder = project / RAW
    if not folder.exists():
        yield warning(f"{RAW} is not there yet", "Run `dvc repro`, which downloads it.")
        return
    problems = []
    for spec in load_manifest():
        path = folder / spec.name
        told = spec.problem(read_bytes(path, AGAIN)) if path.exists() else f"{spec.name} is missing"
        problems += [told] if told else []
    if problems:
        yield problem(f"{RAW}: {listing(problems)}", AGAIN)
    else:
        yield fine(f"{RAW} is MNIST, by SHA-256")


def _outputs(project: Path) -> Iterator[Symptom]:
    missing, other, same = [], [], 0
    for lock in (project / name for name in LOCKS):
        for name, md5 in _expected(lock).items():
            path = lock.parent / name
            shown = str(path.relative_to(project))
            if not path.exists():
                # Few have the trainings of studies; DVC doesn't keep them either.
                missing += [shown] if lock.parent == project else []
            elif _md5(path) != md5:
                other.append(shown)
            else:
                same += 1
    if other:
        what = f"not as dvc.lock has it: {some(other)}"
        if busy := at_work(project):
            yield warning(what, f"{listing(busy)} may be writing there; look again afterwards.")
        else:
            again = "Run `dvc repro`, which makes again what changed"
            yield problem(what, f"{again}, or `dvc checkout`, which takes it from DVC's cache.")
    if missing:
        again = "Run `dvc checkout` if DVC's cache has it, else `dvc repro`, which makes it."
        yield warning(f"not there: {some(missing)}", again)
    if same and not other:
        yield fine(f"{count(same, 'output')} of data and models as dvc.lock has them, by MD5")


def _expected(lock: Path) -> dict[str, str]:
    """MD5 by path, of what a lock names under data and models; raw files have their own probe."""
    if not lock.exists():
        return {}
    remedy = f"Take it from Git again: `git restore {lock.name}`."
    return read(lock, _locked, remedy)


def _locked(lock: Path) -> dict[str, str]:
    try:
        stages: Mapping[str, Any] = yaml.load(lock.read_bytes(), yaml.CSafeLoader)["stages"]
        outs = [out for stage in stages.values() for out in stage.get("outs", ())]
        return {out["path"]: out["md5"] for out in outs if _is_ours(Path(out["path"]))}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise ValueError("it is no dvc.lock") from None


def _is_ours(path: Path) -> bool:
    return bool(OURS.intersection(path.parts)) and path != RAW


def _md5(path: Path) -> str:
    """As DVC has it: of a folder, the MD5 of a list of its files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    files = (file for file in path.rglob("*") if file.is_file())
    names = {file.relative_to(path).as_posix(): file for file in files}
    listed = [{"md5": _md5(names[name]), "relpath": name} for name in sorted(names)]
    text = json.dumps(listed, sort_keys=True).encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest() + ".dir"


RAW_DATA = Probe("raw data", _raw)
OUTPUTS = Probe("outputs", _outputs)
