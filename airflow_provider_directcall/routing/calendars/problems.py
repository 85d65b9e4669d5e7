"""Everything that is wrong with a calendar, told at once, each problem with the path of what it is about."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from airflow_provider_directcall.routing.conditions import shown
from airflow_provider_directcall.telephony.masking import mask_numbers_in

__all__ = ["CalendarError", "Problems", "built", "listed", "text"]

T = TypeVar("T")

#: Name in a file -> argument, where the name is a word of Python.
_ARGUMENTS: Final = {"as": "as_", "from": "from_"}
_NAMES: Final = {argument: name for name, argument in _ARGUMENTS.items()}


class CalendarError(ValueError):
    """A calendar that cannot be. Phone numbers are masked in its text.

    :ivar problems: all that was found, each as ``path: what is wrong``, such as ``overrides[2].ends: is missing``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(mask_numbers_in(problem) for problem in problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        return "\n- ".join([f"{len(self.problems)} problems:", *self.problems])


class Problems:
    """Collects the problems of the parts of a whole.

    Every text begins with the name of the field that it is about, or with a colon when it is about the whole part.
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def at(self, path: str = "") -> Iterator[None]:
        """Take the ValueErrors of the block as problems of what stands at the path."""
        try:
            yield
        except ValueError as error:
            self._found += [_joined(path, problem) for problem in _problems_of(error)]

    def add(self, problem: str) -> None:
        """Take one problem as it is."""
        self._found.append(problem)

    def tell(self) -> None:
        """Raise what was found.

        :raises CalendarError: anything was.
        """
        if self._found:
            raise CalendarError(self._found)


def built(kind: type[T], value: object) -> T:
    """A record from itself, or from a mapping with its arguments.

    :raises CalendarError: unknown or missing names, and what the record says of its values.
    """
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise CalendarError([f": a mapping or {kind.__name__} is needed, not {shown(value)}"])
    given = {_ARGUMENTS.get(str(name), str(name)): item for name, item in value.items()}
    arguments = inspect.signature(kind).parameters
    missing = [name for name, one in arguments.items() if one.default is one.empty and name not in given]
    known = ", ".join(sorted(_NAMES.get(name, name) for name in arguments))
    found = [f"{name}: is not known here; known: {known}" for name in given if name not in arguments]
    found += [f"{name}: is missing" for name in missing]
    try:
        # What is missing stands as None, so that the problems of all others are told too.
        made = kind(**{name: given.get(name) for name in arguments if name in given or name in missing})
    except ValueError as error:
        already_told = tuple(f"{name}:" for name in missing)
        found += [problem for problem in _problems_of(error) if not problem.startswith(already_told)]
    else:
        if not found:
            return made
    raise CalendarError(found)


def listed(name: str, value: object) -> Sequence[object]:
    """A list.

    :raises ValueError: it is none.
    """
    if isinstance(value, (list, tuple)):
        return value
    raise ValueError(f"{name}: a list is needed, not {shown(value)}")


def text(name: str, value: object) -> str:
    """A text that is not blank, without blanks around it.

    :raises ValueError: it is none.
    """
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError(f"{name}: a text is needed, not {shown(value)}")


def _joined(path: str, problem: str) -> str:
    return f"{path}{problem}" if not path or problem.startswith(":") else f"{path}.{problem}"


def _problems_of(error: ValueError) -> Sequence[str]:
    return error.problems if isinstance(error, CalendarError) else [str(error)]
