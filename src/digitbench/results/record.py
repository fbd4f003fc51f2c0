"""A typed record of one file: it says which schema it has, and reads the one before."""

import json
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from digitbench import files
from digitbench.errors import DigitbenchError

Content = dict[str, Any]
# Up to where a float tells it from its neighbours.
Count = Annotated[int, Field(ge=0, le=2**53)]
Quantity = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, le=1)]
Digit = Annotated[int, Field(ge=0, le=9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
# A network, a corruption, an origin of digits: it stands in tables and figures.
Name = Annotated[str, Field(pattern=r"^\w[\w .,:()&+/%-]*$", max_length=100)]


def told(value: Any) -> Any:
    """The same value of any shape.

    Raises:
        ValueError: Something in it is no finite number, or text that can't be seen.
    """
    if isinstance(value, str) and not value.isprintable():
        raise ValueError(f"{value[:80]!r} can't be read by people")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} is not finite")
    if isinstance(value, dict):
        told([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for inside in value:
            told(inside)
    return value


# Whatever another part of the project has in it.
Settings = Annotated[dict[str, Any], AfterValidator(told)]


def different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same values.

    Raises:
        ValueError: One of them stands twice.
    """
    if len(set(values)) < len(values):
        raise ValueError("one stands twice")
    return values


Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(different)]


class Part(BaseModel):
    """A group of values within a record; what is optional and was not given is not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Record(Part):
    """All of one file.

    Attributes:
        SCHEMA: The one that is written.
        OLDEST: The first one that is still read.
    """

    SCHEMA: ClassVar[int] = 2
    OLDEST: ClassVar[int] = 1

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file.

        Raises:
            DigitbenchError: The file is missing, damaged or of a schema that is not known.
        """
        return cls.parse(files.read_bytes(path), str(path))

    @classmethod
    def parse(cls, text: bytes, where: str) -> Self:
        """The record in the content of a file, of this schema or the one before.

        Args:
            text: JSON.
            where: The name of the file for messages, and of its revision if it is from Git.

        Raises:
            DigitbenchError: The content is damaged or of a schema that is not known.
        """
        try:
            content = json.loads(text, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise damaged(where, f"not JSON: {error}") from None
        if not isinstance(content, dict):
            raise damaged(where, "no keys with values")
        schema = content.pop("schema", 1)
        known = range(cls.OLDEST, cls.SCHEMA + 1)
        if type(schema) is not int or schema not in known:
            raise DigitbenchError(
                f"{where} has schema {str(schema)[:20]}; this version of digitbench reads "
                f"{' and '.join(map(str, known))}. Make it again with `dvc repro`, or read it with "
                "the version of digitbench that wrote it."
            )
        try:
            if schema < cls.SCHEMA:
                content = cls.upgrade(content)
            # As JSON: there a list is a tuple, and nothing else passes for what it is not.
            return cls.model_validate_json(json.dumps(content), strict=True)
        except ValidationError as error:
            raise damaged(where, first_problem(error)) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise damaged(where, f"not as schema {schema} has it: {error}") from None

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """The content of the schema before in the shape of this one."""
        return content

    def content(self) -> Content:
        """What the file holds."""
        return {"schema": self.SCHEMA, **self.model_dump(exclude_unset=True)}

    def write(self, path: Path) -> None:
        """The same bytes for the same record."""
        files.write_json(path, self.content())


def _once(pairs: list[tuple[str, Any]]) -> Content:
    """Of two values with one name, the first would be lost without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands twice")
    return content


def first_problem(error: ValidationError) -> str:
    """Where the first wrong value stands, and what is wrong with it."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ")


def damaged(where: str, problem: str) -> DigitbenchError:
    """The sentence about a file that is there and makes no sense."""
    return DigitbenchError(
        f"{where}: damaged ({problem}). Run `dvc repro --force`; a conflict left by a merge is a "
        "common cause."
    )
