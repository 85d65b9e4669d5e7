"""What can go wrong with a request, and whether it may have taken effect.

None of these derives from Airflow's exceptions: a deferred sensor with ``soft_fail`` would turn them into a skip.
No message holds a token, a secret or a whole phone number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar


class DirectcallError(Exception):
    """Anything that went wrong while speaking to Directcall.

    :ivar endpoint: name of the endpoint in :data:`~airflow_provider_directcall.api.wire.ENDPOINTS`, or None.
    :ivar http_status: HTTP status of the reply, or None when there was none.
    :ivar retry_after: seconds that the server asked to wait (``Retry-After``), or None.
    """

    #: Whether the vendor may have acted on the request (placed the call, sent the message, changed the rule).
    may_have_taken_effect: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.http_status = http_status
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a little later."""
        return False


class DirectcallRefused(DirectcallError):
    """The API said no; nothing was done.

    :ivar code: the vendor's return code (``codigo``), three digits, or None when the reply had none.
    :ivar text: the vendor's text (``msg``), phone numbers masked.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        text: str = "",
        endpoint: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, endpoint=endpoint, http_status=http_status, retry_after=retry_after)
        self.code = code
        self.text = text

    @property
    def retryable(self) -> bool:
        """True for codes that speak of a passing trouble at the vendor's, and for HTTP 429 and 503."""
        known = RETURN_CODES.get(self.code or "")
        return (known is not None and known.passing) or self.http_status in {429, 503}


class DirectcallAuthError(DirectcallError):
    """The client id, the secret or the access token was not accepted, also after one renewal. Nothing was done."""


class DirectcallNotSent(DirectcallError):
    """The request surely did not reach Directcall: connection refused, DNS, TLS, or no free connection in time."""

    @property
    def retryable(self) -> bool:
        """True: nothing was done, and the network may be back."""
        return True


class DirectcallUnavailable(DirectcallError):
    """A repeatable request (a read, say) got no usable answer within its budget of time and tries."""

    @property
    def retryable(self) -> bool:
        """True: it was a time-out, a lost connection, HTTP 429 or a 5xx."""
        return True


class DirectcallOutcomeUnknown(DirectcallError):
    """A once-only request left, and no readable answer came back: the call or message may exist.

    Never send it again without looking first: search the statement for the tags of the request.
    """

    may_have_taken_effect = True


class DirectcallReplyError(DirectcallError):
    """A reply came and cannot be understood: HTML, broken JSON, wrong types, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One row of the vendor's table of return codes (``codigo``).

    :ivar meaning: what the vendor says it means.
    :ivar passing: whether it speaks of a trouble that may pass by itself (our reading, not the vendor's).
    """

    meaning: str
    passing: bool = False


#: The vendor's return codes (documented; the reference's section 1.2). 000 and 001 also come with ``status`` ok.
RETURN_CODES: Mapping[str, ReturnCode] = MappingProxyType(
    {
        "000": ReturnCode("ok"),
        "001": ReturnCode("a parameter is invalid or missing"),
        "002": ReturnCode("the call could not be requested", passing=True),
        "003": ReturnCode("call not active"),
        "004": ReturnCode("call not ended"),
        "005": ReturnCode("connection failure", passing=True),
        "006": ReturnCode("authentication failed, contact Directcall"),
        "007": ReturnCode("could not connect to the SMS server", passing=True),
        "008": ReturnCode("error sending the message", passing=True),
        "009": ReturnCode("code does not exist"),
        "010": ReturnCode("identifier does not exist or was cancelled before"),
        "011": ReturnCode("problem in the charging service", passing=True),
        "100": ReturnCode("charging problem"),
        "101": ReturnCode("test account not registered"),
        "102": ReturnCode("no more calls left of that type"),
        "200": ReturnCode("user not registered"),
        "201": ReturnCode("insufficient balance"),
    }
)

#: The code that says the token or the credentials were not accepted.
AUTH_CODE = "006"
