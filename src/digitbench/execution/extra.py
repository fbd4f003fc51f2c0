"""The extra `cluster`, Dask: loaded only where a cluster is asked for, and set to be quiet."""

from digitbench.errors import DigitbenchError

# The address of a scheduler; its workers then train, instead of this machine.
VARIABLE = "DIGITBENCH_CLUSTER"
# What it reports in tracebacks is told in sentences here; who sets `logging` himself is obeyed.
_QUIET = dict.fromkeys(("distributed", "distributed.client", "tornado.application"), "critical")
# Seconds to wait for what doesn't answer; a lost scheduler is to be known within 30.
PATIENCE = 10
_TIMEOUTS = {"connect": f"{PATIENCE}s", "tcp": f"{2 * PATIENCE}s"}
# Of its own variables for worker processes one undoes how digitbench keeps memory: these remain.
_ONE_THREAD = {f"{name}_NUM_THREADS": 1 for name in ("OMP", "MKL", "OPENBLAS")}


def load_dask() -> None:
    """Import it.

    Raises:
        DigitbenchError: It is not installed.
    """
    try:
        import dask

        # Before the import of distributed, which sets up its logging once.
        dask.config.update_defaults({"logging": _QUIET})
        import distributed
    except ImportError as error:
        raise DigitbenchError(
            f"A cluster needs the packages dask and distributed ({error}). Install them: "
            'pip install --editable ".[cluster]"'
        ) from None
    assert distributed
    dask.config.set({"distributed.comm.timeouts": _TIMEOUTS})
    quiet = {"DASK_LOGGING": repr(dask.config.get("logging"))}
    dask.config.set({"distributed.nanny.pre-spawn-environ": {**_ONE_THREAD, **quiet}})
