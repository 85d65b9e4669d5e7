"""Requests and listings as data, as the methods describe them.

A parameter is a text, or a value that depends on the account (its zone, its default origin) and is rendered when the
request is sent. ``repr`` shows the endpoint only: parameters hold phone numbers and texts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.replies.values import integer_or_none
from airflow_provider_directcall.api.settings import NO_TAG_SEARCH, Settings
from airflow_provider_directcall.api.wire import ENDPOINTS, Endpoint
from airflow_provider_directcall.telephony.masking import mask_number
from airflow_provider_directcall.telephony.numbers import NumberKind, parse_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies.envelope import JsonObject, Reply

T = TypeVar("T")
Row = TypeVar("Row")


class AccountValue(Protocol):
    """A parameter that depends on the account."""

    def render(self, settings: Settings) -> str | None:
        """Return the text for the wire, None to leave it out; raise ValueError if the account lacks the setting."""
        ...


Value = str | AccountValue
#: A value inside a JSON body; account values are rendered at any depth.
JsonValue = Value | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A moment, formatted in the account's zone with a strftime pattern."""

    moment: datetime
    pattern: str

    def render(self, settings: Settings) -> str:
        """Return local time without a zone, as Directcall writes all times."""
        return self.moment.astimezone(settings.zone).strftime(self.pattern)


def other_than(destination: str | None, origin: str, *, argument: str = "origin") -> str:
    """Return the digits of an origin; reject those of the destination."""
    if origin == destination:
        raise ValueError(f"{argument}: {mask_number(origin)} is the destination too, and cannot call itself")
    return origin


@dataclass(frozen=True, slots=True)
class DefaultOrigin:
    """The account's default origin, validated like an explicit one.

    :param destination: digits of the party from which it has to differ.
    """

    allow: frozenset[NumberKind]
    destination: str | None = field(default=None, repr=False)

    def render(self, settings: Settings) -> str:
        """Return the digits of the account's ``default_origin``; raise ValueError when it has none."""
        if not settings.default_origin:
            connection = f"the connection {settings.name!r}" if settings.name else "the connection"
            raise ValueError(f"origin: none was given, and {connection} has no default_origin")
        digits = parse_number(settings.default_origin, argument="default_origin", allow=self.allow).digits
        return other_than(self.destination, digits, argument="default_origin")


@dataclass(frozen=True, slots=True)
class Credential:
    """The client's id or secret, for a request without a token."""

    name: Literal["client_id", "client_secret"]

    def render(self, settings: Settings) -> str:
        """Return the account's value."""
        return settings.client_id if self.name == "client_id" else settings.client_secret


@dataclass(frozen=True, slots=True)
class TagSearch:
    """The account's ``campos[search]``, which it may need to show tags, or may take for one more filter.

    :param default: its value where the account's is not set; None leaves it out there.
    """

    default: str | None = "s"

    def render(self, settings: Settings) -> str | None:
        """Return its value, or None where the account does without."""
        value = settings.tag_search or self.default
        return value if value != NO_TAG_SEARCH else None


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a multipart body.

    :param name: name of the form field.
    :param filename: name shown to the vendor.
    :param content: the bytes.
    :param content_type: MIME type.
    """

    name: str
    filename: str
    content: bytes = field(repr=False)
    content_type: str = "audio/mpeg"


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request to one endpoint, and the parser of its reply.

    :param endpoint_name: key in :data:`~airflow_provider_directcall.api.wire.ENDPOINTS`.
    :param params: vendor field name -> value, in the order of the wire, without token and format.
    :param read: parses the reply into the method's result.
    :param files: files that make the body multipart.
    :param json: body of an endpoint that takes JSON, without the token.
    :param authenticated: False for the two requests that carry the client's secret instead of a token.
    """

    endpoint_name: str
    params: Mapping[str, Value] = field(repr=False)
    read: Callable[[Reply], T] = field(repr=False)
    files: tuple[FilePart, ...] = field(default=(), repr=False)
    json: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    authenticated: bool = True

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint's row in the table."""
        return ENDPOINTS[self.endpoint_name]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a listing.

    :param rows: the page's rows.
    :param total_pages: number of pages (``paginas``), or None when the reply lacks it.
    """

    rows: tuple[Row, ...] = field(repr=False)
    total_pages: int | None


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """All pages of a query.

    :param page: page number, from 1 -> the request for it.
    :param key: identity of a row, or None for a row without one.
    """

    page: Callable[[int], Request[Page[Row]]] = field(repr=False)
    key: Callable[[Row], Hashable | None] = field(repr=False)


def listing(
    endpoint_name: str,
    params: Mapping[str, Value],
    read_row: Callable[[JsonObject, ZoneInfo], Row],
    key: Callable[[Row], Hashable | None],
) -> Listing[Row]:
    """Describe all pages of one endpoint; ``pagina`` counts from 1, the reply's ``paginas`` is their number."""

    def read(reply: Reply) -> Page[Row]:
        rows = tuple(read_row(fields, reply.zone) for fields in reply.objects)
        return Page(rows, integer_or_none(reply.fields.get("paginas")))

    def page(number: int) -> Request[Page[Row]]:
        return Request(endpoint_name, {**params, "pagina": str(number)}, read)

    return Listing(page, key)
