"""All calls and messages of an account by time, and their search."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from airflow_provider_directcall.sandbox.people import expects_reply, replies
from airflow_provider_directcall.sandbox.records import CallRecord, MessageRecord, ReceivedMessageRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_directcall.sandbox.account import Account

Record: TypeAlias = CallRecord | MessageRecord | ReceivedMessageRecord
_BY_TIME: Final = attrgetter("at")
_ONLY_A_NUMBER: Final = re.compile(r"[0-9 ()+.-]*[0-9][0-9 ()+.-]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A place of the list: when it came, and where its present record is."""

    at: float
    key: str
    kind: str
    party: str
    """The number at the other end."""
    searched: str
    source: Mapping[str, Record] = field(repr=False)

    @property
    def entry_id(self) -> str:
        """The id for the page."""
        return f"{self.kind}:{self.key}"

    @property
    def record(self) -> Record:
        """The record as it is now."""
        return self.source[self.key]


class Index:
    """The entries of an account. Hold the account's lock."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._start()

    def _start(self) -> None:
        self._sources = self._tables()
        self._taken = [0] * len(self._sources)
        self._entries: list[Entry] = []
        self._with_reply: list[str] = []

    def entries(self) -> list[Entry]:
        """Return all entries, oldest first, with the replies of people that have come by now."""
        # A reset makes new tables. Rows are only ever added or replaced, so those beyond the last count are new.
        if any(ours is not theirs for ours, theirs in zip(self._sources, self._tables(), strict=True)):
            self._start()
        added = [entry for place in range(len(self._sources)) for entry in self._added(place)]
        if added:
            self._entries = sorted([*self._entries, *added], key=_BY_TIME)
        messages = [self._account.store.messages[key] for key in self._with_reply]
        replied = {reply.received_id: reply for reply in replies(self._account, messages)}
        if not replied:
            return self._entries
        return sorted([*self._entries, *(_entry(key, replied) for key in replied)], key=_BY_TIME)

    def find(self, words: str = "", kind: str = "") -> list[Entry]:
        """Return the entries with all words in a number, a tag or the text, newest first."""
        found = self.entries()[::-1]
        if kind:
            found = [entry for entry in found if entry.kind == kind]
        for word in search_words(words):
            found = [entry for entry in found if word in entry.searched]
        return found

    def _tables(self) -> tuple[Mapping[str, Record], ...]:
        store = self._account.store
        return store.calls.data, store.messages.data, store.received.data

    def _added(self, place: int) -> list[Entry]:
        source, taken = self._sources[place], self._taken[place]
        keys = list(islice(source, taken, None))
        self._taken[place] = taken + len(keys)
        self._with_reply += [key for key in keys if _expects_reply(source[key])]
        return [_entry(key, source) for key in keys]


def _expects_reply(record: Record) -> bool:
    return isinstance(record, MessageRecord) and expects_reply(record)


def search_words(text: str) -> list[str]:
    """Return the words to look for; a number may be written with blanks and signs, as ``(11) 99000-0001``."""
    if _ONLY_A_NUMBER.fullmatch(text):
        return ["".join(filter(str.isdecimal, text))]
    return text.casefold().split()


def _entry(key: str, source: Mapping[str, Record]) -> Entry:
    record = source[key]
    at, kind, party, text, tags = _facts(record)
    words = (record.origin, record.destination, text, *(f"{name}={value}" for name, value in tags.items()))
    return Entry(at, key, kind, party, "\n".join(words).casefold(), source)


def _facts(record: Record) -> tuple[float, str, str, str, Mapping[str, str]]:
    """Return time, kind, the number at the other end, text and tags."""
    if isinstance(record, CallRecord):
        if record.direction == "recebida":
            return record.placed_at, "received_call", record.origin, "", record.tags
        return record.placed_at, "call", record.destination, "", record.tags
    if isinstance(record, MessageRecord):
        kind = "sms" if record.kind == "texto" else "voice"
        return record.accepted_at, kind, record.destination, record.text, record.tags
    return record.received_at, "received_sms", record.origin, record.text, {}
