"""Makes every examination of this folder, each on its own, and tells what they found.

A probe works on what may be broken in any way. So one that fails, or that gets no answer, is a
finding like others, and the rest go on.
"""

import pkgutil
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from digitbench import diagnosis
from digitbench.diagnosis.symptoms import Probe, Severity, Symptom, problem
from digitbench.discretion import without_secrets
from digitbench.errors import DigitbenchError, plainly
from digitbench.wording import count

# Seconds: a disk of the network that is gone lets whoever asks wait for ever.
PATIENCE = 30.0
LONGEST = 1_000  # characters of a sentence; names of files and commands have no bound
WORST_FIRST = (Severity.PROBLEM, Severity.WARNING, Severity.MENDED, Severity.FINE)
REPORT = "Run it again; if that stays, report it with this line."


@dataclass(frozen=True)
class Diagnosis:
    """What was found, by the name of the probe."""

    project: Path
    found: Mapping[str, Sequence[Symptom]]

    @property
    def healthy(self) -> bool:
        """Whether nothing needs doing."""
        return not self._number(Severity.PROBLEM)

    def lines(self) -> list[str]:
        """For people."""
        symptoms = [(name, symptom) for name, each in self.found.items() for symptom in each]
        ranked = sorted(symptoms, key=lambda pair: WORST_FIRST.index(pair[1].severity))
        told = [line for name, symptom in ranked for line in _lines(name, symptom)]
        problems, warnings = (self._number(s) for s in (Severity.PROBLEM, Severity.WARNING))
        mendable = sum(s.mending is not None for found in self.found.values() for s in found)
        end = f"{count(problems, 'problem')}, {count(warnings, 'warning')}."
        if mendable:
            end += f" `digitbench doctor --fix` mends {mendable} of them."
        return [*told, "", end]

    def content(self) -> dict[str, Any]:
        """For programs; docs/doctor.md explains the keys."""
        return {
            "schema": 1,
            "project": _clean(str(self.project)),
            "healthy": self.healthy,
            "probes": {
                name: [
                    {
                        "severity": symptom.severity.value,
                        "what": _clean(symptom.what),
                        "remedy": _clean(symptom.remedy),
                        "fix": _clean(symptom.mending.does) if symptom.mending else None,
                    }
                    for symptom in symptoms
                ]
                for name, symptoms in self.found.items()
            },
        }

    def _number(self, severity: Severity) -> int:
        return sum(s.severity is severity for found in self.found.values() for s in found)


def nearest_project(start: Path) -> Path:
    """The nearest folder that looks like the project, from a folder upwards, else the folder.

    Other commands want it whole; here it may lack anything.
    """
    start = start.resolve()
    signs = ("params.yaml", "dvc.yaml", ".dvc", "src/digitbench")
    for folder in (start, *start.parents):
        if sum((folder / sign).exists() for sign in signs) > 1:
            return folder
    return start


def probes() -> list[Probe]:
    """All probes of this folder, found by name; one whose module can't be loaded tells why."""
    found: list[Probe] = []
    for module in pkgutil.iter_modules(diagnosis.__path__):
        try:
            loaded = import_module(f"{diagnosis.__name__}.{module.name}")
        except Exception as error:  # a package that is broken or not there
            found.append(Probe(module.name, _always(_failure(error))))
        else:
            found += [value for value in vars(loaded).values() if isinstance(value, Probe)]
    return found


def examine(
    project: Path, made: Sequence[Probe], *, fix: bool = False, patience: float = PATIENCE
) -> Diagnosis:
    """Make examinations, each on its own.

    Args:
        project: The current folder too, as for a stage.
        made: Which.
        fix: Whether to mend what can be mended without harm.
        patience: Seconds that each is waited for.
    """
    found = {probe.name: _ask(probe, project, patience) for probe in made}
    if fix:
        tried = {name for name, each in found.items() if any(s.mending for s in each)}
        found = {name: [_mend(symptom) for symptom in each] for name, each in found.items()}
        # A half-written file is no output either: what else was wrong may have been that alone.
        others = [p for p in made if tried and not _is_fine(found[p.name])]
        found |= {p.name: _ask(p, project, patience) for p in others if p.name not in tried}
    return Diagnosis(project, found)


def _is_fine(found: Iterable[Symptom]) -> bool:
    return all(symptom.severity is Severity.FINE for symptom in found)


def _ask(probe: Probe, project: Path, patience: float) -> list[Symptom]:
    found: list[Symptom] = []
    end: list[Symptom] = []

    def look() -> None:
        try:
            for symptom in probe.look(project):
                found.append(symptom)
        except Exception as error:
            end.append(_failure(error))

    # Nobody can end a thread that waits for a disk; as a daemon it ends with the program.
    thread = Thread(target=look, daemon=True)
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        end.append(
            problem(
                f"no answer within {patience:g} s",
                "Look whether a disk or a server that the project uses still answers.",
            )
        )
    return [*found, *end]


def _failure(error: Exception) -> Symptom:
    if told := plainly(error):
        return problem(told)
    reason = str(error).partition("\n")[0]
    return problem(f"it could not be examined ({type(error).__name__}: {reason})", REPORT)


def _always(symptom: Symptom) -> Callable[[Path], Iterable[Symptom]]:
    return lambda project: [symptom]


def _mend(symptom: Symptom) -> Symptom:
    if symptom.mending is None:
        return symptom
    try:
        symptom.mending.act()
    except (OSError, DigitbenchError) as error:
        reason = getattr(error, "strerror", None) or error
        return replace(symptom, what=f"{symptom.what} (--fix: {reason})", mending=None)
    return Symptom(Severity.MENDED, symptom.what, f"Done: {symptom.mending.does}")


def _lines(name: str, symptom: Symptom) -> list[str]:
    first = f"{symptom.severity:<8} {name}: {_clean(symptom.what)}"
    return [first, *([f"         {_clean(symptom.remedy)}"] if symptom.remedy else [])]


def _clean(text: str) -> str:
    """Without secrets, escape sequences and what is too long to read: others named these things."""
    legible = "".join(letter if letter.isprintable() else " " for letter in without_secrets(text))
    return textwrap.shorten(legible, LONGEST, placeholder=" …")
