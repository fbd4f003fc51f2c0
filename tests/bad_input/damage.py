"""Ways in which a valid file is spoilt, by its format: a strategy per format, bytes in, bytes out.

Most leave the file readable and change what it says, because that is what readers miss.
"""

import csv
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
import safetensors.numpy
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray
from ruamel.yaml import YAML

T = TypeVar("T")
Damaged = Callable[[bytes], SearchStrategy[bytes]]
Path = tuple[str | int, ...]

# --- values ------------------------------------------------------------------------------------

NUMBERS: tuple[Any, ...] = (
    *(-1, 0, 1, 2, 7, 0.5, -0.25, 1.5, 100, 2**31, 2**53 + 1, 2**64, 10**400, -(10**400)),
    *(1e-320, 1e17, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", " ", "x", "nan", "1", "-1", "1e999", "true", "../../evil", "/etc/passwd", "a" * 100_000),
    *("\x1b[31mred", "\x00", "\u202egnp", "<script>alert(1)</script>", "![x](//evil/x.png)"),
    *("line\n# heading", "@somebody", "Ünïcode", "\ud800"),
)


class Twice(str):
    """A key beside the one of the same name."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


VALUES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [None], {"a": 1}, {"": ""}, nested(300)),
    *NUMBERS,
    *TEXTS,
)


def places(content: Any, here: Path = ()) -> list[Path]:
    """Where every value of nested mappings and lists stands, itself first."""
    inside: Sequence[tuple[str | int, Any]] = ()
    if isinstance(content, dict):
        inside = list(content.items())
    elif isinstance(content, list):
        # Rows of a long list are alike.
        inside = list(enumerate(content))[:3]
    return [here, *(path for key, value in inside for path in places(value, (*here, key)))]


@st.composite
def changed(draw: DrawFn, content: Any) -> Any:
    """A copy with one to three values deleted, renamed, replaced, repeated or moved."""
    spoilt = json.loads(json.dumps(content))
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        known = places(spoilt)
        place = draw(st.sampled_from(known[1:] or known))
        if not place:
            return deepcopy(draw(st.sampled_from(VALUES)))
        *way, key = place
        holder = spoilt
        for step in way:
            holder = holder[step]
        value = holder[key]
        how = draw(st.sampled_from(("replace", "replace", "replace", "delete", "more", "slight")))
        if how == "replace":
            holder[key] = deepcopy(draw(st.sampled_from(VALUES)))
        elif how == "delete":
            del holder[key]
        elif how == "slight":
            holder[key] = deepcopy(draw(st.sampled_from(_slightly(value))))
        elif isinstance(holder, list):
            holder.append(deepcopy(value))
        elif draw(st.booleans()):
            holder[Twice(key)] = draw(st.sampled_from((value, 0, None)))
        else:
            holder[draw(st.sampled_from(("surprise", f"{key}_", *TEXTS[:10])))] = holder.pop(key)
    return spoilt


def _slightly(value: Any) -> list[Any]:
    """Other values of the same kind."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, -value, 2 * value, value // 3, str(value), [value]]
        case float():
            return [value + 1, -value, value * 1.001, 2 * value, value / 3, str(value)]
        case str():
            return [value[:-1], value + "x", value.upper(), f" {value}", value[::-1], [value]]
        case list():
            return [value[:-1], value[::-1], value + value, value[:1], dict(enumerate(value))]
        case dict():
            return [dict(list(value.items())[:-1]), list(value), [value], {**value, "11": 0}]
    return [0, "", "None"]


# --- bytes -------------------------------------------------------------------------------------

MERGE = b"<<<<<<< HEAD\n%b\n=======\n%b\n>>>>>>> theirs\n"


@st.composite
def cut_or_flipped(draw: DrawFn, content: bytes) -> bytes:
    """Not what was written: cut short, longer, single bytes others, another file altogether."""
    how = draw(st.sampled_from(("cut", "cut", "flip", "flip", "longer", "other", "zeros")))
    if how == "cut":
        return content[: draw(st.integers(0, max(0, len(content) - 1)))]
    if how == "longer":
        return content + draw(st.sampled_from((b"\0", b"x" * 7, content, b"\n\n[]")))
    if how == "zeros":
        return bytes(len(content))
    if how == "other":
        return draw(st.sampled_from((b"", b"\0", b"PK\x03\x04", b"\x93NUMPY", b"\xff" * 9, b"{}")))
    spoilt = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        # Headers are at the beginning, directories of archives at the end.
        near = draw(st.sampled_from((64, len(content), len(content), -64)))
        place = draw(st.integers(0, max(0, min(abs(near), len(content)) - 1)))
        if content:
            spoilt[-1 - place if near < 0 else place] = draw(st.sampled_from((0, 1, 127, 255)))
    return bytes(spoilt)


@st.composite
def badly_encoded(draw: DrawFn, content: bytes) -> bytes:
    """The text in another encoding, with a conflict of a merge, or with what is no text."""
    text = content.decode()
    place = draw(st.integers(0, len(content)))
    return draw(
        st.sampled_from(
            (
                b"\xef\xbb\xbf" + content,
                text.encode("utf-16"),
                text.encode("utf-32"),
                content[:place] + b"\xff\xfe" + content[place:],
                content[:place] + b"\x1b[2J" + content[place:],
                content[:place] + b"\0" + content[place:],
                content.replace(b"\n", b"\r\n"),
                MERGE % (content, content),
                b"[" * 5_000,
                b'{"a":' * 5_000,
                b"<!doctype html><html>Log in</html>",
            )
        )
    )


def _mostly(often: SearchStrategy[bytes], *seldom: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return st.integers(0, 7).flatmap(lambda n: often if n < 6 else seldom[n % len(seldom)])


# --- formats -----------------------------------------------------------------------------------


def as_json(content: bytes) -> SearchStrategy[bytes]:
    def dumped(value: Any) -> bytes:
        return json.dumps(value).encode("utf-8", "surrogatepass")

    values = changed(json.loads(content)).map(dumped)
    return _mostly(values, badly_encoded(content), cut_or_flipped(content))


def as_yaml(content: bytes) -> SearchStrategy[bytes]:
    """What JSON can say, YAML can too; and what it alone can."""
    read: Any = YAML(typ="safe").load(content)
    aliases = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdef", "bcdefg", strict=True)
    )
    own = (
        *(b"&a [*a]\n", b"a: *b\n", b"!!python/object/apply:os.system [ls]\n", b"- 1\n", b"~\n"),
        *(
            b"a: !!binary x\n",
            b"? [1, 2]\n: 3\n",
            b"1: 2\n",
            b"a: 2001-02-30\n",
            b"%YAML 9.9\n---\n",
        ),
        *(aliases.encode(), b"--- 1\n--- 2\n", b"\t- a\n", b"a: 1\na: 2\n", b"a: 0o9999999\n"),
    )

    def dumped(value: Any) -> bytes:
        return (
            json.dumps(value, allow_nan=True)
            .replace("NaN", ".nan")
            .replace("Infinity", ".inf")
            .encode("utf-8", "surrogatepass")
        )

    plain = json.loads(json.dumps(read, default=str))
    foreign = st.sampled_from((*own, *(content + text for text in own)))
    return _mostly(changed(plain).map(dumped), badly_encoded(content), foreign)


@st.composite
def _table(draw: DrawFn, content: bytes) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode())))
    cells = (*map(str, NUMBERS), *TEXTS[:-1], "inf", "0.5", "1,2", 'quo"te', "-0.0", "True")
    for _ in range(draw(st.sampled_from((1, 1, 2)))):
        row = draw(st.integers(0, max(0, len(rows) - 1)))
        column = draw(st.integers(0, max(0, len(rows[0]) - 1))) if rows else 0
        if not rows or column >= len(rows[row]):
            break
        how = draw(
            st.sampled_from(("cell", "cell", "cell", "row", "twice", "column", "name", "long"))
        )
        if how == "cell":
            rows[row][column] = draw(st.sampled_from(cells))
        elif how == "row":
            del rows[row]
        elif how == "twice":
            rows.append(rows[row])
        elif how == "long":
            rows[row] = [*rows[row], "1"]
        elif how == "name":
            rows[0][column] = draw(st.sampled_from(("x", "", rows[0][0])))
        else:
            rows = [line[:column] + line[column + 1 :] for line in rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def as_csv(content: bytes) -> SearchStrategy[bytes]:
    header = content.partition(b"\n")[0]
    own = st.sampled_from((b"", header, header + b"\n", b'"' + content, b"\n" + content))
    return _mostly(_table(content), badly_encoded(content), cut_or_flipped(content), own)


@st.composite
def _array(draw: DrawFn, array: NDArray[Any]) -> NDArray[Any]:
    """Another array: type, shape or some of its values."""
    how = draw(st.sampled_from(("type", "shape", "values", "values")))
    if how == "type":
        kinds = (
            "f8",
            "f4",
            "f2",
            "i1",
            "u1",
            ">i4",
            "i8",
            "u8",
            "c8",
            "?",
            "U3",
            "S2",
            "M8[s]",
            "O",
        )
        kind = draw(st.sampled_from((*kinds, "M8[s]", "i4,i4")))
        try:
            return array.astype(kind)
        except (TypeError, ValueError):
            return np.zeros(array.shape, kind)
    if how == "shape":
        shorter = array[:-1] if array.ndim else array
        return draw(
            st.sampled_from(
                (shorter, array[:0], array[..., None], array.ravel(), array.T, array[:1])
                if array.ndim
                else (array.reshape(1), array.reshape(1, 1))
            )
        )
    spoilt = np.array(array)
    values = (-1, 0, 1, 9, 10, 11, 99, 255, 256, 2**31, 2**63, np.nan, np.inf, -np.inf, 0.5, 1e30)
    chosen = draw(st.sampled_from(values))
    where: Any = draw(st.sampled_from((0, -1, slice(None), slice(0, None, 2))))
    with np.errstate(all="ignore"):
        if spoilt.ndim and spoilt.dtype.kind in "iufb" and len(spoilt):
            if spoilt.dtype.kind == "f" or float(chosen).is_integer():
                fits = np.asarray(chosen).astype(np.float64)
                spoilt[where] = fits.astype(spoilt.dtype)
            else:
                spoilt = spoilt.astype(np.float64)
                spoilt[where] = chosen
        elif spoilt.ndim and spoilt.dtype.kind == "U":
            spoilt[where] = draw(st.sampled_from(("", "x", "../evil")))
    return spoilt


def _npy(array: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    np.save(target, array, allow_pickle=array.dtype.hasobject)
    return target.getvalue()


def _lying(content: bytes) -> SearchStrategy[bytes]:
    """Headers that promise what isn't there, or are no headers."""
    headers = (
        *("{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999,), }", "{'descr': 1}"),
        *("{'descr': '|u1', 'fortran_order': False, 'shape': (-5,), }", "(" * 3000, "not python"),
        *("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "{}", "__import__('os')"),
        *("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 10**30), }", "{'shape': (1,)}"),
        "{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (3,), }",
    )

    def written(header: str) -> bytes:
        text = header.encode() + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content[128:]

    return st.sampled_from(headers).map(written)


def as_npy(content: bytes) -> SearchStrategy[bytes]:
    array = np.load(io.BytesIO(content))
    return _mostly(_array(array).map(_npy), _lying(content), cut_or_flipped(content))


@st.composite
def _archive(draw: DrawFn, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(members)))
    how = draw(st.sampled_from(("array", "array", "array", "bytes", "drop", "rename", "more")))
    if how == "array":
        members[name] = _npy(draw(_array(np.load(io.BytesIO(members[name])))))
    elif how == "bytes":
        members[name] = draw(st.one_of(cut_or_flipped(members[name]), _lying(members[name])))
    elif how == "more":
        members[draw(st.sampled_from(("extra.npy", "../evil.npy", "x")))] = members[name]
    else:
        spoilt = members.pop(name)
        if how == "rename":
            members[draw(st.sampled_from(("x.npy", "seed-.npy", "seed-x.npy", ".npy")))] = spoilt
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return target.getvalue()


def as_npz(content: bytes) -> SearchStrategy[bytes]:
    return _mostly(_archive(content), cut_or_flipped(content))


@st.composite
def _tensors(draw: DrawFn, content: bytes) -> bytes:
    tensors = safetensors.numpy.load(content)
    name = draw(st.sampled_from(sorted(tensors)))
    how = draw(st.sampled_from(("array", "array", "nan", "drop", "more", "all")))
    if how == "array":
        spoilt = draw(_array(tensors[name]))
        if spoilt.dtype.kind in "fiu" and spoilt.dtype.byteorder in "=|<":
            tensors[name] = np.ascontiguousarray(spoilt)
    elif how == "nan":
        tensors[name] = np.array(tensors[name])
        tensors[name].flat[0] = draw(st.sampled_from((np.nan, np.inf, -np.inf)))
    elif how == "drop":
        del tensors[name]
    elif how == "more":
        tensors["surprise"] = tensors[name]
    else:
        kind = draw(st.sampled_from((np.float16, np.float64, np.int32)))
        tensors = {key: value.astype(kind) for key, value in tensors.items()}
    return safetensors.numpy.save(tensors)


def as_safetensors(content: bytes) -> SearchStrategy[bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    head, body = json.loads(content[8 : 8 + size]), content[8 + size :]

    def written(header: Any) -> bytes:
        text = json.dumps(header).encode("utf-8", "surrogatepass")
        return struct.pack("<Q", len(text)) + text + body

    headers = changed(head).map(written)
    huge = st.just(struct.pack("<Q", 2**62) + content[8:])
    return _mostly(_tensors(content), headers, cut_or_flipped(content), huge)


def as_bytes(content: bytes) -> SearchStrategy[bytes]:
    return cut_or_flipped(content)


def as_text(content: bytes) -> SearchStrategy[bytes]:
    return st.one_of(badly_encoded(content), cut_or_flipped(content))
