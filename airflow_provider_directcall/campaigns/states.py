"""The one final state of each contact."""

from __future__ import annotations

from enum import StrEnum


class ContactState(StrEnum):
    """Final states of a message; a call has the outcomes of its own."""

    DELIVERED = "delivered"
    SENT = "sent"
    """Accepted by Directcall; its delivery is not known, or was not waited for."""
    FAILED = "failed"
    REFUSED = "refused"
    """By Directcall; nothing was sent."""
    UNKNOWN = "unknown"
    """It may have been sent: look at the statement before it is sent again."""
    REJECTED = "rejected"
    """By the plan, with a reason and the number of the row."""
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    OUT_OF_WINDOW = "out_of_window"
    STOPPED = "stopped"
    """The campaign was stopped before its turn."""
