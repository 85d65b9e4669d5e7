"""One question to a statement, and everything its answer shows. Rows stay the vendor's own objects here."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallRefused, DirectcallReplyError
from airflow_provider_directcall.api.replies.values import (
    integer_or_none,
    moment_or_none,
    tags_of,
    text_or_none,
)
from airflow_provider_directcall.api.requests import LocalTime, Request, Value
from airflow_provider_directcall.api.words import folded
from airflow_provider_directcall.checking.assumptions import Finding

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from airflow_provider_directcall.api.replies.envelope import Json, JsonObject, Reply

T = TypeVar("T")

#: How often a first look is repeated, and the seconds between two.
TRIES: Final = 3
PAUSE_SECONDS: Final = 5.0

#: Pages that are read to find our own row.
MOST_PAGES: Final = 10

_TIME: Final = "%Y%m%d%H%M%S"
_NO_SUCH_CODES: Final = frozenset({"009", "010"})
_FIELD_NAME: Final = re.compile(r"[A-Za-z_]\w{0,30}", re.ASCII)
#: The use of an endpoint, in words, for a consequence.
USES: Final[Mapping[str, str]] = {
    "list_statement": "the statement of calls",
    "list_messages": "the statement of messages",
    "list_recordings": "the list of recordings",
    "list_numbers": "the list of numbers",
    "list_rules": "number rules",
}


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause between two looks."""

    seconds: float


#: A look-up that may pause.
Steps = Generator["Request[Any] | Pause", Any, T]


@dataclass(frozen=True, slots=True)
class Look:
    """The answer to one question.

    :ivar rows: the rows of one page.
    :ivar pages: ``paginas`` as it came; None when it is missing.
    :ivar empty_as: form of an answer without rows, a key in the table of forms; None where there are rows.
    :ivar error: why there is no answer.
    """

    rows: tuple[JsonObject, ...] = field(default=(), repr=False)
    pages: Json = None
    empty_as: str | None = None
    error: DirectcallError | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in one window of time.

    :param endpoint: its name in the table of endpoints.
    :param since: aware.
    :param until: aware.
    """

    endpoint: str
    since: datetime
    until: datetime

    def look(
        self, *, page: int = 1, search: str | None = None, tags: Mapping[str, str] | None = None, **filters: str
    ) -> Steps[Look]:
        """Ask once, with these parameters and no others.

        :param search: value of ``campos[search]``; None leaves it out.
        :param filters: the vendor's parameters, such as ``numeroDestino``.
        """
        params: dict[str, Value] = {
            "dataInicial": LocalTime(self.since, _TIME),
            "dataFinal": LocalTime(self.until, _TIME),
            **filters,
            **{f"campos[{name}]": value for name, value in (tags or {}).items()},
        }
        if search is not None:
            params["campos[search]"] = search
        try:
            answer: Look = yield Request(self.endpoint, {**params, "pagina": str(page)}, _read)
        except DirectcallRefused as refused:
            is_empty = refused.code in _NO_SUCH_CODES or "nenhum" in folded(refused.text)
            return Look(error=refused, empty_as="empty_refused" if is_empty else None)
        except DirectcallError as error:
            return Look(error=error)
        return answer

    def pages(self, first: Look) -> Steps[list[Look]]:
        """Read the pages after the first, up to :data:`MOST_PAGES`; return all."""
        looks = [first]
        while looks[-1].rows and len(looks) < min(integer_or_none(first.pages) or MOST_PAGES, MOST_PAGES):
            following = yield from self.look(page=len(looks) + 1)
            if not following.rows or following.rows == looks[-1].rows:
                break
            looks.append(following)
        return looks

    def first_look(self) -> Steps[tuple[Look, list[Finding]]]:
        """Ask without filters, several times if need be; return the answer and the findings about the path."""
        answer = Look()
        for failures in range(TRIES):
            answer = yield from self.look()
            if answer.error is None or answer.empty_as is not None:
                late = [Finding("first_unreadable", self.endpoint, {"count": failures})] if failures else []
                return answer, [Finding("answers", self.endpoint), *late]
            if isinstance(answer.error, DirectcallRefused):
                break
            yield Pause(PAUSE_SECONDS)
        return answer, [unanswered(self.endpoint, answer.error)]


def unanswered(endpoint: str, error: DirectcallError | None) -> Finding:
    """Describe a path that does not answer: by kind, code and HTTP status, without any text of the server's."""
    use = USES.get(endpoint, endpoint)
    status = (error.http_status if error is not None else None) or "-"
    if isinstance(error, DirectcallRefused):
        return Finding("refused", endpoint, {"code": error.code or "-", "status": status, "use": use})
    if isinstance(error, DirectcallReplyError):
        return Finding("no_answer", endpoint, {"kind": "a reply that cannot be read", "status": status, "use": use})
    return Finding("not_answered", endpoint, {"kind": type(error).__name__, "use": use})


def plain_names(names: Iterable[str]) -> list[str]:
    """Return the names that can be shown: a strange or hostile row could hold a number or a control code in one."""
    return sorted(name for name in names if _FIELD_NAME.fullmatch(name) and not re.search(r"\d{4}", name))


def _read(reply: Reply) -> Look:
    msg, pages = reply.fields.get("msg"), reply.fields.get("paginas")
    rows = tuple(row for row in _items(msg) if isinstance(row, dict))
    if rows:
        return Look(rows, pages)
    if isinstance(msg, str):
        return Look(pages=pages, empty_as="empty_text")
    return Look(pages=pages, empty_as="empty_list" if msg == [] else "empty_missing")


def _items(msg: Json) -> list[Json]:
    if isinstance(msg, dict):
        return list(msg.values()) if all(key.isdigit() for key in msg) else [msg]
    return msg if isinstance(msg, list) else []


def tags_in(row: Mapping[str, Json]) -> Mapping[str, str]:
    """Return the tags that a row shows."""
    return tags_of(row.get("campos"))


def digits_of(row: Mapping[str, Json]) -> str:
    """Return the digits of a row's destination."""
    return "".join(char for char in text_or_none(row.get("destino")) or "" if char.isascii() and char.isdigit())


def time_in(row: Mapping[str, Json], zone: ZoneInfo) -> datetime | None:
    """Return a row's time."""
    return moment_or_none(row.get("inicio"), zone)
