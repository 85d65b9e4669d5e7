"""Good and bad rings at the receiver of webhooks, at a given rate; bare sockets, which cost the machine little."""

from __future__ import annotations

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from airflow_provider_directcall.assets import Doorbell
from tools.live_campaigns.people import MARKS

LOGIN, PASSWORD, WRONG = "directcall", "a-fictitious-password-of-the-webhooks", "a-wrong-password-of-the-webhooks"
#: Of a request without an answer: the server ended the connection, which is a refusal too.
CUT: Final = 0
LARGE: Final = 20 * 1024
_ANSWER_SECONDS: Final = 60.0
_SECONDS_A_BYTE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of ring.

    :ivar share: of all rings.
    :ivar password: None for a ring without credentials.
    :ivar body: its form: ``form``, ``declared`` and ``chunked`` (too large), ``slow``.
    :ivar answers: the statuses that the receiver may give.
    """

    name: str
    share: float
    password: str | None
    body: str
    answers: frozenset[int]

    @property
    def is_good(self) -> bool:
        """Whether the receiver has to accept it."""
        return 202 in self.answers


_TOO_MANY: Final = 429
KINDS: Final = (
    Kind("good", 0.45, PASSWORD, "form", frozenset({202, _TOO_MANY})),
    Kind("wrong password", 0.2, WRONG, "form", frozenset({401})),
    Kind("no credentials", 0.15, None, "form", frozenset({401})),
    Kind("too large, declared", 0.075, PASSWORD, "declared", frozenset({413, _TOO_MANY, CUT})),
    Kind("too large, chunked", 0.075, PASSWORD, "chunked", frozenset({413, _TOO_MANY, CUT})),
    Kind("slow", 0.05, PASSWORD, "slow", frozenset({408, _TOO_MANY, CUT})),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A ring and its answer.

    :ivar doorbell: None for a request that is no ring.
    """

    kind: Kind | None
    doorbell: Doorbell | None
    sent_at: datetime
    answered_at: datetime
    seconds: float
    status: int


@dataclass(slots=True)
class Load:
    """What was sent, and how fast.

    :ivar seconds: until the last request left.
    """

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """The rate that was reached."""
        return len(self.answers) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Server:
    """The API server.

    :ivar port: on this machine.
    """

    port: int

    async def load(self, kinds: Sequence[Kind], rate: float, seconds: float, seed: int = 1) -> Load:
        """Send rings at a rate, whether earlier ones have been answered or not.

        :param kinds: those to send; ``rate`` is that of all kinds together, each has its share.
        """
        dice, sent = random.Random(seed), Load()
        chosen = dice.choices(KINDS, [kind.share for kind in KINDS], k=round(rate * seconds))
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number, kind in enumerate(chosen):
                await asyncio.sleep(began + number / rate - time.monotonic())
                if kind in kinds:
                    tasks.append(group.create_task(self.ring(kind, number)))
            sent.seconds = time.monotonic() - began
        sent.answers = [task.result() for task in tasks]
        return sent

    async def probe(self, paths: Sequence[str], rate: float, seconds: float) -> list[Answer]:
        """Ask the API server for its own pages, in turn."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number in range(round(rate * seconds)):
                await asyncio.sleep(began + number / rate - time.monotonic())
                head = f"GET {paths[number % len(paths)]} HTTP/1.1\r\n{_HEADERS}\r\n"
                tasks.append(group.create_task(self._answer(None, None, [head.encode()])))
        return [task.result() for task in tasks]

    async def ring(self, kind: Kind, number: int) -> Answer:
        """Send one ring; doorbells and verbs take turns."""
        doorbell = list(Doorbell)[number % len(Doorbell)]
        fields = {
            "origem": f"551199000{number % 10_000:04}",
            "mensagem": f"{MARKS['text']} {number}",
            "campos": f"{MARKS['tag value']}{number}",
        }
        verb = "GET" if kind.body == "form" and number % 2 else "POST"
        path, form = f"/directcall/events/{doorbell}", urlencode(fields)
        head = f"{verb} {path}{f'?{form}' if verb == 'GET' else ''} HTTP/1.1\r\n{_HEADERS}"
        if kind.password is not None:
            credentials = b64encode(f"{LOGIN}:{kind.password}".encode()).decode()
            head += f"Authorization: Basic {credentials}\r\n"
        content = form.encode() + b"&resto=" + b"x" * LARGE if kind.body in {"declared", "chunked"} else form.encode()
        parts = [content]
        if verb == "GET":
            parts = []
        elif kind.body == "slow":
            head += f"Content-Length: {LARGE // 2}\r\n"
            # Never complete: the client waits no longer than these take.
            parts = [b"x"] * round(_ANSWER_SECONDS / _SECONDS_A_BYTE)
        elif kind.body == "chunked":
            head += "Transfer-Encoding: chunked\r\n"
            parts = [b"%x\r\n%s\r\n" % (len(content), content), b"0\r\n\r\n"]
        else:
            head += f"Content-Length: {len(content)}\r\n"
        return await self._answer(kind, doorbell, [f"{head}\r\n".encode(), *parts], slowly=kind.body == "slow")

    async def _answer(
        self, kind: Kind | None, doorbell: Doorbell | None, parts: Sequence[bytes], *, slowly: bool = False
    ) -> Answer:
        sent_at, began = datetime.now(UTC), time.monotonic()
        status = CUT
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                status = await self._exchange(parts, _SECONDS_A_BYTE if slowly else 0.0)
        return Answer(kind, doorbell, sent_at, datetime.now(UTC), time.monotonic() - began, status)

    async def _exchange(self, parts: Sequence[bytes], pause: float) -> int:
        """Send the parts with pauses until there is an answer; return its status."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n"))
        try:
            for part in parts:
                writer.write(part)
                if pause:
                    await asyncio.wait([reading], timeout=pause)
                if reading.done():
                    break
            return int((await reading).split()[1])
        finally:
            reading.cancel()
            writer.close()


_HEADERS: Final = "Host: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def percentile(values: Iterable[float], share: float) -> float:
    """Return a percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
