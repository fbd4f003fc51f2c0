"""What nobody may read: passwords, tokens and user names are cut out of every text.

Two ways, because either alone misses some: what an address or a driver's message looks like, and
the very values that this process has been given in its environment, wherever they turn up.
"""

import base64
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
# Words of this project's own sentences; as somebody's password they are cut in addresses only.
_OUR_WORDS = {"mlflow", "digitbench", "git", "dvc", "http", "https", "sqlite"}
# Whose messages name the user; elsewhere a user name is a word like any other.
_USED_HERE = re.compile(r"^MLFLOW_|_PROXY$", re.IGNORECASE)
_SECRET = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|signature|sig|odbc_connect"
    r"|(?:api|access|account|private|ssl|secret)[_-]?key)"
)
_USER = r"(?:user(?:[_-]?name|[_-]?id)?|uid|login)"
# Greedy: an unquoted password may hold any of / ? # @ itself. A port is no password.
_USERINFO = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)"
    r"(?P<user>[^\s'\"<>/?#@:]*)"
    r"(?::(?!\d+(?:[/?#,\s'\"]|$))(?P<password>[^\s'\"<>]*))?@",
    re.IGNORECASE,
)
# As a proxy may be written.
_BARE = re.compile(r"(?<![^\s'\"(=])[^\s'\"<>@:/]+:[^\s'\"<>/]*@(?=\w)")
_PARAMETER = re.compile(
    rf"(?P<name>(?<![a-z0-9])[a-z0-9_.-]*(?:{_SECRET}|\b{_USER})['\"]?(?:\s?=\s?|%3D|['\"]: ?))"
    r"(?P<quote>['\"]?)(?P<value>[^\s&;,'\"<>)}]+)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?P<name>\bauthorization['\"]?\s*[:=]\s*b?['\"]?(?:basic|bearer|token)\s+)"
    r"(?P<value>[^\s'\",]+)",
    re.IGNORECASE,
)
_SECRET_VARIABLE = re.compile(
    r"(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|(?:API|ACCESS|ACCOUNT|SECRET)_KEY(?:_ID)?)$",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """The text with every password, token and user name of an address replaced by ***.

    Cut are those of any address, parameter or header in the text, and those that the environment
    holds: in MLFLOW_TRACKING_URI, in a proxy's address, in a variable called a password or token.
    """
    for secret in _known(os.environ):
        text = secret.sub(HIDDEN, text)
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _BARE.sub(f"{HIDDEN}@", text)
    text = _PARAMETER.sub(rf"\g<name>\g<quote>{HIDDEN}", text)
    return _HEADER.sub(rf"\g<name>{HIDDEN}", text)


class Discreet(io.TextIOWrapper):
    """A stream that cuts secrets out of what libraries, warnings and tracebacks write to it.

    A line that comes while a progress bar is drawn takes the bar's place, and the bar moves on.
    """

    _begun = ""

    def write(self, text: str, /) -> int:
        """Write the text without its secrets; where there is a bar, only whole lines."""
        bars = _progress_bars()
        if not text or text.startswith("\r"):
            self._put(text)  # the bar's own
        elif bars is None:
            self._put(self._begun + text)
            self._begun = ""
        else:
            lines, newline, self._begun = (self._begun + text).rpartition("\n")
            if newline:
                with bars.external_write_mode(self):
                    self._put(lines + newline)
        return len(text)

    def _put(self, text: str) -> None:
        super().write(without_secrets(text))


def _progress_bars() -> Any:
    """Tqdm's class, while a bar of it is drawn."""
    module = sys.modules.get("tqdm.std")
    bars = getattr(module, "tqdm", None)
    return bars if getattr(bars, "_instances", None) else None


def guard_streams() -> None:
    """Let standard output and standard error cut secrets out, whoever writes there."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            line_buffering, through = stream.line_buffering, stream.write_through
            stream.flush()
            guarded = Discreet(
                stream.buffer, stream.encoding, stream.errors, None, line_buffering, through
            )
            setattr(sys, name, guarded)


def _known(environment: Mapping[str, str]) -> Iterator[re.Pattern[str]]:
    """Patterns of the values that the environment holds, the longest first."""
    passwords, users = set[str](), set[str]()
    for name, value in environment.items():
        if _SECRET_VARIABLE.search(name):
            passwords.add(value)
        elif name == "MLFLOW_TRACKING_USERNAME":
            users.add(value)
        elif "://" in value or _BARE.match(value):
            for user, password in _of_address(value if "://" in value else f"http://{value}"):
                passwords.add(password)
                if _USED_HERE.search(name):
                    users.add(user)
    forms = {form for value in passwords for form in _forms(value)}
    users = {form for value in users for form in _forms(value)}
    # As a header has them.
    pairs = {f"{user}:{password}".encode() for user in users for password in forms}
    forms |= {base64.b64encode(pair).decode() for pair in pairs}
    for form in sorted(forms, key=len, reverse=True):
        # A short one is a part of too many words.
        if len(form) > 5:
            yield re.compile(re.escape(form))
        elif len(form) > 2:
            yield _word(form)
    for form in users:
        if len(form) > 1:
            yield _word(form)


def _of_address(address: str) -> Iterator[tuple[str, str]]:
    """User and password; a token that stands alone is taken for a password."""
    for found in _USERINFO.finditer(address):
        user, password = found["user"], found["password"]
        yield (user, password) if password is not None else ("", user)
    for name, value in parse_qsl(address.partition("?")[2]):
        parts = value.split(";") if name == "odbc_connect" else [f"{name}={value}"]
        for key, _, item in (part.partition("=") for part in parts):
            if re.search(_SECRET, key, re.IGNORECASE):
                yield "", item
            elif re.fullmatch(_USER, key, re.IGNORECASE):
                yield item, ""


def _forms(value: str) -> set[str]:
    """A value as it stands, and as it is written in addresses."""
    plain = {value, unquote(value), unquote_plus(value)}
    quoted = {form for item in plain for form in (quote(item, safe=""), quote_plus(item))}
    return {form for form in plain | quoted if form.lower() not in _OUR_WORDS}


def _word(form: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(form)}(?![^\W_])")
