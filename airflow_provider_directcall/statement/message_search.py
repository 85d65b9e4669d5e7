"""Which sent messages are waited for, and the counts of their recipients. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, Self

#: Shares are compared with this tolerance: 0.1 * 30 is not 3.
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SentMessageId:
    """One message that was sent.

    :ivar callerid: id of its request.
    :ivar key: its idempotency key.
    :ivar recipients: how many recipients it has, those aside that were refused.
    :ivar refused: how many recipients were refused.
    """

    callerid: str | None = None
    key: str | None = field(default=None, repr=False)
    recipients: int = 1
    refused: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySearch:
    """The messages that are waited for: some that are known by their ids, or all with certain tags.

    :ivar since: aware; messages from this second on.
    :ivar messages: the messages.
    :ivar tags: tags that their rows show, all of them.
    :ivar recipients: how many recipients the messages with the tags have, at least.
    :ivar min_share: the share of recipients that is enough; 0 waits for the end of each, whatever it is.
    """

    since: datetime
    messages: Sequence[SentMessageId] = ()
    tags: Mapping[str, str] | None = field(default=None, repr=False)
    recipients: int = 1
    min_share: float = 1.0


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """Recipients by their state.

    :ivar refused: were refused when the message was sent.
    :ivar pending: have no final state yet, or no row.
    """

    recipients: int = 0
    delivered: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    pending: int = 0

    def has(self, min_share: float) -> bool:
        """Whether enough are delivered; for a share of 0, whether all have come to an end."""
        return not self.pending if min_share <= 0 else self.delivered >= min_share * self.recipients - _TOLERANCE

    def cannot_have(self, min_share: float) -> bool:
        """Whether too many have come to another end."""
        return self.delivered + self.pending < min_share * self.recipients - _TOLERANCE

    def as_json(self) -> dict[str, int]:
        """Return the counts."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """Read what :meth:`as_json` returned; a missing count is 0."""
        return cls(**{name: int(str(fields.get(name) or 0)) for name in cls.__dataclass_fields__})
