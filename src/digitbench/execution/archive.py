"""Several files in one, each with its SHA-256: what was cut short or changed doesn't pass.

A plain zip without compression, so that anybody can look into it; nothing in it is code.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping

SUMS = "sha256.json"
# A zip can't say earlier, and a clock would make other bytes of the same content.
DATE = (1980, 1, 1, 0, 0, 0)


class DamagedError(Exception):
    """Bytes that are no whole archive; the text is the reason."""


def pack(members: Mapping[str, bytes]) -> bytes:
    """The same members give the same bytes."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in {**members, SUMS: json.dumps(sums).encode()}.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content)
    return target.getvalue()


def unpack(content: bytes) -> dict[str, bytes]:
    """The members by name.

    Raises:
        DamagedError: A member is missing, cut short or changed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        sums = json.loads(members.pop(SUMS))
    except Exception as error:  # zipfile raises a dozen kinds
        raise DamagedError(str(error).partition("\n")[0] or type(error).__name__) from None
    found = {name: hashlib.sha256(member).hexdigest() for name, member in members.items()}
    if found != sums:
        raise DamagedError("a checksum is wrong")
    return members
