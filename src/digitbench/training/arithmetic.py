"""Which instructions compute: all that a processor has, or those that x86 processors share.

Sixteen numbers added at once round otherwise than eight, so a newer processor gives a network other
last bits, and after some thousand updates other digits. Under a ceiling that both have they add in
the same order.
"""

import os
import sys

from digitbench.errors import DigitbenchError

# Read by torch, oneDNN and MKL when they are loaded. AVX2 is in processors of Intel since 2013 and
# of AMD since 2015; MKL chooses by maker too, unless it is asked for what all of them have.
CEILINGS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",
}


def under_ceilings() -> bool:
    """Whether this process, and those that it starts, compute with shared instructions alone."""
    return all(os.environ.get(name) == value for name, value in CEILINGS.items())


def enter(arithmetic: str) -> None:
    """Start this process again from its first line if it has to compute under ceilings.

    They count from when the libraries are loaded, which is before parameters are read.

    Args:
        arithmetic: native or portable.
    """
    if arithmetic == "native" or under_ceilings():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, command, {**os.environ, **CEILINGS})


def check_ceilings() -> None:
    """Refuse what can't be computed portably here.

    Raises:
        DigitbenchError: The processor lacks the instructions, or the process has no ceilings.
    """
    import torch

    if not torch.cpu.get_capabilities().get("avx2"):
        raise DigitbenchError(
            "params.yaml: arithmetic: portable takes the instructions that x86 processors share "
            "(AVX2), which this processor lacks. Use native."
        )
    if not under_ceilings() or torch.backends.cpu.get_cpu_capability() != "AVX2":
        wanted = " ".join(f"{name}={value}" for name, value in CEILINGS.items())
        raise DigitbenchError(
            "params.yaml: arithmetic: portable is set, and this process computes with all that the "
            f"processor has. Start it with {wanted}."
        )
