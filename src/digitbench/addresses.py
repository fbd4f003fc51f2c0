"""Addresses as they may be shown: logs, pages and databases are read by others too."""

import re

# Up to the last @ before a blank or a quote: in a password that was not encoded any other character
# may stand. The second form is that of a proxy without a scheme.
_SECRET = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s'\"<>]*@|(?<![^\s'\"(=])[^\s'\"<>@:/]+:[^\s'\"<>/]*@",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """The text with user names and passwords cut out of the addresses in it."""
    return _SECRET.sub(lambda found: found["scheme"] or "", text)
