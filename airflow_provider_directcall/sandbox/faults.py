"""Faults: the table of their kinds, each with a hook before or after the effect, and their schedule."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard

from airflow_provider_directcall.sandbox.answers import ANSWERS, CHANGES, TRANSPORT_ANSWERS, empty_data
from airflow_provider_directcall.sandbox.php_forms import split_name, text_at

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.answers import Answer
    from airflow_provider_directcall.sandbox.connection_faults import CapturedReply, ClientConnection
    from airflow_provider_directcall.sandbox.php_forms import PhpArray
    from airflow_provider_directcall.sandbox.requests import RequestContext

EVERY_ENDPOINT: Final = "*"
_HTML: Final = "text/html; charset=UTF-8"
_JSON: Final = "application/json; charset=UTF-8"
_FATAL: Final = b"<br />\n<b>Fatal error</b>: Uncaught Exception in <b>/var/www/api/index.php</b> on line <b>42</b>\n"
_NOT_FOUND: Final = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault to inject.

    :ivar endpoint: name or path (``voz/call``, ``/voz/call``) or ``*``.
    :ivar times: how often it happens; None = always.
    :ivar after: number of requests that pass first.
    :ivar probability: for each further request, drawn with ``seed``.
    :ivar seconds: delay of ``slow``, in real seconds.
    :ivar retry_after: header of a 429.
    :ivar each: PHP name of a request field (``did``, ``campos[contact]``): ``after`` and ``times`` count per value of
        it, and requests without it pass.
    :ivar among: values of that field that are affected; None = all.
    :ivar write: the rule write of ``second_writer``: the fields of ``/did/save``, or ``did`` and ``remove``.
    """

    kind: str
    endpoint: str = EVERY_ENDPOINT
    times: int | None = None
    after: int = 0
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0
    retry_after: int = 1
    each: str | None = None
    among: tuple[str, ...] | None = None
    write: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reject an unknown kind and numbers out of range with a ``ValueError``."""
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"kind: unknown {self.kind!r}; `directcall-sandbox --list-faults` lists all")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}")
        if self.after < 0 or self.seconds < 0 or (self.times is not None and self.times < 0):
            raise ValueError("after, seconds and times must not be negative")
        if self.each is not None and not split_name(self.each):
            raise ValueError(f"each: {self.each!r} cannot be the name of a field")
        if self.among is not None and self.each is None:
            raise ValueError("among: each is needed too, the field whose values these are")

    @property
    def endpoint_name(self) -> str:
        """``endpoint`` without its leading slash."""
        return self.endpoint.removeprefix("/")


async def _slow(client: ClientConnection, fault: Fault) -> bool:
    return await client.wait_until_gone(fault.seconds)


async def _too_many_requests(client: ClientConnection, fault: Fault) -> bool:
    body = b'{"status":"erro","msg":"Too Many Requests"}'
    await client.reply(429, body, _JSON, retry_after=str(fault.retry_after))
    return True


def _replies(http_status: int, body: bytes, content_type: str) -> Before:
    """Return the hook that replies in place of the endpoint."""

    async def hook(client: ClientConnection, fault: Fault) -> bool:
        await client.reply(http_status, body, content_type)
        return True

    return hook


async def _cut(client: ClientConnection, fault: Fault) -> bool:
    await client.cut()
    return True


async def _hang(client: ClientConnection, fault: Fault) -> bool:
    return await client.wait_until_gone()


async def _expired_token(client: ClientConnection, fault: Fault) -> bool:
    client.context.token_expired = True
    return False


async def _duplicated_rows(client: ClientConnection, fault: Fault) -> bool:
    client.context.duplicate_rows = True
    return False


async def _reordered_pages(client: ClientConnection, fault: Fault) -> bool:
    client.context.page_order = fault.seed
    return False


async def _ignored_write(client: ClientConnection, fault: Fault) -> bool:
    client.context.ignore_write = True
    return False


async def _neighbour_write(client: ClientConnection, fault: Fault) -> bool:
    client.context.neighbour_write = True
    return False


async def _second_writer(client: ClientConnection, fault: Fault) -> bool:
    client.context.foreign_writes.append(fault.write)
    return False


async def _cut_in_body(client: ClientConnection, fault: Fault, reply: CapturedReply) -> None:
    await client.cut_in_body(reply)


async def _one_byte_a_second(client: ClientConnection, fault: Fault, reply: CapturedReply) -> None:
    await client.drip(reply, fault.seconds)


async def _gzip_bomb(client: ClientConnection, fault: Fault, reply: CapturedReply) -> None:
    await client.inflate(reply)


async def _previous_reply(client: ClientConnection, fault: Fault, reply: CapturedReply) -> None:
    await client.send_previous(reply)


async def _truncated(client: ClientConnection, fault: Fault, reply: CapturedReply) -> None:
    await client.reply(reply.http_status, reply.body[: len(reply.body) // 2], _JSON)


Before: TypeAlias = Callable[["ClientConnection", Fault], Awaitable[bool]]
"""Runs before the effect; True ends the request there."""
Change: TypeAlias = Callable[["CapturedReply", "RequestContext"], "CapturedReply"]
"""Changes the reply after the effect; those of several faults add up."""
After: TypeAlias = Callable[["ClientConnection", Fault, "CapturedReply"], Awaitable[None]]
"""Runs after the effect and sends something in place of the reply."""


_ERROR_500: Final = _replies(500, _FATAL, _HTML)
_HTML_404: Final = _replies(404, _NOT_FOUND, _HTML)
_GARBAGE: Final = _replies(200, b"\x00\x01 lp0 on fire {]", _JSON)


def _answers(answer: Answer) -> Before:
    """Return the hook that sends an answer in place of the endpoint."""

    async def hook(client: ClientConnection, fault: Fault) -> bool:
        body = answer.body(client.context).encode()
        headers = {**answer.headers, **({"location": client.context.path} if answer.to_itself else {})}
        await client.reply(answer.http_status, body, answer.content_type, **headers)
        return True

    return hook


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault: its description for users, and its hook before or after the effect."""

    description: str
    before: Before | None = None
    change: Change | None = None
    after: After | None = None


