"""What is meant for people, not for programmers: one exception, and a few of the system's."""

import errno
import re

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
}
_LESS_MEMORY = (
    "Close other programs, train fewer replicates at once (DIGITBENCH_JOBS=1), or take smaller "
    "batches; what was finished is kept."
)


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


class DigitbenchError(Exception):
    """Something the user can mend; its text says what is wrong, where, and what to do.

    The launcher prints the text without a traceback and exits with status 1. What it quotes is made
    legible, and its middle left out where it is too long to be read.
    """

    def __str__(self) -> str:
        """The text."""
        text = super().__str__()
        if len(text) > LONGEST:
            left_out = _LEFT_OUT.format(len(text) - LONGEST)
            begin = LONGEST - _END - len(left_out)
            text = f"{text[:begin]}{left_out}{text[-_END:]}"
        return legible(text)


def plainly(error: Exception) -> str:
    """What an error says to people; empty if it is for programmers, who want its traceback."""
    if isinstance(error, DigitbenchError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        place = error.filename or "A file or stream without a name"
        return f"{place}: {error.strerror}. {_REMEDIES[error.errno]}, and run the same again."
    text = str(error)
    if "No usable temporary directory" in text:
        return f"{text}. Make room, or set TMPDIR to a folder that can be written."
    # Of joblib and torch, which are not loaded for this.
    if type(error).__name__ == "TerminatedWorkerError":
        return f"A worker process was killed, most often for lack of memory. {_LESS_MEMORY}"
    lacks_memory = isinstance(error, MemoryError) or "allocate memory" in text
    if lacks_memory or type(error).__name__ == "OutOfMemoryError":
        return f"The memory of this machine is not enough. {_LESS_MEMORY}"
    return ""
