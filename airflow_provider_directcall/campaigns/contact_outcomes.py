"""The result of a contact after an answer, a refusal, a verdict of the look-ups, or giving up.

No I/O and no state: the sender passes a contact's result while its request is in doubt, and takes the new one over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import (
    RETURN_CODES,
    DirectcallAuthError,
    DirectcallError,
    DirectcallNotSent,
    DirectcallRefused,
)
from airflow_provider_directcall.campaigns.errands import CHARGING_PROBLEM
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.reconciling import Verdict, VerdictKind

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.campaigns.errands import Answer

#: Requests to one contact in one try, each after proof that the one before did not arrive.
MOST_SENDS: Final = 3
#: A contact whose requests are all refused by a code that may pass is given up where no more than this share of the
#: accepted contacts is refused so: more of them are a sign of a service that is down, whose next try may succeed.
_FEW: Final = 10
#: Nor are more than so many given up in one try: a short outage refuses a tenth of a large chunk.
_MOST_GIVEN_UP: Final = 20
_NO_BALANCE: Final = "201"


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a chunk is not sent any further in this try.

    :ivar retryable: the task's next try may succeed.
    :ivar over_budget: the next message would pass the budget.
    """

    reason: str
    retryable: bool = False
    over_budget: bool = False


@dataclass(frozen=True, slots=True)
class Addressed:
    """A contact whose request has left, or may have left, and its result."""

    contact: Contact
    result: ContactResult

    @property
    def since(self) -> datetime:
        """When its first request was about to leave."""
        return self.result.since

    def not_charged(self, progress: Progress, reason: str, code: str | None) -> ContactResult:
        """Return the result of a request that had no effect: its parts are not charged."""
        parts = self.result.parts - self.contact.parts
        return replace(self.result, progress=progress, parts=parts, code=code, reason=reason)


def answered(sent: Addressed, answer: Answer) -> tuple[ContactResult, Stop | None]:
    """Return the result of a contact by the vendor's word in an accepted request, and why to stop."""
    doubtful = replace(sent.result, ids=answer.ids, code=answer.code)
    if not answer.is_named:
        return replace(doubtful, reason="the answer does not name this recipient"), None
    if answer.code is None:
        return replace(doubtful, progress=Progress.SENT, reason=""), None
    if not answer.is_refused_for_good:
        return replace(doubtful, reason=f"refused with code {answer.code}, which may pass"), None
    if answer.code == _NO_BALANCE:
        reason = "insufficient balance"
        return sent.not_charged(Progress.NOT_SENT, reason, answer.code), Stop(reason)
    reason = f"refused with code {answer.code} ({RETURN_CODES[answer.code].meaning})"
    return replace(sent.not_charged(Progress.REFUSED, reason, answer.code), ids=answer.ids), None


def without_effect(sent: Sequence[Addressed], error: Exception) -> tuple[list[ContactResult], Stop | None]:
    """Return the results of the contacts of one request that failed, and why to stop.

    They are none where the error is no contact's fault: all keep their turns.
    """
    code = error.code if isinstance(error, DirectcallRefused) else None
    if code == CHARGING_PROBLEM or (code is not None and len(sent) > 1):
        # It may have reached some of them. If not, each gets a request of its own: one of them may be at fault.
        results = [replace(each.result, code=code, reason=str(error)) for each in sent]
        return results, Stop(str(error)) if code == _NO_BALANCE else None
    if isinstance(error, DirectcallAuthError | DirectcallNotSent) or code == _NO_BALANCE:
        return [], Stop(str(error), retryable=isinstance(error, DirectcallNotSent))
    may_pass = len(sent) > 1 or (isinstance(error, DirectcallError) and error.retryable)
    progress = Progress.NOT_SENT if may_pass else Progress.REFUSED
    return [each.not_charged(progress, str(error), code) for each in sent], None


def concluded(
    result: ContactResult, verdict: Verdict, on_unknown_outcome: OnUnknownOutcome
) -> tuple[ContactResult, Stop | None]:
    """Return the result of a contact that was in doubt, and why to stop."""
    if verdict.kind is VerdictKind.FOUND:
        return replace(result, progress=Progress.SENT, ids=dict(verdict.ids), reason=""), None
    if verdict.kind is VerdictKind.ABSENT and result.code == CHARGING_PROBLEM:
        return replace(result, progress=Progress.REFUSED, parts=0), None
    if verdict.kind is VerdictKind.ABSENT:
        return replace(result, progress=Progress.NOT_SENT, parts=0, reason="it surely did not arrive"), None
    if verdict.retryable:
        return replace(result, reason=verdict.reason), Stop(verdict.reason, retryable=True)
    may_resend = not verdict.forbids_send and not verdict.seen
    if on_unknown_outcome is OnUnknownOutcome.RESEND and may_resend:
        return replace(result, progress=Progress.NOT_SENT, reason=verdict.reason), None
    return replace(result, progress=Progress.UNKNOWN, reason=verdict.reason), None


def given_up(pending: Iterable[ContactResult], refusals: Mapping[str, int], accepted: int) -> list[ContactResult]:
    """Return the last results of the few contacts whose requests were all refused, so that they fail no chunk.

    :param pending: results of contacts that are not done.
    :param refusals: contact's id -> requests of this try that were refused by a code that may pass.
    :param accepted: contacts of the chunk whose requests were accepted.
    """
    # With those that this try has given up before.
    exhausted = sum(count >= MOST_SENDS for count in refusals.values())
    if not accepted or exhausted > max(1, min(accepted // _FEW, _MOST_GIVEN_UP)):
        return []
    return [_refused_often(result) for result in pending if refusals.get(result.contact, 0) >= MOST_SENDS]


def _refused_often(result: ContactResult) -> ContactResult:
    known = RETURN_CODES.get(result.code or "")
    meaning = "" if known is None else f" ({known.meaning})"
    reason = f"refused {MOST_SENDS} times, at last with code {result.code}{meaning}"
    # A request that was sent again by the policy may have arrived.
    progress = Progress.UNKNOWN if result.parts else Progress.REFUSED
    return replace(result, progress=progress, reason=reason)
