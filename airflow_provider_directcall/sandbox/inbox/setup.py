"""The switches of the page, quirks and faults, described in its language, and the account's numbers."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.endpoints.numbers import rule_row
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS
from airflow_provider_directcall.sandbox.inbox.languages import ENGLISH, language_of
from airflow_provider_directcall.sandbox.quirks import QUIRKS
from airflow_provider_directcall.sandbox.rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.state import JsonObject

_DESCRIPTIONS: Final = Path(__file__).parent / "descriptions"
_NUMBER: Final = re.compile(r"\d+")
_FIELDS: Final = re.compile(r"(?<=JSON that has )[a-z, ]+")
_VARIES: Final = re.compile(rf"{_NUMBER.pattern}|{_FIELDS.pattern}")
_SIDES: Final = re.compile(r", (no effect|after the effect)$")
_NEEDS_MORE: Final = frozenset({"second_writer"})
"""Kinds of faults that a switch alone cannot set: they need further fields."""


def read_setup(account: Account, language: str) -> JsonObject:
    """Return the switches and their positions, the numbers with their rules, and the counts."""
    spoken = language_of(language) or ENGLISH
    on = account.settings.quirks
    in_force = account.faults.report()
    return {
        "numbers": [_number(account, did) for did in account.store.numbers],
        "endpoints": account.faults.endpoints,
        "quirks": [
            {"name": name, "description": describe(quirk.description, spoken), "on": name in on}
            for name, quirk in QUIRKS.items()
            # A quirk that is a fault always in force is switched as a fault, unless it is on.
            if name not in FAULT_KINDS or name in on
        ],
        "faults": [
            {
                "name": name,
                "description": describe(kind.description, spoken),
                "in_force": [fault for fault in in_force if fault["kind"] == name],
            }
            for name, kind in FAULT_KINDS.items()
            if name not in _NEEDS_MORE
        ],
        "effects": dict(account.store.effects),
        "requests": dict(account.store.requests),
    }


def _number(account: Account, did: str) -> JsonObject:
    rules = rules_of(account, did)
    phones = sorted({str(rule.data["phone"]) for rule in rules if rule.action == "fwd"})
    return {"did": did, "phones": phones, "rules": [{**rule_row(rule)} for rule in rules]}


def describe(description: str, language: str) -> str:
    """Return the description of a quirk or a fault in a language; in English where it has no translation."""
    if language == ENGLISH:
        return description
    known = _translations(language)
    side = _SIDES.search(description)
    base = _SIDES.sub("", description)
    translated = known.get(_VARIES.sub("#", base))
    if translated is None:
        return description
    varying = iter(_VARIES.findall(base))
    said = re.sub("#", lambda _: next(varying), translated)
    return said if side is None else f"{said}, {known[side[1]]}"


@cache
def _translations(language: str) -> Mapping[str, str]:
    found: dict[str, str] = json.loads((_DESCRIPTIONS / f"{language}.json").read_text(encoding="utf-8"))
    return found
