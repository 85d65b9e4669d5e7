"""The sandbox in this process: its application is called without sockets, on a clock that tests move."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

import httpx

from airflow_provider_directcall.api.client import Client, RetryBudget
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.lifecycle import LIVE_CALL, call_phase, call_times, message_times

_SENDS: Final = frozenset({"/voz/call", "/sms/send"})
_LISTINGS: Final = frozenset({"/extrato/list", "/extrato/list-sms"})
#: A key, whole or cut: by eight of its characters it is recognised, in any case.
_WORD: Final = re.compile(rb"[A-Za-z0-9]{8,}")
_SHARED: Final = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(500)))
#: One attempt for each request: what a client's own retries do is tested where the client is.
_BUDGET: Final = RetryBudget(attempts=2, seconds=10, longest_pause=1)


class SandboxTime(Clock):
    """The sandbox's clock, for our side too."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._clock = sandbox.account.clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def monotonic(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


@dataclass
class Losses:
    """Which answers are lost on the way. ``fate`` is asked once for each request to send."""

    fate: Callable[[], str] = lambda: "answered"
    reads_fail_until: datetime | None = None
    has_statement: bool = True


@dataclass
class Vendor(httpx.BaseTransport):
    """A Directcall whose effects are known: key -> ids of the calls, or of the messages' requests."""

    quirks: frozenset[str]
    start: datetime
    statement_delay: float
    losses: Losses = field(default_factory=Losses)
    effects: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    shown: set[str] = field(default_factory=set)
    """Keys that any reply of the statement has shown, in whatever case, whole or cut as far as they are recognised."""
    on_send: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(
            SandboxConfig(
                speed=0,
                start=self.start,
                quirks=self.quirks,
                statement_delay=self.statement_delay,
                tokens_by="simulated",
            )
        )
        self.clock = SandboxTime(self.sandbox)
        self.settings = Settings(
            client_id=self.sandbox.config.client_id,
            client_secret=self.sandbox.config.client_secret,
            base_url="http://localhost",
            default_origin="551130000001",
        )
        self._is_foreign = False

    def client(self) -> Client:
        """Return a client of this account."""
        client = _InProcessClient(self.settings, budget=_BUDGET, clock=self.clock)
        client._http = httpx.Client(transport=self)
        return client

    def foreign(self, send: Callable[[], object]) -> None:
        """Let another system use the account; its answers are not lost."""
        before, (losses, on_send) = set(self._ids()), (self.losses, self.on_send)
        self.losses, self.on_send, self._is_foreign = Losses(), lambda: None, True
        try:
            send()
        finally:
            self.losses, self.on_send, self._is_foreign = losses, on_send, False
        self._end_otherwise(set(self._ids()) - before)

    def _end_otherwise(self, names: set[str]) -> None:
        """Let others' calls and messages end otherwise than ours to the same number: results differ."""
        store = self.sandbox.account.store
        for name, call in store.calls.items():
            if name in names:
                store.calls[name] = replace(call, outcome="falha" if call.outcome == "atendida" else "atendida")
        for message_id, message in store.messages.items():
            if message.callerid in names:
                store.messages[message_id] = replace(
                    message,
                    sms_outcome="nao entregue" if message.sms_outcome == "entregue" else "entregue",
                    voice_answered_on=None if message.voice_answered_on is not None else 1,
                )

    def ends(self, key: str) -> list[tuple[str, str]]:
        """Return the recipient of each call or message of ours with a key, and the sandbox's word for its end."""
        store, zone = self.sandbox.account.store, self.sandbox.config.zone
        calls = [store.calls[name] for name in self.effects[key] if name in store.calls]
        messages = [message for message in store.messages.values() if message.callerid in self.effects[key]]
        return [
            *((call.destination, call_times(call).outcome) for call in calls),
            *((message.destination, message_times(message, zone).final.value) for message in messages),
        ]

    def is_in_progress(self, key: str) -> bool:
        """Whether a call with a key is in progress."""
        calls = self.sandbox.account.store.calls
        own = [calls[name] for name in self.effects[key] if name in calls]
        return any(call_phase(call, self.sandbox.account.clock.now()) in LIVE_CALL for call in own)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Serve one request, and lose it or its answer."""
        is_send = request.url.path in _SENDS
        fate = self.losses.fate() if is_send else "answered"
        is_down = self.losses.reads_fail_until is not None and self.clock.now() < self.losses.reads_fail_until
        is_down |= request.url.path in _LISTINGS and not self.losses.has_statement
        if fate == "lost before" or (not is_send and is_down):
            raise httpx.ReadError("lost before the effect")
        before = self._ids()
        response = _call(self.sandbox.app, request)
        if is_send and not self._is_foreign:
            key = parse_qs(request.content.decode())[f"campos[{KEY_TAG}]"][0]
            self.effects[key] += [name for name in self._ids() if name not in before]
            self.on_send()
        if request.url.path in _LISTINGS:
            self._note_keys(response)
        if fate == "lost after":
            raise httpx.ReadError("lost after the effect")
        return response

    def _ids(self) -> list[str]:
        store = self.sandbox.account.store
        return [*store.calls, *dict.fromkeys(message.callerid for message in store.messages.values())]

    def _note_keys(self, response: httpx.Response) -> None:
        words = {word.decode().lower() for word in _WORD.findall(response.stream.body)}
        self.shown |= {key for key in self.effects if any(key in word or key.startswith(word) for word in words)}


class _InProcessClient(Client):
    """A client whose HTTP client is given to it: making one loads certificates, which takes 20 ms."""

    def __init__(self, settings: Settings, *, budget: RetryBudget, clock: Clock) -> None:
        super(Client, self).__init__(settings, budget, clock)
        self._on_token = None
        self._renewing = threading.Lock()
        self._http = _SHARED


class _Reply(httpx.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self):
        yield self.body


def _call(app: Any, request: httpx.Request) -> httpx.Response:
    """Call an ASGI application that never waits."""
    messages = [{"type": "http.request", "body": request.read(), "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "query_string": request.url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    try:
        app(scope, receive, send).send(None)
    except StopIteration:
        start, *parts = sent
        body = b"".join(part.get("body", b"") for part in parts)
        return httpx.Response(start["status"], headers=start["headers"], stream=_Reply(body))
    raise AssertionError("the application waits for something")
