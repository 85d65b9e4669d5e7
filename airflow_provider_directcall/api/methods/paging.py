"""A query with pages as a listing."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.replies.envelope import JsonObject, Reply
from airflow_provider_directcall.api.replies.values import integer_or_none
from airflow_provider_directcall.api.requests import Listing, Page, Request, Value

Row = TypeVar("Row")


def listing(
    endpoint_name: str,
    params: Mapping[str, Value],
    read_row: Callable[[JsonObject, ZoneInfo], Row],
    key: Callable[[Row], Hashable | None],
) -> Listing[Row]:
    """All pages of one endpoint; ``pagina`` counts from 1, ``paginas`` of the reply is the number of pages."""

    def read(reply: Reply) -> Page[Row]:
        rows = tuple(read_row(fields, reply.zone) for fields in reply.objects)
        return Page(rows, integer_or_none(reply.fields.get("paginas")))

    def page(number: int) -> Request[Page[Row]]:
        return Request(endpoint_name, {**params, "pagina": str(number)}, read)

    return Listing(page, key)
