"""The one exception that is meant for people rather than for programmers."""


class DigitbenchError(Exception):
    """Something the user can mend; its text says what is wrong, where, and what to do.

    The launcher prints the text without a traceback and exits with status 1.
    """
