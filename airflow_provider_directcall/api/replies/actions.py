"""Replies to actions of several families: acknowledgements and registered callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from airflow_provider_directcall.api.replies.envelope import Json, JsonObject, Reply
from airflow_provider_directcall.api.replies.values import text_or_none


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An accepted action without a result of its own.

    :ivar text: the vendor's words (``msg``).
    :ivar raw: the whole reply.
    """

    text: str = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply."""
        return cls(text=reply.text, raw=reply.fields)


@dataclass(frozen=True, slots=True)
class Callback:
    """A registered webhook.

    :ivar code: the id that removes it (40 hexadecimal digits), or None.
    :ivar url: the registered address, or None when the reply lacks it; may hold credentials, so not in ``repr``.
    :ivar raw: the vendor's fields.
    """

    code: str | None
    url: str | None = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply to a registration; the code is required."""
        reply.require("code")
        return cls.from_fields(dict(reply.fields))

    @classmethod
    def from_fields(cls, fields: JsonObject) -> Self:
        """Parse one entry of a list of callbacks (its field names are inferred)."""
        return cls(code=text_or_none(fields.get("code")), url=text_or_none(fields.get("url")), raw=fields)

    @classmethod
    def list_from_reply(cls, reply: Reply) -> tuple[Self, ...]:
        """Parse a list of callbacks."""
        return tuple(cls.from_fields(item) for item in reply.objects)
