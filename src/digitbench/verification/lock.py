"""What `dvc.lock` says of a commit's files, asked of DVC itself."""

import re
from collections.abc import Collection, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import Stage

from digitbench.errors import DigitbenchError
from digitbench.review.revisions import flatten
from digitbench.verification.claims import STUDIES
from digitbench.verification.mismatch import Level, Mismatch
from digitbench.verification.rerun import Clone

# Characters of a parameter's value.
_SHOWN = 80


def in_scope(stage: str, studies: Collection[str]) -> bool:
    """Whether a stage belongs to the main pipeline, or to one of these studies."""
    prefix = f"{STUDIES}/dvc.yaml:"
    if not stage.startswith(prefix):
        return True
    name = re.sub(r"^\w+@", "", stage.removeprefix(prefix))
    return any(name == study or name.startswith(f"{study}-") for study in studies)


def contradictions(clone: Clone, studies: Collection[str]) -> list[Mismatch]:
    """Where the files of a commit are not those that its own lock names, each at its first stage.

    Raises:
        DigitbenchError: DVC can't read the graph.
    """
    with _graph(clone) as repo:
        made = {out.fs_path: out for out in repo.index.outs}
        found: dict[str, Mismatch] = {}
        for stage in _stages(repo):
            if in_scope(stage.addressing, studies):
                for mismatch in _of_stage(stage, made, clone):
                    item = mismatch.place.removeprefix(f"{stage.addressing}: ")
                    found.setdefault(item, mismatch)
        return [*found.values()]


def _of_stage(stage: Stage, made: dict[str, Output], clone: Clone) -> Iterator[Mismatch]:
    name = stage.addressing
    if stage.cmd_changed or not any(item.hash_info for item in (*stage.deps, *stage.outs)):
        yield Mismatch(Level.BYTES, f"{name}: its command", "another one, or none", str(stage.cmd))
        return
    for dep in stage.deps:
        if isinstance(dep, ParamsDependency):
            yield from _parameters(name, dep)
        elif dep.exists:
            if dep.changed_checksum():
                place = _changed_since(clone, Path(dep.fs_path))
                yield _other(f"{name}: {place}", dep, dep.get_hash())
        elif (maker := made.get(dep.fs_path)) and maker.hash_info != dep.hash_info:
            yield _other(f"{name}: {_local(clone, dep)}", dep, maker.hash_info)
    for out in stage.outs:
        if not out.exists:
            continue
        if out.changed_checksum():
            yield _other(f"{name}: {_local(clone, out)}", out, out.get_hash())


def _parameters(stage: str, dep: ParamsDependency) -> Iterator[Mismatch]:
    ran_with = dict(dep.hash_info.value or {})
    now = dep.read_params()
    for keys in dep.status().values():
        for key in keys:
            there, here = (flatten({key: side.get(key)}) for side in (ran_with, now))
            other = next(name for name in (*there, *here) if there.get(name) != here.get(name))
            place = f"{stage}: {Path(dep.fs_path).name}: {other}"
            values = (side.get(other, "nothing")[:_SHOWN] for side in (there, here))
            yield Mismatch(Level.BYTES, place, *values)


def _other(place: str, item: Output, found: Any) -> Mismatch:
    return Mismatch(Level.BYTES, place, str(item.hash_info.value), str(found.value))


def _local(clone: Clone, item: Output) -> str:
    return Path(item.fs_path).relative_to(clone.root).as_posix()


def _changed_since(clone: Clone, path: Path) -> str:
    """The first file of a dependency that a commit changed after the lock, else the dependency."""
    lock = clone.git("log", "-1", "--format=%H", "--", "dvc.lock").strip()
    name = path.relative_to(clone.root).as_posix()
    return next(iter(clone.git("diff", "--name-only", lock, "HEAD", "--", name).splitlines()), name)


def hashes(clone: Clone, stages: Collection[str]) -> dict[str, tuple[str, str]]:
    """By path, what the lock has for the outputs of stages, and what DVC makes of them now.

    Raises:
        DigitbenchError: DVC can't read the graph.
    """
    with _graph(clone) as repo:
        return {
            _local(clone, out): (
                str(out.hash_info.value if out.hash_info else None),
                str(out.get_hash().value) if out.exists else "missing",
            )
            for stage in _stages(repo)
            if stage.addressing in stages
            for out in stage.outs
        }


def cached(clone: Clone, folder: str, name: str) -> bytes | None:
    """A file of an output as the lock has it, from the cache; None where it isn't there."""
    with _graph(clone) as repo:
        (out,) = (out for out in repo.index.outs if out.fs_path == str(clone.root / folder))
        tree = out.get_obj() if out.use_cache else None
        entries = {"/".join(key): oid.value for key, _, oid in tree or ()}
        path = Path(out.cache.oid_to_path(entries[name])) if name in entries else None
        return path.read_bytes() if path and path.is_file() else None


def lend_cache(clone: Clone) -> None:
    """Let DVC in the clone look up what the origin has in its cache."""
    try:
        with chdir(clone.origin), Repo() as repo:
            place = repo.cache.local.path
    except DvcException:
        return
    local = clone.root / ".dvc" / "config.local"
    local.write_text(f"[cache]\n    dir = {place}\n", encoding="utf-8")


def _stages(repo: Repo) -> list[Stage]:
    """Those of the main pipeline first; a file has them in the order of the graph."""
    return sorted(repo.index.stages, key=lambda stage: stage.path_in_repo.count("/"))


@contextmanager
def _graph(clone: Clone) -> Iterator[Repo]:
    try:
        with chdir(clone.root), Repo() as repo, repo.lock:
            yield repo
    except DvcException as error:
        raise DigitbenchError(f"DVC cannot read what this commit claims: {error}") from None
