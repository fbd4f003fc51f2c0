"""What determines the bytes of a replicate, as one hash.

Equal keys promise equal bytes: what is kept under a key is taken in place of a training.
"""

import ast
import hashlib
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from digitbench import training
from digitbench.training.recipe import Recipe
from digitbench.training.replicates import Job

# They cap or choose the kernels of torch's libraries; with what holds where they are not set.
VARIABLES = {
    "ATEN_CPU_CAPABILITY": "",
    "ONEDNN_MAX_CPU_ISA": "",
    "DNNL_MAX_CPU_ISA": "",
    "ONEDNN_DEFAULT_FPMATH_MODE": "",
    "DNNL_DEFAULT_FPMATH_MODE": "",
    "MKL_CBWR": "",
    "MKL_ENABLE_INSTRUCTIONS": "",
    "NVIDIA_TF32_OVERRIDE": "",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # the trainer sets it
}
# How many there are doesn't matter to a replicate, which has one thread.
COUNTS = ("num_logical_cores", "num_physical_cores", "num_sockets")


class Fact(NamedTuple):
    """One thing that decides bytes."""

    reason: str
    value: Callable[[Job, int], Any]


FACTS = {
    "architecture": Fact("whose code builds the network", lambda job, seed: job.architecture),
    "network": Fact("widths and dropout", lambda job, seed: job.params.model_dump(mode="json")),
    "recipe": Fact(
        "all that is shared, precision and device resolved; a replicate has one of the seeds",
        lambda job, seed: job.recipe.model_dump(mode="json", exclude={"seeds"}),
    ),
    "seed": Fact("initial weights, order of the data, dropout", lambda job, seed: seed),
    "data": Fact("images, labels, split, pixel statistics", lambda job, seed: job.data.sha256),
    "code": Fact("what learns, by what it does", lambda job, seed: code_hash(job.architecture)),
    "torch": Fact("brings the kernels of every layer", lambda job, seed: torch_build()),
    "processor": Fact(
        "kernels are chosen by instruction sets, blocks by caches; or below a ceiling",
        lambda job, seed: processor(job.recipe),
    ),
    "variables": Fact(
        "change that choice",
        lambda job, seed: {name: os.environ.get(name, unset) for name, unset in VARIABLES.items()},
    ),
    "threads": Fact("sums are split between them", lambda job, seed: 1),
}


def facts(job: Job, seed: int) -> dict[str, Any]:
    """By name, all that determines one replicate of a job."""
    return {name: fact.value(job, seed) for name, fact in FACTS.items()}


def key_of(facts: dict[str, Any]) -> str:
    """SHA-256 of the facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def replicate_key(job: Job, seed: int) -> str:
    """The key of one replicate of a job."""
    return key_of(facts(job, seed))


def torch_build() -> str:
    """Version, commit, and what it was built for."""
    version = torch.version
    return f"{torch.__version__} {version.git_version} cuda {version.cuda} hip {version.hip}"


def processor(recipe: Recipe) -> dict[str, Any]:
    """What torch knows of the processor, or of the GPU, that computes."""
    kernels = {"kernels": torch.backends.cpu.get_cpu_capability()}
    if recipe.arithmetic == "portable":
        return kernels
    if recipe.device == "cuda":
        gpu = torch.cuda.get_device_properties(0)
        return {"name": gpu.name, "capability": [gpu.major, gpu.minor]}
    known = {name: value for name, value in torch.cpu.get_capabilities().items() if value}
    able = {name: value for name, value in known.items() if name not in COUNTS}
    return able | kernels


def code_hash(architecture: str) -> str:
    """Hash of `training/` and of the network's file, with what that imports from beside it."""
    folder = pkgutil.iter_modules(training.__path__)
    learning = {f"{training.__name__}.{found.name}" for found in folder}
    digest = hashlib.sha256()
    for name in sorted(learning | _network_modules(f"digitbench.models.{architecture}")):
        module = importlib.import_module(name)
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        digest.update(f"{name}\n{meaning(source)}\n".encode())
    return digest.hexdigest()


def _network_modules(start: str) -> set[str]:
    waiting, found = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found and name.startswith("digitbench.models."):
            found.add(name)
            importlib.import_module(name)
            members = vars(sys.modules[name]).values()
            waiting += [str(getattr(member, "__module__", "")) for member in members]
            waiting += [str(getattr(member, "__name__", "")) for member in members]
    return {name for name in found if name in sys.modules}


def meaning(source: str) -> str:
    """What a module does: its syntax without comments, docstrings, layout and positions.

    Written out here and not by `ast.dump`, whose text differs between versions of Python.
    """
    return json.dumps(_plain(ast.parse(source)))


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, ast.AST):
        return node if isinstance(node, str | int | None) else repr(node)
    fields = dict(ast.iter_fields(node))
    if _has_docstring(node):
        fields["body"] = fields["body"][1:]
    known = {name: _plain(value) for name, value in fields.items() if value not in (None, [])}
    known.pop("kind", None)  # of the u in front of a text
    return [type(node).__name__, known]


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return ast.get_docstring(node, clean=False) is not None