def _after(hook: Before) -> After:
    """Return the hook that does the same after the effect, in place of the reply."""

    async def lose_reply(client: ClientConnection, fault: Fault, reply: CapturedReply) -> None:
        await hook(client, fault)

    return lose_reply


def _of_answers() -> dict[str, FaultKind]:
    kinds = {}
    for name, answer in {**ANSWERS, **TRANSPORT_ANSWERS}.items():
        hook = _answers(answer)
        kinds[f"{name}_before"] = FaultKind(f"{answer.description}, no effect", before=hook)
        kinds[f"{name}_after"] = FaultKind(f"{answer.description}, after the effect", after=_after(hook))
    return kinds


FAULT_KINDS: Final[Mapping[str, FaultKind]] = {
    "slow": FaultKind("the answer takes `seconds` (real) longer", before=_slow),
    "too_many_requests": FaultKind("429 with Retry-After, no effect", before=_too_many_requests),
    "error_500_before": FaultKind("a PHP error page with 500, no effect", before=_ERROR_500),
    "error_500_after": FaultKind("a PHP error page with 500, after the effect", after=_after(_ERROR_500)),
    "cut_before": FaultKind("the connection is closed without an answer, no effect", before=_cut),
    "cut_after": FaultKind("the connection is closed without an answer, after the effect", after=_after(_cut)),
    "cut_in_body": FaultKind("the connection is closed amid the answer, after the effect", after=_cut_in_body),
    "hang_before": FaultKind("no answer until the client goes away, no effect", before=_hang),
    "hang_after": FaultKind("no answer until the client goes away, after the effect", after=_after(_hang)),
    "garbage_before": FaultKind("a 200 that is no JSON, no effect", before=_GARBAGE),
    "garbage_after": FaultKind("a 200 that is no JSON, after the effect", after=_after(_GARBAGE)),
    "truncated": FaultKind("the first half of the answer, as if it were whole, after the effect", after=_truncated),
    "one_byte_a_second": FaultKind(
        "the body of the reply comes byte by byte, each after `seconds` (real)", after=_one_byte_a_second
    ),
    "gzip_bomb": FaultKind("the reply has 600 MB of blanks before it, as 600 kB of gzip", after=_gzip_bomb),
    "previous_reply": FaultKind(
        "the reply to the request before on the same connection, after the effect", after=_previous_reply
    ),
    "expired_token": FaultKind("the token has expired, no effect", before=_expired_token),
    "unavailable": FaultKind("an HTML 404: the account does not have this endpoint", before=_HTML_404),
    "duplicated_rows": FaultKind("a statement page shows half of its rows twice", before=_duplicated_rows),
    "reordered_pages": FaultKind("statement pages change places, by `seed`", before=_reordered_pages),
    "ignored_write": FaultKind("a rule write is answered as done, and nothing is changed", before=_ignored_write),
    "neighbour_write": FaultKind(
        "a rule write is answered as done, and another rule is changed, of another number if there is no other",
        before=_neighbour_write,
    ),
    "empty_list": FaultKind("a listing of rules or numbers shows none", change=empty_data),
    "second_writer": FaultKind("another client writes a rule (`write`) just before", before=_second_writer),
    **{name: FaultKind(description, change=change) for name, (description, change) in CHANGES.items()},
    **_of_answers(),
}


