"""YAML read without surprises: a key given twice is an error, and every error is a sentence."""

from pathlib import Path
from typing import Any

import yaml

from digitbench.errors import DigitbenchError


def read_mapping(path: Path) -> dict[Any, Any]:
    """The keys and values of a file.

    Raises:
        DigitbenchError: The file is missing, isn't text, isn't YAML, or isn't keys with values;
            the text names the file and, where there is one, the line.
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
        content = yaml.load(text, Loader=_UniqueKeyLoader)
    except _KeyProblemError as error:
        raise DigitbenchError(f"{path}, line {_line(error)}: {error.problem}.") from None
    except yaml.MarkedYAMLError as error:
        where = f"{path}, line {_line(error)}"
        raise DigitbenchError(f"{where}: this is not YAML ({error.problem}).") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DigitbenchError(f"{path}: this is not YAML ({reason}).") from None
    if not isinstance(content, dict):
        raise DigitbenchError(f"{path}: expected keys with values, found {content!r}.")
    return content


class _KeyProblemError(yaml.MarkedYAMLError):
    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML as usual, except that a key given twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _KeyProblemError("a key must be a plain word", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise _KeyProblemError(f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _line(error: yaml.MarkedYAMLError) -> int:
    return error.problem_mark.line + 1 if error.problem_mark else 1
