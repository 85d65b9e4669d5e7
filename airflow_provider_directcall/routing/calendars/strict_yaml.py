"""Strict YAML and JSON: plain texts stay texts, and repeated keys are errors.

YAML 1.1 makes a number of 22:00, an octal number of 0413, a date of 2026-11-27 and a boolean of "on". Here a plain text
stays a text, unless it is a decimal whole number without a leading zero, ``true``, ``false`` or ``null``. A repeated
key is an error in both formats.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable
from typing import Any, Final

import yaml

from airflow_provider_directcall.routing.conditions import masked_repr
from airflow_provider_directcall.routing.validation import CalendarError

#: Most parts of a document, each counted as often as aliases repeat it.
_MOST_NODES: Final = 200_000
_MERGE: Final = "tag:yaml.org,2002:merge"
#: Tag -> pattern of its plain texts, and their possible first characters.
_PLAIN: Final = {
    "tag:yaml.org,2002:null": (r"(?:~|null|Null|NULL)?", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "tag:yaml.org,2002:int": (r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    _MERGE: (r"<<", ["<"]),
}


class _StrictLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # as the library has it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Reject keys that are no texts, and repeated keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == _MERGE:
                continue
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a key has to be a text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is repeated", key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))


#: Tags of plain data. Others of the library, such as timestamps, have no place in a calendar.
_TAGS: Final = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "str", "seq", "map")}

_StrictLoader.yaml_constructors = {
    tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if tag is None or tag in _TAGS
}
for _tag, (_pattern, _first) in _PLAIN.items():
    _StrictLoader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)


def parse_yaml(text: str) -> object:
    """Parse the one document of a YAML text.

    :raises CalendarError: it is no YAML of the strict kind; the error shows nothing of the content.
    """
    try:
        loader = _StrictLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_size(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise CalendarError([f"file: is no YAML{where}: {error.problem}"]) from None
    except CalendarError:
        raise
    except (yaml.YAMLError, ValueError, KeyError, RecursionError) as error:  # the middle two: "!!int x", "!!bool x"
        raise CalendarError([f"file: is no YAML: {type(error).__name__}"]) from None


def _check_size(root: yaml.Node) -> None:
    """Reject a document whose aliases never end, or make it larger than any calendar.

    :raises CalendarError: it is one.
    """
    sizes: dict[int, int] = {}
    entered: set[int] = set()
    stack = [root]
    while stack:
        node = stack[-1]
        if id(node) in sizes:
            stack.pop()
            continue
        parts = _parts(node)
        if id(node) in entered:
            sizes[id(node)] = 1 + sum(sizes.get(id(part), 0) for part in parts)
            entered.discard(id(node))
            stack.pop()
            if sizes[id(node)] > _MOST_NODES:
                raise CalendarError(["file: is too large with all its aliases"])
            continue
        entered.add(id(node))
        if any(id(part) in entered for part in parts):
            raise CalendarError(["file: an alias (*) is part of its own anchor (&)"])
        stack += [part for part in parts if id(part) not in sizes]


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def parse_json(text: str) -> object:
    """Parse a JSON text.

    :raises CalendarError: it is no JSON, or a key is repeated; the error shows nothing of the content.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise CalendarError([f"file: is no JSON in line {error.lineno}, column {error.colno}: {error.msg}"]) from None
    except RecursionError:
        raise CalendarError(["file: is no JSON that can be read: it is nested too deep"]) from None
    except CalendarError:
        raise
    except ValueError:
        raise CalendarError(["file: is no JSON that can be read: a number has too many digits"]) from None


def _no_constant(name: str) -> object:
    raise CalendarError([f"file: is no JSON: {name} is no number"])


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    repeated = next((name for name, count in Counter(name for name, _ in pairs).items() if count > 1), None)
    if repeated is not None:
        raise CalendarError([f"file: {masked_repr(repeated)} is repeated in one mapping"])
    return dict(pairs)
