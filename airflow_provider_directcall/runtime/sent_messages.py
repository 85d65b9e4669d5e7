"""Reads which messages other tasks have sent, from their outputs as operators return them and templates render them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.statement.message_search import SentMessageId
from airflow_provider_directcall.statement.ownership import KEY_TAG


def messages_in(name: str, value: object, recipients: int | None = None) -> list[SentMessageId]:
    """Return the messages of one output, or id, or of several.

    :param recipients: how many recipients a message has that is given by its id.
    :raises ValueError: there is none, or one is neither an id nor an output of a task that sends messages.
    """
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "[", "("}:
        value = arguments.literal(name, value)
    listed = value if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else [value]
    messages = [_message(name, each, recipients) for each in listed]
    if not messages:
        raise ValueError(f"{name}: it names no message")
    return list(dict.fromkeys(messages))


def _message(name: str, value: object, recipients: int | None) -> SentMessageId:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = arguments.literal(name, value)
    if isinstance(value, Mapping):
        callerid, key = (arguments.optional_text(value.get(field)) for field in ("callerid", KEY_TAG))
        listed = value.get("recipients")
        each = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list | tuple) else []
        refused = sum(one.get("accepted") is False for one in each)
        found = SentMessageId(callerid, key, (len(each) - refused) if each else (recipients or 1), refused)
    elif value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        found = SentMessageId(arguments.optional_text(value), None, recipients or 1)
    else:
        raise ValueError(f"{name}: an id or the output of a task is needed, not {type(value).__name__}")
    if found.callerid is None and found.key is None:
        raise ValueError(f"{name}: it has neither the id nor the {KEY_TAG} of a message")
    return found
