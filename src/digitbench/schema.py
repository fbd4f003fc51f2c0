"""The grammar of parameter files: YAML without surprises, and one sentence for each wrong value.

DVC hands over whatever ``-S key=value`` says (``epochs=abc`` is accepted, ``epochs=1e1`` becomes
``10.0``). So types, ranges and names are checked here, on the values that DVC itself reads.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from digitbench.errors import DigitbenchError

# Characters of a value that a message quotes.
LONGEST_VALUE = 200


def _number(value: object) -> object:
    """Turn text such as ``1e-3`` into a number; refuse true and false, which Python calls ints."""
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise ValueError("not a number") from None


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("not one line of letters that can be seen")
    return text


# One line, as it stands in a heading or a table.
Line = Annotated[str, AfterValidator(_printable)]
# What files and folders are called after.
Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Int = Annotated[int, BeforeValidator(_number)]
Float = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Seed = Annotated[Int, Field(ge=0, lt=2**32)]
Width = Annotated[Int, Field(ge=1, le=65_536)]
Rate = Annotated[Float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A part of a file: immutable, and closed to keys it doesn't know.

    The description of a field is what an error message says is allowed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


def check(content: Mapping[Any, Any], schema: type[S], path: Path) -> S:
    """The content of a file, held against its schema.

    Raises:
        DigitbenchError: A key is unknown, missing or has a value that is not allowed; the text
            names file, key, value and what is allowed.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise DigitbenchError("\n".join(_sentences(path, schema, error.errors()))) from None


def refuse_unknown(content: Mapping[Any, Any], schema: type[Section], path: Path) -> None:
    """Look for keys that a schema doesn't know, and leave all else.

    Raises:
        DigitbenchError: There are some; the text names file and keys.
    """
    try:
        schema.model_validate(content)
    except ValidationError as error:
        unknown = [item for item in error.errors() if item["type"] == "extra_forbidden"]
        if unknown:
            raise DigitbenchError("\n".join(_sentences(path, schema, unknown))) from None


def _sentences(path: Path, schema: type[Section], errors: Iterable[Any]) -> Iterator[str]:
    for item in errors:
        loc = item["loc"]
        key = ".".join(str(part) for part in loc)
        section, field, allowed = _locate(schema, loc)
        value = _quoted(item.get("input"))
        if item["type"] == "invalid_key":
            # YAML reads 1, on and ~ as a number, a truth value and nothing.
            yield f"{path}: the key {value} is not a name; put it in quotes if it is."
        elif loc[-1:] == ("[key]",):
            inside = ".".join(map(str, loc[:-2]))
            yield (
                f"{path}: {inside}: {value} is not allowed as a name; a name has up to "
                "64 of the characters a to z, 0 to 9, _ and -, and begins with none of these two."
            )
        elif item["type"] == "extra_forbidden":
            yield f"{path}: {key}: unknown key; {_known_names(str(loc[-1]), section)}"
        elif item["type"] == "missing":
            yield f"{path}: {key}: missing; it must be {allowed}."
        elif not allowed:
            # Of a whole entry of a list, whose keys do not fit together.
            yield f"{path}: {key}: {item['msg'].removeprefix('Value error, ')}."
        else:
            yield f"{path}: {key}: {value} is not allowed; {field} must be {allowed}."


def _quoted(value: object) -> str:
    """A value as Python writes it, its beginning if that is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _locate(schema: type[Section], loc: tuple[int | str, ...]) -> tuple[type[Section], str, str]:
    """The innermost section around a place, the key there, and what is allowed at that key."""
    section, names, allowed = schema, [], ""
    named: type[Section] | None = None  # the kind of section in a mapping or a list of sections
    for part in loc:
        if named is not None:
            section, named = named, None
            names.append(str(part))
            allowed = "" if isinstance(part, int) else allowed
            continue
        field = section.model_fields.get(str(part))
        if field is None:
            break
        names.append(str(part))
        allowed = field.description or ""
        kind = _section_in(field.annotation)
        if kind is None:
            continue
        if get_origin(field.annotation) in (dict, tuple):
            named = kind
        else:
            section = kind
    return section, ".".join(names), allowed


def _section_in(annotation: Any) -> type[Section] | None:
    """The section that a field holds: itself, or none, or one of several in a mapping or list."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def _known_names(key: str, section: type[Section]) -> str:
    near = difflib.get_close_matches(key, list(section.model_fields), n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here are {', '.join(section.model_fields)}."


def read_mapping(path: Path) -> dict[Any, Any]:
    """The keys and values of a file, in the dialect in which DVC reads it: YAML 1.2.

    Raises:
        DigitbenchError: The file is missing, isn't text, isn't YAML, or isn't keys with values, or
            a key stands twice; the text names the file and, where there is one, the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DigitbenchError(
            f"{path}: cannot be read ({error.strerror}). Run from the project's root folder."
        ) from None
    except UnicodeDecodeError:
        raise DigitbenchError(f"{path}: this is not text in UTF-8. Save it as UTF-8.") from None
    try:
        content = YAML(typ="safe").load(text)
    except DuplicateKeyError as error:
        key = str(error.problem).split('"')[1]
        raise DigitbenchError(f"{path}, line {_line(error)}: key {key!r} stands twice.") from None
    except MarkedYAMLError as error:
        where = f"{path}, line {_line(error)}"
        raise DigitbenchError(f"{where}: this is not YAML ({error.problem}).") from None
    except RecursionError:
        raise DigitbenchError(f"{path}: this is not YAML of ours (nested too deeply).") from None
    except (YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DigitbenchError(f"{path}: this is not YAML ({reason}).") from None
    if not isinstance(content, dict):
        raise DigitbenchError(f"{path}: expected keys with values, found {_quoted(content)}.")
    return content


def _line(error: MarkedYAMLError) -> int:
    return error.problem_mark.line + 1 if error.problem_mark else 1
