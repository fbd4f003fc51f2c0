"""Errors of the system that people can mend, as sentences; those of the code keep a traceback."""

import errno
import os

import joblib
import pytest
import torch
from joblib.externals.loky.process_executor import BrokenProcessPool

from digitbench.errors import DigitbenchError, plainly, report

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
    assert plainly(caught.value).endswith("it goes on after its last whole epoch.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "`ulimit -u`"),
        (RuntimeError("can't start new thread"), "`ulimit -u`"),
        (OSError(errno.EMFILE, "Too many open files", "/x"), "/x: Too many open files. Raise"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe. Let what reads it run"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), "a/b: Not a directory. Move"),
        (ImportError("x.so: failed to map segment from shared object"), "`ulimit -v`"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "`ulimit -v`"),
    ],
)
def test_limits_of_the_system_are_told_with_what_raises_them(error: Exception, said: str) -> None:
    assert said in plainly(error)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("EOFError: ", "A worker process was killed"),
        ("MemoryError", "The memory of this machine is not enough"),
        ("File joblib/pickle.py\nKeyboardInterrupt", "A worker process was stopped. "),
        ("PicklingError: lambda", ""),
    ],
)
def test_why_a_pool_broke_is_what_the_worker_said_last(cause: str, said: str) -> None:
    error = BrokenProcessPool("A result has failed to un-serialize.")
    error.__cause__ = Exception(cause)
    assert plainly(error).startswith(said)
    assert bool(plainly(error)) == bool(said)


def test_a_fault_of_the_code_shows_its_traceback_and_where_to_take_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        raise KeyError("z")
    except KeyError as error:
        report("train", error)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert "report it with the lines above" in lines[-1]


def test_no_room_for_temporary_files_is_told() -> None:
    error = FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/x']")
    assert "set TMPDIR to a folder that can be written" in plainly(error)


def test_our_own_error_is_its_text_and_one_of_the_code_is_none() -> None:
    assert plainly(DigitbenchError("Do this.")) == "Do this."
    for error in (ValueError("x"), FileNotFoundError(2, "No such file", "y"), KeyError("z")):
        assert plainly(error) == ""