class _ScheduledFault:
    """A fault with its counters."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.fired = 0
        self._seen_of: Counter[str] = Counter()
        self._fired_of: Counter[str] = Counter()
        self._random = random.Random(fault.seed)  # noqa: S311 - which request fails is no secret

    def applies(self, endpoint: str, fields: PhpArray) -> bool:
        fault = self.fault
        counted_as = "" if fault.each is None else text_at(fields, fault.each)
        if fault.endpoint_name not in {EVERY_ENDPOINT, endpoint} or not self._affects(counted_as):
            return False
        self._seen_of[counted_as] += 1
        used_up = fault.times is not None and self._fired_of[counted_as] >= fault.times
        if used_up or self._seen_of[counted_as] <= fault.after or self._random.random() >= fault.probability:
            return False
        self._fired_of[counted_as] += 1
        self.fired += 1
        return True

    def _affects(self, value: str | None) -> TypeGuard[str]:
        return value is not None and (self.fault.among is None or value in self.fault.among)


_NO_QUIRKS: Final[Mapping[str, Iterable[Fault]]] = {}


class FaultPlan:
    """The faults in force, and their schedule.

    :param endpoints: names of all endpoints.
    :param faults: initial faults.
    :param quirks: quirks that are on.
    """

    def __init__(
        self, endpoints: Iterable[str], faults: Iterable[Fault] = (), quirks: Mapping[str, Iterable[Fault]] = _NO_QUIRKS
    ) -> None:
        self._known = (EVERY_ENDPOINT, *endpoints)
        self._scheduled: list[_ScheduledFault] = []
        self._of_quirks: dict[str, list[_ScheduledFault]] = {}
        self.add(*faults)
        self.set_quirks(quirks)

    def set_quirks(self, quirks: Mapping[str, Iterable[Fault]]) -> None:
        """Replace the faults of quirks, by the quirk's name; a quirk that stays on keeps its counters."""
        self._of_quirks = {
            name: self._of_quirks.get(name) or [_ScheduledFault(fault) for fault in faults]
            for name, faults in quirks.items()
        }

    def add(self, *faults: Fault) -> None:
        """Add faults after those in force.

        :raises ValueError: one names an unknown endpoint; then none is added.
        """
        for fault in faults:
            if fault.endpoint_name not in self._known:
                raise ValueError(f"endpoint: unknown {fault.endpoint!r}; known: {', '.join(self._known)}")
        self._scheduled += map(_ScheduledFault, faults)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The names that a fault may have as its endpoint."""
        return self._known

    def clear(self, kind: str | None = None) -> None:
        """Remove the faults of a kind, or all, except those of quirks."""
        kept = [scheduled for scheduled in self._scheduled if kind not in {None, scheduled.fault.kind}]
        self._scheduled = kept

    def draw(self, endpoint: str, fields: PhpArray) -> list[Fault]:
        """Count a request to an endpoint and return its faults in order, those of quirks last."""
        in_force = chain(self._scheduled, *self._of_quirks.values())
        return [scheduled.fault for scheduled in in_force if scheduled.applies(endpoint, fields)]

    def report(self) -> list[dict[str, object]]:
        """Return the faults in force, each with the number of times it happened (``fired``)."""
        return [{**asdict(scheduled.fault), "fired": scheduled.fired} for scheduled in self._scheduled]
