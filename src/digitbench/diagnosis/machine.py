"""What the machine offers against what a run takes: GPU, processes, memory, disk, variables."""

import os
import resource
import shutil
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import joblib
import psutil

from digitbench.diagnosis.symptoms import Probe, Symptom, fine, problem, warning
from digitbench.download.folder import drop_in_folder
from digitbench.errors import DigitbenchError
from digitbench.params import load_params
from digitbench.wording import count, listing

# Bytes, measured: benchmarks/results.md has the memory of one process that trains a replicate,
# shared pages apart; a first `dvc repro` writes 0.5 GB and another 0.1 GB for the store.
PER_REPLICATE, SHARED = 530_000_000, 400_000_000
RUN, STORE, SCRATCH = 1_000_000_000, 200_000_000, 200_000_000
# With 64 trainings failed; systems give 256 at least.
OPEN_FILES = 256
CGROUP = Path("/sys/fs/cgroup")


def _gpu(project: Path) -> Iterator[Symptom]:
    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi")
    # Loads torch, two seconds.
    import torch

    from digitbench.training.recipe import resolve_device

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    if usable:
        name, built = torch.cuda.get_device_name(0), torch.version.cuda
        try:
            torch.ones(2, device="cuda").sum().item()
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            what = f"{name} is there, but torch can't compute on it ({reason})"
            yield problem(what, "Set `device: cpu` in params.yaml, or mend the driver.")
        else:
            yield fine(f"{name}, torch for CUDA {built}")
    elif driver:
        build = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        reason = f": {said[0].message}" if said else ""
        what = f"there is a driver of NVIDIA, but torch {torch.__version__}, {build}, finds no GPU"
        remedy = "Install the locked torch (`make install`) and a driver for it; else it trains on"
        yield warning(f"{what}{reason}", f"{remedy} the processor.")
    else:
        yield fine("none; networks are trained on the processor")
    with suppress(DigitbenchError):
        device = load_params(project / "params.yaml", networks=()).device
        if device == "cuda":
            try:
                resolve_device(device)
            except DigitbenchError as error:
                yield problem(str(error))


def _jobs(project: Path) -> Iterator[Symptom]:
    jobs, cores = _at_once(project), int(joblib.cpu_count())
    told = f"{count(jobs, 'replicate')} at once on {count(cores, 'core')}"
    if jobs > cores:
        yield warning(f"{told}: they wait for each other", "Unset DIGITBENCH_JOBS, or lower it.")
    else:
        yield fine(told)


def _at_once(project: Path) -> int:
    """As many as a training of this project would run, on the processor."""
    from digitbench.execution.workers import parallel_jobs

    params = load_params(project / "params.yaml", networks=())
    return parallel_jobs(len(params.seeds), "cpu")


def _arithmetic(project: Path) -> Iterator[Symptom]:
    from digitbench.execution.key import VARIABLES

    if changed := sorted(set(VARIABLES) & set(os.environ)):
        what = f"{listing(changed)} choose how is computed, so that networks get other last bits"
        yield warning(what, "Unset them to repeat the committed numbers to the byte.")
    else:
        yield fine("no variable changes how is computed")


def _open_files(project: Path) -> Iterator[Symptom]:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < OPEN_FILES:
        what = f"a process may have {limit} files open, and a training takes more"
        yield problem(what, f"Raise it: `ulimit -n {4 * OPEN_FILES}`.")
    else:
        yield fine(f"a process may have {limit:,} open")


def _drop_in(project: Path) -> Iterator[Symptom]:
    folder = drop_in_folder()
    yield fine(f"{folder} is looked into first" if folder else "none; MNIST is downloaded")


def _memory(project: Path) -> Iterator[Symptom]:
    free, jobs = _free_memory(), _at_once(project)
    need = SHARED + jobs * PER_REPLICATE
    told = (
        f"{free / 1e9:.1f} GB free, and {count(jobs, 'replicate')} at once "
        f"{'takes' if jobs == 1 else 'take'} {need / 1e9:.1f} GB"
    )
    if free >= need:
        yield fine(told)
    elif fitting := int((free - SHARED) // PER_REPLICATE) if free > SHARED else 0:
        yield problem(told, f"Close other programs, or set DIGITBENCH_JOBS={fitting}.")
    else:
        yield problem(told, "Close other programs; not even one replicate fits.")


def _free_memory() -> int:
    """What the machine, a container and `ulimit -v` leave, whichever is least."""
    free = [int(psutil.virtual_memory().available)]
    with suppress(OSError, ValueError):
        limit = int((CGROUP / "memory.max").read_text("ascii"))
        used = int((CGROUP / "memory.current").read_text("ascii"))
        # Cached files give way.
        lines = (CGROUP / "memory.stat").read_text("ascii").splitlines()
        cached = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        free.append(limit - used + cached)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        free.append(limit)
    return max(0, min(free))


def _disk(project: Path) -> Iterator[Symptom]:
    from digitbench.execution.keeper import store_address

    needs = {project: RUN, Path(tempfile.gettempdir()): SCRATCH}
    with suppress(DigitbenchError):
        address = store_address()
        if address and "://" not in address:
            needs[Path(address)] = STORE
    folders: dict[int, list[Path]] = defaultdict(list)
    for folder in needs:
        there = next(place for place in (folder, *folder.parents) if place.is_dir())
        if not os.access(there, os.W_OK):
            yield problem(f"{there} can't be written", "Allow writing there.")
        folders[there.stat().st_dev].append(folder)
    for several in folders.values():
        there = next(place for place in (several[0], *several[0].parents) if place.is_dir())
        free, need = shutil.disk_usage(there).free, sum(needs[folder] for folder in several)
        names = listing([str(folder) for folder in several])
        told = f"{free / 1e9:.1f} GB free for {names}, and a run takes up to {need / 1e9:.1f} GB"
        yield fine(told) if free >= need else problem(told, "Make room on that disk.")


GPU = Probe("gpu", _gpu)
JOBS = Probe("jobs", _jobs)
ARITHMETIC = Probe("arithmetic", _arithmetic)
FILES = Probe("open files", _open_files)
DROP_IN = Probe("drop-in data", _drop_in)
MEMORY = Probe("memory", _memory)
DISK = Probe("disk", _disk)
