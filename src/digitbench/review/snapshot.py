"""All that is compared of one revision, read out of its files."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from digitbench import layout
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES
from digitbench.review.records import SCHEMA, Grid, Lock, Metrics, Stage, Summary, Timing
from digitbench.review.revisions import Revision

Json = dict[str, Any]
Checked = TypeVar("Checked")
Images = Annotated[int, Field(ge=1)]
ROBUSTNESS, DOMAINS = "metrics/robustness.json", "metrics/domains.json"
# libyaml, where PyYAML was built with it, is ten times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Conditions:
    """Accuracy under one kind of condition each: by condition and architecture.

    Attributes:
        images: Images behind every accuracy.
        accuracy: By condition, then by architecture.
    """

    images: int
    accuracy: Mapping[str, Mapping[str, Summary]]


@dataclass(frozen=True)
class Snapshot:
    """All that the review compares, of one revision; None where the file did not exist."""

    label: str
    metrics: Mapping[str, Metrics]
    timing: Mapping[str, Timing]
    robustness: Conditions | None
    domains: Mapping[str, Conditions] | None
    params: Mapping[Any, Any] | None
    stages: Mapping[str, Stage] | None
    packages: Mapping[str, str] | None


def read_snapshot(revision: Revision) -> Snapshot:
    """Everything out of the files of a revision.

    Raises:
        DigitbenchError: There are no metrics, or a file is damaged or of another schema; the
            text names file and revision.
    """
    source = _Source(revision)
    metrics = source.metrics()
    if not metrics:
        raise DigitbenchError(
            f"No metrics of an architecture in {revision.label} ({layout.METRICS}/<name>.json). "
            "Compare with a revision that has results, or run `dvc repro` and commit them."
        )
    return Snapshot(
        label=revision.label,
        metrics=metrics,
        timing=source.timing(metrics),
        robustness=source.robustness(),
        domains=source.domains(),
        params=source.yaml("params.yaml"),
        stages=source.stages(),
        packages=source.packages(),
    )


class _Source:
    """The files of a revision, with errors that name both."""

    def __init__(self, revision: Revision) -> None:
        self._revision = revision

    def metrics(self) -> dict[str, Metrics]:
        """The architectures: known ones in their usual order, then others by name."""
        found = {}
        for path in self._revision.files:
            place = PurePosixPath(path)
            if place.parent != PurePosixPath(layout.METRICS):
                continue
            content = self._json(path)
            if "architecture" in content or place.stem in ARCHITECTURES:
                self._check_schema(path, content)
                found[place.stem] = self.checked(path, Metrics.model_validate, content)
        known = {name: index for index, name in enumerate(ARCHITECTURES)}
        order = sorted(found, key=lambda name: (known.get(name, len(known)), name))
        return {name: found[name] for name in order}

    def timing(self, names: Mapping[str, Metrics]) -> dict[str, Timing]:
        paths = {name: (layout.TIMING / f"{name}.json").as_posix() for name in names}
        return {
            name: self.checked(path, Timing.model_validate, self._json(path))
            for name, path in paths.items()
            if path in self._revision.files
        }

    def robustness(self) -> Conditions | None:
        if ROBUSTNESS not in self._revision.files:
            return None
        content = self._json(ROBUSTNESS)
        by_architecture = {
            name: part for name, part in content.items() if name not in ("schema", "units")
        }
        images = by_architecture.pop("images", None)
        grid = self.checked(ROBUSTNESS, TypeAdapter(Grid).validate_python, by_architecture)
        count = self.checked(ROBUSTNESS, TypeAdapter(Images).validate_python, images)
        turned: dict[str, dict[str, Summary]] = {}
        for architecture, kinds in grid.items():
            for kind, summary in kinds.items():
                turned.setdefault(kind, {})[architecture] = summary
        return Conditions(count, turned)

    def domains(self) -> dict[str, Conditions] | None:
        if DOMAINS not in self._revision.files:
            return None
        content = self.checked(
            DOMAINS, TypeAdapter(dict[str, Json]).validate_python, self._json(DOMAINS)
        )
        found = {}
        for domain, record in content.items():
            grid = {key: part for key, part in record.items() if key != "images"}
            found[domain] = Conditions(
                self.checked(DOMAINS, TypeAdapter(Images).validate_python, record.get("images")),
                self.checked(DOMAINS, TypeAdapter(Grid).validate_python, grid),
            )
        return found

    def stages(self) -> dict[str, Stage] | None:
        content = self.yaml("dvc.lock")
        if content is None:
            return None
        return self.checked("dvc.lock", Lock.model_validate, content).stages

    def packages(self) -> dict[str, str] | None:
        """Locked versions by package; where markers choose among versions, all of them."""
        text = self._text("requirements.lock")
        if text is None:
            return None
        versions: dict[str, list[str]] = {}
        for name, version in re.findall(r"^([\w.\[\]-]+)==([^\s;\\]+)", text, flags=re.MULTILINE):
            versions.setdefault(name, []).append(version)
        return {name: " or ".join(sorted(set(found))) for name, found in sorted(versions.items())}

    def yaml(self, path: str) -> dict[Any, Any] | None:
        text = self._text(path)
        if text is None:
            return None
        try:
            content = yaml.load(text, Loader=_LOADER)
        except (yaml.YAMLError, ValueError) as error:
            raise self._damaged(path, f"not YAML: {str(error).splitlines()[0]}") from None
        if not isinstance(content, dict):
            raise self._damaged(path, "no keys with values")
        return content

    def checked(self, path: str, read: Callable[[Any], Checked], content: object) -> Checked:
        try:
            return read(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise self._damaged(path, f"{place}: {first['msg']}".removeprefix(": ")) from None

    def _check_schema(self, path: str, content: Json) -> None:
        schema = content.get("schema")
        if schema != SCHEMA:
            found = "no schema" if schema is None else f"schema {schema}"
            raise DigitbenchError(
                f"{path} in {self._revision.label} has {found}; this version of digitbench reads "
                f"schema {SCHEMA}. Review it with the version of digitbench that wrote it."
            )

    def _json(self, path: str) -> Json:
        try:
            content = json.loads(self._text(path) or "")
        except ValueError as error:
            raise self._damaged(path, f"not JSON: {error}") from None
        if not isinstance(content, dict):
            raise self._damaged(path, "no keys with values")
        return content

    def _text(self, path: str) -> str | None:
        content = self._revision.files.get(path)
        if content is None:
            return None
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise self._damaged(path, "not text in UTF-8") from None

    def _damaged(self, path: str, problem: str) -> DigitbenchError:
        return DigitbenchError(
            f"{path} in {self._revision.label} is damaged ({problem}). `dvc repro --force` makes "
            "it anew; a conflict left by a merge is a common cause."
        )
