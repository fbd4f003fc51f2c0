"""Errors of the system that people can mend, as sentences; those of the code keep a traceback."""

import errno
import os

import joblib
import pytest
import torch

from digitbench.errors import DigitbenchError, plainly

WRITING = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM")


@pytest.mark.parametrize("name", WRITING)
def test_what_cannot_be_written_is_named_with_a_remedy(name: str) -> None:
    number = getattr(errno, name)
    error = OSError(number, os.strerror(number), "models/cnn/seed-0.safetensors")
    told = plainly(error)
    assert told.startswith(f"models/cnn/seed-0.safetensors: {os.strerror(number)}. ")
    assert told.endswith(", and run the same again.")


def test_a_stream_without_a_name_is_told_too() -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    assert plainly(error).startswith("A file or stream without a name: No space left on device. ")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"),
        torch.OutOfMemoryError("CUDA out of memory."),
    ],
)
def test_too_little_memory_is_told(error: Exception) -> None:
    assert plainly(error).startswith("The memory of this machine is not enough.")
    assert "DIGITBENCH_JOBS=1" in plainly(error)


def test_a_killed_worker_is_told() -> None:
    def die(_: int) -> None:
        os.kill(os.getpid(), 9)

    with pytest.raises(Exception, match="terminated") as caught:
        joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(die)(i) for i in range(2))
    assert plainly(caught.value).startswith("A worker process was killed, most often for lack of")


def test_no_room_for_temporary_files_is_told() -> None:
    error = FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/x']")
    assert "set TMPDIR to a folder that can be written" in plainly(error)


def test_our_own_error_is_its_text_and_one_of_the_code_is_none() -> None:
    assert plainly(DigitbenchError("Do this.")) == "Do this."
    for error in (ValueError("x"), FileNotFoundError(2, "No such file", "y"), KeyError("z")):
        assert plainly(error) == ""
