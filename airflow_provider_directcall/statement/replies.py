"""One wait for a reply: a received SMS from one of some numbers, not before a moment, that gives an answer.

Directcall does not link a reply to a message. What links them is the number: a message's rows in the statement, which
show its id or key, say to whom it went and when; a reply comes from that number, and not before. A row without a time,
or with another or no number, is never believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.statement.answer_words import OTHER
from airflow_provider_directcall.statement.feed_sources import ReceivedEntry, received_entries
from airflow_provider_directcall.statement.likeness import national
from airflow_provider_directcall.statement.marks import Judgement, Marks
from airflow_provider_directcall.statement.message_delivery import MessageRows
from airflow_provider_directcall.statement.search import CLOCK_SKEW
from airflow_provider_directcall.statement.tagged_calls import OtherRows

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import ReceivedMessage, StatementRow
    from airflow_provider_directcall.statement.answer_words import Answers
    from airflow_provider_directcall.statement.message_search import DeliverySearch

#: Number without country code -> the second from which on its reply counts.
Asked = Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that gives an answer.

    :ivar answer: the name of the answer, or the words that the pattern has found.
    :ivar received_at: aware.
    """

    answer: str = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySearch:
    """The replies that are waited for.

    :ivar answers: the answers.
    :ivar since: aware; replies from this second on.
    :ivar destination: only replies to this number or word.
    :ivar takes_other: whether a reply that gives no known answer is one of its own, ``other``.
    """

    answers: Answers = field(repr=False)
    since: datetime
    destination: str | None = field(default=None, repr=False)
    takes_other: bool = False


class MessageRecipients(MessageRows[Asked]):
    """The wait for a message's rows: who was asked, and when.

    :ivar known: how many recipients are known; only more of them are a result.
    """

    def __init__(self, search: DeliverySearch) -> None:
        super().__init__(search)
        self.known = 0

    @property
    def has_all(self) -> bool:
        """Whether each recipient has a row."""
        return not any(self._is_pending(place) for place in range(len(self._messages)))

    def _is_pending(self, place: int) -> bool:
        return len(self._asked_by(place)) < max(self._messages[place].recipients, 1)

    def _result(self) -> Asked | None:
        asked: dict[str, datetime] = {}
        for place in range(len(self._messages)):
            for number, moment in self._asked_by(place).items():
                asked[number] = min(moment, asked.get(number, moment))
        return asked if len(asked) > self.known else None

    def _asked_by(self, place: int) -> dict[str, datetime]:
        asked: dict[str, datetime] = {}
        for row in (row for rows in self._shown[place].values() for row in rows.values()):
            if row.destination and row.started_at is not None:
                number = national(row.destination)
                asked[number] = min(row.started_at, asked.get(number, row.started_at))
        return asked


class ReplyWait:
    """The wait for the first reply with an answer.

    :param asked: who was asked, and when.
    """

    keeps_rows = True
    ends_with_any_row = False
    is_identified = False

    def __init__(self, search: ReplySearch, asked: Asked) -> None:
        self.others = OtherRows()
        self._search = search
        self._since = {number: max(moment, search.since).replace(microsecond=0) for number, moment in asked.items()}
        self._others: set[object] = set()
        self._found: Reply | None = None

    @property
    def begins_at(self) -> datetime:
        """The first second of its window."""
        return min(self._since.values(), default=self._search.since)

    @property
    def marks(self) -> Marks:
        """The numbers from which it may come."""
        return Marks(any_number=tuple(self._since))

    @property
    def other_replies(self) -> int:
        """How many replies have given no known answer."""
        return len(self._others)

    def look(self, now: datetime) -> Lookup[Reply | None]:
        """Look once; what one page shows counts, although the next cannot be read."""
        begins_at = self.begins_at
        listed = yield from readable_rows(received_entries(begins_at, max(now, begins_at) + CLOCK_SKEW))
        self._note(listed.rows)
        if self._found is None and listed.error is not None:
            raise listed.error
        return self._found

    def judge(self, rows: Sequence[StatementRow], now: datetime) -> Judgement[Reply]:
        """Note the rows of a shared read; no look of its own would say more about them."""
        self._note(rows)
        return Judgement(self._found)

    def _note(self, rows: Iterable[StatementRow]) -> None:
        search = self._search
        for row in rows:
            if not isinstance(row, ReceivedEntry) or row.started_at is None or not self._is_asked(row):
                continue
            answer = search.answers.answer_of(row.text)
            if answer is None:
                self._others.add(row.key)
                answer = OTHER if search.takes_other else None
            if answer is not None and (self._found is None or row.started_at < self._found.received_at):
                self._found = Reply(answer, row.started_at)

    def _is_asked(self, row: ReceivedEntry) -> bool:
        since = self._since.get(national(row.origin)) if row.origin else None
        is_later = since is not None and row.started_at is not None and row.started_at >= since
        wanted = self._search.destination
        return is_later and (wanted is None or _folded(row.destination) == _folded(wanted))


class ReplyToMessage:
    """The wait for a reply to a message, look by look: from each recipient, as soon as the message's row shows it."""

    def __init__(self, search: ReplySearch, message: DeliverySearch) -> None:
        self._search = search
        self._recipients = MessageRecipients(message)
        self._reply: ReplyWait | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the statement has shown a recipient."""
        return self._reply is not None

    @property
    def other_replies(self) -> int:
        """How many replies have given no known answer."""
        return self._reply.other_replies if self._reply is not None else 0

    def look(self, now: datetime) -> Lookup[Reply | None]:
        """Look once; replies of the known recipients count, although the other rows cannot be read."""
        unread: DirectcallError | None = None
        try:
            asked = yield from self._recipients.look(now)
        except DirectcallError as error:
            asked, unread = None, error
        if asked is not None:
            self._recipients.known = len(asked)
            self._reply = ReplyWait(self._search, asked)
        found = (yield from self._reply.look(now)) if self._reply is not None else None
        if found is None and unread is not None:
            raise unread
        return found


def first_answers(messages: Iterable[ReceivedMessage], asked: Asked, answers: Answers) -> dict[str, str]:
    """Return the first answer of each number that has replied; ``other`` for one whose replies give none.

    :param messages: received messages, in any order.
    :param asked: number, in any spelling -> the moment from which on its replies count.
    """
    spelled = {national(number): number for number in asked}
    given: dict[str, str] = {}
    timed = [(message.received_at, message) for message in messages if message.received_at is not None]
    for received_at, message in sorted(timed, key=lambda pair: pair[0]):
        number = spelled.get(national(message.origin or ""))
        if number is None or received_at < asked[number].replace(microsecond=0):
            continue
        if given.get(number, OTHER) == OTHER:
            given[number] = answers.answer_of(message.text) or OTHER
    return given


def _folded(text: str | None) -> str:
    return (text or "").strip().removeprefix("+").casefold()
