"""Rules given as mappings: in files, in templates, in DAG code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, WithJsonSchema, create_model

from airflow_provider_directcall.routing.conditions import masked_repr, time_of_day, week
from airflow_provider_directcall.routing.conditions import sources as joined_callers
from airflow_provider_directcall.routing.rules import (
    EMAIL,
    LARGEST_WHOLE,
    LONGEST_WAIT_SECONDS,
    Forward,
    HangUp,
    NumberRule,
    PlaySound,
    Voicemail,
)
from airflow_provider_directcall.routing.validation import (
    BOTH_OR_NONE,
    CONFIG,
    CalendarError,
    ParsedBy,
    Time,
    Weekdays,
    parse,
)


def _digits(value: object) -> str:
    """Return a phone number, which may be a whole number in YAML, as text."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):  # a float is rejected later
        return str(value)
    raise ValueError(f"a text is needed, not {masked_repr(value)}")


def _as_given(check: Callable[[Any], object]) -> Callable[[object], object]:
    """Keep a checked value in its own spelling, but without a list that the caller could still change."""

    def checked(value: object) -> object:
        check(value)
        return tuple(value) if isinstance(value, (list, set, frozenset)) else value

    return checked


_Sources = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "null"},
                {"type": "string", "pattern": r"[^,;\s]"},
                {"type": "integer"},
                {
                    "type": "array",
                    "items": {"type": ["string", "integer"]},
                    "contains": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"\S"}]},
                },
            ]
        }
    ),
]
_Whole = Annotated[int, Strict(), Field(ge=1, le=LARGEST_WHOLE)]


class _Rule(BaseModel):
    model_config = CONFIG
    rule: ClassVar[Callable[..., NumberRule]]

    sources: Annotated[object, ParsedBy(_as_given(joined_callers), _Sources)] = Field(
        default=None, description="Callers to whom it applies; everybody when left out (source; assumed)."
    )


class ChainForward(_Rule):
    """Rule of a chain: send the call on to another number."""

    rule = Forward

    action: Literal["forward"]
    to: Annotated[str, ParsedBy(_digits, str | int)] = Field(
        description="Brazilian number, ip + area + number, or sip: + SIP login (phone)."
    )
    wait_seconds: Annotated[_Whole, Field(le=LONGEST_WAIT_SECONDS)] = Field(
        default=30, description="How long it may ring before the next rule is tried (wait)."
    )
    record: Annotated[bool, Strict()] = Field(default=False, description="Record the call (record; assumed).")


class ChainSound(_Rule):
    """Rule of a chain: play a stored audio."""

    rule = PlaySound

    action: Literal["sound"]
    sound_id: _Whole = Field(description="Id of a stored audio (soundId; assumed).")
    moment: Literal["start", "end"] = Field(
        default="start", description="start: a greeting, then the next rule. end: the last message."
    )


class ChainVoicemail(_Rule):
    """Rule of a chain: take a message and send its audio by e-mail."""

    rule = Voicemail

    action: Literal["voicemail"]
    email: Annotated[str, Strict(), WithJsonSchema({"type": "string", "pattern": f"^{EMAIL.pattern}$"})] = Field(
        description="Address that gets the audio (email; assumed)."
    )


class ChainHangUp(_Rule):
    """Rule of a chain: hang up."""

    rule = HangUp

    action: Literal["hangup"]


class _Placed(_Rule):
    model_config = ConfigDict(**CONFIG, json_schema_extra={"oneOf": BOTH_OR_NONE})

    priority: _Whole = Field(description="Place in the order; the lowest is tried first (assumed).")
    weekdays: Annotated[object, ParsedBy(_as_given(week), Weekdays | None)] = Field(
        default=None, description="Every day when left out (week; assumed)."
    )
    start: Annotated[object, ParsedBy(_as_given(partial(time_of_day, "start")), Time | None)] = Field(
        default=None, description="From then on; without times all day (start; assumed)."
    )
    end: Annotated[object, ParsedBy(_as_given(partial(time_of_day, "end")), Time | None)] = Field(
        default=None, description="Until then, excluded; before the start is over midnight (end; assumed)."
    )


def _any_of(models: Mapping[str, type[_Rule]]) -> object:
    """Return the type of a mapping that is one of the models."""
    return Annotated[reduce(or_, models.values()), Field(discriminator="action")]


_IN_CHAINS: Final[Mapping[str, type[_Rule]]] = {
    "forward": ChainForward,
    "sound": ChainSound,
    "voicemail": ChainVoicemail,
    "hangup": ChainHangUp,
}
_PLACED: Final[Mapping[str, type[_Rule]]] = {
    action: create_model(f"Placed{model.__name__.removeprefix('Chain')}", __base__=(model, _Placed))
    for action, model in _IN_CHAINS.items()
}
#: A rule of a chain, and a rule with its place and times, as mappings.
ChainRule: Final = _any_of(_IN_CHAINS)
PlacedRule: Final = _any_of(_PLACED)


def rule_from(value: object) -> NumberRule:
    """Return a rule as it is, or make it from a mapping with the key ``action`` and the fields of that kind of rule.

    :raises CalendarError: all problems of the mapping; numbers are masked.
    """
    return value if isinstance(value, NumberRule) else _parse(value, _PLACED)


def chain_rule_from(value: object) -> NumberRule:
    """Make a rule of a chain from a mapping. Its priority is 1, until the chain gives it its place.

    :raises CalendarError: all problems of the mapping; numbers are masked.
    """
    return _parse(value, _IN_CHAINS, priority=1)


def _parse(value: object, models: Mapping[str, type[_Rule]], **given: object) -> NumberRule:
    if not isinstance(value, Mapping):
        raise CalendarError([f"rule: a mapping or a rule is needed, not {masked_repr(value)}"])
    action = value.get("action")
    model = models.get(str(action))
    if model is None:
        problem = f"rule: action has to be one of {', '.join(models)}, not {masked_repr(action)}"
        hint = "the 'before' and 'after' of a task's result are in Directcall's terms: give the desired rule"
        raise CalendarError([f"{problem} ({hint})"])
    fields = dict(parse(model, value))
    del fields["action"]
    try:
        return model.rule(**given, **fields)
    except ValueError as error:
        raise CalendarError([str(error)]) from None
