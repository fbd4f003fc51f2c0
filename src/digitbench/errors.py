"""What is meant for people, not for programmers: one exception, and a few of the system's."""

import errno
import re
import sys
import traceback

# What the system refuses for a reason that people can mend, and how.
_REMEDIES = {
    errno.ENOSPC: "Make room on that disk",
    errno.EDQUOT: "Make room: your share of that disk is used up",
    errno.EFBIG: "Raise the limit on the size of files (`ulimit -f`)",
    errno.EROFS: "Allow writing there",
    errno.EACCES: "Allow reading and writing there",
    errno.EPERM: "Allow reading and writing there",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`)",
    errno.ENFILE: "Close other programs, which hold too many files open",
    errno.EAGAIN: "Raise the limit on processes (`ulimit -u`), or close other programs",
    errno.EIO: "The disk or the way to it fails; the system's log says more. Mend it",
    errno.ENOTDIR: "Move away the file that is where a folder must be",
    errno.EISDIR: "Move away the folder that is where a file must be",
    errno.EPIPE: "Let what reads it run to its end",
}
_LESS_MEMORY = (
    "Close other programs, raise the limit if one is set (`ulimit -v`), train fewer replicates at "
    "once (DIGITBENCH_JOBS=1), or take smaller batches."
)
_GOES_ON = "Run the same again: it goes on after its last whole epoch."
# As libraries say it that have no error of their own for it, or pass on the words of another.
_LACKS_MEMORY = ("allocate memory", "MemoryError", "bad_alloc", "failed to map segment")
_LOST_WORKER = ("EOFError", "ConnectionResetError", "BrokenPipeError", "UnpicklingError")


# Characters of a message: what a file or a variable held may be far longer than people read.
LONGEST = 2_000
_LEFT_OUT = " [… {:,} characters left out …] "
# Where the sentence ends that says what to do.
_END = 600
# What moves a cursor, turns a line round or is half a character; a line break and a tab are text.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def legible(text: str) -> str:
    """Text of others as a terminal or a page may show it, without what steers either."""
    return _UNSEEN.sub("\ufffd", text)


def brief(text: str) -> str:
    """The same legible, without its middle where it is too long to be read."""
    if len(text) > LONGEST:
        left_out = _LEFT_OUT.format(len(text) - LONGEST)
        begin = LONGEST - _END - len(left_out)
        text = f"{text[:begin]}{left_out}{text[-_END:]}"
    return legible(text)


class DigitbenchError(Exception):
    """Something the user can mend; its text says what is wrong, where, and what to do.

    The launcher prints the text without a traceback and exits with status 1. What it quotes is made
    legible, and its middle left out where it is too long to be read.
    """

    def __str__(self) -> str:
        """The text."""
        return brief(super().__str__())


def plainly(error: BaseException) -> str:
    """What an error says to people; empty if it is for programmers, who want its traceback."""
    if isinstance(error, DigitbenchError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        place = error.filename or "A file or stream without a name"
        return f"{place}: {error.strerror}. {_REMEDIES[error.errno]}, and run the same again."
    kind, text = type(error).__name__, str(error)
    if "No usable temporary directory" in text:
        return f"{text}. Make room, or set TMPDIR to a folder that can be written."
    if "can't start new thread" in text:
        return f"No thread can be started. {_REMEDIES[errno.EAGAIN]}, and run the same again."
    # Of joblib and torch, which are not loaded for this. What a worker said is the cause, in words.
    if kind in ("BrokenProcessPool", "PicklingError"):
        text = f"{text} {error.__cause__}"
    lacks_memory = isinstance(error, MemoryError) or any(words in text for words in _LACKS_MEMORY)
    if lacks_memory or kind == "OutOfMemoryError":
        return f"The memory of this machine is not enough. {_LESS_MEMORY} {_GOES_ON}"
    if kind == "BrokenProcessPool" and "KeyboardInterrupt" in text:
        return f"A worker process was stopped. {_GOES_ON}"
    # Killed while it sent something, or while it had nothing to do.
    lost = kind == "BrokenProcessPool" and any(words in text for words in _LOST_WORKER)
    if lost or kind == "TerminatedWorkerError":
        return (
            f"A worker process was killed, most often for lack of memory. {_LESS_MEMORY} {_GOES_ON}"
        )
    return ""


def report(program: str, error: BaseException) -> None:
    """Tell people of an error; one of the code with its traceback, and what to do with that."""
    if told := plainly(error):
        print(f"{program}: {told}", file=sys.stderr)
        return
    traceback.print_exception(error)
    print(
        f"{program}: This is a fault of digitbench. Please report it with the lines above.",
        file=sys.stderr,
    )
