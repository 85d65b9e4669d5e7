"""Errors of a request; each says whether the request may have taken effect.

None derives from Airflow's exceptions: a deferred sensor with ``soft_fail`` would turn them into a skip.
No message holds a token, a secret or a whole phone number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar


class DirectcallError(Exception):
    """Base of all errors of this package.

    :ivar endpoint: name of the endpoint in :data:`~airflow_provider_directcall.api.wire.ENDPOINTS`, or None.
    :ivar http_status: HTTP status of the reply, or None when there was none.
    :ivar retry_after: seconds that the server asked to wait (``Retry-After``), or None.
    :ivar connection: id of the Airflow connection, which the text ends with, or empty.
    """

    connection = ""
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

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} (connection {self.connection!r})" if self.connection else text

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a little later."""
        return False


class DirectcallRefused(DirectcallError):
    """The API refused the request; it had no effect.

    :ivar code: the vendor's return code (``codigo``), three digits, or None when the reply had none.
    :ivar text: the known words of the vendor's text (``msg``), see :mod:`.words`.
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
        """True for transient return codes, and for HTTP 429 and 503."""
        known = RETURN_CODES.get(self.code or "")
        return (known is not None and known.transient) or self.http_status in {429, 503}


class DirectcallAuthError(DirectcallError):
    """The client id, the secret or the access token was not accepted, even after one renewal: no effect."""


class DirectcallNotSent(DirectcallError):
    """The request did not reach Directcall: connection refused, DNS, TLS, or no free connection in time."""

    @property
    def retryable(self) -> bool:
        """True: it had no effect, and network errors are transient."""
        return True


class DirectcallUnavailable(DirectcallError):
    """A repeatable request, such as a read, got no usable reply within its budget of time and attempts."""

    @property
    def retryable(self) -> bool:
        """True: it was a time-out, a lost connection, HTTP 429 or a 5xx."""
        return True


class DirectcallLookupTooLong(DirectcallUnavailable):
    """A look-up was given up at its bound of rows or of time."""


class DirectcallOutcomeUnknown(DirectcallError):
    """A once-only request was sent, and its answer proves neither success nor refusal: the call or message may exist.

    Search the statement for the tags of the request before sending it again.

    :ivar code: the vendor's return code (``codigo``), or None: a transient one may come after the effect.
    :ivar text: the known words of the vendor's text beside it.
    """

    may_have_taken_effect = True

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


class DirectcallReplyError(DirectcallError):
    """A reply cannot be parsed: HTML, broken JSON, wrong types, or the reply to another question."""


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One row of the vendor's table of return codes (``codigo``).

    :ivar meaning: the vendor's explanation.
    :ivar transient: whether the same request may succeed later (our reading, not the vendor's).
    """

    meaning: str
    transient: bool = False


#: The vendor's return codes (documented; docs/directcall-api.md, section 1.2); 000 and 001 come with ``status`` ok.
RETURN_CODES: Mapping[str, ReturnCode] = MappingProxyType(
    {
        "000": ReturnCode("ok"),
        "001": ReturnCode("a parameter is invalid or missing"),
        "002": ReturnCode("the call could not be requested", transient=True),
        "003": ReturnCode("call not active"),
        "004": ReturnCode("call not ended"),
        "005": ReturnCode("connection failure", transient=True),
        "006": ReturnCode("authentication failed, contact Directcall"),
        "007": ReturnCode("could not connect to the SMS server", transient=True),
        "008": ReturnCode("error sending the message", transient=True),
        "009": ReturnCode("code does not exist"),
        "010": ReturnCode("identifier does not exist or was cancelled before"),
        "011": ReturnCode("problem in the charging service", transient=True),
        "100": ReturnCode("charging problem"),
        "101": ReturnCode("test account not registered"),
        "102": ReturnCode("no more calls left of that type"),
        "200": ReturnCode("user not registered"),
        "201": ReturnCode("insufficient balance"),
    }
)

#: The code of a rejected token or rejected credentials.
AUTH_CODE = "006"
