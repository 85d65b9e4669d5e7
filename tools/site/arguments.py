"""Tables of the arguments of a class, read from its source without importing it.

The site is built in an environment without Airflow, so signatures and docstrings are parsed. An argument's line is the
``:param`` field of the class, else that of the nearest base, else that of a class which is named after it: a task
group passes most of its arguments on to operators.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "airflow_provider_directcall"

_LONGEST_DEFAULT: Final = 40
_PARAM = re.compile(r"^:param (\w+): (.*?)(?=^:\w|\Z|^\S)", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?\.*(?:[\w.]*\.)?(\w+)`")


class UndocumentedError(LookupError):
    """An argument has no line in any docstring."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a constructor.

    :ivar owner: name of the class whose docstring describes it.
    :ivar default: source of its default, or None where it is required.
    :ivar meaning: Markdown, in one line.
    """

    name: str
    owner: str
    default: str | None
    meaning: str


def arguments_of(path: str, *also: str) -> list[Argument]:
    """Return the arguments of a class with their meanings, in the order of the source.

    :param path: ``module.Class``, relative to the package.
    :param also: further classes whose docstrings describe arguments.
    :raises UndocumentedError: an argument has no line.
    """
    family = [*_family(path)]
    described = _described([*family, *(relative for each in also for relative in _family(each))])
    found: dict[str, Argument] = {}
    decided: set[str] = set()
    for module, node in family:
        for name, default in _signature(module, node):
            if name in found or name in decided:
                continue
            if name not in described:
                raise UndocumentedError(f"{path}: {name} has no line in a docstring")
            owner, meaning = described[name]
            found[name] = Argument(name, owner, default, meaning)
        decided |= _passed_on(node)
    return list(found.values())


def table(arguments: Iterable[Argument], words: tuple[str, str, str, str]) -> str:
    """Return the Markdown table of arguments.

    :param words: the three headings, and the word for an argument without a default.
    """
    *headings, required = words
    lines = [f"| {' | '.join(headings)} |", "| --- | --- | --- |"]
    for argument in arguments:
        default = required if argument.default is None else f"`{_shortened(argument.default)}`"
        meaning = argument.meaning.replace("|", "\\|")
        lines.append(f"| `{argument.name}` | {default} | {meaning} |")
    return "\n".join(lines)


def _shortened(default: str) -> str:
    return default if len(default) <= _LONGEST_DEFAULT else "..."


def markdown_of(text: str) -> str:
    """Return a docstring's field as one line of Markdown."""
    return " ".join(_ROLE.sub(r"`\1`", text).replace("``", "`").split())


def _described(family: Iterable[tuple[str, ast.ClassDef]]) -> dict[str, tuple[str, str]]:
    """Return name -> (class, meaning); the first class that describes an argument counts."""
    meanings: dict[str, tuple[str, str]] = {}
    for _, node in family:
        for name, text in _PARAM.findall(ast.get_docstring(node) or ""):
            meanings.setdefault(name, (node.name, markdown_of(text)))
    return meanings


def _family(path: str) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield the class and its bases within the package, nearest first, each with its module."""
    module, _, name = path.rpartition(".")
    module, node = _find(module, name)
    yield module, node
    for base in node.bases:
        named = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(named, ast.Name) and (origin := _origin(module, named.id)) is not None:
            yield from _family(f"{origin}.{named.id}")


def _find(module: str, name: str) -> tuple[str, ast.ClassDef]:
    """Return the class and the module that defines it, through re-exports."""
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
    origin = _origin(module, name)
    if origin is None:
        raise LookupError(f"{module} has no class {name}")
    return _find(origin, name)


def _origin(module: str, name: str) -> str | None:
    """Return the module of the package that defines a name which a module uses, or None for a foreign one."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module.removeprefix(f"{PACKAGE}.")
    return None


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT / PACKAGE / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _signature(module: str, node: ast.ClassDef) -> Iterator[tuple[str, str | None]]:
    """Yield the arguments of a class's own constructor with their defaults."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            spec = item.args
            positional = [*spec.posonlyargs, *spec.args][1:]
            padding: list[ast.expr | None] = [None] * (len(positional) - len(spec.defaults))
            pairs = [*zip(positional, [*padding, *spec.defaults], strict=True)]
            pairs += zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
            for argument, default in pairs:
                yield argument.arg, None if default is None else _source(module, default)


def _passed_on(node: ast.ClassDef) -> set[str]:
    """Return the arguments of a base that a class decides itself, so that its users cannot give them."""
    return {
        keyword.arg
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__"
        for keyword in call.keywords
        if keyword.arg is not None
    }


def _source(module: str, default: ast.expr) -> str:
    """Return the source of a default; of a constant of the package its value, and an ellipsis for a computed one."""
    if not isinstance(default, ast.Name):
        return ast.unparse(default)
    for node in _tree(_module_of_constant(module, default.id)).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _assigns(node, default.id):
            return ast.unparse(node.value) if isinstance(node.value, ast.Constant | ast.Tuple) else "..."
    return "..."


def _assigns(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _module_of_constant(module: str, name: str) -> str:
    for node in _tree(module).body:
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith(f"{PACKAGE}.")
            and any((alias.asname or alias.name) == name for alias in node.names)
        ):
            return str(node.module).removeprefix(f"{PACKAGE}.")
    return module
