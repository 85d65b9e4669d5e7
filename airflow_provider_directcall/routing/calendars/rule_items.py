"""One rule of a file: how it is read, and where in the file its problem stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from airflow_provider_directcall.routing.conditions import shown
from airflow_provider_directcall.routing.rules import NumberRule, rule_from

__all__ = ["kept", "path_of", "rule_of_file"]

_TEXTS: Final = ("to", "email")


def rule_of_file(item: object, *, given_elsewhere: Collection[str] = ()) -> NumberRule:
    """A rule from a mapping, as ``rule_from`` takes it, where a phone number may be a whole number too.

    :param given_elsewhere: as of ``rule_from``.
    :raises ValueError: what is wrong first.
    """
    if not isinstance(item, Mapping):
        raise ValueError(f"rule: a mapping is needed, not {shown(item)}")
    given = {str(name): _texted(name, value) for name, value in item.items()}
    return kept(rule_from(given, given_elsewhere=given_elsewhere))


def kept(rule: NumberRule) -> NumberRule:
    """The rule without a list that somebody could still change."""
    weekdays, sources = rule.weekdays, rule.sources
    return replace(
        rule,
        weekdays=weekdays if weekdays is None or isinstance(weekdays, (str, int)) else tuple(weekdays),
        sources=sources if sources is None or isinstance(sources, str) else tuple(sources),
    )


def path_of(problem: str) -> str:
    """What is wrong with a rule, to be put behind the path of the rule."""
    about_rule = problem.removeprefix("rule: ")
    return f".{problem}" if about_rule == problem else f": {about_rule}"


def _texted(name: object, value: object) -> object:
    """A phone number that came as a whole number is its digits."""
    if name not in _TEXTS or isinstance(value, str):
        return value
    if name == "to" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{name}: a text is needed, not {shown(value)}")
