"""Token, cipher, carrier look-up."""

from __future__ import annotations

from airflow_provider_directcall.api.replies import Carrier, Cipher, Token
from airflow_provider_directcall.api.requests import Credential, Request, Value
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.telephony.numbers import GEOGRAPHIC, parse_number


def request_token(settings: Settings) -> Request[Token]:
    """Ask for an access token (``/request_token``). Clients call it themselves."""
    params = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    return Request("request_token", params, Token.from_reply, authenticated=False)


def create_cipher(destination: str | None = None) -> Request[Cipher]:
    """Make a key for the vendor's browser plug-in (``/encrypt``, documented). It never expires: treat it as a secret.

    A task that returns it stores it as an XCom, which every user of that Airflow can read.

    :param destination: the one number that a page with this key may dial (``destino``).
    """
    params: dict[str, Value] = {"client_id": Credential("client_id"), "client_secret": Credential("client_secret")}
    if destination is not None:
        params["destino"] = parse_number(destination, argument="destination").digits
    return Request("create_cipher", params, Cipher.from_reply, authenticated=False)


def lookup_carrier(number: str) -> Request[Carrier]:
    """Ask which carrier a Brazilian number belongs to today (``/portabilidade/consultar``, ``numero``)."""
    parsed = parse_number(number, argument="number", allow=GEOGRAPHIC)
    return Request("lookup_carrier", {"numero": parsed.national}, Carrier.from_reply)
