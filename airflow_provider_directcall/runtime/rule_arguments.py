"""A rule of a number as it comes out of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.rules import NumberRule

#: Fields of a rule that are no texts -> how they come out of a template.
_READERS: Final[Mapping[str, Callable[[str, object], object]]] = MappingProxyType(
    {
        "priority": arguments.integer,
        "wait_seconds": arguments.integer,
        "sound_id": arguments.integer,
        "record": arguments.boolean,
        "weekdays": arguments.texts,
        "sources": arguments.texts,
    }
)


def rule_from_template(item: object, *, name: str = "") -> NumberRule:
    """A rule from itself, from a mapping of which each value may have been a template, or from the text of one.

    What came out empty or as ``None`` is not given.

    :param name: what an error calls it, where its place does not say so.
    :raises ValueError: it is none of them, or no rule can be made of it.
    """
    from airflow_provider_directcall.routing.rule_parsing import rule_from
    from airflow_provider_directcall.routing.rules import NumberRule

    if isinstance(item, NumberRule):
        return item
    given = arguments.literal("rule", item) if isinstance(item, str) else item
    if not isinstance(given, Mapping):
        place = f"{name}: " if name else ""
        raise ValueError(f"{place}a mapping or a rule is needed, not {type(given).__name__}")
    return rule_from({name: value for name, value in _typed(given) if value is not None})


def _typed(given: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The rule's fields with their values as they were before the template; None for what is not given."""
    for name, value in given.items():
        if arguments.optional_text(value) is None:
            yield name, None
        else:
            yield name, _READERS[name](name, value) if name in _READERS else value
