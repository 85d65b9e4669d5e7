"""Validation with pydantic: records, field types, and all problems at once with their paths and masked values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import time
from functools import partial, wraps
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Final, TypeVar, cast, dataclass_transform

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, core_schema

from airflow_provider_directcall.routing.conditions import WEEKDAYS, masked_repr, time_of_day, week
from airflow_provider_directcall.telephony.masking import mask_numbers_in

if TYPE_CHECKING:
    from pydantic.config import JsonValue
    from pydantic_core import ErrorDetails

T = TypeVar("T")

#: For records and models. Values stay out of pydantic's own texts, which mask nothing.
CONFIG: Final = ConfigDict(
    extra="forbid",
    hide_input_in_errors=True,
    validate_by_alias=True,
    validate_by_name=True,
)

#: JSON Schema of an object whose ``start`` and ``end`` are both given, or both left out.
BOTH_OR_NONE: Final[list[JsonValue]] = [
    {"required": ["start", "end"], "properties": {"start": {"type": "string"}, "end": {"type": "string"}}},
    {"properties": {"start": {"type": "null"}, "end": {"type": "null"}}},
]
#: Most problems in the text of an error.
_MOST_SHOWN: Final = 100
_END_OF_DAY: Final = "24:00"


class CalendarError(ValueError):
    """An invalid calendar, or an invalid rule given as a mapping. Phone numbers are masked in its text.

    :ivar problems: all that were found, each as ``path: problem``, such as ``overrides[2].ends: is missing``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(mask_numbers_in(problem) for problem in problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        more = len(self.problems) - _MOST_SHOWN
        return "\n- ".join(
            [
                f"{len(self.problems)} problems:",
                *self.problems[:_MOST_SHOWN],
                *([f"and {more} more"] if more > 0 else []),
            ]
        )


def problems_at(path: str, error: ValueError) -> list[str]:
    """List the problems of an error, each with a path before its own; a problem of a whole rule is at the path."""
    problems = error.problems if isinstance(error, CalendarError) else [str(error)]
    if not path:
        return list(problems)
    at_path = (each.removeprefix("rule") if each.startswith("rule: ") else each for each in problems)
    return [f"{path}{each}" if each[0] in ":[" else f"{path}.{each}" for each in at_path]


def parse(kind: type[T], value: object) -> T:
    """Return a record as it is, or make it from a mapping with its arguments.

    :raises CalendarError: all problems of the mapping.
    """
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise CalendarError([f": a mapping is needed, not {masked_repr(value)}"])
    try:
        return TypeAdapter(kind).validate_python({str(name): item for name, item in value.items()})
    except ValidationError as error:
        raise _calendar_error(kind, error) from None


@dataclasses.dataclass(frozen=True)
class ParsedBy:
    """Annotation of a field: a function makes its value, and a type describes its argument in the JSON Schema."""

    function: Callable[[object], object]
    argument: object

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Leave out the annotated type itself, which need not be one of pydantic's."""
        argument = handler.generate_schema(self.argument)
        return core_schema.no_info_plain_validator_function(self.function, json_schema_input_schema=argument)


def parsed(kind: type[object]) -> ParsedBy:
    """Return the annotation of a field that takes a record, or a mapping with its arguments."""
    return ParsedBy(partial(parse, kind), kind)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def record(**schema: JsonValue) -> Callable[[type[T]], type[T]]:
    """Make a class a frozen dataclass that validates its arguments and raises CalendarError.

    :param schema: keys of its JSON Schema beside its fields.
    """

    def decorate(kind: type[T]) -> type[T]:
        made = dataclass(frozen=True, config=ConfigDict(**CONFIG, json_schema_extra=schema))(kind)
        validate, arguments = made.__init__, signature(made)

        @wraps(validate)
        def __init__(self: T, *args: object, **kwargs: object) -> None:  # noqa: N807  # the class's constructor
            given = arguments.bind(*args, **kwargs).arguments  # pydantic would call a positional one by its index
            try:
                validate(self, **given)
            except ValidationError as error:
                raise _calendar_error(kind, error) from None

        made.__init__ = __init__  # type: ignore[assignment,method-assign]  # replaced on purpose: it raises CalendarError
        return cast("type[T]", made)

    return decorate


def text(value: object) -> str:
    """Return a text without the blanks around it.

    :raises ValueError: it is no text, or blank.
    """
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ValueError(f"a text is needed, not {masked_repr(value)}")


def _weekdays(value: object) -> str:
    days = week(value)
    if days is None:
        raise ValueError("at least one day is needed")
    return days


def _time(value: object, info: ValidationInfo) -> str | None:
    return time_of_day(str(info.field_name), value)


def _end_time(value: object, info: ValidationInfo) -> str | None:
    is_end_of_day = isinstance(value, str) and value.strip() == _END_OF_DAY
    return _END_OF_DAY if is_end_of_day else _time(value, info)


def _pattern(pattern: str, description: str = "") -> WithJsonSchema:
    about = {"description": description} if description else {}
    return WithJsonSchema({"type": "string", "pattern": pattern, **about})


def _any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" for letter in word)


_TIME: Final = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::00)?"
_DAY: Final = f"(?:[1-7]|{'|'.join(f'{_any_case(day[:3])}(?:{_any_case(day[3:])})?' for day in WEEKDAYS)})"
_DAYS: Final = rf"{_DAY}(?:\s*-\s*{_DAY})?"
_A_DAY: Final = [
    {"type": "integer", "minimum": 1, "maximum": 7},
    {"type": "string", "pattern": rf"^\s*{_DAYS}(?:[,;\s]+{_DAYS})*\s*$"},
]

