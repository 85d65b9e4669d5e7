"""Numbers and their rules (``did``)."""

from __future__ import annotations

from airflow_provider_directcall.api.methods.arguments import checked_audio, identifier, one_line, plain_text
from airflow_provider_directcall.api.replies import Acknowledgement, Number, Rule, Sound
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.api.requests import FilePart, Request, Value
from airflow_provider_directcall.telephony.numbers import parse_did

_SOUND_MEGABYTES = 1
#: Parameters of every request to ``did``, which a rule's field cannot have as its name.
_RESERVED = frozenset({"access_token", "format", "formato"})
_SOUND_SUFFIXES = {"audio/mpeg": "mp3", "audio/wav": "wav"}


def list_numbers() -> Request[tuple[Number, ...]]:
    """List the account's numbers (``/did/list``), without SIP passwords."""
    return Request("list_numbers", {}, Number.list_from_reply)


def list_rules(did: str) -> Request[tuple[Rule, ...]]:
    """List the rules of a number (``/did/route``).

    :param did: the number, with or without 55.
    """
    return Request("list_rules", {"did": parse_did(did)}, Rule.list_from_reply)


def save_rule(did: str, rule: Rule) -> Request[Rule]:
    """Change the rule with ``rule.rule_id``, or create one without it. Once-only.

    The whole method (``/did/save``) is assumed: read the rules back afterwards and compare. All fields of a rule that
    was read are written back, ``timeout`` and unknown ones included, so that nothing is lost where a write replaces the
    rule as a whole. A form has no null: it is written as an empty text, as are an empty list and an empty object.

    :raises ValueError: the number or the rule is wrong; nothing was sent.
    """
    if rule.priority is None:
        raise ValueError("rule: a priority is needed")
    params: dict[str, Value] = {
        "did": parse_did(did),
        "priority": str(rule.priority),
        "action": identifier("rule: action", rule.action),
    }
    if rule.rule_id is not None:
        params["dpId"] = identifier("rule: rule_id", rule.rule_id)
    for name, value in rule.data.items():
        params.update(_bracketed(f"data[{_plain_name(name)}]", value))
    for name, value in rule.other_fields.items():
        params.update(_bracketed(_outer_name(name), value))
    return Request("save_rule", params, Rule.from_reply)


def remove_rule(did: str, rule_id: str) -> Request[Acknowledgement]:
    """Remove a rule of a number. Once-only. The whole method (``/did/remove``) is assumed."""
    params: dict[str, Value] = {"did": parse_did(did), "dpId": identifier("rule_id", rule_id)}
    return Request("remove_rule", params, Acknowledgement.from_reply)


def add_sound(name: str, audio: bytes, *, content_type: str = "audio/mpeg") -> Request[Sound]:
    """Store an MP3 or WAV of up to 1 MB for use in rules (``/did/add-sound``). Once-only.

    :param name: its name (``nome``).
    :param audio: the file's bytes (``audio``).
    :param content_type: ``audio/mpeg`` or ``audio/wav``.
    """
    suffix = _SOUND_SUFFIXES.get(content_type)
    if suffix is None:
        raise ValueError(f"content_type: {' or '.join(_SOUND_SUFFIXES)} is needed")
    content = checked_audio(audio, megabytes=_SOUND_MEGABYTES, formats=("MP3", "WAV"))
    part = FilePart("audio", f"sound.{suffix}", content, content_type)
    return Request("add_sound", {"nome": one_line("name", name)}, Sound.from_reply, files=(part,))


def _plain_name(name: str) -> str:
    if any(char in '[]"\\' for char in one_line("rule: a field name", name)):
        raise ValueError("rule: a field name cannot hold brackets, quotes or backslashes")
    return name


def _outer_name(name: str) -> str:
    """Return the name of a field outside of ``data``; PHP changes blanks and dots in it."""
    if name in _RESERVED or any(char in " ." for char in _plain_name(name)):
        raise ValueError("rule: a field beside data has a name that no form can carry")
    return name


def _bracketed(name: str, value: Json) -> dict[str, Value]:
    """Format a JSON value as PHP-bracket parameters; unknown fields survive a read-change-write round trip."""
    if value is None or value in ([], {}):
        return {name: ""}
    if isinstance(value, dict):
        nested = (_bracketed(f"{name}[{_plain_name(key)}]", item) for key, item in value.items())
        return {key: item for part in nested for key, item in part.items()}
    if isinstance(value, list):
        return _bracketed(name, {str(index): item for index, item in enumerate(value)})
    if isinstance(value, bool):
        return {name: "true" if value else "false"}
    return {name: plain_text(f"rule: {name}", str(value))}
