"""Witnesses: modules that a stage imports and that can't change a byte of what it makes.

They can only refuse, print or record. The key is a pattern of files, or `<stages>: <pattern>` where
a module is a witness to some stages alone; the value says why.
"""

from fnmatch import fnmatch

WITNESSES = {
    "src/__main__.py": "chooses the stage and turns errors into sentences",
    "src/digitbench/__init__.py": "names for notebooks; imports nothing by itself",
    "src/digitbench/*/__init__.py": "a docstring",
    "src/stages/__init__.py": "a docstring",
    "src/digitbench/errors.py": "a sentence and an exit status",
    "src/digitbench/lineage.py": "ends processes whose parent was killed",
    "src/digitbench/discretion.py": "cuts passwords out of what is printed",
    "src/digitbench/schema.py": "refuses parameters; their values are in dvc.lock themselves",
    "src/digitbench/params.py": "refuses parameters and finds sections by name",
    "src/digitbench/processed.py": "hands on arrays as they are; refuses what contradicts itself",
    "src/digitbench/environment.py": "reports the machine; sets what costs time, never a byte",
    "src/digitbench/tracking/*": "tells MLflow; a failure is a warning",
    "parameters: *": "the stage writes nothing; its parameters are in dvc.lock themselves",
    "evaluate: src/digitbench/wording.py": "words a refusal; numbers are written unrounded",
    "assess: src/digitbench/wording.py": "words a refusal; numbers are written unrounded",
    "train: src/digitbench/execution/*": "runs replicates; what they are is made in training/",
    "train: src/digitbench/results/*": "the shape of timings, which no training depends on",
}


def is_witness(module: str, stage: str) -> bool:
    """Whether a module can't change what a stage makes; both by name."""
    for key in WITNESSES:
        stages, _, pattern = key.rpartition(": ")
        # fnmatch's * takes slashes too: a package's __init__ is one folder deep or more.
        if fnmatch(module, pattern) and (not stages or stage.startswith(stages)):
            return True
    return False