# As arguments take them; the values are texts.
Text = Annotated[str, PlainValidator(text), _pattern(r"\S")]
Weekdays = Annotated[
    str | int | Sequence[str | int],
    PlainValidator(_weekdays),
    WithJsonSchema({"anyOf": [*_A_DAY, {"type": "array", "minItems": 1, "items": {"anyOf": _A_DAY}}]}),
]
Time = Annotated[str | time, PlainValidator(_time), _pattern(rf"^\s*{_TIME}\s*$", "HH:MM")]
EndTime = Annotated[
    str | time,
    PlainValidator(_end_time),
    _pattern(rf"^\s*(?:{_TIME}|24:00)\s*$", "HH:MM, excluded; 24:00 is the end of the day."),
]


def _calendar_error(kind: type[object], error: ValidationError) -> CalendarError:
    """Convert pydantic's error about a record, whose fields are named where one is unknown."""
    known = ", ".join(sorted(field.alias or name for name, field in vars(kind)["__pydantic_fields__"].items()))
    return CalendarError([problem for detail in error.errors() for problem in _problems(detail, known)])


def _path(location: Iterable[int | str]) -> str:
    """Format pydantic's location of a problem, such as ``overrides[2].as``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part.rstrip('_')}" for part in location)
    return "".join(parts).removeprefix(".")


def _problems(detail: ErrorDetails, known: str) -> list[str]:
    path, kind, cause = _path(detail["loc"]), detail["type"], detail.get("ctx", {}).get("error")
    if kind == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
        return []  # only without its invalid items, which are problems of their own
    if isinstance(cause, CalendarError) or (cause is not None and not path):
        return problems_at(path, cause)
    if cause is not None:
        problem = str(cause).removeprefix(f"{detail['loc'][-1]}: ")
    elif kind.startswith("missing"):
        problem = "is missing"
    elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
        problem = f"is not known here; known: {known}"
    else:
        message = f"{detail['msg'][:1].lower()}{detail['msg'][1:]}".replace("tuple", "list")
        message = message.replace(" after validation", "")
        value = f", not {masked_repr(detail['input'])}" if message.startswith("input ") else ""
        problem = message + value
    return [f"{path}: {problem}"]
