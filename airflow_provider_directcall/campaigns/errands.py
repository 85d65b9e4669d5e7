"""The requests that reach the contacts of a wave: one each, one text to many, or a lot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_directcall.api.errors import RETURN_CODES
from airflow_provider_directcall.api.methods import (
    LotRecipient,
    list_messages,
    list_statement,
    place_call,
    send_lot,
    send_sms,
    send_voice_message,
)
from airflow_provider_directcall.api.methods.arguments import MAX_DESTINATIONS
from airflow_provider_directcall.api.replies import SentMessage
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.keys import LOT_TAG, member_key, with_key
from airflow_provider_directcall.delivery.lots import LotLookup
from airflow_provider_directcall.delivery.matching import LookupKey
from airflow_provider_directcall.delivery.messages import MessageErrand

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.delivery.errand import Accepted
    from airflow_provider_directcall.delivery.witnesses import Witness

#: Charging may come after the message, so that this refusal proves nothing (assumed).
CHARGING_PROBLEM: Final = "100"
#: Recipients of one lot (assumed).
_LARGEST_LOT: Final = 500
_KINDS: Final = {Channel.SMS: "SMS", Channel.VOICE_MESSAGE: "voice message"}


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """How contacts are reached.

    :param origin: sender as it is sent; None for the connection's default.
    :param recipients_per_request: how many contacts with the same text and tags go into one request; above ten, as the
        documented file (``destino_csv``). 1 sends to each alone. The vendor's answer for several is inferred.
    :param parts_per_request: how many parts go into a request to several; None for any number.
    :param by_lots: send personal texts with ``/sms/lot-send``. Its body is documented down to the recipients' ids only;
        all other names are assumed (see :func:`~airflow_provider_directcall.api.methods.send_lot`): try it on a few.
    :param record: record calls.
    :param audio_id: stored audio of voice messages, instead of the texts.
    :param voice_attempts: the vendor's attempts of a voice message.
    :param short_number: send SMS from a short number; replies and states exist only with it.
    :param show_origin: put the origin in front of an SMS.
    :param reply_email: address for the replies to an SMS.
    :raises CampaignError: options contradict each other.
    """

    channel: Channel = Channel.SMS
    origin: str | None = field(default=None, repr=False)
    recipients_per_request: int = 100
    parts_per_request: int | None = None
    by_lots: bool = False
    record: bool = False
    audio_id: str | None = None
    voice_attempts: int | None = None
    short_number: bool = True
    show_origin: bool = False
    reply_email: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Reject options that contradict each other."""
        if self.recipients_per_request < 1:
            raise CampaignError("recipients_per_request: 1 or more is needed")
        if self.by_lots and (self.channel is Channel.CALL or self.audio_id is not None):
            raise CampaignError("by_lots: it is for texts only")
        if self.by_lots and self.show_origin:
            raise CampaignError("show_origin: a lot cannot show it; put the sender into the text")

    @property
    def largest(self) -> int:
        """The largest number of contacts in one request."""
        if self.channel is Channel.CALL:
            return 1
        return _LARGEST_LOT if self.by_lots else self.recipients_per_request


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to one or several contacts."""

    contacts: Sequence[Contact]
    errand: CallErrand | MessageErrand
    key: str

    def request(self) -> Request[Any]:
        """Build the request.

        :raises ValueError: a contact's text or tags cannot be sent.
        """
        return self.errand.request(self.key)

    @property
    def parts(self) -> int:
        """The parts that are charged."""
        return sum(contact.parts for contact in self.contacts)

    def answers(self, accepted: Accepted, reply: object) -> Iterator[Answer]:
        """Yield the vendor's word on each contact, in their order; without a word on anyone, all were accepted.

        Where one was refused, entries without a number name no contact: they may be in an order of their own.

        :param reply: as it was read; ``accepted`` is the errand's word on it.
        """
        recipients = accepted.recipients or ()
        is_named = [bool(each.number) for each in reply.recipients] if isinstance(reply, SentMessage) else []
        is_mixed = any(code is not None for _, _, code in recipients)
        notes = {
            place: (message_id, code)
            for (place, message_id, code), named in zip(recipients, is_named, strict=True)
            if named or not is_mixed
        }
        for place in range(len(self.contacts)):
            if not recipients:
                yield Answer(accepted.ids)
            elif place not in notes:
                yield Answer(accepted.ids, is_named=False)
            else:
                message_id, code = notes[place]
                own = {"message_id": message_id} if message_id is not None else {}
                yield Answer({**accepted.ids, **own}, code)


@dataclass(frozen=True, slots=True)
class Answer:
    """The vendor's word on one contact of an accepted request.

    :ivar ids: of its call or message.
    :ivar code: of its refusal.
    :ivar is_named: whether the answer names the contact.
    """

    ids: Mapping[str, str]
    code: str | None = None
    is_named: bool = True

    @property
    def is_refused_for_good(self) -> bool:
        """Whether the contact surely was not reached; other refusals may come after the effect."""
        known = RETURN_CODES.get(self.code or "")
        return known is not None and not known.transient and self.code != CHARGING_PROBLEM


class ChunkRequests:
    """Makes the requests of one chunk, and the look-ups that find them again.

    Every request carries the chunk's key as a tag, by which one look finds all of them. A request to one contact has a
    key of its own; those to several have the chunk's: a contact is then found by it and its number, which is unique.

    :param key: of the chunk.
    """

    def __init__(self, key: str, options: RequestOptions) -> None:
        self._key = key
        self._options = options

    def outgoing(self, together: Sequence[Contact], alone: Sequence[Contact]) -> list[Outgoing]:
        """Return the requests to contacts.

        :param together: contacts that may share a request.
        :param alone: contacts that get one of their own.
        """
        groups: dict[object, list[Contact]] = {}
        for contact in together:
            groups.setdefault(self.batch_of(contact), []).append(contact)
        requests = [
            self._to_many(several) if len(several) > 1 or self._options.by_lots else self._to_one(several[0])
            for group in groups.values()
            for several in _batches(group, self._options.largest, self._options.parts_per_request)
        ]
        return requests + [self._to_one(contact) for contact in alone]

    def lookup(self, wanted: Sequence[LookupKey], witnesses: Sequence[Witness] = ()) -> LotLookup[Any]:
        """Return the look-up of many contacts.

        :param witnesses: contacts whose requests were accepted.
        """
        statement = list_statement if self._options.channel is Channel.CALL else list_messages
        return LotLookup(statement, self._key, wanted, witnesses)

    def wanted(self, contact: Contact, since: datetime) -> LookupKey:
        """Return the key to look for.

        :param since: aware; when its first request was about to leave.
        """
        origin = self._options.origin if self._options.channel is Channel.CALL else None
        return LookupKey(member_key(self._key, contact.id), [contact.number], since, origin, self._key)

    def call(self, contact: Contact) -> CallErrand | None:
        """Return the errand of a call, which may be in progress, or None for a message."""
        if self._options.channel is not Channel.CALL:
            return None
        return CallErrand(origin=self._options.origin, destination=contact.number)

    def batch_size(self, contact: Contact) -> int:
        """Return the number of contacts in a request that is full, where each has as many parts as this one."""
        most_parts, largest = self._options.parts_per_request, self._options.largest
        return largest if most_parts is None else max(1, min(largest, most_parts // contact.parts))

    def batch_of(self, contact: Contact) -> object:
        """Return the text and tags that one request has for all its contacts; of one wave, others share none."""
        if self.batch_size(contact) == 1:
            return contact.id
        return (None if self._options.by_lots else contact.text, *sorted(contact.tags.items()))

    def _to_one(self, contact: Contact) -> Outgoing:
        errand: CallErrand | MessageErrand
        if self._options.channel is Channel.CALL:
            errand = CallErrand(
                origin=self._options.origin,
                destination=contact.number,
                build=lambda key: place_call(
                    self._options.origin, contact.number, record=self._options.record, tags=self._tags(contact, key)
                ),
            )
        else:
            errand = self._message([contact], lambda key: self._text(contact, contact.number, key))
        return Outgoing([contact], errand, member_key(self._key, contact.id))

    def _to_many(self, contacts: Sequence[Contact]) -> Outgoing:
        if self._options.by_lots:
            errand = self._message(contacts, lambda key: self._lot(contacts, key))
        else:
            numbers = [contact.number for contact in contacts]
            errand = self._message(contacts, lambda key: self._text(contacts[0], numbers, key))
        return Outgoing(contacts, errand, self._key)

    def _message(self, contacts: Sequence[Contact], build: Any) -> MessageErrand:  # noqa: ANN401
        numbers = [contact.number for contact in contacts]
        return MessageErrand(kind=_KINDS[self._options.channel], destinations=numbers, build=build)

    def _text(self, contact: Contact, destination: str | list[str], key: str) -> Request[Any]:
        options, tags = self._options, self._tags(contact, key)
        as_csv = not isinstance(destination, str) and len(destination) > MAX_DESTINATIONS
        if options.channel is Channel.SMS:
            return send_sms(
                destination,
                contact.text or "",
                origin=options.origin,
                tags=tags,
                short_number=options.short_number,
                show_origin=options.show_origin,
                reply_email=options.reply_email,
                as_csv=as_csv,
            )
        return send_voice_message(
            destination,
            text=contact.text if options.audio_id is None else None,
            audio_id=options.audio_id,
            origin=options.origin,
            tags=tags,
            attempts=options.voice_attempts,
            as_csv=as_csv,
        )

    def _lot(self, contacts: Sequence[Contact], key: str) -> Request[Any]:
        options = self._options
        return send_lot(
            [LotRecipient(str(place), each.number, each.text or "") for place, each in enumerate(contacts)],
            origin=options.origin,
            tags=self._tags(contacts[0], key),
            short_number=options.short_number if options.channel is Channel.SMS else None,
            voice=options.channel is Channel.VOICE_MESSAGE,
            reply_email=options.reply_email,
        )

    def _tags(self, contact: Contact, key: str) -> dict[str, str]:
        if LOT_TAG in contact.tags:
            raise ValueError(f"tags: {LOT_TAG!r} is set by this package")
        return {**with_key(contact.tags, key), LOT_TAG: self._key}


def _batches(contacts: Sequence[Contact], size: int, most_parts: int | None) -> Iterator[Sequence[Contact]]:
    """Yield contacts in order, in batches within both limits; a contact above the second one has a batch of its own."""
    batch: list[Contact] = []
    parts = 0
    for contact in contacts:
        is_full = len(batch) >= size or (most_parts is not None and parts + contact.parts > most_parts)
        if batch and is_full:
            yield batch
            batch, parts = [], 0
        batch.append(contact)
        parts += contact.parts
    if batch:
        yield batch
